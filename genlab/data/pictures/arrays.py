"""All pictures of a folder, zip or sample set as one array, decoded once and kept in the cache.

Data flow::

    files (name, bytes) -> upright RGB, centre square, (pixels, pixels)
    -> memory-mapped (pictures, pixels, pixels, channels) uint8 in the cache
"""

import hashlib
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from os import cpu_count
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from genlab.data.pictures.classes import ClassTable
from genlab.data.pictures.files import File, find_pictures
from genlab.data.pictures.image_decoding import Unreadable, decode, grey
from genlab.data.shared.cache import cached
from genlab.errors import InputError

READER = 1
"""Version of how files become arrays; part of the cache's key."""
CHUNK = 32
"""Pictures that a thread takes at once."""
BLOCK = 64 * CHUNK
"""Pictures decoded before they are written."""


@dataclass(frozen=True)
class PictureArray:
    """All pictures of a source that can be read."""

    name: str
    """Of the source."""
    fingerprint: str
    """SHA-256 of the files' names and contents, and of the options that they were read with."""
    array: UInt8[np.ndarray, "pictures pixels pixels channels"] = field(repr=False)
    """Memory-mapped."""
    names: list[str] = field(repr=False)
    """Of each picture its file."""
    digests: list[str] = field(repr=False)
    """Of each picture the SHA-256 of its file."""
    left_out: dict[str, str] = field(repr=False)
    """Files that are not among the pictures, and why."""
    table: ClassTable | None = field(repr=False)
    """What says more about them, if it is there."""
    around: str
    """The innermost folder that all pictures share; empty without."""


def read_array(data: str, pixels: int, channels: int | None, option: str) -> PictureArray:
    """Reads all pictures of a folder, zip file or @sample.

    Args:
        data: Where they are.
        pixels: Side of the square that every picture is brought to.
        channels: 1 for grey, 3 for colour; None for grey where every picture is.
        option: What named `data`.

    Raises:
        InputError: there are none, or none can be read.
    """
    found = find_pictures(data, option)
    files = found.pictures
    with ThreadPoolExecutor(cpu_count()) as pool:
        digests = [digest for some in pool.map(_digests, _chunks(files)) for digest in some]
    digest = hashlib.sha256(json.dumps([READER, pixels, channels]).encode())
    for (file, _), content in zip(files, digests, strict=True):
        digest.update(f"{file}\0{content}\n".encode())

    def fill(folder: Path) -> None:
        _decode_all(files, pixels, channels, folder)

    def load(folder: Path) -> tuple[np.ndarray, dict[str, str]]:
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        shape = tuple(about["shape"])
        pictures = np.memmap(folder / "pictures", np.uint8, "r", shape=shape) if shape[0] else np.zeros(shape, "u1")
        return pictures, about["unreadable"]

    array, unreadable = cached(f"pictures {digest.hexdigest()}", fill, load)
    if not len(array):
        reason = next(iter(unreadable.values()))
        raise InputError(f"None of the {len(files)} pictures of {data} can be read: {reason}.", option)
    kept = [(name, content) for (name, _), content in zip(files, digests, strict=True) if name not in unreadable]
    return PictureArray(
        found.name, digest.hexdigest(), array, [name for name, _ in kept], [content for _, content in kept],
        found.others | unreadable, found.table, found.around,
    )  # fmt: skip


def open_pictures(
    paths: Iterable[str], pixels: int, channels: int
) -> tuple[list[str], UInt8[np.ndarray, "pictures pixels pixels channels"], dict[str, str]]:
    """Single pictures, and all of folders, for a trained model: their names, the pictures, and what was left out of
    folders with the reasons.

    Raises:
        InputError: one cannot be read (of a folder: none can).
    """
    names: list[str] = []
    arrays: list[np.ndarray] = []
    left_out: dict[str, str] = {}
    for path in paths:
        if Path(path).is_file() and not path.lower().endswith(".zip"):
            try:
                arrays.append(decode(Path(path).read_bytes(), pixels)[None])
            except Unreadable as error:
                raise InputError(f"{path} cannot be read as a picture: {error}.", "files") from None
            names.append(path)
        else:
            found = read_array(path, pixels, None, "files")
            arrays.append(np.broadcast_to(found.array, (*found.array.shape[:3], 3)))
            inside = "" if path.startswith("@") else f"{path.rstrip('/')}/"
            names += [f"{inside}{name}" for name in found.names]
            left_out |= {f"{inside}{name}": why for name, why in found.left_out.items()}
    if not names:
        raise InputError("Say which pictures: files or folders.", "files")
    together = np.concatenate(arrays)
    return names, together if channels == 3 else grey(together), left_out


def _digests(files: list[File]) -> list[str]:
    """SHA-256 of each file; empty for one that cannot be read."""
    found = []
    for _, read in files:
        try:
            found.append(hashlib.sha256(read()).hexdigest())
        except Unreadable:
            found.append("")
    return found


def _decode_all(files: list[File], pixels: int, channels: int | None, folder: Path) -> None:
    """Writes the pictures one after another, and about.json."""
    unreadable: dict[str, str] = {}
    count, coloured = 0, False
    path = folder / "pictures"
    with ThreadPoolExecutor(cpu_count()) as pool, open(path, "wb") as out:
        for start in range(0, len(files), BLOCK):
            for some, failed in pool.map(partial(_decoded, pixels=pixels), _chunks(files[start : start + BLOCK])):
                out.write(some.data)
                count += len(some)
                coloured = coloured or not (some == some[..., :1]).all()
                unreadable |= failed
    depth = channels or (3 if coloured else 1)
    if count and depth == 1:
        colour = np.memmap(path, np.uint8, "r", shape=(count, pixels, pixels, 3))
        with open(folder / "grey", "wb") as out:
            for start in range(0, count, BLOCK):
                rows = colour[start : start + BLOCK]
                out.write((grey(rows) if coloured else np.ascontiguousarray(rows[..., :1])).data)
        (folder / "grey").replace(path)
    about = {"shape": [count, pixels, pixels, depth], "unreadable": unreadable}
    (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")


def _decoded(files: list[File], pixels: int) -> tuple[UInt8[np.ndarray, "some pixels pixels 3"], dict[str, str]]:
    """The pictures that can be read, and of the others why not."""
    pictures, unreadable = np.empty((len(files), pixels, pixels, 3), np.uint8), {}
    count = 0
    for name, read in files:
        try:
            pictures[count] = decode(read(), pixels)
            count += 1
        except Unreadable as error:
            unreadable[name] = str(error)
    return pictures[:count], unreadable


def _chunks(files: list[File]) -> list[list[File]]:
    """So many for a thread at once: handing over a single one costs a good part of decoding it."""
    return [files[start : start + CHUNK] for start in range(0, len(files), CHUNK)]

"""Reads all pictures of a folder, zip or sample set into one array, decoded once and cached.

Data flow::

    files (name, bytes) -> value ranges, if there are pictures with more than 8 bits per channel
    -> upright RGB, centre square, (pixels, pixels)
    -> memory-mapped (pictures, pixels, pixels, channels) uint8 in the cache
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from os import cpu_count
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from jaxtyping import UInt8

from genlab.data.pictures.classes import ClassTable
from genlab.data.pictures.files import File, PictureFiles, find_pictures, inside, is_file, printable, read_file
from genlab.data.pictures.image_decoding import Unreadable, decode, grey, may_be_deep, span
from genlab.data.pictures.ranges import Ranges, Span, infer_ranges, notes_on_shades
from genlab.data.shared.cache import cached
from genlab.errors import InputError

READER = 1
"""Version of the fingerprint."""
DECODER = 2
"""Version of the decoding, part of the cache key: increase it if the same files give other pixels."""
CHUNK = 32
"""Pictures per thread task: handing over one at a time would add much to the time to decode it."""
BLOCK = 64 * CHUNK
"""Number of pictures to decode before writing them."""
HEAD = 32
"""Number of bytes that show whether a picture can have more than 8 bits per channel."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class PictureArray:
    """All readable pictures of a source."""

    name: str
    """Name of the source."""
    fingerprint: str
    """SHA-256 of the files' names and contents, and of the reading options."""
    array: UInt8[np.ndarray, "pictures pixels pixels channels"] = field(repr=False)
    """Memory-mapped."""
    names: list[str] = field(repr=False)
    """The file of each picture."""
    digests: list[str] = field(repr=False)
    """SHA-256 of the file of each picture."""
    left_out: dict[str, str] = field(repr=False)
    """Files that were left out, with the reason."""
    table: ClassTable | None = field(repr=False)
    """The table beside the pictures, if there is one."""
    captions: ClassTable | None = field(repr=False)
    """The captions beside the pictures, if there are any."""
    groups: ClassTable | None = field(repr=False)
    """The table of groups beside the pictures, if there is one."""
    around: str
    """The innermost folder that contains all pictures; empty if there is none."""
    ranges: Ranges = field(repr=False)
    """Black and white level of pictures with more than 8 bits per channel."""
    notes: list[str] = field(repr=False)


class OpenedPictures(NamedTuple):
    """Pictures for a trained model."""

    names: list[str]
    array: UInt8[np.ndarray, "pictures pixels pixels channels"]
    left_out: dict[str, str]
    """Files in folders that were left out, with the reason."""
    notes: list[str]


def read_array(data: str, pixels: int, channels: int | None, option: str, ranges: Ranges | None = None) -> PictureArray:
    """Reads all pictures of a folder, zip file or @sample.

    Args:
        data: The folder, zip file or @sample.
        pixels: Side of the square that every picture is brought to.
        channels: 1 for grey, 3 for colour; None for grey if every picture is.
        option: The option that named `data`.
        ranges: Value ranges of a trained model; missing kinds of picture are inferred from these pictures.

    Raises:
        InputError: there are no pictures, or none can be read.
    """
    return read_files(find_pictures(data, option), data, pixels, channels, option, ranges)


def read_files(
    found: PictureFiles, data: str, pixels: int, channels: int | None, option: str, ranges: Ranges | None = None
) -> PictureArray:
    """Reads all pictures among the files of `data`; the other arguments and errors are those of `read_array`."""
    files = found.pictures
    with ThreadPoolExecutor(cpu_count()) as pool:
        digests = [digest for some in pool.map(_digests, _chunks(files)) for digest in some]
    digest = hashlib.sha256(json.dumps([READER, pixels, channels]).encode())
    for (file, _), content in zip(files, digests, strict=True):
        digest.update(f"{file}\0{content.sha256}\n".encode())
    fingerprint = digest.hexdigest()

    def fill(folder: Path) -> None:
        deep = [file for file, content in zip(files, digests, strict=True) if content.deep]
        inferred, said = infer_ranges(_spans(deep), ranges or {})
        about = _decode_all(files, pixels, channels, inferred, folder) | {"ranges": inferred, "notes": said}
        (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")

    def load(folder: Path) -> tuple[np.ndarray, dict[str, str], Ranges, list[str]]:
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        shape = tuple(about["shape"])
        pictures = np.memmap(folder / "pictures", np.uint8, "r", shape=shape) if shape[0] else np.zeros(shape, "u1")
        return pictures, about["unreadable"], about["ranges"], about["notes"]

    key = f"pictures {DECODER} {fingerprint} {json.dumps(ranges or {}, sort_keys=True)}"
    array, unreadable, used, notes = cached(key, fill, load)
    if not len(array):
        reason = next(iter(unreadable.values()))
        raise InputError(f"No picture of {data} can be read: {reason}.", option)
    kept = [(name, content) for (name, _), content in zip(files, digests, strict=True) if name not in unreadable]
    return PictureArray(
        found.name, fingerprint, array, [name for name, _ in kept], [content.sha256 for _, content in kept],
        found.others | unreadable, found.table, found.captions, found.groups, found.around, used,
        [*found.notes, *notes, *notes_on_shades(array)],
    )  # fmt: skip


def open_pictures(paths: Iterable[str], pixels: int, channels: int, ranges: Ranges | None = None) -> OpenedPictures:
    """Reads single pictures, and all pictures in folders and zips, for a trained model.

    Args:
        paths: Files, folders, zips and @samples.
        pixels: Side of the square that every picture is brought to.
        channels: 1 for grey, 3 for colour.
        ranges: Value ranges of the model's training data; None infers them from the pictures.

    Raises:
        InputError: a file cannot be read, or no picture in a folder.
    """
    paths = list(paths)
    single = set(filter(is_file, paths))
    deep = [path for path in single if may_be_deep(_single(path, bytes, HEAD))]
    spans = [each for path in deep if (each := _single(path, span))]
    known, notes = infer_ranges(spans, ranges or {})
    names: list[str] = []
    arrays: list[np.ndarray] = []
    left_out: dict[str, str] = {}
    for path in paths:
        if path in single:
            arrays.append(_single(path, lambda data: decode(data, pixels, known))[None])
            names.append(printable(path))
        else:
            found = read_array(path, pixels, None, "files", ranges)
            arrays.append(np.broadcast_to(found.array, (*found.array.shape[:3], 3)))
            names += [f"{inside(path)}{name}" for name in found.names]
            left_out |= {f"{inside(path)}{name}": why for name, why in found.left_out.items()}
            notes += found.notes
    if not names:
        raise InputError("Name the pictures: files or folders.", "files")
    together = np.concatenate(arrays)
    if single:
        looked_at = [each for path, each in zip(paths, arrays, strict=True) if path in single]
        notes += notes_on_shades(np.concatenate(looked_at))
    return OpenedPictures(names, together if channels == 3 else grey(together), left_out, notes)


def _single(path: str, use: Callable[[bytes], Result], head: int = -1) -> Result:
    """Applies `use` to the content of a file, or to its first `head` bytes."""
    try:
        return use(read_file(path, head))
    except Unreadable as error:
        raise InputError(f"{path} cannot be read as a picture: {error}.", "files") from None


class _Content(NamedTuple):
    sha256: str
    """Empty for a file that cannot be read."""
    deep: bool
    """Whether the picture can have more than 8 bits per channel."""


def _digests(files: Sequence[File]) -> list[_Content]:
    found = []
    for _, read in files:
        try:
            data = read()
            found.append(_Content(hashlib.sha256(data).hexdigest(), may_be_deep(data)))
        except Unreadable:
            found.append(_Content("", False))
    return found


def _spans(files: Sequence[File]) -> list[Span]:
    """The value spans of readable pictures with more than 8 bits per channel."""

    def spans(some: Sequence[File]) -> list[Span]:
        found = []
        for _, read in some:
            with suppress(Unreadable):
                found.append(span(read()))
        return [each for each in found if each is not None]

    with ThreadPoolExecutor(cpu_count()) as pool:
        return [each for some in pool.map(spans, _chunks(files)) for each in some]


def _decode_all(
    files: Sequence[File], pixels: int, channels: int | None, ranges: Ranges, folder: Path
) -> dict[str, Any]:
    """Writes the pictures one after another; returns their shape, and the unreadable files with reasons."""
    unreadable: dict[str, str] = {}
    count, coloured = 0, False
    path = folder / "pictures"
    decoded = partial(_decoded, pixels=pixels, ranges=ranges)
    with ThreadPoolExecutor(cpu_count()) as pool, open(path, "wb") as out:
        for start in range(0, len(files), BLOCK):
            for some, failed in pool.map(decoded, _chunks(files[start : start + BLOCK])):
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
    return {"shape": [count, pixels, pixels, depth], "unreadable": unreadable}


def _decoded(
    files: Sequence[File], pixels: int, ranges: Ranges
) -> tuple[UInt8[np.ndarray, "some pixels pixels 3"], dict[str, str]]:
    """Decodes the readable pictures; returns them, and the unreadable files with reasons."""
    pictures, unreadable = np.empty((len(files), pixels, pixels, 3), np.uint8), {}
    count = 0
    for name, read in files:
        try:
            pictures[count] = decode(read(), pixels, ranges)
            count += 1
        except Unreadable as error:
            unreadable[name] = str(error)
    return pictures[:count], unreadable


def _chunks(files: Sequence[File]) -> Iterator[Sequence[File]]:
    return (files[start : start + CHUNK] for start in range(0, len(files), CHUNK))

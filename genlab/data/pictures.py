"""The user's pictures -> splits of uint8 arrays.

Data flow::

    folder, zip or sample set -> files (name, bytes) -> upright RGB, centre square, (pixels, pixels)
    -> memory-mapped (pictures, pixels, pixels, channels) uint8 in the cache -> splits

The first level of sub-folders that tells pictures apart is their class; a table `attributes.csv` beside the
pictures gives them others. Which split a picture falls into depends on its file's content alone, so that
adding pictures moves no other, and a copy is never on both sides.
"""

import csv
import hashlib
import io
import json
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from os import cpu_count
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from PIL import Image, ImageOps
from torch import Tensor

from genlab.data.cache import cached
from genlab.data.samples import sample_set
from genlab.data.splits import place_of, share_of
from genlab.errors import InputError

READER = 1
"""Version of how files become arrays; part of the cache's key."""
ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
TABLE = "attributes.csv"
"""A table beside the pictures: a column `file` with their names, and any others."""
FEWEST = 2
"""Pictures that a training needs."""
LARGEST_FILE = 1 << 28
"""Bytes of the largest file that is opened."""
BLOCK = 2048
"""Pictures decoded before they are written."""
ROUGH = 100
"""Held-out pictures below which a measure is called rough."""

warnings.filterwarnings(
    "ignore", category=Image.DecompressionBombWarning
)  # such pictures are left out, with a sentence

File = tuple[str, Callable[[], bytes]]
"""A picture's name, with / between folders, and what reads it."""


@dataclass(frozen=True)
class Pictures:
    """Some of the pictures of a set."""

    array: UInt8[np.ndarray, "all height width channels"] = field(repr=False)
    """All of the set's, memory-mapped."""
    rows: Int[np.ndarray, " pictures"] = field(repr=False)
    """Which of them these are."""
    labels: Int[np.ndarray, " pictures"] | None = field(repr=False)
    """Of each the number of its class; None without classes."""
    names: list[str] = field(repr=False)
    """Of each its file."""

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, picks: Int[np.ndarray, " some"]) -> "Pictures":
        """The pictures at these places."""
        labels = None if self.labels is None else self.labels[picks]
        return Pictures(self.array, self.rows[picks], labels, [self.names[pick] for pick in picks])

    def tensor(self, picks: Any = slice(None)) -> Float[Tensor, "some channels height width"]:
        """Those at `picks` (default all), in [-1, 1], channels last in memory."""
        return to_tensor(self.array[self.rows[picks]])


@dataclass(frozen=True)
class PictureSet:
    """Pictures ready to train on."""

    name: str
    fingerprint: str
    """SHA-256 of the files' names and contents, and of the options that they were read with."""
    train: Pictures
    validation: Pictures | None
    test: Pictures | None
    classes: list[str]
    """Names of the classes, sorted; empty without."""
    left_out: dict[str, str]
    """Files that are not among the pictures, and why."""
    notes: list[str] = field(default_factory=list)

    @property
    def channels(self) -> int:
        """1 where every picture is grey, else 3."""
        return self.train.array.shape[3]

    def counts(self) -> dict[str, Any]:
        """Sizes of the splits, and of their classes."""
        splits = {"train": self.train, "validation": self.validation, "test": self.test}
        return {part: self._count(pictures) for part, pictures in splits.items() if pictures is not None}

    def _count(self, pictures: Pictures) -> dict[str, Any]:
        if pictures.labels is None:
            return {"pictures": len(pictures)}
        each = np.bincount(pictures.labels, minlength=len(self.classes)).tolist()
        return {"pictures": len(pictures), "classes": dict(zip(self.classes, each, strict=True))}


def to_tensor(pixels: UInt8[np.ndarray, "some height width channels"]) -> Float[Tensor, "some channels height width"]:
    """Bytes 0 to 255 as numbers in [-1, 1], channels last in memory."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def to_bytes(pictures: Float[Tensor, "some channels height width"]) -> UInt8[np.ndarray, "some height width channels"]:
    """Numbers in [-1, 1] (others are cut) as bytes."""
    scaled = pictures.detach().float().clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)
    return scaled.permute(0, 2, 3, 1).cpu().numpy()


def read_pictures(
    data: str,
    validation: str,
    test: str,
    pixels: int,
    label: str | None = None,
    channels: int | None = None,
    classes: list[str] | None = None,
) -> PictureSet:
    """Reads and splits `data`.

    Args:
        data: Folder, zip file or @sample.
        validation: Share of the pictures that picks the weights, or a path to pictures of its own.
        test: Share of the pictures that is only reported, or a path to pictures of its own.
        pixels: Side of the square that every picture is brought to.
        label: Column of attributes.csv that is the class; None for the sub-folders.
        channels: 1 for grey, 3 for colour; None for grey where every picture is.
        classes: Those of a trained model, by whose numbers the pictures are labelled; None for the data's own.

    Raises:
        InputError: something cannot be read, there are too few pictures, or one is of an unknown class.
    """
    shares = {"validation": share_of(validation, "validation"), "test": share_of(test, "test")}
    if sum(share or 0.0 for share in shares.values()) >= 1:
        raise InputError("validation and test together must leave something to train on.", "validation")
    found = _read(data, pixels, label, channels, "data")
    if classes is None:
        classes = sorted(set(found.classes))
    else:
        found.check(classes, data, "data")
    if len(found.array) < FEWEST:
        count = "one picture" if len(found.array) == 1 else "no pictures"
        raise InputError(f"{data} has {count} that can be read: give at least {FEWEST}.", "data")

    places = np.array([place_of(bytes.fromhex(digest)) for digest in found.digests])
    chosen = {"test": places < (shares["test"] or 0.0), "validation": places >= 1 - (shares["validation"] or 0.0)}
    training = ~chosen["test"] & ~chosen["validation"]
    if training.sum() < FEWEST:
        raise InputError(f"{data} leaves no two pictures to train on: give more or hold out less.", "data")
    notes = list(found.notes)
    fingerprint = hashlib.sha256(found.fingerprint.encode())
    splits: dict[str, Pictures | None] = {}
    for part, value in (("validation", validation), ("test", test)):
        if shares[part] is None:
            other = _read(value, pixels, label, found.array.shape[3], part)
            fingerprint.update(other.fingerprint.encode())
            other.check(classes, value, part)
            splits[part] = other.pictures(classes, np.ones(len(other.array), bool))
        else:
            splits[part] = found.pictures(classes, chosen[part]) if chosen[part].any() else None
        held_out = splits[part]
        if held_out is None and shares[part]:
            notes.append(f"the {part} split has no picture: it is left out.")
        elif held_out is not None and len(held_out) < ROUGH:
            notes.append(f"the {part} split has {len(held_out)} pictures: its measures are rough.")
    return PictureSet(
        found.name, fingerprint.hexdigest(), found.pictures(classes, training), splits["validation"], splits["test"],
        classes, found.left_out, notes,
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
            found = _read(path, pixels, None, None, "files")
            arrays.append(np.broadcast_to(found.array, (*found.array.shape[:3], 3)))
            inside = "" if path.startswith("@") else f"{path.rstrip('/')}/"
            names += [f"{inside}{name}" for name in found.names]
            left_out |= {f"{inside}{name}": why for name, why in found.left_out.items()}
    if not names:
        raise InputError("Say which pictures: files or folders.", "files")
    together = np.concatenate(arrays)
    return names, together if channels == 3 else grey(together), left_out


def picture_rows(data: Any, pixels: int, channels: int) -> UInt8[np.ndarray, "pictures pixels pixels channels"]:
    """Pictures that somebody has as an array or a tensor, as a trained model takes them.

    Args:
        data: Bytes or numbers in [-1, 1]: (pictures, height, width, channels), (pictures, channels, height, width),
            grey ones also (pictures, height, width); one picture alone has no first axis.
        pixels: Side of the square that they are brought to, as files are.
        channels: 1 for grey, 3 for colour.

    Raises:
        InputError: they have another shape or other values.
    """
    wanted = f"pictures (number, height, width, {channels}) of bytes, or of numbers in [-1, 1]"
    if isinstance(data, Tensor):
        data = data.detach().cpu().numpy()
    try:
        array = np.asarray(data)
    except ValueError:
        raise InputError(f"data: these are no {wanted}: the pictures differ in shape.", "data") from None
    shape = array.shape
    if array.ndim == 3 and shape[0] == channels == 3 and shape[2] not in (1, 3):  # one picture, channels first
        array = array.transpose(1, 2, 0)
    if array.ndim == 2 or (array.ndim == 3 and array.shape[2] not in (1, 3)):  # grey, without an axis for it
        array = array[..., None]
        array = array[None] if array.ndim == 3 else array
    elif array.ndim == 3:
        array = array[None]
    if array.ndim == 4 and array.shape[3] not in (1, 3) and array.shape[1] in (1, 3):
        array = array.transpose(0, 2, 3, 1)
    if array.ndim != 4 or array.shape[3] not in (1, 3) or 0 in array.shape:
        raise InputError(f"data: an array {shape} holds no {wanted}.", "data")
    if array.dtype.kind == "f" and np.abs(array).max() <= 1:  # False for NaN
        array = to_bytes(torch.from_numpy(array.astype(np.float32)).permute(0, 3, 1, 2))
    elif array.dtype.kind in "iu" and array.min() >= 0 and array.max() <= 255:
        array = array.astype(np.uint8)
    else:
        span = f" from {array.min()} to {array.max()}" if array.dtype.kind in "fiu" else ""
        raise InputError(f"data: values of {array.dtype}{span} are no {wanted}.", "data")
    if array.shape[1:3] != (pixels, pixels):
        array = np.stack(
            [
                np.asarray(_square(Image.fromarray(one.squeeze(-1) if one.shape[2] == 1 else one), pixels))
                for one in array
            ]
        )
    if array.shape[3] == channels:
        return array
    return grey(array) if channels == 1 else array.repeat(3, 3)


# --- reading --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Found:
    """All pictures of a source."""

    name: str
    fingerprint: str
    array: np.ndarray
    names: list[str]
    digests: list[str]
    classes: list[str]
    """Of each picture the name of its class; empty without classes."""
    around: str
    """The folder that all pictures share, which is a class only where one of that name is known; empty without."""
    left_out: dict[str, str]
    notes: list[str]

    def check(self, classes: list[str], data: str, option: str) -> None:
        """Refuses pictures of a class that is not among the known ones."""
        for name in sorted(set(self.classes) - set(classes)) if classes else []:
            raise InputError(f"{data} has a class {name} that is not known: there are {', '.join(classes)}.", option)

    def pictures(self, classes: list[str], chosen: np.ndarray) -> Pictures:
        rows = np.flatnonzero(chosen)
        own = self.classes or ([self.around] * len(self.names) if self.around in classes else [])
        labels = np.searchsorted(classes, [own[row] for row in rows]) if own and classes else None
        return Pictures(self.array, rows, labels, [self.names[row] for row in rows])


def _read(data: str, pixels: int, label: str | None, channels: int | None, option: str) -> _Found:
    name, files, others, table, around = _files(data, option)
    files = sorted(files, key=lambda file: file[0])
    left_out = dict(others)
    with ThreadPoolExecutor(cpu_count()) as pool:
        digests = list(pool.map(_digest, files))
    digest = hashlib.sha256(json.dumps([READER, pixels, channels]).encode())
    for (file, _), content in zip(files, digests, strict=True):
        digest.update(f"{file}\0{content}\n".encode())

    def fill(folder: Path) -> None:
        _decode_all(files, pixels, channels, folder)

    def load(folder: Path) -> tuple[np.ndarray, dict[str, str]]:
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        return np.load(folder / "pictures.npy", mmap_mode="r"), about["unreadable"]

    if not files:
        raise InputError(
            f"There are no pictures in {data}: it looks for {', '.join(sorted(ENDINGS))}"
            f"{', in sub-folders too' if Path(data).is_dir() else ''}.", option,
        )  # fmt: skip
    array, unreadable = cached(f"pictures {digest.hexdigest()}", fill, load)
    left_out |= unreadable
    if not len(array):
        reason = next(iter(unreadable.values()))
        raise InputError(f"None of the {len(files)} pictures of {data} can be read: {reason}.", option)
    kept = [place for place, (file, _) in enumerate(files) if file not in unreadable]
    names = [files[place][0] for place in kept]
    notes = []
    if left_out:
        shown = "; ".join(f"{file}: {why}" for file, why in list(left_out.items())[:5])
        more = "; ..." if len(left_out) > 5 else ""
        notes.append(f"{len(left_out)} files were left out (all are listed in left_out.txt): {shown}{more}")
    classes = _classes(names) if label is None else _column(table, names, label, data, option)
    if label is not None:
        digest.update(json.dumps([label, classes]).encode())
    contents = [digests[place] for place in kept]
    return _Found(name, digest.hexdigest(), array, names, contents, classes, around, left_out, notes)


def _digest(file: File) -> str:
    try:
        return hashlib.sha256(file[1]()).hexdigest()
    except (OSError, Unreadable, zipfile.BadZipFile, zlib.error, RuntimeError):  # RuntimeError: an encrypted zip
        return ""


def _files(data: str, option: str) -> tuple[str, list[File], dict[str, str], str | None, str]:
    """Name, pictures, files that are none with the reason, the table's text, and the folder around all."""
    path = sample_set(data, "images")() if data.startswith("@") else Path(data)
    if path.is_dir():
        found = [file for file in path.rglob("*") if file.is_file()]
        entries = [(file.relative_to(path).as_posix(), partial(_file, file)) for file in found]
        return path.name, *_sorted_out(entries)
    if not path.exists():
        raise InputError(f"There is no file or folder {data}.", option)
    if not zipfile.is_zipfile(path):
        raise InputError(f"{data} is no folder and no zip file: give a folder of pictures, or a zip of one.", option)
    archive = zipfile.ZipFile(path)
    members = [member for member in archive.infolist() if not member.is_dir()]
    for member in members:
        name = member.filename.replace("\\", "/")
        if ".." in PurePosixPath(name).parts or PureWindowsPath(name).anchor:
            raise InputError(
                f"{data} names a file outside of itself ({member.filename}): it is not safe; make the zip anew.", option
            )
    name = data if data.startswith("@") else path.name
    return name, *_sorted_out([(member.filename, partial(_member, archive, member)) for member in members])


def _sorted_out(entries: Sequence[File]) -> tuple[list[File], dict[str, str], str | None, str]:
    """Pictures without the folders that all share, what else is there and why it is none, the table, and the last of
    those folders.
    """
    pictures, others, table, around = [], {}, None, ""
    for name, read in entries:
        parts = PurePosixPath(name).parts
        if any(part.startswith(".") or part == "__MACOSX" for part in parts):
            continue
        if parts[-1] == TABLE:
            with suppress(OSError, zipfile.BadZipFile, zlib.error, RuntimeError):  # then it is as if it were missing
                table = read().decode("utf-8-sig", "replace")
        elif PurePosixPath(name).suffix.lower() in ENDINGS:
            pictures.append((name, read))
        else:
            others[name] = "not a picture by its name"
    while pictures and len({PurePosixPath(name).parts[0] for name, _ in pictures}) == 1:
        if any(len(PurePosixPath(name).parts) == 1 for name, _ in pictures):
            break
        around = PurePosixPath(pictures[0][0]).parts[0]
        pictures = [(name.partition("/")[2], read) for name, read in pictures]
    return pictures, others, table, around


def _file(path: Path) -> bytes:
    if path.stat().st_size > LARGEST_FILE:
        raise Unreadable(f"larger than {LARGEST_FILE >> 20} MB")
    return path.read_bytes()


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.file_size > LARGEST_FILE:
        raise Unreadable(f"larger than {LARGEST_FILE >> 20} MB")
    return archive.read(member)


def _classes(names: list[str]) -> list[str]:
    """The first folder of each picture; none where one lies in no folder."""
    tops = [name.partition("/")[0] if "/" in name else "" for name in names]
    return tops if all(tops) else []


def _column(table: str | None, names: list[str], label: str, data: str, option: str) -> list[str]:
    """Each picture's value in a column of attributes.csv."""
    if table is None:
        raise InputError(f"label: {data} has no {TABLE}, which would have a column {label}.", "label")
    rows = list(csv.DictReader(io.StringIO(table)))
    columns = list(rows[0]) if rows else []
    if "file" not in columns or label not in columns:
        wanted = label if "file" in columns else "file"
        raise InputError(f"{TABLE} of {data} has no column {wanted}; it has {', '.join(columns)}.", "label")
    values = {row["file"]: row[label] for row in rows}
    inside = {PurePosixPath(file).name: value for file, value in values.items()}
    if len(inside) == len(values):  # names alone tell: folders that all share may stand in the table or not
        values |= {name: inside[PurePosixPath(name).name] for name in names if PurePosixPath(name).name in inside}
    for name in names:
        if not values.get(name):
            raise InputError(
                f"{TABLE} of {data} gives {name} no {label}: add its line, or take the picture out.", option
            )
    return [values[name] for name in names]


# --- decoding -------------------------------------------------------------------------------------


class Unreadable(Exception):
    """A file is no picture that can be used; the message is the reason."""


def decode(data: bytes, pixels: int) -> UInt8[np.ndarray, "pixels pixels 3"]:
    """A file's content as an upright RGB square.

    EXIF rotation is followed, transparency laid over white, the first frame of an animation taken, 16 bits
    brought to 8; then the largest square in the middle is cut out and resized with Lanczos's filter over
    all pixels that it covers.

    Raises:
        Unreadable: it is no picture, damaged, or dangerously large.
    """
    if not data:
        raise Unreadable("empty file")
    try:
        with Image.open(io.BytesIO(data)) as picture:
            width, height = picture.size
            if width * height > (Image.MAX_IMAGE_PIXELS or 1 << 27):
                raise Unreadable(f"{width} x {height} pixels are too many: a decompression bomb?")
            if picture.format == "JPEG":
                picture.draft("RGB", (2 * pixels, 2 * pixels))  # decodes at a smaller scale where that is enough
            return np.asarray(_square(ImageOps.exif_transpose(picture), pixels))
    except Image.DecompressionBombError:
        raise Unreadable("too many pixels: a decompression bomb?") from None
    except Image.UnidentifiedImageError:
        raise Unreadable("not a picture") from None
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, zlib.error) as error:
        raise Unreadable(f"damaged ({error})") from None


def _square(picture: Image.Image, pixels: int) -> Image.Image:
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    box = (left, top, left + side, top + side)
    picture = _eight_bits(picture)
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA"))
    if picture.mode not in ("RGB", "L"):
        picture = picture.convert("RGB")
    if side != pixels or box != (0, 0, pixels, pixels):
        picture = picture.resize((pixels, pixels), Image.Resampling.LANCZOS, box)
    return picture.convert("RGB")


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Modes of 16 or 32 bits a channel in 8: whole numbers are 16 bits, fractions are of 1 unless one is larger."""
    if picture.mode not in ("I", "F", "I;16", "I;16L", "I;16B", "I;16N"):
        return picture
    values = np.asarray(picture).astype(np.float64)
    if not np.isfinite(values).all():
        raise Unreadable("has values that are no numbers")
    top = 65535.0 if picture.mode != "F" else 1.0 if values.max(initial=0) <= 1 else 255.0
    return Image.fromarray((255 * (values / top).clip(0, 1)).round().astype(np.uint8))


def grey(pictures: UInt8[np.ndarray, "some height width 3"]) -> UInt8[np.ndarray, "some height width 1"]:
    """Luma of each pixel (ITU-R 601, as in Pillow)."""
    return (pictures @ np.array([0.299, 0.587, 0.114])).round().astype(np.uint8)[..., None]


def _decode_all(files: list[File], pixels: int, channels: int | None, folder: Path) -> None:
    """Writes pictures.npy and about.json; one picture a thread, a block of them in memory."""
    unreadable: dict[str, str] = {}

    def one(file: File) -> np.ndarray | None:
        name, read = file
        try:
            return decode(read(), pixels)
        except Unreadable as error:
            unreadable[name] = str(error)
        except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:  # RuntimeError: an encrypted zip
            unreadable[name] = f"cannot be read ({error})"
        return None

    count, coloured = 0, False
    raw = folder / "raw"
    with ThreadPoolExecutor(cpu_count()) as pool, open(raw, "wb") as out:
        for block in _blocks(files):
            for picture in pool.map(one, block):
                if picture is not None:
                    out.write(picture.tobytes())
                    count += 1
                    coloured = coloured or not (picture == picture[..., :1]).all()
    colour = np.memmap(raw, np.uint8, "r", shape=(count, pixels, pixels, 3)) if count else np.zeros((0, 1, 1, 3), "u1")
    depth = channels or (3 if coloured else 1)
    whole = np.lib.format.open_memmap(folder / "pictures.npy", "w+", np.uint8, (count, *colour.shape[1:3], depth))
    for start in range(0, count, BLOCK):
        rows = colour[start : start + BLOCK]
        whole[start : start + BLOCK] = rows if depth == 3 else grey(rows) if coloured else rows[..., :1]
    whole.flush()
    del whole, colour
    raw.unlink()
    (folder / "about.json").write_text(json.dumps({"unreadable": unreadable}), encoding="utf-8")


def _blocks(files: list[File]) -> Iterator[list[File]]:
    for start in range(0, len(files), BLOCK):
        yield files[start : start + BLOCK]

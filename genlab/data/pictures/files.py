"""Finding pictures in a folder, a zip or a sample set: their names, what reads them, and what else lies there."""

import os
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath

from genlab.data.pictures.classes import TABLES, ClassTable
from genlab.data.pictures.image_decoding import Unreadable
from genlab.data.shared.sample_sets import sample_set
from genlab.errors import InputError

ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
LARGEST_FILE = 1 << 28
"""Bytes of the largest file that is opened."""

File = tuple[str, Callable[[], bytes]]
"""A picture's name, with / between folders, and what reads it or raises `Unreadable`."""


@dataclass(frozen=True)
class PictureFiles:
    """What lies in a folder or zip."""

    name: str
    pictures: list[File] = field(repr=False)
    """By name, without the folders that all share."""
    others: dict[str, str] = field(repr=False)
    """Files that are no pictures, and why."""
    table: ClassTable | None = field(repr=False)
    """What says more about them, if it is there."""
    around: str
    """The innermost folder that all pictures share; empty without."""


def find_pictures(data: str, option: str) -> PictureFiles:
    """The files of a folder, a zip or a @sample; `option` named it.

    Raises:
        InputError: there is no such place, no picture in it, or the zip is not safe.
    """
    path = sample_set(data, "images")() if data.startswith("@") else Path(data)
    if path.is_dir():
        found = _sorted_out(path.name, _files(path))
    elif not path.exists():
        raise InputError(f"There is no file or folder {data}.", option)
    elif not zipfile.is_zipfile(path):
        raise InputError(f"{data} is no folder and no zip file: give a folder of pictures, or a zip of one.", option)
    else:
        found = _sorted_out(data if data.startswith("@") else path.name, _members(path, data, option))
    if not found.pictures:
        raise InputError(
            f"There are no pictures in {data}: it looks for {', '.join(sorted(ENDINGS))}"
            f"{', in sub-folders too' if path.is_dir() else ''}.", option,
        )  # fmt: skip
    return found


def _files(path: Path) -> list[File]:
    """Of a folder and all in it."""
    found: list[File] = []
    for folder, _, names in os.walk(path):
        inside = Path(folder).relative_to(path)
        for name, place in ((name, os.path.join(folder, name)) for name in names):
            if os.path.isfile(place):
                found.append(((inside / name).as_posix(), partial(_file, place)))
    return found


def _members(path: Path, data: str, option: str) -> list[File]:
    """Of a zip file whose names stay inside of it."""
    archive = zipfile.ZipFile(path)
    members = [member for member in archive.infolist() if not member.is_dir()]
    for member in members:
        name = member.filename.replace("\\", "/")
        if ".." in PurePosixPath(name).parts or PureWindowsPath(name).anchor:
            raise InputError(
                f"{data} names a file outside of itself ({member.filename}): it is not safe; make the zip anew.", option
            )
    return [(PurePosixPath(member.filename).as_posix(), partial(_member, archive, member)) for member in members]


def _sorted_out(source: str, entries: Sequence[File]) -> PictureFiles:
    """Pictures, tables, and what else there is."""
    pictures, others, tables, around = [], {}, {}, ""
    for name, read in entries:
        parts = name.split("/")
        if any(part.startswith(".") or part == "__MACOSX" for part in parts):
            continue
        if parts[-1] in TABLES:
            with suppress(Unreadable):  # then it is as if it were missing
                tables[parts[-1]] = ClassTable(parts[-1], read().decode("utf-8-sig", "replace"))
        elif os.path.splitext(parts[-1])[1].lower() in ENDINGS:
            pictures.append((name, read))
        else:
            others[name] = "not a picture by its name"
    while len({name.partition("/")[0] for name, _ in pictures}) == 1 and all("/" in name for name, _ in pictures):
        around = pictures[0][0].partition("/")[0]
        pictures = [(name.partition("/")[2], read) for name, read in pictures]
    table = next((tables[name] for name in TABLES if name in tables), None)
    return PictureFiles(source, sorted(pictures, key=lambda file: file[0]), others, table, around)


def _file(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            _check_size(os.fstat(file.fileno()).st_size)
            return file.read()
    except OSError as error:
        raise Unreadable(f"cannot be read ({error})") from None


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    _check_size(member.file_size)
    try:
        return archive.read(member)
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:  # RuntimeError: it is encrypted
        raise Unreadable(f"cannot be read ({error})") from None


def _check_size(size: int) -> None:
    if size > LARGEST_FILE:
        raise Unreadable(f"larger than {LARGEST_FILE >> 20} MB")

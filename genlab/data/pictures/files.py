"""Finds the pictures in a folder, a zip file or a sample set, and lists other files."""

import os
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath

from genlab.data.pictures import SAMPLES
from genlab.data.pictures.classes import CAPTIONS, GROUPS, TABLES, ClassTable
from genlab.data.pictures.image_decoding import Unreadable
from genlab.data.pictures.layout import shared_folders
from genlab.data.shared.compressed import DAMAGED_ZIP
from genlab.data.shared.sample_sets import sample_set
from genlab.errors import InputError

ENDINGS = {
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".pjpeg", ".pjp", ".webp", ".gif", ".bmp", ".tif", ".tiff"
}  # fmt: skip
SIGNATURES = re.compile(
    rb"\x89PNG\r\n|\xff\xd8\xff|RIFF....WEBP|GIF8[79]a|BM....\0\0\0\0|II[*+]\0|MM\0[*+]"
    rb"|....ftyp(avif|avis|heic|heix|hevc|mif1|msf1)|\0\0\0\x0cjP  |\xff\x0a|8BPS|P[1-6][\r\n]",
    re.DOTALL,
)
"""First bytes of picture files, in readable formats and others."""
SIGNATURE = 16
"""Number of first bytes to compare."""
LARGEST_FILE = 1 << 28
"""Largest size of a file in bytes."""
STEP = 64
"""Compressed bytes to expand at a time where zipfile does not bound the output."""

Read = Callable[..., bytes]
"""Returns the content of a file, or with `head` only its first bytes; raises `Unreadable`."""
File = tuple[str, Read]
"""A name, with / between folders, and the function that reads it."""


@dataclass(frozen=True)
class PictureFiles:
    """The files of a folder or zip."""

    name: str
    pictures: list[File] = field(repr=False)
    """The pictures, sorted by name, without the folders that contain all of them."""
    others: dict[str, str] = field(repr=False)
    """Files that are not used, with the reason."""
    table: ClassTable | None = field(repr=False)
    """The table beside the pictures, if there is one."""
    captions: ClassTable | None = field(repr=False)
    """The captions beside the pictures, if there are any."""
    groups: ClassTable | None = field(repr=False)
    """The table of groups beside the pictures, if there is one."""
    around: str
    """The innermost folder that contains all pictures; empty if there is none."""
    notes: list[str] = field(repr=False)


def find_pictures(data: str, option: str) -> PictureFiles:
    """Finds the pictures of a folder, a zip or a @sample, given by `option`.

    Raises:
        InputError: `data` does not exist or has no pictures, or the zip is damaged or unsafe.
    """
    path = sample_set(data, SAMPLES, option)() if data.startswith("@") else Path(data)
    left_out: dict[str, str] = {}
    if path.is_dir():
        entries = list(_files(path, left_out))
    elif not path.exists():
        raise InputError(f"There is no file or folder {data}.", option)
    elif not zipfile.is_zipfile(path):
        raise InputError(
            f"{data} is neither a folder nor a zip file: give a folder of pictures or a zip of one; the name of a "
            "table must end in .csv.", option,
        )  # fmt: skip
    else:
        entries = _members(path, data, option)
    found = _sort_entries(data if data.startswith("@") else printable(path.name), entries, left_out)
    if not found.pictures:
        inside = ", in sub-folders too" if path.is_dir() else ""
        raise InputError(
            f"There are no pictures in {data}: genlab looks for {', '.join(sorted(ENDINGS))}{inside}"
            f"{''.join(f'; {note}' for note in found.notes) or '.'}", option,
        )  # fmt: skip
    return found


def is_file(path: str) -> bool:
    """Whether a path is a single file, not a folder, a zip or a @sample."""
    return Path(path).is_file() and not path.lower().endswith(".zip")


def inside(path: str) -> str:
    """What a user sees before the name of a file in a folder or zip: its path; nothing for a @sample."""
    return "" if path.startswith("@") else f"{printable(path).rstrip('/')}/"


def printable(name: str) -> str:
    r"""A file name as printable text: each byte that is not UTF-8 becomes \x.."""
    try:
        name.encode()
        return name
    except UnicodeEncodeError:
        return os.fsencode(name).decode("utf-8", "backslashreplace")


def _files(root: Path, left_out: dict[str, str]) -> Iterator[File]:
    """Yields the files of a folder and its sub-folders, following links; adds what cannot be read to `left_out`."""
    pending: list[tuple[str, str, tuple[str, ...]]] = [(os.fspath(root), "", (os.path.realpath(root),))]
    while pending:
        folder, inside, around = pending.pop()  # around: its real path, and those of the folders above it
        try:
            with os.scandir(folder) as entries:
                found = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError as error:
            left_out[inside.rstrip("/") or "."] = f"a folder that cannot be read ({error.strerror})"
            continue
        for entry in found:
            name = inside + printable(entry.name)
            if os.path.isfile(entry.path):
                yield name, partial(read_file, entry.path)
            elif not os.path.isdir(entry.path):
                left_out[name] = "a broken link" if entry.is_symlink() else "neither a file nor a folder"
            elif (real := os.path.realpath(entry.path)) in around:
                left_out[name] = "a link to a folder that it is in"
            else:
                pending.append((entry.path, f"{name}/", (*around, real)))


def _members(path: Path, data: str, option: str) -> list[File]:
    """The files of a zip; rejects names that point outside it."""
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGED_ZIP as error:
        raise InputError(f"{data} is a damaged zip file ({error}): create it again.", option) from None
    members = {}  # of members with the same name the last one counts
    for member in archive.infolist():
        name = member.filename.replace("\\", "/")
        if ".." in PurePosixPath(name).parts or PureWindowsPath(name).anchor:
            raise InputError(
                f"{data} is unsafe: it has a file whose path points outside it ({member.filename}); create it again.",
                option,
            )
        if not name.endswith("/"):
            members[PurePosixPath(name).as_posix()] = member
    return [(printable(name), partial(_read_member, archive, member)) for name, member in members.items()]


def _sort_entries(source: str, entries: list[File], left_out: dict[str, str]) -> PictureFiles:
    """Sorts the entries into pictures, tables, and files left out."""
    pictures: list[File] = []
    tables: dict[str, ClassTable] = {}
    places: defaultdict[str, list[str]] = defaultdict(list)
    strangers: Counter[str] = Counter()
    for name, read in entries:
        parts = name.split("/")
        ending = os.path.splitext(parts[-1])[1].lower()
        if any(part.startswith(".") or part == "__MACOSX" for part in parts):
            continue
        if ending in ENDINGS:
            pictures.append((name, read))
            continue
        try:
            if parts[-1] in (*TABLES, *CAPTIONS, *GROUPS):
                content = read()
                places[parts[-1]].append(name)
                tables[parts[-1]] = ClassTable(parts[-1], content, tuple(sorted(places[parts[-1]])))
            elif SIGNATURES.match(read(head=SIGNATURE)):
                strangers[ending or "no ending"] += 1
                left_out[name] = "a picture without a known extension"
            else:
                left_out[name] = "not a picture by its name"
        except Unreadable as error:
            left_out[name] = str(error)
    pictures.sort(key=lambda file: file[0])
    shared = shared_folders([name for name, _ in pictures])
    pictures = [(name[len(shared) :], read) for name, read in pictures]
    table, captions, groups = (
        next((tables[name] for name in known if name in tables), None) for known in (TABLES, CAPTIONS, GROUPS)
    )
    notes = [_note_on(strangers)] if strangers else []
    return PictureFiles(source, pictures, left_out, table, captions, groups, PurePosixPath(shared).name, notes)


def _note_on(strangers: Counter[str]) -> str:
    files = "1 file holds a picture" if strangers.total() == 1 else f"{strangers.total():,} files hold pictures"
    each = ", ".join(f"{ending} ({count:,})" for ending, count in strangers.most_common(5))
    return f"{files} without a known extension: {each}; rename PNG and JPEG files to .png and .jpg, and convert others."


# --- reading one file -----------------------------------------------------------------------------


def read_file(path: str, head: int = -1) -> bytes:
    """The content of a file, or its first `head` bytes.

    Raises:
        Unreadable: the file cannot be read, or is too large.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            _check_size(os.fstat(file.fileno()).st_size)
            return file.read(head)
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror or error})") from None


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, head: int = -1) -> bytes:
    """Like `read_file`, for a member of a zip; never expands it beyond the size stated in the zip."""
    _check_size(member.file_size)
    wanted = member.file_size if head < 0 else head
    try:
        with archive.open(member) as file:
            if member.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                return file.read(wanted)
            assert isinstance(file, zipfile.ZipExtFile)
            file.MIN_READ_SIZE = STEP
            found = bytearray()
            while len(found) < wanted and (piece := file.read1(STEP)):
                found += piece
            return bytes(found)
    except DAMAGED_ZIP as error:
        raise Unreadable(f"cannot be read ({error})") from None


def _check_size(size: int) -> None:
    if size > LARGEST_FILE:
        raise Unreadable(f"larger than {LARGEST_FILE >> 20} MB")

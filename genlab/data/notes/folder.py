"""Reads the music in a folder, a zip or a single file, and says of each file what became of it."""

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple

from genlab.data.notes.formats import ENDINGS, PEEK, STRANGERS, Format, ending_of, format_by_head, format_of_one
from genlab.data.notes.score import Score
from genlab.data.notes.unreadable import Unreadable
from genlab.data.shared.compressed import COMPRESSED, DAMAGED_ZIP, read_bytes
from genlab.data.shared.folders import files_in, printable
from genlab.errors import InputError

ARCHIVED_SCORE = "META-INF/container.xml"
"""File that makes a zip a compressed MusicXML file."""
SHOWN = 3
"""Maximum number of files in a message."""

Read = Callable[[int], bytes]
"""Returns this many first bytes of a file, or raises `Unreadable`."""


class File(NamedTuple):
    """A file, which is not open."""

    name: str
    """Its path inside the folder or zip, with /."""
    read: Read

    def format(self) -> Format:
        """Its format, if it is music."""
        return format_of_one(self.name, b"" if ending_of(self.name) in ENDINGS else self.read(PEEK))

    def content(self) -> bytes:
        """Its content, no longer than its format allows and one byte.

        Raises:
            Unreadable: it cannot be read.
        """
        return self.read(self.format().largest + 1)


@dataclass(frozen=True)
class MusicFiles:
    """The files of a folder or zip."""

    name: str
    files: list[File] = field(repr=False)
    """The files of music, in order of their names."""
    others: dict[str, str] = field(repr=False)
    """The other files, with the reason."""


class Piece(NamedTuple):
    """A piece that was read."""

    name: str
    """The file that it is from, and its number if the file holds several: "jigs.abc, tune 12"."""
    score: Score


def find_music(data: str, option: str = "data") -> MusicFiles:
    """Finds the music in a folder (with its sub-folders) or a zip; a single file may have any name.

    Raises:
        InputError: `data`, given by `option`, does not exist or has no files of music, or the zip is damaged or unsafe.
    """
    path = Path(data)
    others: dict[str, str] = {}
    try:
        path.stat()
    except FileNotFoundError:
        raise InputError(f"There is no file or folder {data}.", option) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{printable(data)} cannot be read: {getattr(error, 'strerror', error)}.", option) from None
    if path.is_dir():
        entries = [
            File(printable(file.relative_to(path)), partial(_read_file, file)) for file in files_in(path, others)
        ]
    elif ending_of(path.name) not in ENDINGS and zipfile.is_zipfile(path) and not _is_score(path):
        entries = _members(path, data, option)
    else:
        return MusicFiles(printable(path.name), [File(printable(path.name), partial(_read_file, path))], {})
    chosen = sorted((entry for entry in entries if _is_music(entry, others)), key=lambda entry: entry.name)
    if not chosen:
        kinds = sorted({reason for reason in others.values() if reason.endswith("MIDI or MusicXML")})
        raise InputError(
            f"{data} has no music: genlab looks for {', '.join(sorted(ENDINGS))}"
            f"{''.join(f'; it has {kind}' for kind in kinds[:SHOWN])}.",
            option,
        )
    return MusicFiles(printable(path.name), chosen, others)


def read_music(found: MusicFiles, report: dict[str, str], option: str = "data") -> Iterator[Piece]:
    """Reads the files one after another.

    Args:
        found: The files.
        report: Receives a line for each file, and for each tune of a file with several: "used", "repaired: ..." or
            "left out: ...".
        option: The option that gave them.

    Raises:
        InputError: at the end, if not one piece can be used.
    """
    report.update({name: f"left out: {reason}" for name, reason in found.others.items()})
    refused: list[str] = []
    used = False
    for file in found.files:
        try:
            results = file.format().read(file.content())
        except Unreadable as reason:
            results = {"": reason}
        for part, result in results.items():
            name = f"{file.name}, {part}" if part else file.name
            if isinstance(result, Unreadable):
                report[name] = f"left out: {result}"
                refused.append(f"{name}: {result}")
                continue
            score, repairs = result
            report[name] = f"repaired: {'; '.join(repairs)}" if repairs else "used"
            used = True
            yield Piece(name, score)
    if not used:
        more = f"; and {len(refused) - SHOWN:,} more" if len(refused) > SHOWN else ""
        raise InputError(f"No music can be read from {found.name} ({'; '.join(refused[:SHOWN])}{more}).", option)


def _is_music(entry: File, others: dict[str, str]) -> bool:
    """Returns whether a file is music by its name or its first bytes; gives the reason to `others` if not."""
    ending = ending_of(entry.name)
    if ending in ENDINGS:
        return True
    if ending in STRANGERS:
        others[entry.name] = f"{STRANGERS[ending]}: export it as MIDI or MusicXML"
        return False
    try:
        if format_by_head(entry.read(PEEK)):
            return True
        others[entry.name] = "not music by its name"
    except Unreadable as reason:
        others[entry.name] = str(reason)
    return False


def _is_score(path: Path) -> bool:
    """Returns whether a zip is one compressed MusicXML file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return ARCHIVED_SCORE in archive.namelist()
    except DAMAGED_ZIP:
        return False


# --- reading one file -----------------------------------------------------------------------------


def _read_file(path: Path, most: int) -> bytes:
    """Returns the first `most` bytes of a file; the whole content of a compressed one, if it is not longer."""
    if most <= PEEK or not COMPRESSED.search(path.name.lower()):
        try:
            with open(path, "rb") as file:
                return file.read(most)
        except OSError as error:
            raise Unreadable(f"cannot be read ({error.strerror or error})") from None
    try:
        return read_bytes(path, "data", most)
    except InputError as error:
        raise Unreadable(str(error).rstrip(".")) from None


def _members(path: Path, data: str, option: str) -> list[File]:
    """Returns the files of a zip; rejects names that point outside it."""
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGED_ZIP as error:
        raise InputError(f"{data} is a damaged zip file ({error}): create it again.", option) from None
    members = {}  # of members with the same name the last one counts
    for member in archive.infolist():
        name = member.filename.replace("\\", "/")
        parts = PurePosixPath(name).parts
        if ".." in parts or PureWindowsPath(name).anchor:
            raise InputError(
                f"{data} is unsafe: it has a file whose path points outside it ({member.filename}); create it again.",
                option,
            )
        if not name.endswith("/") and not any(part.startswith(".") or part == "__MACOSX" for part in parts):
            members[PurePosixPath(name).as_posix()] = member
    return [File(printable(name), partial(_read_member, archive, member)) for name, member in members.items()]


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    """Returns the first `most` bytes of a file in a zip, and expands no more."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # zipfile does not bound the others
        raise Unreadable("unusual compression: create the zip again")
    try:
        with archive.open(member) as file:
            return file.read(most)
    except DAMAGED_ZIP as error:
        raise Unreadable(f"cannot be read ({error})") from None

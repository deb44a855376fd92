"""Reads the music in a folder, a zip or a single file, and says of each file what became of it."""

import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple

from genlab.data.notes.midi import LARGEST, read_midi
from genlab.data.notes.midi_events import Unreadable
from genlab.data.notes.score import Score
from genlab.data.shared.compressed import COMPRESSED, DAMAGED_ZIP, read_bytes
from genlab.data.shared.folders import files_in, printable
from genlab.errors import InputError

ENDINGS = frozenset({".mid", ".midi", ".kar", ".rmi", ".smf"})
"""Extensions of MIDI files; .mid.gz is one, too."""
STRANGERS = {
    ".mxl": "MusicXML", ".musicxml": "MusicXML", ".abc": "ABC notation", ".krn": "Humdrum", ".mei": "MEI",
    ".mscz": "MuseScore", ".mscx": "MuseScore", ".sib": "Sibelius", ".mus": "Finale", ".ly": "LilyPond",
    ".gp3": "Guitar Pro", ".gp4": "Guitar Pro", ".gp5": "Guitar Pro", ".gpx": "Guitar Pro", ".mp3": "sound",
    ".wav": "sound", ".flac": "sound", ".ogg": "sound", ".m4a": "sound",
}  # fmt: skip
"""Formats of music that are refused by name."""
HEAD = b"MThd"
"""First bytes of a MIDI file."""
SHOWN = 3
"""Maximum number of files in a message."""

Read = Callable[[int], bytes]
"""Returns this many first bytes of a file, or raises `Unreadable`."""


class File(NamedTuple):
    """A file, which is not open."""

    name: str
    """Its path inside the folder or zip, with /."""
    read: Read


@dataclass(frozen=True)
class MusicFiles:
    """The files of a folder or zip."""

    name: str
    files: list[File] = field(repr=False)
    """The MIDI files, in order of their names."""
    others: dict[str, str] = field(repr=False)
    """The other files, with the reason."""


class Piece(NamedTuple):
    """A piece that was read."""

    name: str
    """The file that it is from."""
    score: Score


def find_music(data: str, option: str = "data") -> MusicFiles:
    """Finds the MIDI files of a folder (with its sub-folders) or a zip; a single file may have any name.

    Raises:
        InputError: `data`, given by `option`, does not exist or has no MIDI files, or the zip is damaged or unsafe.
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
    elif zipfile.is_zipfile(path):
        entries = _members(path, data, option)
    else:
        return MusicFiles(printable(path.name), [File(printable(path.name), partial(_read_file, path))], {})
    chosen = sorted(entry for entry in entries if _is_midi(entry, others))
    if not chosen:
        kinds = sorted({reason for reason in others.values() if reason.endswith("MIDI")})
        raise InputError(
            f"{data} has no MIDI files: genlab looks for {', '.join(sorted(ENDINGS))}"
            f"{''.join(f'; it has {kind}' for kind in kinds[:SHOWN])}.",
            option,
        )
    return MusicFiles(printable(path.name), chosen, others)


def read_music(found: MusicFiles, report: dict[str, str], option: str = "data") -> Iterator[Piece]:
    """Reads the files one after another.

    Args:
        found: The files.
        report: Receives a line for each file: "used", "repaired: ..." or "left out: ...".
        option: The option that gave them.

    Raises:
        InputError: at the end, if not one of them can be used.
    """
    report.update({name: f"left out: {reason}" for name, reason in found.others.items()})
    refused: list[str] = []
    for name, read in found.files:
        try:
            score, repairs = read_midi(read(LARGEST + 1))
        except Unreadable as reason:
            report[name] = f"left out: {reason}"
            refused.append(f"{name}: {reason}")
            continue
        report[name] = f"repaired: {'; '.join(repairs)}" if repairs else "used"
        yield Piece(name, score)
    if len(refused) == len(found.files):
        more = f"; and {len(refused) - SHOWN:,} more" if len(refused) > SHOWN else ""
        raise InputError(f"No music can be read from {found.name} ({'; '.join(refused[:SHOWN])}{more}).", option)


def _is_midi(entry: File, others: dict[str, str]) -> bool:
    """Returns whether a file is MIDI by its name or its first bytes; gives the reason to `others` if not."""
    ending = os.path.splitext(COMPRESSED.sub("", entry.name.lower()))[1]
    if ending in ENDINGS:
        return True
    if ending in STRANGERS:
        others[entry.name] = f"{STRANGERS[ending]}: export it as MIDI"
        return False
    try:
        if entry.read(len(HEAD)) == HEAD:
            return True
        others[entry.name] = "not MIDI by its name"
    except Unreadable as reason:
        others[entry.name] = str(reason)
    return False


# --- reading one file -----------------------------------------------------------------------------


def _read_file(path: Path, most: int) -> bytes:
    """Returns the first `most` bytes of a file; the whole content of a compressed one, if it is not longer."""
    if most <= len(HEAD) or not COMPRESSED.search(path.name.lower()):
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

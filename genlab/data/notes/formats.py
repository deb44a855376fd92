"""The formats of music that are read, and how a file in each of them becomes pieces."""

import os
import re
from collections.abc import Callable
from typing import NamedTuple

from genlab.data.notes import abc, midi, xml_tree
from genlab.data.notes.abc import read_abc
from genlab.data.notes.midi import read_midi
from genlab.data.notes.musicxml import read_musicxml
from genlab.data.notes.score import Score
from genlab.data.notes.unreadable import Unreadable
from genlab.data.shared.compressed import COMPRESSED

Result = tuple[Score, list[str]] | Unreadable
"""A piece with a phrase for each kind of repair, or the reason why it cannot be used."""


class Format(NamedTuple):
    """A format of music."""

    name: str
    endings: frozenset[str]
    """Extensions of its files; .mid.gz is one, too."""
    largest: int
    """Maximum size of a file in bytes."""
    read: Callable[[bytes], dict[str, Result]]
    """Reads the content of a file; gives its pieces by what they are called in it: "" for the only one. Raises
    `Unreadable` for a file without pieces.
    """


def _tunes(content: bytes) -> dict[str, Result]:
    found = read_abc(content)
    named = {f"tune {number}" if len(found) > 1 else "": result for number, result in found.items()}
    return {name: one if isinstance(one, Unreadable) else (one, []) for name, one in named.items()}


MIDI = Format(
    "MIDI",
    frozenset({".mid", ".midi", ".kar", ".rmi", ".smf"}),
    midi.LARGEST,
    lambda content: {"": read_midi(content)},
)
MUSICXML = Format(
    "MusicXML",
    frozenset({".mxl", ".musicxml", ".xml"}),
    xml_tree.LARGEST,
    lambda content: {"": (read_musicxml(content), [])},
)
ABC = Format("ABC", frozenset({".abc"}), abc.LARGEST, _tunes)
FORMATS = (MIDI, MUSICXML, ABC)
ENDINGS = {ending: form for form in FORMATS for ending in form.endings}
STRANGERS = {
    ".krn": "Humdrum", ".mei": "MEI", ".mscz": "MuseScore", ".mscx": "MuseScore", ".sib": "Sibelius",
    ".mus": "Finale", ".ly": "LilyPond", ".gp3": "Guitar Pro", ".gp4": "Guitar Pro", ".gp5": "Guitar Pro",
    ".gpx": "Guitar Pro", ".mp3": "sound", ".wav": "sound", ".flac": "sound", ".ogg": "sound", ".m4a": "sound",
}  # fmt: skip
"""Formats of music that are refused by name."""
PEEK = 16
"""Number of first bytes that show the format."""
MARKED = re.compile(rb"(?P<MIDI>MThd)|(?:\xef\xbb\xbf)?(?P<ABC>%abc|X: ?\d)")
"""First bytes of files that are read whatever they are called."""
WRAPPED = re.compile(rb"PK\x03\x04|(?:\xef\xbb\xbf)?\s*<\?xml|\xff\xfe<\0|\xfe\xff\0<")
"""First bytes of a single file that may be MusicXML, whatever it is called."""


def ending_of(name: str) -> str:
    """Returns the extension of a file's name in lower case, without that of its compression."""
    return os.path.splitext(COMPRESSED.sub("", name.lower()))[1]


def format_by_head(head: bytes) -> Format | None:
    """Returns the format of a file by its first bytes, if these are MIDI or ABC."""
    found = MARKED.match(head)
    return {"MIDI": MIDI, "ABC": ABC}[found.lastgroup or ""] if found else None


def format_of_one(name: str, head: bytes) -> Format:
    """Returns the format to read a file in that the user has named: MIDI, whose reader says what else it is, if neither
    name nor first bytes show it.
    """
    return ENDINGS.get(ending_of(name)) or format_by_head(head) or (MUSICXML if WRAPPED.match(head) else MIDI)

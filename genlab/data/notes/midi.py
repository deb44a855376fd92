"""Reads MIDI files, and repairs what can be repaired ("Standard MIDI Files 1.0", MIDI Association, 1996)."""

import re
import struct
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import islice

from genlab.data.notes.midi_events import Events, read_track
from genlab.data.notes.midi_score import score_of
from genlab.data.notes.score import Metre, Score, Tempo
from genlab.data.notes.silence import without_silence
from genlab.data.notes.unreadable import Unreadable

LARGEST = 1 << 23
"""Maximum size of a file in bytes."""
LONGEST_PIECE = 20_000
"""Maximum length of a piece in quarter notes, without long silence."""
MOST_TRACKS = 4096
"""Maximum number of tracks."""
HEADER = 65_536
"""Number of first bytes in which to look for the header."""
TICKS = 480
"""Ticks per quarter note where the file does not state them."""
STRANGERS = {
    "an mp3": rb"ID3|\xff[\xe2-\xff]",
    "a WAV file": rb"RIFF....WAVE",
    "a zip": rb"PK\x03\x04",
    "a gzip file": rb"\x1f\x8b",
    "an Ogg file": rb"OggS",
    "a FLAC file": rb"fLaC",
    "an MP4 file": rb"....ftyp",
    "a web page": rb"\s*<(!DOCTYPE|html|!doctype|HTML)",
    "XML": rb"(\xef\xbb\xbf)?\s*<\?xml",
    "ABC notation": rb"%abc|X: ?\d",
    "a picture": rb"\x89PNG|\xff\xd8\xff|GIF8",
    "a PDF": rb"%PDF",
}
"""First bytes of files that are not MIDI."""
FAULTS = {
    "clipped": ("1 note with a value over 127 clipped", "{} notes with values over 127 clipped"),
    "stray": ("1 stray byte skipped", "{} stray bytes skipped"),
    "hanging": ("1 hanging note ended", "{} hanging notes ended"),
    "empty": ("1 note without length dropped", "{} notes without length dropped"),
    "cut off": ("1 track is cut off", "{} tracks are cut off"),
    "pedal": ("sustain pedal never released: ignored where it was last pressed",) * 2,
    "other pedal": (
        "sustain pedal of another track ignored in 1 track",
        "sustain pedal of other tracks ignored in {} tracks",
    ),
    "tempo": ("1 impossible tempo ignored", "{} impossible tempos ignored"),
    "metre": ("1 impossible metre ignored", "{} impossible metres ignored"),
    "key": ("1 impossible key ignored", "{} impossible keys ignored"),
}
"""One fault, and several."""


def read_midi(data: bytes) -> tuple[Score, list[str]]:
    """Reads the content of a MIDI file, of type 0, 1 or 2, bare or wrapped (RMID, MacBinary).

    Each channel and program of a track becomes a track; channel 10 is drums. The sustain pedal lengthens the notes
    of its track. A first metre that lasts exactly one bar, shorter than a bar of the next metre, is a pick-up.

    Returns:
        The piece, and one phrase for each kind of repair.

    Raises:
        Unreadable: the data are not MIDI, have no notes, or are too large.
    """
    if len(data) > LARGEST:
        raise Unreadable(f"larger than {LARGEST >> 20} MB")
    repairs: list[str] = []
    start = _header(data, repairs)
    form, stated, division = struct.unpack(">HHh", data[start + 8 : start + 14])
    chunks = list(islice(_tracks(data, start, repairs), MOST_TRACKS + 1))
    if not chunks:
        raise Unreadable("has no tracks")
    if len(chunks) > MOST_TRACKS:
        raise Unreadable(f"more than {MOST_TRACKS:,} tracks")
    if len(chunks) != stated:
        repairs.append(f"the header states {stated:,} tracks, the file has {len(chunks):,}")
    if form > 2:
        repairs.append(f"unknown type {form} read as type 1")
    scale, ticks, smpte = _time(division, repairs)
    events = Events(max(1, round(ticks / scale)))
    end = 0
    for number, chunk in enumerate(chunks):
        begin = _next_bar(events, end) if form == 2 else 0
        end = read_track(chunk, events, number, begin)
    if form != 2:
        pressed = {channel for _, channel in events.pedals}
        without = {part[0] for part in events.parts if part[1] in pressed and part[:2] not in events.pedals}
        events.faults["other pedal"] = len(without)
    elif len(chunks) > 1:
        repairs.append(f"type 2: its {len(chunks):,} patterns follow one another")
    score = score_of(events, ticks, scale, repairs)
    for kind, (one, several) in FAULTS.items():
        if count := events.faults[kind]:
            repairs.append(one if count == 1 else several.format(f"{count:,}"))
    if not score.tracks:
        raise Unreadable("; ".join(["has no notes", *repairs]))
    if smpte:
        score = replace(score, tempos=[Tempo(0, 120.0)])
    score = without_silence(score, repairs)
    if score.length > LONGEST_PIECE * ticks:
        raise Unreadable(f"longer than {LONGEST_PIECE:,} quarter notes: cut it into pieces")
    return score, repairs


def _header(data: bytes, repairs: list[str]) -> int:
    """Returns where the header begins."""
    if not data:
        raise Unreadable("empty")
    if not data.startswith(b"MThd"):
        wrapped = data.startswith(b"RIFF") and data[8:12] == b"RMID"
        if not wrapped:
            for name, pattern in STRANGERS.items():
                if re.compile(pattern, re.DOTALL).match(data[:200]):
                    raise Unreadable(f"not MIDI but {name}")
    start = data.find(b"MThd", 0, HEADER)
    if start < 0:
        raise Unreadable("not MIDI")
    if len(data) < start + 14:
        raise Unreadable("cut off in its header")
    if start:
        repairs.append("unwrapped from RMID" if wrapped else f"{start:,} bytes before the header skipped")
    return start


def _tracks(data: bytes, start: int, repairs: list[str]) -> Iterator[bytes]:
    """Yields the content of each track's chunk and skips other chunks."""
    foreign = lost = wrong = 0
    place = start + 8 + max(6, int.from_bytes(data[start + 4 : start + 8], "big"))
    if place > len(data) or data[start + 14 : start + 18] == b"MTrk":
        place = start + 14  # the length of the header is wrong
    while place < len(data):
        kind, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "big")
        if kind == b"MTrk":
            stated, size = size, _size(data, place + 8, size)
            wrong += size != stated
            yield data[place + 8 : place + 8 + size]
        elif _is_chunk(data, place):
            foreign += 1
        else:
            found = data.find(b"MTrk", place + 1)
            skipped = (found if found >= 0 else len(data)) - place
            lost += skipped if data[place : place + skipped].strip(b"\0") else 0  # zeros at the end are padding
            place += skipped
            continue
        if place + 8 + size > len(data):
            repairs.append("the file is cut off")
        place += 8 + size
    if wrong:
        repairs.append("1 track has a wrong length" if wrong == 1 else f"{wrong:,} tracks have wrong lengths")
    if foreign:
        repairs.append("1 foreign chunk skipped" if foreign == 1 else f"{foreign:,} foreign chunks skipped")
    if lost:
        repairs.append("1 byte between chunks skipped" if lost == 1 else f"{lost:,} bytes between chunks skipped")


def _size(data: bytes, place: int, stated: int) -> int:
    """Length of the track whose content begins here.

    A track ends at the next one if it states no length but has content, or a length that passes the end of the data.
    """
    if stated and place + stated <= len(data):
        return stated
    following = data.find(b"MTrk", place)
    if stated:
        return following - place if following >= 0 else stated
    content = data[place : following if following >= 0 else len(data)]
    return 0 if _is_chunk(data, place) or not content.strip(b"\0") else len(content)  # zeros are padding


def _is_chunk(data: bytes, place: int) -> bool:
    """Whether a whole chunk begins here."""
    kind, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "big")
    return len(kind) == 4 and kind.isascii() and kind.decode("ascii").isprintable() and place + 8 + size <= len(data)


def _time(division: int, repairs: list[str]) -> tuple[Fraction, int, bool]:
    """Returns the factor of all times in the file, the ticks per quarter note after that, and whether time is SMPTE."""
    if division > 0:
        return Fraction(1), division, False
    frames, parts = -(division >> 8), division & 255
    if division == 0 or parts == 0 or frames not in (24, 25, 29, 30):
        repairs.append(f"impossible division {division}: read as {TICKS} ticks per quarter note")
        return Fraction(1), TICKS, False
    repairs.append("SMPTE time read as 120 quarter notes per minute")
    rate = Fraction(30_000, 1001) if frames == 29 else Fraction(frames)
    return TICKS * 2 / (rate * parts), TICKS, True


def _next_bar(events: Events, end: int) -> int:
    """Returns the first bar line at or after `end`, where the patterns so far end."""
    metre = events.metres[-1] if events.metres else Metre(0, 4, 4)
    bar = max(1, 4 * events.beat * metre.beats // metre.unit)
    return metre.start + -(-max(0, end - metre.start) // bar) * bar

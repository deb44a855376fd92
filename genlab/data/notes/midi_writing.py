"""Writes scores as MIDI files."""

import struct
from collections.abc import Iterable

from genlab.data.notes.midi_events import DRUMS, END, KEY, METRE, NAME, TEMPO
from genlab.data.notes.score import Metre, Score, Track

CHANNELS = [channel for channel in range(16) if channel != DRUMS]
FARTHEST = (1 << 28) - 1
"""Maximum number of ticks between two events."""
SMALLEST = 64
"""Largest denominator of a pick-up's metre."""

Event = tuple[int, int, bytes]
"""Tick, rank among events of this tick, and content."""


def write_midi(score: Score) -> bytes:
    """Returns the score as a MIDI file of type 1: a track of metres, keys and tempos, and then its tracks.

    Each track has a channel while the 15 melodic ones last. With more tracks, those of the same program share a
    channel; only with more than 15 programs do different ones, and players then give them the same instrument. A
    pick-up is written as a first bar in a shorter metre, or, if no metre has its length, as a bar that begins with
    silence. Reading the file again gives the same score, except that notes of one pitch that overlap in a track may
    exchange their ends.
    """
    score_ticks, shift = score.ticks, 0
    metres = list(score.metres)
    if score.pickup:
        short = _metre_of(score.pickup, score_ticks, metres[0].unit)
        if short:
            full = [metre for metre in metres if metre.start <= score.pickup][-1]
            later = [metre for metre in metres if metre.start > score.pickup]
            metres = [short, full._replace(start=score.pickup), *later]
        else:
            bar = 4 * score_ticks * metres[0].beats // metres[0].unit
            shift = max(0, bar - score.pickup)
            metres = [metre._replace(start=metre.start + shift if metre.start else 0) for metre in metres]
    changes: list[Event] = [(0, 0, _meta(NAME, _name(score.title)))] if score.title else []
    for start, beats, unit in metres:
        changes.append((start, 1, _meta(METRE, bytes([min(beats, 255), unit.bit_length() - 1, 24, 8]))))
    for start, sharps, minor in score.keys:
        changes.append((start + shift if start else 0, 2, _meta(KEY, struct.pack("bB", sharps, minor))))
    for start, per_minute in score.tempos:
        microseconds = min(max(round(60_000_000 / per_minute), 1), (1 << 24) - 1)
        changes.append((start + shift if start else 0, 3, _meta(TEMPO, microseconds.to_bytes(3, "big"))))
    chunks = [_chunk(changes)]
    for track, channel in zip(score.tracks, _channels(score.tracks), strict=True):
        chunks.append(_chunk(_events(track, channel, shift)))
    return struct.pack(">4sIHHH", b"MThd", 6, 1, len(chunks), score_ticks) + b"".join(chunks)


def _metre_of(pickup: int, ticks: int, unit: int) -> Metre | None:
    """Returns a metre whose bar has the length of the pick-up, with a unit as near to `unit` as possible."""
    while unit <= SMALLEST:
        beats, rest = divmod(pickup * unit, 4 * ticks)
        if rest == 0 and 0 < beats < 256:
            return Metre(0, beats, unit)
        unit *= 2
    return None


def _channels(tracks: list[Track]) -> list[int]:
    """Assigns a channel to each track; up to 15 programs share none."""
    found: list[int] = []
    free = list(CHANNELS)
    taken: dict[int, int] = {}  # by program
    waiting = {track.program for track in tracks if not track.drums}  # programs without a channel
    for track in tracks:
        if track.drums:
            found.append(DRUMS)
            continue
        if free and (track.program in waiting or len(free) > len(waiting)):
            waiting.discard(track.program)
            channel = free.pop(0)
            taken.setdefault(track.program, channel)
        else:
            channel = taken.setdefault(track.program, CHANNELS[len(found) % len(CHANNELS)])
        found.append(channel)
    return found


def _events(track: Track, channel: int, shift: int) -> list[Event]:
    events: list[Event] = [(0, 0, _meta(NAME, _name(track.name)))] if track.name else []
    events.append((0, 1, bytes([0xC0 | channel, track.program])))
    status = 0x90 | channel
    for start, length, pitch, velocity in track.notes:
        events.append((start + shift + length, 2, bytes([status, pitch, 0])))
        events.append((start + shift, 3, bytes([status, pitch, velocity])))
    return events


def _name(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _meta(kind: int, content: bytes) -> bytes:
    return bytes([0xFF, kind]) + _number(len(content)) + content


def _number(number: int) -> bytes:
    """A number of variable length."""
    found = [number & 127]
    while number := number >> 7:
        found.append(number & 127 | 128)
    return bytes(reversed(found))


def _chunk(events: Iterable[Event]) -> bytes:
    """A track of the events, with the end of the track after the last one."""
    content, tick = bytearray(), 0
    for place, _, event in sorted(events, key=lambda event: event[:2]):
        while place - tick > FARTHEST:
            content += _number(FARTHEST) + _meta(1, b"")
            tick += FARTHEST
        content += _number(place - tick) + event
        tick = place
    content += b"\0" + _meta(END, b"")
    return struct.pack(">4sI", b"MTrk", len(content)) + bytes(content)

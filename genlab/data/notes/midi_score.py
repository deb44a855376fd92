"""Builds a score from the events of a MIDI file."""

from fractions import Fraction
from typing import TypeVar

from genlab.data.notes.midi_events import DRUMS, UNSET, Events, Sounding
from genlab.data.notes.score import Key, Metre, Note, Score, Tempo, Track

LONGEST = 64
"""Maximum length of a note in quarter notes."""
TEMPOS = 4.0, 1000.0
"""Slowest and fastest tempo in quarter notes per minute."""
NAME = 100
"""Maximum length of a name in characters."""

Change = TypeVar("Change", Metre, Key, Tempo)


def score_of(events: Events, ticks: int, scale: Fraction, repairs: list[str]) -> Score:
    """Builds the score, with a track for each track, channel and program of the file that has notes.

    Args:
        events: What the file holds.
        ticks: Ticks per quarter note in the score.
        scale: Factor of all times.
        repairs: Receives a phrase for each kind of repair.
    """
    tracks, long = [], 0
    parts = _parts(events)
    for (track, channel, program), notes in parts.items():
        found, shortened = _notes(notes, LONGEST * ticks, scale)
        long += shortened
        tracks.append(Track(found, program, channel == DRUMS, decode_name(events.names.get(track, b""))))
    if long:
        notes_are = "1 note" if long == 1 else f"{long:,} notes"
        repairs.append(f"{notes_are} of more than {LONGEST} quarter notes shortened")
    metres, pickup = _metres([metre._replace(start=round(metre.start * scale)) for metre in events.metres], ticks)
    keys = _changes([key._replace(start=round(key.start * scale)) for key in events.keys])
    title = "" if any(key[0] == 0 for key in parts) else decode_name(events.names.get(0, b""))
    return Score(tracks, ticks, metres, keys, _tempos(events, repairs), pickup, title)


def _parts(events: Events) -> dict[tuple[int, int, int], list[Sounding]]:
    """Notes by track, channel and program, where every program is known.

    Notes before the first program change of their channel have its program; where the track has none, that of the
    channel in the other tracks.
    """
    known: dict[int, int] = {}
    for (_, channel), program in events.programs.items():
        known.setdefault(channel, program)
    parts: dict[tuple[int, int, int], list[Sounding]] = {}
    for (track, channel, program), notes in sorted(events.parts.items(), key=lambda part: part[0][:2]):
        if program == UNSET:
            program = events.programs.get((track, channel), known.get(channel, 0))
        parts.setdefault((track, channel, program), []).extend(notes)
    return parts


def _notes(sounding: list[Sounding], limit: int, scale: Fraction) -> tuple[list[Note], int]:
    """Returns the notes in order, none longer than `limit`, and how many were."""
    if scale != 1:
        sounding = [(round(start * scale), round(end * scale), pitch, loud) for start, end, pitch, loud in sounding]
    long = sum(end - start > limit for start, end, _, _ in sounding)
    ordered = sorted((start, pitch, end - start or 1, velocity) for start, end, pitch, velocity in sounding)
    if long:
        ordered = [(start, pitch, min(length, limit), velocity) for start, pitch, length, velocity in ordered]
    return [Note(start, length, pitch, velocity) for start, pitch, length, velocity in ordered], long


def _metres(metres: list[Metre], ticks: int) -> tuple[list[Metre], int]:
    """Returns the metres without repetitions, and the length of the pick-up.

    A metre that repeats the one before counts only where it begins a bar early.
    """
    found = [Metre(0, 4, 4)]
    for metre in sorted(metres, key=lambda metre: metre.start):
        last = found[-1]
        if metre.start == last.start:
            found[-1] = metre
        elif metre[1:] != last[1:] or (metre.start - last.start) * last.unit % (4 * ticks * last.beats):
            found.append(metre)
    if len(found) > 1:
        first, second = found[:2]
        shorter = first.beats * second.unit < second.beats * first.unit
        if shorter and second.start * first.unit == 4 * ticks * first.beats:
            return [second._replace(start=0), *found[2:]], second.start
    return found, 0


def _changes(changes: list[Change]) -> list[Change]:
    """Returns the changes in order, without those that change nothing."""
    found: list[Change] = []
    for change in sorted(changes, key=lambda change: change.start):
        if found and found[-1].start == change.start:
            found.pop()
        if not found or found[-1][1:] != change[1:]:
            found.append(change)
    return found


def _tempos(events: Events, repairs: list[str]) -> list[Tempo]:
    """Returns the tempos in hundredths: 88 a minute is a fraction of microseconds, which the file rounds."""
    slowest, fastest = TEMPOS
    stated = [Tempo(tick, round(60_000_000 / microseconds, 2)) for tick, microseconds in events.tempos]
    tempos = [tempo._replace(per_minute=min(max(tempo.per_minute, slowest), fastest)) for tempo in stated]
    if tempos != stated:
        repairs.append(f"tempos outside {slowest:g} to {fastest:g} quarter notes per minute limited")
    return _changes([Tempo(0, 120.0), *tempos])


def decode_name(data: bytes) -> str:
    """Decodes a name, whatever its encoding is, without control characters."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:NAME]

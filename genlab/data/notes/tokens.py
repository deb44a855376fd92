"""Writes scores as tokens, and reads them back. `vocabulary` describes the tokens."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from genlab.data.notes.grid import BEAT, METRES, Bar, bars_of, metres_of, on_grid
from genlab.data.notes.score import Note, Score, Tempo, Track
from genlab.data.notes.vocabulary import HOLD, TRACKS, Vocabulary
from genlab.errors import InputError

PLACES = {metre: place for place, metre in enumerate(METRES)}
DEFAULT = 80
"""Velocity of notes written without one."""


class Encoded(NamedTuple):
    """A piece as tokens."""

    ids: Int[np.ndarray, " tokens"]
    changes: list[str]
    """A phrase for each kind of change that the piece underwent; empty if the tokens hold all its notes as they are."""


def encode(score: Score, vocabulary: Vocabulary) -> Encoded:
    """Writes a score as tokens.

    `decode` gives the same notes if they are on the grid, no track strikes a pitch twice at the same time, and there
    are at most `TRACKS` melodic tracks. Names, keys, and the kit of drums are not written; all drums become one track,
    the last.
    """
    score, changes = on_grid(score)
    programs, notes = _notes(score, changes)
    first = vocabulary.first
    ids = [first["Start"], *(first["Instrument"] + program for program in programs)]
    bars = bars_of(score, notes[-1][0] if notes else 0)
    position, track_0, pitch_0, drum_0 = first["Position"], first["Track"], first["Pitch"], first["Drum"]
    duration, hold, velocity_0 = first["Duration"] - 1, first["Hold"], first["Velocity"]
    levels = [vocabulary.level(max(1, loud)) + velocity_0 for loud in range(128)] if vocabulary.velocities else []
    tempo, number, end, origin, current, place = -1, 0, 0, 0, 0, -1
    for start, track, pitch, length, velocity in notes:
        while start >= end:
            bar = bars[number]
            ids.append(first["Bar"] + PLACES[bar.beats, bar.unit])
            if bar.length < bar.full:
                ids.append(first["Length"] + bar.length - 1)
            if vocabulary.tempos and (now := _tempo(score, bar, vocabulary)) != tempo:
                tempo = now
                ids.append(first["Tempo"] + tempo)
            origin = bar.start + bar.length - bar.full if number == 0 else bar.start
            end, current, place = bar.start + bar.length, 0, -1
            number += 1
        if start != place:
            place = start
            ids.append(position + start - origin)
        if track == TRACKS:
            ids.append(drum_0 + pitch)
        else:
            if track != current:
                current = track
                ids.append(track_0 + track)
            ids.append(pitch_0 + pitch)
        if levels:
            ids.append(levels[velocity])
        while length > HOLD:
            ids.append(hold)
            length -= HOLD
        ids.append(duration + length)
    ids.append(first["End"])
    return Encoded(np.array(ids, np.int32), changes)


def _tempo(score: Score, bar: Bar, vocabulary: Vocabulary) -> int:
    """Returns the tempo at the beginning of a bar."""
    number = bisect_right(score.tempos, bar.start, key=lambda tempo: tempo.start)
    return vocabulary.tempo(score.tempos[number - 1].per_minute)


def _notes(score: Score, changes: list[str]) -> tuple[list[int], list[tuple[int, int, int, int, int]]]:
    """Returns the programs of the melodic tracks, and all notes: start, track, pitch, length and velocity, in order.

    The track of drums is `TRACKS`.
    """
    melodic = [track for track in score.tracks if track.notes and not track.drums]
    if len(melodic) > TRACKS:
        merged: dict[int, list[Note]] = {}
        for track in melodic:
            merged.setdefault(track.program, []).extend(track.notes)
        changes.append("tracks of the same instrument merged")
        kept = sorted(merged, key=lambda program: -len(merged[program]))[:TRACKS]
        if lost := len(merged) - len(kept):
            changes.append(f"the {lost:,} tracks with the fewest notes dropped")
        melodic = [Track(merged[program], program) for program in merged if program in kept]
    notes = [
        (start, number, pitch, length, velocity)
        for number, track in enumerate(melodic)
        for start, length, pitch, velocity in track.notes
    ]
    notes += [
        (start, TRACKS, pitch, length, velocity)
        for track in score.tracks
        if track.drums
        for start, length, pitch, velocity in track.notes
    ]
    notes.sort()
    single = {note[:3]: note for note in notes}  # the longest of those struck together
    if twice := len(notes) - len(single):
        notes = list(single.values())
        changes.append("1 doubled note dropped" if twice == 1 else f"{twice:,} doubled notes dropped")
    return [track.program for track in melodic], notes


@dataclass
class _Reading:
    """What the tokens have said so far."""

    bars: list[Bar] = field(default_factory=list)
    tempos: list[Tempo] = field(default_factory=list)
    programs: list[int] = field(default_factory=list)
    notes: dict[int, list[Note]] = field(default_factory=dict)
    """Notes by track."""
    origin: int = 0
    """Step of position 0 in this bar."""
    place: int = 0
    """Step of the position."""
    track: int = 0
    pitch: int | None = None
    """Pitch of a note whose duration is to come."""
    drum: bool = False
    velocity: int = DEFAULT
    held: int = 0


def decode(ids: Int[np.ndarray, " tokens"] | Sequence[int], vocabulary: Vocabulary) -> Score:
    """Reads the score that tokens write, with `grid.BEAT` ticks per quarter note.

    The tokens may end anywhere: a note without a duration is left out. A track that was not announced is a piano.

    Raises:
        InputError: a token follows one that it may not follow, or does not exist.
    """
    reading = _Reading()
    before = ""
    for number, token in enumerate(np.asarray(ids).tolist()):
        if not 0 <= token < vocabulary.size:
            raise InputError(f"Token {number} is {token}: the vocabulary has {vocabulary.size:,} tokens.", "tokens")
        kind, value = vocabulary.tokens[token]
        if kind not in (vocabulary.after[before] if before else ("Start",)):
            name = vocabulary.name(token)
            raise InputError(f"Token {number}, {name}, cannot follow {before or 'nothing'}.", "tokens")
        before = kind
        _read(reading, kind, value, vocabulary)
    tracks = [
        Track(_ordered(reading.notes[number]), reading.programs[number] if number < len(reading.programs) else 0)
        for number in sorted(reading.notes)
        if number < TRACKS
    ]
    if TRACKS in reading.notes:
        tracks.append(Track(_ordered(reading.notes[TRACKS]), 0, True))
    bars = reading.bars or [Bar(0, 4 * BEAT, 4, 4)]
    pickup = bars[0].length if bars[0].length < bars[0].full else 0
    return Score(tracks, BEAT, metres_of(bars), [], reading.tempos or [Tempo(0, 120.0)], pickup)


def _read(reading: _Reading, kind: str, value: int, vocabulary: Vocabulary) -> None:
    """Reads one token."""
    if kind == "Instrument":
        reading.programs.append(value)
    elif kind == "Bar":
        start = reading.bars[-1].start + reading.bars[-1].length if reading.bars else 0
        bar = Bar(start, 0, *METRES[value])
        reading.bars.append(bar._replace(length=bar.full))
        reading.origin, reading.track = start, 0
    elif kind == "Length":
        bar = reading.bars[-1]
        reading.bars[-1] = bar._replace(length=min(value, bar.full))
        if len(reading.bars) == 1:
            reading.origin = bar.start + reading.bars[-1].length - bar.full
    elif kind == "Tempo":
        reading.tempos.append(Tempo(reading.bars[-1].start, vocabulary.speeds[value]))
    elif kind == "Position":
        reading.place = max(reading.origin + value, reading.bars[-1].start)
    elif kind == "Track":
        reading.track = value
    elif kind in ("Pitch", "Drum"):
        reading.pitch, reading.drum, reading.velocity, reading.held = value, kind == "Drum", DEFAULT, 0
    elif kind == "Velocity":
        reading.velocity = vocabulary.loudness[value]
    elif kind == "Hold":
        reading.held += HOLD
    elif kind == "Duration":
        assert reading.pitch is not None  # the grammar holds
        note = Note(reading.place, reading.held + value, reading.pitch, reading.velocity)
        reading.notes.setdefault(TRACKS if reading.drum else reading.track, []).append(note)


def _ordered(notes: list[Note]) -> list[Note]:
    return sorted(notes, key=lambda note: (note.start, note.pitch, note.length))

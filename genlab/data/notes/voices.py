"""The grid of sixteenths for music in voices, such as four-part chorales: a pitch per step and voice.

Two arrays hold the music: `pitches`, where 0 is a rest, and `onsets`, which distinguish a note that is struck again
from one that is held. `to_grid` and `from_grid` lose nothing of notes whose starts and ends are on the grid, except
how loud they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Int

from genlab.data.notes.grid import held_metre
from genlab.data.notes.score import Metre, Note, Score, Tempo, Track

STEPS = 4
"""Steps per quarter note."""
TICKS = 480
"""Ticks per quarter note of the scores that grids become."""
MOST = 8
"""Maximum number of voices."""
MOST_OFF = 0.05
"""Largest fraction of notes off the grid for which it suits a corpus."""


@dataclass(frozen=True)
class VoiceGrid:
    """A piece on the grid; voices are in order from high to low. Times are steps."""

    pitches: Int[np.ndarray, "steps voices"]
    """MIDI numbers from 1 to 127; 0 is a rest."""
    onsets: Bool[np.ndarray, "steps voices"]
    """Whether a note begins at the step; False for rests."""
    metres: list[Metre] = field(default_factory=lambda: [Metre(0, 4, 4)])
    """In order, the first at step 0."""
    pickup: int = 0
    """Steps of the incomplete bar at the beginning; 0 if the first bar is complete."""
    programs: tuple[int, ...] = ()
    """General MIDI instrument of each voice; empty for pianos."""
    names: tuple[str, ...] = ()
    """Name of each voice; empty without names."""
    tempo: float = 120.0
    """Quarter notes per minute at the beginning."""
    title: str = ""

    @cached_property
    def phases(self) -> Int[np.ndarray, " steps"]:
        """Place of each step in its bar, from 0; a pick-up has the last places of its bar."""
        count = len(self.pitches)
        found = np.zeros(count, np.int64)
        for number, (start, beats, unit) in enumerate(self.metres):
            stop = self.metres[number + 1].start if number + 1 < len(self.metres) else count
            bar = max(1, 4 * STEPS * beats // unit)
            missing = -self.pickup % bar if start == 0 else 0
            found[start:stop] = (np.arange(max(0, min(stop, count) - start)) + missing) % bar
        return found


def why_not_voices(score: Score) -> str | None:
    """Returns why a piece is not in voices, or None if it is: a few tracks that play one note at a time, no drums.

    Notes may overlap by less than a step, as played legato.
    """
    if any(track.drums for track in score.tracks):
        return "has drums"
    if not 1 <= len(score.tracks) <= MOST:
        return f"has {len(score.tracks)} tracks"
    for number, track in enumerate(score.tracks, 1):
        if any(note.pitch == 0 for note in track.notes):
            return f"track {number} has the pitch 0"
        for one, two in zip(track.notes, track.notes[1:], strict=False):
            if two.start == one.start or STEPS * (one.start + one.length - two.start) > score.ticks:
                return f"track {number} plays several notes at once"
    return None


def why_not_all(scores: Sequence[Score]) -> str | None:
    """Returns why the grid does not suit a corpus, or None if it does: all pieces are in the same number of voices, and
    nearly all notes begin on the grid.
    """
    counts: set[int] = set()
    off = total = 0
    for number, score in enumerate(scores, 1):
        if reason := why_not_voices(score):
            return f"piece {number} {reason}"
        counts.add(len(score.tracks))
        off += _off_grid(score)
        total += sum(len(track.notes) for track in score.tracks)
    if len(counts) > 1:
        return "pieces have " + " or ".join(map(str, sorted(counts))) + " voices"
    if off > MOST_OFF * total:
        return f"{off / total:.0%} of notes begin off the grid of sixteenths"
    return None if total else "there are no notes"


def _off_grid(score: Score) -> int:
    """How many notes begin more than an eighth of a step before or after a step: triplets, or a performance."""
    ticks = score.ticks
    rests = [STEPS * note.start % ticks for track in score.tracks for note in track.notes]
    return sum(8 * min(rest, ticks - rest) > ticks for rest in rests)


def to_grid(score: Score) -> tuple[VoiceGrid, list[str]]:
    """Writes a piece in voices, which `why_not_voices` has checked, on the grid.

    Each start and end moves to the nearest step; a note keeps a step at least, and ends where the next one begins.
    Voices are ordered by their mean pitch.

    Returns:
        The grid, and a phrase for each kind of change that the notes and metres underwent.
    """
    ticks = score.ticks
    step = lambda tick: (2 * STEPS * tick + ticks) // (2 * ticks)
    heights = [np.mean([note.pitch for note in track.notes]) if track.notes else -1.0 for track in score.tracks]
    tracks = [score.tracks[number] for number in sorted(range(len(heights)), key=lambda one: -heights[one])]
    count = 1 + max((step(note.start + note.length) for track in tracks for note in track.notes), default=-1)
    pitches, onsets = np.zeros((count, len(tracks)), np.int64), np.zeros((count, len(tracks)), bool)
    moved = total = 0
    for voice, track in enumerate(tracks):
        until = 0
        for start, length, pitch, _ in track.notes:
            begin = step(start)
            end = max(begin + 1, step(start + length))
            pitches[begin:until, voice] = 0  # the rest of the note before
            until = end
            pitches[begin:end, voice] = pitch
            onsets[begin, voice] = True
            moved += begin * ticks != STEPS * start or end * ticks != STEPS * (start + length)
            total += 1
    count = 1 + int(np.flatnonzero(pitches.sum(1)).max(initial=-1))  # without silence at the end
    changes = []
    if moved:
        changes.append(f"{moved / total:.1%} of notes begin or end off the grid of sixteenths: moved")
    if lost := total - int(onsets.sum()):
        changes.append(
            "1 note shorter than a step dropped" if lost == 1 else f"{lost:,} notes shorter than a step dropped"
        )
    metres: dict[int, Metre] = {}  # of those that fall on one step the last one counts
    for metre in score.metres:
        held = held_metre(metre)
        metres[step(metre.start)] = held._replace(start=step(metre.start))
        phrase = f"metre {metre.beats}/{metre.unit} written as {held.beats}/{held.unit}"
        if held != metre and phrase not in changes:
            changes.append(phrase)
    grid = VoiceGrid(
        pitches[:count],
        onsets[:count],
        list(metres.values()),
        step(score.pickup),
        tuple(track.program for track in tracks),
        tuple(track.name for track in tracks),
        score.tempos[0].per_minute,
        score.title,
    )
    return grid, changes


def from_grid(grid: VoiceGrid) -> Score:
    """Reads the piece on a grid: a note begins at an onset or a change of pitch, and lasts until the pitch changes or
    another note begins.
    """
    scale = TICKS // STEPS
    voices = grid.pitches.shape[1]
    programs, names = grid.programs or (0,) * voices, grid.names or ("",) * voices
    tracks = []
    for voice in range(voices):
        pitches = grid.pitches[:, voice]
        changed = np.diff(pitches, prepend=0) != 0
        bounds = np.flatnonzero(changed | (grid.onsets[:, voice] & (pitches > 0))).tolist()
        notes = [
            Note(scale * start, scale * (stop - start), int(pitches[start]))
            for start, stop in pairwise([*bounds, len(pitches)])
            if pitches[start] > 0
        ]
        tracks.append(Track(notes, programs[voice], False, names[voice]))
    return Score(
        tracks,
        TICKS,
        [metre._replace(start=scale * metre.start) for metre in grid.metres],
        [],
        [Tempo(0, grid.tempo)],
        scale * grid.pickup,
        grid.title,
    )

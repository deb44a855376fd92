"""Pieces as `metrics/` measures them, and the comparison of made with held-out music."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from genlab.data.notes.grid import bars_of, on_grid
from genlab.data.notes.score import Score
from genlab.data.notes.voices import VoiceGrid, to_grid
from genlab.metrics.counterpoint import faults, pitch_ranges
from genlab.metrics.music import Piece
from genlab.metrics.music_copies import copying, grid_windows, melody_windows
from genlab.metrics.music_overlap import overlaps
from genlab.metrics.music_structure import shuffled_bars, structure, structure_error

WINDOWS = (16, 64)
"""Lengths of the windows of the copy check on the grid, in sixteenths: a bar and four bars of 4/4."""


def measured(score: Score) -> Piece:
    """A piece as arrays of notes, in twelfths of a beat."""
    score, _ = on_grid(score)
    rows = {drums: [] for drums in (False, True)}  # type: dict[bool, list[tuple[int, int, int, int]]]
    for number, track in enumerate(score.tracks):
        rows[track.drums] += [(note.start, note.length, note.pitch, number) for note in track.notes]
    last = max((note[0] for notes in rows.values() for note in notes), default=0)
    bars = bars_of(score, last)
    edges = np.array([*(bar.start for bar in bars), bars[-1].start + bars[-1].length])
    notes, drums = (np.array(rows[kind], np.int64).reshape(-1, 4) for kind in (False, True))
    return Piece(notes, edges, drums)


def compared(made: Sequence[Score], held_out: Sequence[Score], others: Sequence[Score]) -> dict[str, Any]:
    """Statistics and structure of made music, beside those of other real music and of shuffled bars.

    Args:
        made: Made pieces.
        held_out: Held-out pieces.
        others: Other real pieces.

    Returns:
        `overlap`: by statistic, from 0 to 1, the overlap with held-out pieces; `structure_error`: mean difference of
        the similarity of bars, by their distance; each as `made`, `floor` (the other real pieces) and `shuffled` (the
        held-out pieces with their bars in random order).
    """
    truth = [measured(score) for score in held_out]
    random = np.random.default_rng(0)
    kinds = {
        "made": [measured(score) for score in made],
        "floor": [measured(score) for score in others],
        "shuffled": [shuffled_bars(piece, random) for piece in truth],
    }
    found = {name: overlaps(pieces, truth) for name, pieces in kinds.items()}
    real = structure(truth)
    return {
        "overlap": {name: {kind: values[name] for kind, values in found.items()} for name in found["made"]},
        "structure_error": {kind: structure_error(structure(pieces), real) for kind, pieces in kinds.items()},
    }


def counterpoint(
    made: Sequence[VoiceGrid], held_out: Sequence[VoiceGrid], train: Sequence[VoiceGrid]
) -> dict[str, dict[str, float]]:
    """Faults of part-writing in made and held-out pieces in voices; ranges are those of the training pieces."""
    ranges = pitch_ranges([grid.pitches for grid in train])
    found = {
        name: faults([grid.pitches for grid in grids], ranges) for name, grids in (("made", made), ("real", held_out))
    }
    return {name: {kind: values[name] for kind, values in found.items()} for name in found["made"]}


def copies_in_voices(
    made: Sequence[VoiceGrid], held_out: Sequence[VoiceGrid], train: Sequence[VoiceGrid]
) -> dict[str, dict[str, Any]]:
    """Share of windows of all voices that the training pieces have in any key, by length in steps."""
    return {
        f"{steps}_steps": copying(
            *([grid_windows(grid.pitches, steps) for grid in grids] for grids in (made, held_out, train))
        )
        for steps in WINDOWS
    }


def copies_of_melodies(
    made: Sequence[Score], held_out: Sequence[Score], train: Sequence[Score]
) -> dict[str, dict[str, Any]]:
    """Share of windows of a track's successive notes that the training pieces have in any key."""
    windows = ([melody_windows(measured(score).notes) for score in scores] for scores in (made, held_out, train))
    return {"12_notes": copying(*windows)}


def on_grids(scores: Sequence[Score]) -> list[VoiceGrid]:
    """Pieces in voices, on the grid."""
    return [to_grid(score)[0] for score in scores]

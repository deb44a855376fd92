"""Faults of part writing and cadences in pieces of a few voices, on a grid of equal steps.

A grid holds the MIDI pitch of each voice at each step, voices from high to low; `REST` is silence. A chord change is a
step at which the pitch of any voice differs from the step before, rests included.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Int

Grid = Int[np.ndarray, "steps voices"]
Grids = Sequence[Int[np.ndarray, "_ voices"]]
Ranges = Int[np.ndarray, "voices 2"]

REST = 0
"""What a grid holds where a voice is silent."""
TRIADS = ((0, 4, 7), (0, 3, 7), (0, 4), (0, 3))
"""Semitones above the bass, without octaves, of major and minor triads in root position, complete or without fifth."""


def faults(grids: Grids, ranges: Ranges) -> dict[str, float]:
    """Faults and cadences of a set of pieces, whose changes, steps and notes count equally.

    Args:
        grids: At least one piece.
        ranges: The lowest and the highest pitch of each voice, both within its range; see `pitch_ranges`.

    Returns:
        `parallel_fifths` and `parallel_octaves` per 100 chord changes; `crossings`, the share of steps at which any
        voice is below a lower one; `out_of_range`, the share of sounding cells outside the range of their voice;
        `cadences`, the share of pieces with `ends_on_triad`; `together`, the share with `ends_together`.
    """
    changes = max(sum(chord_changes(grid) for grid in grids), 1)
    steps = max(sum(map(len, grids)), 1)
    sounding = max(sum(int((grid != REST).sum()) for grid in grids), 1)
    return {
        "parallel_fifths": 100 * sum(parallels(grid, 7) for grid in grids) / changes,
        "parallel_octaves": 100 * sum(parallels(grid, 0) for grid in grids) / changes,
        "crossings": sum(int(crossed(grid).sum()) for grid in grids) / steps,
        "out_of_range": sum(int(out_of_range(grid, ranges).sum()) for grid in grids) / sounding,
        "cadences": sum(map(ends_on_triad, grids)) / len(grids),
        "together": sum(map(ends_together, grids)) / len(grids),
    }


def pitch_ranges(grids: Grids, share: float = 0.001) -> Ranges:
    """The range of each voice in a set of pieces: `share` of its cells may lie below it, and as many above.

    A voice that never sounds has the range of all pitches.
    """
    cells = np.concatenate(grids)
    ranges = np.array([[1, 127]] * cells.shape[1])
    for voice, pitches in enumerate(cells.T):
        if (sounding := pitches[pitches != REST]).size:
            ranges[voice, 0] = np.quantile(sounding, share, method="lower")
            ranges[voice, 1] = np.quantile(sounding, 1 - share, method="higher")
    return ranges


def chord_changes(grid: Grid) -> int:
    """Number of chord changes."""
    return int((grid[1:] != grid[:-1]).any(1).sum())


def parallels(grid: Grid, semitones: int) -> int:
    """Number of parallel intervals: pairs of voices that move from one such interval to the next.

    Both voices move in the same direction at the same step and keep the interval, with or without octaves added to it.
    It is measured upwards from the lower pitch: a fourth between crossed voices is not a fifth.

    Args:
        grid: A piece.
        semitones: Size of the interval: 7 for perfect fifths, 0 for octaves and unisons.
    """
    before, after = grid[:-1], grid[1:]
    count = 0
    for first, second in combinations(range(grid.shape[1]), 2):
        pair = [first, second]
        steps = (after - before)[:, pair]
        similar = steps[:, 0] * steps[:, 1] > 0
        sounding = (before[:, pair] != REST).all(1) & (after[:, pair] != REST).all(1)
        kept = [np.abs(chords[:, first] - chords[:, second]) % 12 == semitones for chords in (before, after)]
        count += int((similar & sounding & kept[0] & kept[1]).sum())
    return count


def crossed(grid: Grid) -> Bool[np.ndarray, " steps"]:
    """At which steps any voice sounds below a lower one."""
    lowest = np.minimum.accumulate(np.where(grid == REST, 128, grid), 1)  # of the voices above, and itself
    return ((grid != REST) & (grid > lowest)).any(1)


def out_of_range(grid: Grid, ranges: Ranges) -> Bool[np.ndarray, "steps voices"]:
    """Which cells sound outside the range of their voice."""
    return (grid != REST) & ((grid < ranges[:, 0]) | (grid > ranges[:, 1]))


def ends_on_triad(grid: Grid) -> bool:
    """Whether the last chord is a major or minor triad in root position, complete or without its fifth.

    The last chord is what sounds at the last step that is not silent; its bass is the lowest pitch.
    """
    chords = grid[(grid != REST).any(1)]
    if len(chords) == 0:
        return False
    chord = chords[-1][chords[-1] != REST]
    return tuple(np.unique((chord - chord.min()) % 12)) in TRIADS


def ends_together(grid: Grid) -> bool:
    """Whether all voices sound until the last step that is not silent."""
    chords = grid[(grid != REST).any(1)]
    return len(chords) > 0 and bool((chords[-1] != REST).all())

"""Copying in music: short stretches that the training music has as well, in any key.

Windows of all voices of a grid, or of a melody, become hashes that transposition does not change. Real pieces share
windows too, such as scales, cadences and the tunes of chorales: compare with the share of held-out music.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int, UInt64

from genlab.metrics.counterpoint import REST, Grid
from genlab.metrics.music import PITCH, TRACK, Notes, melodies

Hashes = UInt64[np.ndarray, " windows"]
ManyHashes = Sequence[UInt64[np.ndarray, " _"]]

NOTES = 12
"""Notes in the windows of melodies."""
SILENT = 1000
"""Hashed in place of the interval of a rest."""
SLACK = 0.02
"""Margin of the copy check, as a share of windows: twice the held-out share may be 0."""


def grid_windows(grid: Grid, steps: int) -> Hashes:
    """Hashes of all windows of `steps` steps of all voices, whose pitches count from the first that sounds.

    Silent windows, and a piece shorter than a window, have no hash.
    """
    if len(grid) < steps:
        return np.zeros(0, np.uint64)
    windows = (
        np.lib.stride_tricks.sliding_window_view(grid, steps, 0).transpose(0, 2, 1).reshape(-1, steps * grid.shape[1])
    )
    sounding = windows != REST
    windows, sounding = windows[sounding.any(1)], sounding[sounding.any(1)]
    first = np.take_along_axis(windows, sounding.argmax(1)[:, None], 1)
    return _hashes(np.where(sounding, windows - first, SILENT))


def melody_windows(notes: Notes, length: int = NOTES) -> Hashes:
    """Hashes of the intervals of all windows of `length` successive notes in the melody of each track."""
    tops = melodies(notes)
    found = [np.zeros(0, np.uint64)]
    for track in np.unique(tops[:, TRACK]):
        intervals = np.diff(tops[tops[:, TRACK] == track, PITCH])
        if len(intervals) >= length - 1:
            found.append(_hashes(np.lib.stride_tricks.sliding_window_view(intervals, length - 1)))
    return np.concatenate(found)


def shared(windows: ManyHashes, training: Hashes) -> float:
    """Share of the windows of all pieces that are among the training windows; 0 without any window."""
    every = np.concatenate([np.zeros(0, np.uint64), *windows])
    return float(np.isin(every, training).mean()) if len(every) else 0.0


def copying(made: ManyHashes, held_out: ManyHashes, training: ManyHashes) -> dict[str, Any]:
    """Compares the shares of windows that new and held-out pieces have in common with the training pieces.

    Args:
        made: The windows of each new piece.
        held_out: Those of each held-out piece.
        training: Those of each training piece, by the same function and of the same length.

    Returns:
        `made` and `held_out`: the share of windows that the training pieces have as well; `worst`: the largest share
        of a new piece, and `worst_piece`, its index; `copies`: whether `made` exceeds twice `held_out` by more than
        `SLACK`.
    """
    known = np.unique(np.concatenate([np.zeros(0, np.uint64), *training]))
    shares = [shared([windows], known) for windows in made]
    found, expected = shared(made, known), shared(held_out, known)
    return {
        "made": found,
        "held_out": expected,
        "worst": max(shares, default=0.0),
        "worst_piece": int(np.argmax(shares)) if shares else 0,
        "copies": found > 2 * expected + SLACK,
    }


def _hashes(rows: Int[np.ndarray, "windows values"]) -> Hashes:
    """Sums of the values, each times a fixed random number of its place, modulo 2^64."""
    factors = np.random.default_rng(0).integers(0, 2**64, rows.shape[1], dtype=np.uint64)
    return rows.astype(np.int64).view(np.uint64) @ factors

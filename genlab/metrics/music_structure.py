"""Structure of music: how alike the bars of a piece are by their distance; pieces with shuffled bars as a control."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float

from genlab.metrics.music import Piece, agreement, bars_of

LAGS = 16
"""Largest distance of the bars that are compared."""


def bar_similarity(piece: Piece, lags: int = LAGS) -> Float[np.ndarray, " lags"]:
    """Mean similarity of bars that are 1, 2, ..., `lags` bars apart: their common notes as a share of those of either.

    Notes are equal if their track, place in the bar, length and pitch are equal (Yu et al. 2022). Departs from the
    paper: notes are also compared by track, and pairs of silent bars do not count.

    Returns:
        The means, from 0 to 1; NaN where a piece has no pair of bars that far apart.
    """
    every = piece.everything
    bar = bars_of(every, piece.bars)
    places = every - piece.bars[bar, None] * [1, 0, 0, 0]
    kinds = np.unique(places, axis=0, return_inverse=True)[1].reshape(-1)
    means = np.full(lags, np.nan)
    for lag in range(1, min(lags, len(piece.bars) - 2) + 1):
        common, either = agreement(bar, kinds, len(piece.bars) - 1, lag)
        if (either > 0).any():
            means[lag - 1] = (common[either > 0] / either[either > 0]).mean()
    return means


def structure(pieces: Iterable[Piece], lags: int = LAGS) -> Float[np.ndarray, " lags"]:
    """Mean `bar_similarity` of the pieces that are long enough for each distance; NaN where none is."""
    rows = np.array([bar_similarity(piece, lags) for piece in pieces]).reshape(-1, lags)
    known = np.isfinite(rows)
    return np.where(known, rows, 0).sum(0) / np.where(known.any(0), known.sum(0), np.nan)


def structure_error(made: Float[np.ndarray, " lags"], real: Float[np.ndarray, " lags"]) -> float:
    """Mean absolute difference of two structures (similarity error; Yu et al. 2022) over the distances both have."""
    difference = np.abs(made - real)
    return float(difference[np.isfinite(difference)].mean()) if np.isfinite(difference).any() else np.nan


def shuffled_bars(piece: Piece, generator: np.random.Generator) -> Piece:
    """The same bars in random order, as a control: what is left of structure and of melody is chance.

    A note moves with the bar in which it starts and keeps its length.
    """
    order = generator.permutation(len(piece.bars) - 1)
    bars = piece.bars[0] + np.concatenate([[0], np.diff(piece.bars)[order].cumsum()])
    shift = np.empty(len(order), np.int64)
    shift[order] = bars[:-1] - piece.bars[order]
    notes, drums = (
        rows + shift[bars_of(rows, piece.bars)][:, None] * [1, 0, 0, 0] for rows in (piece.notes, piece.drums)
    )
    return Piece(notes, bars, drums)

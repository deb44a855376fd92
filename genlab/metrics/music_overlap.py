"""How much the distributions of two sets of pieces overlap.

Yang and Lerch (2020), "On the evaluation of generative models in music". Values are meaningful only beside those of
real music against other real music and of pieces whose bars are shuffled.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from genlab.metrics.music import Counts, Piece, histograms, statistics

POINTS = 1000
"""Points at which kernel densities are compared."""
BANDWIDTHS = {"pitch_entropy": 0.05, "density": 0.1, "polyphony": 0.1, "scale_consistency": 0.01, "groove": 0.01}
"""Smallest bandwidth of each statistic: differences much smaller than it do not count."""


def overlaps(first: Sequence[Piece], second: Sequence[Piece]) -> dict[str, float]:
    """How much two sets of pieces overlap in each of the `histograms` and `statistics`, from 0 to 1.

    Histograms are pooled over the pieces of a set, so that each note counts equally, and compared by
    `histogram_overlap`; statistics, one value a piece, by `overlapping_area`.

    Returns:
        The overlap by name; nothing if a set is empty.
    """
    if not (first and second):
        return {}
    counts = [[histograms(piece) for piece in pieces] for pieces in (first, second)]
    values = [[statistics(piece) for piece in pieces] for pieces in (first, second)]
    result = {}
    for name in counts[0][0]:
        pooled = [np.sum([piece[name] for piece in pieces], 0) for pieces in counts]
        result[name] = histogram_overlap(pooled[0], pooled[1])
    for name, least in BANDWIDTHS.items():
        rows = [np.array([piece[name] for piece in pieces]) for pieces in values]
        result[name] = overlapping_area(rows[0], rows[1], least)
    return result


def histogram_overlap(first: Counts, second: Counts) -> float:
    """The sum of the smaller share of each bin: 1 for equal distributions, 0 for disjoint ones or an empty one."""
    return float(np.minimum(first / max(first.sum(), 1), second / max(second.sum(), 1)).sum())


def overlapping_area(
    first: Float[np.ndarray, " first"], second: Float[np.ndarray, " second"], least: float = 0.0
) -> float:
    """The area below both of two Gaussian kernel densities (Yang and Lerch 2020).

    The bandwidth is Scott's, the standard deviation times values^(-1/5), but at least `least` and a hundredth of the
    range of all values. Departs from the paper: the densities are those of the values, not of the distances between
    pairs of pieces.

    Returns:
        The area: 1 for equal densities, about 0 for distant ones; 0 if a set has no finite value.
    """
    sets = [values[np.isfinite(values)] for values in (first, second)]
    if not all(map(len, sets)):
        return 0.0
    low, high = (float(bound(np.concatenate(sets))) for bound in (np.min, np.max))
    if low == high:
        return 1.0
    widths = [
        max(values.std(ddof=min(1, len(values) - 1)) * len(values) ** -0.2, least, (high - low) / 100)
        for values in sets
    ]
    points, step = np.linspace(low - 4 * max(widths), high + 4 * max(widths), POINTS, retstep=True)
    densities = [
        np.exp(-0.5 * ((points[:, None] - values) / width) ** 2).mean(1) / (width * np.sqrt(2 * np.pi))
        for values, width in zip(sets, widths, strict=True)
    ]
    return min(float(np.minimum(*densities).sum() * step), 1.0)

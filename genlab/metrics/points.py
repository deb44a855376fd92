"""Metrics of generated points in the plane."""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Points = Float[Tensor, "points 2"]
ROWS = 2048
"""Number of points whose distances to all others are computed at once."""
NEAR = 3.0
"""A point is good within this many standard deviations of a mode."""
FAIR = 0.2
"""A mode counts as found if it has at least this fraction of an equal share of the points."""


def energy_distance(first: Points, second: Float[Tensor, "others 2"]) -> float:
    """2 E|x - y| - E|x - x'| - E|y - y'|: zero for equal distributions, else positive.

    Székely and Rizzo (2013), "Energy statistics: a class of statistics based on distances". Estimated from samples,
    with a small positive bias: the floor.

    Returns:
        The distance, in the points' unit.
    """
    return 2 * _mean_distance(first, second) - _mean_distance(first, first) - _mean_distance(second, second)


def nearest_neighbour_accuracy(generated: Points, real: Points) -> float:
    """Leave-one-out accuracy of a 1-nearest-neighbour classifier of generated and real points.

    Lopez-Paz and Oquab (2017), "Revisiting classifier two-sample tests", arXiv 1610.06545. Both sets have the same
    size; a tie counts half.

    Returns:
        The accuracy: 0.5 for equal distributions, 1 if the two never mix, and well below 0.5 if generated points are
        copies of real ones.
    """
    assert len(generated) == len(real)
    right = 0.0
    for mine, theirs in ((generated, real), (real, generated)):
        near, far = _own_distances(mine), nearest_distances(mine, theirs)
        right += ((near < far).double() + 0.5 * (near == far).double()).sum().item()
    return right / (2 * len(real))


def stray_share(generated: Points, real: Float[Tensor, "others 2"]) -> float:
    """Share of generated points outside the real distribution.

    Such a point is farther from the nearest real point than 99 % of real points are from their nearest neighbour
    (1 - precision as in Kynkäänniemi et al. 2019, arXiv 1904.06991, with one radius for all points).

    Returns:
        The share; about 0.01, the floor, for equal distributions.
    """
    return (nearest_distances(generated, real) > _own_distances(real).quantile(0.99)).double().mean().item()


def modes_found(points: Points, centres: Float[Tensor, "modes 2"], deviation: float) -> dict[str, Any]:
    """Counts the known modes that were found, and the points near one.

    Args:
        points: Generated points, usually 10,000.
        centres: Centres of the true modes.
        deviation: Standard deviation of each mode.

    Returns:
        `found`: modes with at least a fifth of an equal share of the points within three standard deviations, out of
        `of`; `good`: share of the points within three standard deviations of a mode (98.9 % for true points);
        `fewest` and `most`: good points of the emptiest and the fullest mode, relative to an equal share.
    """
    distances, nearest = _distances(points, centres).min(1)
    good: Bool[Tensor, " points"] = distances <= NEAR * deviation
    counts = torch.bincount(nearest[good], minlength=len(centres))
    shares = counts / (len(points) / len(centres))
    return {
        "found": int((shares >= FAIR).sum()),
        "of": len(centres),
        "good": good.double().mean().item(),
        "fewest": shares.min().item(),
        "most": shares.max().item(),
    }


def copying(
    generated: Points, held_out: Float[Tensor, "held 2"], training: Float[Tensor, "training 2"]
) -> dict[str, Any]:
    """Tests whether generated points are closer to training points than held-out real ones are.

    Returns:
        `generated` and `held_out`: median distance to the nearest training point, in the points' unit; `verdict` in
        words.
    """
    mine = nearest_distances(generated, training).median().item()
    real = nearest_distances(held_out, training).median().item()
    copies = mine < 0.5 * real
    return {
        "generated": mine,
        "held_out": real,
        "verdict": "The model repeats its training points."
        if copies
        else "The model is no closer to its training points than real points are.",
    }


def nearest_distances(points: Points, others: Float[Tensor, "others 2"]) -> Float[Tensor, " points"]:
    """Distance of each point to the nearest of `others`."""
    return torch.cat([_distances(rows, others).amin(1) for rows in points.split(ROWS)])


def _own_distances(points: Points) -> Float[Tensor, " points"]:
    """Distance of each point to its nearest neighbour in the same set."""
    nearest = []
    for start in range(0, len(points), ROWS):
        distances = _distances(points[start : start + ROWS], points)
        distances.diagonal(start).fill_(torch.inf)
        nearest.append(distances.amin(1))
    return torch.cat(nearest)


def _mean_distance(first: Points, second: Float[Tensor, "others 2"]) -> float:
    means = torch.cat([_distances(rows, second).mean(1) for rows in first.split(ROWS)])
    return means.double().mean().item()


def _distances(first: Points, second: Float[Tensor, "others 2"]) -> Float[Tensor, "points others"]:
    # Matrix products would be faster, but lose the precision that tight clusters need.
    return torch.cdist(first, second, compute_mode="donot_use_mm_for_euclid_dist")

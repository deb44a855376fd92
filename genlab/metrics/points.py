"""Measures of points in the plane: can they be told from real ones, how far are they, which modes are there?"""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Points = Float[Tensor, "points 2"]
ROWS = 2048
"""Points whose distances to all others are held at once."""
NEAR = 3.0
"""Standard deviations from a mode's centre within which a point is good."""
FAIR = 0.2
"""Part of its fair share of the points that a mode needs to count as found."""


def energy_distance(first: Points, second: Float[Tensor, "others 2"]) -> float:
    """2 E|x - y| - E|x - x'| - E|y - y'|: zero where both come from one distribution, else above.

    Székely and Rizzo (2013), "Energy statistics: a class of statistics based on distances", with samples in
    place of the distributions: two samples of one distribution stand a little above zero, the floor.

    Returns:
        The distance, in the points' unit.
    """
    return 2 * _mean_distance(first, second) - _mean_distance(first, first) - _mean_distance(second, second)


def nearest_neighbour_accuracy(generated: Points, real: Points) -> float:
    """How well the nearest neighbour tells generated points from as many real ones.

    Each point, left out in turn, is given the kind of its nearest neighbour among all others (Lopez-Paz and
    Oquab 2017, "Revisiting classifier two-sample tests", arXiv 1610.06545); a tie is half right.

    Returns:
        The share given the right kind: 0.5 where the two cannot be told apart, 1 where they never mix;
        clearly below 0.5 where generated points are copies of the real ones.
    """
    assert len(generated) == len(real)
    right = 0.0
    for mine, theirs in ((generated, real), (real, generated)):
        near, far = _apart(mine), nearest_distances(mine, theirs)
        right += ((near < far).double() + 0.5 * (near == far).double()).sum().item()
    return right / (2 * len(real))


def stray_share(generated: Points, real: Float[Tensor, "others 2"]) -> float:
    """Share of generated points that stand where no real ones do.

    That is: further from the nearest real point than 99 % of real points are from their nearest neighbour
    (precision as in Kynkäänniemi et al. 2019, arXiv 1904.06991, with one radius for all).

    Returns:
        The share; about 0.01, the floor, for points of the same distribution.
    """
    return (nearest_distances(generated, real) > _apart(real).quantile(0.99)).double().mean().item()


def modes_found(points: Points, centres: Float[Tensor, "modes 2"], deviation: float) -> dict[str, Any]:
    """How many of the known modes are there, and how many points are at one.

    Args:
        points: What was generated; 10,000 is the custom.
        centres: Centres of the true modes.
        deviation: Standard deviation of each.

    Returns:
        `found` and `of`: modes with at least a fifth of their fair share of points within three standard
        deviations, and all of them; `good`: share of the points within three standard deviations of a
        mode (98.9 % of true points are); `fewest` and `most`: good points of the emptiest and the fullest
        mode, over their fair share.
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
    """Whether generated points lie closer to the training points than real unseen ones do.

    Returns:
        For both: the median distance of a point to its nearest training point, in the points' unit; and a
        verdict in words.
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
    """Of each point the distance to the nearest of `others`."""
    return torch.cat([_distances(rows, others).amin(1) for rows in points.split(ROWS)])


def _apart(points: Points) -> Float[Tensor, " points"]:
    """Of each point the distance to the nearest of the others."""
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
    # by differences: the faster way over squares loses the digits that tight clusters need
    return torch.cdist(first, second, compute_mode="donot_use_mm_for_euclid_dist")

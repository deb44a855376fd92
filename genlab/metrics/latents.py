"""Directions in a latent space: linear, one per value of an attribute, found by regression; and principal components.

Data flow::

    latents (draws, latent), log-odds of each value that a judge reads (draws, values) -> slopes (values, latent)
    -> minus their part in the span of the other attributes' slopes -> unit directions (values, latent)

Shen, Gu, Tang and Zhou (2020), "Interpreting the Latent Space of GANs for Semantic Face Editing", arXiv 1907.10786:
attributes change along linear directions, and projecting one direction off another separates the two ("conditional
manipulation"). Departs from the paper: ridge regression on log-odds replaces its support vector machines, so that
attributes of more than two values need no pairs of classes.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

RIDGE = 0.01
"""Weight of the ridge penalty, relative to the number of draws: latents have a variance of one."""
DEPENDENT = 1e-3
"""A slope of which less than this fraction remains lies in the span of the others."""


def log_odds(log_probabilities: Float[Tensor, "draws values"]) -> Float[Tensor, "draws values"]:
    """Log-odds of each value against all others together: log p - log(1 - p).

    Args:
        log_probabilities: Natural logarithms of probabilities that sum to 1.
    """
    count = log_probabilities.shape[1]
    others = [log_probabilities[:, [v for v in range(count) if v != value]].logsumexp(1) for value in range(count)]
    return log_probabilities - torch.stack(others, 1)


def slopes(
    latents: Float[Tensor, "draws latent"],
    targets: Float[Tensor, "draws values"],
    groups: Int[Tensor, " draws"] | None = None,
) -> Float[Tensor, "values latent"]:
    """Ridge regression of each target on the latents: (Z'Z + r n I)^-1 Z'T, with Z and T centred.

    Args:
        latents: Latent vectors.
        targets: What to predict.
        groups: Class index of each draw; Z and T are then centred within each class, because a class shifts what is
            read without any help of the latents.
    """
    groups = torch.zeros(len(latents), dtype=torch.long) if groups is None else groups
    z, t = _centred(latents, groups), _centred(targets, groups)
    penalty = RIDGE * len(z) * torch.eye(z.shape[1])
    return torch.linalg.solve(z.T @ z + penalty, z.T @ t).T


def _centred(rows: Float[Tensor, "draws columns"], groups: Int[Tensor, " draws"]) -> Float[Tensor, "draws columns"]:
    """The rows minus the mean of their group."""
    count = int(groups.max()) + 1
    sums = torch.zeros(count, rows.shape[1]).index_add_(0, groups, rows)
    return rows - (sums / groups.bincount(minlength=count).clamp(min=1)[:, None])[groups]


def unit_directions(
    all_slopes: Sequence[Float[Tensor, "_values latent"]],
) -> list[Float[Tensor, "_values latent"]]:
    """Slopes without their part in the span of the other attributes' slopes, scaled to length 1.

    Args:
        all_slopes: The slopes of each attribute.

    Returns:
        The directions of each attribute; zeros for a slope that lies in the span of the others.
    """
    directions = []
    for place, own in enumerate(all_slopes):
        others = [each for other, each in enumerate(all_slopes) if other != place]
        left = own - own @ _projector(torch.cat(others)) if others else own
        before, after = own.norm(dim=1, keepdim=True), left.norm(dim=1, keepdim=True)
        kept = (after > DEPENDENT * before) & (before > 0)
        directions.append(torch.where(kept, left / after.clamp(min=1e-12), torch.zeros_like(left)))
    return directions


def _projector(rows: Float[Tensor, "rows latent"]) -> Float[Tensor, "latent latent"]:
    """The orthogonal projector on the span of the rows; slopes of one attribute are dependent, so the rank counts."""
    _, singular, basis = torch.linalg.svd(rows, full_matrices=False)
    basis = basis[singular > DEPENDENT * singular.max().clamp(min=1e-12)]
    return basis.T @ basis


def principal_components(
    rows: Float[Tensor, "rows latent"], count: int = 2
) -> tuple[Float[Tensor, " latent"], Float[Tensor, "count latent"]]:
    """The mean of the rows and their first principal components, of length 1, the widest first.

    The sign is such that the largest entry of each component is positive, so that it does not depend on the library.

    Args:
        rows: More rows than `count`, of at least `count` numbers each.
        count: Number of components.
    """
    assert len(rows) > count <= rows.shape[1], "too few rows or columns for that many components"
    mean = rows.mean(0)
    basis = torch.linalg.svd(rows - mean, full_matrices=False)[2][:count]
    signs = basis.gather(1, basis.abs().argmax(1, keepdim=True)).sign()
    return mean, basis * signs

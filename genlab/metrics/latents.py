"""Directions in a latent space, one per value of an attribute, found by logistic regression; and principal components.

Data flow::

    latents (draws, latent), probabilities of the values that a judge reads (draws, values)
    -> weights (values, latent) and biases (values,) -> minus the part of the weights in the span of those of the other
    attributes -> directions (values, latent), and the shortest step along them to where a value is the likeliest

Shen, Gu, Tang and Zhou (2020), "Interpreting the Latent Space of GANs for Semantic Face Editing", arXiv 1907.10786:
attributes change along linear directions, and projecting one direction off another separates the two ("conditional
manipulation"). Departs from the paper: multinomial logistic regression replaces its support vector machines, so that
attributes of more than two values need no pairs of classes; and a step is as long as each latent vector needs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

Gain = Callable[[Float[Tensor, "rows latent"]], Float[Tensor, " rows"]]
PENALTY = 1e-3
"""Factor on the squared weights of the regression: latents have a variance of one."""
ITERATIONS = 200
"""Most iterations of L-BFGS."""
DEPENDENT = 1e-3
"""A weight of which less than this fraction remains lies in the span of the others."""
STEPS = 60
"""Number of moves towards a value, each away from the rival that is the likeliest then."""
FARTHEST = 8.0
"""Greatest length of a step, in standard deviations of the latents."""


@dataclass(frozen=True)
class LatentClassifier:
    """Predicts the value of an attribute from a latent vector: logits = latents W' + b."""

    weight: Float[Tensor, "values latent"] = field(repr=False)
    bias: Float[Tensor, " values"] = field(repr=False)
    free: Float[Tensor, "values latent"] = field(repr=False)
    """The weights without their part in the span of the other attributes' weights; zeros if nothing is left."""

    @property
    def directions(self) -> Float[Tensor, "values latent"]:
        """The free weights, scaled to length 1; zeros if nothing is left."""
        return self.free / self.free.norm(dim=1, keepdim=True).clamp(min=1e-12)

    def step(self, latents: Float[Tensor, "rows latent"], value: int, margin: float) -> Float[Tensor, "rows latent"]:
        """Short steps after which the logit of a value leads all others by `margin`.

        Each is a sum of moves along the free weights, every one just as long as the strongest rival requires. A value
        between two others, such as a medium skin, may have no place where it leads by that much: the moves then end
        between them. No step is longer than `FARTHEST`.
        """
        toward = self.free[value] - self.free
        squared = toward.square().sum(1)
        can_lose = squared > DEPENDENT**2 * self.weight.square().sum(1).max()
        moved = latents.clone()
        for _ in range(STEPS if can_lose.any() else 0):
            logits = moved @ self.weight.T + self.bias
            lead, rival = (logits[:, value, None] - logits).masked_fill(~can_lose, torch.inf).min(1)
            moved = moved + ((margin - lead).clamp(min=0) / squared[rival])[:, None] * toward[rival]
        step = moved - latents
        return step * (FARTHEST / step.norm(dim=1, keepdim=True).clamp(min=FARTHEST))


def best_step(
    classifier: LatentClassifier,
    latents: Float[Tensor, "rows latent"],
    value: int,
    margins: Sequence[float],
    gain: Gain,
) -> Float[Tensor, "rows latent"]:
    """The steps by one of several margins, for each latent vector that with the greatest gain; of equals, the first.

    Args:
        classifier: Makes the steps.
        latents: Latent vectors.
        value: The index of the new value.
        margins: In ascending order.
        gain: How good latent vectors are after a step.
    """
    steps = torch.stack([classifier.step(latents, value, margin) for margin in margins])
    best = torch.stack([gain(latents + step) for step in steps]).argmax(0)
    return steps[best, torch.arange(len(latents))]


def fit_classifiers(
    latents: Float[Tensor, "draws latent"],
    log_probabilities: Sequence[Float[Tensor, "draws _values"]],
    groups: Int[Tensor, " draws"] | None = None,
) -> list[LatentClassifier]:
    """A classifier of latents per attribute, whose free weights leave the other attributes unchanged.

    Args:
        latents: Latent vectors.
        log_probabilities: Natural logarithms of the probabilities of each attribute's values.
        groups: Class index of each draw; each class then has a bias, because it shifts what is read without any help
            of the latents. A classifier has their mean.
    """
    groups = torch.zeros(len(latents), dtype=torch.long) if groups is None else groups
    fits = [logistic_regression(latents, one.exp(), groups) for one in log_probabilities]
    weights = [weight for weight, _ in fits]
    pairs = zip(fits, without_others(weights), strict=True)
    return [LatentClassifier(weight, biases.mean(0), free) for (weight, biases), free in pairs]


def logistic_regression(
    latents: Float[Tensor, "draws latent"], targets: Float[Tensor, "draws values"], groups: Int[Tensor, " draws"]
) -> tuple[Float[Tensor, "values latent"], Float[Tensor, "groups values"]]:
    """Weights and a bias per group with the least cross-entropy to the targets plus `PENALTY` times squared weights.

    Weights and biases are centred: a constant added to all logits changes nothing.
    """
    count = int(groups.max()) + 1
    weight = torch.zeros(targets.shape[1], latents.shape[1], requires_grad=True)
    biases = torch.zeros(count, targets.shape[1], requires_grad=True)
    search = torch.optim.LBFGS([weight, biases], max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        log_chances = (latents @ weight.T + biases[groups]).log_softmax(1)
        total = (
            PENALTY * (weight.square().sum() + biases.square().sum() / count) - (targets * log_chances).sum(1).mean()
        )
        total.backward()
        return total

    with torch.enable_grad():
        search.step(loss)
    weight, biases = weight.detach(), biases.detach()
    return weight - weight.mean(0), biases - biases.mean(1, keepdim=True)


def without_others(weights: Sequence[Float[Tensor, "_values latent"]]) -> list[Float[Tensor, "_values latent"]]:
    """The weights of each attribute without their part in the span of the other attributes' weights.

    Returns:
        What is left of each weight; zeros for one that lies in the span of the others.
    """
    free = []
    for place, own in enumerate(weights):
        others = [each for other, each in enumerate(weights) if other != place]
        left = own - own @ _projector(torch.cat(others)) if others else own
        before, after = own.norm(dim=1, keepdim=True), left.norm(dim=1, keepdim=True)
        free.append(torch.where((after > DEPENDENT * before) & (before > 0), left, torch.zeros_like(left)))
    return free


def _projector(rows: Float[Tensor, "rows latent"]) -> Float[Tensor, "latent latent"]:
    """The orthogonal projector on the span of the rows; weights of one attribute are dependent, so the rank counts."""
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

"""Sampling of training examples, with rebalancing, and checks of the class counts."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlab.errors import InputError

IMBALANCE = 3.0
"""Smallest ratio of the largest to the smallest class at which small classes are oversampled."""


@dataclass(frozen=True)
class Draw:
    """How often training draws each class, relative to its share of the data."""

    labels: Int[np.ndarray, " examples"]
    """Class of each training example."""
    cumulative: Float[np.ndarray, " examples"] | None
    """Cumulative probabilities of drawing the examples in their order; None for uniform sampling."""
    shift: Float[Tensor, " classes"]
    """Log of the ratio of a class's sampling frequency to its frequency in the data."""

    def picks(self, step: int, batch: int, seed: int, rank: int, processes: int) -> Int[np.ndarray, " batch"]:
        """Indices of the examples that one process sees in a step: a pure function of the arguments.

        Without `cumulative`, every epoch visits each example once, in a new order.
        """
        if self.cumulative is not None:
            return self.cumulative.searchsorted(np.random.default_rng((seed, step, rank)).random(batch), side="right")
        first = (step * processes + rank) * batch
        epochs, places = np.divmod(np.arange(first, first + batch), len(self.labels))
        picks = np.empty(batch, np.int64)
        for epoch in np.unique(epochs).tolist():
            picks[epochs == epoch] = order(seed, epoch, len(self.labels))[places[epochs == epoch]]
        return picks


@lru_cache(maxsize=2)
def order(seed: int, epoch: int, count: int) -> Int[np.ndarray, " count"]:
    """The shuffled order of the examples in an epoch."""
    return np.random.default_rng((seed, epoch)).permutation(count)


def draw(labels: Int[np.ndarray, " examples"], classes: int, rebalance: bool = True) -> Draw:
    """Samples imbalanced classes in proportion to the square roots of their frequencies.

    This shows small classes often enough to learn them without repeating their few examples too much. Classes whose
    sizes differ by less than a factor of `IMBALANCE`, or all without `rebalance`, are sampled uniformly.
    """
    share = np.bincount(labels, minlength=classes) / len(labels)
    if not rebalance or share.max() < IMBALANCE * share.min():
        return Draw(labels, None, torch.zeros(classes))
    drawn = np.sqrt(share) / np.sqrt(share).sum()
    chances = (drawn / share)[labels]
    shift = torch.from_numpy(np.log(drawn / share)).float()
    cumulative = (chances / chances.sum()).cumsum()
    return Draw(labels, cumulative / cumulative[-1], shift)


def check_classes(
    labels: Int[np.ndarray, " examples"], whole: dict[str, int], noun: str, rebalance: bool = True
) -> list[str]:
    """Checks that every class has enough examples; returns notes for the user.

    Args:
        labels: Classes of the training examples, as indices into `whole`.
        whole: Number of examples of each class in all splits together.
        noun: Word for an example: picture, row.
        rebalance: Whether training oversamples small classes.

    Raises:
        InputError: there are fewer than two classes, or a class has a single example or none to train on.
    """
    if len(whole) < 2:
        raise InputError(
            f"All {noun}s belong to one class, {next(iter(whole))}: a classifier needs at least two.", "data"
        )
    for name, count in whole.items():
        if count < 2:
            raise InputError(
                f"The class {name} has only one {noun}: add more, or remove the class; each needs at least two.",
                "data",
            )
    counts = np.bincount(labels, minlength=len(whole))
    for name, count in zip(whole, counts.tolist(), strict=True):
        if not count:
            raise InputError(
                f"No {noun} of the class {name} is left to train on: add more, or hold out less "
                "(--validation, --test).", "data",
            )  # fmt: skip
    least, most = int(counts.argmin()), int(counts.argmax())
    names = list(whole)
    if counts[most] < IMBALANCE * counts[least]:
        return []
    effect = (
        "training oversamples the small ones, and predicted probabilities are corrected for it"
        if rebalance
        else "compare the accuracy with that of always predicting the largest, and look at macro-F1"
    )
    return [
        f"the classes are imbalanced ({counts[least]:,} of {names[least]}, {counts[most]:,} of {names[most]}): "
        f"{effect}."
    ]

"""Which training examples a step sees, and whether there are enough of each class."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlab.errors import InputError

IMBALANCE = 3.0
"""Ratio of the largest to the smallest class from which on small classes are drawn more often."""


@dataclass(frozen=True)
class Draw:
    """How often training draws each class, relative to its share of the data."""

    labels: Int[np.ndarray, " examples"]
    """Of each training example."""
    chances: Float[np.ndarray, " examples"] | None
    """Probability of drawing each example; None where all are seen equally often."""
    shift: Float[Tensor, " classes"]
    """Log of the factor by which a class is drawn more often than it occurs in the data."""

    def picks(self, step: int, batch: int, seed: int, rank: int, processes: int) -> Int[np.ndarray, " batch"]:
        """The examples that one process sees in a step: a function of these numbers alone.

        Without `chances`, training goes through all examples, in a new order each time, before one comes again.
        """
        if self.chances is not None:
            return np.random.default_rng((seed, step, rank)).choice(len(self.labels), batch, p=self.chances)
        first = (step * processes + rank) * batch
        epochs, places = np.divmod(np.arange(first, first + batch), len(self.labels))
        picks = np.empty(batch, np.int64)
        for epoch in np.unique(epochs).tolist():
            picks[epochs == epoch] = order(seed, epoch, len(self.labels))[places[epochs == epoch]]
        return picks


@lru_cache(maxsize=2)
def order(seed: int, epoch: int, count: int) -> Int[np.ndarray, " count"]:
    """The order in which an epoch goes through all examples."""
    return np.random.default_rng((seed, epoch)).permutation(count)


def draw(labels: Int[np.ndarray, " examples"], classes: int) -> Draw:
    """Draws unbalanced classes in proportion to the square roots of their shares.

    Small classes are then seen often enough to be learnt, without repeating their few examples too much. Classes
    whose sizes differ by less than a factor of `IMBALANCE` are drawn as they occur.
    """
    share = np.bincount(labels, minlength=classes) / len(labels)
    if share.max() < IMBALANCE * share.min():
        return Draw(labels, None, torch.zeros(classes))
    drawn = np.sqrt(share) / np.sqrt(share).sum()
    chances = (drawn / share)[labels]
    shift = torch.from_numpy(np.log(drawn / share)).float()
    return Draw(labels, chances / chances.sum(), shift)


def check_classes(labels: Int[np.ndarray, " examples"], whole: dict[str, int], noun: str) -> list[str]:
    """Checks that there are classes to learn; returns notes.

    Args:
        labels: Of the training examples, as numbers of the classes in `whole`.
        whole: Number of examples of each class in all of the data.
        noun: What an example is called: picture, row.

    Raises:
        InputError: there are fewer than two classes, or one has a single example or none to train on.
    """
    if len(whole) < 2:
        raise InputError(
            f"All {noun}s are of one class, {next(iter(whole))}: give at least two classes to tell apart.", "data"
        )
    for name, count in whole.items():
        if count < 2:
            raise InputError(
                f"The class {name} has one {noun} only: give it more, or take it out; a class needs at least two.",
                "data",
            )
    counts = np.bincount(labels, minlength=len(whole))
    for name, count in zip(whole, counts.tolist(), strict=True):
        if not count:
            raise InputError(
                f"No {noun} of the class {name} is left to train on: give it more, or hold out less "
                "(--validation, --test).", "data",
            )  # fmt: skip
    least, most = int(counts.argmin()), int(counts.argmax())
    names = list(whole)
    if counts[most] < IMBALANCE * counts[least]:
        return []
    return [
        f"the classes are out of balance ({counts[least]:,} of {names[least]}, {counts[most]:,} of {names[most]}): "
        "small ones are drawn more often in training; probabilities keep the data's shares."
    ]

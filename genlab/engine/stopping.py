"""Early stopping: detects that validation has clearly passed its best."""

from collections.abc import Sequence
from math import pi
from statistics import fmean

LOOK_BACK = 5
"""Number of consecutive validations that must be clearly worse than the best."""
CLEARLY = 0.05
"""Relative difference at which a validation is clearly worse than the best, ..."""
NOISE = 6.0
"""... if it also exceeds this multiple of the noise between validations."""
RISE = 4.0
"""Multiple of the noise that validation rises by when overfitting begins."""


def noise(history: Sequence[float]) -> float:
    """Standard deviation of a metric around its trend; an upper bound if the trend is curved.

    Estimated from second differences, in which a slope cancels out: independent noise of deviation 1 gives them
    deviation sqrt(6), and a mean absolute value of sqrt(2 / pi) times that.
    """
    bends = [abs(history[i - 1] - 2 * history[i] + history[i + 1]) for i in range(1, len(history) - 1)]
    return fmean(bends) / (12 / pi) ** 0.5 if bends else 0.0


def begins_to_overfit(history: Sequence[float]) -> bool:
    """Whether the last three validations, all after the best, get worse and exceed the noise between validations."""
    best, recent = min(history), history[-3:]
    after = len(history) - 1 - history.index(best)
    return after >= 3 and recent == sorted(recent) and recent[-1] > best + RISE * noise(history)


def past_its_best(history: Sequence[float]) -> bool:
    """Whether training overfits so clearly that the rest of the decay cannot make up for it.

    A falling learning rate usually improves validation, so a plateau or a slow drift is never enough: the best must
    lie in the first half of the training so far, and the last validations must be clearly worse and not recovering.

    Args:
        history: The selection metric of all validations, evenly spaced; lower is better.
    """
    best = min(range(len(history)), key=lambda number: history[number], default=0)
    recent = history[-LOOK_BACK:]
    if len(history) - 1 - best < LOOK_BACK or 2 * (best + 1) > len(history):
        return False
    spread = noise(history)
    worse = history[best] + max(CLEARLY * abs(history[best]), NOISE * spread)
    recovering = recent[-1] < sum(recent) / len(recent) - spread
    return min(recent) > worse and not recovering

"""When more training can no longer help: validation has clearly passed its best."""

from collections.abc import Sequence
from math import pi
from statistics import fmean

LOOK_BACK = 5
"""Validations in a row that must be clearly worse than the best."""
CLEARLY = 0.05
"""Share of the best measure by which a validation is clearly worse ..."""
NOISE = 6.0
"""... if that is also so many times the noise between validations."""


def noise(history: Sequence[float]) -> float:
    """Standard deviation of a measure around its trend; an upper bound where the trend itself bends.

    From second differences, in which a slope cancels out: independent noise of deviation 1 gives them deviation
    sqrt(6), and a mean absolute value of sqrt(2 / pi) deviations.
    """
    bends = [abs(history[i - 1] - 2 * history[i] + history[i + 1]) for i in range(1, len(history) - 1)]
    return fmean(bends) / (12 / pi) ** 0.5 if bends else 0.0


def past_its_best(history: Sequence[float]) -> bool:
    """Whether a training overfits so clearly that the rest of its decay would not make up for it.

    A falling learning rate usually improves validation, so a plateau or slow drift is never enough: the best must be
    older than half of all that was trained, and the last validations clearly worse and not recovering.

    Args:
        history: The deciding measure at every validation, evenly spaced; lower is better.
    """
    best = min(range(len(history)), key=lambda number: history[number], default=0)
    recent = history[-LOOK_BACK:]
    if len(history) - 1 - best < LOOK_BACK or 2 * (best + 1) > len(history):
        return False
    spread = noise(history)
    worse = history[best] + max(CLEARLY * abs(history[best]), NOISE * spread)
    recovering = recent[-1] < sum(recent) / len(recent) - spread
    return min(recent) > worse and not recovering

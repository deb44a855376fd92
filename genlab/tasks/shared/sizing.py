"""Model size and batch that a training time allows, for the tasks that predict tokens."""

import math
from collections.abc import Mapping

UTILISATION = 0.5
"""Share of the measured speed of matrix products that training reaches."""
OPERATIONS = 6
"""Floating-point operations per parameter and token, forward and backward (Kaplan et al. 2020, arXiv 2001.08361)."""


def tokens_read(seconds: float, speed: float, parameters: float) -> float:
    """Tokens that a network with this many parameters is trained on in this time.

    Args:
        seconds: Training time.
        speed: Floating-point operations per second in matrix products.
        parameters: Those that every token passes through.
    """
    return UTILISATION * seconds * speed / (OPERATIONS * parameters)


def fitting_size(sizes: Mapping[str, float], seconds: float, speed: float, tokens_per_parameter: float) -> str:
    """The size (a name, with its number of parameters) nearest in ratio to the one that this time trains best.

    Args:
        sizes: Parameters of each size.
        seconds: Training time.
        speed: Floating-point operations per second in matrix products.
        tokens_per_parameter: Ratio that does best, measured (docs/log.md).
    """
    best = (UTILISATION * seconds * speed / (OPERATIONS * tokens_per_parameter)) ** 0.5
    return min(sizes, key=lambda name: abs(math.log(sizes[name] / best)))


def fitting_batch(tokens: float) -> int:
    """Tokens per update when a training reads `tokens` in all: a longer one takes both more and larger steps.

    Large batches pay once the loss is low and its gradient noisy (McCandlish et al. 2018, arXiv 1812.06162). 1,024
    did best at two million tokens (docs/log.md); every fourfold increase doubles the batch, up to 65,536, which fits
    any GPU.
    """
    return 1024 * 2 ** min(max(0, round(0.5 * math.log2(max(tokens, 1.0) / 2e6))), 6)

"""Fits model size and batch to the training time, for the tasks that predict tokens."""

import math
from collections.abc import Mapping

UTILISATION = 0.5
"""Speed of training, relative to the measured speed of matrix products."""
OPERATIONS = 6
"""Floating-point operations per parameter and token, forward and backward (Kaplan et al. 2020, arXiv 2001.08361)."""


def tokens_read(seconds: float, speed: float, parameters: float) -> float:
    """Number of tokens that a network of this size trains on in this time.

    Args:
        seconds: Training time.
        speed: Floating-point operations per second in matrix products.
        parameters: Number of parameters that every token passes through.
    """
    return UTILISATION * seconds * speed / (OPERATIONS * parameters)


def fitting_size(sizes: Mapping[str, float], seconds: float, speed: float, tokens_per_parameter: float) -> str:
    """The name of the size nearest, on a log scale, to the optimal number of parameters for this time.

    Args:
        sizes: Number of parameters of each size.
        seconds: Training time.
        speed: Floating-point operations per second in matrix products.
        tokens_per_parameter: The best ratio, measured (docs/log.md).
    """
    best = (UTILISATION * seconds * speed / (OPERATIONS * tokens_per_parameter)) ** 0.5
    return min(sizes, key=lambda name: abs(math.log(sizes[name] / best)))


def fitting_batch(tokens: float) -> int:
    """Tokens per update for a training budget of `tokens`: a larger budget takes both more and larger steps.

    Large batches pay off once the loss is low and its gradient noisy (McCandlish et al. 2018, arXiv 1812.06162).
    1,024 was best at two million tokens (docs/log.md); each fourfold increase doubles the batch, up to 65,536, which
    fits any GPU.
    """
    return 1024 * 2 ** min(max(0, round(0.5 * math.log2(max(tokens, 1.0) / 2e6))), 6)

"""Bits per dimension: how many bits a model's probabilities need for each value of a picture with 256 levels.

Theis, van den Oord and Bethge (2016), "A note on the evaluation of generative models", arXiv 1511.01844, section 3.1:
for pictures with uniform noise of one level, the mean log density is at most the mean log probability of the levels.
"""

import math

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

LEVELS = 256
"""Values that a byte can have."""
SPACING = 2 / (LEVELS - 1)
"""Distance between neighbouring levels of pictures in [-1, 1]."""
BLOCK = 1000
"""Pictures that are counted at once."""

Pictures = Float[Tensor, "pictures channels height width"]


def dequantised(pictures: Pictures, generator: torch.Generator) -> Pictures:
    """Pictures in [-1, 1] with uniform noise of one level; `generator` draws it on the CPU."""
    return pictures + SPACING * (torch.rand(pictures.shape, generator=generator).to(pictures.device) - 0.5)


def bits_per_dimension(log_densities: Float[Tensor, " pictures"], dimensions: int) -> Float[Tensor, " pictures"]:
    """Bits per dimension of dequantised pictures.

    Args:
        log_densities: Their log densities in nats.
        dimensions: Number of values of a picture.
    """
    return -(log_densities / dimensions + math.log(SPACING)) / math.log(2)


def independent_pixels(
    train: UInt8[np.ndarray, "training height width channels"],
    pictures: UInt8[np.ndarray, "some height width channels"],
) -> float:
    """Bits per dimension of pictures if the training pictures' histogram of each pixel encodes it by itself.

    A histogram starts with a count of 1 for every level, so that no level is impossible.
    """
    values = pictures[0].size
    offsets = LEVELS * np.arange(values)
    counts = np.ones(LEVELS * values, np.int64)
    for start in range(0, len(train), BLOCK):
        rows = train[start : start + BLOCK].reshape(-1, values)
        counts += np.bincount((rows + offsets).ravel(), minlength=len(counts))
    shares = counts[pictures.reshape(-1, values) + offsets] / (len(train) + LEVELS)
    return float(-np.log2(shares).mean())

"""Generator and discriminator of points in the plane.

`models/gan.py` has the losses, the gradient penalty, `GAN`, which holds the two networks, and the papers.

Data flow::

    latents (batch, latent) ~ N(0, 1) -> generator     -> fake points (batch, 2)
    points (batch, 2), real or fake   -> discriminator -> scores (batch,); higher is more real

Departs from the papers: multilayer perceptrons, as points need no convolutions; the generator starts as a nearly linear
map of its latents; the discriminator sees Fourier features of its input (Tancik et al. 2020, arXiv 2006.10739).
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from genlab.layers.precision import in_float32

SLOPE = 0.2
"""Slope of the leaky ReLU below zero."""
INITIAL_SCALE = 0.1
"""Factor on the initial output of the generator's nonlinear part."""


@dataclass(frozen=True)
class PointGeneratorShape:
    """Shape of a generator of points."""

    latent: int
    """Size of the latent vector."""
    outputs: int = 2
    """Coordinates of a point."""


@dataclass(frozen=True)
class PointDiscriminatorShape:
    """Shape of a discriminator of points."""

    inputs: int = 2
    """Coordinates of a point."""


class MLP(nn.Module):
    """Linear layers with leaky ReLUs between them, a linear output and no norms."""

    def __init__(self, inputs: int, outputs: int, width: int, depth: int) -> None:
        super().__init__()
        layers = [nn.Linear(before, after) for before, after in pairwise([inputs, *[width] * depth])]
        for layer in layers:
            nn.init.kaiming_normal_(layer.weight, a=SLOPE)
            nn.init.zeros_(layer.bias)
        self.hidden = nn.ModuleList(layers)
        self.out = nn.Linear(width, outputs)

    def forward(self, x: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch outputs"]:
        for layer in self.hidden:
            x = F.leaky_relu(layer(x), SLOPE)
        return in_float32(self.out, x)


class FourierFeatures(nn.Module):
    """Appends sines and cosines of the coordinates, at frequencies of 1, 2, 4 ... rad per unit.

    An MLP alone learns fine detail only slowly.
    """

    def __init__(self, octaves: int) -> None:
        super().__init__()
        self.octaves = octaves

    def forward(self, points: Float[Tensor, "batch 2"]) -> Float[Tensor, "batch features"]:
        frequencies = 2.0 ** torch.arange(self.octaves, device=points.device)
        angles = (points[:, :, None] * frequencies).flatten(1)
        return torch.cat((points, angles.sin(), angles.cos()), 1)


class PointGenerator(nn.Module):
    """A linear map of the latents plus an MLP.

    The initial points are a cloud that covers all data and lies close to every mode. An MLP alone starts as a crumpled
    sheet and misses modes far from its folds.
    """

    def __init__(self, latent: int, width: int, depth: int) -> None:
        super().__init__()
        self.straight = nn.Linear(latent, 2)
        nn.init.orthogonal_(self.straight.weight)
        nn.init.zeros_(self.straight.bias)
        self.bend = MLP(latent, 2, width, depth)
        self.bend.out.weight.data.mul_(INITIAL_SCALE)

    def forward(self, latents: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch 2"]:
        return self.straight(latents) + self.bend(latents)


class PointDiscriminator(nn.Module):
    """An MLP over Fourier features of the points."""

    def __init__(self, octaves: int, width: int, depth: int) -> None:
        super().__init__()
        self.waves = FourierFeatures(octaves)
        self.judge = MLP(2 + 4 * octaves, 1, width, depth)

    def forward(self, points: Float[Tensor, "batch 2"]) -> Float[Tensor, "batch 1"]:
        return self.judge(self.waves(points))


class Scale(nn.Module):
    """Maps standardised points to the data's units; saved with the weights.

    It stays on the CPU in float64, so that points far from the origin keep their precision.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(2, dtype=torch.float64))
        self.register_buffer("deviation", torch.ones((), dtype=torch.float64))

    def set(self, mean: np.ndarray, deviation: float) -> None:
        self.mean.copy_(torch.from_numpy(mean))
        self.deviation.fill_(deviation)

    def forward(self, points: Float[Tensor, "batch 2"]) -> Float[Tensor, "batch 2"]:
        return points.double() * self.deviation + self.mean


def sample(
    generator: nn.Module, count: int, latent: int, random: torch.Generator, rows: int = 65_536
) -> Float[Tensor, "count 2"]:
    """Generates `count` points, `rows` at a time, on the device of `random`."""
    return torch.cat(
        [
            generator(torch.randn(min(rows, count - first), latent, generator=random, device=random.device))
            for first in range(0, count, rows)
        ]
    )

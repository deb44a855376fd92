"""A generator that turns noise into points in the plane, and a discriminator that tells them from real ones.

The losses, the gradient penalty and `GAN`, which holds the two, stand in `models/gan.py` with their papers.

Data flow::

    latents (batch, latent) ~ N(0, 1) -> generator     -> fake points (batch, 2)
    points (batch, 2), real or fake   -> discriminator -> scores (batch,); higher means "looks real"

Departs from the papers: multilayer perceptrons, as points need no convolutions; the generator starts as a
nearly straight map of its latents; the discriminator also sees sines and cosines of its input (Tancik et al.
2020, arXiv 2006.10739).
"""

from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from genlab.layers.precision import in_float32

SLOPE = 0.2
"""Of a leaky ReLU below zero."""
FIRST_BEND = 0.1
"""Factor on the first weights of what bends a generator's straight map."""


class MLP(nn.Module):
    """Linear layers with leaky ReLUs between them; the output is linear, nothing is normalised."""

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
    """Sines and cosines of the coordinates beside them: each octave doubles the frequency, from 1 rad on.

    A perceptron alone is slow to see detail that is fine beside the whole.
    """

    def __init__(self, octaves: int) -> None:
        super().__init__()
        self.octaves = octaves

    def forward(self, points: Float[Tensor, "batch 2"]) -> Float[Tensor, "batch features"]:
        frequencies = 2.0 ** torch.arange(self.octaves, device=points.device)
        angles = (points[:, :, None] * frequencies).flatten(1)
        return torch.cat((points, angles.sin(), angles.cos()), 1)


class PointGenerator(nn.Module):
    """A straight map of the latents plus an MLP that bends it.

    The first points are a cloud over all of the data, from which every mode is near; a perceptron alone
    starts as a crumpled sheet, and modes far from its folds are not found.
    """

    def __init__(self, latent: int, width: int, depth: int) -> None:
        super().__init__()
        self.straight = nn.Linear(latent, 2)
        nn.init.orthogonal_(self.straight.weight)
        nn.init.zeros_(self.straight.bias)
        self.bend = MLP(latent, 2, width, depth)
        self.bend.out.weight.data.mul_(FIRST_BEND)

    def forward(self, latents: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch 2"]:
        return self.straight(latents) + self.bend(latents)


class PointDiscriminator(nn.Module):
    """An MLP that sees waves beside the points."""

    def __init__(self, octaves: int, width: int, depth: int) -> None:
        super().__init__()
        self.waves = FourierFeatures(octaves)
        self.judge = MLP(2 + 4 * octaves, 1, width, depth)

    def forward(self, points: Float[Tensor, "batch 2"]) -> Float[Tensor, "batch 1"]:
        return self.judge(self.waves(points))


class Scale(nn.Module):
    """From the networks' unit to the data's: a multiple and a shift, kept with the weights.

    On the CPU and in float64, so that points far from the origin keep their digits.
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


@torch.no_grad()
def sample(
    generator: nn.Module, count: int, latent: int, random: torch.Generator, rows: int = 65_536
) -> Float[Tensor, "count 2"]:
    """`count` new points, made `rows` at a time on the device of `random`."""
    was_training = generator.training
    generator.eval()
    points = [
        generator(torch.randn(min(rows, count - first), latent, generator=random, device=random.device))
        for first in range(0, count, rows)
    ]
    generator.train(was_training)
    return torch.cat(points)

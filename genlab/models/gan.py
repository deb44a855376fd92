"""A generator that turns noise into points, and a discriminator that tells them from real ones.

Goodfellow et al. (2014), "Generative Adversarial Nets", arXiv 1406.2661 (the classic losses), and
Huang et al. (2024), "The GAN is dead; long live the GAN! A Modern GAN Baseline", arXiv 2501.05441 (R3GAN:
relativistic losses with gradient penalties on real and on fake points).

Data flow::

    latents (batch, latent) ~ N(0, 1) -> generator     -> fake points (batch, 2)
    points (batch, 2), real or fake   -> discriminator -> scores (batch,); higher means "looks real"

The papers' G, D, z, x and gamma are generator, discriminator, latents, points and the penalty's weight here.

Departs from the papers: multilayer perceptrons, as points need no convolutions; the generator starts as a
nearly straight map of its latents; the discriminator also sees sines and cosines of its input (Tancik et al.
2020, arXiv 2006.10739); the half-life of the average of the weights grows with the training.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

Scores = Float[Tensor, " batch"]
Loss = Float[Tensor, ""]

SLOPE = 0.2
"""Of a leaky ReLU below zero."""
FIRST_BEND = 0.1
"""Factor on the first weights of what bends a generator's straight map."""


# --- networks -------------------------------------------------------------------------------------


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
        return self.out(x)


class Waves(nn.Module):
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
        self.waves = Waves(octaves)
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


class GAN(nn.Module):
    """A generator and a discriminator, any two modules whose shapes fit.

    Args:
        generator: Latents (batch, latent) to points (batch, 2).
        discriminator: Points (batch, 2) to scores, (batch,) or (batch, 1).
    """

    def __init__(self, generator: nn.Module, discriminator: nn.Module) -> None:
        super().__init__()
        self.generator = generator
        self.discriminator = discriminator

    def forward(self, latents: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch 2"]:
        """Fake points."""
        return self.generator(latents)

    def score(self, points: Float[Tensor, "batch 2"]) -> Scores:
        """How real each point looks."""
        return self.discriminator(points).view(len(points))


# --- losses ---------------------------------------------------------------------------------------


def relativistic_discriminator_loss(real: Scores, fake: Scores) -> Loss:
    """Each real score should be above the fake score beside it (Huang et al., eq. 2, f the logistic loss)."""
    return F.softplus(fake - real).mean()


def relativistic_generator_loss(real: Scores, fake: Scores) -> Loss:
    """The same pairs, the other way round (Huang et al., eq. 2)."""
    return F.softplus(real - fake).mean()


def classic_discriminator_loss(real: Scores, fake: Scores) -> Loss:
    """Cross-entropy of telling real from fake (Goodfellow et al., eq. 1)."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def classic_generator_loss(real: Scores, fake: Scores) -> Loss:
    """The non-saturating loss: maximise log D(G(z)) (Goodfellow et al., section 3); looks at no real score."""
    return F.softplus(-fake).mean()


def gradient_penalty(
    score: Callable[[Float[Tensor, "batch 2"]], Scores], points: Float[Tensor, "batch 2"]
) -> tuple[Scores, Loss]:
    """Scores of `points`, and the mean squared length of their gradients.

    Half of it, weighted by gamma, is R1 where the points are real and R2 where they are fake (Mescheder et al.
    2018, arXiv 1801.04406, eq. 9 and 10; Huang et al., eq. 3 and 4).

    Args:
        score: The discriminator; the score of a point must not depend on the others.
        points: Where to look; gradients do not flow on from here to what made them.
    """
    points = points.detach().requires_grad_()
    scores = score(points)
    (gradients,) = torch.autograd.grad(scores.sum(), points, create_graph=True)
    return scores, gradients.square().sum(1).mean()


# --- sampling -------------------------------------------------------------------------------------


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

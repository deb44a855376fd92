"""Generative adversarial networks for points and pictures.

Goodfellow et al. (2014), "Generative Adversarial Nets", arXiv 1406.2661 (the classic losses), and
Huang et al. (2024), "The GAN is dead; long live the GAN! A Modern GAN Baseline", arXiv 2501.05441 (R3GAN:
relativistic losses with gradient penalties on real and on fake content, no norm).

Data flow::

    latents (batch, latent) ~ N(0, 1), labels (batch,) -> generator     -> fake pictures (batch, channels, side, side)
    pictures, real or fake, and their labels           -> discriminator -> scores (batch,); higher is more real

The papers' G, D, z, x and gamma are called generator, discriminator, latents, content and penalty weight.

Departs from the papers: small networks for CPUs (`layers/pyramid.py`); an output layer for drawings
(`layers/palette.py`); the generator gets a class as a one-hot vector appended to the latents; the discriminator has one
score per class, added to a common score (a projection discriminator: Miyato and Koyama 2018, arXiv 1802.05637, eq. 3,
without normalisation); the half-life of the weight average grows during training (`layers/average.py`).
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlab.layers.palette import Palette
from genlab.layers.pyramid import Downsampler, Upsampler

Content = Float[Tensor, "batch *shape"]
Labels = Int[Tensor, " batch"]
Scores = Float[Tensor, " batch"]
Loss = Float[Tensor, ""]

CLASS_SCALE = 3.0
"""Scale of the one-hot class input relative to unit-variance latents."""


# --- networks of pictures -------------------------------------------------------------------------


class Generator(nn.Module):
    """Maps latents, and labels if there are classes, to pictures.

    Args:
        latent: Size of the latent vector.
        channels: 1 for grey pictures, 3 for colour.
        pixels: Side of the pictures, a power of 2, at least 8.
        width: Channels at half resolution.
        classes: Number of classes; 0 for an unconditional model.
        palette: Number of learned colours that pixels are mixed from; 0 for a linear output.
        detail: Twice the channels at full resolution, and the latents scale the channels at every resolution.
    """

    def __init__(
        self,
        latent: int,
        channels: int,
        pixels: int,
        width: int,
        classes: int = 0,
        palette: int = 0,
        detail: bool = False,
    ) -> None:
        super().__init__()
        self.classes = classes
        self.up = Upsampler(latent + classes, palette or channels, pixels, width, detail)
        self.palette = Palette(palette, channels) if palette else nn.Identity()

    def forward(
        self, latents: Float[Tensor, "batch latent"], labels: Labels | None = None
    ) -> Float[Tensor, "batch channels side side"]:
        if labels is not None:
            latents = torch.cat((latents, CLASS_SCALE * F.one_hot(labels, self.classes).to(latents.dtype)), 1)
        return self.palette(self.up(latents))


class Discriminator(nn.Module):
    """Maps pictures, and labels if there are classes, to scores; arguments as in the generator.

    With `detail`, its first convolution is at full resolution.
    """

    def __init__(self, channels: int, pixels: int, width: int, classes: int = 0, detail: bool = False) -> None:
        super().__init__()
        self.down = Downsampler(channels, pixels, width, 1 + classes, detail)

    def forward(
        self, pictures: Float[Tensor, "batch channels side side"], labels: Labels | None = None
    ) -> Float[Tensor, "batch 1"]:
        scores = self.down(pictures)
        return scores if labels is None else scores[:, :1] + scores[:, 1:].gather(1, labels[:, None])


class GAN(nn.Module):
    """A generator and a discriminator: any two modules with matching shapes.

    Args:
        generator: Maps latents (batch, latent), and labels (batch,) if there are classes, to content: points (batch, 2)
            or pictures (batch, channels, height, width).
        discriminator: Maps content, and labels if there are classes, to scores, (batch,) or (batch, 1).
    """

    def __init__(self, generator: nn.Module, discriminator: nn.Module) -> None:
        super().__init__()
        self.generator = generator
        self.discriminator = discriminator

    def forward(self, latents: Float[Tensor, "batch latent"], *labels: Labels) -> Content:
        """Generates content."""
        return self.generator(latents, *labels)

    def score(self, content: Content, *labels: Labels) -> Scores:
        """Returns the discriminator's scores, in float32: losses and penalties compare them."""
        return self.discriminator(content, *labels).view(len(content)).float()


# --- losses ---------------------------------------------------------------------------------------


def relativistic_discriminator_loss(real: Scores, fake: Scores) -> Loss:
    """Each real score should exceed the fake score at its index (Huang et al., eq. 2, f the logistic loss)."""
    return F.softplus(fake.float() - real.float()).mean()


def relativistic_generator_loss(real: Scores, fake: Scores) -> Loss:
    """Each fake score should exceed the real score at its index (Huang et al., eq. 2)."""
    return F.softplus(real.float() - fake.float()).mean()


def classic_discriminator_loss(real: Scores, fake: Scores) -> Loss:
    """Cross-entropy of classifying real and fake (Goodfellow et al., eq. 1)."""
    return F.softplus(-real.float()).mean() + F.softplus(fake.float()).mean()


def classic_generator_loss(real: Scores, fake: Scores) -> Loss:
    """Non-saturating loss, which maximises log D(G(z)) (Goodfellow et al., section 3); `real` is not used."""
    return F.softplus(-fake.float()).mean()


def gradient_penalty(score: Callable[[Content], Scores], content: Content) -> tuple[Scores, Loss]:
    """Returns the scores of `content` and the mean squared norm of their gradients with respect to it.

    Half of that, weighted by gamma, is R1 for real and R2 for fake content (Mescheder et al. 2018, arXiv 1801.04406,
    eq. 9 and 10; Huang et al., eq. 3 and 4).

    Args:
        score: The discriminator; each score must depend only on its own sample.
        content: Real or fake content, which is detached from the generator.
    """
    content = content.detach().requires_grad_()
    scores = score(content)
    (gradients,) = torch.autograd.grad(scores.sum(), content, create_graph=True)
    return scores, gradients.square().flatten(1).sum(1).mean()

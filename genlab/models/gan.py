"""Generative adversarial networks: a generator that makes content from noise against a discriminator.

Goodfellow et al. (2014), "Generative Adversarial Nets", arXiv 1406.2661 (the classic losses), and
Huang et al. (2024), "The GAN is dead; long live the GAN! A Modern GAN Baseline", arXiv 2501.05441 (R3GAN:
relativistic losses with gradient penalties on real and on fake content, no norm).

Data flow::

    latents (batch, latent) ~ N(0, 1), labels (batch,) -> generator     -> fake pictures (batch, channels, side, side)
    pictures, real or fake, and their labels           -> discriminator -> scores (batch,); higher: "looks real"

The papers' G, D, z, x and gamma are generator, discriminator, latents, content and the penalty's weight here.

Departs from the papers: networks for processors without many cores (see `layers/pyramid.py`); drawings are mixed from
learned colours (`layers/palette.py`); a class is told to the generator beside its latents, and to the discriminator
as a score of its own for each class, added to a common one (Miyato and Koyama 2018, arXiv 1802.05637, eq. 3, without
normalisation); the half-life of the average of the weights grows with the training (`layers/average.py`).
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
"""What a class is told by beside latents of deviation 1."""


# --- networks of pictures -------------------------------------------------------------------------


class Generator(nn.Module):
    """Latent vectors, and the number of a class where there are classes, to pictures.

    Args:
        latent: Numbers of a latent vector.
        channels: 1 for grey pictures, 3 for colour.
        pixels: Side of the pictures, 4 times a power of 2.
        width: Features of the maps of half the pictures' side.
        classes: How many there are; 0 for none.
        palette: Colours that each pixel is mixed from; 0 for a linear output.
    """

    def __init__(self, latent: int, channels: int, pixels: int, width: int, classes: int = 0, palette: int = 0) -> None:
        super().__init__()
        self.classes = classes
        self.up = Upsampler(latent + classes, palette or channels, pixels, width)
        self.palette = Palette(palette, channels) if palette else nn.Identity()

    def forward(
        self, latents: Float[Tensor, "batch latent"], labels: Labels | None = None
    ) -> Float[Tensor, "batch channels side side"]:
        if labels is not None:
            latents = torch.cat((latents, CLASS_SCALE * F.one_hot(labels, self.classes).to(latents.dtype)), 1)
        return self.palette(self.up(latents))


class Discriminator(nn.Module):
    """Pictures, and the numbers of their classes where there are classes, to scores; arguments as the generator's."""

    def __init__(self, channels: int, pixels: int, width: int, classes: int = 0) -> None:
        super().__init__()
        self.down = Downsampler(channels, pixels, width, 1 + classes)

    def forward(
        self, pictures: Float[Tensor, "batch channels side side"], labels: Labels | None = None
    ) -> Float[Tensor, "batch 1"]:
        scores = self.down(pictures)
        return scores if labels is None else scores[:, :1] + scores[:, 1:].gather(1, labels[:, None])


class GAN(nn.Module):
    """A generator and a discriminator, any two modules whose shapes fit.

    Args:
        generator: Latents (batch, latent), and labels (batch,) where there are classes, to content: points
            (batch, 2), or pictures (batch, channels, height, width).
        discriminator: Content, and labels where there are classes, to scores, (batch,) or (batch, 1).
    """

    def __init__(self, generator: nn.Module, discriminator: nn.Module) -> None:
        super().__init__()
        self.generator = generator
        self.discriminator = discriminator

    def forward(self, latents: Float[Tensor, "batch latent"], *labels: Labels) -> Content:
        """Fake content."""
        return self.generator(latents, *labels)

    def score(self, content: Content, *labels: Labels) -> Scores:
        """Returns the discriminator's scores, in float32: losses and penalties compare them."""
        return self.discriminator(content, *labels).view(len(content)).float()


# --- losses ---------------------------------------------------------------------------------------


def relativistic_discriminator_loss(real: Scores, fake: Scores) -> Loss:
    """Each real score should be above the fake score beside it (Huang et al., eq. 2, f the logistic loss)."""
    return F.softplus(fake.float() - real.float()).mean()


def relativistic_generator_loss(real: Scores, fake: Scores) -> Loss:
    """The same pairs, the other way round (Huang et al., eq. 2)."""
    return F.softplus(real.float() - fake.float()).mean()


def classic_discriminator_loss(real: Scores, fake: Scores) -> Loss:
    """Cross-entropy of telling real from fake (Goodfellow et al., eq. 1)."""
    return F.softplus(-real.float()).mean() + F.softplus(fake.float()).mean()


def classic_generator_loss(real: Scores, fake: Scores) -> Loss:
    """The non-saturating loss: maximise log D(G(z)) (Goodfellow et al., section 3); looks at no real score."""
    return F.softplus(-fake.float()).mean()


def gradient_penalty(score: Callable[[Content], Scores], content: Content) -> tuple[Scores, Loss]:
    """Scores of `content`, and the mean squared length of their gradients.

    Half of it, weighted by gamma, is R1 where the content is real and R2 where it is fake (Mescheder et al.
    2018, arXiv 1801.04406, eq. 9 and 10; Huang et al., eq. 3 and 4).

    Args:
        score: The discriminator; the score of a piece must not depend on the others.
        content: Where to look; gradients do not flow on from here to what made it.
    """
    content = content.detach().requires_grad_()
    scores = score(content)
    (gradients,) = torch.autograd.grad(scores.sum(), content, create_graph=True)
    return scores, gradients.square().flatten(1).sum(1).mean()

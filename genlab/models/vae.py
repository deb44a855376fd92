"""A variational autoencoder of pictures: what must be told of a picture, in noise-like numbers, to draw it again.

Kingma and Welling (2014), "Auto-Encoding Variational Bayes", arXiv 1312.6114; the deviation of the pixels is
the best one there is for each batch: Rybkin, Daniilidis and Levine (2021), "Simple and Effective VAE Training with
Calibrated Decoders", arXiv 2006.13202, eq. 6; the weight of the latents: Higgins et al. (2017), "beta-VAE".

Data flow::

    pictures (batch, channels, side, side), labels (batch,) -> encoder -> mean, log variance (batch, latent)
    latents ~ N(mean, variance)                             -> decoder -> pictures

New pictures come from latents ~ N(0, 1).

Departs from the papers: the networks of `layers/pyramid.py`; a class is told to both sides by one-hot numbers.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlab.layers.pyramid import Downsampler, Upsampler

Pictures = Float[Tensor, "batch channels side side"]
Latents = Float[Tensor, "batch latent"]
Labels = Int[Tensor, " batch"]
Loss = Float[Tensor, ""]

ENCODED = 128
"""Numbers that the encoder makes of a picture before it tells of latents."""
LEAST_DEVIATION = 1e-3
"""Of a pixel, so that a picture that is drawn perfectly costs no infinity."""


class VAE(nn.Module):
    """Encoder and decoder.

    Args:
        latent: Numbers of a latent vector.
        channels: Of the pictures.
        pixels: Side of the pictures, 4 times a power of 2.
        width: Features of the maps of half the pictures' side.
        classes: How many there are; 0 for none.
    """

    def __init__(self, latent: int, channels: int, pixels: int, width: int, classes: int = 0) -> None:
        super().__init__()
        self.classes = classes
        self.encoder = Downsampler(channels, pixels, width, ENCODED)
        self.tell = nn.Linear(ENCODED + classes, 2 * latent)
        self.decoder = Upsampler(latent + classes, channels, pixels, width)

    def encode(self, pictures: Pictures, labels: Labels | None = None) -> tuple[Latents, Latents]:
        """Mean and log variance of the latents that a picture may come from."""
        mean, log_variance = self.tell(self._with_class(self.encoder(pictures), labels)).chunk(2, 1)
        return mean, log_variance

    def decode(self, latents: Latents, labels: Labels | None = None) -> Pictures:
        """The mean picture of latents."""
        return self.decoder(self._with_class(latents, labels))

    def forward(self, pictures: Pictures, labels: Labels | None = None) -> tuple[Pictures, Latents, Latents]:
        """Pictures drawn again from latents drawn for them, and those latents' mean and log variance."""
        mean, log_variance = self.encode(pictures, labels)
        latents = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()  # section 2.4: the trick
        return self.decode(latents, labels), mean, log_variance

    def _with_class(self, x: Float[Tensor, "batch features"], labels: Labels | None) -> Float[Tensor, "batch more"]:
        return x if labels is None else torch.cat((x, F.one_hot(labels, self.classes).to(x.dtype)), 1)


def reconstruction_loss(drawn: Pictures, pictures: Pictures) -> Loss:
    """Minus the log-likelihood of a picture in nats, pixels normal around `drawn` with the best common deviation."""
    variance = (drawn - pictures).square().mean().clamp(min=LEAST_DEVIATION**2)
    return 0.5 * pictures[0].numel() * (variance.log() + 1 + math.log(2 * math.pi))


def latent_loss(mean: Latents, log_variance: Latents) -> Loss:
    """How many nats of a picture the latents tell: the divergence of N(mean, variance) from N(0, 1) (appendix B)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()

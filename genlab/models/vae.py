"""A variational autoencoder of pictures.

Kingma and Welling (2014), "Auto-Encoding Variational Bayes", arXiv 1312.6114; the optimal pixel variance of each batch:
Rybkin, Daniilidis and Levine (2021), "Simple and Effective VAE Training with Calibrated Decoders", arXiv 2006.13202,
eq. 6; the weight of the latent loss: Higgins et al. (2017), "beta-VAE".

Data flow::

    pictures (batch, channels, side, side), labels (batch,) -> encoder -> mean, log variance (batch, latent)
    latents ~ N(mean, variance)                             -> decoder -> pictures

New pictures are decoded from latents ~ N(0, 1).

Departs from the papers: the networks of `layers/pyramid.py`; encoder and decoder get a class as a one-hot vector.
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
"""Size of the encoder's output, from which mean and variance of the latents are computed."""
LEAST_DEVIATION = 1e-3
"""Lower bound of the pixels' standard deviation, so that a perfect reconstruction has a finite loss."""


class VAE(nn.Module):
    """Encoder and decoder.

    Args:
        latent: Size of the latent vector.
        channels: Channels of the pictures.
        pixels: Side of the pictures, a power of 2, at least 8.
        width: Channels at half resolution.
        classes: Number of classes; 0 for an unconditional model.
    """

    def __init__(self, latent: int, channels: int, pixels: int, width: int, classes: int = 0) -> None:
        super().__init__()
        self.classes = classes
        self.encoder = Downsampler(channels, pixels, width, ENCODED)
        self.tell = nn.Linear(ENCODED + classes, 2 * latent)
        self.decoder = Upsampler(latent + classes, channels, pixels, width)

    def encode(self, pictures: Pictures, labels: Labels | None = None) -> tuple[Latents, Latents]:
        """Mean and log variance of the latents given a picture (approximate posterior)."""
        mean, log_variance = self.tell(self._with_class(self.encoder(pictures), labels)).chunk(2, 1)
        return mean, log_variance

    def decode(self, latents: Latents, labels: Labels | None = None) -> Pictures:
        """Mean of the pictures given latents."""
        return self.decoder(self._with_class(latents, labels))

    def forward(self, pictures: Pictures, labels: Labels | None = None) -> tuple[Pictures, Latents, Latents]:
        """Reconstructs pictures from sampled latents; returns also the latents' mean and log variance."""
        mean, log_variance = self.encode(pictures, labels)
        latents = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()  # reparametrisation (section 2.4)
        return self.decode(latents, labels), mean, log_variance

    def _with_class(self, x: Float[Tensor, "batch features"], labels: Labels | None) -> Float[Tensor, "batch more"]:
        return x if labels is None else torch.cat((x, F.one_hot(labels, self.classes).to(x.dtype)), 1)


def reconstruction_loss(drawn: Pictures, pictures: Pictures) -> Loss:
    """Negative log-likelihood of a picture in nats: pixels ~ N(drawn, variance), with the batch's optimal variance."""
    variance = (drawn - pictures).square().mean().clamp(min=LEAST_DEVIATION**2)
    return 0.5 * pictures[0].numel() * (variance.log() + 1 + math.log(2 * math.pi))


def latent_loss(mean: Latents, log_variance: Latents) -> Loss:
    """KL divergence of N(mean, variance) from N(0, 1), in nats per picture (appendix B)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()

"""An encoder of pictures into the latent space of a generator, learnt on the generator's own samples.

Zhu, Krähenbühl, Shechtman and Efros (2016), "Generative Visual Manipulation on the Natural Image Manifold", arXiv
1609.03552, section 3: a network predicts the latent vector, and optimisation starts from there.

Data flow, for pictures of 32 x 32 and width 32::

    latents z, classes c -> generator -> pictures (batch, channels, 32, 32)
    -> stem and stages of `models/cnn.py` (batch, 128, 4, 4) -> (batch, 2048) -> z (batch, latent), c (batch, classes)

Departs from the paper: the network learns from samples, of which the true latents are known, instead of from real
pictures through the generator: no gradient passes through the generator, so any generator will do.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlab.models.cnn import STAGES, stages, stem

MAP = 4
"""Side of the maps that the latents are read from."""


@dataclass(frozen=True)
class EncoderShape:
    """Shape of an encoder."""

    channels: int
    """1 for grey pictures, 3 for colour."""
    pixels: int
    """Side of the pictures."""
    latent: int
    classes: int
    """Number of classes; 0 without."""
    width: int = 24
    """Channels of the first stage; they double with each stage."""


class Encoder(nn.Module):
    """Maps pictures to latent vectors and logits of classes."""

    def __init__(self, shape: EncoderShape) -> None:
        super().__init__()
        features = shape.width << STAGES - 1
        self.stem = stem(shape.channels, shape.width, shape.pixels)
        self.blocks = stages(shape.width, 1)
        self.norm = nn.BatchNorm2d(features)
        self.latents = nn.Linear(features * MAP * MAP, shape.latent)
        self.classes = nn.Linear(features * MAP * MAP, shape.classes) if shape.classes else None
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(
        self, pictures: Float[Tensor, "batch channels side side"]
    ) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch classes"]]:
        maps = F.relu(self.norm(self.blocks(self.stem(pictures))))
        features = F.adaptive_avg_pool2d(maps, MAP).flatten(1)
        logits = features[:, :0] if self.classes is None else self.classes(features)
        return self.latents(features), logits


def encoding_loss(
    found: Float[Tensor, "batch latent"],
    latents: Float[Tensor, "batch latent"],
    logits: Float[Tensor, "batch classes"],
    labels: Int[Tensor, " batch"],
) -> Float[Tensor, ""]:
    """Mean squared error of the latents, plus the cross-entropy of the classes in nats, if there are any."""
    loss = F.mse_loss(found.float(), latents)
    return loss + F.cross_entropy(logits.float(), labels) if logits.shape[1] else loss


def pixel_loss(
    made: Float[Tensor, "batch channels side side"], pictures: Float[Tensor, "batch channels side side"]
) -> Float[Tensor, " batch"]:
    """Mean absolute plus mean squared difference of the pixels of each picture."""
    difference = made.float() - pictures
    return (difference.abs() + difference.square()).mean((1, 2, 3))


def prior_loss(latents: Float[Tensor, "batch latent"]) -> Float[Tensor, " batch"]:
    """Mean of z^2: the negative log-density of latents under N(0, 1), scaled and shifted.

    Without it, the latents leave the region in which the generator makes pictures like the training pictures.
    """
    return latents.square().mean(1)

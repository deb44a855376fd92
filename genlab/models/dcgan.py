"""The textbook deep convolutional GAN: batch norm, upsampling and convolution, tanh.

Radford, Metz and Chintala (2016), "Unsupervised Representation Learning with Deep Convolutional Generative
Adversarial Networks", arXiv 1511.06434, in the sizes common for 32 x 32 pictures. A baseline for the default model; it
is not tuned.

Data flow::

    latents (batch, latent) -> (batch, 128, side / 4, side / 4) -> (batch, 128, side / 2, side / 2)
    -> (batch, 64, side, side) -> pictures (batch, channels, side, side) in [-1, 1]
    pictures -> 16, 32, 64, 128 channels, each at half the resolution before -> scores (batch, 1)

The losses are the classic ones of `models/gan.py`. A class is a one-hot vector appended to the latents, and one-hot
channels appended to the discriminator's pictures (Mirza and Osindero 2014, arXiv 1411.1784, section 3.2).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlab.layers.precision import in_float32

Labels = Int[Tensor, " batch"]


class DCGenerator(nn.Module):
    """Maps latents to pictures in [-1, 1].

    Args:
        latent: Size of the latent vector.
        channels: Channels of the pictures.
        pixels: Side of the pictures, a multiple of 4.
        classes: Number of classes; 0 for an unconditional model.
    """

    def __init__(self, latent: int, channels: int, pixels: int, classes: int = 0) -> None:
        super().__init__()
        self.classes = classes
        side = pixels // 4
        self.layers = nn.Sequential(
            nn.Linear(latent + classes, 128 * side**2),
            nn.Unflatten(1, (128, side, side)),
            nn.BatchNorm2d(128),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(128, 128, 3, padding=1),
            nn.BatchNorm2d(128),
            nn.LeakyReLU(0.2),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(128, 64, 3, padding=1),
            nn.BatchNorm2d(64),
            nn.LeakyReLU(0.2),
            nn.Conv2d(64, channels, 3, padding=1),
            nn.Tanh(),
        )
        self.apply(initialise)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(
        self, latents: Float[Tensor, "batch latent"], labels: Labels | None = None
    ) -> Float[Tensor, "batch channels side side"]:
        if labels is not None:
            latents = torch.cat((latents, F.one_hot(labels, self.classes).to(latents.dtype)), 1)
        return self.layers(latents)


class DCDiscriminator(nn.Module):
    """Maps pictures to scores; arguments as in the generator."""

    def __init__(self, channels: int, pixels: int, classes: int = 0) -> None:
        super().__init__()
        self.classes = classes
        layers: list[nn.Module] = []
        inputs = channels + classes
        for outputs in (16, 32, 64, 128):
            layers += [nn.Conv2d(inputs, outputs, 3, 2, padding=1), nn.LeakyReLU(0.2), nn.Dropout2d(0.25)]
            if outputs > 16:
                layers.append(nn.BatchNorm2d(outputs))
            inputs, pixels = outputs, -(-pixels // 2)
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(128 * pixels**2, 1))
        self.apply(initialise)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(
        self, pictures: Float[Tensor, "batch channels side side"], labels: Labels | None = None
    ) -> Float[Tensor, "batch 1"]:
        if labels is not None:
            one_hot = F.one_hot(labels, self.classes).to(pictures.dtype)[:, :, None, None]
            pictures = torch.cat((pictures, one_hot.expand(-1, -1, *pictures.shape[2:])), 1)
        return in_float32(self.layers[-1], self.layers[:-1](pictures))


def initialise(layer: nn.Module) -> None:
    """Initialises weights with standard deviation 0.02 (section 4)."""
    if isinstance(layer, nn.Conv2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)
        nn.init.zeros_(layer.bias)

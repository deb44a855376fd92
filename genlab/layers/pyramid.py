"""Residual networks between vectors and pictures: what the models of pictures are made of.

He et al. (2016), "Identity Mappings in Deep Residual Networks", arXiv 1603.05027; no norm, and the last
convolution of a block starts at zero (Zhang et al. 2019, "Fixup Initialization", arXiv 1901.09321), so that a fresh
network is a plain stack of its up- or downsampling steps; bottleneck blocks as in R3GAN (Huang et al. 2024,
arXiv 2501.05441, section 3.3).

Data flow, for pictures of 32 x 32 and width w::

    Upward:   vectors (batch, inputs) -> (batch, 8w, 4, 4) -> (batch, 4w, 8, 8) -> (batch, 2w, 16, 16)
              -> pictures (batch, channels, 32, 32)
    Downward: pictures (batch, channels, 32, 32) -> (batch, 2w, 16, 16) -> (batch, 4w, 8, 8) -> (batch, 8w, 4, 4)
              -> (batch, outputs)

Convolutions over the largest maps cost most and see least: pictures are folded into maps of half the side at once,
two by two places into four channels (Shi et al. 2016, arXiv 1609.05158).
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from genlab.errors import InputError

SLOPE = 0.2
"""Of a leaky ReLU below zero."""
SMALLEST = 4
"""Side of the smallest maps."""
FOLD = 2
"""Side of the squares of places that are folded into channels."""

Maps = Float[Tensor, "batch features height width"]


def bend(x: Tensor) -> Tensor:
    """The nonlinearity."""
    return F.leaky_relu(x, SLOPE)


class Block(nn.Module):
    """x + narrow look around widen: 1 x 1, 3 x 3 and 1 x 1 convolutions over half of the features."""

    def __init__(self, features: int) -> None:
        super().__init__()
        inner = max(1, features // 2)
        self.narrow = nn.Conv2d(features, inner, 1)
        self.look = nn.Conv2d(inner, inner, 3, padding=1)
        self.widen = nn.Conv2d(inner, features, 1, bias=False)

    def forward(self, x: Maps) -> Maps:
        return x + self.widen(bend(self.look(bend(self.narrow(x)))))


class Upward(nn.Module):
    """Vectors to pictures, doubling the side of the maps; the output is linear.

    Args:
        inputs: Numbers of a vector.
        channels: Of the pictures.
        pixels: Side of the pictures, a power of 2 from 8 on.
        width: Features of the pictures' own size, if there were maps of it; smaller maps have more.
    """

    def __init__(self, inputs: int, channels: int, pixels: int, width: int) -> None:
        super().__init__()
        sides = map_sides(pixels)
        features = width * pixels // SMALLEST
        self.start = nn.Linear(inputs, features * SMALLEST**2)
        self.features = features
        self.blocks, self.steps = nn.ModuleList([Block(features)]), nn.ModuleList()
        for _ in sides[1:]:
            self.steps.append(nn.Conv2d(features, 2 * features, 1))  # four times half of the features
            features //= 2
            self.blocks.append(Block(features))
        self.out = nn.Conv2d(features, channels * FOLD**2, 3, padding=1)
        initialise(self)

    def forward(self, vectors: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch channels side side"]:
        x = self.start(vectors).view(-1, SMALLEST, SMALLEST, self.features).permute(0, 3, 1, 2)
        x = self.blocks[0](x)
        for step, block in zip(self.steps, self.blocks[1:], strict=True):
            x = block(F.pixel_shuffle(step(bend(x)), 2))
        return F.pixel_shuffle(self.out(bend(x)), FOLD)


class Downward(nn.Module):
    """Pictures to vectors, halving the side of the maps; the output is linear.

    Args:
        channels: Of the pictures.
        pixels: Side of the pictures, a power of 2 from 8 on.
        width: Features of the pictures' own size, if there were maps of it; smaller maps have more.
        outputs: Numbers of a vector.
    """

    def __init__(self, channels: int, pixels: int, width: int, outputs: int) -> None:
        super().__init__()
        sides = map_sides(pixels)
        features = FOLD * width
        self.start = nn.Conv2d(channels * FOLD**2, features, 3, padding=1)
        self.blocks, self.steps = nn.ModuleList([Block(features)]), nn.ModuleList()
        for _ in sides[1:]:
            self.steps.append(nn.Conv2d(features, 2 * features, 2, 2))
            features *= 2
            self.blocks.append(Block(features))
        self.out = nn.Linear(features * SMALLEST**2, outputs)
        initialise(self)

    def forward(self, pictures: Float[Tensor, "batch channels side side"]) -> Float[Tensor, "batch outputs"]:
        x = self.blocks[0](self.start(F.pixel_unshuffle(pictures, FOLD)))
        for step, block in zip(self.steps, self.blocks[1:], strict=True):
            x = block(step(bend(x)))
        return self.out(bend(x).flatten(1))


def map_sides(pixels: int) -> list[int]:
    """Sides of the maps from the smallest up.

    Raises:
        InputError: there are none that end at so many pixels.
    """
    if pixels < FOLD * SMALLEST or pixels & (pixels - 1):
        raise InputError(f"pixels: {pixels} cannot be used, this model needs a power of 2: 16, 32, 64 ...", "pixels")
    sides = [SMALLEST]
    while FOLD * sides[-1] < pixels:
        sides.append(2 * sides[-1])
    return sides


def initialise(network: nn.Module) -> None:
    """Variances kept through leaky ReLUs (He et al. 2015, arXiv 1502.01852), biases and blocks' last weights zero."""
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight, a=SLOPE)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    for layer in network.modules():
        if isinstance(layer, Block):
            nn.init.zeros_(layer.widen.weight)

"""Convolutional networks between vectors and pictures: what the models of pictures are made of.

Data flow, for pictures of 32 x 32 and width w::

    Upsampler:   vectors (batch, inputs) -> (batch, 4w, 4, 4) -> (batch, 2w, 8, 8) -> (batch, w, 16, 16)
              -> (batch, w / 2, 32, 32) -> pictures (batch, channels, 32, 32)
    Downsampler: pictures (batch, channels, 32, 32) -> (batch, w, 16, 16) -> (batch, 2w, 8, 8) -> (batch, 4w, 4, 4)
              -> (batch, outputs)

No norm, and a linear output: a squashing one saturates where pictures are black or white. Weights are drawn so that
variances stay through leaky ReLUs (He et al. 2015, arXiv 1502.01852). Steps up are transposed convolutions of 4 x 4
(Radford et al. 2016, arXiv 1511.06434) that start as what they cost less than half of: each place repeated two by two,
then a convolution of 3 x 3, which draws no checkerboards (Odena et al. 2016, "Deconvolution and Checkerboard
Artifacts"). The last step, whose checkerboards nothing after it can mend, stays one. Steps down are 4 x 4 as well: with
a stride of 2, kernels of 3 x 3 see every second pixel twice as often as its neighbours, and a generator learns to draw
what they overlook.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from genlab.errors import InputError
from genlab.layers.precision import in_float32

SLOPE = 0.2
"""Of a leaky ReLU below zero."""
SMALLEST = 4
"""Side of the smallest maps."""


class Upsampler(nn.Module):
    """Vectors to pictures, doubling the side of the maps.

    Args:
        inputs: Numbers of a vector.
        channels: Of the pictures.
        pixels: Side of the pictures, a power of 2 from 8 on.
        width: Features of the maps of half the pictures' side; smaller ones have more, to at most 16 times as many.
    """

    def __init__(self, inputs: int, channels: int, pixels: int, width: int) -> None:
        super().__init__()
        features = channels_by_level(pixels, width)
        self.start = nn.Linear(inputs, features[0] * SMALLEST**2)
        self.steps = nn.ModuleList(
            nn.ConvTranspose2d(before, after, 4, stride=2, padding=1) for before, after in pairwise(features)
        )
        self.steps.append(UpsampleConv2d(features[-1], max(4, width // 2)))
        self.out = nn.Conv2d(max(4, width // 2), channels, 3, padding=1)
        initialise(self)

    def forward(self, vectors: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch channels side side"]:
        x = self.start(vectors).unflatten(1, (SMALLEST, SMALLEST, -1)).permute(0, 3, 1, 2)
        for step in self.steps:
            x = step(F.leaky_relu(x, SLOPE))
        return self.out(F.leaky_relu(x, SLOPE))


class UpsampleConv2d(nn.Module):
    """Each place repeated two by two, then a convolution of 3 x 3; what is flat stays flat.

    Costs less than half: the nine weights are summed into those of one transposed convolution of 4 x 4.

    Args:
        before: Features in.
        after: Features out.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(after, before, 3, 3))
        self.bias = nn.Parameter(torch.zeros(after))

    def forward(self, x: Float[Tensor, "batch before side side"]) -> Float[Tensor, "batch after twice twice"]:
        return F.conv_transpose2d(x, as_transposed(self.weight), self.bias, stride=2, padding=1)


def as_transposed(weight: Float[Tensor, "after before 3 3"]) -> Float[Tensor, "before after 4 4"]:
    """The transposed convolution that equals repeating each place two by two, then a convolution with `weight`."""
    turned = weight.flip(2, 3).transpose(0, 1)
    corners = [(left, 1 - left, top, 1 - top) for left in (0, 1) for top in (0, 1)]
    return torch.stack([F.pad(turned, corner) for corner in corners]).sum(0).contiguous()


class Downsampler(nn.Module):
    """Pictures to vectors, halving the side of the maps.

    Args:
        channels: Of the pictures.
        pixels: Side of the pictures, a power of 2 from 8 on.
        width: Features of the maps of half the pictures' side; smaller ones have more, to at most 16 times as many.
        outputs: Numbers of a vector.
    """

    def __init__(self, channels: int, pixels: int, width: int, outputs: int) -> None:
        super().__init__()
        features = [channels, *reversed(channels_by_level(pixels, width))]
        self.steps = nn.ModuleList(
            nn.Conv2d(before, after, 4, stride=2, padding=1) for before, after in pairwise(features)
        )
        self.out = nn.Linear(features[-1] * SMALLEST**2, outputs)
        initialise(self)

    def forward(self, pictures: Float[Tensor, "batch channels side side"]) -> Float[Tensor, "batch outputs"]:
        x = pictures
        for step in self.steps:
            x = F.leaky_relu(step(x), SLOPE)
        return in_float32(self.out, x.flatten(1))


def channels_by_level(pixels: int, width: int) -> list[int]:
    """Features of the maps, from the smallest up to those of half the pictures' side.

    Raises:
        InputError: no maps end at so many pixels.
    """
    if pixels < 2 * SMALLEST or pixels & (pixels - 1):
        raise InputError(f"pixels: {pixels} cannot be used, this model needs a power of 2: 16, 32, 64 ...", "pixels")
    halvings = (pixels // SMALLEST).bit_length() - 1
    return [width * min(16, 2**step) for step in reversed(range(halvings))]


@torch.no_grad()
def initialise(network: nn.Module) -> None:
    """Draws all weights anew; biases are zero."""
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear, UpsampleConv2d)):
            nn.init.kaiming_normal_(layer.weight, a=SLOPE)
        elif isinstance(layer, nn.ConvTranspose2d):
            plain = torch.empty(layer.out_channels, layer.in_channels, 3, 3)
            layer.weight.copy_(as_transposed(nn.init.kaiming_normal_(plain, a=SLOPE)))
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

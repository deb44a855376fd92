"""A residual convolutional classifier of pictures.

He, Zhang, Ren and Sun (2016), "Identity Mappings in Deep Residual Networks", arXiv 1603.05027 (pre-activation blocks).

Data flow, for pictures of 32 x 32 and width 32::

    pictures (batch, channels, 32, 32) -> stem (batch, 32, 16, 16)
    -> stages (batch, 32, 16, 16), (batch, 64, 8, 8), (batch, 128, 4, 4) -> mean over positions (batch, 128)
    -> logits (batch, classes), or (batch, 1) for two classes

Departs from the paper: made for small pictures and CPUs. The stem halves the resolution to at most 16, as convolutions
at high resolution cost most and contribute least; a stage has one or a few blocks; shortcuts downsample by averaging
(ResNet-D: He et al. 2018, arXiv 1812.01187).
"""

from dataclasses import dataclass
from math import ceil, log2

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

STAGES = 3
WIDEST_MAP = 16
"""Highest resolution of the first stage."""


@dataclass(frozen=True)
class PictureClassifierShape:
    """Shape of a classifier of pictures."""

    classes: int
    channels: int
    """1 for grey pictures, 3 for colour."""
    pixels: int
    """Side of the pictures."""

    @property
    def outputs(self) -> int:
        """Number of logits; two classes share one, that of the second."""
        return 1 if self.classes == 2 else self.classes


def convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Conv2d:
    """A convolution without bias (a norm follows) that keeps the resolution, except for `stride`."""
    layer = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer


class Block(nn.Module):
    """Two convolutions and a shortcut.

    A shortcut that halves the resolution or changes the channels is average pooling and a 1 x 1 convolution, because a
    1 x 1 convolution with stride 2 would see only one in four positions.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        assert stride == 1 or inputs != outputs
        self.norm1 = nn.BatchNorm2d(inputs)
        self.convolution1 = convolution(inputs, outputs, 3, stride)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.convolution2 = convolution(outputs, outputs, 3)
        self.halving = nn.AvgPool2d(2, ceil_mode=True) if stride > 1 else nn.Identity()
        self.shortcut = convolution(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x: Float[Tensor, "batch inputs height width"]) -> Float[Tensor, "batch outputs less_h less_w"]:
        active = F.relu(self.norm1(x))
        change = self.convolution2(F.relu(self.norm2(self.convolution1(active))))
        return change + (x if self.shortcut is None else self.shortcut(self.halving(active)))


def stem(channels: int, width: int, pixels: int, widest: int = WIDEST_MAP) -> nn.Sequential:
    """Convolutions that halve the resolution to at most `widest`."""
    halvings = max(0, ceil(log2(pixels / widest)))
    layers = nn.Sequential(convolution(channels, width, 3, 2 if halvings else 1))
    for _ in range(halvings - 1):
        layers.extend([nn.BatchNorm2d(width), nn.ReLU(), convolution(width, width, 3, 2)])
    return layers


def stages(width: int, depth: int) -> nn.Sequential:
    """The stages, each of `depth` blocks; the last has `width << STAGES - 1` channels."""
    blocks = nn.Sequential()
    inputs = width
    for stage in range(STAGES):
        for place in range(depth):
            blocks.append(Block(inputs, width << stage, 2 if stage and not place else 1))
            inputs = width << stage
    return blocks


class CNN(nn.Module):
    """Maps pictures to logits.

    Args:
        channels: 1 for grey pictures, 3 for colour.
        classes: Number of classes; two share one logit, that of the second.
        pixels: Side of the pictures, from 16 to 128.
        width: Channels of the first stage; they double with each stage.
        depth: Number of blocks per stage.
        dropout: Dropout probability of the pooled features.
    """

    def __init__(
        self, channels: int, classes: int, pixels: int, width: int, depth: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__()
        inputs = width << STAGES - 1
        self.stem = stem(channels, width, pixels)
        self.blocks = stages(width, depth)
        self.norm = nn.BatchNorm2d(inputs)
        self.dropout = dropout
        self.head = nn.Linear(inputs, 1 if classes == 2 else classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def features(self, pictures: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch features"]:
        """The last channels, averaged over positions: the input of the linear head."""
        x = pictures.contiguous(memory_format=torch.channels_last)
        return F.relu(self.norm(self.blocks(self.stem(x)))).mean((2, 3))

    def forward(self, pictures: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch outputs"]:
        return self.head(F.dropout(self.features(pictures), self.dropout, self.training))

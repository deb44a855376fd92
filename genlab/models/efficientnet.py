"""EfficientNet-Lite0, pretrained on ImageNet: features for comparing pictures.

Tan and Le (2019), "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", arXiv 1905.11946
(table 1), in the authors' Lite variant (Liu 2020, "Higher accuracy on vision models with EfficientNet-Lite"): no
squeeze-and-excitation, and ReLU6 instead of swish.

Data flow::

    pictures (batch, 1 or 3, height, width) in [-1, 1] -> prepare -> (batch, 3, pixels, pixels)
    -> stem (batch, 32, pixels / 2, pixels / 2)
      16 times:  x + project(depthwise(expand(x)))
    -> (batch, 320, pixels / 32, pixels / 32) -> head (batch, 1280, ...) -> mean
    -> features (batch, 1280) -> classes -> logits (batch, 1000)

Departs from the paper: for inference only, so there is no dropout or drop-connect, and batch norm uses its stored
statistics.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

Pictures = Float[Tensor, "batch channels height width"]
Features = Float[Tensor, "batch features"]

PIXELS = 96
"""Side that pictures are resized to; the weights were trained at 224."""


class Stage(NamedTuple):
    """A row of the paper's table 1."""

    kernel: int
    """Side of the depthwise kernels."""
    stride: int
    """Stride of the first block; the others have stride 1."""
    expansion: int
    """Ratio of a block's inner channels to its input channels."""
    channels: int
    """Output channels."""
    blocks: int
    """Number of blocks."""


STAGES = (
    Stage(3, 1, 1, 16, 1),
    Stage(3, 2, 6, 24, 2),
    Stage(5, 2, 6, 40, 2),
    Stage(3, 2, 6, 80, 3),
    Stage(5, 1, 6, 112, 3),
    Stage(5, 2, 6, 192, 4),
    Stage(3, 1, 6, 320, 1),
)


class Convolution(nn.Module):
    """Convolution, batch norm and, with `activate`, ReLU6. A stride divides the resolution, rounded up."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, activate: bool = True
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=1e-3)
        self.kernel, self.stride, self.groups, self.activate = kernel, stride, groups, activate

    def forward(self, x: Pictures) -> Float[Tensor, "batch outputs rows columns"]:
        mean, variance = self.norm.running_mean, self.norm.running_var
        assert mean is not None and variance is not None
        # Batch norm with stored statistics is affine, so it is folded into the convolution.
        scale = self.norm.weight / (variance + self.norm.eps).sqrt()
        weight, bias = self.convolution.weight * scale[:, None, None, None], self.norm.bias - mean * scale
        padding = self.kernel // 2
        if self.stride > 1:
            x, padding = F.pad(x, (*self._padding(x.shape[3]), *self._padding(x.shape[2]))), 0
        x = F.conv2d(x, weight, bias, self.stride, padding, groups=self.groups)
        return F.relu6(x, inplace=True) if self.activate else x

    def _padding(self, size: int) -> tuple[int, int]:
        """Padding before and after, split as in TensorFlow, where the weights were trained: less before."""
        missing = max((-(-size // self.stride) - 1) * self.stride + self.kernel - size, 0)
        return missing // 2, missing - missing // 2


class Block(nn.Module):
    """Inverted bottleneck: expand, depthwise convolution, project; residual if the shape stays the same.

    Sandler et al. (2018), "MobileNetV2", arXiv 1801.04381, section 3.3.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand = Convolution(inputs, inner, 1) if expansion > 1 else nn.Identity()
        self.depthwise = Convolution(inner, inner, kernel, stride, groups=inner)
        self.project = Convolution(inner, outputs, 1, activate=False)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Pictures) -> Float[Tensor, "batch outputs rows columns"]:
        change = self.project(self.depthwise(self.expand(x)))
        return x + change if self.residual else change


class EfficientNet(nn.Module):
    """EfficientNet-Lite0; `genlab.data.pictures.pretrained` loads its weights.

    Args:
        pixels: Side that pictures are resized to; larger pictures lose detail. For pictures of 32 x 32, 96 shows blur
            and warps in Fréchet distances about as well as 224, in a sixth of the time; classes are separated less
            well (hair colours with 68 % accuracy instead of 84 %).
    """

    def __init__(self, pixels: int = PIXELS) -> None:
        super().__init__()
        self.pixels = pixels
        self.stem = Convolution(3, 32, 3, stride=2)
        blocks, channels = [], 32
        for stage in STAGES:
            for stride in (stage.stride, *[1] * (stage.blocks - 1)):
                blocks.append(Block(channels, stage.channels, stage.kernel, stride, stage.expansion))
                channels = stage.channels
        self.blocks = nn.Sequential(*blocks)
        self.head = Convolution(channels, 1280, 1)
        self.classes = nn.Linear(1280, 1000)

    def forward(self, pictures: Pictures) -> Features:
        """Features of each picture: the last 1,280 channels, averaged over positions, between 0 and 6."""
        return self.head(self.blocks(self.stem(prepare(pictures, self.pixels)))).mean((2, 3))

    def logits(self, pictures: Pictures) -> Float[Tensor, "batch 1000"]:
        """Logits of ImageNet's classes."""
        return self.classes(self(pictures))


def prepare(pictures: Pictures, pixels: int) -> Float[Tensor, "batch 3 pixels pixels"]:
    """Converts pictures to the size, channels and range that the network was trained on.

    Resizing is bicubic with antialiasing, as in Pillow: other methods shift Fréchet distances (Parmar et al. 2022,
    arXiv 2104.11222). Grey pictures become colour ones.
    """
    size = (pixels, pixels)
    pictures = F.interpolate(pictures, size, mode="bicubic", antialias=True, align_corners=False).clamp(-1, 1)
    pictures = ((pictures + 1) * 127.5 - 127) / 128  # the training range: (byte - 127) / 128
    return pictures.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)  # faster on CPUs


@torch.no_grad()
def features(network: nn.Module, pictures: Pictures, rows: int = 32) -> Features:
    """Features of pictures, computed `rows` at a time."""
    return torch.cat([network(part) for part in pictures.split(rows)])

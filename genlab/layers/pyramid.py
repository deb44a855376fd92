"""Convolutional networks from vectors to pictures and back: the backbones of the GANs and the VAE.

Data flow, for pictures of 32 x 32 and width w::

    Upsampler:   vectors (batch, inputs) -> (batch, 4w, 4, 4) -> (batch, 2w, 8, 8) -> (batch, w, 16, 16)
                 -> (batch, w / 2, 32, 32) -> pictures (batch, channels, 32, 32)
    Downsampler: pictures (batch, channels, 32, 32) -> (batch, w, 16, 16) -> (batch, 2w, 8, 8) -> (batch, 4w, 4, 4)
                 -> (batch, outputs)

No norms, and a linear output: tanh saturates where pictures are black or white. He initialisation for leaky ReLUs (He
et al. 2015, arXiv 1502.01852). Upsampling is by 4 x 4 transposed convolutions with stride 2 (Radford et al. 2016, arXiv
1511.06434), initialised to equal nearest-neighbour upsampling followed by a 3 x 3 convolution, which makes no
checkerboard artefacts (Odena et al. 2016, "Deconvolution and Checkerboard Artifacts") but costs more than twice as
much. The last one, whose artefacts no later layer could remove, keeps that form in training. Downsampling is by 4 x 4
convolutions: a 3 x 3 kernel with stride 2 covers every second pixel twice as often as its neighbours, and a generator
learns to exploit that. For photographs, `detail` adds layers at full resolution and scales the channels of every
resolution by the vectors (as the styles of Karras et al. 2019, arXiv 1812.04948, do).
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from genlab.errors import InputError
from genlab.layers.precision import in_float32

SLOPE = 0.2
"""Slope of the leaky ReLU below zero."""
SMALLEST = 4
"""Lowest resolution."""
SCALES = 0.3
"""Initial standard deviation of a channel's scale, for vectors of unit variance."""


class Upsampler(nn.Module):
    """Maps vectors to pictures, doubling the resolution in each step.

    Args:
        inputs: Size of a vector.
        channels: Channels of the pictures.
        pixels: Side of the pictures, a power of 2, at least 8.
        width: Channels at half resolution; they double with each lower one, up to 16 times as many.
        detail: Twice the channels at full resolution, and the vectors scale the channels at every resolution.
    """

    def __init__(self, inputs: int, channels: int, pixels: int, width: int, detail: bool = False) -> None:
        super().__init__()
        widths = channels_by_level(pixels, width)
        full = width if detail else max(4, width // 2)
        self.start = nn.Linear(inputs, widths[0] * SMALLEST**2)
        self.steps = nn.ModuleList(
            nn.ConvTranspose2d(before, after, 4, stride=2, padding=1) for before, after in pairwise(widths)
        )
        self.steps.append(UpsampleConv2d(widths[-1], full))
        self.scales = nn.ModuleList(nn.Linear(inputs, after) for after in (*widths[1:], full)) if detail else None
        self.out = nn.Conv2d(full, channels, 3, padding=1)
        initialise(self)
        for scale in self.scales or ():
            assert isinstance(scale, nn.Linear)
            nn.init.normal_(scale.weight, 0, SCALES / inputs**0.5)

    def forward(self, vectors: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch channels side side"]:
        x = self.start(vectors).unflatten(1, (SMALLEST, SMALLEST, -1)).permute(0, 3, 1, 2)
        for index, step in enumerate(self.steps):
            x = step(F.leaky_relu(x, SLOPE))
            if self.scales is not None:
                x = x * (1 + self.scales[index](vectors)[:, :, None, None])
        return self.out(F.leaky_relu(x, SLOPE))


class UpsampleConv2d(nn.Module):
    """Nearest-neighbour upsampling by 2 and a 3 x 3 convolution, as one transposed convolution.

    Less than half the cost: the nine weights are summed into the sixteen of a 4 x 4 transposed convolution.

    Args:
        before: Input channels.
        after: Output channels.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(after, before, 3, 3))
        self.bias = nn.Parameter(torch.zeros(after))

    def forward(self, x: Float[Tensor, "batch before side side"]) -> Float[Tensor, "batch after twice twice"]:
        return F.conv_transpose2d(x, as_transposed(self.weight), self.bias, stride=2, padding=1)


def as_transposed(weight: Float[Tensor, "after before 3 3"]) -> Float[Tensor, "before after 4 4"]:
    """Weights of the transposed convolution that equals upsampling by 2 and then convolving with `weight`."""
    turned = weight.flip(2, 3).transpose(0, 1)
    corners = [(left, 1 - left, top, 1 - top) for left in (0, 1) for top in (0, 1)]
    return torch.stack([F.pad(turned, corner) for corner in corners]).sum(0).contiguous()


class Downsampler(nn.Module):
    """Maps pictures to vectors, halving the resolution in each step.

    Args:
        channels: Channels of the pictures.
        pixels: Side of the pictures, a power of 2, at least 8.
        width: Channels at half resolution; they double with each lower one, up to 16 times as many.
        outputs: Size of a vector.
        detail: First convolves at full resolution.
    """

    def __init__(self, channels: int, pixels: int, width: int, outputs: int, detail: bool = False) -> None:
        super().__init__()
        full = max(4, width // 2) if detail else channels
        self.full = nn.Conv2d(channels, full, 3, padding=1) if detail else None
        widths = [full, *reversed(channels_by_level(pixels, width))]
        self.steps = nn.ModuleList(
            nn.Conv2d(before, after, 4, stride=2, padding=1) for before, after in pairwise(widths)
        )
        self.out = nn.Linear(widths[-1] * SMALLEST**2, outputs)
        initialise(self)

    def forward(self, pictures: Float[Tensor, "batch channels side side"]) -> Float[Tensor, "batch outputs"]:
        x = pictures if self.full is None else F.leaky_relu(self.full(pictures), SLOPE)
        for step in self.steps:
            x = F.leaky_relu(step(x), SLOPE)
        return in_float32(self.out, x.flatten(1))


def channels_by_level(pixels: int, width: int) -> list[int]:
    """Number of channels at each resolution, from the lowest to half resolution.

    Raises:
        InputError: `pixels` is not a power of 2, or is too small.
    """
    if pixels < 2 * SMALLEST or pixels & (pixels - 1):
        raise InputError(f"pixels: {pixels} cannot be used; this model needs a power of 2: 16, 32, 64 ...", "pixels")
    halvings = (pixels // SMALLEST).bit_length() - 1
    return [width * min(16, 2**step) for step in reversed(range(halvings))]


@torch.no_grad()
def initialise(network: nn.Module) -> None:
    """Initialises all weights at random, and biases with zero."""
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

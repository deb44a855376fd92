"""Pictures mixed from a few learned colours: flat where drawings are flat.

Data flow::

    logits (batch, colours, side, side) -> shares, summing to one -> pictures (batch, channels, side, side)

A linear output has to hit a colour anew in each pixel, and what is left of its misses is grain. A share saturates: far
from an edge every small error of the logits leaves the same colour.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

SHARPNESS = 10.0
"""What logits are multiplied by: those of a fresh network, of deviation 1, already choose."""


class Palette(nn.Module):
    """Shares of learned colours to pixels.

    Args:
        colours: How many there are.
        channels: 1 for grey pictures, 3 for colour.
    """

    def __init__(self, colours: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, colours, 1, 1).uniform_(-1, 1))

    def forward(
        self, logits: Float[Tensor, "batch colours height width"]
    ) -> Float[Tensor, "batch channels height width"]:
        return F.conv2d(torch.softmax(SHARPNESS * logits, 1), self.weight)

"""An output layer for drawings: each pixel is a mixture of a few learned colours.

Data flow::

    logits (batch, colours, side, side) -> softmax over colours -> pictures (batch, channels, side, side)

A linear output must reproduce the colour of an area in every pixel, and its errors look like grain. A softmax
saturates: away from edges, small errors in the logits do not change the colour.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

SHARPNESS = 10.0
"""Factor on the logits: even at initialisation, with unit variance, they select colours."""


class Palette(nn.Module):
    """Maps logits of learned colours to pixels.

    Args:
        colours: Number of colours.
        channels: 1 for grey pictures, 3 for colour.
    """

    def __init__(self, colours: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, colours, 1, 1).uniform_(-1, 1))

    def forward(
        self, logits: Float[Tensor, "batch colours height width"]
    ) -> Float[Tensor, "batch channels height width"]:
        return F.conv2d(torch.softmax(SHARPNESS * logits, 1), self.weight)

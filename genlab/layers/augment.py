"""Pictures slightly moved, so that a network sees no picture twice in the same way.

One smooth map of places to places for each picture: turned, sheared, stretched, shifted (an affine map), and bent
like rubber (Simard, Steinkraus and Platt 2003, "Best practices for convolutional neural networks"). All of it is
one resampling, so that fine lines are blurred once.
"""

from dataclasses import dataclass
from math import pi

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

KNOTS = 5
"""Places along a side that a bend moves on its own; between them it is smooth."""


@dataclass(frozen=True)
class Warp:
    """How far pictures are moved: each is the largest of values drawn evenly on both sides of none."""

    turn: float = 10.0
    """Degrees."""
    shear: float = 0.12
    """Slant: sideways for each step upwards."""
    stretch: float = 0.1
    """Share of the size, of width and height each on its own."""
    shift: float = 0.06
    """Share of the side."""
    bend: float = 0.025
    """Deviation of the knots' own moves, as a share of the side."""
    mirror: bool = False
    """Swap left and right of every second picture."""


def warped(
    pictures: Float[Tensor, "batch channels height width"], warp: Warp
) -> Float[Tensor, "batch channels height width"]:
    """The pictures, each moved in a way of its own; what lies outside of one repeats its edge.

    Draws from torch's global generator.
    """
    count = len(pictures)

    def even(limit: float) -> Float[Tensor, " batch"]:
        return (2 * torch.rand(count, device=pictures.device) - 1) * limit

    angle, slant = even(warp.turn * pi / 180), even(warp.shear)
    wide, high = even(warp.stretch).exp(), even(warp.stretch).exp()
    if warp.mirror:
        wide = torch.where(torch.rand(count, device=pictures.device) < 0.5, -wide, wide)
    cosine, sine = angle.cos(), angle.sin()
    rows = (  # where in the old picture a place of the new one comes from, both from -1 to 1
        torch.stack((wide * cosine, high * (slant * cosine - sine), even(2 * warp.shift)), 1),
        torch.stack((wide * sine, high * (slant * sine + cosine), even(2 * warp.shift)), 1),
    )
    grid = F.affine_grid(torch.stack(rows, 1), list(pictures.shape), align_corners=False)
    if warp.bend:
        moves = 2 * warp.bend * torch.randn(count, 2, KNOTS, KNOTS, device=pictures.device)
        smooth = F.interpolate(moves, pictures.shape[2:], mode="bicubic", align_corners=True)
        grid = grid + rearrange(smooth, "batch axes height width -> batch height width axes")
    moved = F.grid_sample(pictures, grid.to(pictures.dtype), padding_mode="border", align_corners=False)
    return moved.contiguous(memory_format=torch.channels_last)

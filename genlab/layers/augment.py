"""Geometric data augmentation.

Each picture gets a random affine map (rotation, shear, scale, shift) and an elastic deformation (Simard, Steinkraus and
Platt 2003, "Best practices for convolutional neural networks"). All of them are one resampling, so that fine lines are
blurred only once.
"""

from dataclasses import dataclass
from math import pi

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

KNOTS = 5
"""Control points along a side that an elastic deformation displaces independently."""


@dataclass(frozen=True)
class Warp:
    """Strength of each deformation: values are uniform between minus and plus the given maximum."""

    rotation: float = 10.0
    """Rotation in degrees."""
    shear: float = 0.12
    """Horizontal displacement per vertical unit."""
    scale: float = 0.1
    """Logarithm of the scale, independent for width and height."""
    shift: float = 0.06
    """Translation as a fraction of the side."""
    elastic: float = 0.025
    """Elastic deformation: standard deviation of the control points' displacement, as a fraction of the side."""
    flip: bool = False
    """Flip each picture left to right with probability 1/2."""


def warped(
    pictures: Float[Tensor, "batch channels height width"], warp: Warp
) -> Float[Tensor, "batch channels height width"]:
    """Deforms each picture at random, with torch's global generator; pixels outside repeat the border."""
    count = len(pictures)

    def even(limit: float) -> Float[Tensor, " batch"]:
        return (2 * torch.rand(count, device=pictures.device) - 1) * limit

    angle, slant = even(warp.rotation * pi / 180), even(warp.shear)
    wide, high = even(warp.scale).exp(), even(warp.scale).exp()
    if warp.flip:
        wide = torch.where(torch.rand(count, device=pictures.device) < 0.5, -wide, wide)
    cosine, sine = angle.cos(), angle.sin()
    rows = (  # from coordinates in the new picture to those in the old one, from -1 to 1
        torch.stack((wide * cosine, high * (slant * cosine - sine), even(2 * warp.shift)), 1),
        torch.stack((wide * sine, high * (slant * sine + cosine), even(2 * warp.shift)), 1),
    )
    grid = F.affine_grid(torch.stack(rows, 1), list(pictures.shape), align_corners=False)
    if warp.elastic:
        moves = 2 * warp.elastic * torch.randn(count, 2, KNOTS, KNOTS, device=pictures.device)
        smooth = F.interpolate(moves, pictures.shape[2:], mode="bicubic", align_corners=True)
        grid = grid + rearrange(smooth, "batch axes height width -> batch height width axes")
    moved = F.grid_sample(pictures, grid.to(pictures.dtype), padding_mode="border", align_corners=False)
    return moved.contiguous(memory_format=torch.channels_last)


def shifted(
    pictures: Float[Tensor, "batch channels height width"], most: int
) -> Float[Tensor, "batch channels height width"]:
    """Shifts each picture by up to `most` whole pixels and flips it with probability 1/2, at random.

    No resampling, so that every colour stays exact; pixels outside repeat the border.
    """
    count, _, height, width = pictures.shape
    device = pictures.device
    down, right = torch.randint(-most, most + 1, (2, count, 1), device=device)
    rows = (torch.arange(height, device=device) + down).clamp(0, height - 1)
    columns = (torch.arange(width, device=device) + right).clamp(0, width - 1)
    columns = torch.where(torch.rand(count, 1, device=device) < 0.5, columns.flip(1), columns)
    each = torch.arange(count, device=device)[:, None, None]
    moved = pictures.permute(0, 2, 3, 1)[each, rows[:, :, None], columns[:, None]]
    return moved.permute(0, 3, 1, 2)

"""Distinguishes drawings from photographs, which need different output layers."""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from genlab.data.pictures.picture_set import PictureSplit
from genlab.data.pictures.pixels import commonest_colours

COLOURS = 64
"""Number of colours that cover most pixels of a drawing."""
DRAWN = 0.75
"""Smallest fraction of a drawing's pixels that has one of the commonest colours."""
SAMPLED = 1000
"""Largest number of pictures whose colours are counted."""
SIDE = 64
"""Pixels per side, at least, that are counted: of larger pictures, only every second, third, ... pixel."""


def are_drawings(pictures: PictureSplit) -> bool:
    """Whether few colours cover most pixels of colour pictures."""
    return pictures.array.shape[3] > 1 and float(commonest_colours(_sampled(pictures), COLOURS)[1].sum()) >= DRAWN


def are_photographs(pictures: PictureSplit) -> bool:
    """Whether they are colour pictures, and not drawings."""
    return pictures.array.shape[3] == 3 and not are_drawings(pictures)


def first_colours(pictures: PictureSplit, count: int) -> Float[Tensor, "colours channels"]:
    """The commonest colours of drawings in [-1, 1], at most `count`, from which a palette starts."""
    return torch.from_numpy(commonest_colours(_sampled(pictures), count)[0]) / 127.5 - 1


def _sampled(pictures: PictureSplit) -> UInt8[np.ndarray, "some height width channels"]:
    every = max(1, pictures.array.shape[1] // SIDE)
    spread = pictures.rows[np.unique(np.linspace(0, len(pictures) - 1, SAMPLED).round().astype(int))]  # all classes
    return pictures.array[:, ::every, ::every][spread]

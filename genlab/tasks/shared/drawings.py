"""Distinguishes drawings from photographs, which need different output layers."""

from genlab.data.pictures.picture_set import PictureSplit
from genlab.data.pictures.pixels import share_of_commonest

COLOURS = 64
"""Number of colours that cover most pixels of a drawing."""
DRAWN = 0.75
"""Smallest fraction of a drawing's pixels that has one of the commonest colours."""
LOOKED_AT = 1000
"""Number of pictures to look at."""


def are_drawings(pictures: PictureSplit) -> bool:
    """Whether few colours cover most pixels of colour pictures."""
    if pictures.array.shape[3] == 1:
        return False
    spread = pictures.rows[:: max(1, len(pictures) // LOOKED_AT)]  # over all classes
    return share_of_commonest(pictures.array[spread], COLOURS) >= DRAWN


def are_photographs(pictures: PictureSplit) -> bool:
    """Whether they are colour pictures, and not drawings."""
    return pictures.array.shape[3] == 3 and not are_drawings(pictures)

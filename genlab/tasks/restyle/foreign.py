"""Notes on pictures that are unlike those of training: a model changes them, but nobody should trust the result."""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import UInt8

from genlab.models.stargan import RestyleShape

UNFAMILIAR = 4.0
"""A picture whose cycle error exceeds this multiple of the training pictures' is unlike them."""
NAMED = 3
"""Largest number of such pictures that a note names."""


def foreign_kinds(pixels: UInt8[np.ndarray, "height width channels"], shape: RestyleShape) -> Iterator[str]:
    """What distinguishes a picture, at its full size, from those that a model of this shape was trained on."""
    if shape.channels == 3 and (pixels == pixels[..., :1]).all():
        yield "grey"
    if min(pixels.shape[:2]) < shape.pixels:
        yield f"smaller than {shape.pixels} x {shape.pixels} pixels"


def notes_on(foreign: Sequence[tuple[str, str]], errors: Sequence[tuple[float, str]], typical: float) -> Iterator[str]:
    """How many pictures are unlike those of training, and the names of some.

    Args:
        foreign: Name and kind of each picture of a foreign kind.
        errors: Cycle error, in [0, 2], and name of each picture.
        typical: The cycle error of training pictures.
    """
    for kind in dict.fromkeys(kind for _, kind in foreign):
        names = [name for name, other in foreign if other == kind]
        yield f"pictures that are {kind}, unlike those of training: {_counted(names, len(errors))}: expect artefacts."
    unfamiliar = sorted((each for each in errors if each[0] > UNFAMILIAR * typical > 0), reverse=True)
    if unfamiliar:
        counted = _counted([name for _, name in unfamiliar], len(errors))
        yield (
            f"pictures unlike those of training: {counted}, with a cycle error up to {unfamiliar[0][0] * 127.5:.1f} of "
            f"255, typically {typical * 127.5:.1f}: expect artefacts."
        )


def _counted(names: Sequence[str], total: int) -> str:
    return f"{len(names):,} of {total:,} ({', '.join(names[:NAMED])}{', ...' if len(names) > NAMED else ''})"

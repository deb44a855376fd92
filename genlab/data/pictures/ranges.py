"""Value ranges: the black and the white level of pictures with more than 8 bits per channel.

Such a file does not say which values it uses: a 12-bit camera saves 16 bits, and software saves floating-point numbers
from 0 to 1, from -1 to 1 or in any other range. All pictures of one kind in a data set therefore share one range,
inferred from their smallest and largest value. A trained model saves the ranges of its training data, so that the same
file always gives the same pixels.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

Ranges = Mapping[str, Sequence[float]]
"""Black and white level by kind of picture."""

SIXTEEN, WHOLE, FLOAT = "16-bit", "32-bit integer", "floating-point"
KINDS = dict.fromkeys(("I;16", "I;16L", "I;16B", "I;16N"), SIXTEEN) | {"I": WHOLE, "F": FLOAT}
"""Kind by Pillow mode; all other modes have 8 bits per channel."""
USUAL = {SIXTEEN: (0.0, 65535.0), WHOLE: (0.0, 65535.0), FLOAT: (0.0, 1.0)}
"""Ranges that need no note."""
DEPTHS = {2.0**bits - 1: bits for bits in (8, 10, 12, 14, 16)}
USED = 0.2
"""A standard range is inferred if the values span at least this fraction of it."""
FLAT = 0.1
"""A picture whose values span a smaller fraction of the range is nearly uniform."""
FLAT_PICTURES = 0.1
"""A larger fraction of nearly uniform pictures gets a note."""
DARK, BRIGHT = 25, 230
"""Pixels up to `DARK` are nearly black, from `BRIGHT` nearly white (of 255)."""
NEARLY_ALL = 0.995
LOOKED_AT = 256
"""Number of pictures to check for being nearly black or white."""


class Span(NamedTuple):
    """Kind, smallest and largest value of a picture with more than 8 bits per channel."""

    kind: str
    low: float
    high: float


def infer_ranges(spans: Iterable[Span], known: Ranges) -> tuple[Ranges, list[str]]:
    """Infers one range per kind of picture; returns the ranges and notes for the user.

    Args:
        spans: Spans of all pictures in the set.
        known: Ranges of a trained model, which override inferred ones.
    """
    kinds: dict[str, list[Span]] = {}
    for span in spans:
        kinds.setdefault(span.kind, []).append(span)
    ranges, notes = dict(known), []
    for kind, found in sorted(kinds.items()):
        low, high = min(span.low for span in found), max(span.high for span in found)
        black, white = ranges.setdefault(kind, value_range(low, high))
        if (black, white) != USUAL[kind] or low < black or high > white:
            depth = f"{DEPTHS[white]} bits, " if black == 0 and white in DEPTHS else ""
            clipped = "; values outside are clipped" if low < black or high > white else ""
            notes.append(
                f"the {kind} pictures hold values from {low:,.6g} to {high:,.6g}: read as {depth}{black:,.6g} black "
                f"and {white:,.6g} white{clipped}."
            )
        flat = sum(min(span.high, white) - max(span.low, black) < FLAT * (white - black) for span in found)
        if flat > FLAT_PICTURES * len(found):
            notes.append(
                f"{flat:,} of {len(found):,} {kind} pictures use less than a tenth of the values from {black:,.6g} to "
                f"{white:,.6g} and are nearly uniform: save all pictures with the same range of values."
            )
    return ranges, notes


def value_range(low: float, high: float) -> tuple[float, float]:
    """The black and white level of pictures with values from `low` to `high`."""
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    if -1 <= low < -0.25 and high <= 1:
        return -1.0, 1.0
    for top in DEPTHS:
        if low >= 0 and high <= top and (high - low > USED * top or high == low):
            return 0.0, top
    if 0 <= low < USED * high:
        return 0.0, high
    return low, high if high > low else low + 1


def notes_on_shades(array: UInt8[np.ndarray, "pictures height width channels"]) -> list[str]:
    """A note if nearly every pixel is black, or white."""
    some = np.asarray(array[np.unique(np.linspace(0, len(array) - 1, LOOKED_AT).astype(int))])
    for share, shade in (((some <= DARK).mean(), "black"), ((some >= BRIGHT).mean(), "white")):
        if share > NEARLY_ALL:
            return [f"the pictures are nearly {shade} ({share:.1%} of their pixels): check how they were saved."]
    return []

"""Value ranges: which value of a picture with more than 8 bits per channel is black, and which is white.

Such a file does not say which of its values are in use: a camera of 12 bits saves 16, a program that computes saves
floating-point numbers from 0 to 1, from -1 to 1 or of any other size. All pictures of one kind in a data set therefore
share one range, judged from the smallest and the largest value among them. A trained model keeps the ranges of its
training data, so that the same file always gives the same pixels.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

Ranges = Mapping[str, Sequence[float]]
"""For each kind of picture the values that are black and white."""

SIXTEEN, WHOLE, FLOAT = "16-bit", "32-bit integer", "floating-point"
KINDS = dict.fromkeys(("I;16", "I;16L", "I;16B", "I;16N"), SIXTEEN) | {"I": WHOLE, "F": FLOAT}
"""Kind by Pillow's mode; pictures in all other modes have 8 bits per channel."""
USUAL = {SIXTEEN: (0.0, 65535.0), WHOLE: (0.0, 65535.0), FLOAT: (0.0, 1.0)}
"""Ranges that need no note."""
DEPTHS = {2.0**bits - 1: bits for bits in (8, 10, 12, 14, 16)}
USED = 0.2
"""Fraction of a range that the values must span for the range to be theirs."""
FLAT = 0.1
"""A picture whose values span a smaller fraction of the range is nearly uniform, and ..."""
FLAT_PICTURES = 0.1
"""... such pictures are noted if they are a larger fraction of all."""
DARK, BRIGHT = 25, 230
"""Pixels up to `DARK` of 255 are nearly black, from `BRIGHT` on nearly white."""
NEARLY_ALL = 0.995
LOOKED_AT = 256
"""Pictures of a set that are checked for being nearly black or white."""


class Span(NamedTuple):
    """The kind of one picture with more than 8 bits per channel, its smallest and its largest value."""

    kind: str
    low: float
    high: float


def judge(spans: Iterable[Span], known: Ranges) -> tuple[Ranges, list[str]]:
    """One range for each kind of pictures, and notes on what a user must know about it.

    Args:
        spans: Of all pictures of the set.
        known: Ranges of a trained model, which hold for its kinds.
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
    """The values that are black and white among pictures that hold values from `low` to `high`."""
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
    """A warning where nearly every pixel is black, or white."""
    some = np.asarray(array[np.unique(np.linspace(0, len(array) - 1, LOOKED_AT).astype(int))])
    for share, shade in (((some <= DARK).mean(), "black"), ((some >= BRIGHT).mean(), "white")):
        if share > NEARLY_ALL:
            return [f"the pictures are nearly {shade} ({share:.1%} of their pixels): check how they were saved."]
    return []

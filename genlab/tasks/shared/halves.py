"""Divides other people's pictures into two halves, to measure on the one and compare with, or learn from, the other."""

import hashlib

import numpy as np
from jaxtyping import Int, Shaped

from genlab.data.pictures.picture_set import PictureSplit


def halves(pictures: PictureSplit) -> tuple[Int[np.ndarray, " first"], Int[np.ndarray, " second"]]:
    """The indices of two random halves, always the same; a group, and all copies of a picture, are in one of them.

    What belongs together shares its key (`PictureSplit.keys`) or its pixels. The largest groups are dealt first, each
    to the half that has fewer pictures.
    """
    together = _together(pictures)
    names, groups, sizes = np.unique(together, return_inverse=True, return_counts=True)
    half, counts = np.zeros(len(names), np.int64), [0, 0]
    for group in np.argsort(-sizes, kind="stable").tolist():
        half[group] = fewer = int(counts[1] < counts[0])
        counts[fewer] += int(sizes[group])
    return np.flatnonzero(half[groups] == 0), np.flatnonzero(half[groups] == 1)


def _together(pictures: PictureSplit) -> Shaped[np.ndarray, " pictures"]:
    """For each picture, the least key of all that belong together with it."""
    pixels = np.array([hashlib.sha256(pictures.array[row].tobytes()).hexdigest() for row in pictures.rows])
    keys = np.array(pictures.keys) if pictures.keys else pixels
    ways = [np.unique(each, return_inverse=True)[1] for each in (keys, pixels)]
    names, least = np.unique(keys, return_inverse=True)
    while True:  # one picture can belong to a group and be a copy of one in another
        before = least
        for way in ways:
            smallest = np.full(way.max() + 1, len(names))
            np.minimum.at(smallest, way, least)
            least = smallest[way]
        if np.array_equal(least, before):
            return names[least]

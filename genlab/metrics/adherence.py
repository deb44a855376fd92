"""Does content have the values that were asked for?"""

import numpy as np
from jaxtyping import Int

Values = Int[np.ndarray, "pieces attributes"]


def right(read: Values, wanted: Values) -> tuple[list[float], float]:
    """The share of pieces that have the wanted value of each attribute, and of all attributes."""
    same = read == wanted
    return same.mean(0).tolist(), float(same.all(1).mean())


def right_by_chance(read: Values, wanted: Values) -> tuple[list[float], float]:
    """The same shares if wishes are shuffled: the mean over all pairs of a piece and another piece's wish."""
    count, attributes = read.shape
    pairs = max(1, count * (count - 1))
    together = np.ones((count, count), bool)
    each = []
    for attribute in range(attributes):
        same = read[:, None, attribute] == wanted[None, :, attribute]
        each.append(float((same.sum() - same.trace()) / pairs))
        together &= same
    return each, float((together.sum() - together.trace()) / pairs)

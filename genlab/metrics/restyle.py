"""Metrics of changed pictures: is the change made, is everything else kept, and two baselines.

A judge reads the values of pictures; where the true result is known, pixels are compared with it. x is the input, y the
output and t the truth; v(x) is the value that the judge reads from x.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

Pixels = UInt8[np.ndarray, "pictures height width channels"]
Values = Int[np.ndarray, " pictures"]

VISIBLE = 8
"""Largest difference of a channel, out of 255, at which two pixels still count as equal for the eye."""
EXACT = 2
"""The same for exact results: rounding errors."""
READABLE = 0.9
"""Smallest balanced accuracy of a reader on input for its readings of a column to be compared with the table."""
COUNTED = 20
"""Smallest number of pictures with a value for it to decide between weights: the share of fewer is too uncertain."""
BITS = 3
"""Colours that agree in all but this number of low bits are counted together, to find a value's colour."""
SIDE = 64
"""Pixels per side, at least, to find a value's colour in: of larger pictures, only every second, third, ... pixel."""


# --- read by a judge ------------------------------------------------------------------------------


def flip_rate(read: Values, target: Values) -> float:
    """Share of changed pictures that the judge recognises as changed: mean of [v(y) = target]."""
    return float((read == target).mean())


def flip_rate_by_pair(read: Values, source: Values, target: Values, names: Sequence[str]) -> dict[str, float]:
    """The flip rate of each pair of source and target value that occurs, such as "black -> blond"."""
    rates = {}
    for old, new in sorted(set(zip(source.tolist(), target.tolist(), strict=True))):
        pair = (source == old) & (target == new)
        rates[f"{names[old]} -> {names[new]}"] = flip_rate(read[pair], target[pair])
    return rates


def balanced_accuracy(read: Values, recorded: Values) -> float | None:
    """Share of pictures that are read correctly, averaged over the recorded values: rare ones count in full.

    Returns:
        The mean; None if every value is unknown (-1).
    """
    shares = [(read[recorded == value] == value).mean() for value in np.unique(recorded[recorded >= 0])]
    return float(np.mean(shares)) if shares else None


def kept(before: Values, after: Values, recorded: Values) -> float | None:
    """Mean, over the recorded values r, of the share of pictures that keep r: [v(y) = r] where v(x) = r.

    Pictures that the judge misreads already on input say nothing, nor do those whose value is unknown (-1).

    Returns:
        The mean; None if there are no such pictures.
    """
    right = before == recorded
    return balanced_accuracy(after[right], recorded[right])


def least_kept(
    before: Int[np.ndarray, "pictures columns"],
    after: Int[np.ndarray, "pictures columns"],
    recorded: Int[np.ndarray, "pictures columns"],
    changed: Values,
) -> float:
    """The smallest `kept` of all columns, each over the pictures that change another column, without rare values.

    Of a column that the reader cannot read (`READABLE`), the values read on input count as the recorded ones: what is
    measured is that its reading does not change.

    Args:
        before: Values that the reader reads on input.
        after: Values that it reads on output.
        recorded: The values according to the table; -1 where unknown.
        changed: Index of the column that changes in each picture.

    Returns:
        The share; 1 without other columns.
    """
    shares = []
    for column in range(recorded.shape[1]):
        seen, read, known = (values[changed != column, column] for values in (before, after, recorded))
        readable = (balanced_accuracy(seen, known) or 0) >= READABLE
        shares.append(kept(seen, read, _without_rare(known if readable else seen)))
    return min((share for share in shares if share is not None), default=1.0)


def _without_rare(values: Values) -> Values:
    """The values; unknown (-1) where fewer than `COUNTED` pictures, and less than a twentieth of all, have the same."""
    found, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.where(counts >= min(COUNTED, len(values) / 20), found, -1)[places]


def cramers_v(one: Values, other: Values) -> float:
    """Cramér's V of two columns: 0 if they are independent, 1 if each determines the other.

    Cramér (1946), "Mathematical Methods of Statistics", chapter 21. Rows with an unknown value (-1) are ignored.
    """
    known = (one >= 0) & (other >= 0)
    one, other = one[known], other[known]
    if not len(one):
        return 0.0
    table = np.zeros((one.max() + 1, other.max() + 1))
    np.add.at(table, (one, other), 1)
    table = table[table.sum(1) > 0][:, table.sum(0) > 0]
    expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / table.sum()
    least = min(table.shape) - 1
    return float(np.sqrt(((table - expected) ** 2 / expected).sum() / table.sum() / least)) if least else 0.0


# --- compared with the truth ----------------------------------------------------------------------


def differing(first: Pixels, second: Pixels, threshold: int = 0) -> Bool[np.ndarray, "pictures height width"]:
    """The pixels of which at least one channel differs by more than `threshold`."""
    return (np.abs(first.astype(np.int16) - second) > threshold).any(3)


def pixel_errors(before: Pixels, after: Pixels, truth: Pixels, threshold: int = VISIBLE) -> dict[str, float]:
    """Compares the pixels of all pictures together with the truth.

    Returns:
        `outside_changed`: share of the pixels that should stay, t = x, at which |y - x| > threshold. `inside_wrong`:
        share of those that should change, t != x, at which |y - t| > threshold. `wrong`: share of all pixels at which
        |y - t| > threshold. Lower is better.
    """
    inside = differing(before, truth)
    wrong = differing(after, truth, threshold)  # outside, the truth is the input
    return {"outside_changed": _share(wrong[~inside]), "inside_wrong": _share(wrong[inside]), "wrong": _share(wrong)}


def _share(pixels: Bool[np.ndarray, "..."]) -> float:
    return float(pixels.mean()) if pixels.size else 0.0


# --- baselines ------------------------------------------------------------------------------------


def value_colours(
    pictures: Pixels, values: Values, count: int, colours: int = 1
) -> UInt8[np.ndarray, "count colours channels"]:
    """The colours that distinguish each value of an attribute of drawings, the most distinctive first.

    Among groups of similar colours, those whose share of the pixels with this value exceeds their share of the others
    most; of each group, the commonest colour.
    """
    channels, every = pictures.shape[3], max(1, pictures.shape[1] // SIDE)
    pictures = pictures[:, ::every, ::every]
    exact = _codes(pictures, 256)
    groups = _codes(pictures >> BITS, 256 >> BITS)
    size = (256 >> BITS) ** channels
    chosen = np.zeros((count, colours, channels), np.uint8)
    for value in range(count):
        having = values == value
        shares = [
            np.bincount(groups[rows].ravel(), minlength=size) / max(1, groups[rows].size) for rows in (having, ~having)
        ]
        for place, group in enumerate((shares[1] - shares[0]).argsort()[:colours]):
            found, counts = np.unique(exact[having][groups[having] == group], return_counts=True)
            if len(found):
                code = int(found[counts.argmax()])
                chosen[value, place] = [code >> 8 * channel & 255 for channel in range(channels)]
    return chosen


def _codes(pictures: Pixels, base: int) -> Int[np.ndarray, "pictures height width"]:
    """One number for each colour."""
    return pictures @ (base ** np.arange(pictures.shape[3], dtype=np.int32))


def colours_swapped(
    pictures: Pixels, source: Values, target: Values, colours: UInt8[np.ndarray, "count channels"]
) -> Pixels:
    """A baseline for drawings: pixels within 8/255 of the source value's colour get the target value's colour."""
    old = np.broadcast_to(colours[source][:, None, None], pictures.shape)
    like = ~differing(pictures, old, VISIBLE)
    return np.where(like[..., None], colours[target][:, None, None], pictures)


def mean_pictures(pictures: Pixels, values: Values, count: int) -> Float[np.ndarray, "count height width channels"]:
    """The mean picture of each value."""
    return np.stack([pictures[values == value].mean(0) for value in range(count)])


def means_shifted(
    pictures: Pixels, source: Values, target: Values, means: Float[np.ndarray, "count height width channels"]
) -> Pixels:
    """A baseline for photographs: adds the difference of the target and source values' mean pictures."""
    shifted = np.empty_like(pictures)
    for row, picture in enumerate(pictures):  # all at once would be eight bytes per channel
        shifted[row] = (picture + means[target[row]] - means[source[row]]).round().clip(0, 255)
    return shifted

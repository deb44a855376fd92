"""Bin edges of numbers, for piecewise-linear embeddings (Gorishniy et al. 2022, arXiv 2203.05556, section 3.2).

A feature with few values gets an edge at each of them. Another gets edges where a decision tree on it alone, grown to
tell the classes apart, would split, because equal shares of the rows waste edges where nothing happens.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int

LEAF = 20
"""Smallest number of rows between two edges chosen by a tree."""
COUNTS = 2**22
"""Counts of labels, one per feature, row and class, from which trees are grown: a few seconds. Of more, a sample."""
FEWEST = 500
"""Number of rows that a tree is grown from whatever the number of counts."""


def bin_edges(
    rows: Float32[np.ndarray, "rows features"], numeric: list[int], labels: Int[np.ndarray, " rows"], bins: int
) -> list[list[float]]:
    """Edges of at most `bins` bins for each feature in `numeric`; none for one with a single bin."""
    found = []
    most = max(FEWEST, COUNTS // (max(1, len(numeric)) * (int(labels.max()) + 1)))
    some = np.sort(np.random.default_rng(0).permutation(len(rows))[:most])
    for place in numeric:
        values = np.unique(rows[:, place])
        if len(values) > bins + 1:
            cuts = tree_edges(rows[some, place], labels[some], bins)[1:-1]
            values = np.array([values[0], *cuts, values[-1]])
        edges = np.unique(values.astype(np.float32))  # two edges may round to one
        found.append(edges.tolist() if len(edges) > 2 and bins > 1 else [])
    return found


class Split(NamedTuple):
    """The best split of a range of sorted rows."""

    gain: float
    """Decrease of the summed entropy of the labels."""
    at: int
    """First row of the right part."""
    start: int
    end: int


def tree_edges(
    numbers: Float32[np.ndarray, " rows"], labels: Int[np.ndarray, " rows"], bins: int
) -> Float64[np.ndarray, " edges"]:
    """The ends of the range, and the thresholds of a tree grown best split first to at most `bins` leaves.

    A leaf has at least `LEAF` rows, and a split must gain the logarithm of the number of rows, as in the Bayesian
    information criterion with two parameters, threshold and difference: noise gets no edges.
    """
    order = np.argsort(numbers, kind="stable")
    numbers, labels = numbers[order].astype(np.float64), labels[order]
    counts = np.zeros((len(numbers) + 1, int(labels.max()) + 1))
    counts[1:] = np.eye(counts.shape[1])[labels].cumsum(0)
    between = np.flatnonzero(np.diff(numbers) > 0) + 1

    def best(start: int, end: int) -> Split:
        first, last = np.searchsorted(between, [start + LEAF, end - LEAF + 1])
        at = between[first:last]
        if not len(at):
            return Split(0.0, 0, start, end)
        parts = _entropy(counts[at] - counts[start]) + _entropy(counts[end] - counts[at])
        gains = _entropy(counts[[end]] - counts[[start]]) - parts
        return Split(float(gains.max()), int(at[gains.argmax()]), start, end)

    ranges = [best(0, len(numbers))]
    while len(ranges) < bins and (split := max(ranges)).gain > np.log(len(numbers)):
        ranges.remove(split)
        ranges += [best(split.start, split.at), best(split.at, split.end)]
    cuts = [(numbers[one.start - 1] + numbers[one.start]) / 2 for one in ranges if one.start]
    return np.unique([numbers[0], *cuts, numbers[-1]])


def _entropy(counts: Float64[np.ndarray, "ranges classes"]) -> Float64[np.ndarray, " ranges"]:
    """Entropy in nats of the labels in each range, summed over its rows."""
    whole = counts.sum(-1, keepdims=True)
    return -(counts * np.log(np.maximum(counts, 1e-12) / np.maximum(whole, 1))).sum(-1)

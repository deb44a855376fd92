"""N-gram model: probabilities of a symbol from how often it followed a context in training, the longest context first.

Witten and Bell (1991), "The zero-frequency problem", method C, interpolated over all lengths of the context. A context
is a row of whole numbers, the most important first; dropping numbers at the end of the row makes it more general. For
sequences these are the symbols before, the nearest first; for other data they are any features.

Data flow::

    contexts (examples, order) -> index of the context's first 0, 1, ..., order numbers in training
    p(symbol | c) = (n(c, symbol) + w t(c) p(symbol | c without its last number)) / (n(c) + w t(c))

where n counts examples, t(c) is the number of different symbols that followed c, and w is a weight. Without any
context, the symbols share p equally before they are counted; a context that training lacks leaves p as it is.

Departs from the paper: the weight of the more general distribution is w, 1 there. Larger ones suit contexts of many
features, most of which are rare.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

Contexts = Int[np.ndarray, "examples order"]
Symbols = Int[np.ndarray, " examples"]


class Level(NamedTuple):
    """Counts of the contexts of one length."""

    width: int
    """Values that the context's last number has in training are less than this."""
    contexts: Int[np.ndarray, " contexts"]
    """Codes of the contexts: the index of the shorter context times `width` plus the last number; ascending."""
    totals: Int[np.ndarray, " contexts"]
    """Examples of each context."""
    kinds: Int[np.ndarray, " contexts"]
    """Different symbols of each context."""
    pairs: Int[np.ndarray, " pairs"]
    """Codes of contexts with a symbol: the index of the context times the number of symbols plus the symbol."""
    counts: Int[np.ndarray, " pairs"]
    """Examples of each pair."""


class NGram:
    """Counts symbols after contexts, and predicts symbols from the counts.

    Args:
        contexts: Contexts of the training examples, numbers from 0.
        symbols: The symbol after each context.
        size: Number of possible symbols.
        weight: Weight of the distribution after shorter contexts, positive; 1 for Witten and Bell's.
    """

    def __init__(self, contexts: Contexts, symbols: Symbols, size: int, weight: float = 1.0) -> None:
        assert len(symbols) == 0 or (symbols.min() >= 0 and symbols.max() < size)
        assert contexts.size == 0 or contexts.min() >= 0
        self.size, self.order, self.weight = size, contexts.shape[1], weight
        self.levels: list[Level] = []
        index = np.zeros(len(symbols), np.int64)
        for length in range(self.order + 1):
            last = contexts[:, length - 1].astype(np.int64) if length else np.zeros_like(index)
            width = int(last.max(initial=0)) + 1
            codes, index = np.unique(index * width + last, return_inverse=True)
            pairs, counts = np.unique(index * size + symbols, return_counts=True)
            totals = np.bincount(index, minlength=len(codes))
            self.levels.append(
                Level(width, codes, totals, np.bincount(pairs // size, minlength=len(codes)), pairs, counts)
            )

    def probabilities(self, contexts: Contexts, symbols: Symbols) -> Float[np.ndarray, " examples"]:
        """Probability of each symbol after its context."""
        found = np.full(len(symbols), 1 / self.size)
        for level, known, index in self._known(contexts):
            place = index * self.size + symbols[known]
            at = np.searchsorted(level.pairs, place).clip(max=len(level.pairs) - 1)
            counts = np.where(level.pairs[at] == place, level.counts[at], 0)
            found[known] = _interpolated(counts, found[known], level.totals[index], self.weight * level.kinds[index])
        return found

    def distributions(self, contexts: Contexts) -> Float[np.ndarray, "examples symbols"]:
        """Probabilities of all symbols after each context; each row sums to 1."""
        found = np.full((len(contexts), self.size), 1 / self.size)
        for level, known, index in self._known(contexts):
            counts = np.zeros((len(index), self.size), np.int64)
            first, end = np.searchsorted(level.pairs, np.stack([index, index + 1]) * self.size)
            rows = np.repeat(np.arange(len(index)), end - first)
            entries = np.arange(len(rows)) - np.repeat(np.cumsum(end - first) - end, end - first)
            counts[rows, level.pairs[entries] % self.size] = level.counts[entries]
            found[known] = _interpolated(
                counts, found[known], level.totals[index][:, None], self.weight * level.kinds[index][:, None]
            )
        return found

    def _known(self, contexts: Contexts) -> Iterator[tuple[Level, Symbols, Symbols]]:
        """For each length: its counts, which examples have a context that is in training, and its index there."""
        known, index = np.arange(len(contexts)), np.zeros(len(contexts), np.int64)
        for length, level in enumerate(self.levels):
            last = contexts[known, length - 1] if length else np.zeros_like(known)
            codes = index * level.width + last
            at = np.searchsorted(level.contexts, codes).clip(max=len(level.contexts) - 1)
            seen = (
                (last < level.width) & (level.contexts[at] == codes) if len(level.contexts) else np.zeros(len(at), bool)
            )
            known, index = known[seen], at[seen]
            yield level, known, index


def _interpolated(
    counts: Int[np.ndarray, " *many"],
    general: Float[np.ndarray, " *many"],
    totals: Int[np.ndarray, " *some"],
    weights: Float[np.ndarray, " *some"],
) -> Float[np.ndarray, " *many"]:
    return (counts + weights * general) / (totals + weights)

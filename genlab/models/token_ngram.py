"""N-gram model of token sequences: a baseline for the likelihood of larger models.

Data flow::

    sequences (tokens) -> contexts (tokens, order - 1), the nearest token first -> `NGram`
    sequence -> contexts -> probabilities -> nats (tokens)
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from genlab.models.ngram import NGram

Tokens = Int[np.ndarray, " tokens"]
Sequences = Sequence[Int[np.ndarray, " _"]]


class TokenNGram:
    """Counts the tokens after the `order` - 1 before them, within a sequence.

    Args:
        sequences: Training sequences of tokens from 0 to `vocabulary` - 1.
        vocabulary: Number of different tokens.
        order: Tokens in the longest n-gram; 1 ignores what precedes a token.
        weight: Weight of shorter contexts; see `NGram`.
    """

    def __init__(self, sequences: Sequences, vocabulary: int, order: int = 4, weight: float = 1.0) -> None:
        assert order > 0
        self.vocabulary, self.order = vocabulary, order
        empty = [np.zeros(0, np.int64)]
        contexts = np.concatenate([self._contexts(tokens) for tokens in (*empty, *sequences)])
        self.model = NGram(contexts, np.concatenate([*empty, *sequences]), vocabulary, weight)

    def nats(self, tokens: Tokens) -> Float[np.ndarray, " tokens"]:
        """Negative natural logarithm of the probability of each token of a sequence, from its first."""
        return -np.log(self.model.probabilities(self._contexts(tokens), tokens))

    def nats_per_token(self, sequences: Sequences) -> float:
        """Total nats of all sequences divided by their number of tokens: long sequences count more."""
        return sum(float(self.nats(tokens).sum()) for tokens in sequences) / sum(map(len, sequences))

    def distributions(self, tokens: Tokens) -> Float[np.ndarray, "tokens vocabulary"]:
        """Probabilities of all tokens at each place of a sequence, given those before it; each row sums to 1."""
        return self.model.distributions(self._contexts(tokens))

    def _contexts(self, tokens: Tokens) -> Int[np.ndarray, "tokens before"]:
        """The tokens before each token, the nearest first; `vocabulary` before the beginning."""
        padded = np.concatenate([np.full(self.order - 1, self.vocabulary), tokens])
        windows = np.lib.stride_tricks.sliding_window_view(padded, self.order - 1)[: len(tokens)]
        return windows[:, ::-1]

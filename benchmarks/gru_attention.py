"""A recurrent language model with attention: every output of a GRU attends to those up to its position.

Bahdanau, Cho and Bengio (2015), "Neural Machine Translation by Jointly Learning to Align and Translate", arXiv
1409.0473, over the GRU of Cho et al. (2014), arXiv 1406.1078.

Data flow::

    tokens (batch, time) -> embedding -> GRU -> hidden (batch, time, width)
      score of t for j <= t: v · tanh(W hidden_t + U hidden_j);  found_t = sum of softmax(score) · hidden_j
    -> tanh(mix [hidden_t, found_t]) -> head -> logits (batch, time, vocabulary)

Departs from the paper: a sequence attends to itself, not to a second one, and the result enters the output (Luong et
al. 2015, arXiv 1508.04025, eq. 5) instead of the next state, so that the recurrence stays one fused call.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class AdditiveAttention(nn.Module):
    """Causal attention scored by a small network, not a product (Bahdanau et al., section A.1.2)."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, inner, bias=False)
        self.key = nn.Linear(width, inner)
        self.score = nn.Linear(inner, 1, bias=False)

    def forward(self, hidden: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        pairs = torch.tanh(self.query(hidden)[:, :, None] + self.key(hidden)[:, None])  # (batch, queries, keys, inner)
        scores = self.score(pairs)[..., 0]
        past = torch.ones(scores.shape[1:], dtype=torch.bool, device=hidden.device).tril()
        return scores.masked_fill(~past, -torch.inf).softmax(-1) @ hidden


class GRUAttention(nn.Module):
    """The language model."""

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.layer = nn.GRU(width, width, batch_first=True)
        self.attention = AdditiveAttention(width, max(8, width // 4))
        self.mix = nn.Linear(2 * width, width)
        self.head = nn.Linear(width, vocabulary)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time vocabulary"]:
        """Logits of the next token at each position."""
        hidden, _ = self.layer(self.embedding(tokens))
        return self.head(torch.tanh(self.mix(torch.cat((hidden, self.attention(hidden)), -1))))

"""A small Transformer that reads descriptions, after Vaswani et al. (2017), arXiv 1706.03762, with pre-norm layers.

Data flow::

    words (batch, length) -> embedding, learnt positions -> SiLU(convolution) over neighbouring words: phrases
    phrases -> their sum: summary (batch, width)
    x + phrases -> depth times x + attention(norm(x));  x + feed_forward(norm(x))
    -> norm -> context (batch, length, width), one vector per word

Departs from the paper: the convolution binds a word to its neighbours from the first step. Attention learns it late,
and "no beard, glasses" has the same words as "beard, no glasses". The sum of the phrases is what a description says in
any order; embeddings have a deviation of one, so that words differ before they have been learnt.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from genlab.layers.attention import Attention

Words = Int[Tensor, "batch length"]
"""Word indices; 0 is padding, which nothing attends to."""
Context = Float[Tensor, "batch length width"]
"""A vector per word."""


class Description(NamedTuple):
    """What an encoder reads from descriptions."""

    context: Context
    given: Bool[Tensor, "batch length"]
    """Which of the context vectors are of words; the others are padding."""
    summary: Float[Tensor, "batch width"]


class TextLayer(nn.Module):
    """A pre-norm Transformer layer that attends in both directions."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads, bias=True)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Context, mask: Bool[Tensor, "batch length"]) -> Context:
        x = x + self.attention(self.attention_norm(x), mask=mask)
        return x + self.feed_forward(x)


class TextEncoder(nn.Module):
    """Maps words to context vectors, one per word, and a summary.

    Args:
        vocabulary: Number of word indices.
        longest: Largest number of words.
        width: Size of a context vector.
        heads: Attention heads of a layer.
        depth: Number of layers.
    """

    def __init__(self, vocabulary: int, longest: int, width: int, heads: int, depth: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(0.02 * torch.randn(longest, width))
        self.neighbours = nn.Conv1d(width, width, 3, padding=1)
        self.layers = nn.ModuleList(TextLayer(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, words: Words) -> Description:
        given = words > 0
        x = (self.words(words) + self.positions[: words.shape[1]]) * given[..., None]
        phrases = F.silu(self.neighbours(x.mT).mT) * given[..., None]
        x = x + phrases
        for layer in self.layers:
            x = layer(x, given)
        return Description(self.norm(x), given, phrases.sum(1))

"""GPT-2, a decoder-only Transformer.

Radford et al. (2019), "Language Models are Unsupervised Multitask Learners". Compared with `gpt.py`: learned instead of
rotary positions, LayerNorm instead of RMSNorm, GELU instead of SwiGLU, and biases everywhere.

Data flow::

    tokens (batch, time) -> embedding + position (batch, time, width)
      depth times:  x + attention(norm(x));  x + feed_forward(norm(x))
    -> norm -> head -> logits (batch, time, vocabulary)

Departs from the paper: nothing; the published weights can be imported.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Ge
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlab.layers.attention import Attention, KVCache


@dataclass(frozen=True)
class GPT2Shape:
    """Size of a GPT-2."""

    vocabulary: Annotated[int, Ge(1)]
    """Vocabulary size."""
    context: Annotated[int, Ge(1)]
    """Longest sequence: the number of learned positions."""
    depth: Annotated[int, Ge(1)]
    """Number of blocks."""
    width: Annotated[int, Ge(1)]
    """Model width."""
    heads: Annotated[int, Ge(1)]
    """Attention heads of a block."""
    feed_forward: Annotated[int, Ge(1)]
    """Hidden width of the feed-forward layers."""
    tied: bool = True
    """Whether the head shares the embedding's weights."""
    dropout: float = 0.0
    """Dropout probability."""


class FeedForward(nn.Module):
    """down(gelu(up(x))), with the tanh form of GELU: Hendrycks and Gimpel (2016), arXiv 1606.08415, section 2."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.up = nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        return self.down(F.gelu(self.up(x), approximate="tanh"))


class Block(nn.Module):
    """Causal self-attention and a feed-forward layer, each with a norm before it and a residual connection."""

    def __init__(self, shape: GPT2Shape) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(shape.width)
        self.attention = Attention(shape.width, shape.heads, bias=True)
        self.feed_forward_norm = nn.LayerNorm(shape.width)
        self.feed_forward = FeedForward(shape.width, shape.feed_forward)
        self.dropout = nn.Dropout(shape.dropout)

    def forward(self, x: Float[Tensor, "batch time width"], cache: KVCache | None) -> Float[Tensor, "batch time width"]:
        x = x + self.dropout(self.attention(self.attention_norm(x), causal=True, cache=cache))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


class GPT2(nn.Module):
    """The language model: logits of the next token after each token."""

    def __init__(self, shape: GPT2Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.position = nn.Embedding(shape.context, shape.width)
        self.dropout = nn.Dropout(shape.dropout)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.depth))
        self.norm = nn.LayerNorm(shape.width)
        self.head = nn.Linear(shape.width, shape.vocabulary, bias=False)
        self._initialise()
        if shape.tied:
            self.head.weight = self.embedding.weight

    def forward(
        self, tokens: Int[Tensor, "batch time"], cache: list[KVCache] | None = None, last: bool = False
    ) -> Float[Tensor, "batch outputs vocabulary"]:
        """Predicts the token after each of `tokens`, or only after the last one; continues and extends `cache`."""
        start = cache[0].length if cache else 0
        positions = torch.arange(start, start + tokens.shape[1], device=tokens.device)
        x = self.dropout(self.embedding(tokens) + self.position(positions))
        for layer, block in enumerate(self.blocks):
            x = block(x, cache[layer] if cache else None)
        return self.head(self.norm(x[:, -1:] if last else x))

    def new_cache(self, room: int | None = None) -> list[KVCache]:
        """An empty cache for `room` tokens, at most `context`."""
        return [KVCache(min(room or self.shape.context, self.shape.context)) for _ in self.blocks]

    @torch.no_grad()
    def _initialise(self) -> None:
        """Standard deviation 0.02, divided by sqrt(2 · depth) for the layers that add to the residual (section 2.3)."""
        for name, weight in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(weight)
            elif name == "position.weight":
                nn.init.normal_(weight, std=0.01)
            elif weight.ndim == 2:
                residual = name.endswith(("attention.out.weight", "feed_forward.down.weight"))
                nn.init.normal_(weight, std=0.02 * (2 * self.shape.depth) ** -0.5 if residual else 0.02)

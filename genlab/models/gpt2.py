"""GPT-2: the decoder-only Transformer that made writing machines famous.

Radford et al. (2019), "Language Models are Unsupervised Multitask Learners". Read it beside `gpt.py`: learned positions
where that has rotary ones, LayerNorm for RMSNorm, a GELU layer for SwiGLU, a bias everywhere.

Data flow::

    tokens (batch, time) -> embedding + position (batch, time, width)
      depth times:  x + attention(norm(x));  x + feed_forward(norm(x))
    -> norm -> head -> logits (batch, time, vocabulary)

Departs from the paper: nothing; the published weights load.
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
    """The numbers that fix a GPT-2's size."""

    vocabulary: Annotated[int, Ge(1)]
    """Tokens it can read and write."""
    context: Annotated[int, Ge(1)]
    """Most tokens it looks at to predict the next: positions beyond have no vector."""
    depth: Annotated[int, Ge(1)]
    """Blocks on top of each other."""
    width: Annotated[int, Ge(1)]
    """Features of a token between blocks."""
    heads: Annotated[int, Ge(1)]
    """Attention heads of a block."""
    feed_forward: Annotated[int, Ge(1)]
    """Features inside a feed-forward layer."""
    tied: bool = True
    """Whether the head reuses the embedding's matrix."""
    dropout: float = 0.0
    """Share of features dropped in training."""


class FeedForward(nn.Module):
    """down(gelu(up(x))), with the tanh form of GELU: Hendrycks and Gimpel (2016), arXiv 1606.08415, section 2."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.up = nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        return self.down(F.gelu(self.up(x), approximate="tanh"))


class Block(nn.Module):
    """Look back, then think: attention and a feed-forward layer, each added to what was there."""

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
    """The language model: what may come next after each token of a sequence."""

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
    ) -> Float[Tensor, "batch said vocabulary"]:
        """Logits of the next token after each of `tokens`, which follow what `cache` holds; or of the `last` only."""
        start = cache[0].length if cache else 0
        positions = torch.arange(start, start + tokens.shape[1], device=tokens.device)
        x = self.dropout(self.embedding(tokens) + self.position(positions))
        for layer, block in enumerate(self.blocks):
            x = block(x, cache[layer] if cache else None)
        return self.head(self.norm(x[:, -1:] if last else x))

    def new_cache(self, room: int | None = None) -> list[KVCache]:
        """An empty memory with room for as many tokens, at most `context`."""
        return [KVCache(min(room or self.shape.context, self.shape.context)) for _ in self.blocks]

    @torch.no_grad()
    def _initialise(self) -> None:
        """Deviation 0.02, less on the way into the residual stream, to which 2 · depth layers add (section 2.3)."""
        for name, weight in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(weight)
            elif name == "position.weight":
                nn.init.normal_(weight, std=0.01)
            elif weight.ndim == 2:
                into = name.endswith(("attention.out.weight", "feed_forward.down.weight"))
                nn.init.normal_(weight, std=0.02 * (2 * self.shape.depth) ** -0.5 if into else 0.02)

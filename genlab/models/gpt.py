"""A decoder-only Transformer language model.

Radford et al. (2018), "Improving Language Understanding by Generative Pre-Training", with the block of Qwen3 (Yang et
al. 2025, arXiv 2505.09388), so that exports load into current runtimes.

Data flow::

    tokens (batch, time) -> embedding (batch, time, width)
      depth times:  x + attention(norm(x));  x + feed_forward(norm(x))
    -> norm -> head -> logits (batch, time, vocabulary)

Departs from the paper: output projections of the residual branches and an untied head are initialised to zero (blocks
start as the identity, and the loss at log(vocabulary)); dropout if the data are read several times.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Ge
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from genlab.layers.attention import Attention, KVCache
from genlab.layers.norms import RMSNorm
from genlab.layers.packed import apply_fused
from genlab.layers.positions import rotary


@dataclass(frozen=True)
class GPTShape:
    """Size of a GPT."""

    vocabulary: Annotated[int, Ge(1)]
    """Vocabulary size."""
    context: Annotated[int, Ge(1)]
    """Longest sequence that the model is trained on."""
    depth: Annotated[int, Ge(1)]
    """Number of blocks."""
    width: Annotated[int, Ge(1)]
    """Model width."""
    heads: Annotated[int, Ge(1)]
    """Query heads of a block."""
    kv_heads: Annotated[int, Ge(1)]
    """Key and value heads of a block; a divisor of `heads`."""
    feed_forward: Annotated[int, Ge(1)]
    """Hidden width of the feed-forward layers."""
    tied: bool = False
    """Whether the head shares the embedding's weights."""
    dropout: float = 0.0
    """Dropout probability."""
    rotary_base: float = 10_000.0
    """Base of the rotary wavelengths: the longest is about 2 pi times this many tokens."""
    head_width: Annotated[int, Ge(2)] | None = None
    """Width of an attention head; None for `width // heads`."""


class FeedForward(nn.Module):
    """SwiGLU: down(silu(gate(x)) · up(x)); Shazeer (2020), arXiv 2002.05202, eq. 6."""

    fused = (("gate", "up"),)

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.gate = nn.Linear(width, inner, bias=False)
        self.up = nn.Linear(width, inner, bias=False)
        self.down = nn.Linear(inner, width, bias=False)

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        gate, up = apply_fused(x, self.gate, self.up)
        return self.down(F.silu(gate) * up)


class Block(nn.Module):
    """Causal self-attention and a feed-forward layer, each with a norm before it and a residual connection.

    Args:
        shape: Size of the network.
        attention: Attention layer, called as `Attention` is; None for grouped queries with rotary positions.
        window: Each position attends to this number of last positions, itself included; None for all.
    """

    def __init__(self, shape: GPTShape, attention: nn.Module | None = None, window: int | None = None) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(shape.width)
        self.attention = attention or Attention(
            shape.width, shape.heads, shape.kv_heads, shape.head_width, qk_norm=True
        )
        self.feed_forward_norm = RMSNorm(shape.width)
        self.feed_forward = FeedForward(shape.width, shape.feed_forward)
        self.dropout = nn.Dropout(shape.dropout)
        self.window = {} if window is None else {"window": window}  # not every attention layer has windows

    def forward(
        self,
        x: Float[Tensor, "batch time width"],
        turn: tuple[Tensor, Tensor] | None,
        cache: KVCache | None,
        mask: Bool[Tensor, "batch keys"] | None = None,
    ) -> Float[Tensor, "batch time width"]:
        mixed = self.attention(self.attention_norm(x), causal=True, mask=mask, rotary=turn, cache=cache, **self.window)
        x = x + self.dropout(mixed)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


class GPT(nn.Module):
    """The language model: logits of the next token after each token."""

    def __init__(self, shape: GPTShape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.dropout = nn.Dropout(shape.dropout)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.depth))
        self.norm = RMSNorm(shape.width)
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
        turn = rotary(positions, self.shape.head_width or self.shape.width // self.shape.heads, self.shape.rotary_base)
        x = self.dropout(self.embedding(tokens))
        for layer, block in enumerate(self.blocks):
            x = block(x, turn, cache[layer] if cache else None)
        return self.head(self.norm(x[:, -1:] if last else x))

    def new_cache(self, room: int | None = None) -> list[KVCache]:
        """An empty cache for `room` tokens, at most `context`."""
        return [KVCache(min(room or self.shape.context, self.shape.context)) for _ in self.blocks]

    @torch.no_grad()
    def _initialise(self) -> None:
        for name, weight in self.named_parameters():
            if name.endswith(("attention.out.weight", "feed_forward.down.weight", "head.weight")):
                nn.init.zeros_(weight)  # a tied head gets the embedding's weights after this
            elif name == "embedding.weight":
                nn.init.normal_(weight, std=0.02 if self.shape.tied else 1.0)
            elif weight.ndim == 2:
                nn.init.normal_(weight, std=weight.shape[1] ** -0.5)


def next_token_loss(
    logits: Float[Tensor, "batch time vocabulary"], targets: Int[Tensor, "batch time"]
) -> Float[Tensor, ""]:
    """Mean cross-entropy of the next tokens, in nats (Radford et al. 2018, eq. 1)."""
    return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())

"""A decoder-only Transformer over the tokens of music.

Huang et al. (2018), "Music Transformer", arXiv 1809.04281, with the block of `models/gpt.py` and the tokens of
`data/notes/vocabulary.py`.

Data flow::

    tokens (batch, time) and their places in bar and track (batch, time, 2)
      -> sum of their embeddings (batch, time, width) -> depth blocks, causal
    -> norm -> head -> logits (batch, time, vocabulary)

Departs from the paper: embeddings of the place in the bar and of the track; rotary positions by default, and the
paper's relative attention as an option; the initialisation of `models/gpt.py`.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Ge
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from genlab.layers.attention import KVCache
from genlab.layers.norms import RMSNorm
from genlab.layers.positions import rotary
from genlab.layers.relative_attention import RelativeAttention
from genlab.models.gpt import Block, GPTShape

HEAD = 32
"""Width of an attention head."""
BASE = 1000.0
"""Base of the rotary wavelengths, for contexts of some hundred tokens."""

Tokens = Int[Tensor, "batch time"]
Places = Int[Tensor, "batch time 2"]
"""Step of each token in its bar, and its track."""


@dataclass(frozen=True)
class MusicShape:
    """Size of a network that reads the tokens of music."""

    vocabulary: Annotated[int, Ge(1)]
    """Vocabulary size."""
    bar: Annotated[int, Ge(1)]
    """Number of steps in the longest bar."""
    tracks: Annotated[int, Ge(1)]
    """Largest number of tracks, drums included."""
    context: Annotated[int, Ge(1)]
    """Longest sequence that the model is trained on."""
    depth: Annotated[int, Ge(1)]
    """Number of blocks or layers."""
    width: Annotated[int, Ge(1)]
    """Model width; of the Transformer, a multiple of `HEAD`."""
    dropout: float = 0.0
    """Dropout probability."""
    relative: bool = False
    """Whether attention uses embeddings of distances instead of rotary positions."""


class PlacedEmbedding(nn.Module):
    """The sum of the embeddings of a token, of its place in the bar, and of its track."""

    def __init__(self, shape: MusicShape) -> None:
        super().__init__()
        self.token = nn.Embedding(shape.vocabulary, shape.width)
        self.position = nn.Embedding(shape.bar, shape.width)
        self.track = nn.Embedding(shape.tracks, shape.width)
        nn.init.normal_(self.token.weight, std=1.0)
        for table in (self.position, self.track):
            nn.init.normal_(table.weight, std=0.5)

    def forward(self, tokens: Tokens, places: Places) -> Float[Tensor, "batch time width"]:
        return self.token(tokens) + self.position(places[..., 0]) + self.track(places[..., 1])


class MusicTransformer(nn.Module):
    """The network: logits of the next token after each token."""

    def __init__(self, shape: MusicShape) -> None:
        super().__init__()
        assert shape.width % HEAD == 0, f"the width must be a multiple of {HEAD}"
        self.shape, heads = shape, shape.width // HEAD
        self.embedding = PlacedEmbedding(shape)
        self.dropout = nn.Dropout(shape.dropout)
        # 8/3 of the width: as many weights as a feed-forward layer of four times the width.
        inner = HEAD * round(8 * shape.width / (3 * HEAD))
        block = GPTShape(1, 1, shape.depth, shape.width, heads, heads, inner, dropout=shape.dropout)
        self.blocks = nn.ModuleList(
            Block(block, RelativeAttention(shape.width, heads, shape.context - 1) if shape.relative else None)
            for _ in range(shape.depth)
        )
        self.norm = RMSNorm(shape.width)
        self.head = nn.Linear(shape.width, shape.vocabulary, bias=False)
        self._initialise()

    def forward(
        self,
        tokens: Tokens,
        places: Places,
        cache: list[KVCache] | None = None,
        last: bool = False,
        mask: Bool[Tensor, "batch all"] | None = None,
    ) -> Float[Tensor, "batch outputs vocabulary"]:
        """Predicts the token after each of `tokens`, or only after the last one; continues and extends `cache`.

        Args:
            tokens: The tokens.
            places: Their places.
            cache: What was computed of the tokens before them.
            last: Whether to predict only after the last token.
            mask: True for tokens, cached ones included; False for padding before the first one.
        """
        turn = None
        if not self.shape.relative:
            start = cache[0].length if cache else 0
            turn = rotary(torch.arange(start, start + tokens.shape[1], device=tokens.device), HEAD, BASE)
        x = self.dropout(self.embedding(tokens, places))
        for layer, block in enumerate(self.blocks):
            x = block(x, turn, cache[layer] if cache else None, mask)
        return self.head(self.norm(x[:, -1:] if last else x))

    def new_cache(self) -> list[KVCache]:
        """An empty cache for `context` tokens."""
        return [KVCache(self.shape.context) for _ in self.blocks]

    @torch.no_grad()
    def _initialise(self) -> None:
        for name, weight in self.blocks.named_parameters():
            if name.endswith(("attention.out.weight", "feed_forward.down.weight")):
                nn.init.zeros_(weight)
            elif weight.ndim == 2:
                nn.init.normal_(weight, std=weight.shape[1] ** -0.5)
        nn.init.zeros_(self.head.weight)


def token_nats(
    logits: Float[Tensor, "batch time vocabulary"], targets: Int[Tensor, "batch time"]
) -> Float[Tensor, "batch time"]:
    """Cross-entropy of each next token, in nats (Radford et al. 2018, "Improving Language Understanding by Generative
    Pre-Training", eq. 1, for one token)."""
    nats = F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), reduction="none")
    return nats.view(targets.shape)

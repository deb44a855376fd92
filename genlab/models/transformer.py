"""An encoder-decoder Transformer: it reads a sequence, then writes another token by token.

Vaswani et al. (2017), "Attention Is All You Need", arXiv 1706.03762, with the norms before the layers as in Xiong et
al. (2020), arXiv 2002.04745.

Data flow::

    source (batch, source_time) -> embedding, positions -> encoder: depth times
      x + attention(norm(x));  x + feed_forward(norm(x))
    -> norm -> encoded (batch, source_time, width)
    target so far (batch, target_time) -> embedding, positions -> decoder: depth times
      x + attention to the past(norm(x));  x + attention to encoded(norm(x));  x + feed_forward(norm(x))
    -> norm -> head -> logits (batch, target_time, vocabulary)

Departs from the paper: norms first; what writes into the residual stream starts at zero (a fresh layer is the
identity); no dropout on attention weights; all sines of the positions stand before all cosines.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from genlab.layers.attention import Attention, KVCache
from genlab.layers.dropout import Dropout
from genlab.layers.positions import sinusoids


@dataclass(frozen=True)
class TransformerShape:
    """The numbers that fix a Transformer's size."""

    source_vocabulary: int
    """Tokens it can read."""
    target_vocabulary: int
    """Tokens it can write."""
    depth: int
    """Layers of the encoder, and as many of the decoder."""
    width: int
    """Features of a token between layers."""
    heads: int
    """Attention heads of a layer."""
    feed_forward: int
    """Features inside a feed-forward layer."""
    joint: bool = True
    """Whether both languages share one vocabulary and so one embedding."""
    dropout: float = 0.0
    """Share of features dropped in training."""


class TransformerLayer(nn.Module):
    """Look around (with `cross`, also at another sequence), then think; each is added to what was there.

    Args:
        embedding_dim: Features of a position, in and out.
        num_heads: Attention heads.
        ff_dim: Features inside the feed-forward layer.
        dropout: Share of features dropped in training.
        cross: Look at a second sequence too, as a decoder does.
    """

    def __init__(
        self, embedding_dim: int, num_heads: int, ff_dim: int, dropout: float = 0.0, cross: bool = False
    ) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(embedding_dim)
        self.attention = Attention(embedding_dim, num_heads, bias=True)
        if cross:
            self.cross_norm = nn.LayerNorm(embedding_dim)
            self.cross_attention = Attention(embedding_dim, num_heads, bias=True)
        self.feed_forward_norm = nn.LayerNorm(embedding_dim)
        self.feed_forward = nn.Sequential(  # eq. 2
            nn.Linear(embedding_dim, ff_dim), nn.ReLU(), Dropout(dropout), nn.Linear(ff_dim, embedding_dim)
        )
        self.dropout = Dropout(dropout)

    def forward(
        self,
        x: Float[Tensor, "batch time width"],
        mask: Bool[Tensor, "batch time"] | None = None,
        *,
        causal: bool = False,
        other: Float[Tensor, "batch other width"] | None = None,
        other_mask: Bool[Tensor, "batch other"] | None = None,
        caches: tuple[KVCache, KVCache] | None = None,
    ) -> Float[Tensor, "batch time width"]:
        """The positions of `x`, each with what it found.

        Args:
            x: The sequence.
            mask: Which of its positions are real; False is padding.
            causal: A position sees itself and what stands before it.
            other: The second sequence, of a layer with `cross`.
            other_mask: Which of its positions are real.
            caches: Keys and values of earlier positions, and those of `other`.
        """
        mine, others = caches or (None, None)
        x = x + self.dropout(self.attention(self.attention_norm(x), causal=causal, mask=mask, cache=mine))
        if other is not None:
            found = self.cross_attention(self.cross_norm(x), other, mask=other_mask, cache=others)
            x = x + self.dropout(found)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


class Memory:
    """What the decoder remembers: the source, and the keys and values of both sequences."""

    def __init__(
        self, encoded: Float[Tensor, "batch source_time width"], mask: Bool[Tensor, "batch source_time"] | None,
        depth: int, capacity: int,
    ) -> None:  # fmt: skip
        self.encoded, self.mask = encoded, mask
        self.sentences = torch.arange(len(encoded), device=encoded.device)
        """Of each row."""
        self.caches = [(KVCache(capacity), KVCache(encoded.shape[1])) for _ in range(depth)]

    def keep(self, rows: Int[Tensor, " kept"]) -> None:
        """Goes on with these rows of the batch, in this order; a row may come more than once."""
        for written, _ in self.caches:
            written.keep(rows)
        sentences = self.sentences[rows]
        if torch.equal(sentences, self.sentences):  # rows of one sentence changed places: they read the same
            return
        self.sentences, self.encoded = sentences, self.encoded[rows]
        self.mask = None if self.mask is None else self.mask[rows]
        for _, read in self.caches:
            read.keep(rows)


class Transformer(nn.Module):
    """The translator: what may come next after each token of a target, given its source."""

    def __init__(self, shape: TransformerShape) -> None:
        super().__init__()
        self.shape = shape
        sizes = (shape.width, shape.heads, shape.feed_forward, shape.dropout)
        self.source_embedding = nn.Embedding(shape.source_vocabulary, shape.width)
        self.target_embedding = (
            self.source_embedding if shape.joint else nn.Embedding(shape.target_vocabulary, shape.width)
        )
        self.dropout = Dropout(shape.dropout)
        self.encoder = nn.ModuleList(TransformerLayer(*sizes) for _ in range(shape.depth))
        self.encoder_norm = nn.LayerNorm(shape.width)
        self.decoder = nn.ModuleList(TransformerLayer(*sizes, cross=True) for _ in range(shape.depth))
        self.decoder_norm = nn.LayerNorm(shape.width)
        self._initialise()

    def forward(
        self,
        source: Int[Tensor, "batch source_time"],
        target: Int[Tensor, "batch target_time"],
        source_mask: Bool[Tensor, "batch source_time"] | None = None,
        target_index: Int[Tensor, " tokens"] | None = None,
    ) -> Float[Tensor, "tokens vocabulary"]:
        """Logits of the next token at every position of `target`, or at those of `target_index`.

        Args:
            source: Source tokens, padded at the end.
            target: Target tokens so far, padded at the end; each position predicts the next token (teacher forcing).
            source_mask: True for tokens, False for padding; None without padding.
            target_index: Positions of `target`, flattened, to predict from: those that are not padding.
        """
        x = self.decode(target, self.encode(source, source_mask), source_mask).flatten(0, 1)
        return self.head(x if target_index is None else x[target_index])

    def encode(
        self, source: Int[Tensor, "batch source_time"], mask: Bool[Tensor, "batch source_time"] | None = None
    ) -> Float[Tensor, "batch source_time width"]:
        """What each source token means among the others."""
        x = self._embed(self.source_embedding, source, 0)
        for layer in self.encoder:
            x = layer(x, mask)
        return self.encoder_norm(x)

    def decode(
        self,
        target: Int[Tensor, "batch target_time"],
        encoded: Float[Tensor, "batch source_time width"],
        mask: Bool[Tensor, "batch source_time"] | None = None,
        caches: list[tuple[KVCache, KVCache]] | None = None,
    ) -> Float[Tensor, "batch target_time width"]:
        """What each token of `target`, which follows what `caches` hold, says of the next."""
        x = self._embed(self.target_embedding, target, caches[0][0].length if caches else 0)
        for number, layer in enumerate(self.decoder):
            # Padding stands behind what is real, where nothing real looks: it needs no mask.
            x = layer(x, causal=True, other=encoded, other_mask=mask, caches=caches[number] if caches else None)
        return self.decoder_norm(x)

    def head(self, x: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch vocabulary"]:
        """Logits of the tokens, by the embedding that reads them (section 3.4)."""
        return F.linear(x, self.target_embedding.weight)

    # --- token by token ---

    def start(
        self,
        source: Int[Tensor, "batch source_time"],
        mask: Bool[Tensor, "batch source_time"] | None,
        capacity: int,
    ) -> Memory:
        """Reads the source, for writing up to `capacity` tokens."""
        return Memory(self.encode(source, mask), mask, self.shape.depth, capacity)

    def next(self, tokens: Int[Tensor, " batch"], memory: Memory) -> Float[Tensor, "batch vocabulary"]:
        """Logits of what follows `tokens`, which follow what `memory` has seen."""
        x = self.decode(tokens[:, None], memory.encoded, memory.mask, memory.caches)
        return self.head(x[:, -1])

    def _embed(
        self, embedding: nn.Embedding, tokens: Int[Tensor, "batch time"], start: int
    ) -> Float[Tensor, "batch time width"]:
        positions = torch.arange(start, start + tokens.shape[1], device=tokens.device)
        return self.dropout(embedding(tokens) * self.shape.width**0.5 + sinusoids(positions, self.shape.width))

    @torch.no_grad()
    def _initialise(self) -> None:
        for name, weight in self.named_parameters():
            if name.endswith(("attention.out.weight", "feed_forward.3.weight", "bias")):
                nn.init.zeros_(weight)
            elif weight.ndim == 2:  # embeddings too: with sqrt(width) in front they have features of size one
                nn.init.normal_(weight, std=weight.shape[1] ** -0.5)


def smoothed_loss(
    logits: Float[Tensor, "tokens vocabulary"], targets: Int[Tensor, " tokens"], smoothing: float
) -> Float[Tensor, ""]:
    """Mean cross-entropy in nats against the true token with weight 1 - smoothing and all tokens alike with the rest:
    label smoothing (Szegedy et al. 2016, arXiv 1512.00567, section 7)."""
    return F.cross_entropy(logits.float(), targets, label_smoothing=smoothing)

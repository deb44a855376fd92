"""An encoder-decoder Transformer.

Vaswani et al. (2017), "Attention Is All You Need", arXiv 1706.03762, with pre-norm layers as in Xiong et al. (2020),
arXiv 2002.04745.

Data flow::

    source (batch, source_time) -> embedding, positions -> encoder: depth times
      x + attention(norm(x));  x + feed_forward(norm(x))
    -> norm -> encoded (batch, source_time, width)
    target so far (batch, target_time) -> embedding, positions -> decoder: depth times
      x + causal attention(norm(x));  x + cross-attention to encoded(norm(x));  x + feed_forward(norm(x))
    -> norm -> head -> logits (batch, target_time, vocabulary)

Departs from the paper: pre-norm; output projections of the residual branches are initialised to zero (layers start as
the identity); no dropout on attention weights; position sines and cosines are concatenated, not interleaved.
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
    """Size of a Transformer."""

    source_vocabulary: int
    """Vocabulary size of the source language."""
    target_vocabulary: int
    """Vocabulary size of the target language."""
    depth: int
    """Number of encoder layers, and of decoder layers."""
    width: int
    """Model width."""
    heads: int
    """Attention heads of a layer."""
    feed_forward: int
    """Hidden width of the feed-forward layers."""
    joint: bool = True
    """Whether both languages share one vocabulary, and so one embedding."""
    dropout: float = 0.0
    """Dropout probability."""


class TransformerLayer(nn.Module):
    """Self-attention, in a decoder cross-attention, and a feed-forward layer; each pre-norm and residual.

    Args:
        embedding_dim: Model width.
        num_heads: Attention heads.
        ff_dim: Hidden width of the feed-forward layer.
        dropout: Dropout probability of the activations.
        cross: Add cross-attention to a second sequence, as in a decoder.
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
        context: Float[Tensor, "batch context width"] | None = None,
        context_mask: Bool[Tensor, "batch context"] | None = None,
        caches: tuple[KVCache, KVCache] | None = None,
    ) -> Float[Tensor, "batch time width"]:
        """Applies the layer.

        Args:
            x: The sequence.
            mask: True for its tokens, False for padding.
            causal: Each position attends to itself and earlier ones.
            context: The second sequence, for a layer with `cross`.
            context_mask: True for its tokens, False for padding.
            caches: Keys and values of earlier positions, and those of `context`.
        """
        own, cross = caches or (None, None)
        x = x + self.dropout(self.attention(self.attention_norm(x), causal=causal, mask=mask, cache=own))
        if context is not None:
            attended = self.cross_attention(self.cross_norm(x), context, mask=context_mask, cache=cross)
            x = x + self.dropout(attended)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


class Memory:
    """Decoder state: the encoded source, and the keys and values of both sequences."""

    def __init__(
        self, encoded: Float[Tensor, "batch source_time width"], mask: Bool[Tensor, "batch source_time"] | None,
        depth: int, capacity: int,
    ) -> None:  # fmt: skip
        self.encoded, self.mask = encoded, mask
        self.sentences = torch.arange(len(encoded), device=encoded.device)
        """Index of the source sentence of each row."""
        self.caches = [(KVCache(capacity), KVCache(encoded.shape[1])) for _ in range(depth)]

    def keep(self, rows: Int[Tensor, " kept"]) -> None:
        """Selects rows of the batch, in this order; a row may be repeated."""
        for own, _ in self.caches:
            own.keep(rows)
        sentences = self.sentences[rows]
        if torch.equal(sentences, self.sentences):  # rows moved within their sentences: same source
            return
        self.sentences, self.encoded = sentences, self.encoded[rows]
        self.mask = None if self.mask is None else self.mask[rows]
        for _, cross in self.caches:
            cross.keep(rows)


class Transformer(nn.Module):
    """The translation model: logits of the next target token, given the source."""

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
        """Encodes the source."""
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
        """Decodes `target`, which continues the tokens in `caches`, up to the last norm."""
        x = self._embed(self.target_embedding, target, caches[0][0].length if caches else 0)
        for number, layer in enumerate(self.decoder):
            # Padding follows the tokens, out of reach of causal attention, so it needs no mask.
            x = layer(x, causal=True, context=encoded, context_mask=mask, caches=caches[number] if caches else None)
        return self.decoder_norm(x)

    def head(self, x: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch vocabulary"]:
        """Logits, with the weights of the target embedding (section 3.4)."""
        return F.linear(x, self.target_embedding.weight)

    # --- token by token ---

    def start(
        self,
        source: Int[Tensor, "batch source_time"],
        mask: Bool[Tensor, "batch source_time"] | None,
        capacity: int,
    ) -> Memory:
        """Encodes the source, for decoding up to `capacity` tokens."""
        return Memory(self.encode(source, mask), mask, self.shape.depth, capacity)

    def next(self, tokens: Int[Tensor, " batch"], memory: Memory) -> Float[Tensor, "batch vocabulary"]:
        """Logits of the next token after `tokens`, which continue `memory`."""
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
            elif weight.ndim == 2:  # embeddings too: scaled by sqrt(width), they have unit variance
                nn.init.normal_(weight, std=weight.shape[1] ** -0.5)


def smoothed_loss(
    logits: Float[Tensor, "tokens vocabulary"], targets: Int[Tensor, " tokens"], smoothing: float
) -> Float[Tensor, ""]:
    """Mean cross-entropy in nats with label smoothing (Szegedy et al. 2016, arXiv 1512.00567, section 7)."""
    return F.cross_entropy(logits.float(), targets, label_smoothing=smoothing)

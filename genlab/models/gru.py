"""A recurrent encoder-decoder with attention, the baseline for the Transformer.

Bahdanau, Cho and Bengio (2015), "Neural Machine Translation by Jointly Learning to Align and Translate", arXiv
1409.0473; without attention, close to Sutskever, Vinyals and Le (2014), arXiv 1409.3215.

Data flow::

    source (batch, source_time) -> embedding -> bidirectional GRU -> encoded (batch, source_time, 2 width)
    target so far (batch, target_time) -> embedding -> GRU, initialised from the encoder -> state (.., width)
      attention: softmax over the source of v · tanh(W state + U encoded) -> context (.., 2 width)
    state, context -> tanh of a layer -> head -> logits (batch, target_time, vocabulary)

Training uses torch's fused kernel; `cell` spells out the same computation, and tests compare the two.
Departs from the paper: attention comes after the decoder's GRU, not before it (as in Luong et al. 2015, arXiv
1508.04025, with Bahdanau's additive score), so that the fused kernel runs over the whole target; torch's cell applies
the reset gate after the recurrent matrix; a tanh layer instead of maxout; the head shares the target embedding.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from genlab.layers.dropout import Dropout


@dataclass(frozen=True)
class GRUShape:
    """Size of the network."""

    source_vocabulary: int
    """Vocabulary size of the source language."""
    target_vocabulary: int
    """Vocabulary size of the target language."""
    width: int
    """Size of embeddings and states."""
    attention: bool = True
    """Whether the decoder attends to the source."""
    joint: bool = True
    """Whether both languages share one vocabulary, and so one embedding."""
    dropout: float = 0.0
    """Dropout probability."""


class AdditiveAttention(nn.Module):
    """softmax over the source of v · tanh(W state + U encoded) (Bahdanau et al., appendix A.1.2)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(2 * width, width)
        self.score = nn.Linear(width, 1, bias=False)

    def forward(
        self,
        state: Float[Tensor, "batch target_time width"],
        encoded: Float[Tensor, "batch source_time both"],
        key: Float[Tensor, "batch source_time width"],
        mask: Bool[Tensor, "batch source_time"] | None,
    ) -> Float[Tensor, "batch target_time both"]:
        """Context vector of each state; `key` is `self.key(encoded)`."""
        return self.weights(state, key, mask) @ encoded

    def weights(
        self,
        state: Float[Tensor, "batch target_time width"],
        key: Float[Tensor, "batch source_time width"],
        mask: Bool[Tensor, "batch source_time"] | None,
    ) -> Float[Tensor, "batch target_time source_time"]:
        """Attention weights of each state over the source."""
        query = rearrange(self.query(state), "batch target width -> batch target 1 width")
        key = rearrange(key, "batch source width -> batch 1 source width")
        scores = self.score(torch.tanh(query + key))[..., 0]
        if mask is not None:
            scores = scores.masked_fill(~mask[:, None], -torch.inf)
        return scores.softmax(-1)


class GRUMemory:
    """Decoder state: the encoded source and the recurrent state."""

    def __init__(
        self,
        encoded: Float[Tensor, "batch source_time both"],
        key: Float[Tensor, "batch source_time width"] | None,
        mask: Bool[Tensor, "batch source_time"] | None,
        state: Float[Tensor, "1 batch width"],
    ) -> None:
        self.encoded, self.key, self.mask, self.state = encoded, key, mask, state

    def keep(self, rows: Int[Tensor, " kept"]) -> None:
        """Selects rows of the batch, in this order; a row may be repeated."""
        self.encoded, self.state = self.encoded[rows], self.state[:, rows]
        self.key = None if self.key is None else self.key[rows]
        self.mask = None if self.mask is None else self.mask[rows]


class GRU(nn.Module):
    """The translation model: logits of the next target token, given the source."""

    def __init__(self, shape: GRUShape) -> None:
        super().__init__()
        self.shape = shape
        width = shape.width
        self.source_embedding = nn.Embedding(shape.source_vocabulary, width)
        self.target_embedding = self.source_embedding if shape.joint else nn.Embedding(shape.target_vocabulary, width)
        self.dropout = Dropout(shape.dropout)
        self.encoder = nn.GRU(width, width, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(width, width)
        self.decoder = nn.GRU(width, width, batch_first=True)
        self.attention = AdditiveAttention(width) if shape.attention else None
        self.out = nn.Linear(3 * width if shape.attention else width, width)
        nn.init.normal_(self.source_embedding.weight, std=width**-0.5)
        nn.init.normal_(self.target_embedding.weight, std=width**-0.5)

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
        x = self._decode(target, self.start(source, source_mask, target.shape[1])).flatten(0, 1)
        return self._head(x if target_index is None else x[target_index])

    # --- token by token ---

    def start(
        self,
        source: Int[Tensor, "batch source_time"],
        mask: Bool[Tensor, "batch source_time"] | None,
        capacity: int,
    ) -> GRUMemory:
        """Encodes the source; `capacity` is unused, because a recurrent state has a fixed size."""
        x = self._embed(self.source_embedding, source)
        encoded = self.encoder(x)[0] if mask is None else both_ways(self.encoder, x, mask)
        key = None if self.attention is None else self.attention.key(encoded)
        backward = encoded[None, :, 0, self.shape.width :]  # its last state, after the first token
        return GRUMemory(encoded, key, mask, torch.tanh(self.bridge(backward)))

    def next(self, tokens: Int[Tensor, " batch"], memory: GRUMemory) -> Float[Tensor, "batch vocabulary"]:
        """Logits of the next token after `tokens`, which continue `memory`."""
        return self._head(self._decode(tokens[:, None], memory)[:, -1])

    def _decode(
        self, target: Int[Tensor, "batch target_time"], memory: GRUMemory
    ) -> Float[Tensor, "batch target_time width"]:
        x, memory.state = self.decoder(self._embed(self.target_embedding, target), memory.state.contiguous())
        if self.attention is not None:
            assert memory.key is not None
            x = torch.cat((x, self.attention(x, memory.encoded, memory.key, memory.mask)), dim=-1)
        return self.dropout(torch.tanh(self.out(x)))

    def _embed(self, embedding: nn.Embedding, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time width"]:
        return self.dropout(embedding(tokens) * self.shape.width**0.5)

    def _head(self, x: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch vocabulary"]:
        return F.linear(x, self.target_embedding.weight)


def both_ways(
    encoder: nn.GRU, x: Float[Tensor, "batch time features"], mask: Bool[Tensor, "batch time"]
) -> Float[Tensor, "batch time both"]:
    """The states of a bidirectional GRU of one layer, as if each row ended with its last token.

    The backward direction runs ahead over rows that are reversed before their padding. Packed sequences would need the
    lengths on the host, which would wait for the device in every step. Beyond `mask` the states mean nothing.
    """
    place = torch.arange(x.shape[1], device=x.device)
    reverse = torch.where(mask, mask.sum(1, keepdim=True) - 1 - place, place)[:, :, None]
    forward, backward = encoder.all_weights
    states = one_way(forward, x)
    reversed_states = one_way(backward, x.gather(1, reverse.expand_as(x)))
    return torch.cat((states, reversed_states.gather(1, reverse.expand_as(reversed_states))), dim=2)


def one_way(weights: list[nn.Parameter], x: Float[Tensor, "batch time features"]) -> Float[Tensor, "batch time width"]:
    """The states of one direction: torch's fused kernel, with the weights of `cell`."""
    flat = torch.cat([weight.flatten() for weight in weights]).split([weight.numel() for weight in weights])
    together = [part.view_as(weight) for part, weight in zip(flat, weights, strict=True)]  # as cuDNN wants them
    hidden = x.new_zeros(1, len(x), weights[1].shape[1])
    return torch.gru(x, hidden, together, True, 1, 0.0, False, False, True)[0]


def cell(
    x: Float[Tensor, "batch features"],
    hidden: Float[Tensor, "batch width"],
    weights: tuple[Tensor, Tensor, Tensor, Tensor],
) -> Float[Tensor, "batch width"]:
    """One step of a GRU (Cho et al. 2014, arXiv 1406.1078, eq. 5 to 8).

    Args:
        x: Input.
        hidden: Previous state.
        weights: Input and recurrent weights (3 width, features or width) and biases (3 width), gates in torch's order:
            reset, update, candidate.

    Returns:
        The new state.
    """
    of_input, of_hidden, input_bias, hidden_bias = weights
    from_input = (x @ of_input.T + input_bias).chunk(3, dim=1)
    from_hidden = (hidden @ of_hidden.T + hidden_bias).chunk(3, dim=1)
    reset, update = (torch.sigmoid(a + b) for a, b in zip(from_input[:2], from_hidden[:2], strict=True))
    candidate = torch.tanh(from_input[2] + reset * from_hidden[2])
    return update * hidden + (1 - update) * candidate

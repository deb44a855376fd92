"""A recurrent language model: the baseline that reads one token after another.

Hochreiter and Schmidhuber (1997), "Long Short-Term Memory", with the forget gate of Gers et al. (2000).

Data flow::

    tokens (batch, time) -> embedding (batch, time, width)
      -> depth LSTM layers, each carrying (hidden, cell) from token to token
    -> head -> logits (batch, time, vocabulary)

Training runs torch's fused kernel; `cell` writes the same arithmetic out and is checked against it.
Departs from the paper: no peepholes, dropout between layers, the forget gate's bias starts at 1
(Jozefowicz et al. 2015).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

State = tuple[Float[Tensor, "depth batch width"], Float[Tensor, "depth batch width"]]


@dataclass(frozen=True)
class LSTMShape:
    """The numbers that fix an LSTM's size."""

    vocabulary: int
    """Tokens it can read and write."""
    depth: int
    """Layers on top of each other."""
    width: int
    """Features of a token between layers."""
    dropout: float = 0.0
    """Share of features dropped between layers in training."""


class LSTMCache:
    """What the network remembers of the tokens so far."""

    def __init__(self) -> None:
        self.state: State | None = None

    def keep(self, rows: Int[Tensor, " kept"]) -> None:
        """Goes on with these rows of the batch, in this order; a row may come more than once."""
        if self.state is not None:
            hidden, memory = self.state
            self.state = hidden[:, rows], memory[:, rows]


class LSTM(nn.Module):
    """The language model: what may come next after each token of a sequence."""

    def __init__(self, shape: LSTMShape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.dropout = nn.Dropout(shape.dropout)
        between = shape.dropout if shape.depth > 1 else 0.0
        self.layers = nn.LSTM(shape.width, shape.width, shape.depth, batch_first=True, dropout=between)
        self.head = nn.Linear(shape.width, shape.vocabulary)
        nn.init.normal_(self.embedding.weight, std=1.0)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        for layer in range(shape.depth):
            forget = slice(shape.width, 2 * shape.width)
            nn.init.ones_(getattr(self.layers, f"bias_ih_l{layer}").data[forget])
            nn.init.zeros_(getattr(self.layers, f"bias_hh_l{layer}").data[forget])

    def forward(
        self, tokens: Int[Tensor, "batch time"], cache: LSTMCache | None = None, last: bool = False
    ) -> Float[Tensor, "batch said vocabulary"]:
        """Logits of the next token after each of `tokens`, which follow what `cache` holds; or of the `last` only."""
        x = self.dropout(self.embedding(tokens))
        x, state = self.layers(x, cache.state if cache else None)
        if cache:
            cache.state = state
        return self.head(self.dropout(x[:, -1:] if last else x))

    def new_cache(self, room: int | None = None) -> LSTMCache:
        """An empty memory for generating token by token; whatever the `room`, it stays as small."""
        return LSTMCache()


def cell(
    x: Float[Tensor, "batch width"],
    hidden: Float[Tensor, "batch width"],
    memory: Float[Tensor, "batch width"],
    weights: tuple[Tensor, Tensor, Tensor, Tensor],
) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch width"]]:
    """One step of one layer: what to forget, what to write, what to show.

    Args:
        x: Input.
        hidden: Output of the step before.
        memory: Cell state of the step before.
        weights: Input and recurrent matrices (4 width, width) and their biases (4 width), gates in
            torch's order: input, forget, candidate, output.

    Returns:
        The new hidden and cell state.
    """
    of_input, of_hidden, input_bias, hidden_bias = weights
    gates = x @ of_input.T + input_bias + hidden @ of_hidden.T + hidden_bias
    write, keep, candidate, show = gates.chunk(4, dim=1)
    memory = torch.sigmoid(keep) * memory + torch.sigmoid(write) * torch.tanh(candidate)
    return torch.sigmoid(show) * torch.tanh(memory), memory

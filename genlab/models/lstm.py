"""A recurrent language model, the baseline for the GPT.

Hochreiter and Schmidhuber (1997), "Long Short-Term Memory", with the forget gate of Gers et al. (2000).

Data flow::

    tokens (batch, time) -> embedding (batch, time, width)
      -> depth LSTM layers with states (hidden, cell)
    -> head -> logits (batch, time, vocabulary)

Training uses torch's fused kernel; `cell` spells out the same computation, and tests compare the two.
Departs from the paper: no peepholes, dropout between layers, forget gate bias initialised to 1 (Jozefowicz et al.
2015).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

State = tuple[Float[Tensor, "depth batch width"], Float[Tensor, "depth batch width"]]


@dataclass(frozen=True)
class LSTMShape:
    """Size of an LSTM."""

    vocabulary: int
    """Vocabulary size."""
    depth: int
    """Number of layers."""
    width: int
    """Size of embeddings and states."""
    dropout: float = 0.0
    """Dropout probability between layers."""


class LSTMCache:
    """State after the tokens so far."""

    def __init__(self) -> None:
        self.state: State | None = None

    def keep(self, rows: Int[Tensor, " kept"]) -> None:
        """Selects rows of the batch, in this order; a row may be repeated."""
        if self.state is not None:
            hidden, memory = self.state
            self.state = hidden[:, rows], memory[:, rows]


class LSTM(nn.Module):
    """The language model: logits of the next token after each token.

    Args:
        shape: Its size.
        embedding: Embedding whose output `read` takes; None for one of tokens.
    """

    def __init__(self, shape: LSTMShape, embedding: nn.Module | None = None) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = embedding or nn.Embedding(shape.vocabulary, shape.width)
        self.dropout = nn.Dropout(shape.dropout)
        between = shape.dropout if shape.depth > 1 else 0.0
        self.layers = nn.LSTM(shape.width, shape.width, shape.depth, batch_first=True, dropout=between)
        self.head = nn.Linear(shape.width, shape.vocabulary)
        if isinstance(self.embedding, nn.Embedding):
            nn.init.normal_(self.embedding.weight, std=1.0)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        forget = slice(shape.width, 2 * shape.width)
        for _, _, input_bias, hidden_bias in self.layers.all_weights:
            nn.init.ones_(input_bias.data[forget])
            nn.init.zeros_(hidden_bias.data[forget])

    def forward(
        self, tokens: Int[Tensor, "batch time"], cache: LSTMCache | None = None, last: bool = False
    ) -> Float[Tensor, "batch outputs vocabulary"]:
        """Predicts the token after each of `tokens`, or only after the last one; continues and updates `cache`."""
        return self.read(self.embedding(tokens), cache, last)

    def read(
        self, x: Float[Tensor, "batch time width"], cache: LSTMCache | None = None, last: bool = False
    ) -> Float[Tensor, "batch outputs vocabulary"]:
        """As `forward`, from the embeddings of the tokens on."""
        x, state = self.layers(self.dropout(x), cache.state if cache else None)
        if cache:
            cache.state = state
        return self.head(self.dropout(x[:, -1:] if last else x))

    def new_cache(self, room: int | None = None) -> LSTMCache:
        """An empty cache for generating token by token; its size does not depend on `room`."""
        return LSTMCache()


def cell(
    x: Float[Tensor, "batch width"],
    hidden: Float[Tensor, "batch width"],
    memory: Float[Tensor, "batch width"],
    weights: tuple[Tensor, Tensor, Tensor, Tensor],
) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch width"]]:
    """One step of one layer (Hochreiter and Schmidhuber 1997; Gers et al. 2000).

    Args:
        x: Input.
        hidden: Previous hidden state.
        memory: Previous cell state.
        weights: Input and recurrent weights (4 width, width) and biases (4 width), gates in torch's order: input,
            forget, candidate, output.

    Returns:
        New hidden and cell state.
    """
    of_input, of_hidden, input_bias, hidden_bias = weights
    gates = x @ of_input.T + input_bias + hidden @ of_hidden.T + hidden_bias
    input_gate, forget_gate, candidate, output_gate = gates.chunk(4, dim=1)
    memory = torch.sigmoid(forget_gate) * memory + torch.sigmoid(input_gate) * torch.tanh(candidate)
    return torch.sigmoid(output_gate) * torch.tanh(memory), memory

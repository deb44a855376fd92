"""An ensemble of perceptrons for table rows, with piecewise-linear embeddings of numbers.

The ensemble is TabM (Gorishniy et al. 2024, arXiv 2410.24210): its members share all matrices of the hidden layers, and
differ by scales and biases (BatchEnsemble; Wen et al. 2020, arXiv 2002.06715), so that they cost little more than one
network. Each member is trained on its own loss; their mean probability is the prediction. The embeddings (Gorishniy
et al. 2022, arXiv 2203.05556, eq. 1 and 2) let a network bend sharply where a number crosses an edge of a bin.

Data flow::

    rows (batch, features) -> numbers -> positions in bins (batch, numbers, bins)
    positions -> embedded (batch, numbers * EMBEDDING)
    [rows, embedded] -> hidden layers (batch, members, width) -> corrections (batch, members, outputs)
    [rows, positions] -> additive part (batch, outputs); additive part + corrections -> logits of each member
    -> mean probability -> logits (batch, outputs)

Departs from the papers: the first layer is computed once for all members, which scale its output, not its input (a
third less time a step); the members correct an additive logistic regression (a piecewise-linear function of each
number), fitted before training and then fixed, from which they start, because the last layer starts at zero;
categories enter as one-hot rows.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from einops import einsum, rearrange, repeat
from jaxtyping import Float
from torch import Tensor, nn

from genlab.models.classifier import RowClassifierShape, class_logits

EMBEDDING = 16
"""Numbers in the embedding of a number."""
SPREAD = 3.0
"""Factor of the positions in the additive part: its penalty then treats them like standardised features."""


class BinPositions(nn.Module):
    """The position of numbers in each of their bins: 0 below it, 1 above it and linear in it.

    The edges of the bins belong to the shape of the network, not to its weights.

    Args:
        edges: Edges of the bins of each number, ascending.
    """

    low: Tensor
    rate: Tensor

    def __init__(self, edges: list[list[float]]) -> None:
        super().__init__()
        bins = max(map(len, edges), default=1) - 1
        low, rate = torch.zeros(2, len(edges), bins)  # a rate of zero leaves bins that a number lacks at zero
        for number, own in enumerate(map(torch.tensor, edges)):
            low[number, : len(own) - 1] = own[:-1]
            rate[number, : len(own) - 1] = 1 / own.diff()
        self.register_buffer("low", low, persistent=False)
        self.register_buffer("rate", rate, persistent=False)

    def forward(self, numbers: Float[Tensor, "batch numbers"]) -> Float[Tensor, "batch numbers bins"]:
        return ((numbers[:, :, None] - self.low) * self.rate).clamp(0, 1)


class NumberEmbeddings(nn.Module):
    """Embeds numbers by their positions in bins: a linear map and ReLU for each number.

    Args:
        numbers: Number of numbers.
        bins: Most bins of a number.
    """

    def __init__(self, numbers: int, bins: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(0.3 * torch.randn(numbers, bins, EMBEDDING))
        self.bias = nn.Parameter(torch.zeros(numbers, EMBEDDING))

    def forward(self, positions: Float[Tensor, "batch numbers bins"]) -> Float[Tensor, "batch embedded"]:
        embedded = einsum(positions, self.weight, "batch n bins, n bins embedding -> batch n embedding")
        return rearrange(F.relu(embedded + self.bias), "batch n embedding -> batch (n embedding)")


class SharedLinear(nn.Module):
    """A linear layer that members share, with each member's scales of its inputs and outputs, and biases.

    Args:
        inputs: Size of the input.
        outputs: Size of the output.
        members: Number of members.
        first: Whether it is the first layer, whose input is the same for all members: then it is scaled only
            afterwards, by random numbers, which make the members differ.
    """

    def __init__(self, inputs: int, outputs: int, members: int, first: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs) * (2 / inputs) ** 0.5)
        self.input_scale = None if first else nn.Parameter(torch.ones(members, inputs))
        self.output_scale = nn.Parameter(torch.randn(members, outputs) if first else torch.ones(members, outputs))
        self.bias = nn.Parameter(0.1 * torch.randn(members, outputs) if first else torch.zeros(members, outputs))

    def forward(self, x: Float[Tensor, "batch _ inputs"]) -> Float[Tensor, "batch members outputs"]:
        scaled = x if self.input_scale is None else x * self.input_scale
        return scaled @ self.weight * self.output_scale + self.bias


class RowEnsemble(nn.Module):
    """Maps rows to logits.

    Args:
        shape: Features, classes and bins.
        width: Width of the hidden layers.
        depth: Number of hidden layers.
        members: Number of members of the ensemble.
        dropout: Dropout probability of the hidden activations.
    """

    numbers: Tensor
    additive_weight: Tensor
    additive_bias: Tensor

    def __init__(self, shape: RowClassifierShape, width: int, depth: int, members: int, dropout: float) -> None:
        super().__init__()
        binned = [(place, own) for place, own in zip(shape.numeric, shape.edges, strict=False) if own]
        places = torch.tensor([place for place, _ in binned], dtype=torch.long)
        self.register_buffer("numbers", places, persistent=False)
        self.positions = BinPositions([own for _, own in binned])
        self.embed = NumberEmbeddings(*self.positions.low.shape)
        self.register_buffer("additive_weight", torch.zeros(shape.outputs, shape.features + self.positions.low.numel()))
        self.register_buffer("additive_bias", torch.zeros(shape.outputs))
        sizes = [shape.features + EMBEDDING * len(binned), *[width] * depth]
        self.hidden = nn.ModuleList(
            SharedLinear(before, after, members, first=number == 0)
            for number, (before, after) in enumerate(pairwise(sizes))
        )
        self.correction = nn.Parameter(torch.zeros(members, width, shape.outputs))
        self.dropout = dropout

    def additive_inputs(self, rows: Float[Tensor, "batch features"]) -> Float[Tensor, "batch inputs"]:
        """What the additive part is linear in: the features, and the positions of numbers in bins."""
        return _additive_inputs(rows, self.positions(rows[:, self.numbers]))

    def set_additive_part(self, weight: Float[Tensor, "outputs inputs"], bias: Float[Tensor, " outputs"]) -> None:
        """Sets the logistic regression on `additive_inputs` from which the members start."""
        self.additive_weight.copy_(weight)
        self.additive_bias.copy_(bias)

    def members(self, rows: Float[Tensor, "batch features"]) -> Float[Tensor, "batch members outputs"]:
        """The logits of each member."""
        positions = self.positions(rows[:, self.numbers])
        x = torch.cat([rows, self.embed(positions)], 1)[:, None]
        for layer in self.hidden:
            x = F.dropout(F.relu(layer(x)), self.dropout, self.training)
        corrections = einsum(x, self.correction, "batch members width, members width outputs -> batch members outputs")
        additive = F.linear(_additive_inputs(rows, positions), self.additive_weight, self.additive_bias)
        return additive[:, None] + corrections

    def forward(self, rows: Float[Tensor, "batch features"]) -> Float[Tensor, "batch outputs"]:
        """Logits of the members' mean probabilities."""
        logits = self.members(rows)
        flat = class_logits(rearrange(logits, "batch members outputs -> (batch members) outputs"))
        each = rearrange(flat.log_softmax(1), "(batch members) classes -> batch members classes", batch=len(rows))
        mean = each.logsumexp(1)  # plus a constant, the log of the number of members
        return mean[:, 1:] - mean[:, :1] if logits.shape[2] == 1 else mean


def _additive_inputs(
    rows: Float[Tensor, "batch features"], positions: Float[Tensor, "batch numbers bins"]
) -> Float[Tensor, "batch inputs"]:
    return torch.cat([rows, SPREAD * positions.flatten(1)], 1)


def per_member(
    logits: Float[Tensor, "batch members outputs"], labels: Tensor
) -> tuple[Float[Tensor, "examples outputs"], Tensor]:
    """Every member's logits with their labels, as examples of one batch."""
    return (
        rearrange(logits, "batch members outputs -> (batch members) outputs"),
        repeat(labels, "batch -> (batch members)", members=logits.shape[1]),
    )

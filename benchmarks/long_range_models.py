"""The four models of the long-range benchmark, with the Transformer's number of parameters and their own optimisers."""

from bisect import bisect
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from dilated_cnn import DilatedCNN
from gru_attention import GRUAttention
from long_range_tasks import TASKS
from torch import nn
from torch.optim import Optimizer

from genlab.layers.muon import muon_and_adam
from genlab.models.gpt import GPT, GPTShape
from genlab.models.lstm import LSTM, LSTMShape

WIDTH, FEED_FORWARD = 64, 172
"""Width of the Transformer; the others get the width that gives them as many parameters."""
EMBEDDING_RATE = 0.02
"""Peak learning rate of AdamW for what Muon does not train, as in the recipe of the GPT."""
LONGEST_GRADIENT = 1.0
"""Gradients are clipped to this norm."""


class Model(NamedTuple):
    """One kind of network and how it is trained."""

    title: str
    make: Callable[[int, int, int], nn.Module]
    """From vocabulary, width and length of the longest sequence."""
    rates: tuple[float, ...]
    """Peak step lengths to choose from: of Muon for the Transformer's matrices, of AdamW for the rest."""
    tokens: int = 2048
    """Of an update."""
    least_rows: int = 2
    """Sequences of an update at the least: what goes token by token is hardly faster with fewer."""


def transformer(vocabulary: int, width: int, length: int) -> GPT:
    """Two layers: one to find the neighbour of a token, one to find the token."""
    return GPT(GPTShape(vocabulary, length, depth=2, width=width, heads=2, kv_heads=2, feed_forward=FEED_FORWARD))


MODELS = {
    "transformer": Model("Transformer", transformer, (0.015, 0.03, 0.06)),
    "lstm": Model("LSTM", lambda v, width, _: LSTM(LSTMShape(v, 1, width)), (0.003, 0.006, 0.012), least_rows=8),
    "gru_attention": Model("GRU with attention", lambda v, width, _: GRUAttention(v, width), (0.002, 0.004, 0.008)),
    "dilated_cnn": Model("dilated CNN", DilatedCNN, (0.002, 0.004, 0.008)),
}


def new_model(name: str, task: str, distance: int) -> nn.Module:
    """A new network for sequences of a task."""
    vocabulary, length = TASKS[task].vocabulary, TASKS[task].length * distance
    return MODELS[name].make(vocabulary, fitting_width(name, task, distance), length)


def fitting_width(name: str, task: str, distance: int) -> int:
    """The width at which the number of parameters is nearest to the Transformer's."""
    if name == "transformer":
        return WIDTH
    size = partial(parameters, name, task, distance)
    wanted = parameters("transformer", task, distance)
    above = bisect(range(1000), wanted, lo=8, key=size)
    return min(above - 1, above, key=lambda width: abs(size(width) - wanted))


def parameters(name: str, task: str, distance: int, width: int | None = None) -> int:
    """Number of parameters of a network, by default at its fitting width."""
    width = width or fitting_width(name, task, distance)
    with torch.device("meta"):  # without making them
        network = MODELS[name].make(TASKS[task].vocabulary, width, TASKS[task].length * distance)
    return sum(weight.numel() for weight in network.parameters())


def optimizers(network: nn.Module, rate: float) -> list[Optimizer]:
    """The recipes' optimisers: Muon for a Transformer's matrices, AdamW for everything else."""
    matrices = []
    if isinstance(network, GPT):
        matrices = [weight for weight in network.blocks.parameters() if weight.ndim == 2]
    return muon_and_adam(network, matrices, rate, 0.0, EMBEDDING_RATE if matrices else rate)

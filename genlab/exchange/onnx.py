"""Exports a language model as one ONNX file, which runs with and without a KV cache.

Data flow of the file, by the conventional names (N counts blocks; `past` may be 0)::

    input_ids (batch, time), past_key_values.N.key and .value (batch, kv_heads, past, head_width)
    -> logits (batch, time, vocabulary), present.N.key and .value (batch, kv_heads, past + time, head_width)
"""

from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlab.exchange.graphs import for_export, write_graph
from genlab.models.gpt import GPT, GPTShape
from genlab.models.gpt2 import GPT2


class GrowingCache:
    """A `KVCache` for graphs: starts with any number of positions and grows by concatenation."""

    def __init__(self, key: Float[Tensor, "batch heads past depth"], value: Float[Tensor, "batch heads past depth"]):
        self.key, self.value = key, value

    @property
    def length(self) -> int:
        return self.key.shape[2]

    def append(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        self.key, self.value = torch.cat((self.key, key), 2), torch.cat((self.value, value), 2)
        return self.held()

    def held(self) -> tuple[Tensor, Tensor]:
        return self.key, self.value


class Stepwise(nn.Module):
    """A network whose KV cache is an input and an output."""

    def __init__(self, network: GPT | GPT2) -> None:
        super().__init__()
        self.network: nn.Module = network

    def forward(
        self, input_ids: Int[Tensor, "batch time"], past: list[tuple[Tensor, Tensor]]
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        cache = [GrowingCache(key, value) for key, value in past]
        logits = self.network(input_ids, cache)
        return logits, [layer.held() for layer in cache]


def write_onnx(network: GPT | GPT2, place: Path) -> None:
    """Writes the file `place`, with all weights in 32 bits.

    Args:
        network: The trained network, which does not change.
        place: The file; an existing one is replaced once the new one is complete.

    Raises:
        InputError: packages are missing, the weights do not fit into one file, or `place` cannot be written.
    """
    network = for_export(network)
    shape = network.shape
    kv_heads = shape.kv_heads if isinstance(shape, GPTShape) else shape.heads
    head_width = len(network.get_parameter("blocks.0.attention.key.weight")) // kv_heads
    batch, time, past = 2, 3, 5
    tokens = torch.zeros(batch, time, dtype=torch.int64)
    empty = lambda: torch.zeros(batch, kv_heads, past, head_width)
    memory = [(empty(), empty()) for _ in range(shape.depth)]
    free = {0: torch.export.Dim("batch"), 2: torch.export.Dim("past")}
    parts = [f"{layer}.{part}" for layer in range(shape.depth) for part in ("key", "value")]
    inputs = ["input_ids", *(f"past_key_values.{part}" for part in parts)]
    outputs = ["logits", *(f"present.{part}" for part in parts)]
    dynamic = ({0: free[0], 1: torch.export.Dim("time")}, [(free, free)] * shape.depth)
    write_graph(Stepwise(network), (tokens, memory), (inputs, outputs), dynamic, place)

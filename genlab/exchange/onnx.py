"""Exports a language model as one ONNX file, which runs with and without a KV cache.

Data flow of the file, by the conventional names (N counts blocks; `past` may be 0)::

    input_ids (batch, time), past_key_values.N.key and .value (batch, kv_heads, past, head_width)
    -> logits (batch, time, vocabulary), present.N.key and .value (batch, kv_heads, past + time, head_width)
"""

import copy
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlab.engine.files import make_folder, writing
from genlab.errors import InputError
from genlab.models.gpt import GPT, GPTShape
from genlab.models.gpt2 import GPT2

LARGEST = 2_000_000_000
"""Largest size of the weights in bytes: a file is limited to 2 GiB, including the graph."""


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
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError:
        raise InputError("ONNX needs the packages onnx and onnxscript: pip install 'genlab[export]'.", "to") from None
    size = 4 * sum(weight.numel() for weight in network.parameters())
    if size > LARGEST:
        raise InputError(
            f"The weights take {size / 1e9:.1f} GB, but an ONNX file holds only 2: export to another format.", "to"
        )
    network = copy.deepcopy(network).float().cpu().eval()
    shape = network.shape
    kv_heads = shape.kv_heads if isinstance(shape, GPTShape) else shape.heads
    head_width = len(network.get_parameter("blocks.0.attention.key.weight")) // kv_heads
    # The exporter would treat sizes of 0 and 1 as constants; these represent any size.
    batch, time, past = 2, 3, 5
    tokens = torch.zeros(batch, time, dtype=torch.int64)
    empty = lambda: torch.zeros(batch, kv_heads, past, head_width)
    memory = [(empty(), empty()) for _ in range(shape.depth)]
    free = {0: torch.export.Dim("batch"), 2: torch.export.Dim("past")}
    parts = [f"{layer}.{part}" for layer in range(shape.depth) for part in ("key", "value")]
    make_folder(place.parent)
    with writing(place) as beside, _silence():
        program = torch.onnx.export(
            Stepwise(network),
            (tokens, memory),
            dynamo=True,
            input_names=["input_ids", *(f"past_key_values.{part}" for part in parts)],
            output_names=["logits", *(f"present.{part}" for part in parts)],
            dynamic_shapes=({0: free[0], 1: torch.export.Dim("time")}, [(free, free)] * shape.depth),
            verbose=False,
        )
        assert program is not None
        for node in program.model.graph.all_nodes():
            node.metadata_props.clear()  # they contain paths of source files
        program.save(beside, external_data=False)


@contextmanager
def _silence() -> Iterator[None]:
    """Context that silences the exporter's prints, warnings and logs, but not its errors."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)

"""ONNX files, run by onnxruntime."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from genlab.errors import InputError
from genlab.exchange.onnx import write_onnx
from genlab.models.gpt import GPT, GPTShape
from tests.exchange.networks import EVERY, gpt2, grouped, unchecked

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

VOCABULARY = 3000
DEPTHS = {"grouped": 2, "plain": 1, "gpt2": 1}
HEADS = {"grouped": (2, 12), "plain": (4, 8), "gpt2": (4, 8)}
"""Key heads and their width."""


class Written(NamedTuple):
    name: str
    network: nn.Module
    place: Path
    printed: str


class Session:
    """The exported file in onnxruntime, with its cache."""

    def __init__(self, written: Written, batch: int) -> None:
        self.session = onnxruntime.InferenceSession(written.place, providers=["CPUExecutionProvider"])
        heads, width = HEADS[written.name]
        names = [taken.name for taken in self.session.get_inputs()][1:]
        self.memory = {name: np.zeros((batch, heads, 0, width), np.float32) for name in names}

    def read(self, tokens: Tensor) -> np.ndarray:
        """Logits after further tokens."""
        logits, *present = self.session.run(None, {"input_ids": tokens.numpy(), **self.memory})
        self.memory = dict(zip(self.memory, present, strict=True))
        return logits


@pytest.fixture(scope="module", params=list(EVERY))
def written(request, tmp_path_factory) -> Written:
    network = EVERY[request.param](VOCABULARY, DEPTHS[request.param]).train()
    place = tmp_path_factory.mktemp("onnx") / "new" / "model.onnx"
    capture = request.config.pluginmanager.getplugin("capturemanager")
    capture.read_global_capture()
    with unchecked():
        write_onnx(network, place)
    out, err = capture.read_global_capture()
    assert network.training
    return Written(request.param, network.eval(), place, out + err)


def logits_of(network: nn.Module, tokens: Tensor) -> np.ndarray:
    with torch.no_grad():
        return network(tokens).numpy()


@pytest.mark.parametrize(
    "parts", [[9], [1], [1, 1], [1] * 9, [4, 1, 5], [1, 7, 1, 2], [5, 5], [2, 3], [40, 1]], ids=str
)
@pytest.mark.parametrize("batch", [1, 2, 3])
def test_the_same_logits(written, batch, parts):
    """Of texts read at once, token by token and in pieces, where none of the sizes is the exporter's alone."""
    tokens = torch.randint(VOCABULARY, (batch, sum(parts)), generator=torch.Generator().manual_seed(0))
    session = Session(written, batch)
    found = np.concatenate([session.read(part) for part in tokens.split(parts, dim=1)], axis=1)
    expected = logits_of(written.network, tokens)
    assert np.abs(expected).max() > 2
    np.testing.assert_allclose(found, expected, atol=1e-4, rtol=0)


def test_names_and_sizes(written):
    session = Session(written, 1).session
    heads, width = HEADS[written.name]
    parts = [f"{layer}.{part}" for layer in range(DEPTHS[written.name]) for part in ("key", "value")]
    assert {taken.name: taken.shape for taken in session.get_inputs()} == {
        "input_ids": ["batch", "time"],
        **{f"past_key_values.{part}": ["batch", heads, "past", width] for part in parts},
    }
    assert {given.name: given.shape for given in session.get_outputs()} == {
        "logits": ["batch", "time", VOCABULARY],
        **{f"present.{part}": ["batch", heads, "past + time", width] for part in parts},
    }


def test_the_memory_is_ours(written):
    tokens = torch.arange(6)[None]
    session, cache = Session(written, 1), written.network.new_cache()
    session.read(tokens)
    with torch.no_grad():
        written.network(tokens, cache)
    for layer, held in enumerate(cache):
        for part, tensor in zip(("key", "value"), held.held(), strict=True):
            found = session.memory[f"past_key_values.{layer}.{part}"]
            np.testing.assert_allclose(found, tensor.numpy(), atol=1e-5, rtol=1e-5)


def test_one_quiet_file_with_every_weight_once(written):
    assert written.printed == ""
    assert [path.name for path in written.place.parent.iterdir()] == ["model.onnx"]
    graph = onnx.load(written.place, load_external_data=False).graph
    large = [weight for weight in graph.initializer if VOCABULARY in weight.dims]
    assert len(large) == (2 if written.name == "plain" else 1)
    assert not any(weight.external_data for weight in graph.initializer)


def test_no_path_of_this_machine_is_inside(written):
    content = written.place.read_bytes()
    for trace in (__file__, "models/gpt", "site-packages", "stack_trace"):
        assert trace.encode() not in content


def test_more_than_a_file_holds_is_refused(tmp_path):
    with torch.device("meta"):
        network = GPT(GPTShape(300_000, 64, 1, 1024, 8, 8, 2048))
    with pytest.raises(InputError, match=r"take 2\.5 GB, but an ONNX file holds only 2"):
        write_onnx(network, tmp_path / "model.onnx")


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_without_the_packages(package, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=r"pip install 'genlab\[export\]'") as error:
        write_onnx(grouped(50), tmp_path / "model.onnx")
    assert error.value.field == "to"


def test_nothing_remains_of_a_failure(tmp_path, monkeypatch):
    class Program:
        model = SimpleNamespace(graph=SimpleNamespace(all_nodes=list))

        def save(self, beside: Path, external_data: bool) -> None:
            Path(beside).write_bytes(b"half")
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch.onnx, "export", lambda *_, **__: Program())
    (tmp_path / "model.onnx").write_bytes(b"the old one")
    with pytest.raises(InputError, match="no space left"):
        write_onnx(gpt2(50), tmp_path / "model.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    assert (tmp_path / "model.onnx").read_bytes() == b"the old one"

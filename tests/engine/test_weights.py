import pytest
import torch
from safetensors import safe_open
from torch import nn

from genlab.engine.weights import read_tensors, read_weights, tensors_to_bytes, write_weights


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.uint8, torch.bool, torch.float64])
def test_tensors_of_every_kind(tmp_path, dtype):
    tensors = {"a": torch.ones(2, 3).to(dtype), "b": torch.tensor(1).to(dtype), "empty": torch.empty(0, 3).to(dtype)}
    (tmp_path / "x").write_bytes(tensors_to_bytes(tensors, {"note": "ü"}))
    read, about = read_tensors(tmp_path / "x")
    assert read.keys() == tensors.keys()
    for name, tensor in tensors.items():
        torch.testing.assert_close(read[name], tensor, rtol=0, atol=0)
    assert about == {"note": "ü"}


def test_views_are_saved_by_themselves(tmp_path):
    base = torch.arange(12.0).view(3, 4)
    (tmp_path / "x").write_bytes(tensors_to_bytes({"rows": base[1:], "turned": base.T, "base": base}))
    read, _ = read_tensors(tmp_path / "x")
    assert torch.equal(read["rows"], base[1:])
    assert torch.equal(read["turned"], base.T)


def test_tied_weights_are_written_once_and_come_back(tmp_path):
    path, network = tmp_path / "x", nn.ModuleDict({"one": nn.Linear(4, 4), "other": nn.Linear(4, 4)})
    network["other"].weight = network["one"].weight
    write_weights(path, {"net": network})
    fresh = nn.ModuleDict({"one": nn.Linear(4, 4), "other": nn.Linear(4, 4)})
    fresh["other"].weight = fresh["one"].weight
    read_weights(path, {"net": fresh})
    for mine, theirs in zip(fresh.state_dict().values(), network.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)
    assert fresh["other"].weight is fresh["one"].weight
    with safe_open(path, "pt") as file:
        assert sorted(file.keys()) == ["net.one.bias", "net.one.weight", "net.other.bias"]


def test_the_same_weights_make_the_same_file(tmp_path):
    network = nn.Linear(3, 3)
    for name in ("one", "other"):
        write_weights(tmp_path / name, {"net": network})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()

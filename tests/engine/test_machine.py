"""What a training runs on."""

import platform
import resource
from typing import NamedTuple

import pytest
import torch
from torch import nn

from genlab.engine.machine import Machine, ZerosForRandom, keep_freed_memory
from genlab.errors import InputError
from genlab.models.gpt2 import GPT2, GPT2Shape


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other libraries have other allocators")
def test_large_tensors_reuse_freed_memory():
    """After some rounds, that is, which fill the holes that other tests left."""
    Machine("cpu")
    for _ in range(10):
        torch.ones(16_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(16_000_000)
    pages = 4 * 16_000_000 / resource.getpagesize()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < pages


def test_every_process_takes_its_own_gpu(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(InputError, match=r"under torchrun, every process has a GPU: give cuda, not cuda:1\."):
        Machine("cuda:1")


def test_other_systems_keep_their_allocators(monkeypatch):
    monkeypatch.setattr("genlab.engine.machine.sys.platform", "darwin")
    monkeypatch.setattr("genlab.engine.machine.ctypes.CDLL", None)
    keep_freed_memory()


def test_zeros_for_random():
    """Weights are zero instead of random, constants stay, and chance goes on as if nothing had been."""
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    with ZerosForRandom():
        network = GPT2(GPT2Shape(10, 8, depth=1, width=8, heads=2, feed_forward=16))
        pieces = [nn.Conv2d(2, 3, 3), nn.Linear(4, 5), nn.LSTM(4, 4), nn.Parameter(torch.ones(3)).data.normal_()]
        nn.init.orthogonal_(tensor := torch.ones(3, 3))
    assert torch.equal(torch.rand(3), expected)
    for name, weight in network.named_parameters():
        assert torch.equal(weight, torch.full_like(weight, "norm.weight" in name))
        assert weight.requires_grad
    weights = [weight for piece in pieces[:3] for weight in piece.parameters()]
    assert not any(weight.any() for weight in [*weights, pieces[3], tensor])
    assert nn.Linear(4, 5).weight.all()


class Pair(NamedTuple):
    tokens: torch.Tensor
    mask: torch.Tensor | None


def test_batches_of_any_nesting_are_placed():
    """Onto a device that cannot be mistaken for the host, here torch's `meta`."""
    machine = Machine("cpu")
    machine.device = torch.device("meta")
    tensor = torch.ones(2)
    batch = {"pair": Pair(tensor, None), "list": [tensor, (tensor,)], "name": "a", "count": 3, "none": None}
    placed = machine.place(batch)
    assert isinstance(placed["pair"], Pair)
    assert placed["pair"].mask is None
    assert isinstance(placed["list"][1], tuple)
    tensors = [placed["pair"].tokens, placed["list"][0], placed["list"][1][0]]
    assert all(found.device.type == "meta" for found in tensors)
    assert (placed["name"], placed["count"], placed["none"]) == ("a", 3, None)
    assert machine.place(tensor).device.type == "meta"
    assert machine.place(None) is None


class Two(Machine):
    """One of two processes; the other's gradients are zero and its count is 3."""

    def __init__(self) -> None:
        super().__init__("cpu")
        self.processes = 2

    def mean(self, value):
        return (value + 3) / 2 if value.numel() == 1 else value / 2


def test_gradients_weigh_as_much_as_was_counted():
    network = nn.Linear(1, 1)
    for count, expected in ((None, 0.5), (3.0, 0.5), (1, 0.25), (torch.tensor(9), 0.75)):
        for weight in network.parameters():
            weight.grad = torch.ones_like(weight)
        Two().average(network, count)
        assert network.weight.grad.item() == pytest.approx(expected)

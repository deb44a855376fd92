"""What a training runs on."""

import platform
import resource

import pytest
import torch
from torch import nn

from genlab.engine.machine import Machine, ZerosForRandom, keep_freed_memory
from genlab.models.gpt2 import GPT2, GPT2Shape


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other libraries have other allocators")
def test_large_tensors_reuse_freed_memory():
    Machine("cpu")
    torch.ones(16_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(16_000_000)
    pages = 4 * 16_000_000 / resource.getpagesize()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 4 * pages


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

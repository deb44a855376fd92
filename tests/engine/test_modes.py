"""Evaluation leaves the networks and random generators as they were."""

import random

import numpy as np
import pytest
import torch
from torch import nn

from genlab.engine.machine import Machine, preserved_randomness, seed_everything
from genlab.engine.modes import evaluating


def draws() -> list[float]:
    """The next number of every global generator."""
    devices = ["cpu"] + ["cuda"] * torch.cuda.is_initialized()
    return [random.random(), np.random.rand(), *(torch.rand((), device=device).item() for device in devices)]


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Sequential(nn.Dropout(0.5)))


def test_randomness_is_preserved():
    seed_everything(5)
    expected = draws()
    seed_everything(5)
    with preserved_randomness():
        seed_everything(99)
        draws()
    assert draws() == expected


def test_randomness_is_preserved_when_something_goes_wrong():
    seed_everything(5)
    expected = draws()
    seed_everything(5)
    with pytest.raises(ZeroDivisionError), preserved_randomness():
        draws()[9 // 0]
    assert draws() == expected


def test_every_submodule_gets_its_mode_back():
    """Modes are restored as they were: a frozen batch norm in a network that trains stays frozen."""
    one, other = network(), network().eval()
    one[1].eval()
    other[2].train()
    before = [module.training for net in (one, other) for module in net.modules()]
    with evaluating((net for net in (one, other)), Machine("cpu")):
        assert not any(module.training for net in (one, other) for module in net.modules())
        assert not one(torch.ones(3, 2)).requires_grad
    assert [module.training for net in (one, other) for module in net.modules()] == before
    with pytest.raises(ZeroDivisionError), evaluating(one, Machine("cpu")):
        1 / 0  # noqa: B018
    assert [module.training for net in (one, other) for module in net.modules()] == before
    assert torch.is_grad_enabled()


def test_a_single_container_is_a_network_not_a_list_of_them():
    net = network()
    with evaluating(net, Machine("cpu")):
        assert not net.training
    assert net.training


@pytest.mark.parametrize("precision", ["32", "bf16"])
def test_the_number_format_is_the_runs(precision):
    """The format applies even inside a context with another."""
    net, wanted = nn.Linear(2, 2), {"32": torch.float32, "bf16": torch.bfloat16}[precision]
    with torch.autocast("cpu", torch.bfloat16), evaluating(net, Machine("cpu", precision)):
        assert net(torch.ones(1, 2)).dtype == wanted


def test_a_seed_decides_and_leaves_the_callers_random_state():
    seen = []
    contexts = [evaluating(network(), Machine("cpu"), seed=3) for _ in range(2)]  # checking types draws numbers, too
    seed_everything(5)
    expected = draws()
    seed_everything(5)
    for context in contexts:
        with context:
            seen.append(draws())
    assert seen[0] == seen[1] != expected
    assert draws() == expected


def test_gradients_can_be_asked_for():
    net, latents = nn.Linear(2, 1), torch.ones(1, 2, requires_grad=True)
    with evaluating(net, Machine("cpu")), torch.enable_grad():
        net(latents).sum().backward()
    assert latents.grad is not None

"""Muon as the engine uses it; `tests/parity/test_muon.py` compares it with torch's."""

import pytest
import torch
from torch import nn

from genlab.engine.checkpoints import load_state, save_state
from genlab.layers.muon import Muon, divided, muon_and_adam, orthogonalise


def test_a_batch_equals_matrix_by_matrix():
    torch.manual_seed(0)
    matrices = torch.randn(5, 12, 20)
    coefficients = (3.4445, -4.775, 2.0315)
    one_by_one = torch.cat([orthogonalise(matrix[None], coefficients, 5, 1e-7) for matrix in matrices])
    torch.testing.assert_close(orthogonalise(matrices, coefficients, 5, 1e-7), one_by_one, rtol=1e-4, atol=1e-5)


def test_it_lowers_a_loss():
    torch.manual_seed(0)
    x, target = torch.randn(64, 8), torch.randn(64, 4)
    layer = nn.Linear(8, 4, bias=False)
    optimizer = Muon(layer.parameters(), lr=0.02, weight_decay=0.0)
    losses = []
    for _ in range(40):
        loss = (layer(x) - target).square().mean()
        layer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    best = (x @ torch.linalg.lstsq(x, target).solution - target).square().mean().item()
    assert losses[-1] - best < 0.2 * (losses[0] - best)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_convolution_is_a_matrix_with_a_row_per_output_channel(layout):
    torch.manual_seed(0)
    start, gradient = torch.randn(6, 4, 3, 3), torch.randn(6, 4, 3, 3)
    kernel = nn.Parameter(start.clone(memory_format=layout))
    kernel.grad = gradient.clone(memory_format=layout)
    matrix = nn.Parameter(start.reshape(6, 36).clone())
    matrix.grad = gradient.reshape(6, 36).clone()
    for weight in (kernel, matrix):
        Muon([weight], lr=0.1, adjust_lr_fn="match_rms_adamw").step()
    torch.testing.assert_close(kernel.reshape(6, 36), matrix)
    assert (kernel != start).all()


def test_weights_without_a_gradient_stay():
    still, moved = nn.Parameter(torch.ones(3, 3)), nn.Parameter(torch.ones(3, 3))
    moved.grad = torch.randn(3, 3)
    Muon([still, moved], lr=0.1).step()
    assert (still == 1).all()
    assert (moved != 1).any()


def test_state_through_a_checkpoint(tmp_path):
    def step(weight: nn.Parameter, optimizer: Muon, seed: int) -> None:
        weight.grad = torch.randn(6, 4, generator=torch.Generator().manual_seed(seed))
        optimizer.step()

    one = nn.Parameter(torch.ones(6, 4))
    first = Muon([one], lr=0.1)
    step(one, first, 0)
    save_state(tmp_path / "resume", 1, {"weight": one.data, "optimizer": first.state_dict()})
    _, saved = load_state(tmp_path / "resume")
    other = nn.Parameter(saved["weight"])
    second = Muon([other], lr=0.5)
    second.load_state_dict(saved["optimizer"])
    step(one, first, 1)
    step(other, second, 1)
    assert torch.equal(one, other)


def test_every_trained_weight_has_one_optimiser():
    """In the order of the network; frozen weights have none, and neither has Muon without matrices."""
    network = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 4), nn.LayerNorm(4), nn.Linear(4, 5))
    network[2].requires_grad_(False)
    matrices, others = divided(network, [network[1].weight])
    rest = [network[0].weight, network[1].bias, *network[3].parameters()]
    assert [id(weight) for weight in matrices + others] == [id(weight) for weight in (network[1].weight, *rest)]
    muon, adam = muon_and_adam(network, [network[1].weight], 0.02, 0.1, 0.004, 0.3)
    assert isinstance(muon, Muon)
    assert isinstance(adam, torch.optim.AdamW)
    assert [id(weight) for weight in adam.param_groups[0]["params"]] == [id(weight) for weight in rest]
    rates = [(one.param_groups[0]["lr"], one.param_groups[0]["weight_decay"]) for one in (muon, adam)]
    assert rates == [(0.02, 0.1), (0.004, 0.3)]
    (alone,) = muon_and_adam(network, [], 0.02, 0.1, 0.004)
    assert len(alone.param_groups[0]["params"]) == 5
    assert alone.param_groups[0]["weight_decay"] == 0

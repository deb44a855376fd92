"""Our Muon compared with torch's: the same state and nearly the same path (torch's runs in bfloat16)."""

import pytest
import torch
from torch import nn

from genlab.layers.muon import POLAR_EXPRESS, Muon, orthogonalise

SHAPES = [(16, 16), (48, 16), (16, 48), (16, 48), (7, 3)]
COEFFICIENTS = (3.4445, -4.775, 2.0315)


def path(optimizer_class, steps: int, **options) -> list[torch.Tensor]:
    """The change of the weights after a few steps with the same random gradients."""
    random = torch.Generator().manual_seed(0)
    weights = [nn.Parameter(torch.randn(shape, generator=random)) for shape in SHAPES]
    start = [weight.detach().clone() for weight in weights]
    optimizer = optimizer_class(weights, lr=0.05, **options)
    for _ in range(steps):
        for weight in weights:
            weight.grad = torch.randn(weight.shape, generator=random) + 0.5
        optimizer.step()
    assert [set(state) for state in optimizer.state.values()] == [{"momentum_buffer"}] * len(SHAPES)
    return [weight.detach() - before for weight, before in zip(weights, start, strict=True)]


def apart(ours: list[torch.Tensor], theirs: list[torch.Tensor]) -> list[float]:
    """Distance of two paths relative to their length, for each matrix."""
    return [((mine - other).norm() / other.norm()).item() for mine, other in zip(ours, theirs, strict=True)]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weight_decay": 0.0},
        {"nesterov": False},
        {"momentum": 0.5, "weight_decay": 0.3},
        {"adjust_lr_fn": "match_rms_adamw"},
        {"ns_steps": 3},
    ],
    ids=str,
)
@pytest.mark.parametrize("steps", [1, 8])
def test_updates(options, steps):
    """bfloat16 costs torch up to 3 %; another rule would be further away."""
    assert max(apart(path(Muon, steps, **options), path(torch.optim.Muon, steps, **options))) < 0.04


@pytest.mark.parametrize("other", [{"nesterov": False}, {"weight_decay": 0.0}, {"momentum": 0.9}], ids=str)
def test_other_rules_are_told_apart(other):
    assert min(apart(path(Muon, 8), path(torch.optim.Muon, 8, **other))) > 0.05


def test_the_iteration_in_double_precision():
    """Compares with a plain Newton-Schulz iteration on float64 copies."""
    torch.manual_seed(0)
    a, b, c = COEFFICIENTS
    for rows, columns in [(12, 30), (30, 12), (9, 9)]:
        matrices = torch.randn(4, rows, columns)
        ours = orthogonalise(matrices, COEFFICIENTS, 5, 1e-7)
        for matrix, direction in zip(matrices, ours, strict=True):
            x = matrix.double() / matrix.double().norm()
            for _ in range(5):
                x = a * x + b * (x @ x.T) @ x + c * (x @ x.T) @ (x @ x.T) @ x
            torch.testing.assert_close(direction, x.float(), rtol=1e-3, atol=1e-4)


def test_singular_values_come_near_one():
    torch.manual_seed(0)
    matrices = torch.randn(3, 20, 50)
    values = torch.linalg.svdvals(orthogonalise(matrices, COEFFICIENTS, 5, 1e-7))
    assert values.min() > 0.5
    assert values.max() < 1.3
    plain = torch.linalg.svd(matrices, full_matrices=False)
    alignment = torch.einsum("bij,bij->b", orthogonalise(matrices, COEFFICIENTS, 5, 1e-7), plain.U @ plain.Vh) / 20
    assert (alignment > 0.8).all()


def test_a_zero_gradient_moves_nothing():
    weight = nn.Parameter(torch.ones(4, 4))
    weight.grad = torch.zeros(4, 4)
    Muon([weight], lr=0.1, weight_decay=0.0).step()
    assert (weight == 1).all()


def test_state_dicts_fit_both_ways():
    weight = nn.Parameter(torch.ones(4, 4))
    weight.grad = torch.randn(4, 4)
    ours = Muon([weight], lr=0.1)
    ours.step()
    theirs = torch.optim.Muon([weight], lr=0.1)
    theirs.load_state_dict(ours.state_dict())
    again = Muon([weight], lr=0.1)
    again.load_state_dict(theirs.state_dict())
    assert torch.equal(again.state[weight]["momentum_buffer"], ours.state[weight]["momentum_buffer"])


def test_polar_express_is_near_to_torchs_five_iterations_in_three():
    """Of matrices with the spectrum that momentum has in a GPT: half of the singular values below 0.03."""
    torch.manual_seed(0)
    left, right = torch.linalg.qr(torch.randn(8, 64, 64))[0], torch.linalg.qr(torch.randn(8, 64, 64))[0]
    values = torch.logspace(-0.4, -2.4, 64)
    matrices, exact = left @ torch.diag(values) @ right, left @ right

    def alike(directions: torch.Tensor) -> float:
        return torch.cosine_similarity(directions.flatten(1), exact.flatten(1)).mean().item()

    ours = orthogonalise(matrices, POLAR_EXPRESS, 5, 1e-7)
    three, five = (alike(orthogonalise(matrices, COEFFICIENTS, steps, 1e-7)) for steps in (3, 5))
    assert three + 0.5 * (five - three) < alike(ours) < 1
    assert torch.linalg.svdvals(ours).max() < 1.3

import pytest
import torch

from genlab.layers.dropout import Dropout


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.9])
def test_it_drops_the_share_and_keeps_the_mean(share):
    x = torch.ones(1001, 999)
    dropped = Dropout(share)(x)
    assert (dropped == 0).float().mean() == pytest.approx(share, abs=0.004)
    assert dropped.mean() == pytest.approx(1, abs=0.01)
    assert len(dropped.unique()) == 2


def test_places_are_dropped_independently():
    """Neighbours share a draw of 64 bits, yet are independent."""
    dropped = (Dropout(0.5)(torch.ones(400_000)) == 0).view(-1, 16).float()
    together = dropped.T @ dropped / len(dropped)
    assert (together - torch.eye(16) * 0.25 - 0.25).abs().max() < 0.015


def test_only_in_training():
    x, layer = torch.randn(5, 7), Dropout(0.5)
    assert not torch.equal(layer(x), layer(x))
    layer.eval()
    assert torch.equal(layer(x), x)
    assert torch.equal(Dropout(0.0)(x), x)


def test_gradient_is_that_of_what_was_kept():
    x = torch.randn(33, 5, requires_grad=True)
    y = Dropout(0.25)(x)
    y.sum().backward()
    torch.testing.assert_close(x.grad * x, y)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_number_format_stays(kind):
    assert Dropout(0.25)(torch.ones(8, dtype=kind)).dtype == kind

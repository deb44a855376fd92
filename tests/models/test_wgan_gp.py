"""The Wasserstein losses and the penalty on straight lines."""

import pytest
import torch

from genlab.models.wgan_gp import critic_loss, generator_loss, interpolated_gradient_penalty


def test_losses_by_hand():
    real, fake = torch.tensor([3.0, 1.0]), torch.tensor([-1.0, 0.0])
    assert critic_loss(real, fake) == pytest.approx(-2.5)
    assert generator_loss(fake) == pytest.approx(0.5)


@pytest.mark.parametrize("length", [0.0, 1.0, 3.0])
def test_penalty_of_a_linear_critic(length):
    """Its gradient is its weight everywhere."""
    weight = torch.zeros(1, 4, 4)
    weight[0, 1, 2] = length
    real, fake = torch.randn(5, 1, 4, 4), torch.randn(5, 1, 4, 4)
    penalty = interpolated_gradient_penalty(lambda x: (x * weight).sum((1, 2, 3)), real, fake)
    assert penalty.item() == pytest.approx((length - 1) ** 2, abs=1e-6)


def test_penalty_looks_between_real_and_fake():
    """Of the critic |x|²/2 the gradient's length is the distance from the origin."""
    torch.manual_seed(0)
    real, fake = torch.full((2000, 1), 2.0), torch.full((2000, 1), 4.0)
    penalty = interpolated_gradient_penalty(lambda x: 0.5 * x.square().sum(1), real, fake)
    # the mean of (u - 1)² for u evenly in [2, 4]
    assert penalty.item() == pytest.approx((3**3 - 1) / 3 / 2, rel=0.05)


def test_penalty_trains_the_critic_and_nothing_behind_the_content():
    scale = torch.tensor(2.0, requires_grad=True)
    fake = scale * torch.randn(3, 2)
    weight = torch.ones(2, requires_grad=True)
    interpolated_gradient_penalty(lambda x: x @ weight, torch.randn(3, 2), fake).backward()
    assert weight.grad.abs().sum() > 0
    assert scale.grad is None

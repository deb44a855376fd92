"""The GAN's losses and penalty, on points and pictures."""

import math

import pytest
import torch
from torch import nn

from genlab.models.dcgan import DCDiscriminator
from genlab.models.gan import (
    GAN,
    Discriminator,
    Generator,
    classic_discriminator_loss,
    classic_generator_loss,
    gradient_penalty,
    relativistic_discriminator_loss,
    relativistic_generator_loss,
)
from genlab.models.points_gan import PointDiscriminator, PointGenerator
from genlab.models.wgan_gp import critic_loss

REAL = torch.tensor([1.0, -2.0, 0.5])
FAKE = torch.tensor([0.0, 1.0, 0.5])


def softplus(x: float) -> float:
    return math.log(1 + math.exp(x))


def gan() -> GAN:
    torch.manual_seed(0)
    return GAN(PointGenerator(3, 16, 2), PointDiscriminator(2, 16, 2))


@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize("octaves", [0, 3])
def test_shapes(batch: int, octaves: int) -> None:
    both = GAN(PointGenerator(5, 8, 1), PointDiscriminator(octaves, 8, 3))
    points = both(torch.randn(batch, 5))
    assert points.shape == (batch, 2)
    assert both.score(points).shape == (batch,)


def test_scores_may_come_with_or_without_a_last_axis() -> None:
    class Sum(nn.Module):
        def forward(self, points: torch.Tensor) -> torch.Tensor:
            return points.sum(1)

    points = torch.randn(4, 2)
    flat = GAN(nn.Identity(), Sum()).score(points)
    linear = nn.Linear(2, 1, bias=False)
    nn.init.ones_(linear.weight)
    torch.testing.assert_close(flat, GAN(nn.Identity(), linear).score(points))


def test_relativistic_losses_by_hand() -> None:
    pairs = [(1.0, 0.0), (-2.0, 1.0), (0.5, 0.5)]
    of_discriminator = sum(softplus(fake - real) for real, fake in pairs) / 3
    of_generator = sum(softplus(real - fake) for real, fake in pairs) / 3
    assert relativistic_discriminator_loss(REAL, FAKE).item() == pytest.approx(of_discriminator, rel=1e-6)
    assert relativistic_generator_loss(REAL, FAKE).item() == pytest.approx(of_generator, rel=1e-6)


def test_classic_losses_by_hand() -> None:
    sigmoid = lambda x: 1 / (1 + math.exp(-x))
    real = -sum(math.log(sigmoid(score)) for score in REAL.tolist()) / 3
    fake = -sum(math.log(1 - sigmoid(score)) for score in FAKE.tolist()) / 3
    assert classic_discriminator_loss(REAL, FAKE).item() == pytest.approx(real + fake, rel=1e-6)
    fooled = -sum(math.log(sigmoid(score)) for score in FAKE.tolist()) / 3
    assert classic_generator_loss(REAL, FAKE).item() == pytest.approx(fooled, rel=1e-6)


@pytest.mark.parametrize(
    "loss",
    [
        relativistic_discriminator_loss, relativistic_generator_loss, classic_discriminator_loss,
        classic_generator_loss, critic_loss,
    ],
)  # fmt: skip
def test_losses_are_computed_in_float32(loss) -> None:
    """From scores of 16 bits too: the mean of 1,000 of them, and their differences, keep their digits."""
    real, fake = (torch.rand(1000) + 30).bfloat16(), (torch.rand(1000) + 30).bfloat16()
    found = loss(real, fake)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, loss(real.double(), fake.double()).float(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["pictures", "textbook", "points", "custom"])
def test_large_scores_keep_small_differences_under_autocast(kind) -> None:
    """In bfloat16 scores around 30 are multiples of 0.125."""
    torch.manual_seed(0)
    if kind == "pictures":
        both, content = GAN(nn.Identity(), Discriminator(1, 16, 8)), torch.randn(64, 1, 16, 16)
        last = both.discriminator.down.out
    elif kind == "textbook":
        both, content = GAN(nn.Identity(), DCDiscriminator(1, 16).eval()), 300 * torch.randn(64, 1, 16, 16)
        last = both.discriminator.layers[-1]
    elif kind == "points":
        both, content = GAN(nn.Identity(), PointDiscriminator(2, 16, 2)), torch.randn(64, 2)
        last = both.discriminator.judge.out
    else:
        last = nn.Linear(2, 1)
        both, content = GAN(nn.Identity(), last), torch.randn(64, 2)
    last.weight.data.mul_(0.03)
    last.bias.data.fill_(30.0)
    expected = both.score(content).detach()
    with torch.autocast("cpu", torch.bfloat16):
        scores = both.score(content).detach()
    assert scores.dtype == torch.float32
    if kind != "custom":  # a custom network rounds its own scores
        torch.testing.assert_close(scores - 30, expected - 30, rtol=0.1, atol=0.003)
        assert len(scores.unique()) > 50


def test_relativistic_losses_see_only_differences_and_swap_roles() -> None:
    moved = relativistic_discriminator_loss(REAL + 5, FAKE + 5)
    torch.testing.assert_close(moved, relativistic_discriminator_loss(REAL, FAKE))
    torch.testing.assert_close(relativistic_generator_loss(REAL, FAKE), relativistic_discriminator_loss(FAKE, REAL))
    assert relativistic_discriminator_loss(REAL, REAL).item() == pytest.approx(math.log(2))
    assert not torch.isclose(classic_discriminator_loss(REAL + 5, FAKE + 5), classic_discriminator_loss(REAL, FAKE))


def test_penalty_of_a_linear_discriminator_is_its_squared_weight() -> None:
    linear = nn.Linear(2, 1)
    linear.weight.data = torch.tensor([[3.0, -4.0]])
    score = GAN(nn.Identity(), linear).score
    scores, penalty = gradient_penalty(score, torch.randn(6, 2))
    assert scores.shape == (6,)
    assert penalty.item() == pytest.approx(25.0)
    penalty.backward()
    torch.testing.assert_close(linear.weight.grad, torch.tensor([[6.0, -8.0]]))


def test_penalty_of_a_paraboloid() -> None:
    points = torch.randn(6, 2, requires_grad=True)
    scores, penalty = gradient_penalty(lambda p: p.square().sum(1), points)
    torch.testing.assert_close(scores, points.square().sum(1))
    torch.testing.assert_close(penalty, 4 * points.square().sum(1).mean())


def test_penalty_stops_at_the_points() -> None:
    both = gan()
    scores, penalty = gradient_penalty(both.score, both(torch.randn(4, 3)))
    (scores.mean() + penalty).backward()
    assert all(weight.grad is None for weight in both.generator.parameters())
    assert all(
        weight.grad is not None for name, weight in both.discriminator.named_parameters() if "out.bias" not in name
    )


@pytest.mark.parametrize(
    ("discriminator_loss", "generator_loss"),
    [
        (relativistic_discriminator_loss, relativistic_generator_loss),
        (classic_discriminator_loss, classic_generator_loss),
    ],
)
def test_every_parameter_gets_a_gradient(discriminator_loss, generator_loss) -> None:
    both = gan()
    real, fake = torch.randn(32, 2), both(torch.randn(32, 3))
    loss = discriminator_loss(both.score(real), both.score(fake.detach()))
    loss.backward()
    relative = discriminator_loss is relativistic_discriminator_loss
    for name, weight in both.discriminator.named_parameters():
        # a relativistic discriminator's last bias cancels: only differences of scores count
        cancels = relative and name.endswith("out.bias")
        assert weight.grad.abs().max() < 1e-6 if cancels else weight.grad.abs().max() > 1e-6, name
    generator_loss(both.score(real).detach(), both.score(fake)).backward()
    for name, weight in both.generator.named_parameters():
        assert weight.grad.abs().max() > 1e-6, name


def test_networks_of_pictures() -> None:
    torch.manual_seed(0)
    both = GAN(Generator(6, 3, 16, 8, classes=4), Discriminator(3, 16, 8, classes=4))
    labels = torch.tensor([0, 1, 2, 3, 0])
    latents = torch.randn(5, 6)
    pictures = both(latents, labels)
    assert pictures.shape == (5, 3, 16, 16)
    assert both.score(pictures, labels).shape == (5,)
    assert not torch.equal(both(latents, labels.roll(1)), pictures)
    assert not torch.equal(both.score(pictures, labels.roll(1)), both.score(pictures, labels))
    plain = GAN(Generator(6, 3, 16, 8), Discriminator(3, 16, 8))
    assert plain.score(plain(latents)).shape == (5,)


def test_penalty_of_pictures_is_the_squared_length_over_all_pixels() -> None:
    weight = torch.randn(2, 4, 4)
    _, penalty = gradient_penalty(lambda x: (x * weight).sum((1, 2, 3)), torch.randn(3, 2, 4, 4))
    torch.testing.assert_close(penalty, weight.square().sum())

"""The networks of points in the plane."""

import math

import numpy as np
import torch
from torch import nn

from genlab.models.gan import GAN
from genlab.models.points_gan import MLP, FourierFeatures, PointDiscriminator, PointGenerator, Scale, sample


def gan() -> GAN:
    torch.manual_seed(0)
    return GAN(PointGenerator(3, 16, 2), PointDiscriminator(2, 16, 2))


def test_mlp_is_linear_leaky_relu_linear() -> None:
    net = MLP(2, 1, 3, 1)
    x = torch.randn(5, 2)
    (hidden,) = net.hidden
    assert isinstance(hidden, nn.Linear)
    inner = x @ hidden.weight.T + hidden.bias
    inner = torch.where(inner > 0, inner, 0.2 * inner)
    torch.testing.assert_close(net(x), inner @ net.out.weight.T + net.out.bias)


def test_a_fresh_generator_covers_the_standardised_plane() -> None:
    torch.manual_seed(0)
    points = sample(PointGenerator(4, 64, 5), 4000, 4, torch.Generator().manual_seed(0))
    torch.testing.assert_close(points.T.cov(), torch.eye(2), atol=0.3, rtol=0)


def test_waves_keep_the_point_and_double_the_frequency() -> None:
    x, y = 0.3, -1.1
    expected = [x, y]
    expected += [math.sin(f * c) for c in (x, y) for f in (1, 2, 4)] + [
        math.cos(f * c) for c in (x, y) for f in (1, 2, 4)
    ]
    torch.testing.assert_close(FourierFeatures(3)(torch.tensor([[x, y]])), torch.tensor([expected]))


def test_scale_is_a_multiple_and_a_shift() -> None:
    scale = Scale()
    scale.set(np.array([1.0, -2.0]), 3.0)
    torch.testing.assert_close(scale(torch.ones(1, 2)), torch.tensor([[4.0, 1.0]], dtype=torch.float64))


def test_same_seed_same_sample() -> None:
    both = gan()
    draw = lambda seed, rows: sample(both.generator, 10, 3, torch.Generator().manual_seed(seed), rows)
    assert torch.equal(draw(1, 100), draw(1, 100))
    assert not torch.equal(draw(1, 100), draw(2, 100))
    assert draw(1, 4).shape == (10, 2)

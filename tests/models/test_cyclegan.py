"""The CycleGAN's networks, compared with the paper's, and its pool of earlier pictures."""

import pytest
import torch
from torch import nn

from genlab.errors import InputError
from genlab.models.cyclegan import (
    POOL,
    PatchDiscriminator,
    Pool,
    ResNetGenerator,
    TwoGenerators,
    least_squares,
)


def weights(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def test_generator_and_discriminator_have_the_published_size():
    """As the authors' code prints them for 128 pixels: 7.84 and 2.76 million."""
    assert weights(ResNetGenerator(3, 64, 6)) / 1e6 == pytest.approx(7.84, abs=0.005)
    assert weights(PatchDiscriminator(3, 128, 64)) / 1e6 == pytest.approx(2.76, abs=0.01)


def test_shapes_and_receptive_field():
    discriminator = PatchDiscriminator(1, 128, 4)
    assert ResNetGenerator(1, 4, 1)(torch.zeros(2, 1, 24, 24)).shape == (2, 1, 24, 24)
    pictures = torch.randn(1, 1, 128, 128, requires_grad=True)
    for layer in discriminator.modules():
        if isinstance(layer, nn.InstanceNorm2d):  # its statistics see the whole picture
            layer.forward = lambda x: x
    scores = discriminator(pictures)
    assert scores.shape == (1, 1, 14, 14)
    scores[0, 0, 7, 7].backward()
    seen = pictures.grad[0, 0] != 0
    assert seen.any(0).sum() == seen.any(1).sum() == 70


@pytest.mark.parametrize("side", [16, 30])
def test_sides_that_its_layers_cannot_halve_are_refused(side):
    with pytest.raises(InputError, match="multiple of 4, from 24"):
        PatchDiscriminator(3, side, 4)


def test_each_picture_goes_to_the_look_that_the_change_names():
    class Add(nn.Module):
        def __init__(self, amount: float) -> None:
            super().__init__()
            self.amount = amount

        def forward(self, x):
            return x + self.amount

    both = TwoGenerators(to_first=Add(1), to_second=Add(10))
    change = torch.tensor([[1.0, -1], [-1, 1], [0, 0]])
    assert both(torch.zeros(3, 1, 2, 2), change)[:, 0, 0, 0].tolist() == [1, 10, 0]


def test_least_squares_by_hand():
    assert least_squares(torch.tensor([[[[1.0, 3.0]]]]), 1.0).item() == pytest.approx(2.0)
    assert least_squares(torch.tensor([[[[1.0, 3.0]]]]), 0.0).item() == pytest.approx(5.0)


def test_a_pool_returns_earlier_pictures_about_half_of_the_time():
    torch.manual_seed(0)
    pool = Pool((1, 1, 1))
    numbered = torch.arange(400.0)[:, None, None, None]
    returned = pool.exchange(numbered)[:, 0, 0, 0]
    assert torch.equal(returned[:POOL], torch.arange(float(POOL)))
    earlier = (returned[POOL:] < torch.arange(float(POOL), 400)).float().mean()
    assert 0.4 < earlier < 0.6
    assert len(set(returned[POOL:].tolist())) == 400 - POOL  # each leaves at most once

"""The networks between vectors and pictures."""

import pytest
import torch
import torch.nn.functional as F

from genlab.errors import InputError
from genlab.layers.pyramid import SLOPE, Downsampler, UpsampleConv2d, Upsampler, channels_by_level


@pytest.mark.parametrize("detail", [False, True])
@pytest.mark.parametrize(("pixels", "channels"), [(8, 1), (16, 3), (32, 1), (64, 3)])
def test_shapes(pixels, channels, detail):
    pictures = Upsampler(5, channels, pixels, 8, detail)(torch.randn(2, 5))
    assert pictures.shape == (2, channels, pixels, pixels)
    assert Downsampler(channels, pixels, 8, 7, detail)(pictures).shape == (2, 7)


def test_with_detail_the_vectors_act_at_every_resolution():
    """Vectors that differ only in a number that the lowest resolution ignores make different pictures."""
    torch.manual_seed(0)
    network = Upsampler(5, 3, 32, 8, detail=True)
    one, other = torch.zeros(1, 5), torch.zeros(1, 5)
    other[0, 4] = 1
    torch.nn.init.zeros_(network.start.weight[:, 4])
    torch.nn.init.normal_(network.start.bias)
    assert len(network.scales) == 3
    for index in range(3):
        with torch.no_grad():
            kept = network.scales[index].weight.clone()
            alone = network(other) - network(one)
            network.scales[index].weight.zero_()
            without = network(other) - network(one)
            network.scales[index].weight.copy_(kept)
        assert (alone - without).abs().max() > 1e-3


def test_with_detail_the_discriminator_sees_single_pixels_first():
    assert Downsampler(3, 32, 16, 1, detail=True).full.kernel_size == (3, 3)
    assert Downsampler(3, 32, 16, 1, detail=True).full.stride == (1, 1)
    assert Downsampler(3, 32, 16, 1).full is None


def test_features_double_towards_the_smallest_maps_up_to_a_limit():
    assert channels_by_level(32, 16) == [64, 32, 16]
    assert channels_by_level(512, 4) == [64, 64, 64, 32, 16, 8, 4]


@pytest.mark.parametrize("pixels", [4, 24, 33])
def test_other_sides_are_refused(pixels):
    with pytest.raises(InputError, match=f"pixels: {pixels} cannot be used.*power of 2") as error:
        channels_by_level(pixels, 8)
    assert error.value.field == "pixels"


def test_the_last_step_up_repeats_places_and_then_convolves():
    torch.manual_seed(0)
    step = Upsampler(3, 1, 16, 8).steps[-1]
    assert isinstance(step, UpsampleConv2d)
    torch.nn.init.normal_(step.bias)
    x = torch.randn(2, 8, 4, 4)
    repeated = F.interpolate(x, scale_factor=2, mode="nearest")
    torch.testing.assert_close(step(x), F.conv2d(repeated, step.weight, step.bias, padding=1), rtol=1e-4, atol=1e-4)
    flat = step(x[:, :, :1, :1].expand(-1, -1, 4, 4))[:, :, 1:-1, 1:-1]
    torch.testing.assert_close(flat, flat[:, :, :1, :1].expand_as(flat), rtol=1e-4, atol=1e-4)


def test_a_fresh_step_up_is_one_as_well():
    torch.manual_seed(0)
    step = Upsampler(3, 1, 16, 8).steps[0]
    flat = step(torch.randn(2, step.in_channels, 1, 1).expand(-1, -1, 4, 4))[:, :, 1:-1, 1:-1]
    torch.testing.assert_close(flat, flat[:, :, :1, :1].expand_as(flat), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("detail", [False, True])
def test_variances_stay_near_one_through_fresh_networks(detail):
    torch.manual_seed(0)
    pictures = Upsampler(64, 1, 32, 16, detail)(torch.randn(64, 64))
    assert 0.3 < pictures.std() < 3
    scores = Downsampler(1, 32, 16, 1, detail)(torch.randn(64, 1, 32, 32))
    assert 0.3 < scores.std() < 3
    assert SLOPE == 0.2

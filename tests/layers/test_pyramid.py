"""The networks between vectors and pictures."""

import pytest
import torch
import torch.nn.functional as F

from genlab.errors import InputError
from genlab.layers.pyramid import SLOPE, Downward, Upward, features_of


@pytest.mark.parametrize(("pixels", "channels"), [(8, 1), (16, 3), (32, 1), (64, 3)])
def test_shapes(pixels, channels):
    pictures = Upward(5, channels, pixels, 8)(torch.randn(2, 5))
    assert pictures.shape == (2, channels, pixels, pixels)
    assert Downward(channels, pixels, 8, 7)(pictures).shape == (2, 7)


def test_features_double_towards_the_smallest_maps_up_to_a_limit():
    assert features_of(32, 16) == [64, 32, 16]
    assert features_of(512, 4) == [64, 64, 64, 32, 16, 8, 4]


@pytest.mark.parametrize("pixels", [4, 24, 33])
def test_other_sides_are_refused(pixels):
    with pytest.raises(InputError, match=f"pixels: {pixels} cannot be used.*power of 2") as error:
        features_of(pixels, 8)
    assert error.value.field == "pixels"


def test_a_fresh_step_up_repeats_places_and_then_convolves():
    """Each output of the 4 x 4 transposed convolution is that of a 3 x 3 one over repeated places."""
    torch.manual_seed(0)
    step = Upward(3, 1, 16, 8).steps[0]
    x = torch.randn(2, step.in_channels, 4, 4)
    repeated = F.interpolate(x, scale_factor=2, mode="nearest")
    # the 3 x 3 kernel, from the answer to a single lit place repeated two by two
    with torch.no_grad():
        kernel = torch.zeros(step.out_channels, step.in_channels, 3, 3)
        weight = step.weight  # [in, out, 4, 4], the sum of four shifted copies of the flipped kernel
        kernel[:, :, 2, 2] = weight[:, :, 0, 0].T
        kernel[:, :, 2, 1] = weight[:, :, 0, 1].T - kernel[:, :, 2, 2]
        kernel[:, :, 2, 0] = weight[:, :, 0, 2].T - kernel[:, :, 2, 1]
        kernel[:, :, 1, 2] = weight[:, :, 1, 0].T - kernel[:, :, 2, 2]
        kernel[:, :, 0, 2] = weight[:, :, 2, 0].T - kernel[:, :, 1, 2]
        kernel[:, :, 1, 1] = weight[:, :, 1, 1].T - kernel[:, :, 1, 2] - kernel[:, :, 2, 1] - kernel[:, :, 2, 2]
        kernel[:, :, 1, 0] = weight[:, :, 1, 2].T - kernel[:, :, 1, 1] - kernel[:, :, 2, 0] - kernel[:, :, 2, 1]
        kernel[:, :, 0, 1] = weight[:, :, 2, 1].T - kernel[:, :, 0, 2] - kernel[:, :, 1, 1] - kernel[:, :, 1, 2]
        kernel[:, :, 0, 0] = weight[:, :, 2, 2].T - kernel[:, :, 0, 1] - kernel[:, :, 1, 0] - kernel[:, :, 1, 1]
        torch.testing.assert_close(step(x), F.conv2d(repeated, kernel, padding=1), rtol=1e-4, atol=1e-4)


def test_variances_stay_near_one_through_fresh_networks():
    torch.manual_seed(0)
    pictures = Upward(64, 1, 32, 16)(torch.randn(64, 64))
    assert 0.3 < pictures.std() < 3
    scores = Downward(1, 32, 16, 1)(torch.randn(64, 1, 32, 32))
    assert 0.3 < scores.std() < 3
    assert SLOPE == 0.2

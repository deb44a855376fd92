"""Bits per dimension, by hand."""

import math

import numpy as np
import pytest
import torch

from genlab.metrics.likelihood import LEVELS, SPACING, bits_per_dimension, dequantised, independent_pixels


def test_a_uniform_density_needs_eight_bits():
    densities = torch.full((3,), -12 * math.log(LEVELS * SPACING))
    assert bits_per_dimension(densities, 12).tolist() == pytest.approx([8.0] * 3)
    assert bits_per_dimension(densities + 12 * math.log(2), 12).tolist() == pytest.approx([7.0] * 3)


def test_the_noise_is_of_one_level():
    levels = torch.full((10, 1, 8, 8), 0.2)
    noisy = dequantised(levels, torch.Generator().manual_seed(0))
    assert (noisy - levels).abs().max() <= SPACING / 2
    assert (noisy - levels).std().item() == pytest.approx(SPACING / 12**0.5, rel=0.1)
    assert (noisy - levels).mean().item() == pytest.approx(0, abs=SPACING / 20)


@pytest.mark.parametrize("block", [1, 2, 1000])
def test_independent_pixels_by_hand(monkeypatch, block):
    monkeypatch.setattr("genlab.metrics.likelihood.BLOCK", block)
    train = np.array([[5, 7], [5, 200], [5, 7]], np.uint8).reshape(3, 1, 2, 1)
    pictures = np.array([[5, 9], [5, 7]], np.uint8).reshape(2, 1, 2, 1)
    shares = np.array([4, 1, 4, 3]) / (3 + 256)
    assert independent_pixels(train, pictures) == pytest.approx(-np.log2(shares).mean())

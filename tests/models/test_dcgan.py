"""The baseline has the customary sizes and behaves as expected."""

import pytest
import torch
from torch import nn

from genlab.models.dcgan import DCDiscriminator, DCGenerator


@pytest.mark.parametrize(("pixels", "channels", "classes"), [(32, 1, 0), (16, 3, 4), (20, 1, 0)])
def test_shapes_and_range(pixels, channels, classes):
    torch.manual_seed(0)
    labels = (torch.arange(4) % classes,) if classes else ()
    pictures = DCGenerator(10, channels, pixels, classes)(torch.randn(4, 10), *labels)
    assert pictures.shape == (4, channels, pixels, pixels)
    assert pictures.abs().max() <= 1
    assert DCDiscriminator(channels, pixels, classes)(pictures, *labels).shape == (4, 1)


def test_sizes_are_the_customary_ones():
    """Counted by hand: weights, biases and norms of the layers at 32 x 32 with latents of 100."""
    generator = 100 * 8192 + 8192 + 2 * 128 + (128 * 128 * 9 + 128) + 2 * 128 + (128 * 64 * 9 + 64) + 2 * 64
    generator += 64 * 9 + 1
    discriminator = (16 * 9 + 16) + sum(
        before * after * 9 + after + 2 * after for before, after in ((16, 32), (32, 64), (64, 128))
    )
    discriminator += 128 * 4 + 1
    for network, count in ((DCGenerator(100, 1, 32), generator), (DCDiscriminator(1, 32), discriminator)):
        assert sum(weight.numel() for weight in network.parameters()) == count


def test_weights_start_small():
    torch.manual_seed(0)
    for layer in DCDiscriminator(1, 32).modules():
        if isinstance(layer, nn.Conv2d) and layer.weight.numel() > 1000:
            assert layer.weight.std().item() == pytest.approx(0.02, rel=0.1)

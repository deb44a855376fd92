"""Differentiable augmentation."""

import pytest
import torch

from genlab.layers.diff_augment import cutout, diff_augment, jitter, shift


@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_and_gradients(channels):
    torch.manual_seed(0)
    pictures = torch.randn(6, channels, 16, 16, requires_grad=True)
    changed = diff_augment(pictures)
    assert changed.shape == pictures.shape
    changed.sum().backward()
    assert pictures.grad.isfinite().all()
    assert pictures.grad.abs().sum() > 0


def test_shift_moves_each_picture_by_whole_places_of_its_own():
    torch.manual_seed(0)
    pictures = torch.zeros(50, 1, 16, 16)
    pictures[:, :, 8, 8] = 1
    places = [tuple(found.tolist()) for found in shift(pictures)[:, 0].nonzero()[:, 1:]]
    assert len(places) == 50
    assert all(6 <= row <= 10 and 6 <= column <= 10 for row, column in places)
    assert len(set(places)) > 10
    assert torch.equal(shift(torch.ones(3, 1, 16, 16)), torch.ones(3, 1, 16, 16))  # the border is repeated


def test_cutout_greys_one_square():
    torch.manual_seed(0)
    kept = cutout(torch.ones(200, 2, 16, 16))
    assert set(kept.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(kept[:, 0], kept[:, 1])
    missing = (1 - kept[:, 0]).sum((1, 2))
    assert missing.max() == 64
    assert missing.min() >= 16
    gone = (1 - kept[0, 0]).nonzero()
    rows, columns = gone[:, 0].unique(), gone[:, 1].unique()
    assert len(gone) == len(rows) * len(columns)


def test_jitter_keeps_a_grey_pictures_shape():
    torch.manual_seed(0)
    pictures = torch.rand(20, 1, 8, 8) - 0.5
    changed = jitter(pictures)
    for before, after in zip(pictures.flatten(1), changed.flatten(1), strict=True):
        assert torch.corrcoef(torch.stack((before, after)))[0, 1] > 0.999
    assert (changed.mean((1, 2, 3)) - pictures.mean((1, 2, 3))).abs().max() <= 0.5

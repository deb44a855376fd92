"""Pixels as bytes and numbers, and pictures given as arrays."""

import numpy as np
import pytest
import torch
from PIL import Image

from genlab.data.pictures.image_decoding import decode
from genlab.data.pictures.pixels import commonest_colours, notes_on_numbers, picture_rows, to_bytes, to_tensor
from genlab.errors import InputError
from tests.data.made import encoded, noise


def test_bytes_and_numbers_round_trip() -> None:
    pixels = noise(0)[None]
    numbers = to_tensor(pixels)
    assert numbers.shape == (1, 3, 20, 20)
    assert numbers.min() >= -1
    assert numbers.max() <= 1
    assert np.array_equal(to_bytes(numbers), pixels)


@pytest.mark.parametrize("channels", [1, 3])
def test_arrays_in_all_layouts(channels: int) -> None:
    pixels = np.stack([noise(seed, channels=channels) for seed in range(2)])
    numbers = to_tensor(pixels)
    given = [pixels, torch.from_numpy(pixels), pixels.astype(np.int64), numbers, numbers.numpy(), list(pixels)]
    given += [numbers.permute(0, 2, 3, 1), numbers.double()]
    if channels == 1:
        given += [pixels[..., 0], numbers[:, 0]]
    for one in given:
        assert np.array_equal(picture_rows(one, 20, channels), pixels)
    assert np.array_equal(picture_rows(pixels[0], 20, channels), pixels[:1])


def test_arrays_of_another_size_or_depth_are_brought_to_the_runs_own() -> None:
    pixels = noise(0, side=30)
    from_file = decode(encoded(Image.fromarray(pixels)), 16)
    assert np.array_equal(picture_rows(pixels, 16, 3)[0], from_file)
    grey = picture_rows(noise(0, channels=1), 20, 3)
    assert (grey == grey[..., :1]).all()
    assert picture_rows(noise(0), 20, 1).shape == (1, 20, 20, 1)


@pytest.mark.parametrize(
    "data",
    [
        np.zeros(5),
        np.zeros((2, 20, 20, 4)),
        np.zeros((20, 20, 4), np.uint8),
        np.zeros((20, 20, 2), np.uint8),
        np.zeros((0, 20, 20, 1)),
        np.zeros((1, 1, 1, 1, 1)),
        np.full((1, 20, 20, 1), np.nan),
        np.full((1, 20, 20, 1), 3.5),
        np.full((1, 20, 20, 1), 256),
        np.full((1, 20, 20, 1), -1),
        np.full((1, 20, 20, 1), "x"),
        [noise(0), noise(1, side=21)],
        None,
        [],
        {"a": 1},
    ],
    ids=lambda data: f"{getattr(data, 'dtype', '')}{getattr(data, 'shape', type(data))}",
)
def test_arrays_that_are_no_pictures(data) -> None:
    with pytest.raises(
        InputError, match=r"give an array \(number, height, width, 3\) of bytes, or of numbers in"
    ) as error:
        picture_rows(data, 20, 3)
    assert error.value.field == "data"


def test_numbers_from_0_to_1_get_a_note() -> None:
    unit = noise(0).astype(np.float32) / 255
    for pictures in ([unit], [torch.from_numpy(unit)], [unit.tolist(), noise(1)], [unit, np.zeros((20, 20, 3))]):
        (note,) = notes_on_numbers(pictures)
        assert note.startswith("all numbers of the pictures are from 0 to 1 (0 to 1), but -1 is black")
    for pictures in ([noise(0)], [2 * unit - 1], [unit, 2 * unit - 1], [np.full((4, 4), 0.5)], [None, "x"], []):
        assert notes_on_numbers(pictures) == []


def test_share_of_the_commonest_colours() -> None:
    pixels = np.zeros((1, 2, 5, 3), np.uint8)
    pixels[0, 0, :3, 2] = 1  # differs in its last channel only
    pixels[0, 0, 3] = 7
    assert [commonest_colours(pixels, count)[1].sum() for count in (1, 2, 3, 50)] == pytest.approx([0.6, 0.9, 1.0, 1.0])
    assert commonest_colours(pixels[..., :1], 1)[1].sum() == pytest.approx(0.9)
    assert commonest_colours(noise(0)[None], 64)[1].sum() < 0.2
    colours, shares = commonest_colours(pixels, 2)
    assert shares.tolist() == pytest.approx([0.6, 0.3])
    assert [((pixels == colour).all(3)).mean() for colour in colours] == pytest.approx(shares)

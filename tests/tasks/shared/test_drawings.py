"""A sample of pixels distinguishes drawings from photographs."""

import tracemalloc

import numpy as np
import pytest

from genlab.data.pictures.picture_set import PictureSplit
from genlab.tasks.shared import drawings
from genlab.tasks.shared.drawings import are_drawings, are_photographs
from tests.data.made import noise


def split(pictures: np.ndarray) -> PictureSplit:
    return PictureSplit(pictures, np.arange(len(pictures)), None, [])


@pytest.mark.parametrize("side", [16, 128])
def test_few_colours_make_a_drawing(side):
    flat = np.stack([np.full((side, side, 3), 10 * number, np.uint8) for number in range(20)])
    noisy = np.stack([noise(number, side) for number in range(20)])
    assert (are_drawings(split(flat)), are_photographs(split(flat))) == (True, False)
    assert (are_drawings(split(noisy)), are_photographs(split(noisy))) == (False, True)
    grey = split(noisy[..., :1])
    assert not are_drawings(grey)
    assert not are_photographs(grey)


def test_a_thousand_pictures_from_first_to_last_are_enough(monkeypatch):
    """Of 1,999, every second one is: where classes are in order, the first thousand would be of few classes."""
    seen = []
    shares = np.zeros(1)
    monkeypatch.setattr(drawings, "commonest_colours", lambda pixels, count: (seen.append(pixels), shares))
    numbers = np.stack([np.arange(1999) >> 8, np.arange(1999) & 255, np.zeros(1999)], 1).astype(np.uint8)
    are_drawings(split(np.broadcast_to(numbers[:, None, None], (1999, 8, 8, 3))))
    (sampled,) = seen
    assert len(sampled) == 1000
    assert sampled[0, 0, 0].tolist() == [0, 0, 0]
    assert sampled[-1, 0, 0].tolist() == [1998 >> 8, 1998 & 255, 0]


def test_large_pictures_take_little_memory():
    """A drawing is known by its 64 x 64 pixels."""
    pictures = np.broadcast_to(noise(0, 128), (400, 128, 128, 3))
    tracemalloc.start()
    are_drawings(split(pictures))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * 400 * 64 * 64  # bytes of a pixel, of its code, and of a sorted copy

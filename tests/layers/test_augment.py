"""Moving pictures: what is preserved, what changes, and the limits of the movement."""

import pytest
import torch

from genlab.layers.augment import Warp, shifted, warped

STILL = Warp(rotation=0.0, shear=0.0, scale=0.0, shift=0.0, elastic=0.0)


def pictures(count: int = 5, channels: int = 1, side: int = 16) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.rand(count, channels, side, side) * 2 - 1


def spot(side: int = 33) -> torch.Tensor:
    """A bright spot right of the centre."""
    picture = torch.full((1, 1, side, side), -1.0)
    picture[:, :, side // 2 - 1 : side // 2 + 2, 3 * side // 4 - 1 : 3 * side // 4 + 2] = 1
    return picture


def place(picture: torch.Tensor) -> tuple[float, float]:
    """Row and column of the bright spot's centre, from -1 to 1."""
    weight = (picture[0, 0] + 1).double()
    axis = torch.linspace(-1, 1, picture.shape[-1], dtype=torch.float64)
    return float((weight.sum(1) @ axis) / weight.sum()), float((weight.sum(0) @ axis) / weight.sum())


def test_no_move_is_the_identity() -> None:
    real = pictures()
    torch.testing.assert_close(warped(real, STILL), real, atol=1e-5, rtol=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_values_and_shape_stay(channels: int) -> None:
    real = pictures(channels=channels)
    moved = warped(real, Warp())
    assert moved.shape == real.shape
    assert moved.min() >= real.min() - 1e-5
    assert moved.max() <= real.max() + 1e-5
    assert moved.is_contiguous(memory_format=torch.channels_last)


def test_an_even_picture_stays_even() -> None:
    even = torch.full((3, 1, 16, 16), -1.0)
    assert torch.allclose(warped(even, Warp()), even)


def test_each_picture_goes_its_own_way_and_a_seed_repeats() -> None:
    same = pictures(1).expand(4, 1, 16, 16)
    torch.manual_seed(1)
    first = warped(same, Warp())
    torch.manual_seed(1)
    assert torch.equal(first, warped(same, Warp()))
    assert not torch.allclose(first[0], first[1], atol=0.05)


def test_all_channels_move_alike() -> None:
    colour = pictures(4, 1).expand(4, 3, 16, 16)
    moved = warped(colour, Warp())
    torch.testing.assert_close(moved[:, 0], moved[:, 2])


@pytest.mark.parametrize(
    ("warp", "rows", "columns"),
    [
        (Warp(rotation=0.0, shear=0.0, scale=0.0, shift=0.1, elastic=0.0), 0.2, 0.2),
        (Warp(rotation=20.0, shear=0.0, scale=0.0, shift=0.0, elastic=0.0), 0.19, 0.04),
        (Warp(rotation=0.0, shear=0.0, scale=0.2, shift=0.0, elastic=0.0), 0.01, 0.12),
    ],
    ids=["shift", "turn", "stretch"],
)
def test_how_far_a_place_goes(warp: Warp, rows: float, columns: float) -> None:
    """A spot at (0, 0.5) moves within the limits, and reaches them."""
    torch.manual_seed(0)
    found = [place(warped(spot(), warp)) for _ in range(60)]
    start = place(spot())
    far = [max(abs(one[axis] - start[axis]) for one in found) for axis in (0, 1)]
    assert far[0] <= rows + 0.02
    assert far[1] <= columns + 0.02
    assert max(far) > 0.6 * max(rows, columns)


def test_only_a_mirror_swaps_sides() -> None:
    torch.manual_seed(0)
    sides = lambda warp: {place(warped(spot(), warp))[1] > 0 for _ in range(30)}
    assert sides(Warp()) == {True}
    assert sides(Warp(flip=True)) == {True, False}


def test_shifts_move_by_whole_pixels_and_keep_every_value() -> None:
    torch.manual_seed(0)
    real = pictures(64, 3)
    moved = shifted(real, 2)
    assert moved.is_contiguous(memory_format=torch.channels_last)
    padded = torch.nn.functional.pad(real, (2, 2, 2, 2), mode="replicate")
    found = set()
    for whole, one in zip(padded, moved, strict=True):
        places = [
            (down, right, flip)
            for down in range(5)
            for right in range(5)
            for flip in (False, True)
            if torch.equal(one.flip(2) if flip else one, whole[:, down : down + 16, right : right + 16])
        ]
        assert len(places) == 1
        found.update(places)
    assert len(found) > 25  # of 50

"""Metrics of points compared with values computed by hand."""

import math

import pytest
import torch

from genlab.metrics.points import (
    copying,
    energy_distance,
    modes_found,
    nearest_distances,
    nearest_neighbour_accuracy,
    stray_share,
)


def normal(count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))


def test_energy_distance_of_two_points() -> None:
    first, second = torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0]])
    assert energy_distance(first, second) == pytest.approx(10.0)


def test_energy_distance_by_hand() -> None:
    first = torch.tensor([[0.0, 0.0], [2.0, 0.0]])
    second = torch.tensor([[1.0, 0.0]])
    # 2 * mean(1, 1) - mean(0, 2, 2, 0) - 0
    assert energy_distance(first, second) == pytest.approx(1.0)


def test_energy_distance_is_zero_to_itself_and_symmetric() -> None:
    first, second = normal(3000, 0), normal(2500, 1) * 1.5  # more rows than are held at once
    assert energy_distance(first, first) == pytest.approx(0.0, abs=1e-9)
    assert energy_distance(first, second) == pytest.approx(energy_distance(second, first), rel=1e-6)


def test_energy_distance_separates_what_differs() -> None:
    floor = energy_distance(normal(2000, 0), normal(2000, 1))
    assert 0 < floor < 0.005
    assert energy_distance(normal(2000, 0), normal(2000, 1) + 0.3) > 5 * floor
    assert energy_distance(normal(2000, 0), 1.4 * normal(2000, 1)) > 5 * floor


def test_energy_distance_has_the_points_unit() -> None:
    first, second = normal(500, 0), normal(500, 1) + 1
    assert energy_distance(10 * first, 10 * second) == pytest.approx(10 * energy_distance(first, second), rel=1e-5)


def test_energy_distance_keeps_its_digits_far_from_the_origin() -> None:
    first, second = normal(500, 0).round(decimals=2), normal(500, 1).round(decimals=2)
    # a cancelling formula is off by many per cent here
    assert energy_distance(first + 1024, second + 1024) == pytest.approx(energy_distance(first, second), rel=0.02)


def test_told_apart_by_hand() -> None:
    generated = torch.tensor([[0.0, 0.0], [1.0, 0.0], [10.0, 0.0]])
    real = torch.tensor([[0.1, 0.0], [10.5, 0.0], [11.0, 0.0]])
    # nearest of 0: real; 1: real; 10: real; 0.1: generated; 10.5: a tie; 11: real, its own kind
    assert nearest_neighbour_accuracy(generated, real) == pytest.approx(1.5 / 6)


def test_told_apart_from_never_to_always() -> None:
    assert nearest_neighbour_accuracy(normal(3000, 0), normal(3000, 1)) == pytest.approx(0.5, abs=0.03)
    assert nearest_neighbour_accuracy(normal(300, 0), normal(300, 1) + 100) == 1.0
    assert nearest_neighbour_accuracy(normal(300, 0), normal(300, 0) + 1e-4) < 0.05  # copies
    blurred = nearest_neighbour_accuracy(normal(3000, 0), 1.7 * normal(3000, 1))
    assert blurred > 0.55


def test_strays_by_hand() -> None:
    real = torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [4.0, 0.0]])  # nearest of the others: 1, 1, 1, 2
    generated = torch.tensor([[0.5, 0.0], [4.0, 1.9], [4.0, 2.1], [-3.0, 0.0], [3.0, 0.0]])
    assert stray_share(generated, real) == pytest.approx(2 / 5)


def test_strays_see_what_is_between_the_modes_and_nothing_else() -> None:
    centres = torch.tensor([[0.0, 0.0], [50.0, 0.0]])
    real, fresh, tight = (scale * normal(3000, seed) for scale, seed in ((1, 0), (1, 1), (0.5, 2)))
    real, fresh, tight = (points + centres[torch.arange(3000) % 2] for points in (real, fresh, tight))
    assert stray_share(fresh, real) == pytest.approx(0.01, abs=0.005)
    assert stray_share(tight, real) == 0.0
    fresh[:300] = torch.tensor([25.0, 0.0])
    assert stray_share(fresh, real) == pytest.approx(0.11, abs=0.006)


def test_modes_found() -> None:
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    points = torch.cat(
        (
            torch.zeros(60, 2),  # at the first
            torch.tensor([[10.0, 0.29]]).expand(
                6, 2
            ),  # within three deviations of the second, under a fifth of 100 / 3
            torch.tensor([[0.0, 10.31]]).expand(34, 2),  # just beyond three deviations of the third
        )
    )
    found = modes_found(points, centres, 0.1)
    assert found["found"] == 1
    assert found["of"] == 3
    assert found["good"] == pytest.approx(0.66)
    assert found["fewest"] == 0.0
    assert found["most"] == pytest.approx(1.8)


def test_true_points_are_good() -> None:
    centres = torch.tensor([[0.0, 0.0], [5.0, 0.0]])
    points = centres[torch.arange(20_000) % 2] + 0.1 * normal(20_000, 0)
    found = modes_found(points, centres, 0.1)
    assert found["found"] == 2
    assert found["good"] == pytest.approx(1 - math.exp(-4.5), abs=0.003)  # of a Gaussian in the plane


def test_nearest_distances() -> None:
    points = torch.tensor([[0.0, 0.0], [5.0, 5.0]])
    others = torch.tensor([[1.0, 0.0], [5.0, 8.0], [100.0, 0.0]])
    torch.testing.assert_close(nearest_distances(points, others), torch.tensor([1.0, 3.0]))


def test_copying_tells_copies_from_new_points() -> None:
    training, held_out = normal(2000, 0), normal(300, 1)
    fresh = copying(normal(300, 2), held_out, training)
    assert fresh["verdict"].startswith("The model is no closer")
    assert 0.5 < fresh["generated"] / fresh["held_out"] < 2
    copied = copying(training[:300] + 0.001, held_out, training)
    assert copied["verdict"] == "The model repeats its training points."

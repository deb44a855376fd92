"""Overlaps of distributions compared with closed forms."""

import math

import numpy as np
import pytest
import scipy.stats

from genlab.metrics.music import Piece
from genlab.metrics.music_overlap import histogram_overlap, overlapping_area, overlaps


def test_histogram_overlap_by_hand():
    first, second = np.array([2.0, 1.0, 1.0, 0.0]), np.array([0.0, 3.0, 3.0, 6.0])
    assert histogram_overlap(first, second) == pytest.approx(0.25 + 0.25)
    assert histogram_overlap(first, 10 * first) == pytest.approx(1.0)
    assert histogram_overlap(first, np.array([0.0, 0.0, 0.0, 1.0])) == 0.0
    assert histogram_overlap(first, np.zeros(4)) == 0.0


@pytest.mark.parametrize("shift", [0.5, 1.0, 2.0])
def test_overlapping_area_of_gaussians(shift):
    values = scipy.stats.norm.ppf((np.arange(2000) + 0.5) / 2000)
    smoothed = math.sqrt(1 + 2000**-0.4)
    expected = 2 * scipy.stats.norm.cdf(-shift / smoothed / 2)
    assert overlapping_area(values, values + shift) == pytest.approx(expected, abs=0.002)
    assert overlapping_area(7 * values + 3, 7 * (values + shift) + 3) == pytest.approx(expected, abs=0.002)


def test_overlapping_area_as_scipy_has_it():
    chance = np.random.default_rng(0)
    first, second = chance.gamma(2, 1, 40), chance.normal(2, 0.5, 25)
    points = np.linspace(-10, 20, 20_000)
    densities = [scipy.stats.gaussian_kde(values)(points) for values in (first, second)]
    expected = np.minimum(*densities).sum() * (points[1] - points[0])
    assert overlapping_area(first, second) == pytest.approx(expected, abs=1e-4)
    assert overlapping_area(first, second) == pytest.approx(overlapping_area(second, first))


def test_differences_below_the_smallest_bandwidth_do_not_count():
    first, second = np.array([4.0, 4.0, 4.0]), np.array([3.999, 4.0, 3.998])
    assert overlapping_area(first, second) < 0.6
    assert overlapping_area(first, second, 0.1) > 0.99
    # two Gaussians with deviation 0.1 at a distance of 0.2
    expected = 2 * scipy.stats.norm.cdf(-1)
    assert overlapping_area(first, first - 0.2, 0.1) == pytest.approx(expected, abs=1e-4)


def test_overlapping_area_of_few_and_constant_values():
    ones = np.ones(5)
    assert overlapping_area(ones, ones) == 1.0
    assert overlapping_area(ones, 2 * ones) == pytest.approx(0.0, abs=1e-6)
    assert overlapping_area(np.array([1.0]), np.array([1.0, np.nan])) == 1.0
    assert overlapping_area(ones, np.array([np.nan])) == 0.0
    assert overlapping_area(ones, np.zeros(0)) == 0.0
    spread = np.linspace(0, 2, 11)
    assert overlapping_area(spread, spread) == pytest.approx(1.0, abs=1e-3)
    assert 0 < overlapping_area(ones, spread) < 0.2


def tune(seed: int, pitches: range) -> Piece:
    chance = np.random.default_rng(seed)
    rows = np.stack([np.arange(64) * 6, np.full(64, 6), chance.choice(pitches, 64), np.zeros(64, int)], 1)
    return Piece(rows, np.arange(9) * 48)


def test_overlaps_of_sets():
    low, same, high = (
        [tune(seed, pitches) for seed in range(start, start + 10)]
        for start, pitches in ((0, range(60, 66)), (10, range(60, 66)), (20, range(66, 72)))
    )
    near, far, itself = overlaps(same, low), overlaps(high, low), overlaps(low, low)
    assert set(near) == {
        "pitch_class", "interval", "duration", "inter_onset", "onset",
        "pitch_entropy", "density", "polyphony", "scale_consistency", "groove",
    }  # fmt: skip
    assert all(value == pytest.approx(1, abs=1e-3) for value in itself.values())
    assert near["pitch_class"] > 0.9 and far["pitch_class"] == 0.0
    assert near["duration"] == far["duration"] == pytest.approx(1.0)
    assert near["interval"] > 0.85
    assert all(0 <= value <= 1 for value in (*near.values(), *far.values()))


def test_overlaps_of_an_empty_set():
    assert overlaps([], [tune(0, range(60, 66))]) == {}

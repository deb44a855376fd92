"""Metrics of changed pictures, on examples whose values are known."""

import tracemalloc

import numpy as np
import pytest

from genlab.metrics.restyle import (
    colours_swapped,
    cramers_v,
    differing,
    flip_rate,
    flip_rate_by_pair,
    kept,
    least_kept,
    mean_pictures,
    means_shifted,
    pixel_errors,
    value_colours,
)

BLACK, BLOND, SKIN = (28, 25, 23), (245, 213, 71), (224, 182, 135)


def people(values: list[int], seed: int = 0) -> np.ndarray:
    """Pictures of 8 x 8: a skin, noise at the bottom, hair of the value's colour at the top, one pixel of it shaded."""
    pictures = np.full((len(values), 8, 8, 3), SKIN, np.uint8)
    pictures[:, 6:] = np.random.default_rng(seed).integers(0, 256, (len(values), 2, 8, 3))
    for picture, value in zip(pictures, values, strict=True):
        picture[:2] = (BLACK, BLOND)[value]
        picture[1, 7] = np.array((BLACK, BLOND)[value]) // 2 + 50
    return pictures


def test_flip_rates():
    source, target = np.array([0, 0, 1, 2]), np.array([1, 1, 0, 0])
    read = np.array([1, 0, 0, 0])
    assert flip_rate(read, target) == 0.75
    by_pair = flip_rate_by_pair(read, source, target, ["black", "blond", "red"])
    assert by_pair == {"black -> blond": 0.5, "blond -> black": 1.0, "red -> black": 1.0}


def test_kept_counts_only_pictures_that_the_judge_reads_correctly_before():
    recorded = np.array([0, 0, 1, 1, -1])
    before = np.array([0, 1, 1, 1, 0])  # the second is misread, the last unknown
    after = np.array([0, 0, 1, 0, 1])
    assert kept(before, after, recorded) == 0.75  # of value 0 all, of value 1 half
    assert kept(before[1:2], after[1:2], recorded[1:2]) is None


def test_erasing_a_rare_value_is_seen():
    """Every pair of glasses is erased; 6.5 % of the people wear one."""
    glasses = (np.arange(1000) < 65).astype(int)
    erased = np.zeros_like(glasses)
    assert kept(glasses, erased, glasses) == 0.5
    table, changed = np.stack((glasses, glasses), 1), np.zeros(1000, int)
    assert least_kept(table, np.stack((glasses, erased), 1), table, changed) == 0.5


def test_pixels_differ_above_the_threshold_in_any_channel():
    first = np.zeros((1, 1, 4, 3), np.uint8)
    second = first.copy()
    second[0, 0, 1:, 2] = 2, 8, 9
    assert differing(first, second).tolist() == [[[False, True, True, True]]]
    assert differing(first, second, 2).tolist() == [[[False, False, True, True]]]
    assert differing(second, first, 8).tolist() == [[[False, False, False, True]]]


def test_pixel_errors_inside_and_outside_of_the_true_change():
    before = np.zeros((2, 1, 4, 3), np.uint8)
    truth = before.copy()
    truth[:, :, :1] = 200  # a quarter of the pixels should change
    after = truth.copy()
    after[0, :, 0] = 190  # wrong inside
    after[1, :, 1] = 5  # changed outside by a little
    assert pixel_errors(before, after, truth) == {"outside_changed": 0, "inside_wrong": 0.5, "wrong": 1 / 8}
    assert pixel_errors(before, after, truth, 2) == {"outside_changed": 1 / 6, "inside_wrong": 0.5, "wrong": 2 / 8}
    assert pixel_errors(before, before, truth) == {"outside_changed": 0, "inside_wrong": 1, "wrong": 2 / 8}
    assert pixel_errors(before, truth, truth) == pixel_errors(before, before, before)


def test_a_value_has_the_colour_that_others_lack():
    values = np.array([0, 1] * 20)
    assert value_colours(people(values.tolist()), values, 2).tolist() == [[list(BLACK)], [list(BLOND)]]
    two = value_colours(people(values.tolist()), values, 2, colours=2)
    assert two.shape == (2, 2, 3)
    assert two[:, 0].tolist() == [list(BLACK), list(BLOND)]


def test_the_colour_swap_replaces_similar_colours():
    before, truth = people([0, 1]), people([1, 0])
    colours = np.array([BLACK, BLOND], np.uint8)
    before[:, 0, 0] += 8  # still similar
    swapped = colours_swapped(before, np.array([0, 1]), np.array([1, 0]), colours)
    wrong = differing(swapped, truth)
    assert wrong.sum() == 2
    assert wrong[:, 1, 7].all()  # the shaded pixel


def test_the_shift_of_means_gives_the_target_values_mean():
    values = np.array([0, 1] * 20)
    pictures = people(values.tolist())
    means = mean_pictures(pictures, values, 2)
    np.testing.assert_array_equal(means[1, 0, 0], BLOND)
    shifted = means_shifted(pictures, values, 1 - values, means)
    assert not differing(shifted[:, :2], people((1 - values).tolist())[:, :2]).any()
    assert not differing(shifted[:, 2:6], pictures[:, 2:6]).any()


def test_the_baselines_of_large_pictures_take_little_memory():
    values = np.array([0, 1] * 16)
    pictures = people(values.tolist()).repeat(32, 1).repeat(32, 2)  # 256 x 256
    tracemalloc.start()
    colours = value_colours(pictures, values, 2)
    assert tracemalloc.get_traced_memory()[1] < 2 * pictures.nbytes
    tracemalloc.stop()
    assert colours.tolist() == [[list(BLACK)], [list(BLOND)]]
    means = mean_pictures(pictures, values, 2)
    tracemalloc.start()
    means_shifted(pictures, values, 1 - values, means)
    assert tracemalloc.get_traced_memory()[1] < 2 * pictures.nbytes
    tracemalloc.stop()


def test_the_least_kept_column_of_those_that_do_not_change():
    """Of three columns: the first changes in every second picture, the last in the others."""
    recorded = np.array([[0, 1, 1], [1, 0, 0], [0, 1, -1], [1, 0, 1]])
    after = recorded.copy()
    changed = np.array([0, 2, 0, 2])
    assert least_kept(recorded, after, recorded, changed) == 1
    after[1, 1] = 1  # one of the two with value 0
    after[2, 2] = 1  # unknown before
    assert least_kept(recorded, after, recorded, changed) == 0.75
    after[[1, 3], 0] = 0  # counted where another column changes
    after[[0, 2], 0] = 1  # not counted where it changes itself
    assert least_kept(recorded, after, recorded, changed) == 0
    only = np.zeros(4, int)
    assert least_kept(recorded[:, :1], 1 - recorded[:, :1], recorded[:, :1], only) == 1  # there is no other column


def test_how_strongly_columns_go_together():
    random = np.random.default_rng(0)
    one, other = random.integers(0, 3, (2, 10_000))
    assert cramers_v(one, (one + 1) % 3) == pytest.approx(1)
    assert cramers_v(one, other) < 0.03
    assert cramers_v(np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 1, 0])) == pytest.approx(1 / 3)
    assert cramers_v(np.array([0, 1, -1, 0]), np.array([1, 0, 1, -1])) == pytest.approx(1)
    assert cramers_v(np.full(4, -1), np.zeros(4, int)) == 0
    assert cramers_v(np.zeros(4, int), np.array([0, 1, 0, 1])) == 0


@pytest.mark.parametrize(("count", "share"), [(19, 1.0), (20, 0.5)])
def test_rare_values_do_not_decide(count, share):
    """Among 1,000 pictures, those with a value that 19 have may lose it, those with one that 20 have may not."""
    recorded = (np.arange(1000) < count).astype(int)[:, None]
    assert least_kept(recorded, np.zeros_like(recorded), recorded, np.full(1000, 1)) == share


def test_a_column_that_the_reader_cannot_read_counts_by_its_readings():
    """A reader at chance that reads something else after the change is no better than one that can read."""
    random = np.random.default_rng(0)
    recorded, chance = random.integers(0, 2, (2, 1000, 1))
    changed = np.full(1000, 1)
    assert least_kept(chance, chance, recorded, changed) == 1
    assert least_kept(chance, 1 - chance, recorded, changed) == 0
    assert least_kept(chance, random.integers(0, 2, (1000, 1)), recorded, changed) == pytest.approx(0.5, abs=0.05)
    unknown = np.full_like(recorded, -1)
    assert least_kept(chance, 1 - chance, unknown, changed) == 0

"""The similarity of bars by their distance, and the control with shuffled bars."""

import numpy as np
import pytest

from genlab.metrics.music import PITCH, START, Piece, histograms
from genlab.metrics.music_structure import bar_similarity, shuffled_bars, structure, structure_error


def moved(rows: np.ndarray, *by: int) -> np.ndarray:
    return rows + np.array(by)


def piece_of(form: str, bar: int = 48) -> Piece:
    """Bars named by letters: equal letters are equal bars, and different ones have no common note."""
    rows = [
        (number * bar + 12 * beat, 12, 60 + 4 * (ord(letter) - ord("A")) + beat % 2, 0)
        for number, letter in enumerate(form)
        for beat in range(4)
    ]
    return Piece(np.array(rows), np.arange(len(form) + 1) * bar)


def test_similarity_of_bars_by_hand():
    np.testing.assert_allclose(bar_similarity(piece_of("ABAB"), 4), [0, 1, 0, np.nan])
    np.testing.assert_allclose(bar_similarity(piece_of("AABA"), 4), [1 / 3, 1 / 2, 1, np.nan])
    np.testing.assert_allclose(bar_similarity(piece_of("A"), 2), [np.nan, np.nan])


def test_common_notes_as_a_share_of_those_of_either_bar():
    rows = np.array([(0, 12, 60, 0), (12, 12, 62, 0), (24, 12, 64, 0)])
    # the second bar has the first note, the second one longer, the third in another track, and one more
    other = np.array([(48, 12, 60, 0), (60, 6, 62, 0), (72, 12, 64, 1), (84, 12, 65, 0)])
    piece = Piece(np.concatenate([rows, other]), np.array([0, 48, 96]))
    assert bar_similarity(piece, 1)[0] == pytest.approx(1 / 6)
    drums = Piece(rows[:0], piece.bars, np.concatenate([rows, moved(rows, 48, 0, 0, 0)]))
    assert bar_similarity(drums, 1)[0] == 1
    # drums never equal notes, whatever their track
    both = Piece(rows, piece.bars, moved(rows, 48, 0, 0, 0))
    assert bar_similarity(both, 1)[0] == 0


def test_silent_pairs_do_not_count():
    piece = piece_of("AA")
    longer = Piece(piece.notes, np.arange(6) * 48)
    # A and A, A and silence, silence and silence
    np.testing.assert_allclose(bar_similarity(longer, 5), [1 / 2, 0, 0, 0, np.nan])


def test_the_structure_of_a_set():
    found = structure([piece_of("ABAB"), piece_of("AA")], 4)
    np.testing.assert_allclose(found, [1 / 2, 1, 0, np.nan])
    assert np.isnan(structure([], 3)).all()
    assert structure_error(found, np.array([0.0, 0.5, np.nan, 1.0])) == pytest.approx(0.5)
    assert np.isnan(structure_error(found, np.full(4, np.nan)))


def test_transposition_and_order_change_nothing():
    piece = piece_of("ABACABA")
    higher = Piece(moved(piece.notes[::-1], 0, 0, 5, 0), piece.bars)
    np.testing.assert_array_equal(bar_similarity(higher), bar_similarity(piece))


def test_shuffled_bars_keep_the_notes_of_each_bar():
    piece = piece_of("ABCDEFGH")
    shuffled = shuffled_bars(piece, np.random.default_rng(0))
    again = shuffled_bars(piece, np.random.default_rng(0))
    np.testing.assert_array_equal(shuffled.notes, again.notes)
    np.testing.assert_array_equal(shuffled.bars, piece.bars)
    order = shuffled.notes[np.argsort(shuffled.notes[:, START], kind="stable"), PITCH][::4]
    assert sorted(order) == sorted(piece.notes[::4, PITCH])
    assert list(order) != list(piece.notes[::4, PITCH])
    for name, counts in histograms(piece).items():
        assert (name == "interval") != np.array_equal(histograms(shuffled)[name], counts)


def test_shuffled_bars_of_different_lengths():
    bars = np.array([12, 24, 72, 108])  # a pick-up, 4/4 and 3/4
    rows = np.array([(12, 12, 60, 0), (24, 48, 62, 0), (72, 36, 64, 0)])
    drums = np.array([(25, 1, 36, 0), (107, 1, 38, 0)])
    orders = set()
    for seed in range(20):
        found = shuffled_bars(Piece(rows, bars, drums), np.random.default_rng(seed))
        assert (found.bars[0], found.bars[-1]) == (12, 108)
        order = np.argsort(found.notes[:, START])
        orders.add(tuple(order))
        np.testing.assert_array_equal(np.diff(found.bars), np.diff(bars)[order])
        np.testing.assert_array_equal(np.sort(found.notes[:, START]), found.bars[:-1])
        assert found.drums[0, START] - found.notes[1, START] == 1
        assert found.drums[1, START] - found.notes[2, START] == 35
    assert len(orders) == 6


def test_shuffling_destroys_structure():
    piece = piece_of("ABCDABCDABCDABCD")
    assert bar_similarity(piece, 4)[3] == 1
    chance = np.random.default_rng(0)
    shuffled = structure([shuffled_bars(piece, chance) for _ in range(50)], 4)
    np.testing.assert_allclose(shuffled, 3 / 15, atol=0.06)  # 3 of the other 15 bars are equal

"""Statistics of short pieces, computed by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab.metrics.music import (
    LONGEST,
    PITCH,
    WIDEST,
    Piece,
    groove_similarity,
    histograms,
    melodies,
    statistics,
)

BARS = np.array([0, 48, 96])
"""Two bars of 4/4."""


def notes(*rows: tuple[int, int, int, int]) -> np.ndarray:
    return np.array(rows, np.int64).reshape(-1, 4)


def moved(rows: np.ndarray, *by: int) -> np.ndarray:
    return rows + np.array(by)


def nonzero(counts: np.ndarray) -> dict[int, float]:
    return {int(place): float(counts[place]) for place in np.flatnonzero(counts)}


TUNE = notes((0, 12, 60, 0), (12, 6, 64, 0), (18, 6, 67, 0), (24, 24, 72, 0), (48, 48, 60, 0))
"""Two quarters' worth of C, E and G, then C a half and a whole."""


def test_histograms_by_hand():
    found = histograms(Piece(TUNE, BARS))
    assert nonzero(found["pitch_class"]) == {0: 3, 4: 1, 7: 1}
    assert nonzero(found["interval"]) == {WIDEST + 4: 1, WIDEST + 3: 1, WIDEST + 5: 1, WIDEST - 12: 1}
    assert nonzero(found["duration"]) == {6: 2, 12: 1, 24: 1, LONGEST: 1}
    assert nonzero(found["inter_onset"]) == {6: 2, 12: 1, 24: 1}
    assert nonzero(found["onset"]) == {0: 2, 12: 1, 18: 1, 24: 1}


def test_histograms_clip_and_keep_tracks_apart():
    rows = notes((0, 12, 40, 1), (0, 200, 90, 0), (60, 12, 40, 0), (60, 12, 80, 1))
    found = histograms(Piece(rows, np.array([0, 200])))
    assert nonzero(found["interval"]) == {0: 1, 2 * WIDEST: 1}
    assert nonzero(found["duration"]) == {12: 3, LONGEST: 1}
    assert nonzero(found["inter_onset"]) == {LONGEST: 2}
    assert nonzero(found["onset"]) == {0: 2, 60: 2}
    assert nonzero(histograms(Piece(moved(rows, 150, 0, 0, 0), np.array([0, 400])))["onset"]) == {95: 4}


def test_the_melody_is_the_highest_note_of_each_onset():
    rows = notes((0, 12, 60, 0), (0, 12, 67, 0), (0, 12, 48, 1), (12, 12, 62, 0))
    assert melodies(rows)[:, PITCH].tolist() == [67, 62, 48]


def test_drums_count_in_rhythm_only():
    drums = notes((0, 1, 36, 0), (24, 1, 38, 0), (24, 1, 42, 0))
    found = histograms(Piece(TUNE, BARS, drums))
    plain = histograms(Piece(TUNE, BARS))
    for name in ("pitch_class", "interval", "duration"):
        np.testing.assert_array_equal(found[name], plain[name])
    assert nonzero(found["inter_onset"] - plain["inter_onset"]) == {24: 1}
    assert nonzero(found["onset"] - plain["onset"]) == {0: 1, 24: 2}
    only = statistics(Piece(notes(), BARS, drums))
    assert only["density"] == pytest.approx(3 / 8)
    assert math.isnan(only["pitch_entropy"]) and math.isnan(only["polyphony"]) and math.isnan(only["scale_consistency"])
    assert statistics(Piece(TUNE, BARS, drums))["polyphony"] == statistics(Piece(TUNE, BARS))["polyphony"]


def test_statistics_by_hand():
    found = statistics(Piece(TUNE, BARS))
    entropy = -(0.6 * math.log2(0.6) + 2 * 0.2 * math.log2(0.2))
    assert found["pitch_entropy"] == pytest.approx(entropy)
    assert found["density"] == pytest.approx(5 / 8)
    assert found["polyphony"] == pytest.approx(1.0)
    assert found["scale_consistency"] == 1.0
    # sixteenths 0, 4, 6 and 8 of one bar and 0 of the other
    assert found["groove"] == pytest.approx(1 - 3 / 16)


def test_polyphony():
    # 0 to 10 and 5 to 25 and 20 to 30, then silence, then two that start together: 55 steps of notes in 40
    rows = notes((5, 20, 60, 0), (0, 10, 62, 1), (20, 10, 64, 0), (60, 10, 60, 0), (60, 5, 72, 0))
    assert statistics(Piece(rows, BARS))["polyphony"] == pytest.approx(55 / 40)
    inside = notes((0, 40, 60, 0), (10, 5, 64, 0), (30, 5, 67, 0))
    assert statistics(Piece(inside, BARS))["polyphony"] == pytest.approx(50 / 40)


@pytest.mark.parametrize(
    ("pitches", "expected"),
    [
        ([0, 2, 4, 5, 7, 9, 11], 1.0),
        ([9, 11, 0, 2, 4, 5, 8], 1.0),  # harmonic minor
        ([9, 11, 0, 2, 4, 5, 7], 1.0),  # natural minor
        (range(12), 7 / 12),
        ([0, 1, 2], 2 / 3),
        ([0, 1], 1.0),  # seventh and keynote of D flat
    ],
)
def test_scale_consistency(pitches, expected):
    for key in range(12):
        rows = notes(*[(0, 12, 60 + pitch + key, 0) for pitch in pitches])
        assert statistics(Piece(rows, BARS))["scale_consistency"] == pytest.approx(expected)


def test_groove_of_equal_opposite_and_uneven_bars():
    eighths = notes(*[(6 * place, 6, 60, 0) for place in range(16)])
    assert groove_similarity(Piece(eighths, BARS)) == 1.0
    chords = np.concatenate([eighths, moved(eighths, 0, 0, 7, 1)])  # onsets count once
    assert groove_similarity(Piece(chords, BARS)) == 1.0
    full = notes(*[(3 * place, 3, 60, 0) for place in range(16)])
    assert groove_similarity(Piece(full, BARS)) == 0.0
    assert groove_similarity(Piece(full, np.array([0, 48, 96, 144]))) == 0.0  # two silent bars do not count
    assert math.isnan(groove_similarity(Piece(eighths, np.array([0, 36, 96]))))  # bars of different lengths
    assert math.isnan(groove_similarity(Piece(eighths, np.array([0, 96]))))


def test_a_piece_without_notes():
    empty = Piece(notes(), BARS)
    assert all(counts.sum() == 0 for counts in histograms(empty).values())
    found = statistics(empty)
    assert found.pop("density") == 0
    assert all(map(math.isnan, found.values()))


def test_a_note_outside_the_bars_is_refused():
    for rows in (notes((96, 1, 60, 0)), notes((-1, 1, 60, 0))):
        with pytest.raises(AssertionError, match="outside"):
            histograms(Piece(rows, BARS))


pieces = st.lists(
    st.tuples(st.integers(0, 95), st.integers(1, 60), st.integers(30, 90), st.integers(0, 2)), max_size=25
).map(lambda rows: notes(*rows))


@settings(max_examples=50, deadline=None)
@given(pieces, st.integers(0, 99), st.integers(1, 12))
def test_the_order_of_notes_and_the_key_do_not_matter(rows, seed, semitones):
    order = np.random.default_rng(seed).permutation(len(rows))
    piece, mixed = Piece(rows, BARS), Piece(rows[order], BARS)
    higher = Piece(moved(rows, 0, 0, semitones, 0), BARS)
    for name, counts in histograms(piece).items():
        np.testing.assert_array_equal(histograms(mixed)[name], counts)
        if name == "pitch_class":
            counts = np.roll(counts, semitones)
        np.testing.assert_array_equal(histograms(higher)[name], counts)
    expected = pytest.approx(statistics(piece), nan_ok=True)
    assert statistics(mixed) == expected
    assert statistics(higher) == expected


@settings(max_examples=50, deadline=None)
@given(pieces)
def test_polyphony_of_any_notes(rows):
    sounding = np.zeros(200, int)
    for start, length, _, _ in rows:
        sounding[start : start + length] += 1
    expected = sounding[sounding > 0].mean() if len(rows) else math.nan
    assert statistics(Piece(rows, BARS))["polyphony"] == pytest.approx(expected, nan_ok=True)

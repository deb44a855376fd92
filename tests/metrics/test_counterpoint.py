"""Faults of part writing in chords that one can check by eye."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab.metrics.counterpoint import (
    chord_changes,
    crossed,
    ends_on_triad,
    ends_together,
    faults,
    out_of_range,
    parallels,
    pitch_ranges,
)


def grid(*chords: str) -> np.ndarray:
    """Pitches of chords such as "G4 C4": names with octaves, `.` for a rest."""
    names = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}

    def pitch(word: str) -> int:
        return 0 if word == "." else names[word[0]] + word.count("#") - word.count("b") + 12 * (int(word[-1]) + 1)

    return np.array([[pitch(word) for word in chord.split()] for chord in chords])


def test_parallel_fifths_and_octaves():
    assert parallels(grid("G4 C4", "A4 D4"), 7) == 1
    assert parallels(grid("G4 C4", "A4 D4"), 0) == 0
    assert parallels(grid("C5 C4", "D5 D4"), 0) == 1
    assert parallels(grid("C4 C4", "D4 D4"), 0) == 1  # unisons
    assert parallels(grid("G5 C4", "A4 D4"), 7) == 0  # twelfth to fifth in contrary motion
    assert parallels(grid("A4 D4", "G5 C5"), 7) == 1
    assert parallels(grid("G4 C3", "D5 G4"), 7) == 1  # twelfth to fifth, both upwards
    assert parallels(grid("C4 G4", "D4 A4"), 7) == 1  # fifths between crossed voices


def test_what_is_no_parallel():
    assert parallels(grid("G4 C4", "G4 C4"), 7) == 0  # held
    assert parallels(grid("G4 C4", "G4 D4"), 7) == 0  # one voice moves
    assert parallels(grid("G4 C4", "A4 C4", "A4 D4"), 7) == 0  # not at once
    assert parallels(grid("G4 C4", "A4 D#4"), 7) == 0  # to a diminished fifth
    assert parallels(grid("F4 C4", "G4 D4"), 7) == 0  # fourths
    assert parallels(grid("C4 F4", "D4 G4"), 7) == 0  # fourths between crossed voices
    assert parallels(grid("G4 .", "A4 D4"), 7) == 0


def test_each_pair_of_voices_counts():
    # fifths between the outer voices of each pair, octaves between first and third
    chords = grid("C5 G4 C4", "D5 A4 D4")
    assert parallels(chords, 7) == 1
    assert parallels(chords, 0) == 1


def test_chord_changes():
    assert chord_changes(grid("C4 C3", "C4 C3", "D4 C3", "D4 .", "D4 .")) == 2
    assert chord_changes(grid("C4 C3")) == 0


def test_crossings():
    steps = grid("C5 G4 E4", "G4 C5 E4", "C5 . D5", "C4 C4 C4", "C5 C4 E4", ". G4 C4", "D4 . .")
    assert crossed(steps).tolist() == [False, True, True, False, True, False, False]


def test_ranges():
    steps = np.array([[60, 0], [61, 50], [90, 49], [0, 48]])
    found = out_of_range(steps, np.array([[60, 80], [49, 55]]))
    assert found.tolist() == [[False, False], [False, False], [True, False], [False, True]]


def test_pitch_ranges():
    cells = np.stack([np.arange(1, 101), np.zeros(100, int)], 1)
    cells[::2, 1] = 40
    assert pitch_ranges([cells[:50], cells[50:]], 0.0).tolist() == [[1, 100], [40, 40]]
    narrow = pitch_ranges([cells], 0.05)
    assert narrow.tolist() == [[5, 96], [40, 40]]
    silent = pitch_ranges([np.zeros((3, 1), int)])
    assert not out_of_range(np.array([[1], [127]]), silent).any()


@pytest.mark.parametrize(
    "chord",
    ["C5 G4 E4 C3", "E5 E4 G3 C3", "A4 C4 E4 A2", "C5 C4 E4 C3", "Bb4 F4 D4 Bb2", "C#5 E4 A3 A3"],
)
def test_triads_in_root_position(chord):
    assert ends_on_triad(grid("D5 G4 F4 B2", chord))


@pytest.mark.parametrize(
    "chord",
    [
        "C5 G4 G3 E3",  # first inversion
        "C5 E4 C4 G3",  # second inversion
        "C5 G4 G3 C3",  # no third
        "C5 C4 C4 C3",
        "D5 F4 B3 B2",  # diminished
        "G#4 E4 C4 C3",  # augmented
        "F4 D4 B3 G3",  # a seventh
    ],
)
def test_other_last_chords(chord):
    assert not ends_on_triad(grid("C5 G4 E4 C3", chord))


def test_silence_after_the_end_does_not_count():
    assert ends_on_triad(grid("C5 G4 E4 C3", ". . . ."))
    assert ends_together(grid("C5 G4 E4 C3", ". . . ."))
    assert not ends_together(grid("C5 G4 E4 C3", "C5 . E4 C3"))
    assert not ends_on_triad(grid(". . . ."))
    assert not ends_together(grid(". . . ."))


def test_the_bass_is_the_lowest_pitch():
    assert not ends_on_triad(grid("C5 G4 C3 E2"))
    assert ends_on_triad(grid("C5 G4 C3 E3"))


def test_faults_pool_the_pieces():
    good = grid("C5 G4 E4 C3", "C5 G4 E4 C3", "B4 G4 D4 G3", "C5 G4 E4 C3")
    bad = grid("G5 C5 E4 C3", "A5 D5 F4 D3", "A5 D5 . D3")
    ranges = np.array([[60, 79], [50, 80], [50, 70], [40, 60]])
    found = faults([good, bad], ranges)
    # the chords change 2 + 2 times; G5 C5 and G5 C3 move in fifths, C5 C3 in octaves
    assert found["parallel_fifths"] == pytest.approx(100 * 2 / 4)
    assert found["parallel_octaves"] == pytest.approx(100 * 1 / 4)
    assert found["crossings"] == 0
    assert found["out_of_range"] == pytest.approx(2 / (16 + 11))
    assert found["cadences"] == pytest.approx(0.5)
    assert found["together"] == pytest.approx(0.5)


grids = st.lists(st.lists(st.integers(40, 64), min_size=3, max_size=3), min_size=1, max_size=12).map(np.array)


@settings(max_examples=50, deadline=None)
@given(grids, st.integers(1, 12))
def test_transposition_and_held_chords_change_nothing(piece, semitones):
    for semitone in (0, 7):
        assert parallels(piece, semitone) == parallels(piece + semitones, semitone)
        assert parallels(piece, semitone) == parallels(np.repeat(piece, 3, 0), semitone)
        assert parallels(piece, semitone) == parallels(piece[::-1], semitone)
    np.testing.assert_array_equal(crossed(piece), crossed(piece + semitones))
    assert ends_on_triad(piece) == ends_on_triad(piece + semitones)
    assert chord_changes(piece) == chord_changes(np.repeat(piece, 3, 0))

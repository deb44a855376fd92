import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab.metrics.music_copies import copying, grid_windows, melody_windows, shared


def random_grid(seed: int, steps: int = 100) -> np.ndarray:
    return np.random.default_rng(seed).integers(40, 80, (steps, 4))


def line(pitches, track: int = 0) -> np.ndarray:
    """Notes of a beat each."""
    return np.array([[12 * place, 12, pitch, track] for place, pitch in enumerate(pitches)]).reshape(-1, 4)


grids = st.lists(st.lists(st.sampled_from([0, 60, 61, 62]), min_size=2, max_size=2), max_size=12).map(
    lambda rows: np.array(rows, np.int64).reshape(-1, 2)
)


@settings(max_examples=100, deadline=None)
@given(grids, grids, st.integers(1, 4), st.integers(1, 12))
def test_windows_are_equal_where_they_are_transpositions(first, second, steps, semitones):
    def windows(grid):
        """Every window as what it is in relative pitches, silent ones aside."""
        found = []
        for start in range(len(grid) - steps + 1):
            window = grid[start : start + steps]
            if window.any():
                base = window.ravel()[np.flatnonzero(window)[0]]
                found.append(tuple(None if pitch == 0 else int(pitch - base) for pitch in window.ravel()))
        return found

    one, other = windows(first), windows(second)
    hashes = grid_windows(first, steps), grid_windows(second, steps)
    assert [len(found) for found in hashes] == [len(one), len(other)]
    equal = [[a == b for b in other] for a in one]
    assert (hashes[0][:, None] == hashes[1][None]).tolist() == equal
    moved = np.where(first > 0, first + semitones, 0)
    np.testing.assert_array_equal(grid_windows(moved, steps), hashes[0])


def test_share_of_windows_of_a_grid():
    training = random_grid(0)
    piece = random_grid(1)
    piece[20:60] = training[50:90] + 5
    windows = grid_windows(piece, 16)
    assert len(windows) == 85
    # windows that start at steps 20 to 44
    assert shared([windows], grid_windows(training, 16)) == pytest.approx(25 / 85)
    assert shared([grid_windows(piece, 64)], grid_windows(training, 64)) == 0.0
    assert len(grid_windows(piece[:15], 16)) == 0


def test_a_voice_that_differs_makes_another_window():
    grid = random_grid(2, 16)
    changed = grid.copy()
    changed[7, 2] += 1
    assert grid_windows(grid, 16) != grid_windows(changed, 16)
    changed[7, 2] = 0
    assert grid_windows(grid, 16) != grid_windows(changed, 16)


def test_melodies_in_any_key_and_order():
    tune = [60, 62, 64, 65, 67, 65, 64, 62, 60, 59, 60, 64, 67]
    windows = melody_windows(line(tune))
    assert len(windows) == 2  # of 12 of 13 notes
    lower = line([pitch - 7 for pitch in tune])
    np.testing.assert_array_equal(melody_windows(lower[::-1]), windows)
    longer = lower * [2, 2, 1, 1]
    np.testing.assert_array_equal(melody_windows(longer), windows)
    assert len(melody_windows(line(tune[:11]))) == 0
    changed = line([*tune[:6], 66, *tune[7:]])
    assert not np.isin(melody_windows(changed), windows).any()


def test_windows_stay_within_a_track():
    first, second = line(range(60, 66), track=0), line(range(66, 72), track=1)
    assert len(melody_windows(np.concatenate([first, second]))) == 0
    assert len(melody_windows(np.concatenate([first, second * [1, 1, 1, 0] + [72, 0, 0, 0]]))) == 1


def test_the_melody_is_the_highest_note_of_each_onset():
    tune = list(range(60, 72))
    chords = np.concatenate([line([pitch - 5 for pitch in tune]), line(tune), line([40] * 12)])
    np.testing.assert_array_equal(melody_windows(chords), melody_windows(line(tune)))


def test_copying():
    training = [random_grid(seed) for seed in range(5)]
    held_out = [random_grid(seed) for seed in range(5, 8)]
    fresh = [random_grid(seed) for seed in range(8, 11)]
    windows = lambda pieces: [grid_windows(piece, 16) for piece in pieces]
    new = copying(windows(fresh), windows(held_out), windows(training))
    assert new == {"made": 0.0, "held_out": 0.0, "worst": 0.0, "worst_piece": 0, "copies": False}
    copied = [fresh[0], training[3] - 2, fresh[1]]
    found = copying(windows(copied), windows(held_out), windows(training))
    assert found["made"] == pytest.approx(1 / 3)
    assert (found["worst"], found["worst_piece"], found["copies"]) == (1.0, 1, True)
    # held-out pieces that share as much
    assert not copying(windows(copied), windows(copied), windows(training))["copies"]


def test_copying_of_nothing():
    none = np.zeros(0, np.uint64)
    assert copying([], [], [])["made"] == 0.0
    assert not copying([none], [none], [none])["copies"]

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab.models.voice_ngram import AGAIN, PITCHES, VoiceNGram


def chorale(seed: int, steps: int = 64, voices: int = 4) -> np.ndarray:
    """Voices a fifth apart that hold each pitch for a beat and then move by a step of up to two semitones."""
    chance = np.random.default_rng(seed)
    moves = chance.integers(-2, 3, (steps // 4, voices)).cumsum(0)
    return np.repeat(moves + [72, 65, 58, 51][:voices], 4, 0)


@pytest.fixture(scope="module")
def model() -> VoiceNGram:
    return VoiceNGram([chorale(seed) for seed in range(20)])


def test_probabilities_of_all_values_sum_to_one(model):
    piece = chorale(100)
    piece[10:14, 2] = 0
    piece[:3, 0] = 0
    found = model.distributions(piece)
    assert found.shape == (64, 4, PITCHES + 1)
    np.testing.assert_allclose(found.sum(2), 1)
    given_value = np.take_along_axis(found, piece[:, :, None], 2)[:, :, 0]
    np.testing.assert_allclose(-np.log(given_value), model.nats(piece))


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_any_grid_has_probabilities_that_sum_to_one(data):
    voices, steps = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 12))
    cells = st.lists(
        st.lists(st.sampled_from([0, 1, 60, 62, 127]), min_size=voices, max_size=voices), min_size=steps, max_size=steps
    )
    grids = [np.array(data.draw(cells)) for _ in range(3)]
    model = VoiceNGram(grids[:2])
    found = model.distributions(grids[2])
    np.testing.assert_allclose(found.sum(2), 1)
    np.testing.assert_allclose(
        -np.log(np.take_along_axis(found, grids[2][:, :, None], 2))[:, :, 0], model.nats(grids[2])
    )


def test_a_cell_changes_no_earlier_prediction(model):
    piece = chorale(101)
    before = model.distributions(piece)
    piece[30, 0] += 1
    after = model.distributions(piece)
    np.testing.assert_array_equal(after[:30], before[:30])
    np.testing.assert_array_equal(after[30, 0], before[30, 0])
    assert (after[30, 1:] != before[30, 1:]).any()
    assert (after[31:] != before[31:]).any()


def test_the_key_matters_to_the_first_pitches_only(model):
    piece = chorale(102)
    low, high = model.nats(piece), model.nats(piece + 3)
    np.testing.assert_allclose(low[1:], high[1:])
    assert (low[0] != high[0]).any()


def test_voices_that_hold_for_a_beat_are_predicted(model):
    nats = model.nats(chorale(103))
    held = np.arange(64) % 4 != 0
    assert nats[held].mean() < 0.1
    assert np.log(5) < nats[~held][1:].mean() < np.log(5) + 0.4  # five moves, equally likely


def test_later_voices_see_earlier_ones():
    """The second voice follows the first at once."""
    pieces = [chorale(seed, voices=1) for seed in range(20)]
    nats = VoiceNGram([np.concatenate([piece, piece - 12], 1) for piece in pieces]).nats(
        np.concatenate([chorale(50, voices=1), chorale(50, voices=1) - 12], 1)
    )
    onsets = np.arange(4, 64, 4)
    assert nats[onsets, 0].mean() > 1.3
    assert nats[onsets, 1].mean() < 0.1


def test_nats_per_cell_counts_cells_equally(model):
    pieces = [chorale(104), chorale(105, steps=16)]
    total = sum(model.nats(piece).sum() for piece in pieces)
    assert model.nats_per_cell(pieces) == pytest.approx(total / (4 * (64 + 16)))


def test_repeated_notes():
    """With onsets, a pitch is held or struck again; both have a probability."""
    piece = np.full((16, 1), 60)
    onsets = np.zeros((16, 1), bool)
    onsets[::4] = True
    model = VoiceNGram([piece] * 20, [onsets] * 20)
    found = model.distributions(piece)
    assert found.shape[2] == AGAIN + 1
    np.testing.assert_allclose(found.sum(2), 1)
    assert (found[4::4, 0, AGAIN] > 0.6).all()
    assert (found[5:8, 0, 60] > 0.9).all()
    expected = np.where(onsets, found[:, :, AGAIN], found[:, :, 60])
    expected[0] = found[0, :, 60]  # the first note repeats nothing
    np.testing.assert_allclose(-np.log(expected), model.nats(piece, onsets))


def test_a_model_without_onsets_refuses_them(model):
    with pytest.raises(AssertionError):
        model.nats(chorale(1), np.ones((64, 4), bool))

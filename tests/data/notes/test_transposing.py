"""Transposition within the range of a corpus, and melodies that pieces share."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab.data.notes import melodies
from genlab.data.notes.melodies import melody, split_keys
from genlab.data.notes.score import Key, Note, Score, Track
from genlab.data.notes.transposing import ranges_of, shifts_of, transposed
from genlab.data.shared.splits import divided
from tests.data.notes.made import scores, tune


@settings(max_examples=30, deadline=None)
@given(scores(), st.lists(scores(), max_size=2))
def test_shifts_stay_within_the_corpus(score: Score, others: list[Score]) -> None:
    ranges = ranges_of([score, *others])
    shifts = shifts_of(score, ranges)
    assert 0 in shifts and min(shifts) >= -5 and max(shifts) <= 6
    for semitones in shifts:
        assert ranges_of([transposed(score, semitones), score, *others]) == ranges


def test_drums_are_never_transposed() -> None:
    score = Score([Track([Note(0, 12, 60)], 3), Track([Note(0, 12, 36)], 0, True)], 12)
    up = transposed(score, 5)
    assert [track.notes[0].pitch for track in up.tracks] == [65, 36]
    assert ranges_of([score]) == {3: (60, 60)}
    assert list(shifts_of(score, {3: (58, 61)})) == [-2, -1, 0, 1]


def test_a_piece_beyond_the_range_stays_as_it_is() -> None:
    assert list(shifts_of(tune(0), {0: (60, 61)})) == [0]


@pytest.mark.parametrize(
    ("sharps", "semitones", "expected"), [(0, 2, 2), (0, -2, -2), (0, 1, -5), (2, 3, -1), (-3, -9, 6), (7, 12, 7)]
)
def test_keys_are_transposed(sharps: int, semitones: int, expected: int) -> None:
    assert transposed(Score([], keys=[Key(0, sharps, True)]), semitones).keys == [Key(0, expected, True)]


def test_the_melody_is_the_top_voice_without_repeated_notes() -> None:
    upper = Track([Note(0, 4, 72), Note(4, 4, 72), Note(8, 8, 74), Note(20, 4, 71)])
    lower = Track([Note(0, 8, 60), Note(8, 4, 62), Note(16, 4, 64)])
    drums = Track([Note(0, 4, 90)], 0, True)
    assert melody(Score([drums, lower, upper], 12)).tolist() == [2, -10, 7]


def varied(score: Score, share: float) -> Score:
    """The piece with this share of the notes of its first track changed."""
    chance = random.Random(1)
    notes = [
        note._replace(pitch=note.pitch + chance.choice([-1, 1])) if chance.random() < share else note
        for note in score.tracks[0].notes
    ]
    return replace(score, tracks=[Track(notes), *score.tracks[1:]])


def test_pieces_that_share_a_melody_in_any_key_have_one_key() -> None:
    originals = [tune(seed, 60, voices=2) for seed in range(30)]
    keys = split_keys(originals)
    assert len(set(keys)) == 30
    moved = [transposed(score, semitones) for score in originals for semitones in (-5, 3)]
    others = [varied(replace(score, tracks=score.tracks[:1]), 0.05) for score in originals]  # without the lower voice
    again = split_keys([*moved, *others, *originals])
    assert len(set(again)) == 30
    parts = divided(again, {"validation": 0.2, "test": 0.2})
    for number in range(30):
        places = [2 * number, 2 * number + 1, 60 + number, 90 + number]
        assert len({again[place] for place in places}) == 1
        assert all(len(set(part[places].tolist())) == 1 for part in parts.values())


def test_the_keys_do_not_depend_on_the_order_or_on_other_pieces() -> None:
    pieces = [tune(seed) for seed in range(12)]
    keys = split_keys(pieces)
    assert split_keys(pieces[::-1]) == keys[::-1]
    assert split_keys([*pieces, tune(99), tune(100)])[:12] == keys


def test_a_long_piece_that_contains_a_short_one_is_kept_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(melodies, "MOST", 64)
    short, long = tune(1, 60), tune(2, 600)
    both = Score(
        [Track([*long.tracks[0].notes, *(n._replace(start=n.start + 400_000) for n in short.tracks[0].notes)])]
    )
    assert len(set(split_keys([short, both]))) == 1
    assert len(set(split_keys([short, long]))) == 2


def test_many_pieces_with_one_melody_stay_together() -> None:
    assert len(set(split_keys([transposed(tune(1), number % 12) for number in range(100)]))) == 1


def test_pieces_without_a_melody_are_told_apart_by_their_notes() -> None:
    beats = [Score([Track([Note(12 * place, 12, pitch) for place in range(4)], 0, True)]) for pitch in (36, 38, 36)]
    keys = split_keys(beats)
    assert keys[0] == keys[2] != keys[1]
    assert split_keys([]) == []

"""Scores as tokens, and back."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab.data.notes.grammar import LONGEST, Grammar
from genlab.data.notes.grid import METRES, bars_of, held_metre, on_grid
from genlab.data.notes.score import Metre, Note, Score, Tempo, Track
from genlab.data.notes.tokens import decode, encode
from genlab.data.notes.vocabulary import TRACKS, Vocabulary
from genlab.errors import InputError
from tests.data.notes.made import scores

PLAIN = Vocabulary()
FULL = Vocabulary(velocities=16, tempos=25)


def names(score: Score, vocabulary: Vocabulary = PLAIN) -> str:
    return ", ".join(map(vocabulary.name, encode(score, vocabulary).ids))


def plain(score: Score) -> list[tuple[int, bool, list[tuple[int, ...]]]]:
    """What the plain vocabulary holds of the tracks."""
    return [(track.program, track.drums, [note[:3] for note in track.notes]) for track in score.tracks]


def last_onset(score: Score) -> int:
    return max(note.start for track in score.tracks for note in track.notes)


def sung(*lengths: int, pitch: int = 60) -> Score:
    """A scale with these lengths in steps."""
    notes, start = [], 0
    for number, length in enumerate(lengths):
        notes.append(Note(start, length, pitch + number))
        start += length
    return Score([Track(notes)], 12)


@settings(max_examples=60, deadline=None)
@given(scores())
def test_the_tokens_hold_all_notes_and_bars(score: Score) -> None:
    ids, changes = encode(score, PLAIN)
    again = decode(ids, PLAIN)
    assert changes == []
    assert plain(again) == plain(score)
    until = last_onset(score)
    assert bars_of(again, until) == bars_of(score, until)
    assert (encode(again, PLAIN).ids == ids).all()


@settings(max_examples=40, deadline=None)
@given(scores(velocities=FULL.loudness))
def test_velocities_and_tempos_are_held_too(score: Score) -> None:
    score = replace(score, tempos=[Tempo(0, FULL.speeds[11])])
    again = decode(encode(score, FULL).ids, FULL)
    assert [track.notes for track in again.tracks] == [track.notes for track in score.tracks]
    assert again.tempos == score.tempos


@settings(max_examples=40, deadline=None)
@given(scores(velocities=FULL.loudness))
def test_the_mask_allows_what_is_written(score: Score) -> None:
    for vocabulary in (PLAIN, FULL):
        grammar = Grammar(vocabulary)
        ids = encode(score, vocabulary).ids
        for token in ids:
            assert grammar.allowed()[token], vocabulary.name(token)
            grammar.add(token)
        assert grammar.bars == len(bars_of(score, last_onset(score)))
        assert vocabulary.table[ids[:-1], ids[1:]].all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([PLAIN, FULL]), st.integers(1, 400))
def test_whatever_the_mask_allows_is_a_piece(seed: int, vocabulary: Vocabulary, most: int) -> None:
    chance = np.random.default_rng(seed)
    grammar, ids = Grammar(vocabulary), []
    while len(ids) < most and (not ids or vocabulary.name(ids[-1]) != "End"):
        choices = np.flatnonzero(grammar.allowed())
        kinds = [vocabulary.tokens[token][0] for token in choices]
        kind = chance.choice(list(dict.fromkeys(kinds)))  # a kind, then one of its values
        ids.append(int(chance.choice(choices[[one == kind for one in kinds]])))
        grammar.add(ids[-1])
    score = decode(ids, vocabulary)
    if score.tracks:
        again = decode(encode(score, vocabulary).ids, vocabulary)
        assert [track.notes for track in again.tracks] == [track.notes for track in score.tracks]
        assert [track.program for track in again.tracks] == [track.program for track in score.tracks]
        until = last_onset(score)
        assert [bar[:1] for bar in bars_of(again, until)] == [bar[:1] for bar in bars_of(score, until)]


def test_tokens_can_be_read() -> None:
    bass = Track([Note(0, 36, 36)], 32)
    drums = Track([Note(12, 3, 38), Note(0, 3, 36)], 0, True)
    score = Score([drums, Track([Note(0, 12, 60), Note(12, 24, 64)]), bass], 12, [Metre(0, 3, 4)])
    assert names(score) == (
        "Start, Instrument 0, Instrument 32, Bar 3/4, Position 0, Pitch 60, Duration 12, Track 1, Pitch 36, "
        "Duration 36, Drum 36, Duration 3, Position 12, Track 0, Pitch 64, Duration 24, Drum 38, Duration 3, End"
    )


def test_a_pickup_ends_at_the_bar_line() -> None:
    score = replace(sung(12, 12), pickup=12)
    assert names(score) == (
        "Start, Instrument 0, Bar 4/4, Length 12, Position 36, Pitch 60, Duration 12, Bar 4/4, Position 0, Pitch 61, "
        "Duration 12, End"
    )
    assert decode(encode(score, PLAIN).ids, PLAIN).pickup == 12


def test_a_metre_that_begins_early_shortens_the_bar_before() -> None:
    score = replace(sung(48, 24, 12), metres=[Metre(0, 4, 4), Metre(72, 3, 4)])
    assert names(score).count("Bar 4/4, Length 24") == 1
    assert decode(encode(score, PLAIN).ids, PLAIN).metres == score.metres


def test_notes_over_bars_are_held() -> None:
    assert "Pitch 60, Hold, Hold, Duration 4, End" in names(sung(100))
    assert "Pitch 60, Duration 48, End" in names(sung(48))


def test_times_off_the_grid_move_to_the_nearest_step() -> None:
    score = Score([Track([Note(0, 480, 60), Note(495, 455, 62), Note(960, 1, 64)])], 480)
    moved, changes = on_grid(score)
    assert [note[:3] for note in moved.tracks[0].notes] == [(0, 12, 60), (12, 12, 62), (24, 1, 64)]
    assert changes == [
        "33.3% of notes begin off the grid: moved by 0.031 beats on average",
        "66.7% of notes end off the grid: moved by 0.011 beats on average",
    ]
    assert encode(score, PLAIN).changes == changes


@settings(max_examples=30, deadline=None)
@given(scores(ticks=480))
def test_the_grid_holds_what_is_on_it(score: Score) -> None:
    moved, changes = on_grid(score)
    assert changes == []
    for track, other in zip(score.tracks, moved.tracks, strict=True):
        assert track.notes == [note._replace(start=note.start * 40, length=note.length * 40) for note in other.notes]


@pytest.mark.parametrize(
    ("metre", "held"),
    [((4, 4), (4, 4)), ((8, 32), (4, 16)), ((2, 1), (4, 2)), ((12, 4), (6, 4)), ((9, 4), (3, 4)), ((17, 8), (1, 8)),
     ((7, 32), (4, 4)), ((255, 64), (4, 4))],
)  # fmt: skip
def test_unusual_metres(metre: tuple[int, int], held: tuple[int, int]) -> None:
    assert held_metre(Metre(5, *metre)) == Metre(5, *held)
    score = replace(sung(12), metres=[Metre(0, *metre)])
    assert encode(score, PLAIN).changes == (
        [] if metre == held else ["metre {}/{} written as {}/{}".format(*metre, *held)]
    )


def test_doubled_notes_are_dropped() -> None:
    score = Score([Track([Note(0, 12, 60), Note(0, 24, 60), Note(0, 12, 62)])], 12)
    ids, changes = encode(score, PLAIN)
    assert changes == ["1 doubled note dropped"]
    assert plain(decode(ids, PLAIN)) == [(0, False, [(0, 24, 60), (0, 12, 62)])]


def test_more_tracks_than_there_are_tokens() -> None:
    tracks = [Track([Note(0, 12, 60 + number // 40)] * (1 + number % 40), number % 40) for number in range(80)]
    ids, changes = encode(Score(tracks, 12), PLAIN)
    assert changes[:2] == ["tracks of the same instrument merged", "the 8 tracks with the fewest notes dropped"]
    assert len(decode(ids, PLAIN).tracks) == TRACKS


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([("Bar", 0)], "Token 0, Bar 1/2, cannot follow nothing"),
        ([("Start", 0), ("Pitch", 60)], "Token 1, Pitch 60, cannot follow Start"),
        ([("Start", 0), ("Bar", 0), ("End", 0)], "Token 2, End, cannot follow Bar"),
    ],
)
def test_tokens_against_the_grammar_are_refused(tokens: list[tuple[str, int]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        decode([PLAIN.number(*token) for token in tokens], PLAIN)
    with pytest.raises(InputError, match="Token 0 is -1: the vocabulary has"):
        decode([-1], PLAIN)


def test_a_piece_that_is_cut_off_is_read_up_to_there() -> None:
    ids = encode(sung(100, 12), PLAIN).ids
    for length in range(len(ids)):
        assert len(plain(decode(ids[:length], PLAIN))) == (length > 7)


def test_generated_notes_are_not_held_for_ever() -> None:
    grammar = Grammar(PLAIN)
    tokens = [("Start", 0), ("Instrument", 0), ("Bar", METRES.index((4, 4))), ("Position", 0), ("Pitch", 60)]
    for token in [*tokens, *[("Hold", 0)] * LONGEST]:
        grammar.add(PLAIN.number(*token))
    allowed = {PLAIN.tokens[token][0] for token in np.flatnonzero(grammar.allowed())}
    assert allowed == {"Duration"}


@pytest.mark.parametrize("count", [1, 2, 8, 16, 63])
def test_levels_of_loudness(count: int) -> None:
    vocabulary = Vocabulary(velocities=count)
    assert [vocabulary.level(velocity) for velocity in vocabulary.loudness] == list(range(count))
    assert (vocabulary.level(1), vocabulary.level(127)) == (0, count - 1)


@pytest.mark.parametrize("count", [2, 16, 32])
def test_tempos(count: int) -> None:
    vocabulary = Vocabulary(tempos=count)
    assert [vocabulary.tempo(speed) for speed in vocabulary.speeds] == list(range(count))
    assert (vocabulary.tempo(4.0), vocabulary.tempo(1000.0)) == (0, count - 1)


def test_tokens_are_transposed_but_not_drums() -> None:
    score = Score([Track([Note(0, 12, 60)]), Track([Note(0, 12, 36)], 0, True)], 12)
    moved = PLAIN.transposed(encode(score, PLAIN).ids, -3)
    assert plain(decode(moved, PLAIN)) == [(0, False, [(0, 12, 57)]), (0, True, [(0, 12, 36)])]

"""Music in voices on the grid of sixteenths, and back."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab.data.notes.grid import BEAT, LONGEST_BAR
from genlab.data.notes.score import Metre, Note, Score, Tempo, Track
from genlab.data.notes.voices import STEPS, VoiceGrid, from_grid, to_grid, why_not_all, why_not_voices
from tests.data.notes.made import tune


@st.composite
def in_voices(draw: st.DrawFn, ticks: int = 480) -> Score:
    """Scores on the grid, whose voices are in order from high to low."""
    step = ticks // 4
    tracks = []
    for voice in range(draw(st.integers(1, 4))):
        notes, start = [], 0
        for _ in range(draw(st.integers(1, 12))):
            start += draw(st.sampled_from([0, 0, 0, 1, 7])) * step
            length = draw(st.integers(1, 9)) * step
            notes.append(Note(start, length, 100 - 20 * voice + draw(st.integers(0, 5))))
            start += length
        tracks.append(Track(notes, draw(st.integers(0, 127)), False, f"Voice {voice}"))
    beats, unit = draw(st.sampled_from([(4, 4), (3, 4), (6, 8), (7, 16), (2, 2)]))
    metres = [Metre(0, beats, unit)]
    if draw(st.booleans()):
        metres.append(Metre(draw(st.integers(1, 40)) * step, 5, 4))
    pickup = draw(st.integers(0, 4)) * step
    return Score(tracks, ticks, metres, [], [Tempo(0, 88.0)], pickup, "Air")


def cells(score: Score) -> np.ndarray:
    return to_grid(score)[0].pitches.T


def voice(*notes: tuple[int, ...], **options: object) -> Score:
    """A voice with these notes, with four ticks per quarter note."""
    return Score([Track([Note(*note) for note in notes])], 4, **options)


@settings(max_examples=60, deadline=None)
@given(in_voices())
def test_the_grid_holds_all_notes(score: Score) -> None:
    assert why_not_voices(score) is None
    grid, changes = to_grid(score)
    assert changes == []
    assert from_grid(grid) == score
    assert (grid.onsets <= (grid.pitches > 0)).all()
    assert grid.onsets.sum() == sum(len(track.notes) for track in score.tracks)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 100),
    st.lists(st.tuples(st.integers(0, 90), st.integers(1, 300), st.integers(1, 127)), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(1, 500), st.integers(1, 20), st.sampled_from([1, 2, 4, 8, 16, 32])), max_size=3),
    st.integers(0, 200),
)
def test_what_was_on_the_grid_once_stays_as_it_is(
    ticks: int, notes: list[tuple[int, int, int]], metres: list[tuple[int, int, int]], pickup: int
) -> None:
    """Whatever the times are, the grid has a pitch at every onset, places within the bar, and reads as itself."""
    start, voices = 0, ([], [])
    for number, (delta, length, pitch) in enumerate(notes):
        start += delta + 1
        voices[number % 2].append(Note(start, length, pitch))
    changes = [Metre(0, 4, 4), *(Metre(*metre) for metre in sorted(metres))]
    grid, _ = to_grid(Score([Track(voice) for voice in voices if voice], ticks, changes, pickup=pickup))
    assert (grid.onsets <= (grid.pitches > 0)).all()
    assert len(grid.phases) == len(grid.pitches) > 0
    assert grid.phases.min() >= 0 and grid.phases.max() < LONGEST_BAR * STEPS // BEAT
    again, moved = to_grid(from_grid(grid))
    assert moved == []
    assert sorted(again.pitches.T.tolist()) == sorted(grid.pitches.T.tolist())
    assert again.onsets.sum() == grid.onsets.sum()
    assert again.phases.tolist() == grid.phases.tolist()


def test_notes_struck_again_differ_from_held_ones() -> None:
    struck, held = to_grid(voice((0, 2, 60), (2, 2, 60)))[0], to_grid(voice((0, 4, 60)))[0]
    assert struck.pitches.tolist() == held.pitches.tolist() == [[60]] * 4
    assert struck.onsets[:, 0].tolist() == [True, False, True, False]
    assert held.onsets[:, 0].tolist() == [True, False, False, False]
    assert [note[:2] for note in from_grid(struck).tracks[0].notes] == [(0, 240), (240, 240)]
    assert [note[:2] for note in from_grid(held).tracks[0].notes] == [(0, 480)]


def test_rests_are_0_and_a_change_of_pitch_is_a_note() -> None:
    assert cells(voice((2, 1, 60), (4, 1, 60))).tolist() == [[0, 0, 60, 0, 60]]
    grid = VoiceGrid(np.array([[60], [62], [0], [62]]), np.zeros((4, 1), bool))
    assert [(note.start, note.pitch) for note in from_grid(grid).tracks[0].notes] == [(0, 60), (120, 62), (360, 62)]


def test_a_pickup_has_the_last_places_of_its_bar() -> None:
    metres = [Metre(0, 3, 4), Metre(14, 2, 4)]
    grid, _ = to_grid(voice((0, 25, 60), metres=metres, pickup=2))
    assert grid.phases.tolist() == [10, 11, *range(12), *range(8), *range(3)]
    assert to_grid(voice((0, 5, 60)))[0].phases.tolist() == [0, 1, 2, 3, 4]


def test_voices_are_ordered_from_high_to_low() -> None:
    bass, soprano = Track([Note(0, 4, 40)], 42, name="B"), Track([Note(0, 4, 70)], name="S")
    grid, _ = to_grid(Score([bass, Track([]), soprano], 4))
    assert grid.pitches[0].tolist() == [70, 40, 0]
    assert (grid.names, grid.programs) == (("S", "B", ""), (0, 42, 0))


def test_what_is_off_the_grid_is_said() -> None:
    triplets = Score([Track([Note(0, 160, 60), Note(160, 160, 62), Note(320, 160, 64), Note(480, 480, 65)])], 480)
    grid, changes = to_grid(triplets)
    assert changes == ["75.0% of notes begin or end off the grid of sixteenths: moved"]
    assert grid.pitches[:, 0].tolist() == [60, 62, 62, 64, 65, 65, 65, 65]
    ornament = Score([Track([Note(0, 460, 60), Note(460, 20, 62), Note(480, 480, 64)])], 480)
    grid, changes = to_grid(ornament)
    assert changes[1:] == ["1 note shorter than a step dropped"]
    assert grid.pitches[:, 0].tolist() == [60] * 4 + [64] * 4
    legato = Score([Track([Note(0, 500, 60), Note(480, 480, 62)])], 480)
    assert why_not_voices(legato) is None
    assert cells(legato).tolist() == [[60] * 4 + [62] * 4]
    assert to_grid(voice((0, 4, 60), metres=[Metre(0, 4, 1)]))[1] == ["metre 4/1 written as 4/2"]


def test_the_last_note_may_be_shorter_than_half_a_step() -> None:
    grid, changes = to_grid(Score([Track([Note(0, 480, 60), Note(480, 10, 62)])], 480))
    assert grid.pitches[:, 0].tolist() == [60] * 4 + [62]
    assert changes == ["50.0% of notes begin or end off the grid of sixteenths: moved"]


@pytest.mark.parametrize(
    ("tracks", "reason"),
    [
        ([Track([Note(0, 4, 60)]), Track([Note(0, 4, 36)], drums=True)], "has drums"),
        ([], "has 0 tracks"),
        ([Track([Note(0, 4, 60)])] * 9, "has 9 tracks"),
        ([Track([Note(0, 4, 60)]), Track([Note(0, 4, 60), Note(0, 4, 64)])], "track 2 plays several notes at once"),
        ([Track([Note(0, 4, 60), Note(2, 4, 64)])], "track 1 plays several notes at once"),
        ([Track([Note(0, 1, 60), Note(0, 1, 64)])], "track 1 plays several notes at once"),
        ([Track([Note(0, 4, 0)])], "track 1 has the pitch 0"),
    ],
)
def test_what_is_not_in_voices_says_why(tracks: list[Track], reason: str) -> None:
    assert why_not_voices(Score(tracks, 4)) == reason


def test_a_corpus_is_in_voices_if_every_piece_has_the_same_number() -> None:
    four, two = [tune(seed, voices=4) for seed in range(3)], tune(9, voices=2)
    assert why_not_all(four) is None
    assert why_not_all([*four, two]) == "pieces have 2 or 4 voices"
    chords = replace(two, tracks=[Track([Note(0, 480, 60), Note(0, 480, 64)])])
    assert why_not_all([*four, chords]) == "piece 4 track 1 plays several notes at once"
    assert why_not_all([]) == "there are no notes"
    triplets = Score([Track([Note(160 * number, 150, 60 + number) for number in range(6)])] * 4)
    assert why_not_all([triplets]) == "67% of notes begin off the grid of sixteenths"
    late = Score([Track([Note(120 * number + 9, 90, 60 + number) for number in range(6)])] * 4)
    assert why_not_all([*four, late]) is None


def test_a_voice_may_be_silent():
    score = Score([Track([Note(0, 480, 60)]), Track([])])
    grid, _ = to_grid(score)
    assert grid.pitches[:, 1].tolist() == [0, 0, 0, 0]
    assert [len(track.notes) for track in from_grid(grid).tracks] == [1, 0]

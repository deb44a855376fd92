"""Making music in voices with an untrained network: what is given stays, and what cannot be done is an error."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from genlab.data.notes.keys import key_of
from genlab.data.notes.score import Metre, Note, Score, Track
from genlab.data.notes.voices import to_grid
from genlab.engine.custom import Networks
from genlab.engine.machine import Machine
from genlab.errors import InputError
from genlab.models.chorale_writing import log_likelihood
from genlab.tasks.music.chorale import build_network
from genlab.tasks.music.given import bar_starts
from genlab.tasks.music.grids import VoiceFacts, as_tensors, facts_of, folded
from genlab.tasks.music.options import ChoraleOptions, MusicRequest
from genlab.tasks.music.pipeline import MusicPipeline
from genlab.tasks.music.voices import VoiceWriter, plan_of
from tests.data.notes.made import tune

VOICES = 3
TUNES = [tune(seed, voices=VOICES) for seed in range(6)]


@pytest.fixture(scope="module")
def pipeline() -> MusicPipeline:
    facts = facts_of([to_grid(score)[0] for score in TUNES])
    torch.manual_seed(0)
    options = ChoraleOptions(width=32, depth=1)
    made = MusicPipeline(options, facts, build_network(options, facts, Networks()), Machine("cpu"))
    with torch.no_grad():
        for weight in made.network.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
        made.network.end.bias.fill_(-3.0)
    return made


def write(pipeline: MusicPipeline, **request) -> Iterator[Score]:
    return (sample.content for sample in pipeline.generate(MusicRequest(**request)))


def notes(score: Score, track: int = 0) -> list[tuple[int, int, int]]:
    """Start and length in sixteenths, and pitch."""
    return [(4 * n.start // score.ticks, 4 * n.length // score.ticks, n.pitch) for n in score.tracks[track].notes]


def transposed(score: Score, semitones: int) -> Score:
    return replace(
        score,
        tracks=[
            replace(track, notes=[note._replace(pitch=note.pitch + semitones) for note in track.notes])
            for track in score.tracks
        ],
    )


def melody(score: Score) -> Score:
    return replace(score, tracks=score.tracks[:1])


# --- new pieces -----------------------------------------------------------------------------------


def test_a_piece_depends_on_its_seed_and_number_only(pipeline):
    many = list(write(pipeline, bars=2, n=18, seed=3))
    assert len(many) == 18
    assert [notes(one) for one in write(pipeline, bars=2, n=2, seed=3)] == [notes(one) for one in many[:2]]
    assert notes(many[0]) != notes(many[1])
    (first,) = write(pipeline, bars=2, seed=4)
    assert notes(first) != notes(many[0])


def test_bars_are_an_upper_limit(pipeline):
    lengths = [one.length / one.ticks for one in write(pipeline, bars=2, n=30)]
    assert max(lengths) == 8
    assert min(lengths) < 8


def test_voices_stay_in_their_usual_range(pipeline):
    usual = [[low + 2, high - 2] for low, high in pipeline.facts.ranges]
    writer = VoiceWriter(pipeline.network, replace(pipeline.facts, usual_ranges=usual), Machine("cpu"))
    for score in writer.write(MusicRequest(bars=4, n=5), pipeline.evaluating):
        for track, (low, high) in zip(score.tracks, usual, strict=True):
            assert all(low <= note.pitch <= high for note in track.notes)


def test_the_instruments_and_tempo_are_those_asked_for(pipeline):
    (score,) = write(pipeline, bars=2, tempo=90.0, instruments=("violin", "19"))
    assert [track.program for track in score.tracks] == [40, 19, 19]
    assert score.tempos[0].per_minute == 90


@pytest.mark.parametrize(("key", "found"), [("E flat minor", (3, True)), ("F# major", (6, False))])
def test_keys(pipeline, key, found):
    for score in write(pipeline, bars=4, n=3, key=key):
        assert key_of(score) == found


def test_pieces_have_notes_files_and_sound(pipeline):
    (sample,) = pipeline.generate(MusicRequest(bars=1))
    assert sample.notes[0] == sample.content.tracks[0].notes
    assert sample.midi() == sample.files["mid"]
    assert sample.midi()[:4] == b"MThd"
    assert sample.files["wav"][:4] == b"RIFF"
    assert sample.files["png"][1:4] == b"PNG"
    assert 0.01 < np.abs(sample.audio()).max() <= 1


# --- what is given --------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [0, 14, -30])
def test_a_prompt_is_continued(pipeline, shift):
    prompt = transposed(TUNES[0], shift)
    end = 4 * prompt.length // prompt.ticks
    (whole,) = write(pipeline, prompt=prompt, bars=2)
    for track in range(VOICES):
        assert [n for n in notes(whole, track) if n[0] + n[1] < end] == [
            n for n in notes(prompt, track) if n[0] + n[1] < end
        ]
    assert whole.length / whole.ticks > prompt.length / prompt.ticks


def test_a_prompt_is_continued_by_a_bar_at_least(pipeline, monkeypatch):
    monkeypatch.setattr(pipeline.network.end.bias, "data", torch.full((1,), 99.0))
    (whole,) = write(pipeline, prompt=TUNES[0], bars=2)
    grid, given = to_grid(whole)[0], to_grid(TUNES[0])[0]
    assert len(given.pitches) < len(grid.pitches) <= len(given.pitches) + 16
    (rest,) = write(pipeline, prompt=TUNES[0], bars=2, with_prompt=False)
    assert any(track.notes for track in rest.tracks)


def test_a_prompt_can_be_left_out(pipeline):
    (whole,) = write(pipeline, prompt=TUNES[0], bars=2)
    (rest,) = write(pipeline, prompt=TUNES[0], bars=2, with_prompt=False)
    end = 4 * TUNES[0].length // TUNES[0].ticks
    later = [(start - end, length, pitch) for start, length, pitch in notes(whole) if start >= end]
    assert notes(rest)[-len(later) :] == later
    assert len(notes(rest)) <= len(later) + 1  # and what sounds on from the prompt


@pytest.mark.parametrize("shift", [0, 9])
def test_a_melody_gets_other_voices(pipeline, shift):
    given = transposed(melody(TUNES[1]), shift)
    (made,) = write(pipeline, harmonise=given)
    assert notes(made) == notes(given)
    assert len(made.tracks) == VOICES
    assert all(made.tracks[voice].notes for voice in range(VOICES))
    (other,) = write(pipeline, harmonise=given, seed=1)
    assert notes(other, 1) != notes(made, 1)


def test_voices_beyond_the_notes_of_midi_move_by_octaves(pipeline):
    given = transposed(melody(TUNES[1]), -36)
    low = min(note.pitch for note in given.tracks[0].notes)
    made = next(write(pipeline, harmonise=transposed(given, 12 - low if low < 12 else 0)))
    assert all(0 < note.pitch < 128 for track in made.tracks for note in track.notes)
    assert all(track.notes for track in made.tracks)


def test_what_is_given_off_the_grid_is_named(pipeline, capsys):
    given = melody(TUNES[1])
    first, *rest = given.tracks[0].notes
    moved = replace(given, tracks=[replace(given.tracks[0], notes=[first._replace(length=first.length - 7), *rest])])
    next(write(pipeline, harmonise=moved))
    assert "Note: harmonise: " in capsys.readouterr().err


def test_a_model_without_bars_takes_any_metre(pipeline):
    facts = replace(pipeline.facts, metres=[[1, 4]])
    writer = VoiceWriter(pipeline.network, facts, pipeline.machine)
    (made,) = writer.write(MusicRequest(harmonise=melody(TUNES[1])), pipeline.evaluating)
    assert notes(made) == notes(TUNES[1])
    assert {metre[1:] for metre in made.metres} == {(1, 4)}


def test_of_a_piece_in_voices_the_highest_is_the_melody(pipeline):
    (made,) = write(pipeline, harmonise=TUNES[1])
    assert notes(made) == notes(TUNES[1])
    assert notes(made, 1) != notes(TUNES[1], 1)


def test_bars_are_rewritten(pipeline):
    given, _ = to_grid(TUNES[2])
    (made,) = write(pipeline, fill=TUNES[2], from_bar=2, to_bar=3)
    found, _ = to_grid(made)
    starts = bar_starts(given)
    stretch = slice(starts[1], starts[3])
    assert np.array_equal(np.delete(found.pitches, stretch, 0), np.delete(given.pitches, stretch, 0))
    assert not np.array_equal(found.pitches[stretch], given.pitches[stretch])


def test_what_follows_rewritten_bars_begins_anew_where_it_must(pipeline):
    """A candidate that ends on another pitch than the original strikes the next note; none is impossible."""
    writer = VoiceWriter(pipeline.network, replace(pipeline.facts, repeats=False), pipeline.machine)
    plan = plan_of(MusicRequest(fill=TUNES[2], from_bar=2, to_bar=3), writer.facts)
    step = plan.rewritten.stop
    written = writer._joined(writer._some(plan, MusicRequest(), list(range(16)), pipeline.evaluating), step)
    changed = written.codes[:, step] != written.codes[:, step - 1]
    assert torch.equal(written.struck[:, step], changed)
    assert changed.any()
    fits = log_likelihood(writer.network, plan.places.expand(16, -1, -1), written.codes, written.struck)
    assert fits[:, step:].isfinite().all()


# --- bad requests ---------------------------------------------------------------------------------

CHORDS = Score([Track([Note(0, 480, 60), Note(0, 480, 64)])])
WIDE = Score([Track([Note(0, 480, 40), Note(480, 480, 100)])])
ODD = replace(TUNES[0], metres=[Metre(0, 7, 8)])


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"key": "H"}, "key: H is not a key"),
        ({"key": "C", "prompt": TUNES[0]}, "key: what is given has a key"),
        ({"metre": "5/4"}, "metre: the training pieces have no 5/4: choose from 4/4"),
        ({"metre": "4/4", "harmonise": melody(TUNES[0])}, "metre: what is given has a metre"),
        ({"instruments": ("vilin",)}, r"vilin is not an instrument .* \(perhaps violin\?\)"),
        ({"instruments": ("128",)}, "128 is not an instrument"),
        ({"prompt": TUNES[0], "fill": TUNES[1]}, "fill: prompt and fill exclude each other"),
        ({"prompt": melody(TUNES[0])}, "the model writes 3 voices, .* the file has 1 track"),
        ({"prompt": ODD}, "prompt: the metre 7/8 of the file does not occur in the training pieces"),
        ({"harmonise": CHORDS}, "a melody has one note at a time"),
        ({"harmonise": WIDE}, "voice 1 goes from E2 to E7, a wider range than in the training pieces"),
        ({"harmonise": replace(TUNES[0], tracks=TUNES[0].tracks[:2])}, "one track, the melody, or 3; it has 2"),
        ({"fill": TUNES[0]}, "from_bar: --fill needs --from-bar and --to-bar"),
        ({"fill": TUNES[0], "from_bar": 3, "to_bar": 2}, "to_bar: 2 is before --from-bar 3"),
        ({"fill": TUNES[0], "from_bar": 1, "to_bar": 99}, "to_bar: the piece has 8 bars, not 99"),
        ({"from_bar": 1}, "--from-bar and --to-bar belong to --fill"),
        ({"with_prompt": False}, "--no-with-prompt belongs to --prompt"),
    ],
)  # fmt: skip
def test_requests_that_cannot_be_fulfilled(pipeline, request_, message):
    with pytest.raises(InputError, match=message):
        list(write(pipeline, **request_))


# --- pieces as tensors ----------------------------------------------------------------------------


def facts(**values) -> VoiceFacts:
    return VoiceFacts(**{"ranges": [[60, 72], [48, 64]], "usual_ranges": [[60, 70], [48, 64]], "repeats": True,
                         "metres": [[4, 4]], "pickup": 0,
                         "tempo": 100.0, **values})  # fmt: skip


def test_pitches_beyond_the_corpus_move_by_octaves():
    pitches = np.array([[0, 47], [73, 36], [84, 90], [60, 48]])
    assert folded(pitches, facts()).tolist() == [[0, 59], [61, 48], [72, 66], [60, 48]]


def test_a_piece_as_tensors():
    score = Score([Track([Note(0, 480, 60), Note(480, 480, 60)]), Track([Note(240, 480, 48)])])
    piece = as_tensors(to_grid(score)[0], facts())
    assert piece.codes.T.tolist() == [[13] * 8, [0, 0, 1, 1, 1, 1, 0, 0]]
    assert piece.struck.T.tolist() == [
        [True, False, False, False, True, False, False, False],
        [True, False, True, False, False, False, True, False],
    ]
    assert piece.places.tolist() == [[step, 16] for step in range(9)]
    held = as_tensors(to_grid(score)[0], facts(repeats=False))
    assert held.struck[:, 0].tolist() == [True] + [False] * 7


def test_facts_of_pieces():
    found = facts_of([to_grid(score)[0] for score in TUNES])
    pitches = [[n.pitch for score in TUNES for n in score.tracks[voice].notes] for voice in range(VOICES)]
    assert found.ranges == [[min(voice), max(voice)] for voice in pitches]
    assert found.repeats
    assert found.metres == [[4, 4]]
    assert found.tempo == 120

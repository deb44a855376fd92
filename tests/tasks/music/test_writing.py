"""Writing tokens with untrained networks: everything decodes, and requests that cannot be fulfilled are errors."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from genlab.data.notes.keys import key_of, tonality_of
from genlab.data.notes.score import Metre, Note, Score, Track
from genlab.data.notes.tokens import decode, encode
from genlab.data.notes.transposing import ranges_of, transposed
from genlab.engine.custom import Networks
from genlab.engine.machine import Machine
from genlab.errors import InputError
from genlab.tasks.music import lstm, transformer
from genlab.tasks.music.options import LSTMOptions, TokenRequest, TransformerOptions
from genlab.tasks.music.pipeline import MusicPipeline
from genlab.tasks.music.prompts import beginning_of, moved_back
from genlab.tasks.music.tokens import facts_of_scores
from genlab.tasks.music.writing import Row, permitted_tokens
from tests.tasks.music.made import duet

CORPUS = [duet(seed, metre=(3, 4) if seed % 3 == 2 else (4, 4)) for seed in range(6)]
SIZE = {"context": 64, "width": 32, "depth": 1}


def pipeline_of(options, corpus: list[Score]) -> MusicPipeline:
    facts = facts_of_scores(corpus, None, None)
    build = lstm.build_network if isinstance(options, LSTMOptions) else transformer.build_network
    torch.manual_seed(0)
    made = MusicPipeline(options, facts, build(options, facts, Networks()), Machine("cpu"))
    with torch.no_grad():
        for weight in made.network.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return made


@pytest.fixture(scope="module", params=["rotary", "relative", "lstm"])
def pipeline(request) -> MusicPipeline:
    if request.param == "lstm":
        return pipeline_of(LSTMOptions(**SIZE), CORPUS)
    return pipeline_of(TransformerOptions(**SIZE, relative=request.param == "relative"), CORPUS)


@pytest.fixture(scope="module")
def rotary() -> MusicPipeline:
    return pipeline_of(TransformerOptions(**SIZE), CORPUS)


@pytest.fixture(scope="module")
def plain() -> MusicPipeline:
    """Of pieces without drums."""
    return pipeline_of(TransformerOptions(**SIZE), [duet(seed, drums=False) for seed in range(4)])


def write(pipeline: MusicPipeline, **request) -> Iterator[Score]:
    return (sample.content for sample in pipeline.generate(TokenRequest(**request)))


def spans(score: Score) -> list[tuple[int, bool, list[Note]]]:
    """Instrument and notes of each track, in twelfths of a beat."""
    return [
        (
            track.program,
            track.drums,
            [n._replace(start=12 * n.start // score.ticks, length=12 * n.length // score.ticks) for n in track.notes],
        )
        for track in score.tracks
    ]


def bars(score: Score) -> int:
    """Number of bars that have notes or come before these."""
    ids = encode(score, facts_of_scores([score], 0, 0).vocabulary).ids
    row = Row(ids[:-1].tolist(), facts_of_scores([score], 0, 0), np.ones(0, bool), 0)
    return row.grammar.bars


# --- new pieces -----------------------------------------------------------------------------------


def test_a_piece_depends_on_its_seed_and_number_only(pipeline, monkeypatch):
    """Also when the context is full, and a part is read again."""
    monkeypatch.setattr("genlab.tasks.music.drawing.TOGETHER", 4)
    many = list(write(pipeline, bars=3, n=5, seed=3))
    assert len(many) == 5
    assert max(sum(len(track.notes) for track in one.tracks) for one in many) > 24  # more than the context holds
    assert [spans(one) for one in write(pipeline, bars=3, n=2, seed=3)] == [spans(one) for one in many[:2]]
    assert spans(many[0]) != spans(many[1])
    (first,) = write(pipeline, bars=3, seed=4)
    assert spans(first) != spans(many[0])


def test_the_cache_changes_nothing(rotary, monkeypatch):
    """A network that reads everything again for each token draws the same tokens."""
    network, own = rotary.network, list(write(rotary, bars=1, n=3))
    forward = network.forward

    class Everything:
        """Keeps what was read."""

        def __init__(self) -> None:
            self.read: list[tuple[torch.Tensor, torch.Tensor]] = []

        def keep(self, rows) -> None:
            self.read = [(tokens[rows], places[rows]) for tokens, places in self.read]

    def reread(tokens, places, cache, last=False, mask=None):
        cache.read.append((tokens, places))
        return forward(*(torch.cat(parts, 1) for parts in zip(*cache.read, strict=True)), mask=mask)

    monkeypatch.setattr(network, "forward", reread)
    monkeypatch.setattr(network, "new_cache", Everything)
    assert [spans(one) for one in write(rotary, bars=1, n=3)] == [spans(one) for one in own]


def test_bars_are_an_upper_limit(pipeline):
    counts = [bars(one) for one in write(pipeline, bars=2, n=16)]
    assert max(counts) in (2, 3)  # a pick-up does not count
    assert min(counts) < 2


def test_only_what_the_training_pieces_have(pipeline):
    for score in write(pipeline, bars=3, n=8):
        assert {metre[1:] for metre in score.metres} <= {(4, 4), (3, 4)}
        assert {track.program for track in score.tracks if not track.drums} <= {0, 73}
        assert score.tempos[0].per_minute == 100


def test_the_metre_instruments_and_tempo_are_those_asked_for(rotary):
    for score in write(rotary, bars=3, n=8, metre="3/4", instruments=("flute", "0", "flute"), tempo=90.0):
        assert {metre[1:] for metre in score.metres} == {(3, 4)}
        assert [track.program for track in score.tracks if not track.drums] in ([], [73], [0], [73, 0], [0, 73],
                                                                                [73, 73], [73, 0, 73])  # fmt: skip
        assert score.tempos[0].per_minute == 90


def test_without_drums_none_are_written(plain):
    assert all(not track.drums and track.notes for one in write(plain, bars=2, n=6) for track in one.tracks)


def test_only_drums():
    drums = [replace(duet(seed), tracks=duet(seed).tracks[2:]) for seed in range(4)]
    made = pipeline_of(TransformerOptions(**SIZE), drums)
    for score in write(made, bars=2, n=4):
        assert [track.drums for track in score.tracks] == [True]
    (longer,) = write(made, bars=1, prompt=drums[0])
    assert spans(longer)[0][2][: len(drums[0].tracks[0].notes)] == spans(drums[0])[0][2]
    with pytest.raises(InputError, match="have no acoustic grand piano: they have only drums"):
        next(write(made, instruments=("piano",)))


def test_learnt_tempos_are_written_and_can_be_replaced():
    made = pipeline_of(TransformerOptions(**SIZE), [duet(seed, tempo=60.0 + 20 * seed) for seed in range(4)])
    tempos = {one.tempos[0].per_minute for one in write(made, bars=2, n=8)}
    assert len(tempos) > 1
    assert {len(one.tempos) for one in write(made, bars=4, n=4, tempo=91.0)} == {1}


@pytest.mark.parametrize("key", ["E flat minor", "F# major"])
def test_keys(plain, key):
    for score in write(plain, bars=4, n=2, key=key):
        assert key_of(score) == tonality_of(key)


# --- prompts --------------------------------------------------------------------------------------


def test_a_prompt_begins_the_music(pipeline):
    """Also one that is longer than the context."""
    for prompt in (duet(9, bars=1), duet(9, bars=8)):
        for score in write(pipeline, bars=2, n=3, prompt=prompt):
            found = spans(score)
            for (program, drums, given), (made, struck, notes) in zip(spans(prompt), found, strict=True):
                assert (program, drums) == (made, struck)
                assert set(given) <= set(notes)
            assert bars(score) <= bars(prompt) + 2


def test_the_prompt_can_be_left_out(rotary):
    prompt = duet(9, bars=3)
    whole = list(write(rotary, bars=2, n=6, prompt=prompt))
    rest = list(write(rotary, bars=2, n=6, prompt=prompt, with_prompt=False))
    given = {(program, drums): set(notes) for program, drums, notes in spans(prompt)}
    some = 0
    for all_, new in zip(whole, rest, strict=True):
        added = {(p, d): sorted(set(notes) - given[p, d]) for p, d, notes in spans(all_)}
        kept = {(p, d): sorted(notes) for p, d, notes in spans(new)}
        assert {key: len(notes) for key, notes in added.items() if notes} == {k: len(n) for k, n in kept.items()}
        if not kept:
            continue
        some += 1
        moved = {b.start - a.start for key in kept for a, b in zip(kept[key], added[key], strict=True)}
        assert len(moved) == 1
        assert moved <= {96, 144, 192, 240}  # bar lines: 3/4 and 4/4 occur
        assert new.metres[0].start == 0
    assert some > 2


def test_a_prompt_can_be_played_by_other_instruments(rotary):
    violin = replace(duet(1), tracks=[replace(duet(1).tracks[0], program=40)])
    with pytest.raises(InputError, match="no violin") as error:
        next(write(rotary, prompt=violin))
    assert error.value.field == "prompt"
    (score,) = write(rotary, bars=1, prompt=violin, instruments=("flute",))
    assert score.tracks[0].program == 73


@pytest.mark.parametrize("shift", [14, -30, 45])
def test_a_prompt_out_of_range_is_moved_into_it_and_back(rotary, shift):
    """The network reads and writes pitches of the training pieces; the listener hears those of the prompt."""
    prompt = transposed(duet(1, bars=1), shift)
    beginning = beginning_of(TokenRequest(prompt=prompt), rotary.facts)
    near = beginning_of(TokenRequest(prompt=duet(1, bars=1)), rotary.facts)
    ranges = {program: (low, high) for program, low, high in rotary.facts.ranges}
    read = ranges_of([decode(beginning.ids, rotary.facts.vocabulary)])
    assert all(ranges[p][0] <= low and high <= ranges[p][1] for p, (low, high) in read.items())
    assert near.shift == 0
    assert abs(beginning.shift + shift) <= 12
    for with_prompt in (True, False):
        request = {"bars": 2, "n": 3, "prompt": prompt, "with_prompt": with_prompt}
        for score in write(rotary, **request):
            found = {(program, drums): set(notes) for program, drums, notes in spans(score)}
            if with_prompt:
                assert all(set(given) <= found[program, drums] for program, drums, given in spans(prompt))
            assert all(0 <= note.pitch <= 127 for track in score.tracks for note in track.notes)


def test_notes_beyond_midi_move_by_octaves():
    score = Score([Track([Note(0, 480, pitch) for pitch in (3, 60, 127)]), Track([Note(0, 480, 36)], 0, True)])
    down, up = moved_back(score, 5), moved_back(score, -5)
    assert [note.pitch for note in down.tracks[0].notes] == [10, 55, 122]
    assert [note.pitch for note in up.tracks[0].notes] == [8, 65, 120]
    assert down.tracks[1] == up.tracks[1] == score.tracks[1]


BAD = {
    "a prompt that is too wide": (
        {"prompt": Score([Track([Note(0, 480, 20), Note(480, 480, 100)], 73)])},
        "prompt: the flute goes from G#0 to E7, a wider range than in the training pieces (", "prompt",
    ),
    "instruments that are too far apart": (
        {"prompt": Score([Track([Note(0, 480, 100)], 73), Track([Note(0, 480, 20)])])},
        "prompt: its instruments are further apart than in the training pieces.", "prompt",
    ),
    "a metre never seen": ({"metre": "7/8"}, "metre: the training pieces have no 7/8: choose from 4/4, 3/4.", "metre"),
    "an instrument never seen": (
        {"instruments": ("violin",)}, "instruments: the training pieces have no violin: they have", "instruments",
    ),
    "no instrument": ({"instruments": ("viollin",)}, "instruments: viollin is not an instrument", "instruments"),
    "too many instruments": ({"instruments": ("flute",) * 33}, "instruments: 33 are too many: give at most 32",
                             "instruments"),
    "no key": ({"key": "H"}, "key: H is not a key", "key"),
    "a key for a prompt": ({"key": "D", "prompt": duet(1)}, "key: what is given has a key: omit --key.", "key"),
    "a metre for a prompt": ({"metre": "3/4", "prompt": duet(1)}, "metre: what is given has a metre", "metre"),
    "no prompt to leave out": (
        {"with_prompt": False}, "with_prompt: --no-with-prompt belongs to --prompt", "with_prompt",
    ),
    "a prompt without notes": ({"prompt": Score([])}, "prompt: the file has no notes.", "prompt"),
    "a prompt in a strange metre": (
        {"prompt": replace(duet(1), metres=[Metre(0, 7, 8)])},
        "prompt: the metre 7/8 of the file does not occur in the training pieces (4/4, 3/4).", "prompt",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", list(BAD))
def test_bad_requests(rotary, case):
    request, message, field = BAD[case]
    with pytest.raises(InputError) as error:
        next(write(rotary, **request))
    assert str(error.value).startswith(message)
    assert error.value.field == field


def test_drums_in_a_prompt_need_drums_in_training(plain):
    with pytest.raises(InputError, match="the file has drums, and the training pieces have none: remove them"):
        next(write(plain, prompt=duet(1)))
    only = Score([Track([Note(0, 120, 36)], 0, True)])
    with pytest.raises(InputError, match="the file has drums"):
        next(write(plain, prompt=only))


def test_a_token_may_always_follow(rotary):
    """Random sequences of allowed tokens end within their bars."""
    random = np.random.default_rng(0)
    request = TokenRequest(metre="3/4")
    for _ in range(20):
        facts = rotary.facts
        row = Row([facts.vocabulary.number("Start")], facts, permitted_tokens(request, facts), 2)
        while not row.ended:
            allowed = np.flatnonzero(row.allowed())
            assert len(allowed)
            row.add(int(random.choice(allowed)))
        assert row.grammar.bars <= 3

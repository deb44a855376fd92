"""Pieces as tokens: parts of them, batches, and the facts that a model keeps."""

import numpy as np
import pytest

from genlab.data.notes.folder import Piece
from genlab.data.notes.score import Note, Score, Track
from genlab.data.notes.vocabulary import Vocabulary
from genlab.errors import InputError
from genlab.tasks.music.tokens import (
    PAD,
    TokenPiece,
    facts_of_scores,
    newest,
    part_of,
    parts_of,
    random_start,
    together,
    tokens_of,
)
from tests.tasks.music.made import duet

PLAIN = Vocabulary()


def piece(bars: int = 6, **options) -> TokenPiece:
    scores = [duet(0, bars, **options)]
    (made,), _ = tokens_of([Piece("duet", scores[0])], facts_of_scores(scores, None, None))
    return made


def test_facts_fit_the_pieces():
    scores = [duet(0), duet(1, metre=(3, 4), drums=False), duet(2, tempo=80.0)]
    facts = facts_of_scores(scores, None, None)
    assert (facts.velocities, facts.tempos) == (0, 16)
    assert facts.metres == [[4, 4], [3, 4]]
    assert facts.tempo == 100
    assert sorted(facts.instruments) == [0, 73]
    assert facts.drums
    loud = Score([Track([Note(0, 480, 60, 50), Note(480, 480, 62, 90)])])
    assert facts_of_scores([loud], None, None).velocities == 16
    assert facts_of_scores([loud], 0, 8).tempos == 8
    with pytest.raises(InputError, match=r"tempos: 1 cannot be used; it must be 0, or from 2 to 32\.") as error:
        facts_of_scores([loud], None, 1)
    assert error.value.field == "tempos"


@pytest.mark.parametrize("length", [16, 40, 100, 5000])
def test_parts_predict_each_token_once(length):
    """Parts from inside the piece begin with its Instruments, without Start; bars may be longer than they are."""
    made = piece()
    found = []
    for number, part in enumerate(parts_of(made, length)):
        assert len(part.ids) <= length
        assert not part.scored[0]
        found += part.ids[part.scored].tolist()
        if number:
            assert part.ids[0] == PAD
            assert (part.ids[1:3] == made.ids[1:3]).all()
            assert part.scored.sum() >= length // 4 or found[-1] == made.ids[-1]
        else:
            assert part.ids[0] == made.ids[0] == PLAIN.number("Start")
    assert found == made.ids[1:].tolist()


def test_a_part_begins_at_a_bar_line_with_the_places_of_its_tokens():
    made = piece()
    first = int(made.bars[2])
    part = part_of(made, first, 50)
    assert len(part.ids) == 50
    assert (part.ids[3:] == made.ids[first : first + 47]).all()
    assert (part.places == np.concatenate((made.places[:3], made.places[first : first + 47]))).all()
    assert part.scored.tolist() == [False] * 4 + [True] * 46


def test_training_reads_every_token_and_begins_at_bar_lines():
    made, random = piece(), np.random.default_rng(0)
    length = 150  # of about 400
    seen, starts = np.zeros(len(made.ids), int), set()
    for _ in range(300):
        first = random_start(made, length, random)
        assert first == 0 or first in made.bars[1:]
        starts.add(first)
        part = part_of(made, first, length)
        end = first + len(part.ids) - (3 if first else 0)
        assert len(part.ids) == length or end == len(made.ids)
        seen[first:end] += 1
    assert len(starts) > 3
    assert seen.min() > 20
    assert random_start(made, len(made.ids), random) == 0


@pytest.mark.parametrize("length", [24, 150])
def test_the_newest_part_ends_with_the_piece(length):
    made = piece()
    part = newest(made, length)
    assert length // 4 < len(part.ids) <= length
    assert part.ids[0] == PAD
    assert (part.ids[3:] == made.ids[-len(part.ids) + 3 :]).all()
    if length == 150:
        assert PLAIN.name(part.ids[3]) == "Bar 4/4"
    assert (newest(made, 5000).ids == made.ids).all()


def test_a_batch_is_padded_after_the_parts():
    made = piece()
    short, long = part_of(made, 0, 10), part_of(made, int(made.bars[1]), 20)
    batch = together([short, long])
    assert batch.tokens.shape == batch.targets.shape == batch.scored.shape == (2, 19)
    assert batch.tokens[0, :10].tolist() == short.ids.tolist()
    assert batch.targets[0, :9].tolist() == short.ids[1:].tolist()
    assert batch.scored.sum(1).tolist() == [9, 16]
    assert (batch.targets[0, 9:] == PAD).all()

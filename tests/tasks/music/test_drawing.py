"""Drawing pieces in a key: how many are drawn, and when to give up."""

from itertools import chain, repeat

import pytest
import torch

from genlab.data.notes.keys import key_of, tonality_of
from genlab.data.notes.score import Key, Note, Score, Track
from genlab.errors import InputError
from genlab.tasks.music.drawing import FEWEST_TRIES, TRIES, Choice, in_key
from genlab.tasks.music.options import TokenRequest


def scale(minor: bool) -> Score:
    steps = (0, 2, 3, 5, 7, 8, 11, 12) if minor else (0, 2, 4, 5, 7, 9, 11, 12)
    notes = [Note(480 * place, 480, 60 + step) for place, step in enumerate((*steps, *reversed(steps)))]
    return Score([Track(notes)], keys=[Key(0, -3 if minor else 0, minor)])


MAJOR, MINOR = scale(False), scale(True)
C_MAJOR = tonality_of("C major")


def test_the_scales_are_major_and_minor():
    assert (key_of(MAJOR).minor, key_of(MINOR).minor) == (False, True)


@pytest.mark.parametrize(("n", "accepted"), [(1, None), (2, None), (2, FEWEST_TRIES - 1), (20, 20 * TRIES - 1)])
def test_drawing_ends(n, accepted):
    """Even if the last piece that may be drawn is accepted."""
    drawn = (MAJOR if number == accepted else MINOR for number in range(max(FEWEST_TRIES, n * TRIES) + 1))
    with pytest.raises(InputError, match=r"pieces were drawn, and too few are in C major"):
        list(in_key(drawn, TokenRequest(n=n), C_MAJOR))


def test_one_piece_may_take_many_tries():
    drawn = chain(repeat(MINOR, FEWEST_TRIES - 1), [MAJOR])
    assert len(list(in_key(drawn, TokenRequest(n=1), C_MAJOR))) == 1


def test_truncation_keeps_the_first_labels():
    """A voice moves as often as predicted, but only to likely notes."""
    chances, rows = torch.tensor([0.96, 0.03, 0.009, 0.001]), 4000
    generators = [torch.Generator().manual_seed(seed) for seed in range(rows)]
    drawn = Choice(TokenRequest(min_p=0.1), generators)(chances.log().expand(rows, -1), 1).bincount(minlength=4) / rows
    assert drawn[0].item() == pytest.approx(0.96, abs=0.01)
    assert drawn[3].item() == 0
    assert (drawn[1] / drawn[1:].sum()).item() == pytest.approx(0.03 / 0.039, abs=0.1)
    rest = torch.tensor([[0.5, 0.02, 0.47, 0.01]]).log().expand(rows, -1)
    assert (Choice(TokenRequest(min_p=0.1), generators)(rest, 2) == 1).float().mean() > 0.01
    only = torch.tensor([[0.0, 1.0, -torch.inf, -torch.inf]])  # no other index is possible
    assert Choice(TokenRequest(), generators[:1])(only, 2).item() in (0, 1)
    without = Choice(TokenRequest(min_p=0.1), generators)(chances.log().expand(rows, -1))
    assert without.unique().tolist() == [0]

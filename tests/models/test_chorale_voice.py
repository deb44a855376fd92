"""The tables of a voice: chords, familiar pitch classes, and parallel motion."""

import torch
from torch import Tensor

from genlab.models.chorale_steps import (
    HOLD,
    LATER,
    OCTAVE,
    OFTENER,
    REST,
    Past,
    chords_with,
    familiar,
    past_of,
    sounding,
)
from genlab.models.chorale_voice import ChoraleShape, Voice

PITCHES = 30
C, D, E, G, HIGH_C, HIGH_D = 1, 3, 5, 8, 13, 15


def voice(number: int) -> Voice:
    """A voice whose outputs do not depend on its network."""
    torch.manual_seed(0)
    return Voice(ChoraleShape(3, PITCHES, True, width=32, depth=1), number).eval()


def raised(made: Voice, codes: list[list[int]]) -> Tensor:
    """Logits of the voice at the last of some steps, all of which begin."""
    written = torch.tensor([codes])
    struck = torch.ones_like(written, dtype=torch.bool)
    past = Past(*(each[:, :-1] for each in past_of(written, struck)))
    with torch.no_grad():
        return made(torch.zeros(1, len(codes), 32), past, written, struck)[0, -1]


def note(code: int) -> int:
    return code + REST


def test_the_voices_that_sound_are_counted_by_pitch_class():
    assert sounding(torch.tensor([[[C, HIGH_C, G], [0, E, 0]]]))[0].nonzero().tolist() == [[0, C], [0, G], [1, E]]
    assert sounding(torch.tensor([[[C, HIGH_C, G]]]))[0, 0, C] == 2


def test_how_often_a_pitch_class_sounded_has_a_class():
    counts = torch.zeros(1, 2, OCTAVE, dtype=torch.long)
    counts[0, :, 0], counts[0, :, 1] = 95, 5
    shares = len(OFTENER) + 1
    found = familiar(counts, torch.tensor([0, LATER[1]]))
    assert found[0, 0, :3].tolist() == [shares - 1, 4, 0]
    assert found[0, 1, :3].tolist() == [3 * shares - 1, 2 * shares + 4, 2 * shares]
    assert familiar(torch.zeros_like(counts), torch.tensor([0, 1])).tolist() == [[[0] * OCTAVE] * 2]


def test_a_familiar_pitch_class_is_raised_in_every_octave():
    made = voice(0)
    before = raised(made, [[C, E, G], [D, E, G]])
    with torch.no_grad():
        made.familiar[len(OFTENER)] = 2.0  # more than OFTENER[-1] of the cells, in the first steps
    change = raised(made, [[C, E, G], [D, E, G]]) - before
    known = [code for code in range(1, PITCHES + 1) if code % OCTAVE in (C, E, G)]
    assert change.nonzero()[:, 0].tolist() == [note(code) for code in known]


def test_chords_are_the_same_in_every_key_and_octave():
    chords = chords_with(torch.tensor([[[E, G]], [[E + OCTAVE, G]], [[E + 2, G + 2]], [[0, G]]]))[:, 0]
    assert chords[0, C] == 2**4 + 2**7  # a third and a fifth above it
    assert torch.equal(chords[1], chords[0])
    assert torch.equal(chords[2].roll(-2), chords[0])
    assert chords[3, C] == 2**7
    assert chords[3, G] == 1


def test_a_chord_raises_the_note_that_makes_it():
    made = voice(2)
    before = raised(made, [[E, G, D], [E, G, D]])
    with torch.no_grad():
        made.chord[0, 2**4 + 2**7] = 2.0
        made.chord[1, 2**2 + 2**5] = 1.0  # a second and a fourth above the held D
    change = raised(made, [[E, G, D], [E, G, D]]) - before
    changed = {C + octave: 2.0 for octave in (0, OCTAVE, 2 * OCTAVE)}
    assert {place: change[place].item() for place in change.nonzero()[:, 0].tolist()} == {
        HOLD: 1.0,
        **{note(code): by for code, by in changed.items()},
    }


def test_the_same_motion_is_raised_by_the_interval_of_the_voices():
    made = voice(1)
    before = raised(made, [[HIGH_C, C, 0], [HIGH_D, D, 0]])
    with torch.no_grad():
        made.parallel[0, 0] = -3.0
    change = raised(made, [[HIGH_C, C, 0], [HIGH_D, D, 0]]) - before
    assert change.nonzero()[:, 0].tolist() == [note(D)]  # an octave that moves up by a tone
    assert change[note(D)] == -3.0
    for codes in ([[HIGH_C, E, 0], [HIGH_D, E, 0]], [[HIGH_C, C, 0], [HIGH_C, C, 0]], [[HIGH_C, C, 0], [0, C, 0]]):
        with torch.no_grad():
            made.parallel.zero_()
        before = raised(made, codes)
        with torch.no_grad():
            made.parallel[0, 0] = -3.0
        assert torch.equal(raised(made, codes), before), codes


def test_a_first_note_counts_from_the_voice_above():
    made = voice(2)
    codes = torch.tensor([[[HIGH_C, G], [0, G], [0, 0]]])
    assert made.anchor(torch.tensor([[E, 0, 0]]), codes).tolist() == [[E, G, 0]]
    assert made.anchor(torch.tensor([[0, 0, 0]]), codes.flip(-1)).tolist() == [[HIGH_C, G, 0]]


def test_logits_move_with_the_music():
    """Without its absolute pitches, a voice predicts the same in another key."""
    made = voice(2)
    with torch.no_grad():
        for weight in made.parameters():
            weight.copy_(0.3 * torch.randn_like(weight))
        made.pitch.weight.zero_()
        made.pitch.bias.zero_()
        own = slice(0, PITCHES + 1)
        made.features.table.weight[own] = 0
    codes = [[HIGH_C, G, C], [HIGH_D, G, E], [HIGH_C, G, C]]
    before, after = (raised(made, [[code + up for code in step] for step in codes]) for up in (0, 2))
    torch.testing.assert_close(after[note(1) + 2 :], before[note(1) : -2])

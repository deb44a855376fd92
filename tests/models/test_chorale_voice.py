"""The tables of a voice: chords, familiar pitch classes, and parallel motion."""

import torch
from torch import Tensor

from genlab.models.chorale import LENGTH_UNIT, SHARE_EDGES, STEP_EDGES, Chorale
from genlab.models.chorale_steps import (
    AGES,
    HOLD,
    INTERVALS,
    NOTE,
    OCTAVE,
    REST,
    Past,
    chords_with,
    past_of,
    sounding,
)
from genlab.models.chorale_voice import TABLE_SCALE, ChoraleShape

PITCHES = 30
C, D, E, G, HIGH_C, HIGH_D = 1, 3, 5, 8, 13, 15


def network() -> Chorale:
    """A network whose logits depend on its tables only: its heads begin as zero."""
    torch.manual_seed(0)
    return Chorale(ChoraleShape(3, PITCHES, True, width=32, depth=1)).eval()


def logits(made: Chorale, voice: int, codes: list[list[int]]) -> Tensor:
    """Logits of a voice at the last of some steps, all of which begin."""
    written = torch.tensor([codes])
    struck = torch.ones_like(written, dtype=torch.bool)
    past = Past(*(each[:, :-1] for each in past_of(written, struck)))
    places = torch.tensor([[[step % 4, 4] for step in range(len(codes))]])
    with torch.no_grad():
        return made(past, places, written, struck)[0][0, -1, voice]


def change(
    made: Chorale, voice: int, codes: list[list[int]], table: Tensor, place: tuple[int, ...]
) -> dict[int, float]:
    """By how much a number of a table changes which logits."""
    before = logits(made, voice, codes)
    with torch.no_grad():
        table[place] = 1 / TABLE_SCALE
    found = logits(made, voice, codes) - before
    with torch.no_grad():
        table[place] = 0
    return {label: found[label].item() for label in range(len(found)) if found[label].abs() > 0}


def note(code: int) -> int:
    return code + REST


def test_the_voices_that_sound_are_counted_by_pitch_class():
    assert sounding(torch.tensor([[[C, HIGH_C, G], [0, E, 0]]]))[0].nonzero().tolist() == [[0, C], [0, G], [1, E]]
    assert sounding(torch.tensor([[[C, HIGH_C, G]]]))[0, 0, C] == 2


def test_a_familiar_pitch_class_is_raised_in_every_octave():
    made = network()
    often, never = len(SHARE_EDGES), 0
    codes, notes = [[C, E, G], [D, E, G]], range(1, PITCHES + 1)
    assert change(made, 1, codes, made.familiar, (1, 0, often)) == {
        note(code): 1.0 for code in notes if code % OCTAVE in (C, E, G)
    }
    later = codes * (int(STEP_EDGES[0]) // 2 + 1)
    assert change(made, 1, later, made.familiar, (1, 1, never)) == {
        note(code): 1.0 for code in notes if code % OCTAVE not in (C, D, E, G)
    }


def test_chords_are_the_same_in_every_key_and_octave():
    chords = chords_with(torch.tensor([[[E, G]], [[E + OCTAVE, G]], [[E + 2, G + 2]], [[0, G]]]))[:, 0]
    assert chords[0, C] == 2**4 + 2**7  # a third and a fifth above it
    assert torch.equal(chords[1], chords[0])
    assert torch.equal(chords[2].roll(-2), chords[0])
    assert chords[3, C] == 2**7
    assert chords[3, G] == 1


def test_a_chord_raises_the_note_that_makes_it():
    made, codes = network(), [[E, G, D], [E, G, D]]
    chord = made.voices[2].chord
    c_major, held_d = 2**4 + 2**7, 2**2 + 2**5  # a third and a fifth above C; a second and a fourth above D
    assert change(made, 2, codes, chord, (0, c_major)) == {note(C + 12 * octave): 1.0 for octave in range(3)}
    assert change(made, 2, codes, chord, (1, held_d)) == {HOLD: 1.0}


def test_a_motion_that_leaves_the_corpus_changes_no_other_note():
    made = network()
    assert not change(made, 1, [[HIGH_C, C, 0], [HIGH_C - 2, C, 0]], made.voices[1].parallel, (0, 0))


def test_the_same_motion_is_raised_by_the_interval_of_the_voices():
    made = network()
    parallel, octave = made.voices[1].parallel, (0, 0)
    assert change(made, 1, [[HIGH_C, C, 0], [HIGH_D, D, 0]], parallel, octave) == {note(D): 1.0}
    for before, after in (
        ([HIGH_C, E, 0], [HIGH_D, E, 0]),
        ([HIGH_C, C, 0], [HIGH_C, C, 0]),
        ([HIGH_C, C, 0], [0, C, 0]),
    ):
        codes = [before, after]
        assert not change(made, 1, codes, parallel, octave), codes


def test_after_a_rest_intervals_count_from_the_nearest_sounding_voice_above():
    made = network().voices[2]
    codes = torch.tensor([[[HIGH_C, G], [0, G], [0, 0]]])
    assert made.anchor(torch.tensor([[E, 0, 0]]), codes).tolist() == [[E, G, 0]]
    assert made.anchor(torch.tensor([[0, 0, 0]]), codes.flip(-1)).tolist() == [[HIGH_C, G, 0]]


def test_logits_move_with_the_music():
    """Without embeddings and logits of absolute pitches, the network predicts the same in another key."""
    made, pitches = network(), slice(0, PITCHES + 1)
    with torch.no_grad():
        for weight in made.parameters():
            weight.copy_(0.3 * torch.randn_like(weight))
        first = 0
        for _ in range(3):
            made.features.table.weight[first : first + PITCHES + 1] = 0
            first += PITCHES + 1 + AGES + INTERVALS + 1
        for voice in made.voices:
            voice.features.table.weight[pitches] = 0
            voice.head.weight[: PITCHES + NOTE] = 0
            voice.head.bias[: PITCHES + NOTE] = 0
    for codes in (
        [[HIGH_C, G, C], [HIGH_D, G, E], [HIGH_C, G, C]],
        [[HIGH_C, G, C], [HIGH_D, 0, 0], [HIGH_C, G, C]],
        [[HIGH_C, G, E]],
    ):
        for voice in range(3):
            before, after = (
                logits(made, voice, [[code + up if code else 0 for code in step] for step in codes]) for up in (0, 2)
            )
            torch.testing.assert_close(after[:NOTE], before[:NOTE])
            if len(codes) > 1 or voice:  # the first note of all has nothing to count from
                torch.testing.assert_close(after[NOTE + 2 :], before[NOTE:-2])


def test_a_piece_may_become_likelier_to_end():
    made, codes = network(), torch.full((1, 40, 3), C)
    past = past_of(codes, torch.zeros_like(codes, dtype=torch.bool))
    places = torch.zeros(1, 41, 2, dtype=torch.long)
    with torch.no_grad():
        made.end.bias.zero_()
        made.end_by_length[2] = 1 / TABLE_SCALE
        found = made.ending(made.read(past, places), past)[0]
    assert found.tolist() == [0.0] * 2 * LENGTH_UNIT + [1.0] * (41 - 2 * LENGTH_UNIT)


def test_only_parallel_motion_is_scaled():
    made, codes, struck = network(), torch.tensor([[[HIGH_D, D, 0]]]), torch.ones(1, 1, 3, dtype=torch.bool)
    first = torch.tensor([[[HIGH_C, C, 0]]])
    past = Past(*(each[:, 1:] for each in past_of(first, torch.ones_like(struck))))
    with torch.no_grad():
        made.voices[1].parallel[0, 0] = 1 / TABLE_SCALE
        made.voices[1].chord[0].fill_(1 / TABLE_SCALE)
        state = made.read(past, torch.zeros(1, 1, 2, dtype=torch.long))
        plain, scaled = (made.write(1, state, past, codes, struck, scale)[0, 0] for scale in (1.0, 3.0))
    assert (scaled - plain).nonzero()[:, 0].tolist() == [note(D)]
    assert scaled[note(D)] - plain[note(D)] == 2.0

import math

import pytest
import torch
from torch import Tensor

from genlab.models.chorale import Chorale
from genlab.models.chorale_steps import (
    BEAT,
    HOLD,
    LONGER,
    NEAREST,
    NOTE,
    REST,
    Past,
    age_class,
    interval,
    label_after,
    labels_of,
    motion,
    past_of,
    step_nats,
)
from genlab.models.chorale_voice import ChoraleShape
from genlab.models.chorale_writing import Decoding, Given, log_likelihood, write_chorales

VOICES, PITCHES = 3, 12


def network(repeats: bool = True, seed: int = 0) -> Chorale:
    """A network whose outputs depend on everything."""
    torch.manual_seed(seed)
    made = Chorale(ChoraleShape(VOICES, PITCHES, repeats, width=32, depth=2)).eval()
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
    return made


def pieces(batch: int = 2, steps: int = 9, seed: int = 1) -> tuple[Tensor, Tensor]:
    """Random codes, and where they begin: each voice moves in about half of the steps."""
    random = torch.Generator().manual_seed(seed)
    codes = torch.randint(0, PITCHES + 1, (batch, steps, VOICES), generator=random)
    struck = torch.rand(batch, steps, VOICES, generator=random) < 0.5
    struck[:, 0] = True
    for step in range(1, steps):
        codes[:, step] = torch.where(struck[:, step], codes[:, step], codes[:, step - 1])
        struck[:, step] &= (codes[:, step] > 0) | (codes[:, step - 1] > 0)
    return codes, struck


def places(batch: int, steps: int) -> Tensor:
    place = (torch.arange(steps) % 16).expand(batch, steps)
    return torch.stack((place, torch.full_like(place, 16)), -1)


def logits(made: Chorale, codes: Tensor, struck: Tensor) -> Tensor:
    past = Past(*(each[:, :-1] for each in past_of(codes, struck)))
    return made(past, places(*codes.shape[:2]), codes, struck)[0].softmax(-1)


def test_the_past_of_a_piece():
    codes = torch.tensor([[[5], [5], [7], [7], [0]]])
    struck = torch.tensor([[[True], [False], [True], [True], [True]]])
    past = past_of(codes, struck)
    assert past.old[0, :, 0].tolist() == [0, 5, 5, 7, 7, 0]
    assert past.older[0, :, 0].tolist() == [0, 0, 5, 5, 7, 7]
    assert past.age[0, :, 0].tolist() == [0, 0, 1, 0, 0, 0]
    assert past.first[0].tolist() == [True, False, False, False, False, False]
    assert labels_of(codes, struck)[0, :, 0].tolist() == [6, HOLD, 8, 8, 1]


def test_ages_have_classes():
    ages = age_class(torch.tensor([0, 1, 7, 8, 11, 12, 16, 23, 1000]))
    assert ages.tolist() == [0, 1, 7, 8, 8, 9, 10, 11, 11]


def test_intervals_with_a_rest_have_an_index():
    assert interval(torch.tensor([5, 3, 0, 5]), torch.tensor([3, 5, 5, 0])).tolist() == [26, 22, 49, 49]
    assert interval(torch.tensor([60]), torch.tensor([1])).item() == interval(torch.tensor([30]), torch.tensor([1]))


def longest(same: Tensor, moved: Tensor, steps: int) -> tuple[int, int]:
    """The length of the longest match of the first `steps` steps, and the step after it; `same` compares two steps."""
    best = (0, 0)
    for last in range(steps - 1):
        length, back = 0, 0
        far = steps - 1 - last >= NEAREST and (steps - 1 - last) % BEAT == 0
        while back <= last and far and same[last - back, steps - 1 - back]:
            length += int(moved[steps - 1 - back])
            back += 1
        best = max(best, (length, last + 1))
    return best


def test_matches_are_the_longest_of_all():
    """Compares with a search that tries everything, in pieces that often repeat themselves."""
    random = torch.Generator().manual_seed(0)
    codes = torch.randint(3, 5, (3, 60, VOICES), generator=random)
    struck = torch.rand(3, 60, VOICES, generator=random) < 0.4
    struck[:, 0] = True
    for step in range(1, 60):
        codes[:, step] = torch.where(struck[:, step], codes[:, step], codes[:, step - 1])
    codes[:, 44:60] = codes[:, 4:20] + 2
    struck[:, 44:60] = struck[:, 4:20]
    past = past_of(codes, struck)
    motions = motion(codes, past.old[:, :-1], struck)
    assert (past.matched[:, :1] == 0).all()
    for row in range(3):
        same = motions[row][:, None] == motions[row][None]
        for steps in range(1, 61):
            length, after = longest(same.all(2), struck[row].any(1), steps)
            assert past.matched[row, steps, :, 0].tolist() == [sum(length >= one for one in LONGER)] * VOICES
            if length:
                assert torch.equal(past.recalled[row, steps, :, 0], motions[row, after])
            for voice in range(VOICES):
                length, after = longest(same[..., voice], struck[row, :, voice], steps)
                assert past.matched[row, steps, voice, 1] == sum(length >= one for one in LONGER)
                assert not length or past.recalled[row, steps, voice, 1] == motions[row, after, voice]
    assert past.matched[:, 60, :, 0].min() > 4  # the transposed passage


def test_a_recalled_motion_is_a_label():
    codes, struck = pieces()
    past = past_of(codes, struck)
    known = struck & (codes > 0) & (past.old[:, :-1] > 0)
    found = label_after(past.old[:, :-1], motion(codes, past.old[:, :-1], struck), PITCHES)
    assert torch.equal(found[known], labels_of(codes, struck)[known])
    assert (found[~struck] == HOLD).all()
    assert (found[struck & ~known] == REST).all()


def test_a_network_can_learn_to_trust_matches():
    made = network()
    codes, struck = pieces(1, 4)
    codes, struck = codes.repeat(1, 12, 1), struck.repeat(1, 12, 1)
    struck[:, ::4] = codes[:, ::4] != codes[:, 3:4]
    before = logits(made, codes, struck)
    with torch.no_grad():
        for voice in made.voices:
            voice.trust[0] += 5.0
    after = logits(made, codes, struck)
    past = Past(*(each[:, :-1] for each in past_of(codes, struck)))
    recalled = label_after(past.old, past.recalled[..., 0], PITCHES)[..., None]
    matched = past.matched[..., 0] > 0
    assert matched[0, NEAREST + 5 :].all() and not matched[0, :NEAREST].any()
    grown = after.gather(-1, recalled)[..., 0] - before.gather(-1, recalled)[..., 0]
    assert (grown[matched] >= 0).all()
    assert grown[matched].mean() > 0.3
    torch.testing.assert_close(after[:, 0], before[:, 0])


@pytest.mark.parametrize("repeats", [True, False])
def test_labels_that_cannot_be_have_no_probability(repeats):
    codes, struck = pieces()
    chances = logits(network(repeats), codes, struck)
    torch.testing.assert_close(chances.sum(-1), torch.ones(2, 9, VOICES))
    assert (chances[:, 0, :, HOLD] == 0).all()
    old = codes[:, :-1]
    again = chances[:, 1:].gather(-1, old[..., None] + 1)[..., 0]
    assert (again[old == 0] == 0).all()
    assert ((again[old > 0] > 0) == repeats).all()


def test_nothing_depends_on_what_is_written_later():
    """Changes each cell in turn and looks where the probabilities change."""
    made, (codes, struck) = network(), pieces(1)
    before = logits(made, codes, struck)
    for step, voice in [(0, 0), (3, 1), (4, 2), (8, 0)]:
        other, begun = codes.clone(), struck.clone()
        other[0, step, voice] = codes[0, step, voice] % PITCHES + 1
        begun[0, step, voice] = True
        changed = ((logits(made, other, begun) - before).abs() > 1e-6).any(-1)[0]
        assert not changed[:step].any()
        for later in range(VOICES):
            assert changed[step, later] == (later > voice)
        assert changed[step + 1 : step + 2].all()


def test_a_state_depends_on_the_place_in_the_bar_and_on_ages():
    made, (codes, struck) = network(), pieces(1, 4)
    past = Past(*(each[:, :-1] for each in past_of(codes, struck)))
    here = places(1, 4)
    before = made.read(past, here).hidden
    assert not torch.allclose(made.read(past, (here + 3) % 16).hidden, before)
    assert not torch.allclose(made.read(past._replace(age=past.age + 1), here).hidden, before)


def test_a_tiny_batch_can_be_learnt():
    codes, struck = pieces(2, 12)
    torch.manual_seed(0)
    made = Chorale(ChoraleShape(VOICES, PITCHES, True, width=32, depth=1))
    adam = torch.optim.AdamW(made.parameters(), 0.01)
    past = Past(*(each[:, :-1] for each in past_of(codes, struck)))
    labels = labels_of(codes, struck)
    losses = []
    for _ in range(60):
        nats = step_nats(made(past, places(2, 12), codes, struck)[0], labels).mean()
        adam.zero_grad()
        nats.backward()
        adam.step()
        losses.append(nats.item())
    assert losses[0] == pytest.approx(math.log(NOTE + PITCHES), abs=0.2)
    assert losses[-1] < 0.1


# --- writing --------------------------------------------------------------------------------------


def nothing(batch: int, steps: int) -> Given:
    empty = torch.zeros(batch, steps, VOICES, dtype=torch.long)
    return Given(empty, empty.bool(), empty.bool())


DECODING = Decoding(torch.ones(VOICES, NOTE + PITCHES, dtype=torch.bool), 1.0)


def likeliest(scores: Tensor, kept: int) -> Tensor:
    return scores.argmax(-1)


def test_writing_chooses_from_the_probabilities_of_the_whole_piece():
    """Cached, step by step: each choice is the likeliest under one pass over what was written."""
    made = network()
    codes, struck, lengths = write_chorales(made, places(2, 12), nothing(2, 12), likeliest, None, DECODING)
    assert lengths.tolist() == [12, 12]
    best = logits(made, codes, struck).argmax(-1)
    assert torch.equal(best, labels_of(codes, struck))


def test_what_is_given_stays():
    made, (codes, struck) = network(), pieces(2, 12)
    known = torch.zeros_like(struck)
    known[:, :, 1] = True  # a voice
    known[:, :4] = True  # a beginning
    given = Given(codes * known, struck & known, known)
    written = write_chorales(made, places(2, 12), given, likeliest, None, DECODING)
    assert torch.equal(written.codes[known], codes[known])
    assert torch.equal(written.struck[known], struck[known])
    best = logits(made, written.codes, written.struck).argmax(-1)
    assert torch.equal(best[~known], labels_of(written.codes, written.struck)[~known])


def test_pieces_end_where_the_network_ends_them():
    made = network()
    with torch.no_grad():
        made.end.weight.zero_()
        made.end.bias.fill_(9.0)
    assert write_chorales(made, places(2, 12), nothing(2, 12), likeliest, 1, DECODING).lengths.tolist() == [1, 1]
    assert write_chorales(made, places(2, 12), nothing(2, 12), likeliest, 5, DECODING).lengths.tolist() == [5, 5]
    assert write_chorales(made, places(2, 12), nothing(2, 12), likeliest, None, DECODING).lengths.tolist() == [12, 12]


def test_ends_are_predicted_as_in_one_pass():
    made, seen = network(), []
    with torch.no_grad():
        made.end_by_length.copy_(torch.randn(len(made.end_by_length)))
    codes, struck = pieces(2, 5)
    given = nothing(2, 40)
    given.codes[:, :5], given.struck[:, :5], given.known[:, :5] = codes, struck, True

    def never_ends(scores: Tensor, kept: int) -> Tensor:
        if scores.shape[1] == 2:
            seen.append(scores[:, 1])
            return torch.zeros(len(scores), dtype=torch.long)
        return scores.argmax(-1)

    written = write_chorales(made, places(2, 40), given, never_ends, 1, DECODING)
    past = past_of(written.codes, written.struck)
    with torch.no_grad():
        whole = made.ending(made.read(past, places(2, 41)), past)
    torch.testing.assert_close(torch.stack(seen, 1), whole[:, 5:40], rtol=1e-4, atol=1e-4)


def test_likelihoods_are_those_of_the_logits():
    made, (codes, struck) = network(), pieces()
    chances = logits(made, codes, struck).gather(-1, labels_of(codes, struck)[..., None])[..., 0]
    found = log_likelihood(made, places(2, 9), codes, struck)
    torch.testing.assert_close(found, chances.log().sum(-1), rtol=1e-4, atol=1e-4)


def test_a_window_limits_attention():
    """A step far behind changes nothing but the tables, and cached writing equals one pass."""
    torch.manual_seed(0)
    made = Chorale(ChoraleShape(VOICES, PITCHES, True, width=32, depth=1, window=4)).eval()
    with torch.no_grad():
        for weight in made.blocks.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
    codes, struck = pieces(1, 12)
    past = past_of(codes, struck)
    with torch.no_grad():
        hidden = made.read(past, places(1, 13)).hidden
        other = past._replace(age=past.age.clone())
        other.age[:, 2] += 1
        changed = (made.read(other, places(1, 13)).hidden - hidden).abs().amax((0, 2)) > 1e-6
        cache = made.new_cache(13)
        steps = [Past(*(each[:, step : step + 1] for each in past)) for step in range(13)]
        one_by_one = [made.read(one, places(1, 13)[:, step : step + 1], cache).hidden for step, one in enumerate(steps)]
    assert changed.tolist() == [2 <= step < 6 for step in range(13)]
    torch.testing.assert_close(torch.cat(one_by_one, 1), hidden, rtol=1e-4, atol=1e-5)

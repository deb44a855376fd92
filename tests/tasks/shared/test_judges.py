"""Judges read the values of several attributes."""

import contextlib

import numpy as np
import pytest
import torch

from genlab.data.pictures.attributes import UNKNOWN
from genlab.data.pictures.picture_set import PictureSplit
from genlab.engine.machine import Machine
from genlab.engine.modes import evaluating
from genlab.tasks.shared.judges import (
    BATCH,
    READER,
    REPORTER,
    Judge,
    balancing_weights,
    fit,
    judged,
    judging_loss,
    train_judge,
)

MACHINE = Machine("cpu")
COUNTS = [3, 2]


def patches(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy pictures with a patch of one of three colours, some with white below it."""
    random = np.random.default_rng(seed)
    values = np.stack([random.integers(number, size=count) for number in COUNTS], 1)
    pictures = random.integers(90, 110, (count, 16, 16, 3)).astype(np.uint8)
    for picture, (colour, white) in zip(pictures, values, strict=True):
        picture[4:9, 4:9] = np.eye(3)[colour] * 255
        if white:
            picture[11:15, 6:10] = 255
    return pictures, values


@pytest.mark.parametrize(("shape", "noise"), [(READER, 0.0), (REPORTER, 0.0), (REPORTER, 0.1)])
def test_a_judge_learns_from_pictures_whose_values_are_partly_unknown(shape, noise, monkeypatch):
    monkeypatch.setattr("genlab.tasks.shared.judges.STEPS", 100)
    pictures, values = patches(200, 0)
    split = PictureSplit(pictures, np.arange(200), None, [])
    values[::2, 0] = UNKNOWN
    torch.manual_seed(3)
    state = torch.get_rng_state()
    judge = train_judge(split, values, COUNTS, 1, MACHINE, shape, noise)
    assert torch.equal(torch.get_rng_state(), state)
    held_out, truth = patches(100, 1)
    chances = judged(judge, held_out, MACHINE)
    assert [each.shape for each in chances] == [(100, 3), (100, 2)]
    for each, known in zip(chances, truth.T, strict=True):
        np.testing.assert_allclose(each.sum(1), 1, rtol=1e-5)
        assert (each.argmax(1) == known).mean() > 0.95
    again = train_judge(split, values, COUNTS, 1, MACHINE, shape, noise)
    assert all(torch.equal(one, other) for one, other in zip(judge.parameters(), again.parameters(), strict=True))


class Counting(np.ndarray):
    """An array that notes how many rows are read at once."""

    read: list[int] = []

    def __getitem__(self, key):
        found = super().__getitem__(key)
        self.read.append(found.shape[0] if found.ndim == 4 else 1)
        return found


def test_a_judge_reads_its_pictures_in_batches(monkeypatch):
    """All at once, 50,000 pictures of 256 x 256 pixels take ten gigabytes."""
    monkeypatch.setattr("genlab.tasks.shared.judges.STEPS", 3)
    pictures, values = patches(200, 0)
    train_judge(PictureSplit(pictures.view(Counting), np.arange(200), None, []), values, COUNTS, 1, MACHINE)
    assert Counting.read == [BATCH] * 3


def test_a_judge_reads_its_most_likely_values():
    judge = Judge(1, COUNTS, 32, REPORTER).eval()
    for parameter in judge.heads.parameters():
        torch.nn.init.normal_(parameter)
    pictures = torch.randn(5, 1, 32, 32)
    logits = judge(pictures)
    assert [one.shape for one in logits] == [(5, 3), (5, 2)]
    assert not logits[1][:, 0].any()  # two values share one logit, that of the second
    assert torch.equal(judge.read(pictures), torch.stack([one.argmax(1) for one in logits], 1))


def test_unknown_values_add_nothing_to_the_loss():
    logits = [torch.randn(4, 3), torch.randn(4, 2)]
    values = torch.tensor([[0, 1], [2, UNKNOWN], [1, UNKNOWN], [UNKNOWN, UNKNOWN]])
    known = torch.nn.functional.cross_entropy(logits[0][:3], values[:3, 0])
    known = known + torch.nn.functional.cross_entropy(logits[1][:1], values[:1, 1])
    torch.testing.assert_close(judging_loss(logits, values), known)
    assert judging_loss(logits, torch.full_like(values, UNKNOWN)) == 0


def test_weights_make_an_attribute_independent_of_the_changed_one():
    blond = np.array([1] * 20 + [0] * 80)
    woman = np.array([1] * 18 + [0] * 2 + [1] * 30 + [0] * 50)
    weights = balancing_weights(np.stack((blond, woman), 1), 1)
    np.testing.assert_allclose(weights.mean(0), 1, rtol=1e-5)
    for value in (0, 1):
        assert weights[blond == value, 0].sum() == pytest.approx(50, rel=1e-5)
        for other in (0, 1):
            assert weights[(blond == value) & (woman == other), 1].sum() == pytest.approx(25, rel=1e-5)


def test_weights_are_limited():
    values = np.array([[0, 0]] * 999 + [[0, 1]])
    weights = balancing_weights(values, 1)
    assert weights[-1, 1] / weights[0, 1] == pytest.approx(20 / 0.5, rel=1e-2)


def test_the_loss_can_be_weighted():
    logits = [torch.randn(3, 2)]
    values = torch.tensor([[0], [1], [UNKNOWN]])
    each = torch.nn.functional.cross_entropy(logits[0][:2], values[:2, 0], reduction="none")
    weights = torch.tensor([[3.0], [0.5], [7.0]])
    torch.testing.assert_close(judging_loss(logits, values, weights), (3 * each[0] + 0.5 * each[1]) / 2)


def test_it_learns_within_an_autocast_too():
    """An outer autocast keeps 16-bit copies of weights, which must not outlive an update."""
    machine = Machine("cpu", "bf16")
    x = torch.randn(64, 8, generator=torch.Generator().manual_seed(0))
    losses = []
    for _ in range(2):
        torch.manual_seed(0)
        network = torch.nn.Linear(8, 1)
        loss = lambda rows, network=network: (network(rows)[:, 0].float() - rows.sum(1)).square().mean()
        with evaluating([network], machine) if losses else contextlib.nullcontext():
            fit(network, lambda step: (x,), loss, 600, machine)
        losses.append(loss(x).item())
    assert losses[1] == pytest.approx(losses[0], rel=0.05)
    assert losses[1] < 2.0

"""Which examples an update uses, and how often."""

from pathlib import Path

import numpy as np
import pytest
import torch

import genlab
from genlab.tasks.classify.sampling import check_classes, draw


def test_all_examples_are_seen_before_one_comes_again() -> None:
    even = draw(np.arange(10) % 2, 2)
    assert even.cumulative is None
    seen = np.concatenate([even.picks(step, 4, 0, 0, 1) for step in range(5)])
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))
    assert list(seen[:10]) != list(seen[10:])


def test_processes_share_the_examples_out() -> None:
    even = draw(np.arange(12) % 2, 2)
    seen = np.concatenate([even.picks(step, 3, 0, rank, 2) for step in range(2) for rank in range(2)])
    assert sorted(seen) == list(range(12))


def test_small_classes_are_drawn_by_the_root_of_their_share() -> None:
    labels = np.repeat([0, 1], [900, 100])
    uneven = draw(labels, 2)
    picks = np.concatenate([uneven.picks(step, 500, 0, 0, 1) for step in range(20)])
    drawn = labels[picks].mean()
    assert drawn == pytest.approx(0.25, abs=0.02)  # sqrt(0.1) / (sqrt(0.1) + sqrt(0.9))
    shares = torch.tensor([0.9, 0.1])
    torch.testing.assert_close(uneven.shift.exp() * shares, torch.tensor([0.75, 0.25]))


def test_draws_are_those_of_numpy() -> None:
    """Runs of earlier versions must resume with the same examples."""
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [9000, 900, 101]))
    uneven, share = draw(labels, 3), np.bincount(labels) / len(labels)
    assert uneven.cumulative is not None
    assert uneven.cumulative[-1] == 1
    chances = (np.sqrt(share) / np.sqrt(share).sum() / share)[labels]
    chances /= chances.sum()
    for step in range(50):
        same = np.random.default_rng((7, step, 1)).choice(len(labels), 64, p=chances)
        assert np.array_equal(uneven.picks(step, 64, 7, 1, 2), same)


def test_imbalance_is_told() -> None:
    assert check_classes(np.array([0, 1, 1, 0]), {"a": 2, "b": 2}, "picture") == []
    (note,) = check_classes(np.repeat([0, 1], [90, 10]), {"a": 90, "b": 10}, "picture")
    assert "imbalanced (10 of b, 90 of a)" in note


def test_out_of_balance_the_probabilities_keep_the_datas_shares(tmp_path: Path) -> None:
    """With uninformative columns and a tenth of the rows in the small class, its predicted probability is a tenth."""
    chance = np.random.default_rng(0)
    lines = [f"{chance.normal():.4f},{'rare' if chance.random() < 0.1 else 'usual'}" for _ in range(1000)]
    (tmp_path / "t.csv").write_text("x,kind\n" + "\n".join(lines) + "\n")
    run = genlab.train(
        "classify",
        tmp_path / "t.csv",
        out=tmp_path / "run",
        quiet=True,
        steps=150,
        width=4,
        learning_rate=0.03,
        validation=0,
    )
    assert any("imbalanced" in note for note in run.about["data"]["notes"])
    told = np.mean([one.probabilities["rare"] for one in run.predict(np.random.default_rng(1).normal(size=(200, 1)))])
    assert told == pytest.approx(0.1, abs=0.04)

"""What a training writes, keeps and says, given its number of steps."""

import re
import sys

import numpy as np
import pytest
import torch

import genlab
from genlab.engine import loop
from genlab.engine.checkpoints import load_state
from genlab.engine.loop import Loop
from genlab.engine.machine import seed_everything
from genlab.engine.modes import evaluating
from genlab.engine.weights import read_weights, write_weights
from genlab.errors import InputError
from genlab.tasks.text.gpt import GPTRecipe
from genlab.tasks.translate.gru import GRURecipe
from tests.conftest import phrases, sentences, tabbed
from tests.engine.short import entries, fresh, interrupting, train

pytestmark = pytest.mark.usefixtures("no_previews")


def test_losses_fall_and_the_learning_rate_ends_at_zero(book, tmp_path):
    train(book, tmp_path / "run", steps=60, batch=8, validation=0)
    lines = entries(tmp_path / "run", "train")
    assert [line["step"] for line in lines] == list(range(1, 61))
    assert sum(line["loss"] for line in lines[-10:]) < 0.8 * sum(line["loss"] for line in lines[:10])
    assert lines[-1]["learning_rate"] == 0
    assert lines[-2]["learning_rate"] > 0
    assert all(line["attempt"] == 1 for line in lines)
    seconds = [line["seconds"] for line in lines]
    assert seconds == sorted(seconds)


def test_a_metric_that_ends_within_a_report_is_averaged_over_its_steps():
    made = object.__new__(Loop)
    made.sums, made.summed, made.counts = {}, 0, {}
    for measures in ({"loss": 1.0, "reader": 4.0}, {"loss": 2.0, "reader": 6.0}, {"loss": 6.0}):
        made._add({name: torch.tensor(value) for name, value in measures.items()}, 1)
    assert made._means() == {"loss": 3.0, "reader": 5.0}
    made._add({"loss": torch.tensor(7.0)}, 1)
    assert made._means() == {"loss": 7.0}
    assert made._means() == {}


def test_a_step_weighs_as_much_as_it_has_terms(tmp_path, monkeypatch):
    """The logged loss is the mean over all tokens since the last report, also of a run that was interrupted."""
    steps, step = [], GRURecipe.step
    pairs, out = tmp_path / "pairs.tsv", tmp_path / "run"
    pairs.write_text(tabbed(phrases(100)), encoding="utf-8")

    def recorded(self, batch, progress):
        measures = step(self, batch, progress)
        steps.append((measures["loss"].item(), len(batch.targets)))
        return measures

    monkeypatch.setattr(GRURecipe, "step", recorded)
    given = {"size": "tiny", "batch": 256, "steps": 1000, "validation": 0, "quiet": True}
    for resume in (False, True):
        with monkeypatch.context() as patch:
            patch.setattr(GRURecipe, "step", interrupting(GRURecipe, 3))
            genlab.train("translate", pairs, "gru", out=out, resume=resume, **given)
    (line,) = entries(out, "train")
    assert line["step"] == 5
    assert line["attempt"] == 2
    shown = steps[:5]
    mean = sum(loss * terms for loss, terms in shown) / sum(terms for _, terms in shown)
    assert line["loss"] == pytest.approx(mean, rel=1e-6)
    assert mean != pytest.approx(sum(loss for loss, _ in shown) / 5, rel=1e-5)


def test_a_single_step_trains(book, tmp_path):
    run = train(book, tmp_path / "run", steps=1, validation=0)
    (line,) = entries(run.path, "train")
    assert line["learning_rate"] == run.pipeline.options.learning_rate
    before = fresh(run, book, validation="0").pipeline.network.state_dict()
    after = run.pipeline.network.state_dict()
    assert any(not torch.equal(after[name], weight) for name, weight in before.items())


def test_the_seed_decides(book, tmp_path):
    one, same, other = (train(book, tmp_path / f"{n}", seed=seed, steps=4) for n, seed in enumerate((1, 1, 2)))
    weights = [run.folder.weights.read_bytes() for run in (one, same, other)]
    assert weights[0] == weights[1] != weights[2]


def test_the_state_of_the_caller_does_not_matter(book, tmp_path):
    """Randomness that was used before a training changes nothing in it."""
    one = train(book, tmp_path / "one", dropout=0.2)
    torch.manual_seed(99)
    torch.randn(1000)
    other = train(book, tmp_path / "other", dropout=0.2)
    assert one.folder.weights.read_bytes() == other.folder.weights.read_bytes()


def test_the_best_weights_are_kept(book, tmp_path, monkeypatch):
    """Of validations that fall and rise, the lowest decides what model.safetensors holds."""
    measured, kept = iter([3.0, 2.0, 1.5, 1.8, 1.6, 2.5, 2.0, 1.5, 1.9, 1.7]), []
    monkeypatch.setattr(GPTRecipe, "validate", lambda self: {"loss": next(measured)})
    monkeypatch.setattr(loop, "write_weights", lambda *args: (kept.append(1), write_weights(*args))[1])
    run = train(book, tmp_path / "run")
    assert run.about["best"] == {"loss": 1.5, "step": 6}
    assert len(kept) == 3
    state = load_state(tmp_path / "run" / "resume")[1]
    assert state["history"] == [3.0, 2.0, 1.5, 1.8, 1.6, 2.5, 2.0, 1.5, 1.9, 1.7]
    last = state["recipe"]["networks"]["gpt"]["norm.weight"]
    assert not torch.equal(run.pipeline.network.norm.weight, last)


def test_weights_that_are_newer_than_the_checkpoint_keep_their_validation(book, tmp_path, monkeypatch):
    """Killed between a validation that improves and the next checkpoint; what follows is worse."""
    measured = [3.0, 2.0, 1.5]
    with monkeypatch.context() as patch:
        patch.setattr(GPTRecipe, "validate", lambda self: {"loss": measured.pop(0)})
        patch.setattr(Loop, "_checkpoint_due", lambda self: self.step == 4)
        with pytest.raises(IndexError):
            train(book, tmp_path / "run")
    better = (tmp_path / "run" / "model.safetensors").read_bytes()
    assert load_state(tmp_path / "run" / "resume")[0] == 4
    monkeypatch.setattr(GPTRecipe, "validate", lambda self: {"loss": 1.8})
    run = train(book, tmp_path / "run", resume=True)
    assert run.about["best"] == {"loss": 1.5, "step": 6}
    assert run.folder.weights.read_bytes() == better


def test_without_validation_the_last_weights_are_kept(book, tmp_path):
    run = train(book, tmp_path / "run", validation=0)
    assert run.about["best"] is None
    state = load_state(tmp_path / "run" / "resume")[1]
    for name, weight in state["recipe"]["networks"]["gpt"].items():
        assert torch.equal(run.pipeline.network.state_dict()[name], weight)


def test_test_figures_are_those_of_the_kept_weights(book, tmp_path):
    run = train(book, tmp_path / "run")
    recipe = fresh(run, book)
    read_weights(run.folder.weights, recipe.pipeline.networks)
    with evaluating(recipe.networks.values(), recipe.machine):
        assert recipe.test() == run.about["test"]


def test_overfitting_is_told_and_does_not_stop(book, tmp_path, monkeypatch, capsys):
    measured = iter([3.0, 2.0, 2.1, 2.2, 2.3, 2.4, 2.5, 2.6, 2.7, 2.8])
    monkeypatch.setattr(GPTRecipe, "validate", lambda self: {"loss": next(measured)})
    run = train(book, tmp_path / "run", quiet=False)
    said = capsys.readouterr().err
    assert len(re.findall(r"overfitting has begun.*step 4", said)) == 1
    assert run.about["state"] == "done"
    assert run.about["step"] == 20


def test_few_data_are_told(book, tmp_path, capsys):
    small = tmp_path / "small.txt"
    small.write_text(book.read_text()[:1500])
    train(small, tmp_path / "run", quiet=False, steps=2)
    assert re.search(r"Note: .*training tokens are few for", capsys.readouterr().err)
    small.write_text(sentences(100_000))
    train(small, tmp_path / "enough", quiet=False, steps=2)
    assert "Note" not in capsys.readouterr().err


def test_quiet_is_silent(book, tmp_path, capfd):
    train(book, tmp_path / "run", steps=2)
    assert capfd.readouterr() == ("", "")


def test_bfloat16(book, tmp_path):
    run = train(book, tmp_path / "run", precision="bf16", steps=30, batch=8)
    lines = entries(run.path, "train")
    assert lines[-1]["loss"] < lines[0]["loss"] - 0.5
    assert all(weight.dtype == torch.float32 for weight in run.pipeline.network.parameters())
    full = train(book, tmp_path / "full", precision="32", steps=30, batch=8)
    assert lines[-1]["loss"] == pytest.approx(entries(full.path, "train")[-1]["loss"], abs=0.1)
    assert lines[-1]["loss"] != entries(full.path, "train")[-1]["loss"]


def test_progress_goes_from_nothing_to_all(book, tmp_path, monkeypatch):
    """Without the warm-up, so that a weight that is annealed is highest first."""
    seen = []

    def step(self, batch, progress):
        seen.append(progress)
        return {"loss": torch.zeros(())}

    monkeypatch.setattr(GPTRecipe, "step", step)
    train(book, tmp_path / "run", steps=11)
    assert seen == pytest.approx([step / 10 for step in range(11)])


def test_the_callers_random_state_is_left_alone(book, tmp_path):
    torch.manual_seed(5)
    np.random.seed(5)
    expected = torch.rand(3), np.random.rand(3)
    torch.manual_seed(5)
    np.random.seed(5)
    train(book, tmp_path / "run", steps=4)
    assert torch.equal(torch.rand(3), expected[0])
    assert np.array_equal(np.random.rand(3), expected[1])


def test_tensorboard(book, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = train(book, tmp_path / "run", steps=6, log=("tensorboard",))
    board = EventAccumulator(str(run.path / "tensorboard"))
    board.Reload()
    shown = [event.value for event in board.Scalars("train/loss")]
    assert shown == pytest.approx([line["loss"] for line in entries(run.path, "train")])
    assert board.Scalars("validation/loss")


def test_a_missing_tracker_is_named_and_leaves_nothing(book, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "trackio", None)
    with pytest.raises(InputError, match=r"--log needs trackio: pip install 'genlab\[trackers\]'"):
        train(book, tmp_path / "run", log=("trackio",))
    assert not (tmp_path / "run").exists()


def test_seeds_differ_by_step_and_process():
    drawn = set()
    for seed, step, rank in [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)]:
        seed_everything(seed, step, rank)
        drawn.add(torch.rand(()).item())
        seed_everything(seed, step, rank)
        assert torch.rand(()).item() in drawn
    assert len(drawn) == 4

import json
import math
import re
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import genlab
from genlab.engine import loop
from genlab.engine.budget import Plan, plan_time
from genlab.engine.checkpoints import load_state
from genlab.engine.loop import Loop
from genlab.engine.machine import Machine, seed_everything
from genlab.engine.modes import evaluating
from genlab.engine.recipe import Place, Setup
from genlab.engine.run_folder import RunFolder
from genlab.engine.weights import read_weights, write_weights
from genlab.errors import InputError
from genlab.tasks.text.gpt import GPTRecipe
from tests.conftest import genlab_process, sentences

OPTIONS = {"steps": 20, "size": "tiny", "context": 16, "batch": 2}


@pytest.fixture(autouse=True)
def _no_previews(monkeypatch):
    monkeypatch.setattr(GPTRecipe, "preview", lambda self: [])


def train(book: Path, out: Path, quiet: bool = True, **options) -> genlab.Run:
    return genlab.train("text", book, out=out, quiet=quiet, **{**OPTIONS, **options})


def entries(out: Path, split: str) -> list[dict]:
    return [entry for entry in RunFolder(out).measures() if entry["split"] == split]


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


def test_without_validation_the_last_weights_are_kept(book, tmp_path):
    run = train(book, tmp_path / "run", validation=0)
    assert run.about["best"] is None
    state = load_state(tmp_path / "run" / "resume")[1]
    for name, weight in state["recipe"]["networks"]["gpt"].items():
        assert torch.equal(run.pipeline.network.state_dict()[name], weight)


def fresh(run: genlab.Run, book: Path, validation: str = "0.05") -> GPTRecipe:
    """The run's recipe before its first step."""
    options = run.pipeline.options
    data, _ = GPTRecipe.read(options, Place(str(book), validation, "0.10"), None)
    seed_everything(0)
    return GPTRecipe(Setup(options, data, Machine("cpu")))


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


@pytest.mark.parametrize("at", [1, 13])
def test_no_number_ends_the_training(book, tmp_path, monkeypatch, at):
    """The weights of before are kept, in the run and in the checkpoint."""
    step = GPTRecipe.step

    def broken(self, batch, progress):
        self.updates = getattr(self, "updates", 0) + 1
        measures = step(self, batch, progress)
        return {"loss": measures["loss"] * math.nan} if self.updates == at else measures

    monkeypatch.setattr(GPTRecipe, "step", broken)
    run = train(book, tmp_path / "run", steps=20)
    assert run.about["state"] == "diverged"
    assert run.about["step"] == at
    if at > 2:
        assert all(weight.isfinite().all() for weight in genlab.load(run.path).pipeline.network.parameters())
    saved = load_state(tmp_path / "run" / "resume")
    assert saved is None or saved[0] < at


@pytest.mark.parametrize("validation", [0, 0.05])
def test_weights_that_are_no_numbers_are_never_saved(book, tmp_path, monkeypatch, validation):
    """The loss may still be a number when the update ruins the weights."""
    step = GPTRecipe.step

    def ruined(self, batch, progress):
        self.updates = getattr(self, "updates", 0) + 1
        measures = step(self, batch, progress)
        if self.updates == 10:
            self.network.norm.weight.data[0] = math.inf
        return measures

    monkeypatch.setattr(GPTRecipe, "step", ruined)
    monkeypatch.setattr(Loop, "_checkpoint_due", lambda self: True)
    run = train(book, tmp_path / "run", validation=validation)
    assert run.about["state"] == "diverged"
    assert load_state(tmp_path / "run" / "resume")[0] == 9
    assert all(weight.isfinite().all() for weight in genlab.load(run.path).pipeline.network.parameters())


def test_a_learning_rate_that_diverges(book, tmp_path):
    """Exit code 1, a sentence, no traceback; nothing to resume is damaged."""
    words = ["train", "text", book, "--steps", 30, "--size", "tiny", "--context", 16, "--batch", 2, "--validation", 0]
    words += ["--learning-rate", 10, "--embedding-learning-rate", 10, "--out", "run"]
    done = genlab_process(*words, folder=tmp_path)
    assert "Traceback" not in done.stderr
    if done.returncode:  # Muon's steps are bounded: it may survive even this
        assert done.returncode == 1
        assert "became NaN or infinite" in done.stderr


def test_bfloat16(book, tmp_path):
    run = train(book, tmp_path / "run", precision="bf16", steps=30, batch=8)
    lines = entries(run.path, "train")
    assert lines[-1]["loss"] < lines[0]["loss"] - 0.5
    assert all(weight.dtype == torch.float32 for weight in run.pipeline.network.parameters())
    full = train(book, tmp_path / "full", precision="32", steps=30, batch=8)
    assert lines[-1]["loss"] == pytest.approx(entries(full.path, "train")[-1]["loss"], abs=0.1)
    assert lines[-1]["loss"] != entries(full.path, "train")[-1]["loss"]


@pytest.mark.parametrize("minutes", [0.1, 0.2])
def test_a_budget_is_kept(book, tmp_path, minutes):
    """Within 5 %; what the clock cannot foresee on a busy machine gets 0.6 s more."""
    run = train(book, tmp_path / "run", steps=None, minutes=minutes, size="tiny", batch=8)
    seconds = run.about["seconds"]
    assert abs(seconds - 60 * minutes) <= 3 * minutes + 0.6
    assert entries(run.path, "train")[-1]["learning_rate"] == 0
    config = json.loads((run.path / "config.json").read_text())
    assert config["plan"]["seconds"] == pytest.approx(60 * minutes)
    assert run.about["step"] == Plan.from_json(config["plan"]).end
    assert entries(run.path, "validation")


def test_a_budget_is_kept_when_other_work_begins(book, tmp_path, monkeypatch):
    """Steps that take twice as long from half of the time on; every decision is in the recorded plan."""
    began, seen = time.perf_counter(), []

    def step(self, batch, progress):
        seen.append((progress, next(self.groups())["lr"]))
        time.sleep(0.01 if time.perf_counter() - began < 3 else 0.02)
        return {"loss": torch.zeros(())}

    monkeypatch.setattr("genlab.engine.train._measure", lambda *_: plan_time(6.0, 0.01, 0.0))
    monkeypatch.setattr(GPTRecipe, "step", step)
    monkeypatch.setattr(Machine, "speed", lambda self: 1e9)
    run = train(book, tmp_path / "run", steps=None, minutes=0.1, size="tiny", validation=0)
    assert run.about["seconds"] == pytest.approx(6, rel=0.05, abs=0.3)
    plan = Plan.from_json(run.folder.config()["plan"])
    assert len(plan.segments) > 1
    assert plan.end == run.about["step"] == len(seen) < 0.85 * plan.steps
    peak = max(rate for _, rate in seen) / max(plan.factor(step) for step in range(plan.end))
    for step, (progress, rate) in enumerate(seen):
        assert progress == plan.progress(step)
        assert rate == pytest.approx(peak * plan.factor(step))


OVERFITS = [3.0, 2.0, 2.3, 2.6, 2.9, 3.2, 3.5, 3.8, 4.1, 4.4]


def overfitting(monkeypatch) -> None:
    """A timed training of 100 short steps whose every tenth is followed by a validation that is worse than before."""
    measured = iter(OVERFITS)
    plan = replace(plan_time(60.0, 0.6, 1.0), validations=10)
    monkeypatch.setattr("genlab.engine.train._measure", lambda *_: plan)
    monkeypatch.setattr("genlab.engine.loop.retime", lambda plan, *_: plan)
    monkeypatch.setattr(GPTRecipe, "validate", lambda self: {"loss": next(measured)})


def test_a_training_that_overfits_stops_and_says_what_would_use_the_time(book, tmp_path, monkeypatch, capsys):
    overfitting(monkeypatch)
    run = train(book, tmp_path / "run", steps=None, minutes=1, size="tiny", quiet=False)
    said = capsys.readouterr().err
    assert re.search(r"Stopped after 0:\d\d of 1:00: validation was best at step 18 .*--minutes 0\.", said)
    assert run.about["state"] == "done"
    assert run.about["stopped"] == "overfitting"
    assert run.about["step"] == 81
    assert run.about["best"] == {"loss": 2.0, "step": 18}
    assert run.about["test"]
    with pytest.raises(InputError, match="finished"):
        train(book, tmp_path / "run", steps=None, minutes=1, size="tiny", resume=True)


def test_a_stopped_training_stays_stopped(book, tmp_path, monkeypatch):
    """Killed in its final report, it makes no further step when it is resumed."""
    overfitting(monkeypatch)
    options = {"steps": None, "minutes": 1, "size": "tiny"}
    with monkeypatch.context() as patch:
        patch.setattr(GPTRecipe, "test", lambda self: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            train(book, tmp_path / "run", **options)
    monkeypatch.setattr(GPTRecipe, "step", None)
    run = train(book, tmp_path / "run", **options, resume=True)
    assert run.about["state"] == "done"
    assert run.about["step"] == 81


@pytest.mark.parametrize("why", ["a GAN wavers", "steps are to be made"])
def test_other_trainings_do_not_stop(book, tmp_path, monkeypatch, why):
    overfitting(monkeypatch)
    if why == "a GAN wavers":
        monkeypatch.setattr(GPTRecipe, "steady", False)
        run = train(book, tmp_path / "run", steps=None, minutes=1, size="tiny")
    else:
        run = train(book, tmp_path / "run")
    assert run.about["best"]["loss"] == 2.0
    assert len(entries(run.path, "validation")) == 10
    assert "stopped" not in run.about


def test_progress_goes_from_nothing_to_all(book, tmp_path, monkeypatch):
    """Without the warm-up, so that a weight that is annealed is highest first."""
    seen = []

    def step(self, batch, progress):
        seen.append(progress)
        return {"loss": torch.zeros(())}

    monkeypatch.setattr(GPTRecipe, "step", step)
    train(book, tmp_path / "run", steps=11)
    assert seen == pytest.approx([step / 10 for step in range(11)])


def test_previews_take_a_small_share_of_the_time(book, tmp_path, monkeypatch):
    """One may be slow, but then there is none for a long time."""
    made = []

    def preview(self):
        made.append(time.sleep(0.2))
        return []

    monkeypatch.setattr(GPTRecipe, "preview", preview)
    monkeypatch.setattr("genlab.engine.loop.PREVIEW_FROM", 1.0)
    run = train(book, tmp_path / "run", steps=None, minutes=0.05, size="tiny")
    assert len(entries(run.path, "validation")) > 5
    assert len(made) <= 3  # one during training, and the last


def test_the_callers_random_state_is_left_alone(book, tmp_path):
    torch.manual_seed(5)
    np.random.seed(5)
    expected = torch.rand(3), np.random.rand(3)
    torch.manual_seed(5)
    np.random.seed(5)
    train(book, tmp_path / "run", steps=4)
    assert torch.equal(torch.rand(3), expected[0])
    assert np.array_equal(np.random.rand(3), expected[1])


def test_resuming_a_budget_measures_nothing_again(book, tmp_path, monkeypatch):
    step = GPTRecipe.step

    def interrupted(self, batch, progress):
        import signal

        self.updates = getattr(self, "updates", 0) + 1
        if self.updates == 60:
            signal.raise_signal(signal.SIGINT)
        return step(self, batch, progress)

    options = {"steps": None, "minutes": 0.05, "size": "tiny", "validation": 0}
    with monkeypatch.context() as patch:
        patch.setattr(GPTRecipe, "step", interrupted)
        first = train(book, tmp_path / "run", **options)
    assert first.about["state"] == "interrupted"
    plan = first.folder.config()["plan"]
    monkeypatch.setattr("genlab.engine.train._measure", None)
    monkeypatch.setattr(Machine, "speed", None)
    run = train(book, tmp_path / "run", **options, resume=True)
    after = run.folder.config()["plan"]
    assert after["segments"][: len(plan["segments"])] == plan["segments"]
    assert {**after, "segments": None} == {**plan, "segments": None}
    assert run.about["state"] == "done"
    assert run.about["attempts"] == 2
    assert abs(run.about["seconds"] - 3) <= 0.9
    assert entries(run.path, "train")[-1]["learning_rate"] == 0


def test_the_threads_are_the_callers_again(book, tmp_path, monkeypatch):
    seen = []

    def measure(*_):
        torch.set_num_threads(2)
        return replace(plan_time(0.6, 0.1, 0.0), threads=2)

    def step(self, batch, progress):
        seen.append(torch.get_num_threads())
        return {"loss": torch.zeros(())}

    monkeypatch.setattr("genlab.engine.train._measure", measure)
    monkeypatch.setattr(GPTRecipe, "step", step)
    run = train(book, tmp_path / "run", steps=None, minutes=0.01, size="tiny", validation=0, test=0)
    assert set(seen) == {2}
    assert torch.get_num_threads() == 1
    assert run.about["machine"]["threads"] == 2


def test_measuring_leaves_no_trace(book, tmp_path):
    """The first steps of a timed run are those of its plan from fresh weights."""
    run = train(book, tmp_path / "run", steps=None, minutes=0.03, size="tiny", validation=0)
    first = entries(run.path, "train")[0]
    steps = first["step"]
    losses, recipe = [], fresh(run, book, validation="0")
    plan = Plan(**run.folder.config()["plan"])
    peaks = [group["lr"] for group in recipe.groups()]
    for step in range(steps):
        for group, peak in zip(recipe.groups(), peaks, strict=True):
            group["lr"] = peak * plan.factor(step)
        seed_everything(0, step)
        losses.append(recipe.step(recipe.batch(step), plan.progress(step))["loss"].item())
    assert first["loss"] == pytest.approx(sum(losses) / steps, rel=1e-5)


def test_minutes_and_steps_exclude_each_other(book, tmp_path):
    with pytest.raises(InputError, match="one of them"):
        train(book, tmp_path / "run", minutes=1)


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

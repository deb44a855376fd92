"""Trainings with a time budget: they end on time, stop when they overfit, and resume with their recorded plan."""

import json
import re
import time
from dataclasses import replace

import pytest
import torch

from genlab.engine.budget import Plan, plan_time
from genlab.engine.machine import Machine, seed_everything
from genlab.errors import InputError
from genlab.tasks.text.gpt import GPTRecipe
from tests.engine.short import entries, fresh, interrupting, train

pytestmark = pytest.mark.usefixtures("no_previews")


@pytest.mark.parametrize("minutes", [0.1, 0.2])
def test_a_budget_is_kept(book, tmp_path, minutes):
    """Within 5 %, plus 0.6 s for what the clock cannot foresee on a busy machine."""
    run = train(book, tmp_path / "run", steps=None, minutes=minutes, size="tiny", batch=8)
    seconds = run.about["seconds"]
    assert abs(seconds - 60 * minutes) <= 3 * minutes + 0.6
    assert entries(run.path, "train")[-1]["learning_rate"] == 0
    config = json.loads((run.path / "config.json").read_text())
    assert config["plan"]["seconds"] == pytest.approx(60 * minutes)
    assert run.about["step"] == Plan.from_json(config["plan"]).end
    assert entries(run.path, "validation")


def test_a_budget_is_kept_when_other_work_begins(book, tmp_path, monkeypatch):
    """Steps take twice as long in the second half of the time; the recorded plan has every decision."""
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
    """A timed training of 100 short steps with a worse validation after every tenth."""
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
    """A run that was killed during its final report makes no further step when resumed."""
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


def test_previews_take_a_small_share_of_the_time(book, tmp_path, monkeypatch):
    """A preview may be slow, but then no other follows for a long time."""
    made = []

    def preview(self):
        made.append(time.sleep(0.2))
        return []

    monkeypatch.setattr(GPTRecipe, "preview", preview)
    monkeypatch.setattr("genlab.engine.loop.PREVIEW_FROM", 1.0)
    run = train(book, tmp_path / "run", steps=None, minutes=0.05, size="tiny")
    assert len(entries(run.path, "validation")) > 5
    assert len(made) <= 3  # one during training, and the last


def test_resuming_a_budget_measures_nothing_again(book, tmp_path, monkeypatch):
    options = {"steps": None, "minutes": 0.05, "size": "tiny", "validation": 0}
    with monkeypatch.context() as patch:
        patch.setattr(GPTRecipe, "step", interrupting(GPTRecipe, 20))
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
    plan = Plan.from_json(run.folder.config()["plan"])
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

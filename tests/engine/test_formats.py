"""A run of every format ever written is used as on the day it was made: what users trained, they keep."""

import json
import shutil
from math import cos, sin, tau
from pathlib import Path

import numpy as np
import pytest

import genlab
from genlab.engine.budget import Plan
from tests.conftest import squares_and_bars
from tests.data.notes.made import tune
from tests.engine.short import entries
from tests.tasks.restyle.made import sign

RUNS = sorted((Path(__file__).parents[1] / "fixtures").glob("format-*/*"))


def test_every_format_has_a_run():
    kinds = {(json.loads((run / "run.json").read_text())["format"], run.name) for run in RUNS}
    names = ["classify-cnn", "images-gan", "points-gan", "text-gpt", "text-gpt2", "text-lstm", "translate-transformer"]
    names += ["images-flow", "classify-mlp", "music-chorale", "points-gan-interrupted"]
    restyled = ["restyle-cyclegan", "restyle-stargan", "restyle-stargan-photographs"]
    assert kinds == {(1, name) for name in [*names, *restyled]}


@pytest.mark.parametrize("path", RUNS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_it_makes_what_it_made(path, tmp_path):
    run = genlab.load(shutil.copytree(path, tmp_path / "run"))
    expected = next(path.glob("expected.*"))
    if path.name == "classify-mlp":
        wanted = json.loads(expected.read_text())
        found = [one.probabilities for one in run.predict(wanted["rows"])]
        assert found == [pytest.approx(each, abs=1e-4) for each in wanted["probabilities"]]
    elif run.task == "classify":
        assert seen(run, tmp_path / "few") == pytest.approx(json.loads(expected.read_text()), abs=1e-4)
    elif run.model == "flow":
        noise = np.random.default_rng(0).standard_normal((2, 16 * 16 * 3)).astype(np.float32)
        made = run.sample(noise, "red colour, no wide").astype(int)
        assert np.abs(made - np.load(expected)).max() <= 1
    elif run.task == "music":
        (piece,) = run.generate(bars=3, seed=3, harmonise=tune(20))
        assert [[list(note[:3]) for note in track] for track in piece.notes] == json.loads(expected.read_text())
    elif run.task == "images":
        made = run.sample(np.eye(4, 6, dtype=np.float32), "bar").astype(int)
        assert np.abs(made - np.load(expected)).max() <= 1
    elif run.task == "restyle":
        pictures = np.stack([sign(number, "red", False) for number in (1, 2, 3)])
        change = {"bar": "yes"} if run.model == "cyclegan" else {"colour": "blue"}
        made = np.stack([sample.content for sample in run.generate(pictures=pictures, set=change)]).astype(int)
        assert np.abs(made - np.load(expected)).max() <= 1
    elif run.task == "translate":
        written = run.generate(prompt="The old miller waits now.\nThe grey fish sings here.")
        assert "".join(f"{sample.content}\n" for sample in written) == expected.read_text()
    elif expected.suffix == ".txt":
        written = run.generate(prompt="the ", tokens=60, greedy=True)[0].content
        assert written == expected.read_text()
    else:
        points = run.generate(n=20, seed=3)[0].content
        np.testing.assert_allclose(points, np.loadtxt(expected, delimiter=","), rtol=1e-3, atol=1e-4)


def seen(run: genlab.Run, folder: Path) -> list[float]:
    """Probabilities of the first class of four pictures."""
    return [one.probabilities["bar"] for one in run.predict(squares_and_bars(folder, count=2))]


@pytest.mark.parametrize("path", [run for run in RUNS if run.name.startswith("text-")], ids=lambda path: path.name)
def test_it_measures_other_text(path, tmp_path):
    (tmp_path / "other.txt").write_text("the cat sat on the mat and the dog lay on the log\n" * 20)
    report = genlab.load(shutil.copytree(path, tmp_path / "run")).evaluate(data=str(tmp_path / "other.txt"))
    assert 0 < report["loss"] < 4


def test_an_interrupted_timed_run_of_format_1_resumes_and_ends_on_time(tmp_path):
    """Its plan was waiting for the clock to begin the decay; the learning rate goes on from the last one."""
    path = next(run for run in RUNS if run.name == "points-gan-interrupted")
    before = genlab.load(shutil.copytree(path, tmp_path / "run"))
    recorded, step = before.folder.config(), before.about["step"]
    assert recorded["plan"]["decay_start"] is None
    places = ((cos(tau * n / 400), sin(tau * n / 400)) for n in range(400))
    (tmp_path / "circle.csv").write_text("".join(f"{x:.4f},{y:.4f}\n" for x, y in places))
    options = {**recorded["asked"], "minutes": 0.05, "validation": 0.1, "quiet": True}
    run = genlab.train("points", tmp_path / "circle.csv", out=before.path, resume=True, **options)
    assert (run.about["state"], run.about["attempts"]) == ("done", 2)
    assert abs(run.about["seconds"] - 3) <= 0.75
    lines = entries(run.path, "train")
    first = next(line for line in lines if line["attempt"] == 2)
    assert first["penalty"] == pytest.approx(lines[lines.index(first) - 1]["penalty"], rel=0.25)  # of trained networks
    plan = Plan.from_json(run.folder.config()["plan"])
    assert [line["learning_rate"] for line in lines] == pytest.approx(
        [options["learning_rate"] * plan.factor(line["step"] - 1) for line in lines]
    )
    assert lines[-1]["learning_rate"] == 0
    line, decay = plan.segments[:2]
    assert (line.start, line.factor, line.steps) == (0, 1.0, recorded["plan"]["steps"])
    assert decay.start > step
    assert decay.factor == pytest.approx(line.factor_after(decay.start))

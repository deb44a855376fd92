"""A run of every format ever written is used as on the day it was made: what users trained, they keep."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import genlab

RUNS = sorted((Path(__file__).parent / "fixtures").glob("format-*/*"))


def test_every_format_has_a_run():
    kinds = {(json.loads((run / "run.json").read_text())["format"], run.name) for run in RUNS}
    assert kinds == {(1, "points-gan"), (1, "text-gpt"), (1, "text-lstm")}


@pytest.mark.parametrize("path", RUNS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_it_makes_what_it_made(path, tmp_path):
    run = genlab.load(shutil.copytree(path, tmp_path / "run"))
    expected = next(path.glob("expected.*"))
    if expected.suffix == ".txt":
        written = run.generate(prompt="the ", tokens=60, greedy=True)[0].content
        assert written == expected.read_text()
    else:
        points = run.generate(n=20, seed=3)[0].content
        np.testing.assert_allclose(points, np.loadtxt(expected, delimiter=","), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("path", [run for run in RUNS if run.name != "points-gan"], ids=lambda path: path.name)
def test_it_measures_other_text(path, tmp_path):
    (tmp_path / "other.txt").write_text("the cat sat on the mat and the dog lay on the log\n" * 20)
    report = genlab.load(shutil.copytree(path, tmp_path / "run")).evaluate(data=str(tmp_path / "other.txt"))
    assert 0 < report["loss"] < 4

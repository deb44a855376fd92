"""Evaluation of points: every metric beside its noise floor, and whether the data are still those of the training."""

import io
from pathlib import Path

import numpy as np
import pytest

import genlab
from genlab.data.points.point_set import read_points
from genlab.errors import InputError
from tests.tasks.points.made import train


def test_evaluation_puts_every_figure_beside_its_floor(trained: genlab.Run) -> None:
    report = trained.evaluate()
    assert report["split"] == "test"
    assert report["distance"]["generated"] > report["distance"]["floor"] > 0
    assert report["told_apart"]["generated"] > report["told_apart"]["floor"]
    assert 0.4 < report["told_apart"]["floor"] < 0.6
    assert report["copying"]["verdict"].startswith("The model is no closer")
    # in the data's unit: each mode has about 250 points on some thirty square units
    assert 0.1 < report["copying"]["held_out"] < 0.4
    assert "modes_found" not in report
    assert f"{report['told_apart']['generated']:.0%}" in report["verdict"]


def test_evaluation_of_a_sample_set_counts_modes(tmp_path: Path) -> None:
    run = train("@ring", tmp_path / "ring", steps=3)
    report = run.evaluate()
    assert report["modes_found"] <= 8
    assert isinstance(report["modes_found"], int)
    assert 0 <= report["good_share"] < 0.5
    assert run.about["test"]["modes_found"] == report["modes_found"]


def test_evaluation_on_other_points_measures_all_of_them(trained: genlab.Run, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    np.savetxt(other, np.random.default_rng(1).normal(size=(300, 2)), delimiter=",")
    report = trained.evaluate(other)
    assert report["split"] == "all"
    assert report["points"] == 150
    assert report["told_apart"]["generated"] > 0.99
    assert report["distance"]["generated"] > 100 * report["distance"]["floor"]
    assert report["copying"] is None


def test_points_far_from_the_origin_keep_their_digits(tmp_path: Path) -> None:
    far = tmp_path / "far.csv"
    near = np.random.default_rng(1).normal(size=(600, 2))
    np.savetxt(far, near + np.array([1.7e9, -4e8]), delimiter=",", fmt="%.9f")
    run = train(far, tmp_path / "run", steps=5)
    sample = run.generate(n=200)[0]
    assert len(np.unique(sample.content[:, 0])) == 200
    written = np.loadtxt(io.BytesIO(sample.files["csv"]), delimiter=",", skiprows=1)
    np.testing.assert_allclose(written, sample.content, rtol=0, atol=1e-5)


def test_held_out_points_of_their_own_are_in_the_fingerprint(file: Path, tmp_path: Path) -> None:
    prints = set()
    for seed in range(2):
        np.savetxt(tmp_path / "test.csv", np.random.default_rng(seed).normal(size=(300, 2)), delimiter=",")
        prints.add(read_points(str(file), "0.05", str(tmp_path / "test.csv")).fingerprint)
    assert len({*prints, read_points(str(file), "0.05", "0.1").fingerprint}) == 3


def test_evaluation_finds_moved_and_changed_data(file: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_bytes(file.read_bytes())
    run = train(mine, tmp_path / "run", steps=5)
    whole = run.evaluate()
    moved = mine.rename(tmp_path / "moved.csv")
    with pytest.raises(InputError, match="give its new location with --data"):
        run.evaluate()
    assert run.evaluate(moved)["distance"] == whole["distance"]
    mine.write_text(moved.read_text() + "1000,-50\n")
    with pytest.raises(InputError, match="has changed since training: give other data with --data"):
        run.evaluate()


def test_without_test_data_evaluation_asks_for_some(file: Path, tmp_path: Path) -> None:
    run = train(file, tmp_path / "run", steps=3, test="0", validation="0")
    assert run.about["best"] is None
    assert run.about["test"] is None
    with pytest.raises(InputError, match="has no test split"):
        run.evaluate()


# --- networks of the user's own -------------------------------------------------------------------

"""Evaluating a classifier on its own data and on other data."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

import genlab
from genlab.errors import InputError
from genlab.show.confusion import confusion_picture
from genlab.show.sheets import png
from genlab.tasks.classify.evaluate import Judged


def test_an_evaluation(trained: genlab.Run) -> None:
    report = trained.evaluate()
    assert report["split"] == "test"
    assert report["accuracy"] == trained.about["test"]["accuracy"]
    assert report["log_loss"] == pytest.approx(trained.about["test"]["log_loss"])
    assert 0.3 < report["baseline_accuracy"] < 0.7
    assert report["temperature"] == trained.pipeline.temperature.value.item()
    assert report["log_loss_before_temperature"] != report["log_loss"]
    assert sum(one["examples"] for one in report["classes"].values()) == report["pictures"]
    assert sum(one["right"] for one in report["classes"].values()) == round(report["accuracy"] * report["pictures"])
    assert "always predicting" in report["verdict"]
    picture = Image.open(trained.path / "samples" / "confusion.png")
    assert picture.format == "PNG"
    assert (trained.path / "samples" / "mistakes.png").exists() == (report["accuracy"] < 1)


def test_mistakes_are_shown(trained: genlab.Run, pictures: Path, tmp_path: Path) -> None:
    """Pictures in the wrong folders are all mistakes."""
    shutil.copytree(pictures / "bar", tmp_path / "set" / "square")
    run = genlab.load(shutil.copytree(trained.path, tmp_path / "run"))
    about = run.about
    report = run.evaluate(tmp_path / "set")
    assert report["split"] == "all"
    assert report["accuracy"] < 0.2
    assert len(report["worst_mistakes"]) == 5
    assert set(report["worst_mistakes"].values()) == {"square, taken for bar"}
    assert Image.open(tmp_path / "run" / "samples" / "mistakes.png").size > (400, 400)
    assert run.about == about  # which records evaluations on the run's own data


def test_a_sheet_of_mistakes_goes_with_its_evaluation(trained: genlab.Run, pictures: Path, tmp_path: Path) -> None:
    run = genlab.load(shutil.copytree(trained.path, tmp_path / "run"))
    sheet = run.path / "samples" / "mistakes.png"
    shutil.copytree(pictures / "bar", tmp_path / "wrong" / "square")
    run.evaluate(tmp_path / "wrong")
    assert sheet.exists()
    right = [one.file for one in run.predict(pictures / "bar") if one.label == "bar"]
    (tmp_path / "right" / "bar").mkdir(parents=True)
    for file in right:
        shutil.copy(file, tmp_path / "right" / "bar")
    assert run.evaluate(tmp_path / "right")["accuracy"] == 1
    assert not sheet.exists()
    assert (run.path / "samples" / "confusion.png").exists()


def test_other_pictures_must_have_the_runs_classes(trained: genlab.Run, pictures: Path, tmp_path: Path) -> None:
    shutil.copytree(pictures / "bar", tmp_path / "set" / "moon")
    shutil.copytree(pictures / "bar", tmp_path / "set" / "bar")
    with pytest.raises(InputError, match="has an unknown class moon; the classes are bar, square"):
        trained.evaluate(tmp_path / "set")
    with pytest.raises(InputError, match="have no classes"):
        trained.evaluate(tmp_path / "set" / "moon")


def test_evaluation_finds_moved_and_changed_data(rows: Path, tmp_path: Path) -> None:
    mine = Path(shutil.copy(rows, tmp_path / "mine.csv"))
    run = genlab.train("classify", mine, out=tmp_path / "run", quiet=True, steps=5, width=4)
    whole = run.evaluate()
    moved = mine.rename(tmp_path / "moved.csv")
    with pytest.raises(InputError, match="give its new location with --data"):
        run.evaluate()
    assert run.evaluate(moved)["log_loss"] == whole["log_loss"]
    mine.write_text(moved.read_text() + "1,dark,ant\n")
    with pytest.raises(InputError, match="has changed since training: give other data with --data"):
        run.evaluate()
    assert run.evaluate(mine)["split"] == "all"


def test_confusions_by_hand() -> None:
    logits = torch.tensor([[3.0, 0.0], [0.0, 1.0], [0.0, 2.0], [2.0, 0.0]])
    judged = Judged(logits, torch.tensor([0, 0, 1, 1]), ["a", "b"])
    assert judged.confusion().tolist() == [[1, 1], [1, 1]]
    assert [one.place for one in judged.mistakes()] == [3, 1]  # the surer one first
    assert judged.named(["w", "x", "y", "z"], 1) == {"z": "b, taken for a"}
    alone = Judged(torch.tensor([[-3.0], [1.0], [2.0], [-2.0]]), judged.labels, ["a", "b"])
    assert alone.confusion().tolist() == [[1, 1], [1, 1]]
    for count in (2, 40):
        names = [f"class number {number}" for number in range(count)]
        drawn = confusion_picture(np.eye(count, dtype=int), names)
        assert png(drawn)[:4] == b"\x89PNG"
        assert drawn.std() > 10


def test_a_run_is_evaluated_with_its_own_encoding(table: genlab.Run, tmp_path: Path) -> None:
    """What a reader would fit today may differ."""
    folder = shutil.copytree(table.path, tmp_path / "run")
    saved = json.loads((folder / "table.json").read_text())
    colours = saved["columns"][1]
    assert colours["values"] == ["dark", "yellow"]
    colours["values"] = ["yellow", "dark"]  # which exchanges the weights of the two
    (folder / "table.json").write_text(json.dumps(saved))
    assert genlab.load(folder).evaluate()["accuracy"] < table.evaluate()["accuracy"] - 0.3


def test_a_perfect_score_on_few_examples_is_uncertain() -> None:
    """The interval of two standard errors about 32 of 32 reaches below 0.9, about 3,200 of 3,200 not below 0.99."""
    for count, low, high in ((32, 0.05, 0.12), (3200, 0.0005, 0.0015)):
        labels = torch.arange(count) % 2
        report = Judged(20.0 * F.one_hot(labels, 2).float(), labels, ["a", "b"]).report(1.0, 0)
        assert report["accuracy"] == 1
        assert low < 2 * report["standard_error"] < high

"""Predictions of a trained classifier: labels with probabilities, and features."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import genlab
from genlab.engine.pipeline import Embeds
from genlab.errors import InputError
from tests.tasks.classify.made import SMALL, split_of


def test_features_are_what_the_logits_are_made_of(trained: genlab.Run, pictures: Path) -> None:
    pipeline, held_out = trained.pipeline, split_of(pictures).test
    assert isinstance(pipeline, Embeds)
    features = pipeline.embed(held_out.tensor())
    assert features.shape == (len(held_out), 16)
    assert not features.requires_grad
    head = pipeline.classifier.head
    torch.testing.assert_close(head(features), pipeline.logits(pipeline.inputs.batches(held_out)))


def test_pictures_of_any_size_and_colour_have_features(trained: genlab.Run, pictures: Path) -> None:
    grey = split_of(pictures).test.tensor()
    features = trained.pipeline.embed(grey)
    torch.testing.assert_close(trained.pipeline.embed(grey.expand(-1, 3, -1, -1)), features)
    large = torch.nn.functional.interpolate(grey, (48, 48), mode="nearest")
    assert trained.pipeline.embed(large).shape == features.shape


def test_rows_have_no_features(table: genlab.Run) -> None:
    with pytest.raises(InputError, match="Only a classifier of pictures"):
        table.pipeline.embed(torch.zeros(2, 1, 16, 16))


def test_paths_and_arrays_are_predicted_alike(trained: genlab.Run, pictures: Path) -> None:
    file = pictures / "bar" / "003.png"
    (one,) = trained.predict(file)
    assert one.file == str(file)
    assert one.label == max(one.probabilities, key=lambda name: one.probabilities[name])
    assert list(one.probabilities) == ["bar", "square"]
    assert sum(one.probabilities.values()) == pytest.approx(1)
    folder = trained.predict(pictures)
    assert len(folder) == 160
    assert next(p for p in folder if p.file == str(file)).probabilities == pytest.approx(one.probabilities, rel=1e-4)
    array = np.asarray(Image.open(file))
    for given in (array, array[None, ..., None], torch.from_numpy(array / 127.5 - 1).float()):
        (other,) = trained.predict(given)
        assert other.file == "0"
        assert other.probabilities == pytest.approx(one.probabilities, rel=1e-4)
    assert len(trained.predict([file, str(pictures / "square")])) == 81


def test_pictures_of_16_bits_are_read_as_in_training(pictures: Path, tmp_path: Path) -> None:
    """Black and white are those of the training data, also for a single dark picture."""
    for kind in ("bar", "square"):
        (tmp_path / "deep" / kind).mkdir(parents=True)
        for file in sorted((pictures / kind).glob("*.png"))[:30]:
            grey = np.asarray(Image.open(file)).astype(np.uint16) * 16  # 12 bits
            Image.fromarray(grey).save(tmp_path / "deep" / kind / file.name)
    run = genlab.train("classify", tmp_path / "deep", out=tmp_path / "run", quiet=True, steps=5, **SMALL)
    assert json.loads((run.path / "labels.json").read_text())["ranges"] == {"16-bit": [0.0, 4095.0]}
    dark = np.full((20, 20), 400, np.uint16)  # a tenth of white
    dark[4:8, 4:8] = 800
    Image.fromarray(dark).save(tmp_path / "dark.png")
    (found,) = genlab.load(run.path).predict(tmp_path / "dark.png")
    (expected,) = run.predict((dark / 4095 * 255).round().astype(np.uint8))
    assert found.probabilities == pytest.approx(expected.probabilities, abs=1e-4)
    others = tmp_path / "others" / "bar"
    others.mkdir(parents=True)
    for name in ("a.png", "b.png"):
        Image.fromarray(dark).save(others / name)
    report = run.evaluate(tmp_path / "others")
    share = expected.probabilities["bar"]
    assert report["log_loss"] == pytest.approx(-np.log(share), abs=1e-3)


def test_what_folders_hold_besides_pictures_is_told(
    trained: genlab.Run, pictures: Path, tmp_path: Path, capsys
) -> None:
    shutil.copytree(pictures / "bar", tmp_path / "bar")
    (tmp_path / "bar" / "torn.png").write_bytes(b"")
    assert len(trained.predict(tmp_path / "bar")) == 80
    assert "torn.png was left out: empty file" in capsys.readouterr().err


def test_rows_are_predicted_by_line(table: genlab.Run, tmp_path: Path) -> None:
    new = tmp_path / "new.csv"
    new.write_text("colour,weight\nyellow,1.0\n\npurple,901\ndark,\n")  # an unseen colour, a missing weight
    found = table.predict(new)
    assert [one.file for one in found] == [f"{new}:2", f"{new}:4", f"{new}:5"]
    assert [one.label for one in found][:2] == ["bee", "cow"]
    for given in ([{"weight": 1, "colour": "yellow"}], [[1.0, "yellow"]], np.array([["1.0", "yellow"]])):
        (one,) = table.predict(given)
        assert one.probabilities == pytest.approx(found[0].probabilities)


def test_the_command_line_predicts(cli, trained: genlab.Run, table: genlab.Run, pictures: Path, rows: Path) -> None:
    code, out, _ = cli("predict", trained.path, pictures / "bar", pictures / "square" / "000.png", "--json")
    assert code == 0
    found = json.loads(out)["predictions"]
    assert len(found) == 81
    assert set(found[0]) == {"file", "label", "probabilities"}
    assert set(found[0]["probabilities"]) == {"bar", "square"}
    code, out, _ = cli("predict", trained.path, pictures / "bar" / "001.png")
    assert code == 0
    assert "001.png" in out
    assert "%" in out
    code, out, _ = cli("predict", table.path, rows, "--json")
    assert code == 0
    assert json.loads(out)["predictions"][0]["file"] == f"{rows}:2"


def test_the_command_line_says_what_comes_next(cli, pictures: Path) -> None:
    words = ["--steps", 2, "--width", 4, "--pixels", 16, "--batch", 4, "--out", "run"]
    code, out, err = cli("train", "classify", pictures, *words)
    assert (code, out.strip()) == (0, "run")
    assert "Next: genlab predict run FILE, genlab evaluate run" in err
    assert "genlab predict THIS_FOLDER FILE" in Path("run/README.md").read_text()

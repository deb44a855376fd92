"""Training classifiers: updates, calibration, repeatability, resuming, and that they learn."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import genlab
from genlab.data.tables.columns import Encoder, NumberColumn
from genlab.data.tables.table_set import Examples, TableSet
from genlab.engine.options import Place
from genlab.engine.recipe import Speed
from genlab.errors import InputError
from genlab.models.row_ensemble import RowEnsemble
from genlab.tasks.classify.additive_start import fit_additive_part
from genlab.tasks.classify.cnn import CNNRecipe
from genlab.tasks.classify.evaluate import judge
from genlab.tasks.classify.inputs import RowInputs
from genlab.tasks.classify.mlp import MLPRecipe
from genlab.tasks.classify.options import CNNOptions, MLPOptions
from tests.tasks.classify.made import SMALL, picture_recipe, split_of


def test_an_update_moves_the_classifier_and_its_average(pictures: Path) -> None:
    recipe = picture_recipe(pictures)
    before = {name: [weight.clone() for weight in net.parameters()] for name, net in recipe.networks.items()}
    recipe.step(recipe.batch(0), 0.0)
    for name in ("classifier", "average"):
        after = recipe.networks[name].parameters()
        assert any(not torch.equal(was, now) for was, now in zip(before[name], after, strict=True)), name
    assert recipe.temperature.value == 1


@pytest.mark.parametrize(("augment", "same"), [("none", True), ("move", False), ("mirror", False)])
def test_augmentation_is_of_training_alone(pictures: Path, augment: str, same: bool) -> None:
    recipe = picture_recipe(pictures, augment=augment)
    seen = []
    recipe.classifier.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].clone()))
    batch = recipe.batch(0)
    recipe.step(batch, 0.0)
    assert torch.equal(seen[0], batch[0]) == same
    with recipe.pipeline.evaluating():
        assert recipe.validate() == recipe.validate()


def test_time_picks_the_width(pictures: Path) -> None:
    data, facts = CNNRecipe.read(CNNOptions(pixels=16), Place(str(pictures), "0", "0"), None)
    assert facts.counts.keys() == {"train"}

    def width(seconds: float | None, **options) -> int | None:
        return CNNRecipe.resolve(CNNOptions(pixels=16, **options), data, Speed(seconds, 50e9, 1), None).width

    widths = [width(seconds) for seconds in (0.1, 20.0, 10_000.0)]
    assert widths == sorted(widths)
    assert widths[0] == 16
    assert widths[-1] == 64
    assert width(None) == 32
    assert width(10_000.0, width=8) == 8


def test_norms_and_biases_do_not_decay(pictures: Path) -> None:
    decayed, free = picture_recipe(pictures).optimizers["classifier"][0].param_groups
    assert decayed["weight_decay"] > 0
    assert free["weight_decay"] == 0
    assert all(weight.ndim > 1 for weight in decayed["params"])
    assert all(weight.ndim == 1 for weight in free["params"])


def test_same_seed_same_weights(pictures: Path, tmp_path: Path) -> None:
    made = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        genlab.train("classify", pictures, out=tmp_path / name, quiet=True, steps=4, seed=seed, validation=0, **SMALL)
        made.append((tmp_path / name / "model.safetensors").read_bytes())
    assert made[0] == made[1]
    assert made[0] != made[2]


def test_resuming_ends_bit_identical(pictures: Path, tmp_path: Path, monkeypatch) -> None:
    options = {**SMALL, "steps": 9, "checkpoint_seconds": 0, "quiet": True, "validation": 0}
    genlab.train("classify", pictures, out=tmp_path / "whole", **options)
    original, calls = CNNRecipe.step, []

    def stops(self, batch, progress):
        calls.append(1)
        if len(calls) == 6:
            raise RuntimeError("the power is cut")
        return original(self, batch, progress)

    monkeypatch.setattr(CNNRecipe, "step", stops)
    with pytest.raises(RuntimeError, match="power"):
        genlab.train("classify", pictures, out=tmp_path / "cut", **options)
    monkeypatch.setattr(CNNRecipe, "step", original)
    genlab.train("classify", pictures, out=tmp_path / "cut", resume=True, **options)
    assert (tmp_path / "cut" / "model.safetensors").read_bytes() == (
        tmp_path / "whole" / "model.safetensors"
    ).read_bytes()


def test_pictures_are_learnt(trained: genlab.Run) -> None:
    assert trained.about["state"] == "done"
    assert trained.about["test"]["accuracy"] > 0.9
    assert {"log_loss", "accuracy", "macro_f1", "calibration_error"} == set(trained.about["test"])


def test_rows_are_learnt(table: genlab.Run) -> None:
    assert table.about["test"]["accuracy"] > 0.9
    assert any("3 rows of animals.csv without a label" in note for note in table.about["data"]["notes"])


def test_the_temperature_is_fitted_on_validation_and_kept(trained: genlab.Run, pictures: Path) -> None:
    value = trained.pipeline.temperature.value.item()
    assert value != 1
    assert genlab.load(trained.path).pipeline.temperature.value.item() == value
    judged = judge(trained.pipeline, split_of(pictures).validation)
    assert judged.temperature(CNNRecipe.calibrated) == pytest.approx(value, rel=1e-3)


def test_without_validation_the_last_weights_are_kept_uncalibrated(pictures: Path, tmp_path: Path) -> None:
    run = genlab.train("classify", pictures, out=tmp_path / "run", quiet=True, steps=3, validation=0, test=0, **SMALL)
    assert run.pipeline.temperature.value == 1
    assert run.about["best"] is None
    with pytest.raises(InputError, match="has no test split"):
        run.evaluate()


def test_a_table_picks_the_perceptron(table: genlab.Run) -> None:
    assert table.model == "mlp"
    assert isinstance(table.pipeline.inputs, RowInputs)
    fitted = {"members": 8, "bins": 16, "dropout": 0.5, "weight_decay": 10.0, "batch": 64}
    assert table.pipeline.options == MLPOptions(width=16, learning_rate=0.01, **fitted)
    assert json.loads((table.path / "table.json").read_text())["label"] == "kind"


def test_the_additive_part_is_fitted_once_whatever_measures_the_speed(
    rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = []

    def fit(classifier: RowEnsemble, rows: torch.Tensor, labels: torch.Tensor) -> None:
        fit_additive_part(classifier, rows, labels)
        fitted.append(classifier.additive_weight.clone())

    monkeypatch.setattr("genlab.tasks.classify.mlp.fit_additive_part", fit)
    run = genlab.train("classify", rows, out=tmp_path / "run", quiet=True, minutes=0.02, width=8)
    assert len(fitted) == 1
    assert fitted[0].abs().max() > 0
    torch.testing.assert_close(run.pipeline.classifier.additive_weight, fitted[0])


def test_photographs_of_faces_are_told_from_others(photographs: Path, tmp_path: Path) -> None:
    run = genlab.train(
        "classify", photographs, out=tmp_path / "run", quiet=True, steps=60, learning_rate=0.02, validation=0, test=0.3,
        width=8, pixels=16, batch=16, dropout=0.0,
    )  # fmt: skip
    report = run.evaluate()
    assert report["pictures"] > 40
    assert report["baseline_accuracy"] < 0.6
    assert report["accuracy"] > 0.75  # 0.9 in most runs
    told = run.predict(str(photographs / "face" / "000.png"))[0].probabilities
    assert told.keys() == {"face", "other"}


def sizes(labels: np.ndarray, numbers: int = 2, **given) -> MLPOptions:
    """The options for a table of these labels."""
    columns = [NumberColumn(f"x{number}", 0.0, 1.0, 0.0, False) for number in range(numbers)]
    train = Examples(np.zeros((len(labels), 1), np.float32), labels, [""] * len(labels))
    classes = [f"class {number}" for number in range(labels.max() + 1)]
    data = TableSet("t.csv", "", Encoder(columns, classes, "kind"), {}, train, None, None, [])
    return MLPRecipe.resolve(MLPOptions(**given), data, Speed(None, None, 1), None)


@pytest.mark.parametrize(
    ("numbers", "given", "bins"), [(2, None, 128), (100, None, 81), (5000, None, 1), (100, 128, 128), (100, 4, 4)]
)
def test_many_numbers_share_the_bins(numbers: int, given: int | None, bins: int) -> None:
    """Options that the user states are kept."""
    assert sizes(np.arange(40_000) % 2, numbers, bins=given).bins == bins


@pytest.mark.parametrize(
    ("counts", "decay"), [([20_000, 20_000], 2), ([39_700, 300], 3), ([20_000, 20_000, 2], 2), ([300, 300], 10)]
)
def test_a_table_of_one_common_class_is_sized_like_a_small_one(counts: list[int], decay: float) -> None:
    """A class of a few rows beside two common ones does not make the table small."""
    assert sizes(np.repeat(np.arange(len(counts)), counts)).weight_decay == decay


def test_look_counts_the_values_that_it_does_not_show(tmp_path: Path) -> None:
    lines = [f"{'abcdefghijkl'[row % 12]},{row % 2}" for row in range(240)]
    (tmp_path / "t.csv").write_text("\n".join(["letter,kind", *lines]))
    data, _ = MLPRecipe.read(MLPOptions(), Place(str(tmp_path / "t.csv"), "0", "0"), None)
    shown = MLPRecipe.examples(data)[0].content.splitlines()
    assert shown == ["letter: category: a, b, c, d, e, f, g, h, ... (12)", "kind: the label, one of 0, 1"]


def test_the_choice_of_the_label_is_noted_before_an_error(tmp_path: Path) -> None:
    rows = [f"{row % 7 + 0.5},{'ab'[row % 2] if row else 'NA'}" for row in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["x,diagnosis", *rows]))
    with pytest.raises(InputError, match="class NA has only one row") as raised:
        MLPRecipe.read(MLPOptions(), Place(str(tmp_path / "t.csv"), "0", "0"), None)
    assert any("the column to predict is diagnosis" in note for note in raised.value.__notes__)

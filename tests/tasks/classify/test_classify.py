"""Classifiers: what an update sees and moves, calibration, predicting, evaluating, own networks, what is learnt."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import genlab
from genlab.data.pictures.picture_set import PictureSet, read_pictures
from genlab.engine.machine import Machine, seed_everything
from genlab.engine.pipeline import Embeds
from genlab.engine.recipe import Place, Setup, Speed
from genlab.errors import InputError
from genlab.models.classifier import RowClassifierShape, classification_loss
from genlab.models.cnn import PictureClassifierShape
from genlab.show.confusion import confusion_picture
from genlab.show.sheets import png
from genlab.tasks.classify.cnn import CNNRecipe
from genlab.tasks.classify.evaluate import Judged, judge
from genlab.tasks.classify.inputs import RowInputs
from genlab.tasks.classify.options import CNNOptions, MLPOptions
from genlab.tasks.classify.sampling import check_classes, draw
from tests.conftest import squares_and_bars

SMALL = {"width": 4, "pixels": 16, "batch": 16, "dropout": 0.0}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    return squares_and_bars(tmp_path_factory.mktemp("pictures") / "shapes", 80)


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> Path:
    """400 rows of three classes that a weight and a colour tell apart, three of them unlabelled."""
    chance = np.random.default_rng(0)
    lines = ["weight,colour,kind"]
    for number in range(400):
        kind = ("ant", "bee", "cow")[number % 3]
        weight = "" if number % 20 == 0 else f"{chance.normal(900 if kind == 'cow' else 1, 0.3):.3f}"
        lines.append(f"{weight},{'yellow' if kind == 'bee' else 'dark'},{'' if number in (5, 6, 7) else kind}")
    path = tmp_path_factory.mktemp("rows") / "animals.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def trained(pictures, tmp_path_factory) -> genlab.Run:
    """A short run on pictures; tests only read it."""
    out = tmp_path_factory.mktemp("trained") / "run"
    return genlab.train(
        "classify", pictures, out=out, quiet=True, steps=60, validation=0.2, test=0.2, learning_rate=0.02, **SMALL
    )


@pytest.fixture(scope="module")
def table(rows, tmp_path_factory) -> genlab.Run:
    """A short run on rows; tests only read it."""
    out = tmp_path_factory.mktemp("table") / "run"
    return genlab.train(
        "classify", rows, out=out, quiet=True, steps=150, width=16, learning_rate=0.01, validation=0.2, test=0.2
    )


# --- what an update sees --------------------------------------------------------------------------


def test_all_examples_are_seen_before_one_comes_again() -> None:
    even = draw(np.arange(10) % 2, 2)
    assert even.chances is None
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


def test_imbalance_is_told() -> None:
    assert check_classes(np.array([0, 1, 1, 0]), {"a": 2, "b": 2}, "picture") == []
    (note,) = check_classes(np.repeat([0, 1], [90, 10]), {"a": 90, "b": 10}, "picture")
    assert "imbalanced (10 of b, 90 of a)" in note


def test_out_of_balance_the_probabilities_keep_the_datas_shares(tmp_path: Path) -> None:
    """Rows whose columns say nothing: a tenth is of the small class, and so is the probability that is told."""
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


# --- a step ---------------------------------------------------------------------------------------


ANY_TIME = Speed(None, None, 1)


def picture_recipe(data: Path, losses: dict | None = None, **options) -> CNNRecipe:
    given = CNNOptions(**{**SMALL, **options})
    pictures, _ = CNNRecipe.read(given, Place(str(data), "0.2", "0.2"), None)
    resolved = CNNRecipe.resolve(given, pictures, ANY_TIME, None)
    seed_everything(0)
    return CNNRecipe(Setup(resolved, pictures, Machine("cpu"), losses=losses or {}))


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


# --- what is learnt -------------------------------------------------------------------------------


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
    assert judged.temperature() == pytest.approx(value, rel=1e-3)


def test_without_validation_the_last_weights_are_kept_uncalibrated(pictures: Path, tmp_path: Path) -> None:
    run = genlab.train("classify", pictures, out=tmp_path / "run", quiet=True, steps=3, validation=0, test=0, **SMALL)
    assert run.pipeline.temperature.value == 1
    assert run.about["best"] is None
    with pytest.raises(InputError, match="has no test split"):
        run.evaluate()


def split_of(pictures: Path) -> PictureSet:
    """The data of `trained`."""
    return read_pictures(str(pictures), "0.2", "0.2", SMALL["pixels"])


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


# --- predicting -----------------------------------------------------------------------------------


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
    """The values that are black and white are those of the training data, also for a single dark picture."""
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
    assert "Next: genlab predict run, genlab evaluate run" in err
    assert "genlab predict THIS_FOLDER FILE" in Path("run/README.md").read_text()


# --- evaluating -----------------------------------------------------------------------------------


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
    report = run.evaluate(tmp_path / "set")
    assert report["split"] == "all"
    assert report["accuracy"] < 0.2
    assert len(report["worst_mistakes"]) == 5
    assert set(report["worst_mistakes"].values()) == {"square, taken for bar"}
    assert Image.open(tmp_path / "run" / "samples" / "mistakes.png").size > (400, 400)
    assert run.about["evaluation"] is not None if "evaluation" in run.about else True


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


# --- networks of the user's own -------------------------------------------------------------------


class Mine(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.Linear(256, 1))


def test_an_own_classifier_round_trips(pictures: Path, tmp_path: Path) -> None:
    options = {"pixels": 16, "batch": 8, "steps": 5, "quiet": True}
    shapes = []

    def make(shape: PictureClassifierShape) -> nn.Module:
        shapes.append(shape)
        return Mine()

    run = genlab.train("classify", pictures, out=tmp_path / "own", networks={"classifier": make}, **options)
    again = genlab.load(tmp_path / "own", networks={"classifier": make})
    assert set(shapes) == {PictureClassifierShape(classes=2, channels=1, pixels=16)}
    assert shapes[0].outputs == 1
    assert isinstance(again.pipeline.classifier, Mine)
    assert again.predict(pictures / "bar") == run.predict(pictures / "bar")
    made = run.folder.config()["networks"]["classifier"]
    assert made["class"].endswith(":Mine")
    assert made["shape"] == {"classes": 2, "channels": 1, "pixels": 16}
    with pytest.raises(InputError, match="Only a classifier of pictures with genlab's own network"):
        run.pipeline.embed(torch.zeros(1, 1, 16, 16))
    with pytest.raises(InputError, match="custom networks"):
        genlab.load(tmp_path / "own")


def test_an_own_classifier_of_rows_round_trips(rows: Path, tmp_path: Path) -> None:
    def make(shape: RowClassifierShape) -> nn.Module:
        assert (shape.classes, shape.outputs) == (3, 3)
        return nn.Linear(shape.features, shape.outputs)

    run = genlab.train("classify", rows, out=tmp_path / "own", networks={"classifier": make}, steps=5, quiet=True)
    again = genlab.load(tmp_path / "own", networks={"classifier": make})
    assert isinstance(again.pipeline.classifier, nn.Linear)
    assert again.predict(rows) == run.predict(rows)


def test_an_own_loss_is_what_is_lowered(pictures: Path, tmp_path: Path) -> None:
    seen = []

    def doubled(logits, labels, drawn=None):
        seen.append((logits.shape, labels.shape, drawn.shape))
        return 2 * classification_loss(logits, labels, drawn)

    mine, ours = picture_recipe(pictures, {"loss": doubled}), picture_recipe(pictures)
    seed_everything(0)
    double = mine.step(mine.batch(0), 0.0)["loss"]
    seed_everything(0)
    assert double.item() == pytest.approx(2 * ours.step(ours.batch(0), 0.0)["loss"].item())
    assert seen == [((16, 1), (16,), (2,))]
    options = {"pixels": 16, "batch": 8, "steps": 2, "quiet": True}
    genlab.train("classify", pictures, out=tmp_path / "own", losses={"loss": doubled}, **options)
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (nn.Flatten(), "has no trainable weights"),
        (nn.Linear(5, 1), "rejects a batch of shape"),
        (nn.Sequential(nn.Flatten(), nn.Linear(256, 2)), r"to \(2, 2\), but must return \(2, 1\)"),
    ],
)
def test_own_classifiers_that_do_not_fit(pictures: Path, tmp_path: Path, part: nn.Module, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        genlab.train(
            "classify", pictures, out=tmp_path / "bad", networks={"classifier": lambda shape: part}, steps=2, pixels=16
        )
    assert error.value.field == "classifier"
    assert not (tmp_path / "bad").exists()


def test_a_table_picks_the_perceptron(table: genlab.Run) -> None:
    assert table.model == "mlp"
    assert isinstance(table.pipeline.inputs, RowInputs)
    assert table.pipeline.options == MLPOptions(width=16, learning_rate=0.01, dropout=0.5, weight_decay=3.0, batch=64)
    assert json.loads((table.path / "table.json").read_text())["label"] == "kind"


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

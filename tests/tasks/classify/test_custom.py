"""Classifiers with custom networks and losses."""

from pathlib import Path

import pytest
import torch
from torch import nn

import genlab
from genlab.engine.machine import seed_everything
from genlab.errors import InputError
from genlab.models.classifier import RowClassifierShape, classification_loss
from genlab.models.cnn import PictureClassifierShape
from tests.tasks.classify.made import picture_recipe


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

"""How close generated pictures are to real ones, and the features for comparing them."""

from pathlib import Path

import pytest
import torch

import genlab
from genlab.engine.machine import Machine
from genlab.errors import InputError
from genlab.tasks.images.evaluate import NEIGHBOURS
from genlab.tasks.images.making import AlongFlow
from genlab.tasks.shared.picture_features import extractor
from tests.conftest import squares_and_bars
from tests.tasks.images.made import SMALL, colour_folder


def test_evaluation_has_every_measure_beside_its_floor(run):
    """Evaluation restores modes and random states, and is repeatable."""
    torch.manual_seed(5)
    random = torch.get_rng_state()
    report = run.evaluate()
    assert torch.equal(torch.get_rng_state(), random)
    assert not any(module.training for network in run.pipeline.networks.values() for module in network.modules())
    assert report == run.evaluate()
    assert report["split"] == "test"
    assert report["pictures"] == run.about["data"]["counts"]["test"]["pictures"]
    assert len(report["features"]["sha256"]) == 64
    names = ("frechet_distance", "kernel_distance", "precision", "recall", "density", "coverage")
    assert all(report[name].keys() == {"generated", "floor"} for name in names)
    assert report["frechet_distance"]["floor"] < report["frechet_distance"]["generated"]
    assert report["classification_accuracy_score"].keys() == {"generated", "real"}
    assert "verdict" in report["copying"]
    assert (run.path / "samples" / "nearest.png").exists()


def test_other_pictures_are_measured_whole(run, tmp_path):
    report = run.evaluate(squares_and_bars(tmp_path / "other", count=20))
    assert report["split"] == "all"
    assert report["pictures"] == 20  # the other half is the floor
    assert report["copying"] is None


def test_pictures_of_another_kind_are_refused(run, tmp_path):
    with pytest.raises(InputError, match="other has colour pictures, the run makes grey ones") as error:
        run.evaluate(colour_folder(tmp_path / "other", drawn=False))
    assert error.value.field == "data"


def test_a_flow_makes_its_pictures_once_for_a_classifier(folder, tmp_path, monkeypatch):
    """Everything that samples the flow is counted: the comparison, the classifier's pictures, and a sheet."""
    options = {"model": "flow", "pixels": 16, "width": 32, "depth": 1, "features": "digits", "quiet": True}
    run = genlab.train("images", folder, steps=1, out=tmp_path / "run", **options)
    monkeypatch.setattr("genlab.tasks.images.evaluate.REPEATED", 7)
    made, make = [], AlongFlow.make
    spy = lambda self, latents, words: [made.append(len(latents)), make(self, latents, words)][1]
    monkeypatch.setattr(AlongFlow, "make", spy)
    report = run.evaluate()
    assert sum(made) == report["pictures"] + 7 + min(report["pictures"], NEIGHBOURS)
    assert report["classification_accuracy_score"].keys() == {"generated", "real"}
    assert report == run.evaluate()


def test_missing_training_data_are_named(folder, tmp_path):
    import shutil

    here = Path(shutil.copytree(folder, tmp_path / "here"))
    run = genlab.train("images", here, steps=2, out=tmp_path / "run", quiet=True, **SMALL)
    shutil.rmtree(here)
    with pytest.raises(InputError, match="give its new location with --data"):
        run.evaluate()
    assert run.evaluate(folder)["split"] == "test"  # the same content, elsewhere


def test_features_by_name():
    machine = Machine("cpu")
    for name, data, size in (("auto", "@digits", 0), ("auto", "mine", 1280), ("efficientnet", "@digits", 1280)):
        found = extractor(name, data, machine)
        rows = found.features(3, lambda part: torch.zeros(len(range(3)[part]), 1, 32, 32))
        assert rows.shape[0] == 3
        assert size in (0, rows.shape[1])
        assert len(found.hash) == 64


@pytest.mark.parametrize(
    ("name", "message"), [("nothing", "features: nothing cannot be used"), ("inception", "torch-fidelity")]
)
def test_features_that_are_not_there(name, message):
    with pytest.raises(InputError, match=message):
        extractor(name, "@digits", Machine("cpu"))


def test_features_of_a_run_that_is_no_classifier(run):
    with pytest.raises(InputError, match="give the run folder of a classifier of pictures"):
        extractor(str(run.path), "mine", Machine("cpu"))

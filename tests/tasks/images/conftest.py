"""Pictures of two kinds and a GAN trained on them, its copies with and without directions, and flows."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import genlab
from genlab.data.pictures.attributes import Attribute
from genlab.engine.weights import fingerprint
from genlab.metrics.latents import LatentClassifier
from genlab.tasks.images.directions import Directions
from tests.conftest import squares_and_bars
from tests.tasks.images.flows import QUICK, write_captions, write_table
from tests.tasks.images.made import SMALL, colour_folder


@pytest.fixture(scope="package", autouse=True)
def few():
    """Fewer pictures to preview and compare, and a shorter training of the classifiers that evaluations compare."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genlab.tasks.images.recipe.SHOWN", 16)
        patch.setattr("genlab.tasks.images.recipe.WATCHED", 100)
        patch.setattr("genlab.tasks.images.gan.WATCHED", 100)
        patch.setattr("genlab.tasks.images.accuracy_score.STEPS", 5)
        yield


@pytest.fixture(scope="package")
def folder(tmp_path_factory) -> Path:
    return squares_and_bars(tmp_path_factory.mktemp("data") / "kinds", count=100)


@pytest.fixture(scope="package")
def run(folder, tmp_path_factory) -> genlab.Run:
    out = tmp_path_factory.mktemp("runs") / "kinds"
    return genlab.train("images", folder, steps=40, test="0.3", out=out, quiet=True, **SMALL)


# --- latents --------------------------------------------------------------------------------------


@pytest.fixture
def short():
    """Short trainings of judges and encoders, and few pictures to measure with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genlab.tasks.shared.judges.STEPS", 3)
        patch.setattr("genlab.tasks.images.inversion.STEPS", 3)
        patch.setattr("genlab.tasks.images.finding.TRIED", 20)
        patch.setattr("genlab.tasks.images.finding.MEASURED", 30)
        yield


@pytest.fixture
def copy(run, tmp_path) -> genlab.Run:
    """A copy of the run, that a test may add to."""
    return genlab.load(shutil.copytree(run.path, tmp_path / "copy"))


def along(axis: torch.Tensor) -> LatentClassifier:
    """Two values at the ends of an axis, on which their logits are z and -z."""
    weight = torch.stack((-axis, axis))
    return LatentClassifier(weight, torch.zeros(2), weight)


@pytest.fixture
def edited(copy) -> genlab.Run:
    """A run with directions: the first latent makes `shade` light, the second makes `kind` square."""
    basis = torch.eye(6)
    attributes = [Attribute("shade", ["dark", "light"]), Attribute("kind", ["bar", "square"])]
    Directions(
        attributes,
        {"shade": along(basis[0]), "kind": along(basis[1])},
        {"shade": [2.0, 3.0], "kind": [1.0, 1.0]},
        {"draws": 100},
        fingerprint(copy.pipeline.networks),
    ).save(copy.path)
    return genlab.load(copy.path)


@pytest.fixture
def labelled(folder, tmp_path):
    """The pictures with a table: their kind, and whether they are dark on the whole."""
    place = shutil.copytree(folder, tmp_path / "labelled")
    with open(place / "attributes.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "shape", "shade"])
        for path in sorted(place.rglob("*.png")):
            shade = "dark" if np.asarray(Image.open(path)).mean() < 43 else "light"
            rows.writerow([path.relative_to(place).as_posix(), path.parent.name, shade])
    return place


# --- flows ----------------------------------------------------------------------------------------


@pytest.fixture(scope="package")
def described(tmp_path_factory) -> genlab.Run:
    """A run on descriptions written from columns. Tests only read it."""
    folder = tmp_path_factory.mktemp("described")
    data = write_table(folder / "bars")
    options = {**QUICK, "caption": ("colour", "wide"), "unseen": 0.0}
    return genlab.train("images", data, steps=3, validation=0.2, test=0.3, out=folder / "run", **options)


@pytest.fixture(scope="package")
def always_described(tmp_path_factory) -> genlab.Run:
    """A run that has seen no picture without its description. Tests only read it."""
    folder = tmp_path_factory.mktemp("always")
    data = write_captions(folder / "bars")
    return genlab.train("images", data, steps=2, unguided=0.0, out=folder / "run", **QUICK)


@pytest.fixture(scope="package")
def undescribed(tmp_path_factory) -> genlab.Run:
    """A run on pictures without descriptions or classes. Tests only read it."""
    folder = tmp_path_factory.mktemp("undescribed")
    data = colour_folder(folder / "bars", drawn=True)
    return genlab.train("images", data, steps=1, out=folder / "run", **QUICK)

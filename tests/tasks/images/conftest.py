"""Pictures of two kinds, and a GAN trained on them."""

from pathlib import Path

import pytest

import genlab
from tests.conftest import squares_and_bars
from tests.tasks.images.made import SMALL


@pytest.fixture(scope="package", autouse=True)
def few():
    """Fewer pictures to compare in training, and a shorter training of the classifiers that evaluations compare."""
    with pytest.MonkeyPatch.context() as patch:
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

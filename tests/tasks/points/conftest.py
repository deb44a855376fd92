"""Fixtures of the tests of points."""

from pathlib import Path

import numpy as np
import pytest

import genlab
from genlab.tasks.points.gan import PointsGANRecipe
from tests.tasks.points.made import train


@pytest.fixture(scope="package")
def file(tmp_path_factory) -> Path:
    """600 points of two Gaussians, far from the origin and stretched."""
    random = np.random.default_rng(0)
    centres = np.array([[1000.0, -50.0], [1040.0, -50.0]])
    points = centres[random.integers(2, size=600)] + random.normal(size=(600, 2)) * [1.0, 2.0]
    path = tmp_path_factory.mktemp("points") / "two.csv"
    np.savetxt(path, points, delimiter=",", header="x,y", comments="")
    return path


@pytest.fixture(scope="package", autouse=True)
def _few_points_shown():
    """Makes previews cheap."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PointsGANRecipe, "preview", lambda self: [])
        yield


@pytest.fixture(scope="package")
def trained(file, tmp_path_factory) -> genlab.Run:
    """A short run; tests only read it."""
    shape = {"width": 32, "generator_depth": 3, "batch": 256}
    steady = {"learning_rate": 0.005, "penalty": 0.1, "final_penalty": 0.01}  # learns with every seed that was tried
    return train(file, tmp_path_factory.mktemp("trained") / "run", steps=400, **shape, **steady)

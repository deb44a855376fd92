"""Data for classifiers, and classifiers trained on them."""

from pathlib import Path

import numpy as np
import pytest

import genlab
from tests.conftest import squares_and_bars
from tests.tasks.classify.made import SMALL


@pytest.fixture(scope="package")
def pictures(tmp_path_factory) -> Path:
    return squares_and_bars(tmp_path_factory.mktemp("pictures") / "shapes", 80)


@pytest.fixture(scope="package")
def rows(tmp_path_factory) -> Path:
    """400 rows of three classes, distinguished by a weight and a colour; three rows are unlabelled."""
    chance = np.random.default_rng(0)
    lines = ["weight,colour,kind"]
    for number in range(400):
        kind = ("ant", "bee", "cow")[number % 3]
        weight = "" if number % 20 == 0 else f"{chance.normal(900 if kind == 'cow' else 1, 0.3):.3f}"
        lines.append(f"{weight},{'yellow' if kind == 'bee' else 'dark'},{'' if number in (5, 6, 7) else kind}")
    path = tmp_path_factory.mktemp("rows") / "animals.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="package")
def trained(pictures, tmp_path_factory) -> genlab.Run:
    """A short run on pictures; tests only read it."""
    out = tmp_path_factory.mktemp("trained") / "run"
    return genlab.train(
        "classify", pictures, out=out, quiet=True, steps=60, validation=0.2, test=0.2, learning_rate=0.02, **SMALL
    )


@pytest.fixture(scope="package")
def table(rows, tmp_path_factory) -> genlab.Run:
    """A short run on rows; tests only read it."""
    out = tmp_path_factory.mktemp("table") / "run"
    return genlab.train(
        "classify", rows, out=out, quiet=True, steps=150, width=16, learning_rate=0.01, validation=0.2, test=0.2
    )

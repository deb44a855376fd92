"""Signs, and a model that changes their colour."""

from pathlib import Path

import pytest

import genlab
from tests.tasks.restyle.made import signs


@pytest.fixture(scope="package")
def folder(tmp_path_factory) -> Path:
    return signs(tmp_path_factory.mktemp("data") / "signs")


@pytest.fixture(scope="package")
def run(folder, tmp_path_factory) -> genlab.Run:
    out = tmp_path_factory.mktemp("runs") / "signs"
    return genlab.train("restyle", folder, attribute=("colour",), steps=500, pixels=16, width=8, out=out, quiet=True)

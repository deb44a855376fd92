"""Tiny data and options for the contract tests."""

from pathlib import Path

import numpy as np

from tests.conftest import squares_and_bars

OPTIONS = {
    "stargan": {"width": 4, "pixels": 16, "batch": 8},
    "cyclegan": {"width": 4, "depth": 1, "pixels": 24, "batch": 2},
}
PICTURES = np.random.default_rng(0).integers(0, 256, (2, 24, 24, 1), np.uint8)
GENERATE = {"pictures": PICTURES}
OTHER = {"pictures": 255 - PICTURES}
CANCELS = {"stargan": {"down.out.bias"}}
"""The bias of the discriminator's common score cancels in differences of scores."""


def data(folder: Path, model: str) -> str:
    """Pictures of two looks."""
    return str(squares_and_bars(folder / "pictures", 80))

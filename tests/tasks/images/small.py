"""Tiny data and options for the contract tests."""

from pathlib import Path

from tests.conftest import squares_and_bars

OPTIONS = {
    "gan": {"width": 8, "pixels": 16, "batch": 8, "features": "digits"},
    "wgan_gp": {"width": 8, "pixels": 16, "batch": 8, "features": "digits"},
    "flow": {"width": 32, "depth": 1, "pixels": 16, "batch": 8, "features": "digits"},
    "dcgan": {"pixels": 16, "batch": 8, "features": "digits"},
    "vae": {"width": 8, "pixels": 16, "batch": 8, "features": "digits"},
}
GENERATE = {"n": 2}
PROMPT = "a bar"
"""Words of a class, for the models with attention."""
CANCELS = {"gan": {"down.out.bias"}, "wgan_gp": {"down.out.bias"}}
"""The discriminator's last bias cancels in differences of scores."""


def data(folder: Path, model: str) -> str:
    """Pictures of two kinds."""
    return str(squares_and_bars(folder / "pictures"))

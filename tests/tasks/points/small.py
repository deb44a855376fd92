"""What the contract test needs of this task: tiny data, and options that make the model small."""

from pathlib import Path
from typing import Any

import torch

OPTIONS: dict[str, dict[str, Any]] = {"gan": {"width": 16, "batch": 32}}
GENERATE: dict[str, Any] = {"n": 5}
CANCELS: dict[str, set[str]] = {"gan": {"1.out.bias", "judge.out.bias"}}
"""Weights without a gradient: the discriminator's last bias cancels in differences of scores."""


def data(folder: Path, model: str) -> str:
    """Writes tiny data; returns their path."""
    points = torch.randn(400, 2, generator=torch.Generator().manual_seed(0)).tolist()
    path = folder / "points.csv"
    path.write_text("x,y\n" + "".join(f"{x},{y}\n" for x, y in points))
    return str(path)

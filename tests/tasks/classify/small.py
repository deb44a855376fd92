"""What the contract test needs of this task: tiny data, and options that make each model small."""

from pathlib import Path
from typing import Any

import torch

from tests.conftest import squares_and_bars

OPTIONS: dict[str, dict[str, Any]] = {
    "cnn": {"width": 4, "pixels": 16, "batch": 8},
    "mlp": {"width": 8, "batch": 8},
}
GENERATE: dict[str, Any] = {}
CANCELS: dict[str, set[str]] = {}


def data(folder: Path, model: str) -> str:
    """Writes tiny data; returns their path."""
    if model == "cnn":
        return str(squares_and_bars(folder / "pictures"))
    points = torch.randn(400, 2, generator=torch.Generator().manual_seed(0)).tolist()
    path = folder / "rows.csv"
    path.write_text("x,y,side\n" + "".join(f"{x},{y},{'left' if x < 0 else 'right'}\n" for x, y in points))
    return str(path)

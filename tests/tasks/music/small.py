"""Tiny data and options for the contract tests."""

from pathlib import Path
from typing import Any

from tests.data.notes.made import tune
from tests.tasks.music.made import duets, folder_of

TOKENS = {"context": 48, "batch": 4, "width": 32, "depth": 1, "dropout": 0.0}
OPTIONS: dict[str, dict[str, Any]] = {
    "transformer": TOKENS,
    "lstm": TOKENS,
    "chorale": {"window": 16, "batch": 4, "width": 32, "depth": 1, "dropout": 0.0},
}
GENERATE: dict[str, Any] = {"bars": 2}
CANCELS: dict[str, set[str]] = {"chorale": {"voices.0.parallel"}}
"""The highest voice has none above it: this weight is empty."""


def data(folder: Path, model: str) -> str:
    """Tiny pieces, as MIDI files."""
    if model == "chorale":
        return str(folder_of(folder / "tunes", [tune(seed, count=16, voices=2) for seed in range(60)]))
    return str(duets(folder / "duets", bars=3))

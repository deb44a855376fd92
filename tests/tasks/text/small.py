"""Small text and options for the contract tests."""

from pathlib import Path
from typing import Any

from tests.conftest import sentences

SMALL = {"size": "tiny", "batch": 4, "context": 16}
OPTIONS: dict[str, dict[str, Any]] = {"gpt": SMALL, "gpt2": SMALL, "lstm": SMALL}
GENERATE: dict[str, Any] = {"tokens": 10}
CANCELS: dict[str, set[str]] = {"gpt2": {"blocks.0.attention.key.bias", "blocks.1.attention.key.bias"}}
"""Weights without a gradient: what all keys share cancels in a softmax over them."""
PROMPT = "The river"


def data(folder: Path, model: str) -> str:
    """The path of 4,000 characters of text."""
    (folder / "book.txt").write_text(sentences(4_000), encoding="utf-8")
    return str(folder / "book.txt")

"""Tiny data and options for the contract tests."""

from pathlib import Path

from tests.conftest import phrases, tabbed

OPTIONS = {"transformer": {"size": "tiny", "batch": 256}, "gru": {"size": "tiny", "batch": 256}}
GENERATE = {"prompt": "The old miller waits now.", "sample": True}
CANCELS: dict[str, set[str]] = {}
PROMPT = "one cat"
"""For the attention of the Transformer."""


def data(folder: Path, model: str) -> str:
    """Pairs of sentences."""
    path = folder / "pairs.tsv"
    path.write_text(tabbed(phrases(300)), encoding="utf-8")
    return str(path)

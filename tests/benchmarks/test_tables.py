"""The benchmark of the classifier of rows: resuming, pairing of folds, and the ratio that it reports."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import tables

ROW = "| breast-cancer | 2 | 0.1500 | 0.3000 | 0.1000 | 1.500 | 95.0%, 90.0%, 85.0% |"


def lines(model: str, losses: list[float], accuracy: float) -> list[dict]:
    return [
        {"table": "breast-cancer", "fold": fold, "model": model, "log_loss": loss, "accuracy": accuracy}
        for fold, loss in enumerate(losses)
    ]


def test_only_folds_that_all_have_are_compared(capsys: pytest.CaptureFixture) -> None:
    """The better peer is the one with the lower mean, not the best of each fold."""
    found = lines("ours", [0.1, 0.2, 9.0], 0.95) + lines("boosting", [0.5, 0.1], 0.9)
    found += lines("logistic", [0.05, 0.15, 0.1], 0.85) + lines("another", [0.0], 1.0)
    tables.report(found, "ours")
    assert ROW in capsys.readouterr().out.splitlines()


def test_what_has_a_line_is_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = tmp_path / "results.jsonl"
    monkeypatch.setattr(tables, "LEAVES", (4,))
    monkeypatch.setattr(tables, "MOST_TREES", 5)
    monkeypatch.setattr(tables, "STRENGTHS", np.array([0.1]))
    command = ["tables.py", "--results", str(results), "--tables", "breast-cancer", "--steps", "20", "--threads", "1"]
    monkeypatch.setattr(sys, "argv", [*command, "--folds", "1"])
    tables.main()
    first = results.read_text()
    assert {line["model"] for line in map(json.loads, first.splitlines())} == set(tables.MODELS)
    assert all(0 < line["log_loss"] < 0.69 for line in map(json.loads, first.splitlines()))
    monkeypatch.setattr(sys, "argv", [*command, "--folds", "2", "--models", "logistic"])
    tables.main()
    assert results.read_text().startswith(first)
    assert [(line["fold"], line["model"]) for line in tables.read(results)[3:]] == [(1, "logistic")]

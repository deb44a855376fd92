"""The benchmark of music, with hardly any training on random voices."""

import json
import sys
from pathlib import Path

import music
import pytest

from genlab.data.notes.voices import to_grid
from tests.data.notes.made import tune


def voices(seeds: range) -> list[list[list[int]]]:
    return [to_grid(tune(seed, count=12, voices=4))[0].pitches.tolist() for seed in seeds]


def test_the_last_line_has_both_splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """As JSON; in the table, they are beside the n-gram's, and so is how fast everything is."""
    data = tmp_path / "voices.json"
    data.write_text(
        json.dumps({"train": voices(range(8)), "valid": voices(range(8, 11)), "test": voices(range(11, 15))})
    )
    monkeypatch.setattr(music, "OPTIONS", {"width": 32, "depth": 1, "batch": 2})
    for name, value in (("BEATS", 2), ("ROUNDS", 1), ("FILES", 6), ("NOTES", 40)):
        monkeypatch.setattr(music, name, value)
    monkeypatch.setattr(sys, "argv", ["music.py", str(data), "--steps", "2", "--speed"])
    music.main()
    lines = capsys.readouterr().out.splitlines()
    found = json.loads(lines[-1])
    assert found.keys() == {"valid", "test"}
    rows = {tuple(line.split(" | ")[:2]): line.split(" | ")[2] for line in lines if line.count(" | ") == 4}
    for split, value in found.items():
        assert float(rows[f"| {split}", "model"]) == pytest.approx(value, abs=1e-4)
        assert 0 < float(rows[f"| {split}", "ngram"]) != value > 0
    speeds = [line for line in lines if "per second" in line or "real time" in line or "to read" in line]
    assert len(speeds) == 4
    assert all(float(line.split(" | ")[1].strip(" |").replace(",", "")) >= 0 for line in speeds)

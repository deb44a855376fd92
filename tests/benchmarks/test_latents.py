"""The benchmark of latents: a run in pieces, and the report."""

import json
import sys

import latents
import pytest

from genlab.tasks.images import finding, inversion
from genlab.tasks.shared import judges
from tests.tasks.restyle.made import signs


@pytest.fixture
def quick(monkeypatch) -> None:
    monkeypatch.setattr(judges, "STEPS", 20)
    monkeypatch.setattr(finding, "TRIED", 10)
    monkeypatch.setattr(finding, "MEASURED", 20)
    monkeypatch.setattr(inversion, "STEPS", 5)


def test_it_runs_in_pieces(quick, tmp_path, monkeypatch, capsys):
    command = ["latents.py", str(signs(tmp_path / "signs", 120)), "--attribute", "colour", "--pixels", "16"]
    command += ["--seconds", "1", "--draws", "100", "--inverted", "3", "--results", str(tmp_path / "results.jsonl")]
    monkeypatch.setattr(sys, "argv", [*command, "--trainings", "classes"])
    latents.main()
    first = (tmp_path / "results.jsonl").read_text()
    capsys.readouterr()
    monkeypatch.setattr(sys, "argv", [*command, "--sheets", str(tmp_path)])
    latents.main()
    found = (tmp_path / "results.jsonl").read_text()
    assert found.startswith(first)
    classes, plain = (json.loads(line) for line in found.splitlines())
    assert (classes["training"], plain["training"]) == ("classes", "plain")
    for line, other in ((classes, True), (plain, False)):
        values = line["latents"]["directions"]["colour"]
        assert values.keys() == {"blue", "green", "red"}
        assert all((one["other_class"] is not None) == other for one in values.values())
    assert "inversion" not in classes
    measured = plain["inversion"]
    assert measured["pictures"] == 3
    assert measured["difference"] <= measured["guess"]
    assert 0 <= measured["half"] <= 1
    assert {"signs-gan-1s-plain-edits.png", "signs-gan-1s-inversions.png"} <= {one.name for one in tmp_path.iterdir()}
    assert "signs-gan-1s-classes-edits.png" not in {one.name for one in tmp_path.iterdir()}  # its line was there
    out = capsys.readouterr().out
    assert "Directions, plain" in out
    assert "Inversions of 3 held-out pictures" in out


def test_the_report_has_means_over_values_and_ranges_over_seeds(capsys):
    def direction(flips: float | None, others: float | None, other: dict | None) -> dict:
        return {
            "moved": 2.5,
            "flips": flips,
            "others_flipped": others,
            "others": {},
            "other_class": other,
        }

    def line(training: str, flips: float, other: dict | None) -> dict:
        values = {"blond": direction(flips, 0.1, other), "red": direction(flips - 0.2, 0.3, other)}
        found = {"directions": {"hair": values}, "accuracy_on_real": {"hair": 0.99, "skin": None}}
        return {"training": training, "seconds": 600.0, "steps": 1000, "latents": found}

    inverted = {"pictures": 9, "difference": 5, "guess": 9, "nearest": 12, "own": 2, "seconds": 0.5, "half": 0.75}
    lines = [{**line("plain", flips, None), "inversion": inverted} for flips in (0.9, 1.0)]
    other = {"flips": 0.8, "others_flipped": 0.5, "others": {}}
    latents.report([*lines, line("classes", 0.9, other)])
    out = capsys.readouterr().out.splitlines()
    assert "The judge's accuracy on real pictures: hair 99.0%." in out
    assert "| hair blond | 2.5 | 95.0% (90.0% to 100.0%) | 10.0% |  |  |" in out
    assert "| **hair** |  | 85.0% (80.0% to 90.0%) | 20.0% |  |  |" in out
    assert "| **hair** |  | 80.0% | 20.0% | 80.0% | 50.0% |" in out
    assert "| 5.00 | 9.00 | 12.00 | 2.00 | 0.50 | 75.0% |" in out

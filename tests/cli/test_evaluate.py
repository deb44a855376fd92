"""`genlab evaluate`, and the lists of runs and of sample sets."""

import errno
import os

import pytest

from genlab.cli.shared import print_tree
from genlab.engine.run_folder import RunFolder
from tests.cli.conftest import SHORT, objects

pytestmark = pytest.mark.usefixtures("no_previews")


def test_evaluate(cli, copied, quick_copy_check):
    code, out, _ = cli("evaluate", copied)
    assert code == 0
    assert "loss: " in out
    assert "verdict: " in out
    assert "evaluation" in RunFolder(copied).about()
    assert "## Evaluated" in (copied / "README.md").read_text()


def test_evaluate_after_the_data_moved(cli, copied, book, tmp_path, quick_copy_check):
    folder = RunFolder(copied)
    before = folder.about()["test"]["loss"]
    folder.note(data={**folder.about()["data"], "path": "gone.txt"})
    code, out, err = cli("evaluate", copied)
    assert code == 2
    assert out == ""
    assert "gone.txt" in err
    assert "--data" in err
    code, out, _ = cli("evaluate", copied, "--data", book, "--json")
    assert code == 0
    assert objects(out)[0]["loss"] == pytest.approx(before)
    assert objects(out)[0]["split"] == "test"


def test_evaluate_from_another_folder(cli, book, tmp_path, monkeypatch, quick_copy_check):
    """A run records relative paths as absolute ones."""
    (tmp_path / "x.txt").write_text(book.read_text())
    (tmp_path / "v.txt").write_text(book.read_text()[:500])
    assert cli("train", "text", "x.txt", *SHORT, "--validation", "v.txt", "--out", "run")[0] == 0
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    assert cli("evaluate", "../run")[0] == 0


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, 2), (errno.EROFS, 0)])
def test_evaluate_where_nothing_can_be_written(cli, copied, quick_copy_check, monkeypatch, number, code):
    """A full disk is an error; a read-only run is evaluated without a record."""

    def failing(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", failing)
    found, out, err = cli("evaluate", copied)
    assert found == code
    assert ("loss: " in out) == (code == 0)
    assert ("no space left" in err) == (code == 2)
    assert "evaluation" not in RunFolder(copied).about()


def test_evaluate_while_the_run_trains(cli, copied, quick_copy_check):
    with RunFolder(copied).locked():
        assert cli("evaluate", copied)[0] == 0
    assert "evaluation" not in RunFolder(copied).about()


def test_runs_and_samples(cli, copied, tmp_path):
    code, out, _ = cli("runs", "--folder", tmp_path, "--json")
    assert code == 0
    (run,) = objects(out)[0]["runs"]
    assert run["run"] == str(copied)
    assert run["state"] == "done"
    assert "copied" in cli("runs", "--folder", tmp_path)[1]
    code, out, err = cli("runs")
    assert (code, out) == (0, "")
    assert "no runs" in err
    code, out, _ = cli("samples", "--json")
    assert {sample["name"] for sample in objects(out)[0]["samples"]} >= {"@bible", "@python", "@ring", "@grid"}
    assert "@bible" in cli("samples")[1]


def test_notes_are_sentences(capsys):
    print_tree({"flip_rate": {"model": 0.5}, "notes": ["One.", "Two."]})
    assert capsys.readouterr().out == "flip_rate:\n  model: 0.5000\nNote: One.\nNote: Two.\n"

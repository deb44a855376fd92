"""The progress reports of long work."""

import threading
import time

import pytest
from rich.console import Console

from genlab.engine import progress
from genlab.engine.progress import working


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.01)


def test_long_work_is_named(impatient, capsys):
    with working("reading the data", quiet=False):
        time.sleep(0.1)
    assert capsys.readouterr().err == "reading the data ...\n"


def test_short_work_and_quiet_work_is_not(monkeypatch, capsys):
    with working("reading the data", quiet=False):
        pass
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    with working("reading the data", quiet=True):
        time.sleep(0.05)
    assert capsys.readouterr().err == ""


def test_a_terminal_shows_a_spinner_that_disappears(impatient, monkeypatch, tmp_path):
    with open(tmp_path / "screen", "w") as file:
        monkeypatch.setattr(progress, "console", Console(file=file, force_terminal=True))
        before = set(threading.enumerate())
        with pytest.raises(OSError, match="gone"), working("reading the data", quiet=False):
            raise_later()
    assert "reading the data" in (tmp_path / "screen").read_text()
    for thread in set(threading.enumerate()) - before:
        thread.join(2.0)
    assert set(threading.enumerate()) <= before


def raise_later():
    time.sleep(0.2)
    raise OSError("gone")

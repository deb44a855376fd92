"""Fixtures that the tests of the engine share."""

import errno
import os
from pathlib import Path

import pytest

from genlab.engine import files
from genlab.tasks.text.gpt import GPTRecipe


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture(params=["write", "fsync", "replace", "open", "quota"])
def full_disk(request, monkeypatch):
    """A full disk, as it shows at different moments."""
    if request.param == "write":

        class Full:
            def __init__(self, path: Path, *_) -> None:
                self.file = open(path, "wb", buffering=0)  # noqa: SIM115

            def __enter__(self):
                return self

            def __exit__(self, *_):
                self.file.close()

            def write(self, data: bytes) -> None:
                self.file.write(data[: len(data) // 2])
                full()

        monkeypatch.setattr(files, "open", Full, raising=False)
    elif request.param == "open":
        monkeypatch.setattr(files, "open", full, raising=False)
    elif request.param == "quota":

        def over(*_):
            raise OSError(errno.EDQUOT, "Disk quota exceeded")

        monkeypatch.setattr(os, "fsync", over)
    else:
        monkeypatch.setattr(os, request.param, full)


@pytest.fixture
def no_previews(monkeypatch):
    """Removes the previews of training."""
    monkeypatch.setattr(GPTRecipe, "preview", lambda self: [])

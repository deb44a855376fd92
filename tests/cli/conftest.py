"""Short trainings on the command line, and their output."""

import json

import pytest

from genlab.tasks.text.gpt import GPTRecipe
from tests.conftest import sentences

SHORT = ["--steps", 3, "--size", "tiny", "--context", 16, "--batch", 2]


@pytest.fixture
def no_previews(monkeypatch):
    """Removes the previews of training."""
    monkeypatch.setattr(GPTRecipe, "preview", lambda self: [])


@pytest.fixture
def quick_copy_check(monkeypatch):
    """Replaces the generation of evaluations with ready-made text."""
    monkeypatch.setattr("genlab.tasks.text.evaluate.write", lambda *_: iter([sentences(2_000, seed=9)]))


def objects(out: str) -> list:
    """The JSON values on standard output; there should be exactly one."""
    return [json.loads(line) for line in out.splitlines()]

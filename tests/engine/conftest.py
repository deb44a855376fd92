"""What the tests of trainings share."""

import pytest

from genlab.tasks.text.gpt import GPTRecipe


@pytest.fixture
def no_previews(monkeypatch):
    """Trainings whose previews cost nothing."""
    monkeypatch.setattr(GPTRecipe, "preview", lambda self: [])

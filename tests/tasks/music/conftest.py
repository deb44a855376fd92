"""What the tests of music share."""

import pytest

from genlab.engine.loop import Loop


@pytest.fixture
def no_previews(monkeypatch):
    """Removes the previews of training: drawing a piano roll takes longer than a step."""
    monkeypatch.setattr(Loop, "_preview", lambda *_: None)

"""Numbers that are not finite end a training, which keeps the weights of before."""

import math

import pytest
import torch

import genlab
from genlab.engine.checkpoints import load_state
from genlab.engine.loop import Loop
from genlab.tasks.text.gpt import GPTRecipe
from tests.engine.short import train

pytestmark = pytest.mark.usefixtures("no_previews")


@pytest.mark.parametrize("at", [1, 13])
def test_no_number_ends_the_training(book, tmp_path, monkeypatch, at):
    """The weights of before are kept, in the run and in the checkpoint."""
    step = GPTRecipe.step

    def broken(self, batch, progress):
        self.updates = getattr(self, "updates", 0) + 1
        measures = step(self, batch, progress)
        return {"loss": measures["loss"] * math.nan} if self.updates == at else measures

    monkeypatch.setattr(GPTRecipe, "step", broken)
    monkeypatch.setattr(Loop, "_checkpoint_due", lambda self: True)
    run = train(book, tmp_path / "run", steps=20)
    assert run.about["state"] == "diverged"
    assert run.about["step"] == at
    saved = load_state(tmp_path / "run" / "resume")
    if at == 1:
        assert saved is None
        assert not run.folder.weights.exists()
    else:
        assert saved[0] == at - 1
        assert all(weight.isfinite().all() for weight in genlab.load(run.path).pipeline.network.parameters())


@pytest.mark.parametrize("validation", [0, 0.05])
def test_weights_that_are_no_numbers_are_never_saved(book, tmp_path, monkeypatch, validation):
    """The loss may still be a number when the update ruins the weights."""
    step = GPTRecipe.step

    def ruined(self, batch, progress):
        self.updates = getattr(self, "updates", 0) + 1
        measures = step(self, batch, progress)
        if self.updates == 10:
            self.network.norm.weight.data[0] = math.inf
        return measures

    monkeypatch.setattr(GPTRecipe, "step", ruined)
    monkeypatch.setattr(Loop, "_checkpoint_due", lambda self: True)
    run = train(book, tmp_path / "run", validation=validation)
    assert run.about["state"] == "diverged"
    assert load_state(tmp_path / "run" / "resume")[0] == 9
    assert all(weight.isfinite().all() for weight in genlab.load(run.path).pipeline.network.parameters())


def test_a_training_that_diverges_exits_with_1(cli, book, monkeypatch):
    """One sentence, no traceback."""
    monkeypatch.setattr(GPTRecipe, "step", lambda self, batch, progress: {"loss": torch.tensor(math.nan)})
    code, _, err = cli("train", "text", book, "--steps", 3, "--size", "tiny", "--context", 16, "--batch", 2)
    assert code == 1
    assert "became NaN or infinite at step 1; the run has no weights yet. Train again" in err
    assert "Traceback" not in err

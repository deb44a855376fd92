"""Translators with custom networks and losses."""

import pytest
import torch

import genlab
from genlab.errors import InputError
from genlab.models.gru import GRU, GRUShape
from tests.tasks.translate.made import SMALL, UNSEEN


class Mine(GRU):
    """A user's network: it translates as the baseline does."""

    def __init__(self, shape) -> None:
        super().__init__(GRUShape(shape.source_vocabulary, shape.target_vocabulary, 16, True, shape.joint))


class Headless(Mine):
    def forward(self, *given):
        return super().forward(*given)[:, :-1]


class Untold(Mine):
    next = property()


class Forgetful(Mine):
    def next(self, tokens, memory):
        return super().next(tokens, memory)[:, :5]


def total_loss(logits, targets, smoothing):
    return torch.nn.functional.cross_entropy(logits, targets) + smoothing


@pytest.mark.parametrize("model", ["transformer", "gru"])
def test_a_custom_network_is_trained_recorded_and_loaded(pairs, tmp_path, model):
    made = []

    def factory(shape):
        made.append(shape)
        return Mine(shape)

    out = tmp_path / "run"
    run = genlab.train("translate", pairs, model, out=out, quiet=True, networks={model: factory}, **SMALL)
    assert isinstance(run.pipeline.network, Mine)
    assert made[0].source_vocabulary == run.pipeline.source.size
    assert run.folder.config()["networks"][model]["class"].endswith(":Mine")
    with pytest.raises(InputError, match="custom networks"):
        genlab.load(out)
    again = genlab.load(out, networks={model: factory})
    line = UNSEEN[0][0]
    assert again.generate(prompt=line)[0].content == run.generate(prompt=line)[0].content
    assert again.evaluate()["loss"] == pytest.approx(run.about["test"]["loss"])
    with pytest.raises(InputError, match=r"custom network|no attention"):
        again.attention(line)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (lambda shape: torch.nn.Linear(2, 2), "rejects a batch of shape"),
        (lambda shape: 5, "returned a int, not a torch.nn.Module"),
        (Headless, r"must return \(5, \d+\)"),
        (Untold, r"start\(source, mask, capacity\)"),
        (Forgetful, r"must return \(2, \d+\)"),
    ],
)
def test_a_custom_network_that_cannot_translate_is_refused(pairs, tmp_path, network, message):
    with pytest.raises(InputError, match=message) as error:
        genlab.train("translate", pairs, out=tmp_path / "run", quiet=True, networks={"transformer": network}, **SMALL)
    assert error.value.field == "transformer"
    assert not (tmp_path / "run").exists()


def test_a_custom_loss_trains_and_selects(pairs, tmp_path):
    run = genlab.train("translate", pairs, out=tmp_path / "run", quiet=True, losses={"loss": total_loss}, **SMALL)
    (validation, *_) = (entry for entry in run.folder.measures() if entry["split"] == "validation")
    assert validation["smoothed_loss"] == pytest.approx(validation["loss"] + 0.1)
    with pytest.raises(InputError, match="has no loss other: choose from loss"):
        genlab.train("translate", pairs, out=tmp_path / "other", losses={"other": total_loss}, **SMALL)

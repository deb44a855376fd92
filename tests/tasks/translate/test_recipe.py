"""Training translators: every model and tokenizer, validation, sizes, processes, resuming, and that they learn."""

import os
import signal
import time

import numpy as np
import pytest
import torch

import genlab
from genlab.engine.loop import Loop
from genlab.engine.machine import Machine
from genlab.engine.options import Place
from genlab.engine.recipe import Setup, Speed
from genlab.engine.run_folder import RunFolder
from genlab.tasks.translate.gru import GRURecipe
from genlab.tasks.translate.options import GRUOptions, TransformerOptions, TranslateRequest
from genlab.tasks.translate.transformer import PARAMETERS, TransformerRecipe
from tests.tasks.translate.made import SMALL, UNSEEN

MODELS = [("transformer", {}), ("gru", {}), ("gru", {"attention": "none"})]


def test_it_translates_what_it_never_saw(translator):
    run = genlab.load(translator)
    translations = run.pipeline.translate([source for source, _ in UNSEEN], TranslateRequest())
    right = np.mean([text == target for text, (_, target) in zip(translations, UNSEEN, strict=True)])
    assert right > 0.75
    assert run.about["test"]["exact"] > 0.75
    assert run.about["test"]["bleu"] > 80
    losses = [entry["loss"] for entry in run.folder.measures() if entry["split"] == "validation"]
    assert losses[-1] < 0.5 < losses[0]


@pytest.mark.parametrize(("model", "options"), MODELS, ids=str)
@pytest.mark.parametrize("tokenizer", ["bpe", "char", "word"])
def test_every_model_and_token(pairs, tmp_path, model, options, tokenizer):
    joint = tokenizer != "word"
    run = genlab.train(
        "translate",
        pairs,
        model,
        out=tmp_path / "run",
        quiet=True,
        tokenizer=tokenizer,
        joint=joint,
        **options,
        **SMALL,
    )
    assert (tmp_path / "run" / "tokenizer.json").exists() == joint
    line = "The old miller waits now."
    again = genlab.load(run.path)
    for request in ({"prompt": line}, {"prompt": line, "sample": True, "n_best": 3}):
        assert [str(s) for s in run.generate(**request)] == [str(s) for s in again.generate(**request)]
    assert again.pipeline.search([line], TranslateRequest()) == run.pipeline.search([line], TranslateRequest())


def test_lower_case(pairs, tmp_path):
    run = genlab.train("translate", pairs, out=tmp_path / "run", quiet=True, lower=True, **SMALL)
    one, other = run.generate(prompt="The OLD miller waits now."), run.generate(prompt="the old miller waits now.")
    assert str(one[0]) == str(other[0]) == str(one[0]).lower()


def test_validation_is_the_mean_over_all_tokens_with_smoothing_and_without(untaught_recipe):
    """Compares with one pair at a time; the metric that training minimises comes first and selects the weights."""
    total, smoothed, watched = 0.0, 0.0, untaught_recipe.data.watched
    untaught_recipe.network.eval()
    for row in range(len(watched)):
        batch = watched.rows(np.array([row]))
        logits = untaught_recipe.network(batch.source, batch.inputs)
        total += torch.nn.functional.cross_entropy(logits, batch.targets, reduction="sum").item()
        even = -logits.log_softmax(-1).mean(-1).sum().item()
        smoothed += 0.9 * torch.nn.functional.cross_entropy(logits, batch.targets, reduction="sum").item() + 0.1 * even
    untaught_recipe.network.train()
    measured = untaught_recipe.validate()
    assert untaught_recipe.network.training
    assert list(measured) == ["smoothed_loss", "loss"]
    assert measured["loss"] == pytest.approx(total / watched.tokens, rel=1e-5)
    assert measured["smoothed_loss"] == pytest.approx(smoothed / watched.tokens, rel=1e-5)


def test_killed_and_resumed(pairs, tmp_path, monkeypatch):
    """SIGKILL in the middle; after resuming, the weights are those of an uninterrupted run."""
    monkeypatch.setattr(Loop, "_checkpoint_due", lambda self: True)
    options = {"steps": 25, "size": "tiny", "batch": 256, "dropout": 0.1, "quiet": True}
    whole = genlab.train("translate", pairs, out=tmp_path / "whole", **options)
    out = tmp_path / "run"
    child = os.fork()
    if child == 0:
        genlab.train("translate", pairs, out=out, **options)
        os._exit(0)
    while not list(out.glob("resume/step-*.safetensors")):
        time.sleep(0.01)
    time.sleep(0.2)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert RunFolder(out).about()["state"] == "running"
    genlab.train("translate", pairs, out=out, resume=True, **options)
    assert (out / "model.safetensors").read_bytes() == (whole.path / "model.safetensors").read_bytes()
    assert RunFolder(out).about()["attempts"] == 2


@pytest.mark.parametrize("model", ["transformer", "gru"])
def test_processes_weigh_by_their_number_of_target_tokens(pairs, model, monkeypatch):
    counts = []
    monkeypatch.setattr(Machine, "average", lambda self, network, count=None: counts.append(count))
    options = {"transformer": TransformerOptions, "gru": GRUOptions}[model](size="tiny", batch=256)
    recipe_type = {"transformer": TransformerRecipe, "gru": GRURecipe}[model]
    data, _ = recipe_type.read(options, Place(str(pairs), "0", "0"), None)
    recipe = recipe_type(Setup(recipe_type.resolve(options, data, Speed(None, None, 1), None), data, Machine("cpu")))
    batches = [recipe.batch(step) for step in range(8)]
    for batch in batches:
        recipe.step(batch, 0.0)
    assert counts == [len(batch.targets) for batch in batches]
    assert any(len(batch.targets) < batch.inputs.numel() for batch in batches)


def test_the_size_is_for_all_processes_and_the_batch_for_each(untaught_recipe):
    data, options = untaught_recipe.data, TransformerOptions()

    def resolved(speed: Speed) -> TransformerOptions:
        return TransformerRecipe.resolve(options, data, speed, None)

    fixed = resolved(Speed(None, None, 1))
    assert (fixed.size, fixed.batch, fixed.dropout) == ("small", 1024, 0.1)
    one, four = resolved(Speed(600.0, 1e12, 1)), resolved(Speed(600.0, 1e12, 4))
    assert (one.size, one.dropout) == (four.size, four.dropout)
    assert one.batch == 2 * four.batch
    assert PARAMETERS[resolved(Speed(600.0, 64e12, 4)).size] > PARAMETERS[one.size]

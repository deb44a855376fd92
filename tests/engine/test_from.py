"""Training on from another run's weights."""

import json
import shutil

import pytest
import torch

import genlab
from genlab.engine.loop import Loop
from genlab.errors import InputError
from genlab.models.gpt import GPT

STILL = {"learning_rate": 1e-9, "embedding_learning_rate": 1e-9}
"""Rates that change nothing that can be seen."""


def written(run: genlab.Run) -> str:
    return str(run.generate(prompt="The ", tokens=40, greedy=True)[0])


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """A text of other words, some of whose letters the book lacks."""
    path = tmp_path_factory.mktemp("other") / "other.txt"
    path.write_text("Zebras quietly examine the old pond; the old pond examines zebras.\n" * 60)
    return path


def test_it_begins_as_what_it_starts_from(trained, other, tmp_path):
    run = genlab.train("text", other, steps=1, from_=trained, out=tmp_path / "run", quiet=True, **STILL)
    assert written(run) == written(genlab.load(trained))
    assert (run.path / "tokenizer.json").read_bytes() == (trained / "tokenizer.json").read_bytes()
    assert run.pipeline.options.size == "tiny"
    (note,) = run.about["data"]["notes"]
    assert "not in the vocabulary of the run to start from" in note
    card = (run.path / "README.md").read_text()
    assert "Trained from the weights of tiny" in card
    assert "from scratch" not in card


@pytest.mark.parametrize("model", ["gpt", "gpt2", "lstm"])
def test_it_learns_faster_than_from_the_start(book, other, tmp_path, model):
    options = {"size": "tiny", "tokenizer": "byte", "context": 16, "batch": 8, "validation": 0, "test": "0.2"}
    shared = {key: options[key] for key in ("context", "batch", "validation", "test")}
    if model == "gpt2":
        options["learning_rate"] = 0.01
    first = genlab.train("text", book, model, steps=60, out=tmp_path / "first", quiet=True, **options)
    fresh = genlab.train("text", other, model, steps=4, out=tmp_path / "fresh", quiet=True, **options)
    after = genlab.train("text", other, steps=4, from_=first.path, out=tmp_path / "after", quiet=True, **shared)
    assert after.model == model
    assert after.about["test"]["loss"] < fresh.about["test"]["loss"] - 0.1


def test_killed_and_resumed(trained, other, tmp_path, monkeypatch):
    options = {"steps": 8, "from_": str(trained), "quiet": True, "checkpoint_seconds": 0}
    whole = genlab.train("text", other, out=tmp_path / "whole", **options)
    monkeypatch.setattr(Loop, "_checkpoint_due", lambda self: True)
    save = Loop._save

    def dies(self) -> None:
        save(self)
        if self.step == 5:
            raise MemoryError

    monkeypatch.setattr(Loop, "_save", dies)
    with pytest.raises(MemoryError):
        genlab.train("text", other, out=tmp_path / "run", **options)
    monkeypatch.setattr(Loop, "_save", save)
    run = genlab.train("text", other, out=tmp_path / "run", resume=True, **options)
    assert run.folder.weights.read_bytes() == whole.folder.weights.read_bytes()
    options["from_"] = str(tmp_path / "whole")
    with pytest.raises(InputError, match="started with from "):
        genlab.train("text", other, out=tmp_path / "run", resume=True, **options)


@pytest.mark.parametrize(
    ("task", "options", "message", "field"),
    [
        ("text", {"size": "small"}, "size: the run to start from has tiny, not small: omit --size", "size"),
        (
            "text",
            {"context": 65},
            "context: the run to start from reads 64 tokens at most, not 65: give a smaller",
            "context",
        ),
        ("text", {"model": "lstm"}, "is a gpt for text, not a lstm for text", "from"),
        ("points", {}, "this model cannot start from another run", "from"),
        ("text", {"from_": "nothing"}, "There is no run folder nothing", "run"),
    ],
)
def test_what_does_not_fit(trained, other, tmp_path, task, options, message, field):
    data = other if task == "text" else "@ring"
    with pytest.raises(InputError, match=message) as error:
        genlab.train(task, data, steps=1, out=tmp_path / "run", quiet=True, **{"from_": trained, **options})
    assert error.value.field == field
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("model", ["gpt", "gpt2"])
def test_a_context_longer_than_the_text(book, other, tmp_path, model):
    """Training takes shorter windows, and so does a smaller --context; the network keeps its context."""
    long = {"size": "tiny", "tokenizer": "byte", "context": 4096, "batch": 1}
    first = genlab.train("text", book, model, steps=1, out=tmp_path / "first", quiet=True, **long)
    options = {"steps": 2, "batch": 1, "from_": first.path, "quiet": True}
    short = genlab.train("text", other, out=tmp_path / "short", **options)
    assert (short.pipeline.options.context, short.pipeline.window) == (
        short.about["data"]["counts"]["train"]["tokens"] // 8,
        4096,
    )
    given = genlab.train("text", other, out=tmp_path / "given", context=32, **options)
    assert (given.pipeline.options.context, given.pipeline.window) == (32, 4096)
    again = genlab.train("text", other, out=tmp_path / "again", **{**options, "from_": given.path})
    assert (again.pipeline.options.context, again.pipeline.window) == (32, 4096)
    with pytest.raises(InputError, match=r"context: 4096 is longer than the training text .* or a smaller --context"):
        genlab.train("text", other, out=tmp_path / "longer", context=4096, **options)


class Scaled(GPT):
    """A custom network, whose state has the names of GPT's."""

    def forward(self, *args, **kwargs):
        return 0.5 * super().forward(*args, **kwargs)


def test_with_networks_of_your_own(book, other, tmp_path):
    networks = {"gpt": Scaled}
    options = {"steps": 2, "size": "tiny", "context": 16, "batch": 2, "quiet": True}
    first = genlab.train("text", book, out=tmp_path / "first", networks=networks, **options)
    after = {**options, **STILL, "from_": first.path, "weight_decay": 0}
    run = genlab.train("text", other, out=tmp_path / "run", networks=networks, **after)
    assert isinstance(run.pipeline.network, Scaled)
    assert run.folder.config()["networks"]["gpt"]["class"].endswith(":Scaled")
    for name, weight in first.pipeline.network.state_dict().items():
        torch.testing.assert_close(run.pipeline.network.state_dict()[name], weight, rtol=0, atol=1e-6)
    with pytest.raises(InputError, match=r"custom networks.*genlab.train takes the same networks"):
        genlab.train("text", other, out=tmp_path / "without", **after)
    assert not (tmp_path / "without").exists()


def test_models_that_cannot_start_from_another_run(tmp_path):
    first = genlab.train("points", "@ring", steps=1, out=tmp_path / "first", quiet=True)
    with pytest.raises(InputError, match="this model cannot start from another run: omit --from") as error:
        genlab.train("points", "@ring", steps=1, from_=first.path, out=tmp_path / "run", quiet=True)
    assert error.value.field == "from"
    assert not (tmp_path / "run").exists()


def test_command_line(cli, trained, other, tmp_path):
    start = shutil.copytree(trained, tmp_path / "start")
    code, out, _ = cli("train", "text", other, "--from", start, "--steps", 2, "--json")
    assert code == 0
    assert json.loads(out)["step"] == 2
    code, out, _ = cli("train", "text", other, "--from", "nothing", "--steps", 2, "--json")
    assert code == 2
    assert "no run folder nothing" in json.loads(out)["error"]["message"]

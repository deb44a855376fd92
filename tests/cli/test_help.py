"""The help pages list every option."""

from dataclasses import replace

import pytest

from genlab.catalog import task_named
from genlab.cli import imports
from genlab.tasks.task import Import


def test_help_lists_every_option(cli):
    _, out, _ = cli("train", "text", "--help")
    for option in ("out", "minutes", "steps", "model", "size", "context", "tokenizer", "validation", "test", "seed",
                   "device", "precision", "resume", "json", "log", "dropout"):  # fmt: skip
        assert f"--{option}" in out
    assert "laptop has 4 layers" in out
    _, lstm, _ = cli("train", "text", "--model", "lstm", "--help")
    assert "the recurrent baseline" in lstm


def test_help_of_a_run_lists_its_options(cli, trained):
    code, out, _ = cli("generate", trained, "--help")
    assert code == 0
    assert "Make new content with " in out
    for option in ("prompt", "tokens", "n", "temperature", "top-k", "top-p", "min-p", "repetition-penalty", "stop",
                   "greedy", "weights", "seed", "json"):  # fmt: skip
        assert f"--{option}" in out
    code, out, _ = cli("evaluate", trained, "--help")
    assert "--data" in out
    code, out, _ = cli("attention", trained, "--help")
    for option in ("prompt", "layer", "head", "to", "json", "device"):
        assert f"--{option}" in out


@pytest.mark.parametrize(
    ("words", "usage"),
    [
        (["train", "images"], "train images DATA [options]"),
        (["train", "images", "--model", "wgan_gp"], "train images DATA --model wgan_gp [options]"),
        (["look", "text", "--model", "lstm"], "look text DATA --model lstm [options]"),
        (["generate", "RUN"], "generate RUN [options]"),
        (["attention", "RUN"], "attention RUN --prompt TEXT [options]"),
        (["export", "RUN"], "export RUN PLACE [options]"),
        (["predict", "RUN"], "predict RUN FILE... [options]"),
        (["push", "RUN"], "push RUN NAME [options]"),
        (["import"], "import FOLDER [options]"),
        (["samples"], "samples [@NAME] [options]"),
    ],
)
def test_usage_lines_show_what_is_required(cli, trained, words, usage):
    code, out, _ = cli(*(trained if word == "RUN" else word for word in words), "--help")
    assert code == 0
    assert out.splitlines()[0] == f"usage: genlab {usage.replace('RUN', str(trained))}"


def test_the_default_model_is_that_of_the_task(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    for words in ([], ["--model", "wgan_gp"]):
        assert "Default: gan." in cli("train", "images", *words, "--help")[1]


@pytest.mark.parametrize("words", [[], ["--model", "mlp"]])
def test_a_default_model_that_depends_on_the_data_is_shown_with_them(cli, monkeypatch, words):
    monkeypatch.setenv("COLUMNS", "100")
    _, out, _ = cli("train", "classify", *words, "--help")
    assert "Default: cnn for pictures, mlp for a table." in " ".join(out.split())


def test_help_of_imports_is_declared(cli, monkeypatch):
    declared = Import("bell:read", about="a bell that a foundry cast", folder="bell.json", uses=())
    monkeypatch.setattr(imports, "importing", lambda: [replace(task_named("text"), imports=declared)])
    _, out, _ = cli("import", "--help")
    assert "Make a run folder from a bell that a foundry cast." in out
    assert "Folder of the model: bell.json." in out
    assert "GPT" not in out

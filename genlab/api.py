"""genlab from Python: `train` makes a run, `load` opens one."""

import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np
from torch import nn

from genlab.catalog import entry
from genlab.catalog import load as load_class
from genlab.engine.machine import Machine, ZerosForRandom
from genlab.engine.model_card import card, write_card
from genlab.engine.options import RunOptions
from genlab.engine.pipeline import AttentionMap, Decodes, Explains, Exports, Generates, Prediction, Predicts
from genlab.engine.recipe import Recipe
from genlab.engine.run_folder import RunFolder
from genlab.engine.samples import Sample
from genlab.engine.train import train as run_training
from genlab.engine.train import versions
from genlab.errors import InputError
from genlab.exchange.hf import read_folder
from genlab.exchange.hub import push_folder
from genlab.options import make
from genlab.tasks.translate.options import data_of

Capability = TypeVar("Capability")


class Run:
    """A trained model with all that belongs to it; made by `train` and `load`."""

    def __init__(self, folder: RunFolder, recipe: Recipe) -> None:
        self.folder = folder
        self.recipe = recipe

    @property
    def path(self) -> Path:
        return self.folder.path

    @property
    def about(self) -> dict[str, Any]:
        """run.json: state, seed, versions, machine, wall time, data, measures."""
        return self.folder.about()

    def generate(self, show: Any = None, **options: Any) -> list[Sample]:
        """New content; the options are those of `genlab generate RUN --help`.

        Args:
            show: Called with each piece of text as it is written.
            **options: Fields of the recipe's request.

        Returns:
            One sample for each of `n`; `str(sample)` or `sample.content` is the content.

        Raises:
            InputError: an option cannot be used.
        """
        recipe = self._able(Generates, "generates nothing")
        request: Any = make(recipe.request_type, options)
        return list(recipe.generate(request, show))

    def sample(self, latents: Any, label: str | None = None) -> np.ndarray:
        """Content from latent vectors of your own.

        Args:
            latents: Array or tensor (pieces, latent), or a .npy file of one.
            label: Class of the content, where the run has classes.

        Raises:
            InputError: they do not fit, or the run has no latent vectors.
        """
        return self._able(Decodes, "makes nothing from latent vectors").sample(latents, label)

    def predict(self, data: Any) -> list[Prediction]:
        """Labels with probabilities.

        Args:
            data: A path or a list of paths (pictures, folders of them, or a CSV), or an array of inputs.

        Raises:
            InputError: the data cannot be read, or the run is no classifier.
        """
        return self._able(Predicts, "predicts no labels").predict(data)

    def attention(self, prompt: str, **options: Any) -> list[AttentionMap]:
        """What every head looks at: the weights of each layer, with their tokens and figures.

        Args:
            prompt: The text that the model reads.
            **options: Further fields of the recipe's request.

        Raises:
            InputError: the prompt cannot be read, or the run has no attention.
        """
        recipe = self._able(Explains, "has no attention to look at")
        request: Any = make(recipe.explain_type, {"prompt": prompt, **options})
        return recipe.explain(request)

    def export(self, to: str, place: str | os.PathLike) -> None:
        """Writes the model for other people's tools.

        Args:
            to: hf (a folder for transformers), gguf (a file for llama.cpp) or onnx (a file for ONNX runtimes).
            place: The folder or file to make.

        Raises:
            InputError: the run has no such form, or it cannot be written there; nothing is left half-written.
        """
        recipe = self._able(Exports, "cannot be exported")
        if to not in recipe.formats:
            raise InputError(f"to: {to!r} cannot be used; it is one of {', '.join(recipe.formats)}.", "to")
        commands = ["    genlab import THIS_FOLDER --out RUN", "    genlab generate RUN"]
        recipe.export(to, Path(place), card(self.folder, self.recipe, commands))

    def push(self, name: str, private: bool = False) -> str:
        """Uploads the model, as `export` writes it for transformers, to a Hugging Face repository.

        Args:
            name: OWNER/NAME, or NAME for a repository of the user who is logged in.
            private: Make the repository, if it is not there yet, one that only its owner sees.

        Returns:
            The address of the repository.

        Raises:
            InputError: the run cannot be exported, or the repository not be written.
        """
        with TemporaryDirectory() as folder:
            self.export("hf", Path(folder) / "model")
            return push_folder(Path(folder) / "model", name, private)

    def _able(self, capability: type[Capability], lack: str) -> Capability:
        """The recipe as what it can do."""
        if not isinstance(self.recipe, capability):
            raise InputError(f"{self.path} is a {self.recipe.name} for {self.recipe.task}, which {lack}.", "run")
        return self.recipe

    def evaluate(self, data: str | os.PathLike | None = None) -> dict[str, Any]:
        """Measures on the test split, or on `data`, each beside what it must be read against.

        Raises:
            InputError: the training data have moved or changed; give them as `data`.
        """
        facts = self.about["data"]
        trained_on = {key: facts[key] for key in ("path", "validation", "test")}
        result = self.recipe.evaluate(None if data is None else os.fspath(data), trained_on, facts["fingerprint"])
        if data is None:
            with suppress(InputError), self.folder.locked():  # not while it is trained on
                self.folder.note(evaluation=result)
                write_card(self.folder, self.recipe)
        return result

    def __repr__(self) -> str:
        return f"<genlab run {self.path}: {self.recipe.task} {self.recipe.name}>"


def train(
    task: str, data: str | os.PathLike | None = None, model: str | None = None, quiet: bool = False,
    parts: dict[str, nn.Module] | None = None, **options: Any,
) -> Run:  # fmt: skip
    """Trains a model on the user's data and returns its run.

    Args:
        task: What kind of content: text, points, images, classify, translate.
        data: A file, a folder or a sample set such as "@bible". To translate, two parallel files can be given as
            source= and target= instead.
        model: Which of the task's models; None for its first.
        quiet: Print nothing.
        parts: Networks of your own in place of the recipe's, by name.
        **options: Those of `genlab train TASK --help`, with underscores: minutes=2, size="laptop".

    Raises:
        InputError: something given cannot be used.
    """
    if task == "translate":
        sides = (options.pop(side, None) for side in ("source", "target"))
        data = data_of(*(None if place is None else os.fspath(place) for place in (data, *sides)))
    if data is None:
        raise InputError("Say what to learn from: a file, a folder or a sample set.", "data")
    if options.get("from_") is not None:
        options["from_"] = os.fspath(options["from_"])
        model = model or model_of(options["from_"], task)
    _, found = entry(task, model, os.fspath(data))
    config_type = load_class(found.config)
    of_run = {key: options.pop(key) for key in list(options) if key in RunOptions.__dataclass_fields__}
    for key in ("validation", "test", "out"):
        if key in of_run and of_run[key] is not None:
            of_run[key] = str(of_run[key])
    run = make(RunOptions, {"data": os.fspath(data), **of_run})
    recipe = load_class(found.recipe)(make(config_type, options), parts)
    return train_recipe(recipe, run, quiet)


def model_of(path: str, task: str) -> str | None:
    """The model of a run; None if it is of another task."""
    config = RunFolder.open(path).config()
    return config["model"] if config["task"] == task else None


def train_recipe(recipe: Recipe, run: RunOptions, quiet: bool = False) -> Run:
    """Trains a recipe from the start, or from the weights of the run that `run` names."""
    start = None if run.from_ is None else load(run.from_, run.device).recipe
    return Run(run_training(recipe, run, quiet, start), recipe)


def import_folder(folder: str | os.PathLike, out: str | os.PathLike | None = None) -> Run:
    """Makes a run of a language model as transformers saves it: GPT-2's architecture, or Qwen3's.

    Args:
        folder: With config.json, model.safetensors and tokenizer.json.
        out: Run folder to make; by default runs/text-<folder>-NNN.

    Raises:
        InputError: the folder holds no such model, or files that do not fit together.
    """
    place = Path(folder)
    found = read_folder(place)
    _, known = entry("text", found.model)
    recipe: Any = load_class(known.recipe)(load_class(known.config)())
    recipe.machine = Machine("auto")
    recipe.imported(found.shape, found.tokenizer)
    with ZerosForRandom():
        recipe.build()
    recipe.network.load_state_dict(found.weights, strict=not found.shape.tied)
    name = place.resolve().name
    run = RunFolder.create(None if out is None else os.fspath(out), "text", name)
    try:
        with run.locked():
            data = {"name": name, "path": name, "validation": "0", "test": "0", "fingerprint": "", "counts": {}}
            run.note(state="imported", seed=0, versions=versions(), data=data, weights=found.fingerprint)
            run.write_config(
                {"task": "text", "model": found.model, "run": {}, "parts": {}, "config": asdict(recipe.config)}
            )
            recipe.save_files(run.path)
            run.write_model(recipe.saved())
            write_card(run, recipe)
    except InputError:
        run.discard()
        raise
    return Run(run, recipe)


def load(path: str | os.PathLike, device: str = "auto", **parts: nn.Module) -> Run:
    """Opens a run folder.

    Args:
        path: The folder.
        device: Where to put it: auto, cpu, cuda, mps.
        **parts: The user's own networks, where the run was trained with some.

    Raises:
        InputError: it is no run folder, damaged, of a newer format, or needs `parts`.
    """
    folder = RunFolder.open(path)
    config, about, machine = folder.config(), folder.about(), Machine(device)
    if "config" not in config or "data" not in about:
        raise InputError(f"{path} has not begun to train yet: resume its training first.", "run")
    try:
        assert isinstance(config["config"], dict) and isinstance(about["data"], dict), "an entry is no object"
        _, found = entry(config["task"], config["model"])
        recipe: Recipe = load_class(found.recipe)(make(load_class(found.config), config["config"]), parts)
        own = config.get("parts", {})
        if own.keys() - parts.keys():
            needed = ", ".join(f"{name}={path.partition(':')[2]}()" for name, path in own.items())
            raise InputError(
                f"{path} was trained with networks of your own ({', '.join(own.values())}): "
                f"load it in Python with genlab.load({str(path)!r}, {needed}).",
                "run",
            )
        assert {"path", "validation", "test", "fingerprint"} <= about["data"].keys(), "run.json lacks its data"
        recipe.machine = machine
        recipe.load_files(folder.path, about)
        with ZerosForRandom():
            recipe.build()
    except (KeyError, TypeError, AttributeError, AssertionError) as error:
        raise InputError(
            f"{path}: config.json or run.json is damaged ({error}): restore it from a copy, or train again.", "run"
        ) from None
    folder.read_model(recipe.saved())
    return Run(folder, recipe)

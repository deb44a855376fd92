"""The Python interface: `train` makes a run, `load` opens one."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from torch import Tensor

from genlab.catalog import importing, task_named
from genlab.catalog import load as load_object
from genlab.engine.custom import Factory
from genlab.engine.files import make_folder, write_atomically
from genlab.engine.machine import Machine
from genlab.engine.model_card import card, write_card
from genlab.engine.opening import open_run
from genlab.engine.options import Place, RunOptions
from genlab.engine.pipeline import (
    AttentionMap,
    Decodes,
    Edits,
    Evaluation,
    Explains,
    Exports,
    Generates,
    Inversion,
    Pipeline,
    Prediction,
    Predicts,
    Source,
)
from genlab.engine.run_folder import RunFolder
from genlab.engine.samples import Sample
from genlab.engine.train import Look, versions
from genlab.engine.train import look as look_at
from genlab.engine.train import train as run_training
from genlab.engine.weights import write_weights
from genlab.errors import InputError, UnwritableError
from genlab.exchange.hub import push_folder
from genlab.options import field_names, make, unknown_option

if TYPE_CHECKING:
    from genlab.tasks.task import Model, Task

Capability = TypeVar("Capability")
Data = str | os.PathLike | Sequence[str | os.PathLike]
"""One path, or several for the tasks whose data are in several places."""

UNEDITABLE = "has no latent vectors to edit"


class Run:
    """A run folder with its pipeline, from `train` or `load`."""

    def __init__(self, folder: RunFolder, pipeline: Pipeline) -> None:
        self.folder = folder
        self.pipeline = pipeline
        config = folder.config()
        self.task: str = config["task"]
        self.model: str = config["model"]

    @property
    def path(self) -> Path:
        return self.folder.path

    @property
    def about(self) -> dict[str, Any]:
        """Content of run.json: state, seed, versions, machine, wall time, data, metrics."""
        return self.folder.about()

    def generate(self, show: Callable[[str], None] | None = None, **options: Any) -> list[Sample]:
        """Generates content; the options are those of `genlab generate RUN --help`.

        Args:
            show: Called with each piece of text as it is generated.
            **options: Fields of the request.

        Returns:
            The samples; `str(sample)` or `sample.content` is the content.

        Raises:
            InputError: an option is invalid, or the run cannot generate.
        """
        request = self._request("generate", options, "cannot generate")
        return list(self._require(Generates, "cannot generate").generate(request, show))

    def sample(self, latents: Any, label: str | None = None) -> np.ndarray:
        """Makes content from latent vectors.

        Args:
            latents: Array or tensor (samples, latent).
            label: Class of the content, if the run has classes.

        Raises:
            InputError: the latent vectors have the wrong shape, or the run has none.
        """
        return self._require(Decodes, "has no latent vectors").decode(latents, label)

    def directions(self) -> dict[str, dict[str, np.ndarray]]:
        """The direction of each value in latent space, by attribute, as `find_directions` found them.

        Returns:
            Vectors (latent,) of length 1, in standard deviations of the latents.

        Raises:
            InputError: no directions have been found, or the run has no latents to edit.
        """
        return self._edits("directions").directions()

    def edit(self, latents: Any, changes: Mapping[str, str], strength: float | None = None) -> np.ndarray:
        """Moves latent vectors along directions; `sample` makes pictures of the result.

        Args:
            latents: Array or tensor (samples, latent).
            changes: The new value of each attribute to change: {"hair": "blond"}.
            strength: How far to move, in standard deviations; None for the default strength of each direction.

        Raises:
            InputError: an attribute or value is unknown, or no directions have been found.
        """
        return self._edits("directions").edit(latents, changes, strength)

    def invert(self, pictures: Any, **options: Any) -> list[Inversion]:
        """Finds the latent vectors of pictures, with an encoder that the run folder keeps after the first call.

        Args:
            pictures: A picture of Pillow, an array, or a list of these.
            **options: Further fields of the request: `class_`, `fit`, `optimise`.

        Raises:
            InputError: a picture has another size or kind, or the run has no latents to edit.
        """
        request = self._request("invert", {"pictures": pictures, **options}, UNEDITABLE)
        return self._edits("invert").invert(request)

    def find_directions(
        self, *attribute: str, data: Data | None = None, classifier: str | os.PathLike | None = None,
        encoding: str | None = None, **options: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """Finds a direction in latent space for each value of an attribute, measures them and keeps them in the run.

        Args:
            *attribute: Columns of the table beside the pictures; with `classifier`, at most one name for its classes.
            data: Pictures with the table; None for the training data.
            classifier: Folder of a run that classifies such pictures, instead of a table.
            encoding: Encoding of a table that is not UTF-8.
            **options: Further fields of the request: `draws`, `seed`.

        Returns:
            For each direction its default strength, and what another judge reads from changed pictures.

        Raises:
            InputError: the data cannot be read, an attribute is unknown, or the run has no latents to edit.
        """
        request = self._request("directions", {"attribute": attribute, **options}, UNEDITABLE)
        self._edits("directions")
        if classifier is not None and data is not None:
            raise InputError("classifier: it replaces the data: give one of them.", "classifier")
        judge = load(os.fspath(classifier), self.pipeline.machine.device.type) if classifier is not None else None
        if judge is not None:
            judge._request("predict", {"inputs": None}, "cannot predict labels")
        with self.folder.locked():
            found: dict[str, Any] = self._latents("find")(
                self.pipeline, self._source(data, encoding), request, judge and judge.predict, self.path
            )
        return found

    def nearest(self, pictures: np.ndarray | Sequence[np.ndarray]) -> np.ndarray | None:
        """The mean absolute difference, out of 255, of each picture from its nearest training picture.

        Args:
            pictures: Bytes (pictures, height, width, channels), in the size of the run.

        Returns:
            The differences; None if the training data have moved or changed.
        """
        self._edits("invert")
        found: np.ndarray | None = self._latents("nearest")(
            self.pipeline, self._source(None, None), np.stack(list(pictures))
        )
        return found

    def latent_map(
        self, axes: Sequence[tuple[str, str]] = (), label: str | None = None, data: Data | None = None,
        encoding: str | None = None,
    ) -> bytes:  # fmt: skip
        """Draws a map of the latent space: a grid of samples, and test pictures coloured by class.

        Args:
            axes: Two directions, such as [("hair", "blond"), ("glasses", "yes")]; by default the first two principal
                components of the latent vectors of test pictures.
            label: Column of the table beside the pictures that colours them; by default the classes.
            data: Pictures to show instead of the test split.
            encoding: Encoding of a table that is not UTF-8.

        Returns:
            A PNG.

        Raises:
            InputError: the data cannot be read, a direction is unknown, or the run has no latents to edit.
        """
        self._edits("invert")
        drawn: bytes = self._latents("draw_map")(self.pipeline, self._source(data, encoding), axes, label)
        return drawn

    def _edits(self, what: str) -> Edits:
        """The pipeline, if the model declares the request `what` for its latents."""
        if what not in self._declared().requests:
            raise self._unsupported(UNEDITABLE)
        return self._require(Edits, UNEDITABLE)

    def _latents(self, what: str) -> Callable[..., Any]:
        """The function `what` of the task's declaration."""
        function: Callable[..., Any] = load_object(task_named(self.task).latents[what])
        return function

    def _source(self, data: Data | None, encoding: str | None) -> Source:
        """`data` and the training data, for the functions that reopen them."""
        facts = self.about["data"]
        encoding = encoding or self.folder.encoding
        trained_on = Place(facts["path"], facts["validation"], facts["test"], encoding)
        given = None if data is None else task_named(self.task).joined(_paths(data))
        return Source(given, trained_on, facts["fingerprint"])

    def predict(self, data: Any, encoding: str | None = None) -> list[Prediction]:
        """Predicts labels with probabilities.

        Args:
            data: A path or a list of paths (pictures, folders of pictures, or CSV files), or inputs in memory: pictures
                as an array; rows as a data frame, a dict of values or of lists, a list of dicts, or an array.
            encoding: Encoding of tables that are not UTF-8; by default that of the training data.

        Raises:
            InputError: the data cannot be read, or the run is not a classifier.
        """
        values = {"inputs": data, "encoding": encoding or self.folder.encoding}
        request = self._request("predict", values, "cannot predict labels")
        return self._require(Predicts, "cannot predict labels").predict(request)

    def attention(self, prompt: str, **options: Any) -> list[AttentionMap]:
        """The attention map of every layer, with tokens, entropy and distance.

        Args:
            prompt: The text that the model reads.
            **options: Further fields of the request.

        Raises:
            InputError: the prompt cannot be read, or the run has no attention.
        """
        request = self._request("explain", {"prompt": prompt, **options}, "has no attention to show")
        return self._require(Explains, "has no attention to show").explain(request)

    def export(self, to: str, place: str | os.PathLike) -> None:
        """Writes the model for other tools.

        Args:
            to: A format that the model supports: hf (a folder for transformers), gguf (a file for llama.cpp) or onnx
                (a file for ONNX runtimes). Language models support all, models of pictures onnx.
            place: The folder or file to write.

        Raises:
            InputError: the run does not support the format, or writing fails, which leaves no partial file.
        """
        formats = self._declared().exports
        if not formats:
            raise self._unsupported("cannot be exported")
        if to not in formats:
            raise InputError(f"to: {to!r} cannot be used; it must be one of {', '.join(formats)}.", "to")
        commands = ["    genlab import THIS_FOLDER --out RUN", "    genlab generate RUN"]
        exports = self._require(Exports, "cannot be exported")
        exports.export(to, Path(place), card(self.folder, self.pipeline, commands))

    def push(self, name: str, private: bool = False) -> str:
        """Uploads the model in the format of transformers to a Hugging Face repository.

        Args:
            name: OWNER/NAME, or NAME in the account of the user who is logged in.
            private: Make the repository private if it does not exist yet.

        Returns:
            The URL of the repository.

        Raises:
            InputError: the run cannot be exported, or the repository cannot be written.
        """
        if "hf" not in self._declared().exports:
            raise self._unsupported("cannot be exported for transformers (--to hf)")
        with TemporaryDirectory() as folder:
            self.export("hf", Path(folder) / "model")
            return push_folder(Path(folder) / "model", name, private)

    def evaluate(self, data: Data | None = None, encoding: str | None = None) -> dict[str, Any]:
        """Evaluates on the test split, or on `data`; reports every metric with its noise floor and baseline.

        Args:
            data: Data as for `train`; None for the test split.
            encoding: Encoding of texts and tables that are not UTF-8; by default that of the training data.

        Raises:
            InputError: the training data have moved or changed (give them as `data`), or the disk is full.
        """
        source = self._source(data, encoding)
        measure: Callable[[Pipeline, Source], Evaluation] = load_object(task_named(self.task).evaluate)
        with self.pipeline.evaluating(seed=0):
            found = measure(self.pipeline, source)
        with suppress(UnwritableError), self.folder.locked():  # skipped while the run trains, or if it is read-only
            for name, picture in found.pictures.items():
                make_folder(self.path / "samples")
                if picture is None:
                    (self.path / "samples" / name).unlink(missing_ok=True)
                else:
                    write_atomically(self.path / "samples" / name, picture)
            if data is None:
                self.folder.note(evaluation=found.report)
                write_card(self.folder, self.pipeline)
        return found.report

    def _declared(self) -> "Model":
        return task_named(self.task).model(self.model)

    def _request(self, what: str, values: dict[str, Any], lack: str) -> Any:
        """Builds and validates the request for `what`."""
        requests = self._declared().requests
        if what not in requests:
            raise self._unsupported(lack)
        return make(load_object(requests[what]), values)

    def _require(self, capability: type[Capability], lack: str) -> Capability:
        """The pipeline, typed as the capability.

        Raises:
            InputError: the pipeline lacks the capability; `lack` says so in the message.
        """
        if not isinstance(self.pipeline, capability):
            raise self._unsupported(lack)
        return self.pipeline

    def _unsupported(self, lack: str) -> InputError:
        return InputError(f"{self.path} is a {self.model} for {self.task}, which {lack}.", "run")

    def __repr__(self) -> str:
        return f"<genlab run {self.path}: {self.task} {self.model}>"


def train(
    task: str,
    data: Data | None = None,
    model: str | None = None,
    quiet: bool = False,
    networks: Mapping[str, Factory] | None = None,
    losses: Mapping[str, Callable[..., Tensor]] | None = None,
    **options: Any,
) -> Run:
    """Trains a model on the user's data and returns its run.

    Args:
        task: One of the tasks that `genlab train` lists.
        data: A file, a folder or a sample set such as "@bible"; a tuple of two folders for a task that takes two. Data
            in several parts are given by keyword instead, such as source= and target= for two parallel files.
        model: One of the task's models; None for the default.
        quiet: Print nothing.
        networks: Factories of custom networks, by the name of the network to replace: a factory takes the network's
            shape (classes, channels, sizes) and returns a module.
        losses: Custom losses, by the name of the loss to replace.
        **options: Options of `genlab train TASK --help`, with underscores: minutes=2, size="laptop".

    Raises:
        InputError: something given cannot be used.
    """
    declared, chosen, checked, run = _checked(task, data, model, options)
    return train_model(declared, chosen, checked, run, quiet, networks, losses)


def look(task: str, data: Data | None = None, model: str | None = None, **options: Any) -> Look:
    """Shows what `train` would read and choose, without training: counts, notes, examples, resolved options.

    Args:
        task: Kind of content, as for `train`.
        data: The data, as for `train`.
        model: One of the task's models; None for the default.
        **options: Options of `genlab train TASK --help`, with underscores.

    Raises:
        InputError: something given cannot be used.
    """
    _, chosen, checked, run = _checked(task, data, model, options)
    return look_at(chosen, checked, run)


def _checked(
    task: str, data: Data | None, model: str | None, options: dict[str, Any]
) -> tuple["Task", "Model", Any, RunOptions]:
    """The task, its model, and the validated options of the model and the run."""
    declared = task_named(task)
    paths = {name: options.pop(name, None) for name, _ in declared.parts}
    place = declared.place([] if data is None else _paths(data), {name: _path(path) for name, path in paths.items()})
    if options.get("from_") is not None:
        options["from_"] = os.fspath(options["from_"])
        model = model or model_of(options["from_"], task)
    chosen = declared.model(model, place)
    options_type = load_object(chosen.options)
    of_all = [name for name in field_names(RunOptions) if name != "data"]
    known = {*of_all, *field_names(options_type), "model", *paths}
    for name in options:
        if name not in known:
            raise unknown_option(name, known)
    of_run = {key: options.pop(key) for key in list(options) if key in of_all}
    for key in ("validation", "test"):
        value = of_run.get(key)
        if isinstance(value, list | tuple):
            of_run[key] = declared.joined([str(path) for path in value], key)
        elif value is not None:
            of_run[key] = str(value)
    if of_run.get("out") is not None:
        of_run["out"] = str(of_run["out"])
    run = make(RunOptions, {"data": place, **of_run})
    return declared, chosen, make(options_type, options), run


def train_model(
    task: "Task",
    model: "Model",
    options: Any,
    run: RunOptions,
    quiet: bool = False,
    networks: Mapping[str, Factory] | None = None,
    losses: Mapping[str, Callable[..., Tensor]] | None = None,
) -> Run:
    """Trains a declared model with validated options."""
    return Run(*run_training(task, model, options, run, quiet, networks, losses))


def _path(place: str | os.PathLike | None) -> str | None:
    return None if place is None else os.fspath(place)


def _paths(data: Data) -> list[str]:
    return [os.fspath(path) for path in ([data] if isinstance(data, str | os.PathLike) else data)]


def model_of(path: str, task: str) -> str | None:
    """The model of a run; None if the run is of another task."""
    config = RunFolder.open(path).config()
    return config["model"] if config["task"] == task else None


def import_folder(folder: str | os.PathLike, out: str | os.PathLike | None = None, task: str | None = None) -> Run:
    """Imports a model that another tool saved, such as transformers.

    Args:
        folder: Folder of the model.
        out: Run folder to create; by default runs/<task>-<folder>-NNN.
        task: A task that imports; None for the default.

    Raises:
        InputError: the task supports no imports, or the folder holds no supported model.
    """
    able = importing()
    declared = able[0] if task is None else task_named(task)
    task = declared.name
    if declared.imports is None:
        names = ", ".join(one.name for one in able)
        raise InputError(f"The task {task} cannot import models of other tools, but {names} can.", "task")
    place = Path(folder)
    found = load_object(declared.imports.read)(place, Machine("auto"))
    name = place.resolve().name
    run = RunFolder.create(_path(out), task, name, resumable=False)
    try:
        with run.locked():
            data = {"name": name, "path": name, "validation": "0", "test": "0", "fingerprint": "", "counts": {}}
            run.note(seed=0, versions=versions(), data=data, weights=found.fingerprint)
            run.write_config({"task": task, "model": found.model, "run": {}, "config": asdict(found.pipeline.options)})
            found.pipeline.save(run.path)
            write_weights(run.weights, found.pipeline.networks)
            write_card(run, found.pipeline)
            run.note(state="imported")
    except BaseException:
        run.discard()
        raise
    return Run(run, found.pipeline)


def load(path: str | os.PathLike, device: str = "auto", networks: Mapping[str, Factory] | None = None) -> Run:
    """Opens a run folder.

    Args:
        path: The run folder.
        device: Device: auto, cpu, cuda, cuda:1 or mps.
        networks: Factories of custom networks, if the run was trained with them.

    Raises:
        InputError: `path` is not a run folder, is damaged or of a newer format, or needs `networks`.
    """
    return Run(*open_run(path, Machine(device), networks))

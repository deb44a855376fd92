"""The Python interface: `train` makes a run, `load` opens one."""

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from genlab.catalog import importing, task_named
from genlab.catalog import load as load_object
from genlab.engine.custom import Factory
from genlab.engine.machine import Machine
from genlab.engine.model_card import write_card
from genlab.engine.opening import open_run
from genlab.engine.options import RunOptions
from genlab.engine.run_folder import RunFolder
from genlab.engine.train import Look, versions
from genlab.engine.train import look as look_at
from genlab.engine.train import train as run_training
from genlab.engine.weights import write_weights
from genlab.errors import InputError
from genlab.options import field_names, make, unknown_option
from genlab.run import Data, Run, paths_of

if TYPE_CHECKING:
    from genlab.tasks.task import Model, Task


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
    place = declared.place([] if data is None else paths_of(data), {name: _path(path) for name, path in paths.items()})
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

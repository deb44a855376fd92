"""Opens a run folder: its declaration, options, pipeline and weights."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from genlab.catalog import load, task_named
from genlab.engine.custom import Factory, Networks, check_names
from genlab.engine.machine import Machine, ZerosForRandom
from genlab.engine.pipeline import Pipeline, Saved
from genlab.engine.run_folder import RunFolder
from genlab.engine.weights import read_weights
from genlab.errors import InputError
from genlab.options import make


class Opened(NamedTuple):
    """A run folder with its pipeline."""

    folder: RunFolder
    pipeline: Pipeline


def open_run(path: str | os.PathLike, machine: Machine, networks: Mapping[str, Factory] | None = None) -> Opened:
    """Loads the pipeline of a run folder, with its weights.

    Args:
        path: The run folder.
        machine: The machine to run on.
        networks: Factories of custom networks, if the run was trained with them.

    Raises:
        InputError: `path` is not a run folder, is damaged, newer or not trained yet, needs `networks`, or has none of
            their names.
    """
    folder = RunFolder.open(path)
    config, about = folder.config(), folder.about()
    if "config" not in config or "data" not in about:
        raise InputError(f"{path} has not started training yet: resume it first.", "run")
    task = task_named(config["task"])
    model = task.model(config["model"])
    built = Networks(networks or {})
    if networks:
        check_names(networks, load(model.recipe).replaceable, "network", f"{task.name} {model.name}")
    _check_custom(folder, config, built)
    with reporting_damage(path):
        assert isinstance(about["data"], dict), "data is not an object"
        assert {"path", "validation", "test", "fingerprint"} <= about["data"].keys(), "run.json lacks its data"
        options = recorded_options(config, load(model.options))
        with ZerosForRandom():
            pipeline: Pipeline = load(task.pipeline).load(
                Saved(folder.path, options, about, load(model.network), machine, built)
            )
    read_weights(folder.weights, pipeline.networks)
    for network in pipeline.networks.values():
        network.eval()
    return Opened(folder, pipeline)


@contextmanager
def reporting_damage(path: str | os.PathLike) -> Iterator[None]:
    """Context for using the entries of config.json and run.json, which turns errors into InputErrors.

    Raises:
        InputError: an entry is missing or has another type.
    """
    try:
        yield
    except (KeyError, TypeError, AttributeError, AssertionError) as error:
        raise InputError(
            f"{path}: config.json or run.json is damaged ({error}): restore it from a copy, or train again.", "run"
        ) from None


def recorded_options(config: Mapping[str, Any], options_type: type) -> Any:
    """The resolved options in config.json; the caller reports damage.

    Raises:
        InputError: an option is unknown, or its value is not allowed.
    """
    assert isinstance(config["config"], dict), "config is not an object"
    return make(options_type, config["config"])


def open_with(path: str | os.PathLike, machine: Machine, capability: type, option: str, what: str) -> Opened:
    """Opens a run folder whose pipeline must have a capability, such as Embeds.

    Raises:
        InputError: the run, given by `option`, cannot be opened or lacks the capability; `what` describes a valid one.
    """
    try:
        opened = open_run(path, machine)
    except InputError as error:
        raise InputError(f"{option}: {error}", option) from None
    if not isinstance(opened.pipeline, capability):
        raise InputError(f"{option}: {path} cannot be used: give {what}.", option)
    return opened


def _check_custom(folder: RunFolder, config: dict[str, Any], networks: Networks) -> None:
    """Checks that factories are given for the custom networks of the run.

    Raises:
        InputError: a factory is missing.
    """
    own = custom_classes(config)
    missing = sorted(own.keys() - networks.factories.keys())
    if missing:
        classes = ", ".join(own[name] for name in missing)
        factories = ", ".join(f'"{name}": lambda shape: {own[name].rpartition(":")[2]}(...)' for name in missing)
        raise InputError(
            f"{folder.path} was trained with custom networks ({classes}): load it in Python with "
            f"genlab.load({str(folder.path)!r}, networks={{{factories}}}); genlab.train takes the same networks.",
            "run",
        )


def custom_classes(config: Mapping[str, Any]) -> dict[str, str]:
    """The classes of the custom networks of a run, by network."""
    return {name: made["class"] for name, made in config.get("networks", {}).items()} | dict(config.get("parts", {}))

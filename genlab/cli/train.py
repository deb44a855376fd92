"""genlab train TASK DATA: trains a model and writes a run folder."""

import contextlib
import shlex
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from genlab.catalog import load, places, task_named
from genlab.cli.option import Option, options_of
from genlab.cli.parser import HELP, Page, Values, asks_help
from genlab.cli.shared import Output, print_json, say, taking_data
from genlab.engine.options import RunOptions
from genlab.errors import InputError
from genlab.options import Shown

if TYPE_CHECKING:
    from genlab.tasks.task import Model, Task

EXIT_CODES = {"done": 0, "interrupted": 130}
"""Exit code by the state of the run; 1 for any other state."""
FROM = "from_"
"""The option of models that continue another run."""


class Training(NamedTuple):
    """The parsed arguments of `genlab train` or `genlab look`."""

    task: "Task"
    model: "Model"
    run: RunOptions
    options: Any
    values: Values
    page: Page


def parse_training(command: str, words: list[str], more: list[Option] | None = None) -> Training:
    """Parses TASK DATA, the options of training, and `more` options.

    Raises:
        InputError: the task, the model, an option or a value is unknown or missing.
    """
    task, rest = task_named(words[0]), words[1:]
    helps = asks_help(rest)
    rest = [word for word in rest if word not in HELP] if helps else rest
    given = _page(command, task, *task.models, more=more).split(rest)
    data = "" if helps else task.place(given.get("data", []), {name: _last(given, name) for name, _ in task.parts})
    model = _model(task, given, data)
    _check_fields(command, task, model, given)
    page = _page(command, task, model, more=more)
    values = page.values(given)
    return Training(
        task, model, values.make(RunOptions, data=data or "DATA"), values.make(load(model.options)), values, page
    )


def run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(overview("train"))
        return 0
    training = parse_training("train", words)
    if asks_help(words):
        print(training.page.help())
        return 0
    task, model, values = training.task, training.model, training.values

    from genlab.api import train_model
    from genlab.engine.model_card import commands

    with contextlib.redirect_stdout(sys.stderr):  # trackers print
        trained = train_model(task, model, training.options, training.run)
    about = trained.about
    if trained.pipeline.machine.rank > 0:  # the first process speaks for all
        pass
    elif values["json"]:
        kept = ("state", "step", "seconds", "best", "test")
        print_json({"run": str(trained.path), **{key: about.get(key) for key in kept}})
    else:
        print(trained.path)
        if about["state"] == "done":
            say("Next: " + ", ".join(commands(model.requests, trained.pipeline, shlex.quote(str(trained.path)))))
        elif about["state"] == "interrupted":
            say("Interrupted. The run can be used; to continue it, repeat the command with its --out and --resume.")
    return EXIT_CODES.get(about["state"], 1)


def overview(command: str) -> str:
    """The help page of `genlab train` or `genlab look` without a task."""
    tasks = [task_named(name) for name in places()]
    lines = "\n".join(f"  {task.name:9} {', '.join(model.name for model in task.models)}" for task in tasks)
    return (
        f"usage: genlab {command} TASK DATA [--model MODEL] [options]\n\n"
        f"Tasks and their models, the default first:\n{lines}\n\n"
        f"`genlab {command} TASK --help` lists the options of the default model; add --model MODEL for another."
    )


def _page(command: str, task: "Task", *models: "Model", more: list[Option] | None = None) -> Page:
    """The help page with the options of training, of all `models`, and `more`."""
    first = models[0]
    names = ", ".join(f"{model.name} ({model.about})" for model in task.models)
    of_run = [taking_data(task, option) for option in options_of(RunOptions, "run")]
    if not any(model.continues for model in models):
        of_run = [option for option in of_run if option.field != FROM]
    about_data = f"{task.data[:1].upper()}{task.data[1:]}; or a sample set (`genlab samples`)."
    data = replace(of_run[0], required=False, help=about_data)  # parts may replace it
    places = "DATA" + " [DATA]" * (task.paths - 1)
    if task.paths > 1:
        data = replace(data, type=tuple[str, ...], shown=replace(data.shown, metavar=places))
    parts = [Option(name, str | None, text, shown=Shown("FILE", "data")) for name, text in task.parts]
    choice = Option("model", str | None, f"One of: {names}.", task.default, shown=Shown("MODEL", "model"))
    of_model = [option for model in models for option in options_of(load(model.options), "model")]
    arguments = places if first == task.models[0] else f"{places} --model {first.name}"
    about = f"Train {task.about}: {first.name}, {first.about}."
    options = [data, *parts, *of_run[1:], choice, *of_model, *(more or []), *options_of(Output)]
    return Page(f"genlab {command} {task.name}", about, options, arguments)


def _model(task: "Task", given: dict[str, list[str]], data: str = "") -> "Model":
    """The model of --model, that of the run in --from, or the default for these data.

    Raises:
        InputError: there is no such model.
    """
    name, start = _last(given, "model"), _last(given, FROM)
    if name is None and start is not None:
        from genlab.api import model_of

        name = model_of(start, task.name)
    return task.model(name, data or _last(given, "data") or "")


def _check_fields(command: str, task: "Task", model: "Model", given: dict[str, list[str]]) -> None:
    """Checks that all options belong to the model.

    Raises:
        InputError: an option belongs to other models of the task.
    """
    known = {one.name: _fields(one) for one in task.models}
    for field in given.keys() - known[model.name]:
        others = [name for name, fields in known.items() if field in fields]
        if not others:
            continue
        option = field.rstrip("_").replace("_", "-")
        raise InputError(
            f"--{option} is an option of {' and '.join(others)}, not of {model.name}; "
            f"`genlab {command} {task.name} --model {model.name} --help` lists the options.",
            option.replace("-", "_"),
        )


def _fields(model: "Model") -> set[str]:
    """The options of a model, among them --from where it can continue another run."""
    return {option.field for option in options_of(load(model.options))} | ({FROM} if model.continues else set())


def _last(given: dict[str, list[str]], field: str) -> str | None:
    return given[field][-1] if field in given else None

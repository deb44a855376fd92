"""Options and helpers that several commands share."""

import json
import shlex
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from genlab.cli import COMMANDS
from genlab.cli.option import Option
from genlab.cli.parser import asks_help
from genlab.engine.options import Encoding
from genlab.errors import InputError
from genlab.options import RUN, Shown

if TYPE_CHECKING:
    from genlab.api import Run
    from genlab.tasks.task import Model, Task


@dataclass(frozen=True)
class Output:
    """Options of every command."""

    json: Annotated[bool, RUN] = False
    """Print the result as one JSON object."""


@dataclass(frozen=True)
class OnDevice(Output):
    """Options of the commands that use a model."""

    device: Annotated[str, RUN, Shown("DEVICE")] = "auto"
    """Device: cpu, cuda, cuda:1 or mps; auto takes the first accelerator available."""


@dataclass(frozen=True)
class Encoded:
    """Options of the commands that read text with a model."""

    encoding: Encoding = None
    """Encoding of texts and tables that are not UTF-8; by default that of the training data."""


def run_argument(command: str, words: list[str]) -> str | None:
    """The run folder, which is the first argument; without one, prints the help page on --help and returns None.

    Raises:
        InputError: the run is missing.
    """
    if words and not words[0].startswith("-"):
        return words[0]
    if asks_help(words):
        found = COMMANDS[command]
        print(f"usage: genlab {command} {found.arguments} [options]\n\n{found.about[:1].upper()}{found.about[1:]}.\n")
        print(f"`genlab {command} RUN --help` lists the options.")
        return None
    raise InputError(f"Name the run: genlab {command} RUN. `genlab runs` lists the runs.", "run")


def command_on(path: str, command: str) -> str:
    """A command on a run, as typed in a shell: genlab generate 'my run'."""
    return f"genlab {command} {shlex.quote(path)}"


def declared(path: str) -> tuple["Task", "Model"]:
    """The declarations of a run's task and model, without loading the weights.

    Raises:
        InputError: `path` is not a run folder, or is damaged.
    """
    from genlab.catalog import task_named
    from genlab.engine.run_folder import RunFolder

    config = RunFolder.open(path).config()
    task = task_named(config["task"])
    return task, task.model(config["model"])


def taking_data(task: "Task", option: Option) -> Option:
    """The option with a placeholder that shows how many paths the task takes, if it takes paths."""
    return replace(option, shown=replace(option.shown, metavar=option.shown.metavar.replace("PATH", task.metavar)))


def opened(path: str, device: str) -> "Run":
    """Loads a run with its pipeline."""
    from genlab.api import load

    return load(path, device)


def say(message: str) -> None:
    """Prints a message on standard error, apart from the output."""
    print(message, file=sys.stderr)


def print_json(value: Any) -> None:
    """Prints one JSON object, escaping characters that standard output cannot encode."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value)
    print(text)


def print_tree(values: dict[str, Any], indent: str = "") -> None:
    """Prints a report as indented lines."""
    for name, value in values.items():
        if isinstance(value, dict):
            print(f"{indent}{name}:{'' if value else ' none'}")
            print_tree(value, indent + "  ")
        elif name == "notes" and isinstance(value, list):
            for note in value:
                print(f"{indent}Note: {note}")
        else:
            print(f"{indent}{name}: {f'{value:.4f}' if isinstance(value, float) else value}")

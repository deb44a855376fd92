"""genlab export RUN --to FORMAT PLACE: writes a trained model for other tools."""

from dataclasses import dataclass
from typing import Annotated, Literal

from genlab.cli.option import Option, options_of
from genlab.cli.parser import Page, asks_help
from genlab.cli.shared import Output, command_on, declared, opened, print_json, run_argument
from genlab.errors import InputError
from genlab.options import Shown


@dataclass(frozen=True)
class ExportOptions(Output):
    """Options of `genlab export`."""

    place: Annotated[str, Shown("PLACE", positional=True)] = ""
    """Folder or file to write."""


def run(words: list[str]) -> int:
    path = run_argument("export", words)
    if path is None:
        return 0
    task, model = declared(path)
    if not model.exports:
        raise InputError(f"{path} is a {model.name} for {task.name}, which cannot be exported.", "run")
    formats = Option("to", Literal[model.exports], "Format to write.", model.exports[0], shown=Shown(group="options"))
    command = command_on(path, "export")
    page = Page(command, f"Write {path} for other tools.", [formats, *options_of(ExportOptions)], "PLACE")
    if asks_help(words):
        print(page.help())
        return 0
    values = page.parse(words[1:])
    options, to = values.make(ExportOptions), values["to"]
    if not options.place:
        raise InputError(f"Name the folder or file to write: {command} --to {to} PLACE.", "place")
    opened(path, "cpu").export(to, options.place)
    if options.json:
        print_json({"place": options.place, "to": to})
    else:
        print(options.place)
    return 0

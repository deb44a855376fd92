"""genlab samples: lists the embedded sample sets, or writes one to a folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from genlab.catalog import load, places, task_named
from genlab.cli.option import options_of
from genlab.cli.parser import Page, asks_help
from genlab.cli.shared import Output, print_json
from genlab.errors import InputError
from genlab.options import Shown, nearest

if TYPE_CHECKING:
    from genlab.tasks.task import Task


@dataclass(frozen=True)
class SamplesOptions(Output):
    """Options of `genlab samples`."""

    name: Annotated[str | None, Shown("@NAME", positional=True)] = None
    """Sample set to write; @NAME:COUNT where you can choose its size."""
    to: Annotated[str | None, Shown("FOLDER")] = None
    """Folder to write the sample set to, in the form in which `genlab train` takes your own data."""


def run(words: list[str]) -> int:
    about = "List the embedded sample sets, or write one to a folder."
    page = Page("genlab samples", about, options_of(SamplesOptions), "[@NAME]")
    if asks_help(words):
        print(page.help())
        return 0
    options = page.parse(words).make(SamplesOptions)
    tasks: dict[str, list[Task]] = {}
    abouts = {}
    for task in map(task_named, places()):
        for sample in task.samples:
            tasks.setdefault(sample.name, []).append(task)
            abouts[sample.name] = sample.about
    if options.name is not None:
        name = options.name.partition(":")[0]
        if name not in tasks:
            raise InputError(f"There is no sample set {name}: choose from {nearest(name, list(tasks))}.", "name")
        if options.to is None:
            raise InputError(
                f"Name the folder to write {options.name} to: genlab samples {options.name} --to FOLDER.", "to"
            )
        write = tasks[name][0].write_sample
        assert write is not None
        count = load(write)(options.name, Path(options.to))
        if options.json:
            print_json({"folder": options.to, "files": count})
        else:
            print(f"{options.to}: {count:,} files")
    elif options.to is not None:
        raise InputError(f"Name the sample set to write: genlab samples @NAME --to {options.to}.", "name")
    elif options.json:
        listed = [{"name": name, "tasks": [task.name for task in tasks[name]], "about": abouts[name]} for name in tasks]
        print_json({"samples": listed})
    else:
        for name in tasks:
            print(f"{name:11} {', '.join(task.name for task in tasks[name]):16} {abouts[name]}")
    return 0

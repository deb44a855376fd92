"""genlab samples: lists the embedded sample sets, or writes one to a folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from genlab.catalog import places, task_named
from genlab.cli.option import options_of
from genlab.cli.parser import Page, asks_help
from genlab.cli.shared import Output, print_json
from genlab.data.shared.sample_sets import declared, write_sample_set
from genlab.errors import InputError
from genlab.options import Shown, nearest


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
    sets = declared()
    tasks = {name: [task for task in places() if sets[name] in task_named(task).samples] for name in sets}
    if options.name is not None:
        name = options.name.partition(":")[0]
        if name not in sets:
            raise InputError(f"There is no sample set {name}: choose from {nearest(name, list(sets))}.", "name")
        if options.to is None:
            raise InputError(
                f"Name the folder to write {options.name} to: genlab samples {options.name} --to FOLDER.", "to"
            )
        count = write_sample_set(options.name, Path(options.to))
        if options.json:
            print_json({"folder": options.to, "files": count})
        else:
            print(f"{options.to}: {count:,} files")
    elif options.to is not None:
        raise InputError(f"Name the sample set to write: genlab samples @NAME --to {options.to}.", "name")
    elif options.json:
        listed = [{"name": name, "tasks": tasks[name], "about": sets[name].about} for name in sets]
        print_json({"samples": listed})
    else:
        for name in sets:
            print(f"{name:11} {', '.join(tasks[name]):16} {sets[name].about}")
    return 0

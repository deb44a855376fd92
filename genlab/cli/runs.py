"""genlab runs: lists the runs in a folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from genlab.cli.option import options_of
from genlab.cli.parser import Page, asks_help
from genlab.cli.shared import Output, print_json, say
from genlab.errors import InputError
from genlab.options import Shown


@dataclass(frozen=True)
class RunsOptions(Output):
    """Options of `genlab runs`."""

    folder: Annotated[str, Shown("FOLDER")] = "runs"
    """Folder that holds the run folders."""


def run(words: list[str]) -> int:
    page = Page("genlab runs", "List the runs in a folder.", options_of(RunsOptions))
    if asks_help(words):
        print(page.help())
        return 0
    values = page.parse(words)
    options = values.make(RunsOptions)
    if "folder" in values.given and not Path(options.folder).is_dir():
        raise InputError(f"There is no folder {options.folder}.", "folder")

    from genlab.engine.run_folder import list_runs

    found = list_runs(Path(options.folder))
    if options.json:
        print_json({"runs": found})
        return 0
    if not found:
        say(f"There are no runs in {options.folder} yet; `genlab train --help` shows how to make one.")
    for one in found:
        best = one.get("best") or {}
        measure = next((f"{name} {value:.4g}" for name, value in best.items()), "")
        about = f"{one.get('task', ''):8} {one.get('model', ''):6} {one['state']:12}"
        print(f"{one['run']:36} {about} step {one.get('step', 0):>8,}  {measure}".rstrip())
    return 0

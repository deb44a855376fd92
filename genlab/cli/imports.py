"""genlab import FOLDER: makes a run folder from a model that another tool saved."""

import shlex
from dataclasses import dataclass, replace
from typing import Annotated

from genlab.catalog import importing
from genlab.cli.option import options_of
from genlab.cli.parser import Page, asks_help
from genlab.cli.shared import Output, print_json, say
from genlab.errors import InputError
from genlab.options import Shown


@dataclass(frozen=True)
class ImportOptions(Output):
    """Options of `genlab import`."""

    folder: Annotated[str, Shown("FOLDER", positional=True)] = ""
    """Folder of the model."""
    out: Annotated[str | None, Shown("FOLDER")] = None
    """Run folder to create; by default runs/<task>-<folder>-NNN."""


def run(words: list[str]) -> int:
    imports = importing()[0].imports
    assert imports is not None
    known = {option.field: option for option in options_of(ImportOptions)}
    known["folder"] = replace(known["folder"], help=f"Folder of the model: {imports.folder}.")
    page = Page("genlab import", f"Make a run folder from {imports.about}.", known.values(), "FOLDER")
    if asks_help(words):
        print(page.help())
        return 0
    options = page.parse(words).make(ImportOptions)
    if not options.folder:
        raise InputError("Name the folder of the model: genlab import FOLDER.", "folder")
    from genlab.api import import_folder

    imported = import_folder(options.folder, options.out)
    made = imported.path
    if options.json:
        print_json({"run": str(made)})
    else:
        print(made)
    path = shlex.quote(str(made))
    say("Next: " + ", ".join(use.format(run=path) for use in imports.uses))
    return 0

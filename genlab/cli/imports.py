"""genlab import FOLDER: makes a run folder from a model that another tool saved."""

import shlex
from dataclasses import dataclass
from typing import Annotated

from genlab.cli.option import options_of
from genlab.cli.parser import Page, asks_help
from genlab.cli.shared import Output, print_json, say
from genlab.errors import InputError
from genlab.options import Shown


@dataclass(frozen=True)
class ImportOptions(Output):
    """Options of `genlab import`."""

    folder: Annotated[str, Shown("FOLDER", positional=True)] = ""
    """Folder of the model: config.json, model.safetensors and tokenizer.json."""
    out: Annotated[str | None, Shown("FOLDER")] = None
    """Run folder to create; by default runs/<task>-<folder>-NNN."""


def run(words: list[str]) -> int:
    about = "Make a run folder from a language model saved by transformers, with the architecture of GPT-2 or Qwen3."
    page = Page("genlab import FOLDER", about, options_of(ImportOptions))
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
    say(f'Next: genlab generate {path} --prompt "...", genlab train {imported.task} YOUR.txt --from {path}')
    return 0

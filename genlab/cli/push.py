"""genlab push RUN NAME: uploads a trained model to the Hugging Face Hub."""

from dataclasses import dataclass
from typing import Annotated

from genlab.cli.option import options_of
from genlab.cli.parser import Page, asks_help
from genlab.cli.shared import Output, command_on, opened, print_json, run_argument
from genlab.errors import InputError
from genlab.options import Shown


@dataclass(frozen=True)
class PushOptions(Output):
    """Options of `genlab push`."""

    name: Annotated[str, Shown("NAME", positional=True)] = ""
    """Repository: OWNER/NAME, or NAME in your own account."""
    private: bool = False
    """Make the repository private if it does not exist yet."""


def run(words: list[str]) -> int:
    path = run_argument("push", words)
    if path is None:
        return 0
    about = f"Upload {path}, with its model card, to a Hugging Face repository (log in with `hf auth login`)."
    command = command_on(path, "push")
    page = Page(command, about, options_of(PushOptions), "NAME")
    if asks_help(words):
        print(page.help())
        return 0
    options = page.parse(words[1:]).make(PushOptions)
    if not options.name:
        raise InputError(f"Name the repository: {command} OWNER/NAME.", "name")
    url = opened(path, "cpu").push(options.name, options.private)
    if options.json:
        print_json({"url": url})
    else:
        print(url)
    return 0

"""The command line: one table of commands, each in its own file, whose heavy imports are inside its functions."""

import contextlib
import io
import json
import os
import sys
import traceback
from importlib import import_module
from typing import NamedTuple, NoReturn

from genlab.errors import InputError


class Command(NamedTuple):
    """A command, and its lines in the help pages."""

    module: str
    """Module of this package, whose function `run` takes the words after the command."""
    arguments: str
    about: str


COMMANDS = {
    "train": Command("train", "TASK DATA [--model MODEL]", "train a model on your data, or on a sample set: @bible"),
    "look": Command("look", "TASK DATA [--model MODEL]", "show what a training would read and choose"),
    "generate": Command("generate", "RUN", "make new content with a trained model"),
    "predict": Command("predict", "RUN FILE|FOLDER...", "predict labels with a trained classifier"),
    "attention": Command("attention", "RUN --prompt TEXT", "show what the heads of a trained model attend to"),
    "evaluate": Command("evaluate", "RUN [--data PATH]", "measure a trained model on data it was not trained on"),
    "export": Command("export", "RUN --to FORMAT PLACE", "write a trained model for other tools"),
    "import": Command("imports", "FOLDER [--out RUN]", "make a run of a model that another tool saved"),
    "push": Command("push", "RUN NAME [--private]", "upload a trained model to a Hugging Face repository"),
    "runs": Command("runs", "[--folder FOLDER]", "list what was trained"),
    "samples": Command("samples", "[@NAME --to FOLDER]", "list the embedded sample sets, or write one to a folder"),
}


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs one command; exit code 0 done, 1 our fault, 2 the user's input, 130 interrupted."""
    words = sys.argv[1:] if arguments is None else arguments
    _prepare_streams()
    try:
        code = _run(words)
        sys.stdout.flush()
    except InputError as error:
        code = _refuse(error, "--json" in words)
    except KeyboardInterrupt:
        print("\ngenlab: interrupted.", file=sys.stderr)
        code = 130
    except BrokenPipeError:  # the reader of our output has gone
        _drop_output()
        code = 0
    except OSError as error:
        if not _of_output(error):
            raise
        _drop_output()
        code = _refuse(InputError(f"Standard output cannot be written: {error.strerror}.", "output"), False)
    sys.exit(code)


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(_overview())
        return 0
    if words[0] == "--version":
        from importlib.metadata import version

        print(version("genlab"))
        return 0
    if words[0] not in COMMANDS:
        from genlab.options import nearest

        raise InputError(f"There is no command {words[0]}; there are {nearest(words[0], list(COMMANDS))}.", "command")
    command = COMMANDS[words[0]]
    return import_module(f"genlab.cli.{command.module}").run(words[1:])


def _overview() -> str:
    lines = "\n".join(f"  {name:9} {command.about}" for name, command in COMMANDS.items())
    return (
        "usage: genlab COMMAND ...\n\n"
        f"Train generative models from scratch on your own data, and make new content with them.\n\n{lines}\n\n"
        "`genlab COMMAND --help` lists the options of a command. Every command takes --json.\n"
        "Try: genlab train text @bible --minutes 1"
    )


def _refuse(error: InputError, as_json: bool) -> int:
    """Says what is wrong with the input; returns the exit code."""
    try:
        if as_json:
            print(json.dumps({"error": {"message": str(error), "field": error.field}}), flush=True)
        else:
            print(f"genlab: {error}", file=sys.stderr)
    except OSError:
        _drop_output()
    return 2


# --- standard output and error --------------------------------------------------------------------


def _prepare_streams() -> None:
    """No character and no closed stream stops a command.

    What an encoding other than UTF-8 lacks is written as an escape, and paths that are not UTF-8 as their own bytes.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: SIM115
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if isinstance(sys.stdout, io.TextIOWrapper):  # not a stream of the caller's, in Python
        sys.stdout.reconfigure(errors="surrogateescape" if encoding == "utf8" else "backslashreplace")


def _of_output(error: OSError) -> bool:
    """Whether printing failed: other packages write the files."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return frame.f_globals["__name__"].startswith(__name__)


def _drop_output() -> None:
    """Standard output goes nowhere from here on, so that Python can end without another error."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

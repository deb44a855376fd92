"""The command line: one table of commands, one file per command; heavy imports are inside the functions."""

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
    """A command and its help text."""

    module: str
    """Module of this package; its function `run` takes the arguments after the command and returns the exit code."""
    arguments: str
    about: str


COMMANDS = {
    "train": Command("train", "TASK DATA [--model MODEL]", "train a model on your data, or on a sample set: @bible"),
    "look": Command("look", "TASK DATA [--model MODEL]", "show what `train` would read and choose"),
    "generate": Command("generate", "RUN [FILE...]", "make new content with a trained model"),
    "predict": Command("predict", "RUN FILE|FOLDER...", "predict labels with a trained classifier"),
    "attention": Command("attention", "RUN --prompt TEXT", "show what the heads of a trained model attend to"),
    "latents": Command("latents", "RUN [--attribute COLUMN]", "find directions in the latent space of a trained model"),
    "evaluate": Command("evaluate", "RUN [--data PATH]", "evaluate a trained model on data it was not trained on"),
    "export": Command("export", "RUN --to FORMAT PLACE", "write a trained model for other tools"),
    "import": Command("imports", "FOLDER [--out RUN]", "import a model that another tool saved"),
    "push": Command("push", "RUN NAME [--private]", "upload a trained model to a Hugging Face repository"),
    "runs": Command("runs", "[--folder FOLDER]", "list the runs in a folder"),
    "samples": Command("samples", "[@NAME --to FOLDER]", "list the embedded sample sets, or write one to a folder"),
}


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs one command and exits: 0 done, 1 a bug, 2 bad input, 130 interrupted."""
    words = sys.argv[1:] if arguments is None else arguments
    _prepare_streams()
    try:
        code = _run(words)
        sys.stdout.flush()
    except InputError as error:
        code = _report(error, "--json" in words)
    except KeyboardInterrupt:
        print("\ngenlab: interrupted.", file=sys.stderr)
        code = 130
    except BrokenPipeError:  # nothing reads our output any more
        _discard_output()
        code = 0
    except OSError as error:
        if not _is_output_error(error):
            raise
        _discard_output()
        code = _report(InputError(f"Cannot write to standard output: {error.strerror}.", "output"), False)
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

        raise InputError(f"There is no command {words[0]}: choose from {nearest(words[0], list(COMMANDS))}.", "command")
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


def _report(error: InputError, as_json: bool) -> int:
    """Prints the error after its notes; returns the exit code."""
    try:
        for note in getattr(error, "__notes__", ()):
            print(f"Note: {note}", file=sys.stderr)
        if as_json:
            print(json.dumps({"error": {"message": str(error), "field": error.field}}), flush=True)
        else:
            print(f"genlab: {error}", file=sys.stderr)
    except OSError:
        _discard_output()
    return 2


# --- standard output and error --------------------------------------------------------------------


def _prepare_streams() -> None:
    """Makes printing safe for any character and with closed streams.

    Characters that the encoding lacks are escaped; paths that are not valid UTF-8 are written byte for byte.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: SIM115
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if isinstance(sys.stdout, io.TextIOWrapper):  # not a stream of the caller's, in Python
        sys.stdout.reconfigure(errors="surrogateescape" if encoding == "utf8" else "backslashreplace")


def _is_output_error(error: OSError) -> bool:
    """Whether printing raised the error: only this package prints, and it writes no files."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return frame.f_globals["__name__"].startswith(__name__)


def _discard_output() -> None:
    """Discards further output, so that Python's final flush does not fail again."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

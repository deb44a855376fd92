"""Lines of text: of files, of standard input, of a prompt."""

import gzip
import sys
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from genlab.data.shared.encodings import not_utf8
from genlab.errors import InputError

AT_ONCE = 2_048
"""Most lines that are read before they are worked on."""


class Lines(NamedTuple):
    """Some lines that stand together."""

    texts: list[str]
    name: str
    """What they come from."""
    before: int
    """How many lines stand before them there."""
    option: str
    """What the user named it with."""

    def place(self, number: int) -> str:
        """Where line `number`, counted from 0, stands."""
        return f"{self.name}, line {self.before + number + 1}"


def given_lines(prompt: str | None, path: str | None) -> Iterator[Lines]:
    """The lines of a prompt or of a file, some at a time; - is standard input, from a keyboard line by line.

    Raises:
        InputError: there are none, or what should have them cannot be read.
    """
    if prompt is not None and path is not None:
        raise InputError("--prompt and --input say the same thing twice: give one of them.", "input")
    if prompt is not None:
        if not prompt.strip():
            raise InputError("prompt: there is nothing in it.", "prompt")
        yield Lines(prompt.removesuffix("\n").split("\n"), "The prompt", 0, "prompt")
    elif path is None:
        raise InputError("Say what to read: a prompt, or an input file of lines.", "prompt")
    elif path == "-":
        done = 0
        while block := list(islice(sys.stdin.buffer, 1 if sys.stdin.isatty() else AT_ONCE)):
            name = "Standard input"
            yield Lines(decode_lines(b"".join(block), name, "input", done), name, done, "input")
            done += len(block)
    else:
        lines = read_lines(Path(path), "input")
        for start in range(0, len(lines), AT_ONCE):
            yield Lines(lines[start : start + AT_ONCE], path, start, "input")


def read_lines(path: Path, option: str) -> list[str]:
    """The lines of a text file, gzip or not.

    Raises:
        InputError: it cannot be read, is no UTF-8, or has nothing in it.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder: give a file of lines.", option)
    if not path.exists():
        raise InputError(f"There is no file {path}.", option)
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path} is a damaged gzip file ({error}): make it anew.", option) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.", option) from None
    return decode_lines(data, str(path), option)


def decode_lines(data: bytes, name: str, option: str, before: int = 0) -> list[str]:
    """The lines of a text in UTF-8, of which so many stood before.

    Raises:
        InputError: it is no UTF-8, or has nothing in it; `name` says what it is.
    """
    try:
        text = data.decode("utf-8-sig")
        wrong = data.find(b"\0")
    except UnicodeDecodeError as error:
        wrong = error.start
    if wrong >= 0:
        line = before + data.count(b"\n", 0, wrong) + 1
        raise InputError(not_utf8(f"{name}, line {line}", data, wrong), option)
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if not lines[-1]:
        lines.pop()
    if not lines:
        raise InputError(f"{name} is empty: there are no lines in it.", option)
    return lines

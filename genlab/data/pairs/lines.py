"""Lines of text from a file, standard input or a prompt."""

import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from genlab.data.shared.compressed import read_bytes
from genlab.data.shared.encodings import not_utf8
from genlab.errors import InputError

AT_ONCE = 2_048
"""Lines that are read and translated together, at most."""
SHOWN = 5
"""Line numbers that an error or a note names, at most."""


class Lines(NamedTuple):
    """Consecutive lines of one text."""

    texts: list[str]
    name: str
    """Where they come from, as an error names it."""
    before: int
    """Number of lines of the text before these."""
    option: str
    """The option that the user gave the text with."""

    def place(self, number: int) -> str:
        """Names line `number`, counted from 0, as an error does."""
        return f"{self.name}, line {self.before + number + 1}"


def given_lines(prompt: str | None, path: str | None) -> Iterator[Lines]:
    """Yields the lines of a prompt or a file in blocks; path - is standard input, read line by line from a keyboard.

    Raises:
        InputError: neither or both are given, or the text is empty or cannot be read.
    """
    if prompt is not None and path is not None:
        raise InputError("--prompt and --input both give text: use one of them.", "input")
    if prompt is not None:
        if not prompt.strip():
            raise InputError("prompt: the text is empty.", "prompt")
        yield Lines(prompt.removesuffix("\n").split("\n"), "The prompt", 0, "prompt")
    elif path is None:
        raise InputError("Give text: a prompt, or an input file with one text per line.", "prompt")
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
    """Reads the lines of a text file in UTF-8, compressed or not.

    Raises:
        InputError: the file, which the user named with `option`, cannot be read, is not UTF-8 or is empty.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder: give a text file.", option)
    if not path.exists():
        raise InputError(f"There is no file {path}.", option)
    return decode_lines(read_bytes(path, option), str(path), option)


def decode_lines(data: bytes, name: str, option: str, before: int = 0) -> list[str]:
    """Decodes UTF-8 text into lines without their ends, which are \\n or \\r\\n.

    Args:
        data: The text.
        name: Where it comes from, as an error names it.
        option: The option that the user gave it with.
        before: Number of lines before it, which errors add to a line number.

    Raises:
        InputError: the text is not UTF-8 or is empty.
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
        raise InputError(f"{name} is empty: give at least one line of text.", option)
    return lines


def named_lines(numbers: Sequence[int]) -> str:
    """Names lines by up to five of their numbers: "line 4", or "lines 4, 9 and 12"."""
    shown = [f"{number:,}" for number in numbers[:SHOWN]]
    if len(numbers) > SHOWN:
        shown.append(f"{len(numbers) - SHOWN:,} more")
    if len(shown) == 1:
        return f"line {shown[0]}"
    return f"lines {', '.join(shown[:-1])} and {shown[-1]}"

"""Lines of text from a file, standard input or a prompt."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from genlab.data.shared.compressed import read_bytes
from genlab.data.shared.encodings import decoded
from genlab.errors import InputError

AT_ONCE = 2_048
"""Largest number of lines to read and translate together."""
SHOWN = 5
"""Largest number of line numbers to list in an error or a note."""


@dataclass(frozen=True)
class Lines:
    """Consecutive lines of one text, with their origin."""

    texts: tuple[str, ...]
    name: str = "The prompt"
    """Name of the text in errors."""
    before: int = 0
    """Number of preceding lines in the text."""
    option: str = "prompt"
    """The option that gave the text."""

    def place(self, number: int) -> str:
        """Describes line `number`, counted from 0, for errors."""
        return f"{self.name}, line {self.before + number + 1}"


def lines_of(prompt: str | tuple[str, ...] | Lines | None) -> Lines:
    """The lines of a prompt.

    Raises:
        InputError: the prompt is missing or empty.
    """
    if prompt is None:
        raise InputError("prompt is missing: give the lines to translate.", "prompt")
    if isinstance(prompt, Lines):
        return prompt
    lines = prompt.removesuffix("\n").split("\n") if isinstance(prompt, str) else prompt
    if not any(map(str.strip, lines)):
        raise InputError("prompt: the text is empty.", "prompt")
    return Lines(tuple(lines))


def read_blocks(path: str, encoding: str | None = None) -> Iterator[Lines]:
    """Yields the lines of a file in blocks; the path - is standard input, which a terminal gives line by line.

    Args:
        path: The file, or -.
        encoding: Encoding of text that is not UTF-8.

    Raises:
        InputError: the text is empty or cannot be read.
    """
    if path == "-":
        name, done = "Standard input", 0
        while block := list(islice(sys.stdin.buffer, 1 if sys.stdin.isatty() else AT_ONCE)):
            texts = decode_lines(b"".join(block), name, "input", encoding, done)
            yield Lines(tuple(texts), name, done, "input")
            done += len(block)
    else:
        lines = read_lines(Path(path), "input", encoding)
        for start in range(0, len(lines), AT_ONCE):
            yield Lines(tuple(lines[start : start + AT_ONCE]), path, start, "input")


def read_lines(path: Path, option: str, encoding: str | None = None) -> list[str]:
    """Reads the lines of a text file, compressed or not; `encoding` is that of a file that is not UTF-8.

    Raises:
        InputError: the file, given by `option`, cannot be read or decoded, or is empty.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder: give a text file.", option)
    if not path.exists():
        raise InputError(f"There is no file {path}.", option)
    return decode_lines(read_bytes(path, option), str(path), option, encoding)


def decode_lines(data: bytes, name: str, option: str, encoding: str | None, before: int = 0) -> list[str]:
    """Decodes text into lines without their line endings, \\n or \\r\\n.

    Args:
        data: The text.
        name: Name of the text in errors.
        option: The option that gave the text.
        encoding: Encoding of text that is not UTF-8.
        before: Number of preceding lines, which errors add to a line number.

    Raises:
        InputError: the text cannot be decoded or is empty.
    """
    text = decoded(data, name, option, encoding, before)
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if not lines[-1]:
        lines.pop()
    if not lines:
        raise InputError(f"{name} is empty: give at least one line of text.", option)
    return lines


def named_lines(numbers: Sequence[int]) -> str:
    """Lists up to five line numbers: "line 4", or "lines 4, 9 and 12"."""
    shown = [f"{number:,}" for number in numbers[:SHOWN]]
    if len(numbers) > SHOWN:
        shown.append(f"{len(numbers) - SHOWN:,} more")
    if len(shown) == 1:
        return f"line {shown[0]}"
    return f"lines {', '.join(shown[:-1])} and {shown[-1]}"

"""Reads documents from the user's files, as pieces of text in a stable order.

The whole text is never in memory: each pass opens the files again.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from genlab.data.shared.compressed import COMPRESSED, open_stream
from genlab.data.shared.encodings import decode_blocks
from genlab.data.shared.folders import files_in, printable
from genlab.data.shared.sample_sets import sample_set
from genlab.data.text import SAMPLES
from genlab.errors import InputError

JSON_LINES = {".jsonl", ".ndjson"}
ENDINGS = JSON_LINES | {
    ".txt", ".text", ".md", ".rst", ".tex", ".csv", ".tsv", ".html", ".xml", ".json", ".log", ".py",
}  # fmt: skip
"""Extensions of the files to read in a folder."""
FIELDS = ("text", "content")
"""Fields of a JSON object that may hold the document; the first one with a string counts."""
SEPARATOR = re.compile(r"[\s,]*")
LONGEST = 1 << 27
"""Maximum length in characters of one value in a .json file."""
SHOWN = 5
"""Maximum number of names in a note."""

Piece = tuple[bool, str]
"""Whether a document starts here, and part of its text."""


@dataclass(frozen=True)
class Source:
    """The documents of a file, folder or sample set; each call of `pieces` reads them again in the same order."""

    name: str
    pieces: Callable[[], Iterator[Piece]]
    notes: tuple[str, ...] = ()
    """Sentences that name the files left out of a folder."""
    left_out: dict[str, str] = field(default_factory=dict)
    """All these files, with the reason."""


class NoDocuments(InputError):
    """Raised for a .json file that does not hold documents."""


def open_source(data: str, encoding: str | None = None) -> Source:
    """Opens a file, a folder (read recursively) or a sample set.

    Args:
        data: Path, or @sample.
        encoding: Encoding of files that are not UTF-8.

    Raises:
        InputError: `data` does not exist, cannot be read, or is a folder without text.
    """
    if data.startswith("@"):
        read = sample_set(data, SAMPLES)
        return Source(data, lambda: ((True, text) for _, text in read()))
    path = Path(data)
    try:
        path.stat()
    except FileNotFoundError:
        raise InputError(f"There is no file or folder {data}.", "data") from None
    except OSError as error:
        raise InputError(f"{printable(data)} cannot be read: {error.strerror}.", "data") from None
    if path.is_dir():
        return _open_folder(path, encoding)
    if not path.is_file():
        raise InputError(f"{data} is neither a file nor a folder.", "data")
    return Source(printable(path.name), lambda: _read_file(path, encoding))


def _open_folder(folder: Path, encoding: str | None) -> Source:
    left_out: dict[str, str] = {}
    chosen = []
    for path in sorted(files_in(folder, left_out)):
        if _extension(path) not in ENDINGS:
            left_out[printable(path.relative_to(folder))] = "not text by name"
        elif _extension(path) == ".json" and not _has_documents(path, encoding):
            left_out[printable(path.relative_to(folder))] = "JSON, but not of documents"
        else:
            chosen.append(path)
    notes = _notes(left_out)
    if not chosen:
        raise InputError(
            f"There is no text in the folder {printable(folder)}: genlab looks for {', '.join(sorted(ENDINGS))}"
            f"{''.join(f'; {note}' for note in notes[:1])}.",
            "data",
        )
    pieces = lambda: (piece for path in chosen for piece in _read_file(path, encoding))
    return Source(printable(folder.name), pieces, notes, left_out)


def _notes(left_out: dict[str, str]) -> tuple[str, ...]:
    """Describes the files left out, with one sentence per reason."""
    names: dict[str, list[str]] = {}
    for name, reason in left_out.items():
        names.setdefault(reason, []).append(name)
    notes = []
    for reason, group in sorted(names.items()):
        more = f" and {len(group) - SHOWN:,} more" if len(group) > SHOWN else ""
        notes.append(f"left out ({reason}): {', '.join(sorted(group)[:SHOWN])}{more}")
    return tuple(notes)


def _extension(path: Path) -> str:
    return os.path.splitext(COMPRESSED.sub("", path.name.lower()))[1]


def _has_documents(path: Path, encoding: str | None) -> bool:
    """Returns whether the first value of a .json file is a document; an empty array counts as documents."""
    try:
        next(_read_file(path, encoding), None)
    except NoDocuments:
        return False
    return True


def _read_file(path: Path, encoding: str | None) -> Iterator[Piece]:
    texts = decode_blocks(lambda: open_stream(path, "data"), printable(path), "data", encoding)
    if _extension(path) in JSON_LINES:
        return _json_lines(path, texts)
    if _extension(path) == ".json":
        return _json_documents(path, texts)
    return ((number == 0, text) for number, text in enumerate(texts))


# --- JSON -----------------------------------------------------------------------------------------


def _json_lines(path: Path, texts: Iterator[str]) -> Iterator[Piece]:
    rest = ""
    number = 0
    for text in chain(texts, ("\n",)):
        *lines, rest = (rest + text).split("\n")
        for line in lines:
            number += 1
            if not line.strip():
                continue
            try:
                document = _document(json.loads(line))
            except (ValueError, RecursionError):
                document = None
            if document is None:
                raise InputError(
                    f'{printable(path)}, line {number}: expected a JSON object with a string "text" or "content".',
                    "data",
                )
            yield True, document


def _json_documents(path: Path, texts: Iterator[str]) -> Iterator[Piece]:
    """Reads documents from an array, or from a sequence of JSON values."""
    for number, value in enumerate(_values(path, texts), 1):
        document = _document(value)
        if document is None:
            raise NoDocuments(
                f'{printable(path)}, value {number}: expected a JSON object with a string "text" or "content"; to '
                "train on the JSON itself, give the file a name that ends in .txt.",
                "data",
            )
        yield True, document


def _document(value: Any) -> str | None:
    """Returns a string, or the string in an object; None if there is none or it has an unpaired surrogate."""
    if isinstance(value, dict):
        value = next((value[field] for field in FIELDS if isinstance(value.get(field), str)), None)
    if not isinstance(value, str) or re.search("[\ud800-\udfff]", value):
        return None
    return value


def _values(path: Path, texts: Iterator[str]) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    rest, room, number, array = "", 0, 0, False
    for text in chain(texts, [""]):
        rest += text
        if text and len(rest) < room:
            continue
        place = _next(rest, 0)
        if number == 0 and not array and rest.startswith("[", place):
            array, place = True, place + 1
        while (place := _next(rest, place)) < len(rest):
            if array and rest[place] == "]":
                return
            try:
                value, place = decoder.raw_decode(rest, place)
            except (ValueError, RecursionError):  # incomplete so far, or invalid
                break
            number += 1
            yield value
        rest = rest[place:]
        room = 2 * len(rest)  # so that a long value is not parsed again with every piece
        if len(rest) > LONGEST:
            break
    if rest or array:
        raise NoDocuments(
            f"{printable(path)} is not valid JSON after value {number}: correct it, or, to train on it as plain "
            "text, give the file a name that ends in .txt.",
            "data",
        )


def _next(text: str, place: int) -> int:
    """Returns where the next value or the end of the array begins."""
    match = SEPARATOR.match(text, place)
    assert match is not None  # the pattern also matches an empty string
    return match.end()


@dataclass(frozen=True)
class Facts:
    """The results of one pass over the data."""

    fingerprint: str
    """SHA-256 of all documents and their boundaries."""
    characters: int
    documents: int


def survey(source: Source) -> Facts:
    """Reads all documents once.

    Raises:
        InputError: the documents are empty, or cannot be read.
    """
    digest, characters, documents = hashlib.sha256(), 0, 0
    for starts, text in source.pieces():
        digest.update(b"\xff" if starts else b"")
        digest.update(text.encode("utf-8", "surrogatepass"))
        characters += len(text)
        documents += starts
    if characters == 0:
        raise InputError(f"{source.name} is empty: there is no text to learn from.", "data")
    return Facts(digest.hexdigest(), characters, documents)


def joined(fingerprint: str, *others: str) -> str:
    """Combines several fingerprints into one."""
    return hashlib.sha256(" ".join((fingerprint, *others)).encode()).hexdigest() if others else fingerprint


def cut(pieces: Iterable[Piece], start: int, end: int) -> Iterator[Piece]:
    """Yields the part of the documents between two positions, counted in characters."""
    place = 0
    for starts, text in pieces:
        first, last = max(start - place, 0), min(end - place, len(text))
        if first < last:
            yield starts and first == 0, text[first:last]
        place += len(text)
        if place >= end:
            return

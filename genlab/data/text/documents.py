"""The user's files -> documents, as pieces of text in a stable order.

Nothing here holds a whole text in memory: every reading opens the files anew.
"""

import codecs
import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from genlab.data.shared.encodings import not_utf8
from genlab.data.shared.sample_sets import sample_set
from genlab.data.text.sample_sets import SAMPLES
from genlab.errors import InputError

PIECE = 1 << 20
"""Bytes read at a time."""
ENDINGS = {".txt", ".text", ".md", ".rst", ".tex", ".csv", ".tsv", ".html", ".xml", ".json", ".jsonl", ".log", ".py"}
"""Of files that are read in a folder."""

Piece = tuple[bool, str]
"""Whether a document starts here, and some of its text."""


@dataclass(frozen=True)
class Source:
    """Where documents come from: each call of `pieces` reads them anew, in the same order."""

    name: str
    pieces: Callable[[], Iterator[Piece]]
    skipped: tuple[str, ...] = ()
    """Files of a folder that are not text, by their names' endings."""


def open_source(data: str) -> Source:
    """The documents of a file, a folder (by name, recursively) or a sample set.

    Raises:
        InputError: nothing readable is there.
    """
    if data.startswith("@"):
        read = sample_set(data, SAMPLES)
        return Source(data, lambda: ((True, text) for _, text in read()))
    path = Path(data)
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file())
        files = [p for p in files if not any(part.startswith(".") for part in p.relative_to(path).parts)]
        chosen = [p for p in files if _ending(p) in ENDINGS]
        skipped = tuple(str(p.relative_to(path)) for p in files if _ending(p) not in ENDINGS)
        if not chosen:
            raise InputError(
                f"There is no text in the folder {data}: it looks for {', '.join(sorted(ENDINGS))}.", "data"
            )
        return Source(path.name, lambda: (piece for file in chosen for piece in _read_file(file)), skipped)
    if not path.exists():
        raise InputError(f"There is no file or folder {data}.", "data")
    if not path.is_file():
        raise InputError(f"{data} is neither a file nor a folder.", "data")
    return Source(path.name, lambda: _read_file(path))


def _ending(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _read_file(path: Path) -> Iterator[Piece]:
    try:
        with open(path, "rb") as plain:
            zipped = plain.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else open(path, "rb") as file:
            if _ending(path) == ".jsonl":
                yield from _json_lines(path, _decode(path, file))
            else:
                for number, text in enumerate(_decode(path, file)):
                    yield number == 0, text
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path} is a damaged gzip file ({error}).", "data") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.", "data") from None


def _decode(path: Path, file: Iterable) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    place, first = 0, True
    while True:
        block = file.read(PIECE)  # type: ignore[attr-defined]
        waiting = len(decoder.getstate()[0])  # bytes of a character cut by the block's start
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            raise InputError(not_utf8(path, block, place - waiting + error.start), "data") from None
        if "\0" in text:
            raise InputError(not_utf8(path, block, place + block.find(b"\0")), "data")
        if first and text:
            text, first = text.removeprefix("\ufeff"), False
        if text:
            yield text
        if not block:
            return
        place += len(block)


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
                document = json.loads(line)["text"]
                document.encode()  # half a surrogate pair is no character
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                raise InputError(
                    f'{path}, line {number}: expected a JSON object with a string "text".', "data"
                ) from None
            yield True, document


@dataclass(frozen=True)
class Facts:
    """What one reading of the data tells."""

    fingerprint: str
    """SHA-256 of all documents and where each starts."""
    characters: int
    documents: int


def survey(source: Source) -> Facts:
    """Reads everything once.

    Raises:
        InputError: there is no text at all.
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
    """One fingerprint for several."""
    return hashlib.sha256(" ".join((fingerprint, *others)).encode()).hexdigest() if others else fingerprint


def cut(pieces: Iterable[Piece], start: int, end: int) -> Iterator[Piece]:
    """The documents between two positions in characters."""
    place = 0
    for starts, text in pieces:
        first, last = max(start - place, 0), min(end - place, len(text))
        if first < last:
            yield starts and first == 0, text[first:last]
        place += len(text)
        if place >= end:
            return

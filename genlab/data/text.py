"""The user's text -> token files -> batches.

Data flow: files -> documents (pieces of str) -> splits by position -> tokenizer -> one memory-mapped
token file per split, in a cache outside the run whose key is the content of all that made it.
Nothing here holds a whole text in memory.
"""

import codecs
import gzip
import hashlib
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Int
from tokenizers import Tokenizer
from torch import Tensor

from genlab.data.samples import sample_set
from genlab.data.tokenizers import END, UNKNOWN, character_tokenizer, load_tokenizer, train_tokenizer
from genlab.errors import InputError

READER = 1  # part of the cache's key: raise it when the same files would give other tokens
PIECE = 1 << 20  # bytes read at a time
ENDINGS = {".txt", ".text", ".md", ".rst", ".tex", ".csv", ".tsv", ".html", ".xml", ".json", ".jsonl", ".log", ".py"}

Cached = TypeVar("Cached")
Piece = tuple[bool, str]
"""Whether a document starts here, and some of its text."""


# --- files -> documents ---------------------------------------------------------------------------


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
        samples = sample_set(data, "text")
        return Source(data, lambda: ((True, text) for _, text in samples.read()))
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
            raise InputError(_not_utf8(path, block, place - waiting + error.start), "data") from None
        if "\0" in text:
            raise InputError(_not_utf8(path, block, place + block.find(b"\0")), "data")
        if first and text:
            text, first = text.removeprefix("\ufeff"), False
        if text:
            yield text
        if not block:
            return
        place += len(block)


def _not_utf8(path: Path, block: bytes, place: int) -> str:
    from charset_normalizer import from_bytes

    if not block:
        return f"{path} ends in the middle of a character: it is cut off, or not UTF-8."
    encoding = None
    if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif 0 in block:
        even, odd = block[:1000:2].count(0), block[1:1000:2].count(0)
        if min(even, odd) > 0.01 * len(block[:1000]) or max(even, odd) < 0.2 * len(block[:1000]):
            return f"{path} is not text: it has zero bytes (byte {place})."
        encoding = "utf-16-le" if odd > even else "utf-16-be"
    elif guess := from_bytes(block[:100_000]).best():
        encoding = guess.encoding
    if encoding in (None, "utf_8", "ascii"):
        return f"{path} is not text: byte {place} is not UTF-8 and no other encoding fits."
    return (
        f"{path} is not UTF-8 (byte {place}); it looks like {encoding}: convert it with `iconv -f {encoding} -t utf-8`."
    )


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


# --- documents -> splits --------------------------------------------------------------------------


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


# --- splits -> tokens -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Split:
    """One split as tokens: `tokens[0]` is the end mark that stands before the first text."""

    tokens: np.ndarray
    characters: int
    bytes: int
    documents: int
    unknown: int
    """Characters that the tokenizer does not know."""

    def windows(self, context: int) -> int:
        """How many whole windows of `context` predictions there are, wherever the first begins."""
        return (len(self.tokens) - 1 - context) // context if len(self.tokens) > 2 * context else 1

    def batch(
        self, step: int, batch: int, context: int, seed: int, rank: int = 0, processes: int = 1
    ) -> tuple[Int[Tensor, "batch context"], Int[Tensor, "batch context"]]:
        """Inputs and targets of an update: a function of its number alone.

        Every epoch cuts the text into windows at another offset and shuffles them; `processes`
        processes share out the batch that one process with `processes * batch` would take.
        """
        count = self.windows(context)
        first = (step * processes + rank) * batch
        starts = []
        for place in range(first, first + batch):
            epoch, index = divmod(place, count)
            order, offset = self._epoch(seed, epoch, count, context)
            starts.append(int(order[index]) * context + offset)
        rows = np.stack([self.tokens[start : start + context + 1] for start in starts]).astype(np.int64)
        return torch.from_numpy(rows[:, :-1]), torch.from_numpy(rows[:, 1:])

    def _epoch(self, seed: int, epoch: int, count: int, context: int) -> tuple[np.ndarray, int]:
        orders: dict = self.__dict__.setdefault("_orders", {})
        if (seed, epoch, context) not in orders:
            while len(orders) > 1:
                orders.pop(next(iter(orders)))
            random = np.random.default_rng((seed, epoch))
            slack = len(self.tokens) - 1 - count * context
            offset = int(random.integers(slack + 1))
            orders[seed, epoch, context] = random.permutation(count), offset
        return orders[seed, epoch, context]


@dataclass(frozen=True)
class Corpus:
    """A text ready to train on."""

    name: str
    fingerprint: str
    tokenizer: Tokenizer
    train: Split
    validation: Split | None
    test: Split | None
    skipped: tuple[str, ...]


def read_corpus(
    data: str, validation: str, test: str, kind: str, vocabulary: int | None, tokenizer: Tokenizer | None = None
) -> Corpus:
    """Reads, splits and tokenizes `data`.

    Args:
        data: File, folder or @sample.
        validation: Share of the text behind the training part, or a path.
        test: Share of the text at its very end, or a path.
        kind: Tokenizer to make from the training part: auto, char, byte or bpe.
        vocabulary: Tokens of a bpe tokenizer; None fits it to the text.
        tokenizer: The tokenizer to use instead of making one.

    Raises:
        InputError: something cannot be read or is too short.
    """
    source = open_source(data)
    facts = survey(source)
    shares = {"validation": _share(validation, "validation"), "test": _share(test, "test")}
    held = {name: share for name, share in shares.items() if share is not None}
    if sum(held.values()) >= 1:
        raise InputError("validation and test together must leave something to train on.", "validation")
    end = int((1 - held.get("test", 0)) * facts.characters) if held.get("test") else facts.characters
    middle = end - int(held.get("validation", 0) * facts.characters)
    key = f"{READER} {facts.fingerprint} {kind} {vocabulary} {middle}"
    if tokenizer is None:
        tokenizer = _cached(
            f"tokenizer {key}",
            lambda folder: _make_tokenizer(source, middle, kind, vocabulary, folder),
            lambda folder: load_tokenizer(folder / "tokenizer.json"),
        )

    def tokens(part: Source, fingerprint: str, start: int, stop: int) -> Split:
        name = f"tokens {READER} {fingerprint} {start} {stop} {tokenizer.to_str()}"
        return _cached(name, lambda folder: _encode(cut(part.pieces(), start, stop), tokenizer, folder), _load)

    def held_out(name: str, value: str, start: int, stop: int) -> Split | None:
        if shares[name] is None:
            try:
                part = open_source(value)
                about = survey(part)
            except InputError as error:
                raise InputError(f"{name}: {error}", name) from None
            return tokens(part, about.fingerprint, 0, about.characters)
        return tokens(source, facts.fingerprint, start, stop) if stop > start else None

    return Corpus(
        source.name,
        facts.fingerprint,
        tokenizer,
        tokens(source, facts.fingerprint, 0, middle),
        held_out("validation", validation, middle, end),
        held_out("test", test, end, facts.characters),
        source.skipped,
    )


def training_text(data: str, validation: str, test: str) -> Iterator[bytes]:
    """The training part of `data` again, as UTF-8."""
    return _part(data, validation, test, lambda middle, end, all: (0, middle))


def test_text(data: str, validation: str, test: str) -> Iterator[bytes]:
    """The test part of `data` again, as UTF-8."""
    if _share(test, "test") is None:
        return _part(test, "0", "0", lambda middle, end, all: (0, all))
    return _part(data, validation, test, lambda middle, end, all: (end, all))


def _part(data: str, validation: str, test: str, bounds: Callable[[int, int, int], tuple[int, int]]) -> Iterator[bytes]:
    source = open_source(data)
    total = survey(source).characters
    share = _share(test, "test")
    end = int((1 - share) * total) if share else total
    middle = end - int((_share(validation, "validation") or 0) * total)
    for _, text in cut(source.pieces(), *bounds(middle, end, total)):
        yield text.encode("utf-8", "surrogatepass")


def _share(value: str, field: str) -> float | None:
    try:
        share = float(value)
    except ValueError:
        return None
    if not 0 <= share < 1:
        raise InputError(f"{field}: {value} cannot be used, it is a share from 0 to below 1, or a path.", field)
    return share


def _make_tokenizer(source: Source, end: int, kind: str, vocabulary: int | None, folder: Path) -> None:
    if kind == "auto":
        kind = "char" if end < 2_000_000 and len(_characters(source, end)) <= 256 else "bpe"
    if kind == "char":
        tokenizer = character_tokenizer(_characters(source, end))
    else:
        tokenizer = train_tokenizer(kind, (text for _, text in cut(source.pieces(), 0, end)), end, vocabulary)
    (folder / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")


def _characters(source: Source, end: int) -> set[str]:
    return set().union(*(set(text) for _, text in cut(source.pieces(), 0, end)))


def _encode(pieces: Iterable[Piece], tokenizer: Tokenizer, folder: Path) -> None:
    """Writes tokens.bin and facts.json; texts go to the tokenizer in slices that end between words."""
    end_mark, unknown_mark = tokenizer.token_to_id(END), tokenizer.token_to_id(UNKNOWN)
    kind = np.uint16 if tokenizer.get_vocab_size() <= 1 << 16 else np.uint32
    facts: dict[str, Any] = {"characters": 0, "bytes": 0, "documents": 0, "unknown": 0}
    facts |= {"type": np.dtype(kind).name, "size": 0}
    waiting: list[tuple[bool, str]] = [(True, "")]

    with open(folder / "tokens.bin", "wb") as file:

        def flush() -> None:
            encoded = tokenizer.encode_batch_fast([text for _, text in waiting], add_special_tokens=False)
            for (starts, _), encoding in zip(waiting, encoded, strict=True):
                ids = np.array([end_mark] * starts + encoding.ids, kind)
                facts["unknown"] += int((ids == unknown_mark).sum()) if unknown_mark is not None else 0
                facts["size"] += file.write(ids.tobytes())
            waiting.clear()

        rest = ""
        for number, (starts, text) in enumerate(pieces):
            if starts and rest:
                waiting.append((False, rest))
                rest = ""
            if starts and number:
                waiting.append((True, ""))
            facts["documents"] += starts or number == 0
            facts["characters"] += len(text)
            facts["bytes"] += len(text.encode("utf-8", "surrogatepass"))
            *slices, rest = _slices(rest + text)
            waiting += [(False, part) for part in slices]
            if sum(len(part) for _, part in waiting) > PIECE:
                flush()
        waiting.append((False, rest))
        flush()
    (folder / "facts.json").write_text(json.dumps(facts))


def _slices(text: str, length: int = 16_384) -> list[str]:
    """Cuts before a space where there is one, as word tokenizers keep a space with the word behind it."""
    parts = []
    while len(text) > length:
        place = max(text.rfind(" ", length // 2, length), text.rfind("\n", length // 2, length))
        place = place if place > 0 else length
        parts.append(text[:place])
        text = text[place:]
    return [*parts, text]


def _load(folder: Path) -> Split:
    facts = json.loads((folder / "facts.json").read_text())
    if (folder / "tokens.bin").stat().st_size != facts.pop("size"):
        raise ValueError("tokens.bin is cut off")
    tokens = np.memmap(folder / "tokens.bin", dtype=facts.pop("type"), mode="r")
    return Split(tokens, **facts)


# --- the cache ------------------------------------------------------------------------------------


def cache_folder() -> Path:
    """Where token files are kept: $GENLAB_CACHE, or genlab in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("GENLAB_CACHE") or Path(home) / "genlab")


def _cached(name: str, fill: Callable[[Path], None], load: Callable[[Path], Cached]) -> Cached:
    """What `load` reads from the cache's folder for `name`, which is filled if it is not there."""
    folder = cache_folder() / hashlib.sha256(name.encode()).hexdigest()[:32]
    if folder.is_dir():
        try:
            return load(folder)
        except (OSError, ValueError, KeyError):  # the machine went down while it was written
            shutil.rmtree(folder, ignore_errors=True)
    _fill(folder, fill)
    return load(folder)


def _fill(folder: Path, fill: Callable[[Path], None]) -> None:
    """Makes the folder, whole or not at all."""
    fresh = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix="filling-"))
        fill(fresh)
        try:
            fresh.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was faster, with the same content
                raise
    except OSError as error:
        raise InputError(
            f"The cache {folder.parent} cannot be written ({error.strerror or error}): make room, or set GENLAB_CACHE "
            "to another folder.",
            "data",
        ) from None
    finally:
        if fresh is not None:
            shutil.rmtree(fresh, ignore_errors=True)


def describe(split: Split) -> dict[str, int]:
    """The counts of a split."""
    return {key: value for key, value in asdict(split).items() if key != "tokens"} | {"tokens": len(split.tokens) - 1}

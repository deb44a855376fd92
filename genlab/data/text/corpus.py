"""Reads and tokenizes the user's text, and batches it.

Data flow: documents -> splits by position -> tokenizer -> one memory-mapped token file per split, in the cache. The
whole text is never in memory.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int, Int64
from tokenizers import Tokenizer
from torch import Tensor

from genlab.data.shared.cache import cached
from genlab.data.shared.splits import share_of, shares_of
from genlab.data.shared.tokenizers import UNKNOWN, character_tokenizer, end_of, load_tokenizer, train_tokenizer
from genlab.data.text.documents import Facts, Piece, Source, cut, joined, open_source, survey
from genlab.errors import InputError

PIECE = 1 << 20
"""Number of characters to encode at a time, and bytes per piece when a text is read again."""
READER = 1
"""Version of the token files in the cache: increase it when the same documents would give other tokens."""


@dataclass(frozen=True)
class Split:
    """The tokens of one split, starting with the end-of-text token before the first document."""

    tokens: np.ndarray
    characters: int
    bytes: int
    documents: int
    unknown: int
    """Number of characters that are not in the vocabulary."""

    def windows(self, context: int) -> int:
        """Returns how many full windows of `context` predictions fit at any offset."""
        return (len(self.tokens) - 1 - context) // context if len(self.tokens) > 2 * context else 1

    def batch(
        self, step: int, batch: int, context: int, seed: int, rank: int = 0, processes: int = 1
    ) -> tuple[Int[Tensor, "batch context"], Int[Tensor, "batch context"]]:
        """Returns inputs and targets of a step, a pure function of the arguments.

        Every epoch cuts the text into windows at a new offset and shuffles them. Several processes share the batch
        that one process would draw with `processes * batch`.
        """
        count = self.windows(context)
        first = (step * processes + rank) * batch
        starts = []
        for place in range(first, first + batch):
            epoch, index = divmod(place, count)
            order, offset = epoch_order(seed, epoch, count, len(self.tokens) - 1 - count * context)
            starts.append(int(order[index]) * context + offset)
        rows = np.stack([self.tokens[start : start + context + 1] for start in starts]).astype(np.int64)
        return torch.from_numpy(rows[:, :-1]), torch.from_numpy(rows[:, 1:])


@lru_cache(maxsize=2)
def epoch_order(seed: int, epoch: int, windows: int, slack: int) -> tuple[Int64[np.ndarray, " windows"], int]:
    """The order of an epoch's windows, and where the first begins: `slack` tokens at most are left over."""
    random = np.random.default_rng((seed, epoch))
    offset = int(random.integers(slack + 1))
    return random.permutation(windows), offset


@dataclass(frozen=True)
class Corpus:
    """A tokenized text, ready to train on."""

    name: str
    fingerprint: str
    """SHA-256 of everything that was read, separate validation and test texts included."""
    tokenizer: Tokenizer
    train: Split
    validation: Split | None
    test: Split | None
    notes: tuple[str, ...]
    """Sentences that name the files left out."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Every file left out of a folder, with the reason."""


def read_corpus(
    data: str,
    validation: str,
    test: str,
    encoding: str | None = None,
    *,
    kind: str = "auto",
    vocabulary: int | None = None,
    tokenizer: Tokenizer | None = None,
) -> Corpus:
    """Reads, splits and tokenizes `data`.

    Args:
        data: File, folder or @sample.
        validation: Fraction of the text that follows the training part, or a path.
        test: Fraction of the text at the end, or a path.
        encoding: Encoding of files that are not UTF-8.
        kind: Tokenizer to train on the training part: auto, char, byte or bpe.
        vocabulary: Vocabulary size of a BPE tokenizer; None chooses it by the length of the text.
        tokenizer: An existing tokenizer to use instead.

    Raises:
        InputError: the data cannot be read.
    """
    source = open_source(data, encoding)
    facts = survey(source)
    shares = shares_of(validation, test)
    paths = {"validation": validation, "test": test}
    own = {name: _open_separate(paths[name], name, encoding) for name, share in shares.items() if share is None}
    held = {name: share for name, share in shares.items() if share is not None}
    end = int((1 - held.get("test", 0)) * facts.characters) if held.get("test") else facts.characters
    middle = end - int(held.get("validation", 0) * facts.characters)
    key = f"{READER} {facts.fingerprint} {kind} {vocabulary} {middle}"
    if tokenizer is None:
        tokenizer = cached(
            f"tokenizer {key}",
            lambda folder: _make_tokenizer(source, middle, kind, vocabulary, folder),
            lambda folder: load_tokenizer(folder / "tokenizer.json"),
        )

    def tokens(part: Source, fingerprint: str, start: int, stop: int) -> Split:
        name = f"tokens {READER} {fingerprint} {start} {stop} {tokenizer.to_str()}"
        return cached(name, lambda folder: _encode(cut(part.pieces(), start, stop), tokenizer, folder), _load)

    def held_out(name: str, start: int, stop: int) -> Split | None:
        if name in own:
            part, about = own[name]
            return tokens(part, about.fingerprint, 0, about.characters)
        return tokens(source, facts.fingerprint, start, stop) if stop > start else None

    return Corpus(
        source.name,
        joined(facts.fingerprint, *(about.fingerprint for _, about in own.values())),
        tokenizer,
        tokens(source, facts.fingerprint, 0, middle),
        held_out("validation", middle, end),
        held_out("test", end, facts.characters),
        source.notes + tuple(f"{name}: {note}" for name, (part, _) in own.items() for note in part.notes),
        source.left_out
        | {f"{name}: {file}": reason for name, (part, _) in own.items() for file, reason in part.left_out.items()},
    )


def _open_separate(path: str, name: str, encoding: str | None) -> tuple[Source, Facts]:
    """Opens and surveys the text of a split that is read from a separate path."""
    try:
        source = open_source(path, encoding)
        return source, survey(source)
    except InputError as error:
        raise InputError(f"{name}: {error}", name) from None


def training_text(data: str, validation: str, test: str, encoding: str | None) -> Iterator[bytes]:
    """Yields the training part of `data` as UTF-8."""
    return _part(data, validation, test, encoding, lambda middle, end, all: (0, middle))


def test_text(data: str, validation: str, test: str, encoding: str | None) -> Iterator[bytes]:
    """Yields the test part of `data` as UTF-8."""
    if share_of(test, "test") is None:
        return _part(test, "0", "0", encoding, lambda middle, end, all: (0, all))
    return _part(data, validation, test, encoding, lambda middle, end, all: (end, all))


def _part(
    data: str,
    validation: str,
    test: str,
    encoding: str | None,
    bounds: Callable[[int, int, int], tuple[int, int]],
) -> Iterator[bytes]:
    source = open_source(data, encoding)
    total = survey(source).characters
    share = share_of(test, "test")
    end = int((1 - share) * total) if share else total
    middle = end - int((share_of(validation, "validation") or 0) * total)
    block = bytearray()
    for _, text in cut(source.pieces(), *bounds(middle, end, total)):
        block += text.encode("utf-8", "surrogatepass")
        if len(block) > PIECE:
            yield bytes(block)
            block.clear()
    yield bytes(block)


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
    """Writes tokens.bin and facts.json; the tokenizer gets the text in slices that end between words."""
    end_mark, unknown_mark = end_of(tokenizer), tokenizer.token_to_id(UNKNOWN)
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

        rest, held = "", 0
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
            held += len(text)
            if held > PIECE:
                flush()
                held = 0
        waiting.append((False, rest))
        flush()
    (folder / "facts.json").write_text(json.dumps(facts))


def _slices(text: str, length: int = 16_384) -> list[str]:
    """Cuts text into slices of at most `length`, if possible before a space: tokens keep the space before a word."""
    parts, start = [], 0
    while len(text) - start > length:
        middle, last = start + length // 2, start + length
        place = max(text.rfind(" ", middle, last), text.rfind("\n", middle, last))
        place = place if place > 0 else last
        parts.append(text[start:place])
        start = place
    return [*parts, text[start:]]


def _load(folder: Path) -> Split:
    facts = json.loads((folder / "facts.json").read_text())
    if (folder / "tokens.bin").stat().st_size != facts.pop("size"):
        raise ValueError("tokens.bin is cut off")
    tokens = np.memmap(folder / "tokens.bin", dtype=facts.pop("type"), mode="r")
    return Split(tokens, **facts)


def describe(split: Split) -> dict[str, int]:
    """Returns the counts of a split for run.json."""
    counts = {"characters": split.characters, "bytes": split.bytes, "documents": split.documents}
    return {**counts, "unknown": split.unknown, "tokens": len(split.tokens) - 1}

"""Measures of text: does a model copy, and what do simple models reach?"""

import lzma
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

NGRAM = 12
"""Characters of the n-grams whose novelty is reported: about two words."""
CHUNK = 1 << 22


def copying(training: Callable[[], Iterable[bytes]], generated: bytes, held_out: bytes) -> dict[str, Any]:
    """Whether generated text repeats the training text more than real unseen text does.

    Args:
        training: Gives the training text in pieces, as UTF-8, each time it is called.
        generated: What the model wrote.
        held_out: Real text that it was not trained on; as much of it is used as was generated.

    Returns:
        For both: the longest passage (in bytes) that also stands in the training text, the passage, and the
        share of n-grams that never do; and a verdict in words.
    """
    # The middle of the held-out text: its start may go on from the last training passage.
    start = max(0, (len(held_out) - len(generated)) // 2)
    held_out = held_out[start : start + len(generated)]
    result: dict[str, Any] = {"ngram": NGRAM, "bytes": len(generated)}
    for name, text in (("generated", generated), ("held_out", held_out)):
        length, passage = longest_shared(training, text)
        result[name] = {
            "longest_shared": length,
            "passage": passage.decode("utf-8", "replace"),
            "unseen_ngrams": 1 - seen_share(training, text, NGRAM),
        }
    mine, real = result["generated"], result["held_out"]
    copies = (
        mine["longest_shared"] > 2 * real["longest_shared"] + 20 or mine["unseen_ngrams"] < 0.7 * real["unseen_ngrams"]
    )
    result["verdict"] = (
        "The model repeats passages of its training text."
        if copies
        else "The model repeats no more than real text does."
    )
    return result


def longest_shared(training: Callable[[], Iterable[bytes]], text: bytes) -> tuple[int, bytes]:
    """The longest string of bytes that stands in both, by bisection over its length."""
    low, high, found = 0, len(text), b""
    step = 16  # grow first: most passages are short
    while low < high:
        middle = min(low + step, high) if step else (low + high + 1) // 2
        passage = _shared(training, text, middle)
        if passage:
            low, found = middle, passage
            step *= 2
        else:
            high, step = middle - 1, 0
    return low, found


def seen_share(training: Callable[[], Iterable[bytes]], text: bytes, length: int) -> float:
    """Share of the n-grams of `text` that stand in the training text."""
    mine = _hashes(text, length)
    if not len(mine):
        return 0.0
    kinds, where = np.unique(mine, return_inverse=True)
    seen = np.zeros(len(kinds), bool)
    for block in _blocks(training(), length):
        theirs = _hashes(block, length)
        seen |= np.isin(kinds, theirs[_members(theirs, kinds)])
    return float(seen[where].mean())


def _shared(training: Callable[[], Iterable[bytes]], text: bytes, length: int) -> bytes:
    mine = np.unique(_hashes(text, length))
    for block in _blocks(training(), length):
        theirs = _hashes(block, length)
        for place in _members(theirs, mine)[:100]:
            passage = block[place : place + length]
            if passage in text:  # a hash may lie
                return passage
    return b""


def _members(many: np.ndarray, few: np.ndarray) -> np.ndarray:
    """Where in `many` a hash stands that is in `few`: first by their last 20 bits, as a table is quick to ask."""
    table = np.zeros(1 << 20, bool)
    table[few & np.uint64(0xFFFFF)] = True
    likely = np.flatnonzero(table[many & np.uint64(0xFFFFF)])
    return likely[np.isin(many[likely], few)]


def _blocks(pieces: Iterable[bytes], length: int) -> Iterator[bytes]:
    """The pieces joined into blocks that overlap by `length - 1` bytes."""
    rest = b""
    for piece in pieces:
        rest += piece
        if len(rest) >= max(CHUNK, length):
            yield rest
            rest = rest[len(rest) - length + 1 :]
    if len(rest) >= length:
        yield rest


def _hashes(text: bytes, length: int) -> np.ndarray:
    """A 64-bit polynomial hash of every substring of `length` bytes (Karp and Rabin, 1987)."""
    if len(text) < length:
        return np.empty(0, np.uint64)
    values = np.frombuffer(text, np.uint8)
    hashed = _BYTE_CODES[values]
    base = np.uint64(0x9E3779B97F4A7C15 | 1)
    with np.errstate(over="ignore"):
        # By doubling: the hash of 2k bytes from two of k, then the remaining bits of `length`.
        result, covered, block, size = None, 0, hashed, 1
        while size <= length:
            if length & size:
                if result is None:
                    result, covered = block, size
                else:
                    power = _power(base, size)
                    count = len(values) - covered - size + 1
                    result = result[:count] * power + block[covered : covered + count]
                    covered += size
            if 2 * size <= length:
                count = len(values) - 2 * size + 1
                block = block[:count] * _power(base, size) + block[size : size + count]
            size *= 2
    assert result is not None
    return result[: len(text) - length + 1]


def _power(base: np.uint64, exponent: int) -> np.uint64:
    return np.uint64(pow(int(base), exponent, 1 << 64))


_BYTE_CODES = np.random.default_rng(0).integers(1, 2**63, 256, dtype=np.uint64)


def baselines(training: Iterable[bytes], held_out: bytes) -> dict[str, float]:
    """Bits a byte that models without learning reach on the held-out text.

    `bytes`: the frequency of each byte; `xz`: a compressor that has seen (at most 8 MB of) the training text.
    """
    counts: Counter[int] = Counter()
    recent = b""
    for piece in training:
        counts.update(piece)
        recent = (recent + piece)[-8_000_000:]
    total = sum(counts.values()) + 256
    order0 = -sum(math.log2((counts[byte] + 1) / total) * many for byte, many in Counter(held_out).items())
    shown = held_out[:1_000_000]
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 16 << 20}]
    packed = [len(lzma.compress(text, lzma.FORMAT_RAW, filters=filters)) for text in (recent, recent + shown)]
    return {"bytes": order0 / len(held_out), "xz": 8 * (packed[1] - packed[0]) / len(shown)}

"""Metrics of generated text: copying from the training text, and baselines of the loss."""

import lzma
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

NGRAM = 12
"""Length in bytes of the n-grams whose novelty is reported: about two words."""
CHUNK = 1 << 22
"""Bytes of training text hashed at once."""


def copying(training: Callable[[], Iterable[bytes]], generated: bytes, held_out: bytes) -> dict[str, Any]:
    """Tests whether generated text repeats the training text more than held-out text does.

    Args:
        training: Returns the training text in pieces, as UTF-8, on every call.
        generated: Generated text.
        held_out: Held-out text, of which an equally long part is used.

    Returns:
        `generated` and `held_out`: the longest passage that is also in the training text, its length in bytes, and the
        share of n-grams that are not in the training text; `verdict` in words.
    """
    # The middle of the held-out text: its start may continue the last training passage.
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
    fake, real = result["generated"], result["held_out"]
    copies = (
        fake["longest_shared"] > 2 * real["longest_shared"] + 20 or fake["unseen_ngrams"] < 0.7 * real["unseen_ngrams"]
    )
    result["verdict"] = (
        "The model repeats passages of its training text."
        if copies
        else "The model repeats no more than real text does."
    )
    return result


def longest_shared(training: Callable[[], Iterable[bytes]], text: bytes) -> tuple[int, bytes]:
    """The longest common substring and its length, by bisection over the length."""
    low, high, found = 0, len(text), b""
    step = 16  # doubling first: most passages are short
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
    """Share of the n-grams of `text` that are in the training text."""
    hashes = _hashes(text, length)
    if not len(hashes):
        return 0.0
    distinct, inverse = np.unique(hashes, return_inverse=True)
    seen = np.zeros(len(distinct), bool)
    for block in _blocks(training(), length):
        known = _hashes(block, length)
        seen |= np.isin(distinct, known[_members(known, distinct)])
    return float(seen[inverse].mean())


def _shared(training: Callable[[], Iterable[bytes]], text: bytes, length: int) -> bytes:
    """A substring of `length` bytes that is in both texts; empty if there is none."""
    hashes = np.unique(_hashes(text, length))
    for block in _blocks(training(), length):
        for start in _members(_hashes(block, length), hashes)[:100]:
            passage = block[start : start + length]
            if passage in text:  # hashes may collide
                return passage
    return b""


def _members(many: np.ndarray, few: np.ndarray) -> np.ndarray:
    """Indices of the hashes in `many` that are in `few`, filtered by a table of their last 20 bits first."""
    table = np.zeros(1 << 20, bool)
    table[few & np.uint64(0xFFFFF)] = True
    likely = np.flatnonzero(table[many & np.uint64(0xFFFFF)])
    return likely[np.isin(many[likely], few)]


def _blocks(pieces: Iterable[bytes], length: int) -> Iterator[bytes]:
    """Joins pieces into blocks that overlap by `length - 1` bytes."""
    rest = b""
    for piece in pieces:
        rest += piece
        if len(rest) >= max(CHUNK, length):
            yield rest
            rest = rest[len(rest) - length + 1 :]
    if len(rest) >= length:
        yield rest


def _hashes(text: bytes, length: int) -> np.ndarray:
    """64-bit polynomial hashes of all substrings of `length` bytes (Karp and Rabin 1987)."""
    if len(text) < length:
        return np.empty(0, np.uint64)
    values = np.frombuffer(text, np.uint8)
    hashed = _BYTE_CODES[values]
    base = np.uint64(0x9E3779B97F4A7C15 | 1)
    with np.errstate(over="ignore"):
        # The hash of 2k bytes is computed from two of k bytes; the binary digits of `length` select what is combined.
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
    """Bits per byte of simple models on the held-out text.

    `bytes`: byte frequencies; `xz`: the compressor, primed with the last 8 MB of the training text.
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

"""Texts that are not UTF-8."""

import codecs
from pathlib import Path


def not_utf8(path: Path | str, block: bytes, place: int) -> str:
    """What is wrong with a file that has no UTF-8 in `block` from byte `place` on, and what to do."""
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

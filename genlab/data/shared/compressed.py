"""Reads files that may be compressed, which their content decides, not their name."""

import bz2
import gzip
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from genlab.errors import InputError

BLOCK = 1 << 20
"""Bytes per block."""
LARGEST = 1 << 30
"""Maximum size in bytes, after decompression, of a file that is read into memory."""


DAMAGED_ZIP = (
    OSError, EOFError, ValueError, RuntimeError, MemoryError, struct.error, zlib.error, lzma.LZMAError,
    zipfile.BadZipFile,
)  # fmt: skip
"""Errors of zipfile for damaged files; RuntimeError for encrypted ones and unknown compression."""


class Compression(NamedTuple):
    """A format of compressed files."""

    start: re.Pattern[bytes]
    """Matches the first bytes of every file in this format, and no UTF-8 text that occurs in practice."""
    open: Callable[..., Any]


KINDS = {
    "gzip": Compression(re.compile(rb"\x1f\x8b"), gzip.open),
    "xz": Compression(re.compile(rb"\xfd7zXZ\0"), lzma.open),
    "bzip2": Compression(re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"), bz2.open),
}


COMPRESSED = re.compile(r"\.(gz|xz|bz2)$")
"""The end of a compressed file's name, in lower case."""


def open_stream(path: Path, option: str) -> Iterator[bytes]:
    """Yields the content of a plain, gzip, xz or bzip2 file in blocks of at most `BLOCK` bytes.

    Raises:
        InputError: the file, given by `option`, cannot be read or is damaged.
    """
    kind = ""
    try:
        with open(path, "rb") as file:
            head = file.peek(16)
            kind = next((kind for kind, form in KINDS.items() if form.start.match(head)), "")
            content = KINDS[kind].open(file) if kind else file
            yield from iter(lambda: content.read(BLOCK), b"")
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise InputError(_damaged(path, kind, error), option) from None
    except OSError as error:
        if error.errno is None:  # raised by gzip and bz2 themselves
            raise InputError(_damaged(path, kind, error), option) from None
        raise InputError(f"{path} cannot be read: {error.strerror}.", option) from None


def _damaged(path: Path, kind: str, error: Exception) -> str:
    return f"{path} is a damaged {kind} file ({str(error).rstrip('.')}): compress or download it again."


def read_bytes(path: Path, option: str, limit: int = LARGEST) -> bytes:
    """Reads the whole content of a plain, gzip, xz or bzip2 file.

    Raises:
        InputError: the file, given by `option`, cannot be read, is damaged or holds more than `limit` bytes.
    """
    blocks, size = [], 0
    for block in open_stream(path, option):
        size += len(block)
        if size > limit:
            raise InputError(
                f"{path} holds more than {limit >> 20:,} MB of data, too much to read into memory: use part of it.",
                option,
            )
        blocks.append(block)
    return b"".join(blocks)

"""The text of a CSV file."""

import gzip
import zlib
from pathlib import Path

from genlab.errors import InputError


def csv_text(path: Path, option: str) -> str:
    """What a file in UTF-8, gzip or not, says.

    Raises:
        InputError: it cannot be read, or is no text; `option` named it.
    """
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not a CSV file in UTF-8 (byte {error.start}): save it as CSV, encoding UTF-8.", option
        ) from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path} is a damaged gzip file ({error}): make it anew.", option) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.", option) from None
    if "\0" in text:
        raise InputError(f"{path} is not a CSV file: it has a zero byte at character {text.index(chr(0))}.", option)
    return text

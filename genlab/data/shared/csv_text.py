"""Reads the text of a CSV file."""

from pathlib import Path

from genlab.data.shared.compressed import read_bytes
from genlab.errors import InputError


def csv_text(path: Path, option: str) -> str:
    """Returns the text of a UTF-8 file, compressed or not.

    Raises:
        InputError: the file, given by `option`, cannot be read or is not text.
    """
    try:
        text = read_bytes(path, option).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not a CSV file in UTF-8 (byte {error.start}): save it as CSV, encoding UTF-8.", option
        ) from None
    if "\0" in text:
        raise InputError(f"{path} is not a CSV file: it has a zero byte at character {text.index(chr(0))}.", option)
    return text

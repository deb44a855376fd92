"""Files that are whole or not there."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from genlab.errors import InputError, UnwritableError


@contextmanager
def saving(path: Path) -> Iterator[None]:
    """Context for writing `path`, which turns file errors into InputErrors.

    Raises:
        InputError: the disk is full, or the file cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise InputError(
                f"There is no space left for {path}: free some and repeat the command, for training with --resume; "
                "everything saved so far is intact.",
                "out",
            ) from None
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise UnwritableError(f"{path} cannot be written: {error.strerror}.", "out") from None
        if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
            raise InputError(f"{path} cannot be written: {error.strerror}.", "out") from None
        raise


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Context with a temporary path beside `path`, which is synced and renamed at the end, or removed on an error.

    A reader sees the old file or the new one, never a partial one.

    Raises:
        InputError: the disk is full, or the file cannot be written; the old file is unchanged.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with saving(path):
        try:
            yield beside
            _sync(beside)
            os.replace(beside, path)
            _sync(path.parent)
        except BaseException:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            raise


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file atomically: a reader sees the old file or the new one, never a partial one.

    Raises:
        InputError: the disk is full; the old file is unchanged.
    """
    with writing(path) as beside, open(beside, "wb") as file:
        file.write(data)


def make_folder(path: Path) -> None:
    """Creates a folder and its parents, if they do not exist."""
    with saving(path):
        path.mkdir(parents=True, exist_ok=True)


def _sync(path: Path) -> None:
    """Flushes a file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8; bytes of file names that are not UTF-8 (lone surrogates in Python) are written as \\udcff."""
    write_atomically(path, text.encode("utf-8", "backslashreplace"))


def write_json(path: Path, value: Any) -> None:
    """Writes JSON that `read_json` reads back unchanged; lone surrogates are escaped as \\udcff."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON object.

    Raises:
        InputError: the file is missing, damaged or not a JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path.parent} is not a run folder: {path.name} is missing.", "run") from None
    except (OSError, ValueError):
        raise InputError(f"{path} is damaged: restore it from a copy, or train again.", "run") from None
    if not isinstance(value, dict):
        raise InputError(f"{path} is damaged: it must hold a JSON object.", "run")
    return value

"""The cache of results computed from the user's files, one folder each, outside the runs.

A folder's name is a hash of the data's fingerprint and of every option used, so nothing in the cache is ever stale.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from genlab.errors import InputError

Content = TypeVar("Content")


def cache_folder() -> Path:
    """Returns $GENLAB_CACHE, or else genlab in the user's cache folder.

    Raises:
        InputError: neither is known, because the user has no home folder.
    """
    try:
        if chosen := os.environ.get("GENLAB_CACHE"):
            return Path(chosen).expanduser()
        return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "genlab"
    except RuntimeError:  # HOME is not set and the user is not in the password database
        raise InputError(
            "There is no home folder for the cache: set GENLAB_CACHE to a folder that you can write to.", "data"
        ) from None


def cached(name: str, fill: Callable[[Path], None], load: Callable[[Path], Content]) -> Content:
    """Returns what `load` reads from the cache folder for `name`, which `fill` writes first if it is missing."""
    folder = cache_folder() / hashlib.sha256(name.encode()).hexdigest()[:32]
    if folder.is_dir():
        try:
            return load(folder)
        except (OSError, ValueError, KeyError):  # damaged, for example by a crash while it was written
            shutil.rmtree(folder, ignore_errors=True)
    _fill(folder, fill)
    return load(folder)


def _fill(folder: Path, fill: Callable[[Path], None]) -> None:
    """Creates the folder with its content, or not at all."""
    fresh = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix="filling-"))
        fill(fresh)
        try:
            fresh.rename(folder)
        except OSError:
            if not folder.is_dir():  # otherwise another process finished first, with the same content
                raise
    except OSError as error:
        raise InputError(
            f"The cache {folder.parent} cannot be written ({error.strerror or error}): free some space, or set "
            "GENLAB_CACHE to another folder.",
            "data",
        ) from None
    finally:
        if fresh is not None:
            shutil.rmtree(fresh, ignore_errors=True)

"""What was made of the user's files, kept outside the runs: a folder for each, named by all that made its content.

A name holds the fingerprint of the data and every option, so that nothing in the cache is ever stale.
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
    """The cache: $GENLAB_CACHE, or genlab in the user's cache folder.

    Raises:
        InputError: neither is known, as for a user without a home.
    """
    try:
        if chosen := os.environ.get("GENLAB_CACHE"):
            return Path(chosen).expanduser()
        return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "genlab"
    except RuntimeError:  # HOME is not set, and the user is not known
        raise InputError(
            "There is no home folder to keep the cache in: set GENLAB_CACHE to a folder that can be written.", "data"
        ) from None


def cached(name: str, fill: Callable[[Path], None], load: Callable[[Path], Content]) -> Content:
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

"""Walks folders, and prints names that are not UTF-8."""

import errno
import os
import stat
from collections import deque
from collections.abc import Iterator
from pathlib import Path


def files_in(root: Path, left_out: dict[str, str]) -> Iterator[Path]:
    """Yields the files of a folder and its sub-folders, in no particular order.

    Follows links, but reads each folder once; skips hidden files and folders. Adds whatever cannot be read to
    `left_out`, with the reason.
    """
    folders, links = deque([root]), deque[Path]()
    seen = set()
    while folders or links:
        folder = (folders or links).popleft()  # links last, so that a folder keeps its real name
        name = printable(os.path.relpath(folder, root))
        real = os.path.realpath(folder)
        if real in seen:
            left_out[name] = "a link to a folder that is already read"
            continue
        seen.add(real)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            left_out[name] = f"a folder that cannot be read: {error.strerror}"
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            path = folder / entry.name
            reason = None
            try:
                mode = os.stat(path).st_mode
            except OSError as error:
                broken = entry.is_symlink() and error.errno in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR)
                reason = "a broken link" if broken else f"cannot be read: {error.strerror}"
            else:
                if stat.S_ISDIR(mode):
                    (links if entry.is_symlink() else folders).append(path)
                    continue
                if not stat.S_ISREG(mode):
                    reason = "neither a file nor a folder"
                elif not os.access(path, os.R_OK):
                    reason = "cannot be read: permission denied"
            if reason:
                left_out[printable(path.relative_to(root))] = reason
            else:
                yield path


def printable(path: str | Path) -> str:
    r"""Returns a path as printable text: each byte that is not UTF-8 becomes \x.."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")

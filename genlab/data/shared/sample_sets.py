"""Embedded sample sets, written @name wherever a path is expected, or @name:COUNT where their size can be chosen.

They come from packages that pip installs, or from Python's standard library; nothing is downloaded. The sets of a kind
of data are in `data/<kind>/sample_sets.py`: a table `SAMPLES` of functions, one per set, that return what the kind's
reader takes, and a function `files` that turns what they return into the files a user would have.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

from genlab.errors import InputError
from genlab.options import nearest

LARGEST = 1_000_000
"""Largest size that can be chosen."""


@dataclass(frozen=True)
class SampleSet:
    """A data set that needs none of the user's files."""

    name: str
    about: str


SETS = {
    "text": (
        SampleSet("@bible", "World English Bible, 66 books, 4 MB (public domain)"),
        SampleSet("@python", "source of Python's standard library, about 10 MB (PSF licence)"),
    ),
    "points": (SampleSet("@ring", "8 Gaussians on a circle"), SampleSet("@grid", "25 Gaussians on a grid")),
    "pairs": (
        SampleSet(
            "@numbers-fr",
            "numbers below a million in English and French words: 100,000, or COUNT with @numbers-fr:COUNT",
        ),
    ),
    "pictures": (
        SampleSet("@digits", "5,000 handwritten digits of MNIST, 500 of each"),
        SampleSet("@faces", "faces drawn by DiceBear (CC0): 10,000, or COUNT with @faces:COUNT"),
    ),
}
"""By the kind of data: the folder in `data` whose `sample_sets.py` makes them."""
KINDS = {one.name: kind for kind, sets in SETS.items() for one in sets}


def sample_set(name: str, samples: dict[str, Callable], option: str = "data") -> Callable[[], Any]:
    """The function that returns the sample set `name` (or `name:count`), one of `samples`.

    Raises:
        InputError: there is no such set, it holds another kind of data, or it has no such size; `option` named it.
    """
    stem, colon, count = name.partition(":")
    if stem not in samples:
        raise _unsuitable(stem, list(samples), option)
    read = samples[stem]
    if not colon:
        return read
    if not signature(read).parameters:
        raise InputError(f"The size of {stem} cannot be chosen: remove {colon}{count}.", option)
    if not (count.isascii() and count.isdigit() and 1 <= int(count) <= LARGEST):
        raise InputError(f"{name}: {count!r} cannot be used; it must be a whole number from 1 to {LARGEST:,}.", option)
    return partial(read, int(count))


def _unsuitable(stem: str, usable: list[str], option: str) -> InputError:
    if stem in KINDS:
        return InputError(f"{stem} holds {KINDS[stem]}: choose from {', '.join(usable)}.", option)
    return InputError(f"There is no sample set {stem}: choose from {nearest(stem, usable)}.", option)


def write_sample_set(name: str, folder: Path) -> int:
    """Writes the files of a sample set into an empty folder; returns how many there are.

    Raises:
        InputError: there is no such set, or the folder cannot be written or is not empty.
    """
    stem = name.partition(":")[0]
    if stem not in KINDS:
        raise _unsuitable(stem, list(KINDS), "data")
    module = import_module(f"genlab.data.{KINDS[stem]}.sample_sets")
    content = sample_set(name, module.SAMPLES)()
    count = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise InputError(f"{folder} is not empty: give another folder with --to.", "to")
        for file, data in module.files(content):
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            count += 1
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}.", "to") from None
    return count

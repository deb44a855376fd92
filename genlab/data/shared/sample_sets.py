"""Embedded sample sets, written @name wherever a path is expected, or @name:COUNT where their size can be chosen.

They come from packages that pip installs, or from Python's standard library; nothing is downloaded. The sets of a kind
of data are in `data/<kind>/sample_sets.py`: a table `SAMPLES` of functions, one per set, that return what the kind's
reader takes, and a function `files` that turns what they return into the files a user would have.
"""

from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

from genlab.errors import InputError

LARGEST = 1_000_000
"""Largest size that can be chosen."""


class SampleSet(NamedTuple):
    """A data set that needs none of the user's files."""

    kind: str
    """Folder in `data` whose `sample_sets.py` makes it."""
    tasks: tuple[str, ...]
    about: str


SAMPLES = {
    "@bible": SampleSet("text", ("text",), "World English Bible, 66 books, 4 MB (public domain)"),
    "@python": SampleSet("text", ("text",), "source of Python's standard library, about 10 MB (PSF licence)"),
    "@ring": SampleSet("points", ("points",), "8 Gaussians on a circle"),
    "@grid": SampleSet("points", ("points",), "25 Gaussians on a grid"),
    "@numbers-fr": SampleSet(
        "pairs",
        ("translate",),
        "numbers below a million in English and French words, 100,000 or as many as @numbers-fr:COUNT says",
    ),
    "@digits": SampleSet("pictures", ("images", "classify"), "5,000 handwritten digits of MNIST, 500 of each"),
    "@faces": SampleSet(
        "pictures",
        ("images", "classify"),
        "people drawn by DiceBear (CC0), 10,000 or as many as @faces:COUNT says",
    ),
}


def sample_set(name: str, samples: dict[str, Callable], option: str = "data") -> Callable[[], Any]:
    """The function that returns the sample set `name` (or `name:count`), one of `samples`.

    Raises:
        InputError: there is no such set, it is for other tasks, or it has no such size; `option` named it.
    """
    stem, colon, count = name.partition(":")
    if stem not in samples:
        raise _unsuitable(stem, list(samples), option)
    read = samples[stem]
    if not colon:
        return read
    if not signature(read).parameters:
        raise InputError(f"The size of {stem} cannot be chosen: leave out {colon}{count}.", option)
    if not (count.isascii() and count.isdigit() and 1 <= int(count) <= LARGEST):
        raise InputError(f"{name}: {count!r} cannot be used; it is a whole number from 1 to {LARGEST:,}.", option)
    return partial(read, int(count))


def _unsuitable(stem: str, usable: list[str], option: str) -> InputError:
    choose = f"choose {' or '.join(usable)}"
    if stem in SAMPLES:
        return InputError(f"{stem} is for the task {' and '.join(SAMPLES[stem].tasks)}: {choose}.", option)
    nearest = get_close_matches(stem.lower(), usable, 1)
    meant = f" (did you mean {nearest[0]}?)" if nearest else ""
    return InputError(f"There is no sample set {stem}{meant}: {choose}.", option)


def write_sample_set(name: str, folder: Path) -> int:
    """Writes the files of a sample set into an empty folder; returns how many there are.

    Raises:
        InputError: there is no such set, or the folder cannot be written or is not empty.
    """
    stem = name.partition(":")[0]
    if stem not in SAMPLES:
        raise _unsuitable(stem, list(SAMPLES), "data")
    module = import_module(f"genlab.data.{SAMPLES[stem].kind}.sample_sets")
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

"""Embedded sample sets, written @name wherever a path is expected, or @name:COUNT where their size can be chosen.

They come from packages that pip installs, or from Python's standard library; nothing is downloaded. The package of a
kind of data lists its sets, and the tasks that read this kind declare them, which makes them known to genlab.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from inspect import signature
from itertools import chain
from pathlib import Path
from typing import Any

from genlab.catalog import load, places, task_named
from genlab.errors import InputError
from genlab.options import nearest

LARGEST = 1_000_000
"""Largest size that can be chosen."""


@dataclass(frozen=True)
class SampleSet:
    """A data set that needs none of the user's files."""

    name: str
    about: str
    kind: str
    """Kind of data that it holds: "points"."""
    make: str
    """Function, as "module:name", that returns what the kind's reader takes; a parameter is the size to make."""
    files: str
    """Function that turns what `make` returns into the name and content of each file that a user would have."""
    truth: str | None = None
    """Function (file name, changes) -> content of the file, if the attributes in `changes`, {"hair": "blond"}, were
    different and everything else the same.
    """
    columns: tuple[str, ...] = ()
    """Columns of its table, which descriptions are written from."""
    subjects: tuple[str, ...] = ()
    """What descriptions call its subjects: "a person"."""
    licence: str = ""
    """Attribution and licence that must accompany its files, and runs trained on them."""
    earlier: tuple[str, ...] = ()
    """Names of the sets that hold its earlier versions, the latest first: runs trained on them are evaluated and
    resumed as before.
    """


def declared() -> dict[str, SampleSet]:
    """The sample sets of all tasks, by name."""
    sets: dict[str, SampleSet] = {}
    for task in map(task_named, places()):
        for one in task.samples:
            sets.setdefault(one.name, one)
    return sets


def sample_set(name: str, samples: tuple[SampleSet, ...], option: str = "data") -> Callable[[], Any]:
    """The function that makes the sample set `name` (or `name:count`), one of `samples`.

    Raises:
        InputError: there is no such set, it holds another kind of data, or it has no such size; `option` named it.
    """
    stem, colon, count = name.partition(":")
    make = load(_chosen(stem, samples, option).make)
    if not colon:
        return make
    if not signature(make).parameters:
        raise InputError(f"The size of {stem} cannot be chosen: remove {colon}{count}.", option)
    if not (count.isascii() and count.isdigit() and 1 <= int(count) <= LARGEST):
        raise InputError(f"{name}: {count!r} cannot be used; it must be a whole number from 1 to {LARGEST:,}.", option)
    return partial(make, int(count))


def _chosen(stem: str, samples: tuple[SampleSet, ...], option: str) -> SampleSet:
    usable = {one.name: one for one in samples}
    if stem in usable:
        return usable[stem]
    if other := declared().get(stem):
        raise InputError(f"{stem} holds {other.kind}: choose from {', '.join(usable)}.", option)
    raise InputError(f"There is no sample set {stem}: choose from {nearest(stem, list(usable))}.", option)


def truth_of(data: str) -> Callable[[str, Mapping[str, str]], bytes] | None:
    """The function `SampleSet.truth` of the sample set `data`; None if there is none, or `data` is something else."""
    sample = declared().get(data.partition(":")[0])
    return load(sample.truth) if sample and sample.truth else None


def write_sample_set(name: str, folder: Path) -> int:
    """Writes the files of a sample set into an empty folder, with its licence; returns the number of files.

    Raises:
        InputError: there is no such set, or the folder cannot be written or is not empty.
    """
    samples = tuple(declared().values())
    chosen = _chosen(name.partition(":")[0], samples, "data")
    content = sample_set(name, samples)()
    licence = [("LICENSE", f"{chosen.licence}\n".encode())] if chosen.licence else []
    count = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise InputError(f"{folder} is not empty: give another folder with --to.", "to")
        for file, data in chain(licence, load(chosen.files)(content)):
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            count += 1
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}.", "to") from None
    return count

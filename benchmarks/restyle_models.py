"""The models of `benchmarks/restyle.py`: baselines, the default, CycleGAN between two values, and the authors' StarGAN.

Each becomes a function from changes to changed pictures.
"""

import csv
import io
import sys
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int, UInt8
from restyle_peer import train_stargan

import genlab
from genlab.data.pictures.attribute_set import AttributedSet, AttributedSplit
from genlab.data.pictures.attributes import UNKNOWN, Attribute
from genlab.data.pictures.pixels import to_bytes, to_tensor
from genlab.engine.machine import Machine
from genlab.show.sheets import png
from genlab.tasks.restyle.changes import Changes, random_real, swapped
from genlab.tasks.restyle.pipeline import PICTURES_PER_PASS

Pixels = UInt8[np.ndarray, "pictures height width channels"]
Changer = Callable[[Changes], Pixels]
SHARES = {"validation": "0.05", "test": "0.10"}
"""Size of the held-out splits."""


class Budget(NamedTuple):
    """How long a model is trained, and with which seed."""

    seconds: float
    seed: int


class Trained(NamedTuple):
    """A model, and how long it was trained."""

    change: Changer
    seconds: float = 0
    steps: int = 0


def random_held_out(found: AttributedSet, changes: Changes) -> Pixels:
    """Random real pictures of the test split; says which values it lacks."""
    assert found.test is not None
    pictures, notes = random_real(changes, found.test, found.train)
    print(*notes, sep="\n", end="\n" * bool(notes), file=sys.stderr)
    return pictures


BASELINES: dict[str, Callable[[AttributedSet, Changes], Pixels]] = {
    "unchanged": lambda found, changes: changes.pictures,
    "swap": lambda found, changes: swapped(changes, found.train)[0],
    "random_real": random_held_out,
}


def baseline(name: str, found: AttributedSet) -> Trained:
    return Trained(partial(BASELINES[name], found))


def stargan(data: str, attributes: list[str], pixels: int, budget: Budget, folder: Path) -> Trained:
    """The default."""
    return ours("stargan", data, SHARES, attributes, pixels, budget, folder)


def cyclegan(found: AttributedSet, pair: list[int], pixels: int, budget: Budget, folder: Path) -> Trained:
    """CycleGAN with the settings of its paper, trained on the pictures with two values of the first attribute."""
    attribute, held_out = found.attributes[0].name, {"validation": "0", "test": "0"}
    write_pair(folder / "train.zip", found.train, found, pair)
    if found.validation is not None:
        write_pair(folder / "validation.zip", found.validation, found, pair)
        held_out["validation"] = str(folder / "validation.zip")
    return ours("cyclegan", str(folder / "train.zip"), held_out, [attribute], pixels, budget, folder)


def peer(repository: Path, found: AttributedSet, budget: Budget) -> Trained:
    """StarGAN as published; see `restyle_peer.py`."""
    counts, machine = [len(one.values) for one in found.attributes], Machine()
    start = time.perf_counter()
    restyle, steps = train_stargan(repository, found.train, counts, *budget, machine)
    seconds = time.perf_counter() - start
    change = lambda pictures, source, target: restyle(pictures, target)
    return Trained(lambda changes: in_parts(change, changes, changes.source, changes.target, machine), seconds, steps)


def ours(
    model: str, data: str, held_out: dict[str, str], attributes: list[str], pixels: int, budget: Budget, folder: Path
) -> Trained:
    """A model of genlab."""
    run = genlab.train(
        "restyle", data, model=model, attribute=tuple(attributes), pixels=pixels, minutes=budget.seconds / 60,
        seed=budget.seed, out=folder / "run", quiet=True, **held_out,
    )  # fmt: skip
    if run.about["state"] != "done":
        raise SystemExit("Interrupted: this training has no result.")
    pipeline = run.pipeline

    def change(changes: Changes) -> Pixels:
        known = pipeline.facts.attributes
        source, target = (recoded(values, changes.attributes, known) for values in (changes.source, changes.target))
        with pipeline.evaluating():
            return in_parts(pipeline.restyle, changes, source, target, pipeline.machine)

    return Trained(change, run.about["seconds"], run.about["step"])


def write_pair(path: Path, split: AttributedSplit, found: AttributedSet, pair: list[int]) -> None:
    """Writes the pictures that have one of two values of the first attribute, with their table, as a zip."""
    some = split.take(np.flatnonzero(np.isin(split.values[:, 0], pair)))
    columns = [found.attributes[0], *found.kept]
    rows = np.concatenate((some.values[:, :1], some.kept), 1).tolist()
    table = io.StringIO()
    lines = csv.writer(table)
    lines.writerow(["file", *(column.name for column in columns)])
    with zipfile.ZipFile(path, "w") as archive:
        for number, (picture, values) in enumerate(zip(some.pictures.array[some.pictures.rows], rows, strict=True)):
            name = f"{number:06d}.png"
            archive.writestr(name, png(picture))
            read = zip(columns, values, strict=True)
            lines.writerow([name, *("" if value == UNKNOWN else column.values[value] for column, value in read)])
        archive.writestr("attributes.csv", table.getvalue())


def recoded(
    values: Int[np.ndarray, "changes attributes"], before: list[Attribute], after: list[Attribute]
) -> Int[np.ndarray, "changes some"]:
    """Indices of the same values in another list of attributes."""
    names, columns = [one.name for one in before], []
    for attribute in after:
        place = names.index(attribute.name)
        columns.append(attribute.indices(np.array(before[place].values, object)[values[:, place]]))
    return np.stack(columns, 1)


def in_parts(
    restyle: Callable, changes: Changes, source: Int[np.ndarray, "changes some"],
    target: Int[np.ndarray, "changes some"], machine: Machine,
) -> Pixels:  # fmt: skip
    """The changed pictures, some at a time."""
    parts = []
    for first in range(0, len(changes), PICTURES_PER_PASS):
        part = slice(first, first + PICTURES_PER_PASS)
        batch = to_tensor(changes.pictures[part]), torch.from_numpy(source[part]), torch.from_numpy(target[part])
        parts.append(to_bytes(restyle(*machine.place(batch))))
    return np.concatenate(parts)

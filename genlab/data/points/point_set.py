"""Reads the user's points in the plane and splits them into train, validation and test.

Data flow: a file with two columns of numbers, with or without a header, or a sample set -> points -> splits. The
coordinates of a point alone decide its split, so that adding points moves no others.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from genlab.data.points import SAMPLES
from genlab.data.shared.delimited import Cells, carried, read_cells
from genlab.data.shared.numbers import as_number, decimal_marks
from genlab.data.shared.sample_sets import sample_set
from genlab.data.shared.splits import divided, shares_of
from genlab.errors import InputError

MIN_POINTS = 20
"""Smallest number of points to train on, and of points in a split to measure on."""
LARGEST = 1e15
"""Largest absolute coordinate, limited by the precision of float64."""
ROUGH = 100
"""Number of held-out points below which a note calls the metrics rough."""

Rows = Float64[np.ndarray, "points 2"]


class Modes(NamedTuple):
    """The Gaussians that a sample set is drawn from."""

    centres: np.ndarray
    """Means, (modes, 2)."""
    deviation: float
    """Standard deviation of each Gaussian, in the points' unit."""


@dataclass(frozen=True)
class PointSet:
    """Points split for training."""

    name: str
    fingerprint: str
    """SHA-256 of all points in order, and of separate validation and test files."""
    train: np.ndarray
    validation: np.ndarray | None
    test: np.ndarray | None
    modes: Modes | None
    """Known only for sample sets."""
    notes: list[str] = field(default_factory=list)


def read_points(data: str, validation: str, test: str, encoding: str | None = None) -> PointSet:
    """Reads and splits `data`.

    Args:
        data: CSV file or @sample.
        validation: Fraction of the points that selects the weights, or a path to other points.
        test: Fraction of the points that is only reported, or a path to other points.
        encoding: Encoding of files that are not UTF-8.

    Raises:
        InputError: the data cannot be read, or there are too few points.
    """
    notes: list[str] = []
    name, points, modes = _open(data, "data", encoding, notes)
    shares = shares_of(validation, test)
    if len(points) < MIN_POINTS:
        raise InputError(f"{name} has {len(points)} points: give at least {MIN_POINTS}.", "data")
    if (points == points[0]).all():
        raise InputError(f"All {len(points)} points of {name} are equal: there is nothing to learn.", "data")

    digits = [hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in points.astype("<f8")]
    chosen = divided(digits, shares)
    train = points[chosen["train"]]
    if not len(train) or (train == train[0]).all():
        raise InputError(
            f"{name} leaves fewer than two different points to train on: give more, or hold out less.", "data"
        )

    digest = hashlib.sha256(points.astype("<f8").tobytes())

    def held_out(part: str, value: str) -> np.ndarray | None:
        share = shares[part]
        if share == 0:
            return None
        rows = _open(value, part, encoding, notes)[1] if share is None else points[chosen[part]]
        if share is None:
            digest.update(rows.astype("<f8").tobytes())
        if len(rows) < MIN_POINTS:
            notes.append(f"the {part} split has {len(rows)} points, too few to measure on: it was left out.")
            return None
        if len(rows) < ROUGH:
            notes.append(f"the {part} split has only {len(rows)} points: its metrics are rough.")
        return rows

    validation_rows = held_out("validation", validation)
    test_rows = held_out("test", test)
    return PointSet(name, digest.hexdigest(), train, validation_rows, test_rows, modes, notes)


def _open(data: str, option: str, encoding: str | None, notes: list[str]) -> tuple[str, Rows, Modes | None]:
    """Returns name, points and, for a sample set, its modes; adds to `notes`."""
    if data.startswith("@"):
        points, centres, deviation = sample_set(data, SAMPLES, option)()
        return data, points.astype(np.float64), Modes(centres, deviation)
    cells = read_cells(data, option, encoding)
    with carried(cells.notes):
        points = _coordinates(cells, data, option)
    notes += cells.notes
    return cells.name, points, None


def _coordinates(cells: Cells, data: str, option: str) -> Rows:
    """The two columns of numbers; a column of row numbers before them is left out.

    Raises:
        InputError: there are not two columns of numbers.
    """
    columns, names = cells.columns, cells.names
    if len(columns) == 3 and list(columns[0]) in ([str(n + first) for n in range(len(cells))] for first in (0, 1)):
        cells.notes.append(f"column {names[0]} was left out: it is a row number.")
        columns, names = columns[1:], names[1:]
    if len(columns) != 2:
        raise InputError(f"{data} has {_columns(len(columns))} instead of two: keep only the two coordinates.", option)
    rows = np.empty((len(cells), 2))
    marks = decimal_marks([Counter(column.tolist()) for column in columns], ["", ""])
    for place, column in enumerate(columns):
        for row, cell in enumerate(column):
            value = as_number(cell, cells.decimal or marks[place] or ".")
            if value is None or abs(value) > LARGEST:
                what = f"{cell[:40]!r} is not a number up to {LARGEST:.0e}" if cell else "a cell is empty"
                where = f"{data}, {cells.noun} {cells.lines[row]}"
                raise InputError(f"{where}: {what}; correct the cell or remove the {cells.noun}.", option)
            rows[row, place] = value
    return rows + 0.0  # -0.0 becomes 0.0, the same point


def _columns(count: int) -> str:
    return f"{count} column" + "s" * (count != 1)

"""The user's points in the plane -> splits.

Data flow: a CSV of two numeric columns (gzip or not, header or not) or a sample set -> rows -> splits. Which
split a point falls into depends on its own digits alone, so that adding points moves no other.
"""

import csv
import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from genlab.data.points.sample_sets import SAMPLES
from genlab.data.shared.csv_text import csv_text
from genlab.data.shared.sample_sets import sample_set
from genlab.data.shared.splits import divided, shares_of
from genlab.errors import InputError

FEWEST = 20
"""Points that a training needs, and a split that is measured on."""
LARGEST = 1e15
"""Size of the largest coordinate taken; beyond it digits would be lost."""
ROUGH = 100
"""Held-out points below which a measure is called rough."""

Rows = Float64[np.ndarray, "points 2"]


class Modes(NamedTuple):
    """Where the points of a sample set were drawn."""

    centres: np.ndarray
    """(modes, 2)"""
    deviation: float
    """Standard deviation of each Gaussian, in the points' unit."""


@dataclass(frozen=True)
class PointSet:
    """Points ready to train on."""

    name: str
    fingerprint: str
    """SHA-256 of all points, in their order; those of splits of their own follow."""
    train: np.ndarray
    validation: np.ndarray | None
    test: np.ndarray | None
    modes: Modes | None
    """Of a sample set."""
    notes: list[str] = field(default_factory=list)


def read_points(data: str, validation: str, test: str) -> PointSet:
    """Reads and splits `data`.

    Args:
        data: CSV file or @sample.
        validation: Share of the points that picks the weights, or a path to points of its own.
        test: Share of the points that is only reported, or a path to points of its own.

    Raises:
        InputError: something cannot be read, or there are too few points.
    """
    name, points, modes = _open(data, "data")
    shares = shares_of(validation, test)
    if len(points) < FEWEST:
        raise InputError(f"{name} has {len(points)} points: give at least {FEWEST}.", "data")
    if (points == points[0]).all():
        raise InputError(f"All {len(points)} points of {name} are the same: there is nothing to learn.", "data")

    digits = [hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in points.astype("<f8")]
    chosen = divided(digits, shares)
    train = points[chosen["train"]]
    if not len(train) or (train == train[0]).all():
        raise InputError(f"{name} leaves no two points to train on: give more points or hold out less.", "data")

    notes: list[str] = []
    digest = hashlib.sha256(points.astype("<f8").tobytes())

    def held_out(part: str, value: str) -> np.ndarray | None:
        share = shares[part]
        if share == 0:
            return None
        rows = _open(value, part)[1] if share is None else points[chosen[part]]
        if share is None:
            digest.update(rows.astype("<f8").tobytes())
        if len(rows) < FEWEST:
            notes.append(f"the {part} split has {len(rows)} points, too few to measure on: it is left out.")
            return None
        if len(rows) < ROUGH:
            notes.append(f"the {part} split has {len(rows)} points: its measures are rough.")
        return rows

    validation_rows = held_out("validation", validation)
    test_rows = held_out("test", test)
    return PointSet(name, digest.hexdigest(), train, validation_rows, test_rows, modes, notes)


def _open(data: str, option: str) -> tuple[str, Rows, Modes | None]:
    """Name, points and, of a sample set, modes."""
    if data.startswith("@"):
        points, centres, deviation = sample_set(data, SAMPLES, option)()
        return data, points.astype(np.float64), Modes(centres, deviation)
    path = Path(data)
    if path.is_dir():
        raise InputError(f"{data} is a folder: give a CSV file of two columns.", option)
    if not path.exists():
        raise InputError(f"There is no file {data}.", option)
    return path.name, _read_csv(path, option), None


def _read_csv(path: Path, option: str) -> Rows:
    lines = io.StringIO(csv_text(path, option), newline="")
    first = lines.readline()
    lines.seek(0)
    delimiter = next((mark for mark in ";\t" if mark in first), ",")
    reader = csv.reader(lines, delimiter=delimiter)
    rows: list[tuple[float, float]] = []
    begun = False
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != 2:
                raise InputError(
                    f"{path}, line {reader.line_num}: {_columns(len(cells))} instead of two; "
                    "keep the two columns that are the points.",
                    option,
                )
            numbers = [_number(cell) for cell in cells]
            if not begun and numbers == [None, None] and not any(_is_number(cell) for cell in cells):
                begun = True  # the header
                continue
            begun = True
            x, y = numbers
            if x is None or y is None:
                wrong = cells[0] if x is None else cells[1]
                raise InputError(
                    f"{path}, line {reader.line_num}: {wrong.strip()[:40]!r} is not a number up to {LARGEST:.0e}; "
                    "correct the cell or take the line out.",
                    option,
                )
            rows.append((x, y))
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: not a CSV file ({error}).", option) from None
    if not rows:
        raise InputError(f"{path} is empty: give a CSV file with a point, two numbers, a line.", option)
    return np.array(rows, np.float64) + 0.0  # -0.0 is the same point as 0.0


def _columns(count: int) -> str:
    return f"{count} column" + "s" * (count != 1)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _number(cell: str) -> float | None:
    """The cell's value; None unless it is a finite number of a size that keeps its digits."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if abs(value) <= LARGEST else None  # False for NaN

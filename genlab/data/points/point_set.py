"""Reads the user's points in the plane and splits them into train, validation and test.

Data flow: a CSV file with two numeric columns, with or without a header, or a sample set -> points -> splits. The
coordinates of a point alone decide its split, so that adding points moves no others.
"""

import csv
import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from genlab.data.points import SAMPLES
from genlab.data.shared.csv_text import csv_text
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


def read_points(data: str, validation: str, test: str) -> PointSet:
    """Reads and splits `data`.

    Args:
        data: CSV file or @sample.
        validation: Fraction of the points that selects the weights, or a path to other points.
        test: Fraction of the points that is only reported, or a path to other points.

    Raises:
        InputError: the data cannot be read, or there are too few points.
    """
    name, points, modes = _open(data, "data")
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

    notes: list[str] = []
    digest = hashlib.sha256(points.astype("<f8").tobytes())

    def held_out(part: str, value: str) -> np.ndarray | None:
        share = shares[part]
        if share == 0:
            return None
        rows = _open(value, part)[1] if share is None else points[chosen[part]]
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


def _open(data: str, option: str) -> tuple[str, Rows, Modes | None]:
    """Returns name, points and, for a sample set, its modes."""
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
                    "keep only the two coordinates.",
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
                    "correct the cell or remove the line.",
                    option,
                )
            rows.append((x, y))
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: not a CSV file ({error}).", option) from None
    if not rows:
        raise InputError(f"{path} is empty: give a CSV file with two numbers per line.", option)
    return np.array(rows, np.float64) + 0.0  # -0.0 becomes 0.0, the same point


def _columns(count: int) -> str:
    return f"{count} column" + "s" * (count != 1)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _number(cell: str) -> float | None:
    """The cell's value; None unless it is a finite number up to `LARGEST`."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if abs(value) <= LARGEST else None  # False for NaN

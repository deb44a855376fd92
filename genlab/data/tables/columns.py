"""Encodes table cells as features.

A column of numbers is standardised; missing values become the median, and an extra feature marks them. Any other column
is categorical and one-hot encoded; a missing value is a category, and rare and unseen categories share one feature.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32

from genlab.data.tables.files import Rows, Table, as_number, is_missing
from genlab.errors import InputError

NUMBERS = {"", "id", "index", "row", "no", "number", "unnamed: 0"}
"""Column names, in lower case, that mean a row number if all values are different numbers."""
CATEGORIES = 64
"""Largest number of categories of a column with their own feature; the rest share one."""
RARE = 3
"""Smallest number of training rows for a category to get its own feature."""
FARTHEST = 10.0
"""Numbers are clipped at this many standard deviations from the mean, to limit outliers."""


@dataclass(frozen=True)
class Column:
    """Encoding of a column."""

    name: str
    values: list[str] | None = None
    """Categories with their own feature; None for a column of numbers."""
    mean: float = 0.0
    deviation: float = 1.0
    median: float = 0.0
    """Replaces missing numbers."""
    gaps: bool = False
    """Whether a feature marks missing numbers, because some were missing in training."""

    @property
    def features(self) -> int:
        return 1 + self.gaps if self.values is None else len(self.values) + 1

    def encode(self, cells: list[str], where: str) -> Float32[np.ndarray, "rows features"]:
        """Encodes cells.

        Raises:
            InputError: a cell is not a number; `where` names the file.
        """
        if self.values is not None:
            places = {value: place for place, value in enumerate(self.values)}
            found = np.zeros((len(cells), self.features), np.float32)
            columns = [places.get(_category(cell), len(self.values)) for cell in cells]
            found[np.arange(len(cells)), columns] = 1
            return found
        numbers = np.array([as_number(cell) if not is_missing(cell) else np.nan for cell in cells], np.float64)
        for cell, number in zip(cells, numbers, strict=True):
            if np.isnan(number) and not is_missing(cell):
                raise InputError(
                    f"{where}: column {self.name} has numbers, but {cell[:40]!r} is not a number; correct or clear "
                    "the cell.", "data",
                )  # fmt: skip
        gaps = np.isnan(numbers)
        numbers[gaps] = self.median
        standard = ((numbers - self.mean) / self.deviation).clip(-FARTHEST, FARTHEST)
        return np.stack([standard, gaps] if self.gaps else [standard], 1).astype(np.float32)


@dataclass(frozen=True)
class Encoder:
    """Encoding of rows and classes; saved with the run as JSON."""

    columns: list[Column]
    classes: list[str]
    label: str
    """Name of the label column."""

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return [column.name for column in self.columns]

    @property
    def features(self) -> int:
        return sum(column.features for column in self.columns)

    def encode(self, table: Table, where: str) -> Float32[np.ndarray, "rows features"]:
        """Encodes the rows of a table with all columns, in any order.

        Raises:
            InputError: a column is missing, or a cell is not a number; `where` names the file.
        """
        lacks = [name for name in self.names if name not in table.names]
        if lacks:
            raise InputError(
                f"{where} has no column {', '.join(lacks[:5])}: this run needs {', '.join(self.names[:20])}.", "data"
            )
        parts = []
        for column in self.columns:
            place = table.names.index(column.name)
            parts.append(column.encode([row[place] for row in table.rows], where))
        return np.concatenate(parts, 1)

    def to_json(self) -> dict[str, Any]:
        return {"label": self.label, "classes": self.classes, "columns": [vars(column) for column in self.columns]}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> "Encoder":
        return cls([Column(**column) for column in saved["columns"]], saved["classes"], saved["label"])


def learn_encoder(names: list[str], rows: Rows, label: int, classes: list[str]) -> tuple[Encoder, list[str]]:
    """Fits an encoder to training rows; returns it, with notes on the columns that it leaves out."""
    columns, notes = [], []
    for place, name in enumerate(names):
        if place == label:
            continue
        cells = [row[place] for row in rows]
        known = [cell for cell in cells if not is_missing(cell)]
        different = len(set(known))
        if different < 2 and len(known) in (0, len(cells)):
            notes.append(f"column {name} was left out: it has the same value in every row.")
        elif known and all(as_number(cell) is not None for cell in known):
            if name.strip().lower() in NUMBERS and different == len(cells):
                notes.append(f"column {name} was left out: it is a row number.")
                continue
            numbers = np.array([as_number(cell) for cell in known], np.float64)
            filled = np.array([*numbers, *[np.median(numbers)] * (len(cells) - len(known))])
            deviation = float(filled.std())
            columns.append(
                Column(
                    name, None, float(filled.mean()), deviation if deviation > 0 else 1.0, float(np.median(numbers)),
                    len(known) < len(cells),
                )
            )  # fmt: skip
        elif different > 0.5 * len(cells) and different > CATEGORIES:
            notes.append(f"column {name} was left out: it has a different value in nearly every row.")
        else:
            counts = Counter(_category(cell) for cell in cells)
            usual = [value for value, count in counts.most_common(CATEGORIES) if count >= RARE]
            columns.append(Column(name, sorted(usual)))
    return Encoder(columns, classes, names[label]), notes


def _category(cell: str) -> str:
    return "" if is_missing(cell) else cell

"""The cells of a table -> numbers that a network takes.

A column whose cells are all numbers is standardised; where some are missing they become the median, and a feature of
its own says so. Any other column becomes a feature for each of its values; a missing cell is a value like others, and
rare values share one feature with those that were never seen.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32

from genlab.data.tables.files import Rows, Table, as_number, is_missing
from genlab.errors import InputError

NUMBERS = {"", "id", "index", "row", "no", "number", "unnamed: 0"}
"""Names of columns that only count the rows, if they have another number in each."""
CATEGORIES = 64
"""Most values of a column with a feature of their own."""
RARE = 3
"""Training rows in which a value must stand to have a feature of its own."""
FARTHEST = 10.0
"""Standard deviations from the mean beyond which a number is brought back to there: one wild cell rules no row."""


@dataclass(frozen=True)
class Column:
    """How the cells of a column become numbers."""

    name: str
    values: list[str] | None = None
    """Of a column of categories those with a feature of their own; None for a column of numbers."""
    mean: float = 0.0
    deviation: float = 1.0
    median: float = 0.0
    """What stands in for a missing number."""
    gaps: bool = False
    """Whether numbers were missing in training, and a feature says where."""

    @property
    def features(self) -> int:
        return 1 + self.gaps if self.values is None else len(self.values) + 1

    def encode(self, cells: list[str], where: str) -> Float32[np.ndarray, "rows features"]:
        """The cells as numbers; `where` they are, for the sentence that says that one is none."""
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
                    f"{where}: column {self.name} has numbers, {cell[:40]!r} is none; correct the cell or leave it "
                    "empty.", "data",
                )  # fmt: skip
        gaps = np.isnan(numbers)
        numbers[gaps] = self.median
        standard = ((numbers - self.mean) / self.deviation).clip(-FARTHEST, FARTHEST)
        return np.stack([standard, gaps] if self.gaps else [standard], 1).astype(np.float32)


@dataclass(frozen=True)
class Encoder:
    """What turns rows into numbers and numbers into labels; kept with the run as JSON."""

    columns: list[Column]
    classes: list[str]
    label: str
    """Name of the label column."""

    @property
    def names(self) -> list[str]:
        """Of the columns."""
        return [column.name for column in self.columns]

    @property
    def features(self) -> int:
        return sum(column.features for column in self.columns)

    def encode(self, table: Table, where: str) -> Float32[np.ndarray, "rows features"]:
        """The rows of a table that has all columns, by name, in any order.

        Raises:
            InputError: one is missing, or a cell is no number where it should be.
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
    """An encoder for such rows, and notes on the columns that it leaves out."""
    columns, notes = [], []
    for place, name in enumerate(names):
        if place == label:
            continue
        cells = [row[place] for row in rows]
        known = [cell for cell in cells if not is_missing(cell)]
        different = len(set(known))
        if different < 2 and len(known) in (0, len(cells)):
            notes.append(f"column {name} is left out: it says the same in every row.")
        elif known and all(as_number(cell) is not None for cell in known):
            if name.strip().lower() in NUMBERS and different == len(cells):
                notes.append(f"column {name} is left out: it only numbers the rows.")
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
            notes.append(f"column {name} is left out: it says something else in nearly every row.")
        else:
            counts = Counter(_category(cell) for cell in cells)
            usual = [value for value, count in counts.most_common(CATEGORIES) if count >= RARE]
            columns.append(Column(name, sorted(usual)))
    return Encoder(columns, classes, names[label]), notes


def _category(cell: str) -> str:
    return "" if is_missing(cell) else cell

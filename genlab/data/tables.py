"""The user's table with a label column -> splits of standardised numbers.

Data flow::

    CSV or TSV (gzip or not, header or not) -> cells -> splits -> encoder, learnt from the training rows
    -> numbers (rows, features) and labels (rows,)

A column whose cells are all numbers is standardised; where some are missing they become the median, and a feature of
its own says so. Any other column becomes a feature for each of its values; a missing cell is a value like others, and
rare values share one feature with those that were never seen. Which split a row falls into depends on its own cells
alone, so that adding rows moves no other, and a copy is never on both sides.
"""

import csv
import hashlib
import io
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int

from genlab.data.csv_text import csv_text
from genlab.data.splits import place_of, share_of
from genlab.errors import InputError

FEWEST = 10
"""Rows that a training needs."""
ROUGH = 100
"""Held-out rows below which a measure is called rough."""
MISSING = {"", "?", "-", "na", "n/a", "nan", "null", "none", "<na>"}
"""What stands for no value, in lower case."""
LABELS = ("label", "labels", "class", "classes", "target", "species", "category", "diagnosis", "outcome")
"""Names of columns that are taken for the label, in this order, in lower case."""
NUMBERS = {"", "id", "index", "row", "no", "number", "unnamed: 0"}
"""Names of columns that only count the rows, if they have another number in each."""
CATEGORIES = 64
"""Most values of a column with a feature of their own."""
RARE = 3
"""Training rows in which a value must stand to have a feature of its own."""
LARGEST = 1e30
"""Size of the largest number taken."""
FARTHEST = 10.0
"""Standard deviations from the mean beyond which a number is brought back to there: one wild cell rules no row."""
MOST_CLASSES = 20
"""Numbers in a label column that may be classes; with more, they are classes only if they repeat and are whole."""

Rows = list[list[str]]


# --- the encoder ----------------------------------------------------------------------------------


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
        numbers = np.array([_number(cell) if not _missing(cell) else np.nan for cell in cells], np.float64)
        for cell, number in zip(cells, numbers, strict=True):
            if np.isnan(number) and not _missing(cell):
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
    def features(self) -> int:
        return sum(column.features for column in self.columns)

    def encode(self, table: "Table", where: str) -> Float32[np.ndarray, "rows features"]:
        """The rows of a table that has all columns, by name, in any order.

        Raises:
            InputError: one is missing, or a cell is no number where it should be.
        """
        lacks = [column.name for column in self.columns if column.name not in table.names]
        if lacks:
            raise InputError(
                f"{where} has no column {', '.join(lacks[:5])}: this run needs "
                f"{', '.join(column.name for column in self.columns[:20])}.", "data",
            )  # fmt: skip
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
        known = [cell for cell in cells if not _missing(cell)]
        different = len(set(known))
        if different < 2 and len(known) in (0, len(cells)):
            notes.append(f"column {name} is left out: it says the same in every row.")
        elif known and all(_number(cell) is not None for cell in known):
            if name.strip().lower() in NUMBERS and different == len(cells):
                notes.append(f"column {name} is left out: it only numbers the rows.")
                continue
            numbers = np.array([_number(cell) for cell in known], np.float64)
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


# --- reading and splitting ------------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """Cells as they stand in the file."""

    name: str
    names: list[str]
    """Of the columns."""
    rows: Rows = field(repr=False)
    lines: list[int] = field(repr=False)
    """In which line of the file each row ends."""


@dataclass(frozen=True)
class Examples:
    """Rows as a network takes them."""

    rows: Float32[np.ndarray, "rows features"] = field(repr=False)
    labels: Int[np.ndarray, " rows"] = field(repr=False)
    names: list[str] = field(repr=False)
    """file:line of each."""

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class TableSet:
    """A table ready to train on."""

    name: str
    fingerprint: str
    """SHA-256 of all cells and of the label's name; those of splits of their own follow."""
    encoder: Encoder
    train: Examples
    validation: Examples | None
    test: Examples | None
    notes: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, Any]:
        """Sizes of the splits, and of their classes."""
        splits = {"train": self.train, "validation": self.validation, "test": self.test}
        return {part: self._count(examples) for part, examples in splits.items() if examples is not None}

    def _count(self, examples: Examples) -> dict[str, Any]:
        classes = self.encoder.classes
        each = np.bincount(examples.labels, minlength=len(classes)).tolist()
        return {"rows": len(examples), "classes": dict(zip(classes, each, strict=True))}


def read_table_set(data: str, validation: str, test: str, label: str | None = None) -> TableSet:
    """Reads and splits a table.

    Args:
        data: CSV or TSV file.
        validation: Share of the rows that picks the weights, or a path to a table of its own.
        test: Share of the rows that is only reported, or a path to a table of its own.
        label: Name of the column to predict; None for one with a usual name (`LABELS`), else the last.

    Raises:
        InputError: something cannot be read, there are too few rows, or the label column holds no classes.
    """
    shares = {"validation": share_of(validation, "validation"), "test": share_of(test, "test")}
    if sum(share or 0.0 for share in shares.values()) >= 1:
        raise InputError("validation and test together must leave something to train on.", "validation")
    notes: list[str] = []
    table = _labelled(read_table(data, "data"), label, notes)
    place = label_column(table, label)
    if label is None:
        notes.append(f"the column to predict is {table.names[place]}; --label names another.")
    if len(table.rows) < FEWEST:
        raise InputError(f"{data} has {len(table.rows)} rows with a label: give at least {FEWEST}.", "data")
    labels = [row[place].strip() for row in table.rows]
    _refuse_numbers(labels, table.names[place])
    classes = _in_order(set(labels))

    places = np.array([place_of(_digest(row)) for row in table.rows])
    chosen = {"test": places < (shares["test"] or 0.0), "validation": places >= 1 - (shares["validation"] or 0.0)}
    training = np.flatnonzero(~chosen["test"] & ~chosen["validation"])
    if len(training) < 2:
        raise InputError(f"{data} leaves no two rows to train on: give more or hold out less.", "data")
    encoder, left_out = learn_encoder(table.names, [table.rows[row] for row in training], place, classes)
    notes += left_out
    if not encoder.columns:
        raise InputError(f"{data} has no column to tell the classes by, beside {table.names[place]}.", "data")

    digest = hashlib.sha256(json.dumps([table.names, table.names[place]]).encode())
    for row in table.rows:
        digest.update(_digest(row))
    splits: dict[str, Examples | None] = {}
    for part, value in (("validation", validation), ("test", test)):
        if shares[part] is None:
            other = _labelled(read_table(value, part), encoder.label, notes)
            splits[part] = examples(other, encoder, value, part)
            for row in other.rows:
                digest.update(_digest(row))
        else:
            some = np.flatnonzero(chosen[part])
            splits[part] = examples(_take(table, some), encoder, data, "data") if len(some) else None
        held_out = splits[part]
        if held_out is None and shares[part]:
            notes.append(f"the {part} split has no row: it is left out.")
        elif held_out is not None and len(held_out) < ROUGH:
            notes.append(f"the {part} split has {len(held_out)} rows: its measures are rough.")
    train = examples(_take(table, training), encoder, data, "data")
    return TableSet(table.name, digest.hexdigest(), encoder, train, splits["validation"], splits["test"], notes)


def read_examples(data: str, encoder: Encoder) -> Examples:
    """All rows of another table with labels, for a trained model.

    Raises:
        InputError: it cannot be read, lacks a column, or has a class that the model does not know.
    """
    return examples(_labelled(read_table(data, "data"), encoder.label, []), encoder, data, "data")


def examples(table: Table, encoder: Encoder, data: str, option: str) -> Examples:
    """The rows of a table with labels as numbers."""
    place = label_column(table, encoder.label)
    numbers = {name: number for number, name in enumerate(encoder.classes)}
    labels = [row[place].strip() for row in table.rows]
    for name in sorted(set(labels) - set(encoder.classes)):
        raise InputError(
            f"{data} has a class {name} that the training data lack: they have {', '.join(encoder.classes[:20])}.",
            option,
        )
    if not labels:
        raise InputError(f"{data} has no row with a label.", option)
    names = [f"{table.name}:{line}" for line in table.lines]
    return Examples(encoder.encode(table, data), np.array([numbers[name] for name in labels]), names)


def read_table(data: str, option: str) -> Table:
    """The cells of a CSV or TSV file, gzip or not; without a header the columns are called column 1, column 2 ...

    Raises:
        InputError: it is none, is empty, or its rows differ in length.
    """
    if data.startswith("@"):
        raise InputError(f"{data} is no table: give a CSV or TSV file.", option)
    path = Path(data)
    if path.is_dir() or not path.exists():
        raise InputError(
            f"{data} is a folder: give a CSV or TSV file." if path.is_dir() else f"There is no file {data}.", option
        )
    text = csv_text(path, option)
    ending = path.name.lower().removesuffix(".gz")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if ending.endswith(".tsv") else _separator(text))
    rows, lines = [], []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append([cell.strip() for cell in cells])
                lines.append(reader.line_num)
    except csv.Error as error:
        raise InputError(f"{data}, line {reader.line_num}: not a CSV file ({error}).", option) from None
    if not rows:
        raise InputError(f"{data} is empty: give a CSV file with a line of column names and a row a line.", option)
    if len(rows[0]) < 2:
        raise InputError(f"{data} has one column only: give a CSV file whose columns are separated by commas.", option)
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(rows[0]):
            raise InputError(
                f"{data}, line {line}: {len(row)} cells, but the first line has {len(rows[0])}; correct the line or "
                "take it out.", option,
            )  # fmt: skip
    names = rows[0]
    if any(_number(cell) is not None for cell in names):
        names = [f"column {number}" for number in range(1, len(names) + 1)]
    else:
        rows, lines = rows[1:], lines[1:]
    for name, count in Counter(names).items():
        if count > 1:
            raise InputError(f"{data} has {count} columns called {name!r}: give each a name of its own.", option)
    if not rows:
        raise InputError(f"{data} has a line of column names and no rows: give some.", option)
    return Table(path.name, names, rows, lines)


def table_of(data: Any, encoder: Encoder) -> Table:
    """Rows that somebody has in Python: dicts by column, or an array with the run's columns in their order.

    Raises:
        InputError: they have other columns, or another number of them.
    """
    names = [column.name for column in encoder.columns]
    if hasattr(data, "to_dict") and hasattr(data, "columns"):
        data = data.to_dict("records")  # a data frame
    if isinstance(data, dict):
        data = [data]
    if isinstance(data, (list, tuple)) and data and all(isinstance(row, dict) for row in data):
        for number, row in enumerate(data):
            for name in names:
                if name not in row:
                    raise InputError(f"Row {number} has no {name}: this run needs {', '.join(names[:20])}.", "data")
        rows = [[_cell(row[name]) for name in names] for row in data]
    else:
        try:
            array = np.asarray(data.detach().cpu() if hasattr(data, "detach") else data)
        except ValueError:
            array = np.empty(0)
        if array.ndim != 2 or array.shape[1] != len(names) or not len(array):
            raise InputError(
                f"data: this run takes rows of {len(names)} values ({', '.join(names[:20])}), "
                f"not an array {array.shape}.", "data",
            )  # fmt: skip
        rows = [[_cell(value) for value in row] for row in array.tolist()]
    return Table("rows", names, rows, list(range(len(rows))))


def label_column(table: Table, label: str | None) -> int:
    """The place of the column to predict.

    Raises:
        InputError: there is none of that name.
    """
    if label is not None:
        if label not in table.names:
            raise InputError(
                f"label: {table.name} has no column {label}; it has {', '.join(table.names[:20])}"
                f"{' ...' if len(table.names) > 20 else ''}.", "label",
            )  # fmt: skip
        return table.names.index(label)
    lower = [name.lower() for name in table.names]
    return next((lower.index(name) for name in LABELS if name in lower), len(lower) - 1)


# --- what they share ------------------------------------------------------------------------------


def _labelled(table: Table, label: str | None, notes: list[str]) -> Table:
    """The rows that have a label."""
    place = label_column(table, label)
    kept = [number for number, row in enumerate(table.rows) if not _missing(row[place])]
    if len(kept) < len(table.rows):
        notes.append(f"{len(table.rows) - len(kept)} rows of {table.name} without a label were left out.")
    return _take(table, kept)


def _take(table: Table, picks: Any) -> Table:
    return Table(table.name, table.names, [table.rows[pick] for pick in picks], [table.lines[pick] for pick in picks])


def _refuse_numbers(labels: list[str], name: str) -> None:
    """Refuses a label that is a quantity, or says something else in nearly every row."""
    different = set(labels)
    numbers = [_number(label) for label in different]
    numeric = all(number is not None for number in numbers)
    whole = numeric and all(float(number or 0).is_integer() for number in numbers)
    many = len(different) > MOST_CLASSES
    if numeric and many and not (whole and len(different) <= 0.05 * len(labels)):
        raise InputError(
            f"label: {name} has {len(different):,} different numbers in {len(labels):,} rows: predicting a quantity "
            "is a regression, and classify tells classes. Name a column of classes with --label, or sort the numbers "
            "into a few ranges.", "label",
        )  # fmt: skip
    if numeric and not whole and len(different) > 0.5 * len(labels):
        raise InputError(
            f"label: {name} has fractions that hardly repeat: predicting a quantity is a regression, and classify "
            "tells classes. Name a column of classes with --label.", "label",
        )  # fmt: skip
    if many and len(different) > 0.5 * len(labels):
        raise InputError(
            f"label: {name} says something else in nearly every row ({len(different):,} values in {len(labels):,} "
            "rows): name a column of classes with --label.", "label",
        )  # fmt: skip


def _in_order(classes: set[str]) -> list[str]:
    """Sorted: numbers by size, else by letters."""
    numbers = {name: _number(name) for name in classes}
    if all(number is not None for number in numbers.values()):
        return sorted(classes, key=lambda name: (numbers[name], name))
    return sorted(classes)


def _separator(text: str) -> str:
    """Comma, semicolon or tab: what the first line has most of."""
    first = text.lstrip().partition("\n")[0]
    return max(",;\t", key=first.count)


def _missing(cell: str) -> bool:
    return cell.strip().lower() in MISSING


def _category(cell: str) -> str:
    return "" if _missing(cell) else cell


def _number(cell: str) -> float | None:
    """The cell's value; None unless it is a finite number of a size that keeps its digits."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if abs(value) <= LARGEST and "_" not in cell else None  # False for NaN


def _cell(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _digest(row: list[str]) -> bytes:
    return hashlib.blake2b("\x1f".join(row).encode(), digest_size=8).digest()

"""The user's table -> cells, as they stand in the file."""

import csv
import io
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from genlab.data.shared.csv_text import csv_text
from genlab.errors import InputError

MISSING = {"", "?", "-", "na", "n/a", "nan", "null", "none", "<na>"}
"""What stands for no value, in lower case."""
LARGEST = 1e30
"""Size of the largest number taken."""

Rows = list[list[str]]


@dataclass(frozen=True)
class Table:
    """Cells as they stand in the file."""

    name: str
    names: list[str]
    """Of the columns."""
    rows: Rows = field(repr=False)
    lines: list[int] = field(repr=False)
    """In which line of the file each row ends."""

    def take(self, picks: list[int]) -> "Table":
        """The rows at these places."""
        return replace(self, rows=[self.rows[pick] for pick in picks], lines=[self.lines[pick] for pick in picks])


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
    if any(as_number(cell) is not None for cell in names):
        names = [f"column {number}" for number in range(1, len(names) + 1)]
    else:
        rows, lines = rows[1:], lines[1:]
    for name, count in Counter(names).items():
        if count > 1:
            raise InputError(f"{data} has {count} columns called {name!r}: give each a name of its own.", option)
    if not rows:
        raise InputError(f"{data} has a line of column names and no rows: give some.", option)
    return Table(path.name, names, rows, lines)


def table_of(data: Any, names: list[str]) -> Table:
    """Rows that somebody has in Python: dicts by column, or an array with a run's columns, `names`, in their order.

    Raises:
        InputError: they have other columns, or another number of them.
    """
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


def is_missing(cell: str) -> bool:
    return cell.lower() in MISSING


def as_number(cell: str) -> float | None:
    """The cell's value; None unless it is a finite number of a size that keeps its digits."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if abs(value) <= LARGEST and "_" not in cell else None  # False for NaN


def _separator(text: str) -> str:
    """Comma, semicolon or tab: what the first line has most of."""
    first = text.lstrip().partition("\n")[0]
    return max(",;\t", key=first.count)


def _cell(value: Any) -> str:
    return "" if value is None else str(value).strip()

"""Reads the user's tables as text cells."""

import csv
import io
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from torch import Tensor

from genlab.data.shared.compressed import COMPRESSED
from genlab.data.shared.csv_text import csv_text
from genlab.errors import InputError

MISSING = {"", "?", "-", "na", "n/a", "nan", "null", "none", "<na>"}
"""Cells that mean a missing value, in lower case."""
LARGEST = 1e30
"""Largest absolute value that counts as a number."""

Rows = list[list[str]]


@dataclass(frozen=True)
class Table:
    """Cells of a table, without surrounding spaces."""

    name: str
    names: list[str]
    """Names of the columns."""
    rows: Rows = field(repr=False)
    lines: list[int] = field(repr=False)
    """Line number at which each row ends in the file."""

    def take(self, picks: list[int]) -> "Table":
        """Returns the rows at these indices."""
        return replace(self, rows=[self.rows[pick] for pick in picks], lines=[self.lines[pick] for pick in picks])


def read_table(data: str, option: str) -> Table:
    """Reads a CSV or TSV file, compressed or not; without a header, the columns are named column 1, column 2 ...

    Raises:
        InputError: the file, given by `option`, cannot be read or is not a table.
    """
    if data.startswith("@"):
        raise InputError(f"{data} is not a table: give a CSV or TSV file.", option)
    path = Path(data)
    if path.is_dir() or not path.exists():
        raise InputError(
            f"{data} is a folder: give a CSV or TSV file." if path.is_dir() else f"There is no file {data}.", option
        )
    text = csv_text(path, option)
    ending = COMPRESSED.sub("", path.name.lower())
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
        raise InputError(f"{data} is empty: give a CSV file with a line of column names and one row per line.", option)
    if len(rows[0]) < 2:
        raise InputError(f"{data} has only one column: give a CSV file with columns separated by commas.", option)
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(rows[0]):
            raise InputError(
                f"{data}, line {line}: {len(row)} cells, but the first line has {len(rows[0])}; correct or remove the "
                "line.", option,
            )  # fmt: skip
    names = rows[0]
    if any(as_number(cell) is not None for cell in names):
        names = [f"column {number}" for number in range(1, len(names) + 1)]
    else:
        rows, lines = rows[1:], lines[1:]
    for name, count in Counter(names).items():
        if count > 1:
            raise InputError(f"{data} has {count} columns called {name!r}: give each a different name.", option)
    if not rows:
        raise InputError(f"{data} has a line of column names but no rows: add rows.", option)
    return Table(path.name, names, rows, lines)


@runtime_checkable
class DataFrame(Protocol):
    """A data frame of pandas, or one like it."""

    columns: Any

    def to_dict(self, orient: str) -> Any: ...


def table_of(data: Any, names: list[str]) -> Table:
    """Converts rows from Python to a table: a data frame, dicts by column, or an array with the columns `names`.

    Raises:
        InputError: columns are missing, or the number of columns differs.
    """
    if isinstance(data, DataFrame):
        data = data.to_dict("records")
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
            array = np.asarray(data.detach().cpu() if isinstance(data, Tensor) else data)
        except ValueError:
            array = np.empty(0)
        if array.ndim != 2 or array.shape[1] != len(names) or not len(array):
            raise InputError(
                f"data: this run takes rows of {len(names)} values ({', '.join(names[:20])}), "
                f"not an array of shape {array.shape}.", "data",
            )  # fmt: skip
        rows = [[_cell(value) for value in row] for row in array.tolist()]
    return Table("rows", names, rows, list(range(len(rows))))


def is_missing(cell: str) -> bool:
    return cell.lower() in MISSING


def as_number(cell: str) -> float | None:
    """The cell's value; None unless it is a finite number up to `LARGEST`."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if abs(value) <= LARGEST and "_" not in cell else None  # False for NaN


def _separator(text: str) -> str:
    """Comma, semicolon or tab: the most frequent one in the first line."""
    first = text.lstrip().partition("\n")[0]
    return max(",;\t", key=first.count)


def _cell(value: Any) -> str:
    return "" if value is None else str(value).strip()

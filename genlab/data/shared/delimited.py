"""Reads delimited text (CSV, TSV and their dialects) and Parquet as columns of text cells: the only reader of tables.

Data flow::

    bytes -> text -> dialect and records (dialects.py) -> without comments, preamble and footer (bodies.py)
    -> names (headers.py) and columns of cells

Whatever is left out or interpreted is in the notes, which an error carries too.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from genlab.data.shared.bodies import body, shown
from genlab.data.shared.compressed import COMPRESSED, read_bytes
from genlab.data.shared.dialects import COMMENT, STATED, Record, detect, records, uncommented
from genlab.data.shared.encodings import decoded
from genlab.data.shared.headers import JUDGED, has_header, named, two_headers
from genlab.data.shared.numbers import is_number
from genlab.data.shared.parquet import MAGIC, parquet_columns
from genlab.errors import InputError

OTHERS = {
    "JSON, HTML or XML": re.compile(r"""\s*(\{\s*["}]|\[\s*[\[{]|<(!|\?|html\b|table\b))""", re.IGNORECASE),
    "an ARFF file": re.compile(r"(%.*\n|\s)*+@relation\s", re.IGNORECASE),
    "a libsvm file": re.compile(  # "1 3:0.5 7:1", but not "1 9:30 10:00"
        r"(#.*\n|\s)*+(?!\S+( +\d?\d:\d\d)+ *\n)([-+\d.,]+( qid:\d+)?( +\d+:[-+\d.eE]+){2,} *(#.*)?(\n|\Z)){2}"
    ),
}
"""The beginnings of other formats of text."""
ENDINGS = {"tsv": "\t", "tab": "\t", "psv": "|"}
"""Separators that file names suggest."""

Column = Any
"""Cells of a column: a numpy array of str, (rows,)."""


@dataclass(frozen=True)
class Cells:
    """The cells of a table, without surrounding spaces."""

    name: str
    names: list[str]
    """Names of the columns, all different."""
    columns: list[Column] = field(repr=False)
    lines: Any = field(repr=False)
    """Number of the line at which each row begins in the file, or of the row if it has no lines, (rows,)."""
    header: bool = True
    """Whether the file names its columns."""
    notes: list[str] = field(default_factory=list)
    decimal: str = ""
    """The decimal mark of all numbers; "" if each column may have its own."""
    noun: str = "line"
    """What `lines` numbers: "line" or "row"."""

    def __len__(self) -> int:
        return len(self.lines)

    def take(self, picks: Sequence[int] | np.ndarray) -> "Cells":
        """Returns the rows at these indices."""
        return replace(self, columns=[column[picks] for column in self.columns], lines=self.lines[picks])

    def column(self, name: str) -> Column:
        """The cells of the column `name`."""
        return self.columns[self.names.index(name)]


def read_cells(data: str, option: str, encoding: str | None = None, wanted: Sequence[str] = ()) -> Cells:
    """Reads a file of delimited text, compressed or not, or a Parquet file.

    Args:
        data: The file.
        option: The option that gave it.
        encoding: Encoding of text that is not UTF-8.
        wanted: Names of columns; a first line that contains one names the columns.

    Raises:
        InputError: the file cannot be read or is not a table.
    """
    if data.startswith("@"):
        raise InputError(f"{data} is not a table: give a CSV, TSV or Parquet file.", option)
    path = Path(data)
    if path.is_dir() or not path.exists():
        raise InputError(
            f"{data} is a folder: give a CSV, TSV or Parquet file."
            if path.is_dir() else f"There is no file {data}.", option,
        )  # fmt: skip
    return parse_cells(read_bytes(path, option), data, option, encoding, wanted)


def parse_cells(
    content: bytes, name: str, option: str, encoding: str | None = None, wanted: Sequence[str] = ()
) -> Cells:
    """Reads the content of such a file; arguments and errors as in `read_cells`."""
    notes: list[str] = []
    with carried(notes):
        if content[:4] == MAGIC:
            names, columns = _columns(*parquet_columns(content, name, option, notes), name, name, notes)
            rows = np.arange(1, len(columns[0]) + 1)
            return Cells(Path(name).name, names, columns, rows, notes=notes, decimal=".", noun="row")
        text = _text(content, name, option, encoding)
        return _table(_records(text, name, option, notes), name, option, wanted, not text.endswith("\n"), notes)


def _text(content: bytes, name: str, option: str, encoding: str | None) -> str:
    """The text of the file, whose lines end in \\n.

    Raises:
        InputError: the file is of another format.
    """
    if content[:4] == b"PK\3\4" or content[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise InputError(f"{name} is a workbook or an archive, not text: save the sheet as CSV.", option)
    text = decoded(content, name, option, encoding)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if other := next((kind for kind, start in OTHERS.items() if start.match(text)), None):
        raise InputError(f"{name} is {other}, not delimited text: save the table as CSV.", option)
    return text


def _records(text: str, name: str, option: str, notes: list[str]) -> list[Record]:
    """The records that have a filled cell.

    Raises:
        InputError: there are none.
    """
    ending = COMPRESSED.sub("", name.lower()).rpartition(".")[2]
    dialect = detect(text, ENDINGS.get(ending, ""))
    start = text.find("\n") + 1 if STATED.match(text) else 0
    found = list(records(text, dialect, start, 1 + bool(start)))
    rows = [row for row in found if any(row.cells)]
    if not rows:
        raise _empty(name, option)
    if empty := [row.line for row in found if not any(row.cells)]:
        notes.append(f"{name}: rows of empty cells left out: {len(empty):,}, the first in line {empty[0]}.")
    return rows


def _empty(name: str, option: str) -> InputError:
    return InputError(f"{name} is empty: give a file with a line of column names and one row per line.", option)


def _table(rows: list[Record], name: str, option: str, wanted: Sequence[str], cut_off: bool, notes: list[str]) -> Cells:
    rows, row_names = body(rows, name, option, cut_off, notes)
    if not rows:  # a title and comments
        raise _empty(name, option)
    cells = [row.cells for row in rows]
    if not any(COMMENT.match(row[0]) for row in cells[1:2]):
        cells[0][0] = uncommented(cells[0][0])  # names in a comment, as numpy.savetxt writes them
    header = row_names or has_header(cells, wanted)
    first = [""] * row_names + cells[0]
    if header and len(first) > 1 and all(title.endswith(",") for title in first[:-1]):
        first = [title.rstrip(",") for title in first]  # "a, b" above rows separated by spaces
    place = f"{name}, line {rows[0].line}"
    if header and len(rows) == 1:
        raise InputError(f"{name} has a line of column names but no rows: add rows.", option)
    if len(rows) > 3 and two_headers([first, *cells[1 : 1 + JUDGED]]):
        raise InputError(
            f"{place} ({shown(first)!r}) and line {rows[1].line} ({shown(cells[1])!r}) both hold column names: "
            "join them into one line.", option,
        )  # fmt: skip
    if header and (again := [row.line for row in rows[1:] if row.cells == first]):  # joined files
        notes.append(f"{name}: lines that repeat the column names left out: {len(again):,}, first line {again[0]}.")
        rows = [rows[0], *(row for row in rows[1:] if row.cells != first)]
        cells = [row.cells for row in rows]
    columns = [np.array(column, object) for column in zip(*cells[header:], strict=True)]
    lines = np.array([row.line for row in rows[header:]], np.int64)
    names, columns = _columns(first if header else [""] * len(first), columns, name, place if header else "", notes)
    if not header and not all(map(is_number, first)):
        notes.append(f"{place} is a row, not column names ({shown(first)!r}): columns are {names[0]} to {names[-1]}.")
    return Cells(Path(name).name, names, columns, lines, header, notes)


def _columns(
    titles: list[str], columns: list[Column], name: str, where: str, notes: list[str]
) -> tuple[list[str], list[Column]]:
    """Gives every column a different name; leaves out those without a name or a value.

    Args:
        titles: Names as written; "" for none.
        columns: The columns, all equally long.
        name: The file.
        where: The file and the line of the names; "" if it has no header.
        notes: Receives what is left out or renamed.
    """
    kept = [place for place, column in enumerate(columns) if titles[place] or column.any()]
    if len(kept) < len(columns):
        notes.append(f"{name}: columns without a name or a value left out: {len(columns) - len(kept):,}.")
    names, renamed = named([titles[place] for place in kept], where)
    notes += renamed
    return names, [columns[place] for place in kept]


@contextmanager
def carried(notes: list[str]) -> Iterator[None]:
    """Adds the notes taken so far to an InputError, which would otherwise lose them."""
    try:
        yield
    except InputError as error:
        for note in notes:
            if note not in getattr(error, "__notes__", ()):
                error.add_note(note)
        raise

"""Reads delimited text (CSV, TSV and their dialects) and Parquet as columns of text cells: the only reader of tables.

Data flow::

    bytes -> text -> dialect and records (dialects.py) -> without comments, preamble and footer
    -> names (headers.py) and columns of cells

Whatever is left out or interpreted is in the notes, which an error carries too.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from genlab.data.shared.compressed import COMPRESSED, read_bytes
from genlab.data.shared.dialects import COMMENT, STATED, Dialect, Record, detect, records
from genlab.data.shared.encodings import decoded
from genlab.data.shared.headers import has_header, named
from genlab.data.shared.numbers import is_number
from genlab.data.shared.parquet import MAGIC, parquet_columns
from genlab.errors import InputError

FOOTER = 10
"""Largest number of lines of a footer."""
SHOWN = 60
"""Number of characters of a line to show in notes and errors."""
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
    """Line number at which each row begins in the file, (rows,)."""
    header: bool = True
    """Whether the file names its columns."""
    notes: list[str] = field(default_factory=list)

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
    if content[:4] == MAGIC:
        return Cells(Path(name).name, *parquet_columns(content, name, option))
    if content[:4] == b"PK\3\4" or content[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise InputError(f"{name} is a workbook or an archive, not text: save the sheet as CSV.", option)
    text = decoded(content, name, option, encoding)
    text = text.replace("\r\n", "\n") if "\n" in text else text.replace("\r", "\n")
    ending = COMPRESSED.sub("", name.lower()).rpartition(".")[2]
    dialect = detect(text, ENDINGS.get(ending, ","))
    start = text.find("\n") + 1 if STATED.match(text) else 0
    rows = list(records(text, dialect, start, 1 + bool(start)))
    if not rows:
        raise InputError(f"{name} is empty: give a file with a line of column names and one row per line.", option)
    return _table(rows, text, dialect, name, option, wanted)


def _table(rows: list[Record], text: str, dialect: Dialect, name: str, option: str, wanted: Sequence[str]) -> Cells:
    notes: list[str] = []
    width = _width(rows)
    with carried(notes):
        rows, row_names = _body(rows, text, width, dialect, name, option, notes)
        cells = [row.cells for row in rows]
        header = row_names or has_header(cells, wanted)
        first = ["", *cells[0]] if row_names else cells[0]
        if header and len(rows) == 1:
            raise InputError(f"{name} has a line of column names but no rows: add rows.", option)
        columns = [np.array(column, object) for column in zip(*cells[header:], strict=True)]
        lines = np.array([row.line for row in rows[header:]], np.int64)
        empty = [header and not first[place] and not column.any() for place, column in enumerate(columns)]
        if any(empty) and not all(empty):
            notes.append(f"empty columns without a name were left out: {sum(empty)}.")
            first = [cell for cell, left_out in zip(first, empty, strict=True) if not left_out]
            columns = [column for column, left_out in zip(columns, empty, strict=True) if not left_out]
        names, renamed = named(first if header else [""] * width, name if header else "")
        notes += renamed
        if not header and not all(map(is_number, first)):
            notes.append(
                f"the first line of {name} ({shortened(dialect.separator.join(first))}) is a row, not column names: "
                f"the columns are {names[0]} to {names[-1]}."
            )
        return Cells(Path(name).name, names, columns, lines, header, notes)


def _width(rows: list[Record]) -> int:
    """The number of cells of most rows."""
    counts = Counter(len(row.cells) for row in rows if not COMMENT.match(row.cells[0]))
    return max(counts or {len(rows[0].cells): 1}, key=lambda width: (counts[width], width))


def _body(
    rows: list[Record], text: str, width: int, dialect: Dialect, name: str, option: str, notes: list[str]
) -> tuple[list[Record], bool]:
    """The records of the table, and whether its first line lacks a name for a first column of row names.

    Raises:
        InputError: a record has more or fewer cells.
    """
    fits = [len(row.cells) == width or _cut(row.cells, width) for row in rows]
    comments = [not fit and bool(COMMENT.match(row.cells[0])) for fit, row in zip(fits, rows, strict=True)]
    begin = 0
    while begin < len(rows) and (not fits[begin] or _titles(rows[begin].cells) or _remark(rows, begin)):
        begin += 1
    names = rows[begin - 1].cells if begin else []
    row_names = (
        bool(names) and len(names) == width - 1 > 1 and not any(map(is_number, names)) and not comments[begin - 1]
    )
    begin -= row_names
    stop = len(rows)
    while (
        stop > begin + 1
        and len(rows) - stop < FOOTER
        and (len(rows[stop - 1].cells) < width or _titles(rows[stop - 1].cells))
    ):
        stop -= 1
    between = [row for place, row in enumerate(rows) if begin <= place < stop and comments[place]]
    for part, kind in (
        (rows[:begin], "before the table"),
        (between, "that are comments"),
        (rows[stop:], "after the table"),
    ):
        if part:
            shown = shortened(dialect.separator.join(part[0].cells))
            notes.append(f"{name}, {_lines(part)} {kind} left out: {shown!r}{' ...' if len(part) > 1 else ''}")
    body = [row for place, row in enumerate(rows) if begin <= place < stop and not comments[place]]
    wrong = [row for row in body[row_names:] if len(row.cells) != width]
    if wrong:
        row = wrong[0]
        others = f" (and {len(wrong) - 1:,} more lines)" if len(wrong) > 1 else ""
        raise InputError(
            f"{name}, line {row.line}: {_counted(len(row.cells))}, but most lines have {width}{others}: "
            f"{shortened(dialect.separator.join(row.cells))!r}; correct or remove the line.", option,
        )  # fmt: skip
    if body and (mark := COMMENT.match(body[0].cells[0])):  # names in a comment, as numpy.savetxt writes them
        body[0].cells[0] = body[0].cells[0][mark.end() :].strip()
    return body, row_names


def _cut(cells: list[str], width: int) -> bool:
    """Removes surplus empty cells at the end; returns whether `width` cells are left."""
    if len(cells) > width and not any(cells[width:]):
        del cells[width:]
    return len(cells) == width


def _titles(cells: list[str]) -> bool:
    """Whether only the first of several cells is filled, as in a title or a footer of a spreadsheet."""
    return len(cells) > 2 and bool(cells[0]) and not any(cells[1:]) and not is_number(cells[0])


def _remark(rows: list[Record], place: int) -> bool:
    """Whether a comment that happens to have as many cells as a row precedes another comment."""
    following = rows[place + 1 : place + 2]
    return bool(COMMENT.match(rows[place].cells[0])) and bool(following and COMMENT.match(following[0].cells[0]))


def _lines(part: list[Record]) -> str:
    return f"line {part[0].line}" if len(part) == 1 else f"lines {part[0].line} to {part[-1].line}"


def _counted(count: int) -> str:
    return f"{count} cell{'s' * (count != 1)}"


def shortened(line: str) -> str:
    """The beginning of a line, for notes and errors."""
    line = line.replace("\n", " ")
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 4]} ..."


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

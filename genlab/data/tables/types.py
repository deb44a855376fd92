"""Decides what the columns of a table hold: numbers, categories, dates, or nothing to learn from.

A column is what most of its cells are; the cells that do not fit count as missing, and a note names them.
"""

import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from genlab.data.shared.delimited import Cells, Column
from genlab.data.shared.headers import is_missing
from genlab.data.shared.numbers import as_number, decimal_mark, is_number, usual_mark
from genlab.data.tables.dates import date_format, is_format, parse_date
from genlab.errors import InputError
from genlab.options import nearest

CATEGORIES = 64
"""Largest number of categories of a column with a feature each; the rest share one."""
MOST = 0.9
"""Smallest fraction of the filled cells that decides a column's kind."""
NAMED = 3
"""Number of odd cells that a note names."""
KEY = re.compile(
    r"(?i:(.*[\W_])?(id|index|idx|key|row|no|nr|number|rownames|unnamed: 0|column 1))|.*[a-z](I[Dd]|No|Nr|Number)"
)
"""Names of columns that number the rows, if all their cells are different whole numbers."""


class Kind(StrEnum):
    """What a column holds."""

    NUMBER = "number"
    CATEGORY = "category"
    DATE = "date"
    TEXT = "text"
    KEY = "key"
    CONSTANT = "constant"
    IGNORE = "ignore"


LEFT_OUT = {
    Kind.TEXT: "text, with a different value in nearly every row",
    Kind.KEY: "a row number, key or name, with values that hardly repeat",
    Kind.CONSTANT: "the same value in every row",
    Kind.IGNORE: "by --types",
}
"""Why columns of these kinds are left out."""


@dataclass(frozen=True)
class ColumnType:
    """The kind of a column, and how its cells are written."""

    kind: Kind
    form: str = ""
    """Decimal mark of numbers ("." or ","), or strptime format of dates."""

    def fits(self, cell: str) -> bool:
        """Whether the cell can be read, given that it is not missing."""
        if self.kind is Kind.NUMBER:
            return as_number(cell, self.form) is not None
        return self.kind is not Kind.DATE or parse_date(cell, self.form) is not None

    def odd(self, cells: Column, lines: Any) -> list[tuple[str, int]]:
        """The cells that do not fit, with their lines."""
        if self.kind not in (Kind.NUMBER, Kind.DATE):
            return []
        wrong = {cell for cell in set(cells) if not is_missing(cell) and not self.fits(cell)}
        return [(cell, int(line)) for cell, line in zip(cells, lines, strict=True) if cell in wrong] if wrong else []

    def __str__(self) -> str:
        shown = "decimal comma" if self.form == "," else "" if self.form == "." else self.form
        return f"{self.kind}{f' ({shown})' if shown else ''}"


def column_types(cells: Cells, stated: str | None, label: str) -> tuple[dict[str, ColumnType], list[str]]:
    """The type of every column but the label; returns them with notes.

    Args:
        cells: The table.
        stated: Value of the option --types.
        label: Name of the label column.

    Raises:
        InputError: --types names an unknown column or kind.
    """
    given = stated_types(stated, cells.names)
    notes = []
    found = {}
    left_out: dict[Kind, list[str]] = {}
    filled = {
        name: Counter(cell for cell in column if not is_missing(cell))
        for name, column in zip(cells.names, cells.columns, strict=True)
    }
    usual = cells.decimal or usual_mark(filled.values())
    for name, column in zip(cells.names, cells.columns, strict=True):
        if name == label:
            continue
        counts = filled[name]
        kind, form = given.get(name, (None, ""))
        other = ""
        if kind in (None, Kind.DATE) and not form and not (kind is None and _constant(counts, len(column))):
            form, other = date_format(counts, MOST)
        if kind is None:
            kind = Kind.DATE if form else _kind(name, counts, len(column))
        if kind is Kind.NUMBER:
            form = form or cells.decimal or decimal_mark(counts, usual)
        elif kind is Kind.DATE:
            form = form or "%Y-%m-%d"
        found[name] = ColumnType(kind, form)
        if name in given and kind in (Kind.NUMBER, Kind.DATE) and not any(map(found[name].fits, counts)):
            raise InputError(f"types: no cell of {name} is a {kind}{f' ({form})' if form else ''}.", "types")
        if kind in LEFT_OUT:
            left_out.setdefault(kind, []).append(name)
        elif other:
            notes.append(f"dates in {name} are read as {form}; if they are {other}, add --types {name}=date:{other}.")
        notes += odd_note(name, found[name], column, cells.lines, cells.name)
    return found, [*(_left_out_note(kind, names) for kind, names in left_out.items()), *notes]


def _left_out_note(kind: Kind, names: list[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    columns = "column" if len(names) == 1 else "columns"
    keep = f" (--types {names[0]}=category keeps it)" if kind in (Kind.KEY, Kind.TEXT) else ""
    was = "was" if len(names) == 1 else "were"
    return f"{columns} {', '.join(names[:NAMED])}{more} {was} left out: {LEFT_OUT[kind]}{keep}."


def odd_note(name: str, kind: ColumnType, column: Column, lines: Any, where: str) -> list[str]:
    """A note on the cells of a column that count as missing, if there are any."""
    odd = kind.odd(column, lines)
    if not odd:
        return []
    some = ", ".join(f"{cell[:30]!r} (line {line})" for cell, line in odd[:NAMED])
    more = f" and {len(odd) - NAMED:,} more" if len(odd) > NAMED else ""
    what = f"not {kind.kind}s and count" if len(odd) > 1 else f"not a {kind.kind} and counts"
    return [f"{len(odd):,} cell{'s' * (len(odd) > 1)} of column {name} in {where} {'are' if len(odd) > 1 else 'is'} "
            f"{what} as missing: {some}{more}."]  # fmt: skip


def stated_types(stated: str | None, names: list[str]) -> dict[str, tuple[Kind, str]]:
    """Parses --types: "zip=category, when=date:%d/%m/%Y".

    Raises:
        InputError: it names an unknown column or kind.
    """
    found = {}
    kinds = [Kind.NUMBER, Kind.CATEGORY, Kind.DATE, Kind.IGNORE]
    for part in re.split(r",(?=[^,=]+=)", stated or ""):
        name, _, kind = part.strip().rpartition("=")
        if not part.strip():
            continue
        kind, _, form = kind.partition(":")
        if name not in names:
            raise InputError(
                f"types: there is no column {name or part.strip()!r}: choose from {nearest(name, names)}.", "types"
            )
        if kind not in kinds:
            raise InputError(f"types: {name} cannot be {kind!r}; it must be one of {', '.join(kinds)}.", "types")
        if form and (form not in ".," if kind == Kind.NUMBER else kind != Kind.DATE or not is_format(form)):
            raise InputError(
                f"types: {form!r} cannot follow {kind}: a date takes a format such as date:%d/%m/%Y, a number its "
                "decimal mark (number:,).", "types",
            )  # fmt: skip
        found[name] = Kind(kind), form
    return found


def _kind(name: str, counts: Counter[str], rows: int) -> Kind:
    """The kind of a column that holds no dates."""
    filled = sum(counts.values())
    if _constant(counts, rows):
        return Kind.CONSTANT
    codes = sum(count for cell, count in counts.items() if re.fullmatch(r"0\d+", cell))
    numbers = sum(count for cell, count in counts.items() if is_number(cell))
    whole = all(re.fullmatch(r"[+-]?\d+", cell) for cell in counts)
    if whole and len(counts) == rows and (KEY.fullmatch(name) or _counts_up(counts)):
        return Kind.KEY
    if numbers >= MOST * filled and codes < (1 - MOST) * filled:
        return Kind.NUMBER
    if len(counts) > max(CATEGORIES, 0.5 * filled):
        return Kind.TEXT if sum(" " in cell for cell in counts) > 0.5 * len(counts) else Kind.KEY
    return Kind.CATEGORY


def _constant(counts: Counter[str], rows: int) -> bool:
    """Whether all cells are equal, or all are missing."""
    return len(counts) < 2 and sum(counts.values()) in (0, rows)


def _counts_up(counts: Counter[str]) -> bool:
    """Whether the cells count from 0 or 1, one row after another."""
    start = next(iter(counts), "")
    return (
        start in ("0", "1")
        and len(counts) > 9
        and all(cell == str(number) for number, cell in enumerate(counts, int(start)))
    )

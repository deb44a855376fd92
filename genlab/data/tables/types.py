"""Decides what the columns of a table hold: numbers, categories, dates, or nothing to learn from.

A column is what most of its cells are; the cells that do not fit count as missing, and a note names them.
"""

import re
import shlex
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import Any

import numpy as np

from genlab.data.shared.delimited import Cells, Column
from genlab.data.shared.headers import is_missing
from genlab.data.shared.names import matching, simple
from genlab.data.shared.numbers import (
    CODE,
    JUDGED,
    as_number,
    decimal_marks,
    is_number,
    main_unit,
    plain_numbers,
    units,
)
from genlab.data.tables.dates import are_dates, date_format, is_format, parse_date, zones
from genlab.data.tables.spelling import spelling_note
from genlab.errors import InputError
from genlab.options import nearest

CATEGORIES = 64
"""Largest number of categories of a column with a feature each; the rest share one."""
RARE = 3
"""Smallest number of training rows for a category to get its own feature."""
MOST = 0.9
"""Smallest fraction of the filled cells that decides a column's kind without regard to the others."""
FAIR = 0.1
"""Smallest fraction of the filled cells with frequent values for which to keep a column whose values hardly repeat."""
NAMED = 3
"""Number of odd cells that a note names."""
KEY = re.compile(
    r"(?i:(.*[\W_])?(id|index|idx|key|row|no|nr|number|rownames|unnamed: 0|column 1))|.*[a-z](I[Dd]|No|Nr|Number)"
)
"""Names of columns that number the rows, if nearly all their cells are different whole numbers."""
COUNTER = re.compile(
    r"(?i:[a-z]?|x\.\d+|#|s[lr]?\.? ?no\.?|instant|obs|observation|case|record|entry|sample|serial|subject|patient)"
)
"""Names of columns that number the rows, if their cells count from 0 or 1 in the order of the file."""
WHOLE = re.compile(r"[+-]?\d+(\.0+)?")
"""A whole number; software that marks missing cells by NaN writes 7 as 7.0."""
LIMIT = re.compile(r"[<>≤≥~≈]=?\s*")
"""What may precede a number that is only a limit or an estimate."""


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
    unit: str = ""
    """Unit that may follow the numbers."""

    def fits(self, cell: str) -> bool:
        """Whether the cell can be read, given that it is not missing."""
        if self.kind is Kind.NUMBER:
            return as_number(cell, self.form, self.unit) is not None
        return self.kind is not Kind.DATE or parse_date(cell, self.form) is not None

    def strange(self, cells: Collection[str]) -> list[str]:
        """The cells that cannot be read, given that none is missing."""
        if self.kind is Kind.NUMBER and self.form == ".":
            numbers = plain_numbers(cells)
            if numbers is not None and not np.isnan(numbers).any():
                return []
        return [cell for cell in cells if not self.fits(cell)]

    def fitting(self, counts: Mapping[str, int]) -> dict[str, int]:
        """The cells that fit, with their counts."""
        return {cell: count for cell, count in counts.items() if self.fits(cell)}

    def odd(self, cells: Column, lines: Any, filled: Collection[str]) -> list[tuple[str, int]]:
        """Those of the different cells in `filled` that do not fit, with their lines."""
        if self.kind not in (Kind.NUMBER, Kind.DATE):
            return []
        wrong = set(self.strange(filled))
        return [(cell, int(line)) for cell, line in zip(cells, lines, strict=True) if cell in wrong] if wrong else []

    def __str__(self) -> str:
        shown = "decimal comma" if self.form == "," else "" if self.form == "." else self.form
        return f"{self.kind}{f' ({shown})' if shown else ''}{f' in {self.unit}' if self.unit else ''}"


def column_types(cells: Cells, stated: str | None, label: str) -> tuple[dict[str, ColumnType], list[str]]:
    """The type of every column but the label; returns them with notes.

    Args:
        cells: The table.
        stated: Value of the option --types.
        label: Name of the label column.

    Raises:
        InputError: --types cannot be used.
    """
    given = stated_types(stated, cells.names, label)
    notes = []
    found = {}
    left_out: dict[Kind, list[str]] = {}
    filled = {
        name: Counter(cell for cell in column if not is_missing(cell))
        for name, column in zip(cells.names, cells.columns, strict=True)
    }
    numbers, undecided = number_types(filled, cells.decimal)
    for name, column in zip(cells.names, cells.columns, strict=True):
        if name == label:
            continue
        counts = filled[name]
        kind, form = given.get(name, (None, ""))
        if kind is None:
            found[name] = _type(name, counts, len(column), numbers[name])
        else:
            found[name] = _stated(kind, form, counts, numbers[name])
            if kind in (Kind.NUMBER, Kind.DATE) and not any(map(found[name].fits, counts)):
                raise InputError(f"types: no cell of {name} is a {kind}{f' ({form})' if form else ''}.", "types")
        if found[name].kind in LEFT_OUT:
            left_out.setdefault(found[name].kind, []).append(name)
        elif not form:
            notes += _notes(name, found[name], counts)
            notes += _mark_note(name, found[name], counts) if name in undecided else []
        odd = found[name].odd(column, cells.lines, counts)
        hint = (
            f"{correction(name, Kind.CATEGORY)} keeps them"
            if not kind and len(odd) > (1 - MOST) * counts.total()
            else ""
        )
        notes += odd_note(name, odd, found[name].kind, cells.name, cells.noun, hint)
    about = [_left_out_note(kind, names, filled[names[0]]) for kind, names in left_out.items()]
    return found, [*about, *notes]


def _left_out_note(kind: Kind, names: list[str], counts: Counter[str]) -> str:
    """A note on the columns of a kind that are left out; `counts` has the cells of the first one."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    columns = "column" if len(names) == 1 else "columns"
    keep = ""
    if kind in (Kind.KEY, Kind.TEXT):
        if are_dates(counts):
            keep = f" ({names[0]} has dates in several formats: write them in one)"
        elif _numbered(counts):
            keep = f" ({correction(names[0], Kind.NUMBER)} keeps it)"
        elif max(counts.values()) >= RARE:  # rarer values would share one feature
            keep = f" ({correction(names[0], Kind.CATEGORY)} keeps it)"
    was = "was" if len(names) == 1 else "were"
    return f"{columns} {', '.join(names[:NAMED])}{more} {was} left out: {LEFT_OUT[kind]}{keep}."


def correction(name: str, kind: Kind, form: str = "") -> str:
    """The option that corrects the type of a column, as a shell takes it."""
    return "--types " + shlex.quote(f"{name}={kind}{f':{form}' if form else ''}")


def odd_note(name: str, odd: list[tuple[str, int]], kind: Kind, where: str, noun: str, hint: str = "") -> list[str]:
    """A note on the cells of a column, with their lines or rows, that count as missing, if there are any.

    Args:
        name: The column.
        odd: The cells.
        kind: What the other cells are.
        where: The table.
        noun: What the numbers beside the cells number: "line" or "row".
        hint: How to keep the cells.
    """
    if not odd:
        return []
    some = ", ".join(f"{cell[:30]!r} ({noun} {line})" for cell, line in odd[:NAMED])
    more = f" and {len(odd) - NAMED:,} more" if len(odd) > NAMED else ""
    what = f"not {kind}s and count" if len(odd) > 1 else f"not a {kind} and counts"
    return [f"{len(odd):,} cell{'s' * (len(odd) > 1)} of column {name} in {where} {'are' if len(odd) > 1 else 'is'} "
            f"{what} as missing: {some}{more}{f' ({hint})' if hint else ''}."]  # fmt: skip


def stated_types(stated: str | None, names: list[str], label: str) -> dict[str, tuple[Kind, str]]:
    """Parses --types: "zip=category, when=date:%d/%m/%Y".

    Raises:
        InputError: it names an unknown column or kind, a column twice, or another kind for the label.
    """
    found: dict[str, tuple[Kind, str]] = {}
    kinds = [Kind.NUMBER, Kind.CATEGORY, Kind.DATE, Kind.IGNORE]
    for given, kind, form in _parts(stated or "", names):
        name = given if given in names else matching([given], names).get(given)
        if name is None:
            raise InputError(f"types: the table has no column {given!r}: choose from {nearest(given, names)}.", "types")
        if kind not in kinds:
            raise InputError(f"types: {name} cannot be {kind!r}; it must be one of {', '.join(kinds)}.", "types")
        if form and (form not in (".", ",") if kind == Kind.NUMBER else kind != Kind.DATE or not is_format(form)):
            raise InputError(
                f"types: {form!r} cannot follow {kind}: a date takes a format such as date:%d/%m/%Y, a number its "
                "decimal mark (number:,).", "types",
            )  # fmt: skip
        if name in found:
            raise InputError(f"types: {name} has two types; give one.", "types")
        if name == label and kind != Kind.CATEGORY:
            raise InputError(
                f"types: {name} is the column to predict and holds classes: choose another with --label, or remove "
                f"{name}={kind}.", "types",
            )  # fmt: skip
        found[name] = Kind(kind), form
    return found


def _parts(stated: str, names: list[str]) -> Iterator[tuple[str, str, str]]:
    """The names, kinds and forms of --types; a name or a form may hold a comma."""
    odd = sorted((simple(name) for name in names if "," in name or "=" in name), key=len, reverse=True)
    known = "".join(r"\s*".join(map(re.escape, name)) + "|" for name in odd)
    part = re.compile(
        rf"\s*(?P<name>{known}[^=]*?)\s*=\s*(?P<kind>[^:]*?)\s*(?::(?P<form>.*?))?\s*"
        rf"(?:,(?=\s*(?:{known}[^,=]+)\s*=)|(?(form)|,?)\s*$)", re.IGNORECASE
    )  # fmt: skip
    stated = stated.strip()
    place = 0
    while place < len(stated):
        found = part.match(stated, place)
        if found is None:
            yield stated[place:], "", ""
            return
        yield found["name"], found["kind"], found["form"] or ""
        place = found.end()


def number_types(
    filled: Mapping[str, Counter[str]], decimal: str = ""
) -> tuple[dict[str, ColumnType], Collection[str]]:
    """How each column would be read if it held numbers, and the columns whose decimal mark nothing decides.

    Args:
        filled: How often each cell of a column occurs, without missing ones.
        decimal: The decimal mark of all columns; "" if each may have its own.
    """
    each = [main_unit(units(counts)) for counts in filled.values()]
    marks = [decimal] * len(each) if decimal else decimal_marks(list(filled.values()), each)
    found = list(zip(filled, marks, each, strict=True))
    types = {name: ColumnType(Kind.NUMBER, mark or ".", unit) for name, mark, unit in found}
    return types, {name for name, mark, _ in found if not mark}


def _type(name: str, counts: Counter[str], rows: int, number: ColumnType) -> ColumnType:
    """The type of a column; `number` is how to read it if it holds numbers."""
    filled = counts.total()
    if _constant(counts, rows):
        return ColumnType(Kind.CONSTANT)
    if (form := date_format(counts)[0]) and _suits(date := ColumnType(Kind.DATE, form), counts):
        return date
    if (KEY.fullmatch(name) and _numbered(counts)) or (COUNTER.fullmatch(name) and _counts_up(counts)):
        return ColumnType(Kind.KEY)
    if not _coded(counts) and _suits(number, counts):
        return number
    if len(counts) > max(CATEGORIES, 0.5 * filled) and _usual(counts) < FAIR * filled:
        return ColumnType(Kind.TEXT if sum(" " in cell for cell in counts) > 0.5 * len(counts) else Kind.KEY)
    return ColumnType(Kind.CATEGORY)


def _stated(kind: Kind, form: str, counts: Counter[str], number: ColumnType) -> ColumnType:
    """The type of a column of this kind, with the `form` if it is stated."""
    if kind is Kind.NUMBER:
        return replace(number, form=form or number.form)
    return ColumnType(kind, form or date_format(counts)[0] or "%Y-%m-%d" if kind is Kind.DATE else "")


def _notes(name: str, kind: ColumnType, counts: Counter[str]) -> list[str]:
    """Notes on what else the cells of a column that is kept may mean."""
    notes: list[str] = []
    if kind.kind is Kind.CATEGORY:
        return spelling_note(f"values of {name}", counts)
    if kind.kind is Kind.DATE:
        form, other = date_format(counts)
        if other:
            notes.append(
                f"dates in {name} are read as {form}; if they are {other}, add {correction(name, Kind.DATE, other)}."
            )
        if len(each := zones(counts)) > 1:
            notes.append(f"times in {name} have several zones, which are left out: {counted(each)}; write them in one.")
        return notes
    if len(units(counts)) > 1 and len(each := units(kind.fitting(counts))) > 1:
        said = f"numbers in {name} have several units: {counted(each)}"
        notes.append(f"{said}; they are read as written (1% is 1): write them in one unit.")
    if codes := Counter(kind.fitting(_codes(counts))):
        what = f"{name} has numbers that may be codes, such as {next(iter(codes))!r} ({codes.total():,} in all)"
        notes.append(
            f"{what}: leading zeros and plus signs do not count ({correction(name, Kind.CATEGORY)} keeps them)."
        )
    if _counts_up(counts):
        notes.append(f"{name} counts the rows ({correction(name, Kind.IGNORE)} leaves it out if that is all it does).")
    return notes


def _mark_note(name: str, kind: ColumnType, counts: Counter[str]) -> list[str]:
    """A note on numbers in a column with a decimal point that a decimal comma would change, if there are any."""
    for cell in counts if kind.kind is Kind.NUMBER else ():
        if ("." in cell or "," in cell) and replace(kind, form=",").fits(cell):
            value = as_number(cell, ".", kind.unit)
            what = "the comma is decimal" if "," in cell else "the point separates thousands"
            if value is not None:
                said = f"numbers in {name} such as {cell!r} are read as {value:.15g}"
                return [f"{said}; if {what}, add {correction(name, Kind.NUMBER, ',')}."]
    return []


def counted(names: Counter[str]) -> str:
    """Names with their counts, for a note."""
    return ", ".join(f"{name or 'none'} ({count:,})" for name, count in names.most_common())


def _suits(kind: ColumnType, counts: Counter[str]) -> bool:
    """Whether to read a column as numbers or dates, the cells that do not fit as missing.

    If most cells fit but not nearly all, the others must be limits (<0.5) or repeat (unknown), unlike codes, and must
    lose no more than categories would, of which rare ones share a feature.
    """
    filled = counts.total()
    odd = {cell: counts[cell] for cell in kind.strange(counts)}
    lost = sum(odd.values())
    if filled - lost >= MOST * filled:
        return filled > 0
    words = [count for cell, count in odd.items() if not is_number(LIMIT.sub("", cell, 1))]
    return 2 * lost < filled and 2 * len(words) <= sum(words) and lost - max(odd.values()) <= filled - _usual(counts)


def _usual(counts: Counter[str]) -> int:
    """How many cells have a value that gets its own feature if the column holds categories."""
    return sum(count for _, count in counts.most_common(CATEGORIES) if count >= RARE)


def _coded(counts: Counter[str]) -> bool:
    """Whether digits are codes: a tenth of the cells has their form, or a few have, and whole numbers one length."""
    codes = sum(_codes(counts).values())
    if not RARE <= codes < (1 - MOST) * counts.total():
        return codes >= (1 - MOST) * counts.total()
    whole = {cell: count for cell, count in counts.items() if cell.isdecimal()}
    return len(set(map(len, whole))) == 1 and sum(whole.values()) >= MOST * counts.total()


def _codes(counts: Mapping[str, int]) -> dict[str, int]:
    return {cell: count for cell, count in counts.items() if CODE.fullmatch(cell)}


def _numbered(counts: Counter[str]) -> bool:
    """Whether nearly all cells are different whole numbers."""
    if len(counts) < MOST * counts.total():
        return False
    some = list(counts)[:: 1 + len(counts) // JUDGED]
    return sum(WHOLE.fullmatch(cell) is not None for cell in some) >= MOST * len(some)


def _counts_up(counts: Counter[str]) -> bool:
    """Whether nearly all cells count from 0 or 1, one row after another."""
    if len(counts) < 10 or not _numbered(counts):
        return False
    numbers = [number for cell in counts if WHOLE.fullmatch(cell) and (number := as_number(cell)) is not None]
    steps = sum(after - before == 1 for before, after in pairwise(numbers))
    return len(numbers) >= MOST * len(counts) and min(numbers) in (0, 1) and steps >= MOST * (len(numbers) - 1)


def _constant(counts: Counter[str], rows: int) -> bool:
    """Whether all cells are equal, or all are missing."""
    return len(counts) < 2 and sum(counts.values()) in (0, rows)

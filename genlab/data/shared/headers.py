"""Decides whether the first line of a table names its columns, and gives every column a name."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from genlab.data.shared.numbers import as_number, is_number

JUDGED = 1000
"""Number of rows to compare the first line with."""
SHOWN = 4
"""Number of names to show in a note."""
ABOVE = 2.0
"""Evidence from a word above numbers, dates or codes that it is a name."""
UNIT = re.compile(r"\(.+\)|\[.+\]")
QUALTRICS = ('{"ImportId"', "{'ImportId'")
"""The beginnings of identifiers below the names in files from Qualtrics."""
MISSING = {"", "?", "-", "--", ".", "na", "n/a", "nan", "null", "none", "<na>", "#n/a", "inf", "-inf"}
"""Cells that may mean a missing value, in lower case."""


def is_missing(cell: str) -> bool:
    return cell.lower() in MISSING


def has_header(rows: Sequence[Sequence[str]], wanted: Sequence[str] = ()) -> bool:
    """Whether the first of `rows` holds column names.

    A first line is a header if it contains a name that the user gives, or if its cells differ from those below: words
    above numbers, or a word that never occurs in a column of few words. Without evidence, words are names and numbers
    are not.

    Args:
        rows: The cells, all rows of equal length.
        wanted: Names of columns that the user gives.
    """
    first = rows[0]
    known = {cell.casefold() for cell in first}
    if any(name.casefold() in known for name in wanted):
        return True
    if votes := evidence(rows):
        return votes > 0
    return not any(map(is_number, first)) and (len(rows) == 1 or (all(first) and len(set(first)) == len(first)))


def evidence(rows: Sequence[Sequence[str]]) -> float:
    """Evidence from the rows below that the first of `rows` holds column names; negative if it holds values."""
    first, rest = rows[0], rows[1 : 1 + JUDGED]
    if not rest:
        return 0.0
    if _repeated(first, rest):  # names of joined files
        rest = [row for row in rest if row != first]
    columns = [Counter(row[place] for row in rest if not is_missing(row[place])) for place in range(len(first))]
    votes = sum(_vote(cell, counts) for cell, counts in zip(first, columns, strict=True))
    votes += max(-1.0, sum(_numeric_vote(cell, counts) for cell, counts in zip(first, columns, strict=True)))
    return votes + 3.0 * _counts_up(first)


def _repeated(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """Whether the first line occurs again and shares no cell with any other line, as other lines do."""
    if first not in rest:
        return False
    copies = Counter(map(tuple, rest))
    columns = [Counter(column) for column in zip(*rest, strict=True)]
    apart = {
        row
        for row, count in copies.items()
        if all(columns[place][cell] == count for place, cell in enumerate(row) if cell)
    }
    return tuple(first) in apart and len(apart) < len(copies)


def _vote(name: str, counts: Counter[str]) -> float:
    """Evidence from a column that its first cell is a name (positive) or a value (negative)."""
    total = sum(counts.values())
    if not total or is_missing(name):
        return 0.0
    if mostly_numbers(counts):
        return 0.0 if is_number(name) else ABOVE
    shapes = {_shape(cell) for cell in counts}
    if len(shapes) == 1 and any("9" in shape for shape in shapes):  # dates, codes
        return -1.0 if _shape(name) in shapes else 0.0 if "9" in _shape(name) else ABOVE
    if name in counts:
        return -1.0
    return float(total >= 10 and len(counts) <= total / 3)


def _numeric_vote(name: str, counts: Counter[str]) -> float:
    """Evidence from a number above numbers."""
    value = as_number(name)
    if value is None or not counts or not mostly_numbers(counts):
        return 0.0
    values = [number for cell in counts if (number := as_number(cell)) is not None]
    whole = name.isdigit() and not any(cell.lstrip("+-").isdigit() for cell in counts)
    outside = not values or not min(values) <= value <= max(values)
    return 0.5 if whole and outside else 0.0 if whole or outside else -0.5


def mostly_numbers(counts: Counter[str]) -> bool:
    """Whether nine tenths of the cells, given with their counts, are numbers."""
    return sum(count for cell, count in counts.items() if is_number(cell)) >= 0.9 * sum(counts.values())


def _counts_up(names: Sequence[str]) -> bool:
    """Whether at least three names are different whole numbers at equal steps: 0, 1, 2 or 450, 550, 650."""
    numbers = [int(name) for name in names if name.isdecimal() and len(name) < 10]
    steps = {after - before for before, after in pairwise(numbers)}
    return len(numbers) > 2 and len(steps) == 1 and 0 not in steps


def two_headers(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the second row holds names, units or descriptions too, as below merged cells of a spreadsheet.

    It holds no number and no cell that occurs below, but words above numbers or dates: in two columns, in one that the
    first row does not name, a unit in brackets, or beside other words. If the first row does not look like names
    (", 2023, , 2024"), the second has no empty cell and different words above numbers. Below the names, Qualtrics
    writes questions and then identifiers.
    """
    first, second, rest = rows[0], rows[1], rows[2 : 2 + JUDGED]
    if any(cell.startswith(QUALTRICS) for row in rows[1:3] for cell in row):
        return True
    if len(rest) < 2 or any(map(is_number, second)):
        return False
    columns = [Counter(row[place] for row in rest if not is_missing(row[place])) for place in range(len(first))]
    votes = {place: _vote(cell, columns[place]) for place, cell in enumerate(second) if not is_missing(cell)}
    if any(second[place] in columns[place] for place in votes):
        return False
    above = [place for place, vote in votes.items() if vote >= ABOVE]
    if not has_header([first, *rest]):
        return all(second) and len({second[place] for place in above}) > 1
    new = len(votes) > 1 and all(vote > 0 for vote in votes.values())
    return len(above) > 1 or any(not first[place] or UNIT.fullmatch(second[place]) or new for place in above)


def _shape(cell: str) -> str:
    """The cell with every digit as 9 and every letter as a."""
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", cell))


def named(names: Sequence[str], where: str) -> tuple[list[str], list[str]]:
    """Gives every column a different name; returns the names, and notes on those that it changes.

    Args:
        names: The names in the file; "" for none.
        where: The file and the line of the names; "" if it has no header.
    """
    given, used, copies = set(names), set[str](), Counter[str]()
    found, unnamed, repeated = [], [], []
    for place, name in enumerate(names, 1):
        new = base = name or f"column {place}"
        while new in used or (new != name and new in given):
            copies[base] += 1
            new = f"{base} ({copies[base] + 1})"
        used.add(new)
        found.append(new)
        if not name:
            unnamed.append(new)
        elif new != name:
            repeated.append(new)
    notes = []
    if where and unnamed:
        notes.append(f"{where}: columns without a name are called {_listed(unnamed)}.")
    if repeated:
        notes.append(f"{where}: repeated names get a number: {_listed(repeated)}.")
    return found, notes


def _listed(names: list[str]) -> str:
    """The first names, and how many there are."""
    shown = ", ".join(map(repr, names[:SHOWN]))
    return shown if len(names) <= SHOWN else f"{shown}, ... ({len(names):,} columns)"

"""Attributes of pictures, from the columns of the table beside them.

An attribute to change is a column (`hair`), or composed of columns with yes and no (`hair=Black_Hair,Blond_Hair`): a
picture's value is then the name of the one column that is yes. Every other column with few values is kept.
"""

from collections import ChainMap
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from jaxtyping import Int

from genlab.data.pictures.classes import MARKS, PictureTable
from genlab.data.shared.delimited import Column
from genlab.data.shared.names import matching
from genlab.errors import InputError
from genlab.options import perhaps_meant

MOST = 20
"""Largest number of values of an attribute."""
SHOWN = 12
"""Number of columns that an error lists."""
UNKNOWN = -1
"""The index of a picture without a definite value."""
BINARY = (MARKS, {"1": "yes", "0": "no"}, {"yes": "yes", "no": "no"}, {"true": "yes", "false": "no"})
"""How columns with two values write yes and no."""


@dataclass(frozen=True)
class Attribute:
    """Something that every picture has one of several values of."""

    name: str
    values: list[str]
    """Sorted; the names of two folders are in the order given."""

    def indices(self, values: Column) -> Int[np.ndarray, " pictures"]:
        """The index of each value, `UNKNOWN` if it is not among them."""
        places = {value: place for place, value in enumerate(self.values)}
        return np.array([places.get(value, UNKNOWN) for value in values], np.int64)


@dataclass(frozen=True)
class Labels:
    """The values of all pictures, as words; "" without a definite one."""

    changed: dict[str, Column] = field(repr=False)
    """By name of an attribute to change."""
    kept: dict[str, Column] = field(repr=False)
    """By name of any other column with few values."""
    notes: list[str]


def read_labels(
    table: PictureTable, names: list[str], items: Sequence[str], option: str, known: Sequence[Attribute] = ()
) -> Labels:
    """The values of the pictures `names` according to a table.

    Args:
        table: The table, read for these pictures.
        names: The files of the pictures.
        items: The attributes to change.
        option: The option that gave the pictures.
        known: Attributes of the training data: columns may differ from them in case and spaces, and their values
            decide which columns hold yes and no.

    Raises:
        InputError: a column is unknown or cannot be used, or a picture has no row.
    """
    for name in names:
        if name not in table.rows:
            raise InputError(f"{table.where} has no line for {name}: add it, or remove the picture.", option)
    rows = np.array([table.rows[name] for name in names])
    values = {one.name: one.values for one in known}
    notes = []
    if absent := len(set(table.files)) - len(set(rows)):
        notes.append(f"{table.where}: lines of pictures that are absent: {absent:,}; they are ignored.")
    changed: dict[str, Column] = {}
    used: set[str] = set()
    binary: dict[str, Column] = {}
    for item in items:
        name, columns = _parsed(item, table)
        name = matching([name], values).get(name, name)
        if name in changed:
            raise InputError(f"attribute: {name} is given twice.", "attribute")
        cells = [table.column(column, option)[rows] for column in columns]
        used.update(columns)
        if len(columns) == 1:
            answers = yes_no(cells[0], values.get(name))
            changed[name] = cells[0] if answers is None else answers
            if answers is not None:
                binary[name] = answers
            if unknown := int((changed[name] == "").sum()):
                notes.append(f"{name}: {unknown:,} of {len(rows):,} pictures have no value: they are left out.")
        else:
            changed[name] = _composed(name, columns, cells, values.get(name), table.where, notes)
    notes += [_exclusion_note(*pair, binary) for pair in combinations(binary, 2) if _are_exclusive(*pair, binary)]
    kept, many = {}, []
    others = [column for column in table.cells.names if column not in used | changed.keys()]
    spelt = matching(others, values.keys() - changed.keys())
    for column in others:
        cells = table.column(column, option)[rows]
        count = len(set(cells) - {""})
        if 2 <= count <= MOST:
            name = spelt.get(column, column)
            answers = yes_no(cells, values.get(name))
            kept[name] = cells if answers is None else answers
        elif count > MOST:
            many.append(column)
    if many:
        notes.append(f"{table.where}: columns of more than {MOST} values are not compared: {listed(many)}")
    return Labels(changed, kept, notes)


def listed(columns: list[str]) -> str:
    """The end of a sentence that lists columns."""
    return f"{', '.join(columns[:SHOWN])}, ..." if len(columns) > SHOWN else f"{', '.join(columns)}."


def _parsed(item: str, table: PictureTable) -> tuple[str, list[str]]:
    """The name of an attribute, and its columns."""
    name, equals, parts = item.partition("=")
    if not equals or item in table.cells.names:
        column = known_column(item, table, "attribute")
        return column, [column]
    columns = [known_column(part, table, "attribute") for part in parts.split(",") if part]
    if not name or len(set(columns)) < 2:
        raise InputError(
            f"attribute: {item!r} cannot be used: write NAME=COLUMN,COLUMN with at least two columns.", "attribute"
        )
    return name, list(dict.fromkeys(columns))


def known_column(name: str, table: PictureTable, option: str) -> str:
    """The column `name` of a table, given by the option `option`, which may differ in case and spaces.

    Raises:
        InputError: the column does not exist; the message lists the columns.
    """
    columns = table.cells.names
    try:
        return table.named(name, option)
    except InputError:
        raise InputError(
            f"{option}: {table.where} has no column {name}{perhaps_meant(name, columns)}; it has {listed(columns)}",
            option,
        ) from None


def yes_no(cells: Column, known: Sequence[str] | None = None) -> Column | None:
    """The column as yes and no, "" where it is empty; None if it holds something else.

    The `known` values of the training data decide: if they are yes and no, other values stay as they are.
    """
    given = {cell.casefold() for cell in set(cells)} - {""}
    if known is None:
        found = next((words for words in BINARY if given and given <= words.keys()), None)
    else:
        found = dict(ChainMap(*BINARY)) if set(known) == {"yes", "no"} else None
    return None if found is None else np.array([found.get(cell.casefold(), cell) for cell in cells], object)


def _composed(
    name: str, columns: list[str], cells: list[Column], known: Sequence[str] | None, where: str, notes: list[str]
) -> Column:
    """The column that alone is yes for each picture; adds to `notes` how many have none, or several.

    The `known` values of the training data spell the columns. In other data, an empty column means no in every row.
    """
    answers = []
    for column, values in zip(columns, cells, strict=True):
        found = yes_no(values) if known is None or any(values) else values
        if found is None:
            raise InputError(
                f"attribute: {column} of {where} does not hold yes and no, as the columns of {name} must.", "attribute"
            )
        answers.append(found == "yes")
    yes = np.stack(answers)
    several, none = int((yes.sum(0) > 1).sum()), int((yes.sum(0) == 0).sum())
    if several or none:
        notes.append(
            f"{name}: {several + none:,} of {yes.shape[1]:,} pictures have no definite value ({none:,} are none of "
            f"{', '.join(columns)}, {several:,} are several): they are left out."
        )
    spelt = matching(columns, known or ())
    values = np.array([spelt.get(column, column) for column in columns], object)
    return np.where(yes.sum(0) == 1, values[yes.argmax(0)], "")


def _are_exclusive(one: str, other: str, binary: dict[str, Column]) -> bool:
    """Whether two columns are hardly ever both yes, but by chance would be."""
    first, second = (float((binary[name] == "yes").mean()) for name in (one, other))
    both = float(((binary[one] == "yes") & (binary[other] == "yes")).mean())
    return both <= 0.02 * min(first, second) and max(first, second) >= 0.1 and min(first, second) > 0


def _exclusion_note(one: str, other: str, binary: dict[str, Column]) -> str:
    return (
        f"{one} and {other} exclude each other: --attribute NAME={one},{other} makes one attribute of them, so that "
        "one replaces the other."
    )

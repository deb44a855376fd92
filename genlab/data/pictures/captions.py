"""Reads what is known about pictures from the tables beside them: captions, or facts from columns."""

from collections.abc import Sequence

import numpy as np

from genlab.data.pictures.attributes import Attribute, known_column, yes_no
from genlab.data.pictures.classes import ClassTable, read_table
from genlab.data.pictures.facts import Captions, Facts
from genlab.data.pictures.wording import LONGEST, words_of
from genlab.data.shared.delimited import carried
from genlab.data.shared.names import matching
from genlab.errors import InputError

COLUMN = "caption"
"""Name of the column with the captions."""


def read_captions(
    table: ClassTable, names: list[str], data: str, option: str, encoding: str | None, notes: list[str]
) -> Captions:
    """Reads the captions of the pictures `names`.

    Args:
        table: The table of captions: a column of files, and one called `caption`; a file may have several rows.
        names: The files of the pictures.
        data: The source of the pictures, as given.
        option: The option that gave `data`.
        encoding: Encoding of a table that is not UTF-8.
        notes: Receives what is left out.

    Raises:
        InputError: the table cannot be read, has no such column, or has no caption of any picture.
    """
    found = read_table(table, names, data, option, encoding, (COLUMN,))
    notes += found.notes
    with carried(notes):
        cells = found.cells.column(found.named(COLUMN, option))
        texts: dict[int, list[str]] = {}
        for row, cell in enumerate(cells):
            texts.setdefault(found.repeated.get(row, row), []).append(" ".join(cell.split()))
        own = [texts[found.rows[name]] if name in found.rows else [] for name in names]
        captions = Captions([tuple(dict.fromkeys(text for text in each if words_of(text))) for each in own])
        _note_captions(found.where, texts, set(found.rows.values()), notes)
        if not captions.given.any():
            raise InputError(
                f"{found.where} has no caption of any picture: its column of files must hold their names, such as "
                f"{names[0]}.", option,
            )  # fmt: skip
    return captions


def _note_captions(where: str, texts: dict[int, list[str]], used: set[int], notes: list[str]) -> None:
    """Adds to `notes` how many captions are empty, doubled, overlong, or of missing pictures."""
    known = [text for row, each in texts.items() if row in used for text in each]
    worded = [text for text in known if words_of(text)]
    doubled = len(worded) - sum(len({*filter(words_of, each)}) for row, each in texts.items() if row in used)
    overlong = sum(len(words_of(text)) >= LONGEST for text in worded)
    counts = {
        "captions without words, which are left out": len(known) - len(worded),
        "captions that a picture has twice, which are read once": doubled,
        f"captions of more than {LONGEST - 1} words, which are cut off there": overlong,
        "captions of pictures that are absent, which are ignored": sum(map(len, texts.values())) - len(known),
    }
    notes += [f"{where}: {what}: {count:,}." for what, count in counts.items() if count]


def read_facts(
    table: ClassTable, names: list[str], columns: Sequence[str], data: str, option: str, encoding: str | None,
    notes: list[str], known: Sequence[Attribute] = (), subjects: tuple[str, ...] = (),
) -> Facts:  # fmt: skip
    """Reads facts about the pictures `names` from columns of the table beside them.

    Args:
        table: The table.
        names: The files of the pictures.
        columns: The columns.
        data: The source of the pictures, as given.
        option: The option that gave `data`.
        encoding: Encoding of a table that is not UTF-8.
        notes: Receives what was odd.
        known: Attributes of a trained model, whose values index those of the pictures; other values are unknown.
        subjects: What descriptions call the subject.

    Raises:
        InputError: a column is unknown, given twice, or has no value.
    """
    found = read_table(table, names, data, option, encoding, tuple(columns))
    notes += found.notes
    with carried(notes):
        values: dict[str, np.ndarray] = {}
        for column in columns:
            own = known_column(column, found, "caption")
            name = matching([own], [one.name for one in known]).get(own, own)
            if name in values:
                raise InputError(f"caption: {name} is given twice.", "caption")
            cells = found.column(own, option)
            given = np.array([cells[found.rows[file]] if file in found.rows else "" for file in names], object)
            before = next((one.values for one in known if one.name == name), None)
            answers = yes_no(given, before)
            values[name] = given if answers is None else answers
        attributes = list(known) or [Attribute(name, sorted(set(each) - {""})) for name, each in values.items()]
        for one in attributes:
            if not one.values:
                raise InputError(f"caption: the column {one.name} of {found.where} is empty.", "caption")
            if len(one.values) == 1:
                notes.append(f"{found.where}: {one.name} is always {one.values[0]}, which describes nothing.")
        if absent := len(set(found.files)) - len(set(found.rows.values())):
            notes.append(f"{found.where}: lines of pictures that are absent: {absent:,}; they are ignored.")
        table_of = [one.indices(values[one.name]) for one in attributes]
    return Facts(attributes, np.stack(table_of, 1), subjects)

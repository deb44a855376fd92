"""The user's table with a label column -> splits of standardised numbers.

Data flow::

    CSV or TSV (gzip or not, header or not) -> cells -> splits -> encoder, learnt from the training rows
    -> numbers (rows, features) and labels (rows,)

`data/table_files.py` reads the cells, `data/columns.py` makes numbers of them. Which split a row falls into depends on
its own cells alone, so that adding rows moves no other, and a copy is never on both sides.
"""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float32, Int

from genlab.data.shared.splits import divided, shares_of
from genlab.data.tables.columns import Encoder, learn_encoder
from genlab.data.tables.files import Table, as_number, is_missing, read_table
from genlab.errors import InputError

FEWEST = 10
"""Rows that a training needs."""
ROUGH = 100
"""Held-out rows below which a measure is called rough."""
LABELS = ("label", "labels", "class", "classes", "target", "species", "category", "diagnosis", "outcome")
"""Names of columns that are taken for the label, in this order, in lower case."""
MOST_CLASSES = 20
"""Numbers in a label column that may be classes; with more, they are classes only if they repeat and are whole."""


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
    shares = shares_of(validation, test)
    notes: list[str] = []
    table = _labelled(read_table(data, "data"), label, notes)
    place = _label_column(table, label)
    if label is None:
        notes.append(f"the column to predict is {table.names[place]}; --label names another.")
    if len(table.rows) < FEWEST:
        raise InputError(f"{data} has {len(table.rows)} rows with a label: give at least {FEWEST}.", "data")
    labels = [row[place] for row in table.rows]
    _refuse_numbers(labels, table.names[place])
    classes = _in_order(set(labels))

    digests = _digests(table)
    chosen = {part: table.take(np.flatnonzero(rows).tolist()) for part, rows in divided(digests, shares).items()}
    if len(chosen["train"].rows) < 2:
        raise InputError(f"{data} leaves no two rows to train on: give more or hold out less.", "data")
    encoder, left_out = learn_encoder(table.names, chosen["train"].rows, place, classes)
    notes += left_out
    if not encoder.columns:
        raise InputError(f"{data} has no column to tell the classes by, beside {table.names[place]}.", "data")

    fingerprint = hashlib.sha256(json.dumps([table.names, table.names[place]]).encode())
    fingerprint.update(b"".join(digests))
    splits: dict[str, Examples | None] = {}
    for part, value in (("validation", validation), ("test", test)):
        if shares[part] is None:
            other = _labelled(read_table(value, part), encoder.label, notes)
            splits[part] = _examples(other, encoder, value, part)
            fingerprint.update(b"".join(_digests(other)))
        else:
            splits[part] = _examples(chosen[part], encoder, data, "data") if chosen[part].rows else None
        held_out = splits[part]
        if held_out is None and shares[part]:
            notes.append(f"the {part} split has no row: it is left out.")
        elif held_out is not None and len(held_out) < ROUGH:
            notes.append(f"the {part} split has {len(held_out)} rows: its measures are rough.")
    train = _examples(chosen["train"], encoder, data, "data")
    return TableSet(table.name, fingerprint.hexdigest(), encoder, train, splits["validation"], splits["test"], notes)


def read_examples(data: str, encoder: Encoder) -> Examples:
    """All rows of another table with labels, for a trained model.

    Raises:
        InputError: it cannot be read, lacks a column, or has a class that the model does not know.
    """
    return _examples(_labelled(read_table(data, "data"), encoder.label, []), encoder, data, "data")


def _examples(table: Table, encoder: Encoder, data: str, option: str) -> Examples:
    """The rows of a table with labels as numbers."""
    place = _label_column(table, encoder.label)
    numbers = {name: number for number, name in enumerate(encoder.classes)}
    labels = [row[place] for row in table.rows]
    for name in sorted(set(labels) - set(encoder.classes)):
        raise InputError(
            f"{data} has a class {name} that the training data lack: they have {', '.join(encoder.classes[:20])}.",
            option,
        )
    if not labels:
        raise InputError(f"{data} has no row with a label.", option)
    names = [f"{table.name}:{line}" for line in table.lines]
    return Examples(encoder.encode(table, data), np.array([numbers[name] for name in labels]), names)


def _label_column(table: Table, label: str | None) -> int:
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


def _labelled(table: Table, label: str | None, notes: list[str]) -> Table:
    """The rows that have a label."""
    place = _label_column(table, label)
    kept = [number for number, row in enumerate(table.rows) if not is_missing(row[place])]
    if len(kept) < len(table.rows):
        notes.append(f"{len(table.rows) - len(kept)} rows of {table.name} without a label were left out.")
    return table.take(kept)


def _refuse_numbers(labels: list[str], name: str) -> None:
    """Refuses a label that is a quantity, or says something else in nearly every row."""
    different = set(labels)
    numbers = [as_number(label) for label in different]
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
    numbers = {name: as_number(name) for name in classes}
    if all(number is not None for number in numbers.values()):
        return sorted(classes, key=lambda name: (numbers[name], name))
    return sorted(classes)


def _digests(table: Table) -> list[bytes]:
    """Of each row's content."""
    return [hashlib.blake2b("\x1f".join(row).encode(), digest_size=8).digest() for row in table.rows]

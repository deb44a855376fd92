"""Reads the user's table with a label column and splits it into train, validation and test.

Data flow::

    CSV or TSV file, with or without a header -> cells -> splits -> encoder, fitted to the training rows
    -> features (rows, features) and labels (rows,)

`files.py` reads the cells, `columns.py` encodes them. The cells of a row alone decide its split, so that adding rows
moves no others, and copies of a row share a split.
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

MIN_ROWS = 10
"""Smallest number of rows to train on."""
ROUGH = 100
"""Number of held-out rows below which a note calls the metrics rough."""
LABELS = ("label", "labels", "class", "classes", "target", "species", "category", "diagnosis", "outcome")
"""Usual names of label columns, in lower case; the first one in the table is used."""
MOST_CLASSES = 20
"""A numeric label column with more distinct values than this must hold integers that repeat."""


@dataclass(frozen=True)
class Examples:
    """Encoded rows with labels."""

    rows: Float32[np.ndarray, "rows features"] = field(repr=False)
    labels: Int[np.ndarray, " rows"] = field(repr=False)
    names: list[str] = field(repr=False)
    """file:line of each row."""

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class TableSet:
    """A table split for training."""

    name: str
    fingerprint: str
    """SHA-256 of the names and cells, and of separate validation and test files."""
    encoder: Encoder
    train: Examples
    validation: Examples | None
    test: Examples | None
    notes: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, Any]:
        """Number of rows in each split and class."""
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
        validation: Fraction of the rows that selects the weights, or a path to another table.
        test: Fraction of the rows that is only reported, or a path to another table.
        label: Column to predict; None for one with a usual name (`LABELS`), else the last.

    Raises:
        InputError: the data cannot be read, there are too few rows, or the label column does not hold classes.
    """
    shares = shares_of(validation, test)
    notes: list[str] = []
    table = _labelled(read_table(data, "data"), label, notes)
    place = _label_column(table, label)
    if label is None:
        notes.append(f"the column to predict is {table.names[place]}; choose another with --label.")
    if len(table.rows) < MIN_ROWS:
        raise InputError(f"{data} has only {len(table.rows)} rows with a label: give at least {MIN_ROWS}.", "data")
    labels = [row[place] for row in table.rows]
    _check_label_values(labels, table.names[place])
    classes = _in_order(set(labels))

    digests = _digests(table)
    chosen = {part: table.take(np.flatnonzero(rows).tolist()) for part, rows in divided(digests, shares).items()}
    if len(chosen["train"].rows) < 2:
        raise InputError(f"{data} leaves fewer than two rows to train on: give more, or hold out less.", "data")
    encoder, left_out = learn_encoder(table.names, chosen["train"].rows, place, classes)
    notes += left_out
    if not encoder.columns:
        raise InputError(
            f"{data} has no usable column besides {table.names[place]}: {' '.join(left_out[:3]) or 'add one.'}", "data"
        )

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
            notes.append(f"the {part} split has no rows: it was left out.")
        elif held_out is not None and len(held_out) < ROUGH:
            notes.append(f"the {part} split has only {len(held_out)} rows: its metrics are rough.")
    train = _examples(chosen["train"], encoder, data, "data")
    return TableSet(table.name, fingerprint.hexdigest(), encoder, train, splits["validation"], splits["test"], notes)


def read_examples(data: str, encoder: Encoder) -> Examples:
    """Reads all rows of another table with labels, for a trained model.

    Raises:
        InputError: the table cannot be read, lacks a column, or has an unknown class.
    """
    return _examples(_labelled(read_table(data, "data"), encoder.label, []), encoder, data, "data")


def _examples(table: Table, encoder: Encoder, data: str, option: str) -> Examples:
    """Encodes the rows of a table with labels."""
    place = _label_column(table, encoder.label)
    numbers = {name: number for number, name in enumerate(encoder.classes)}
    labels = [row[place] for row in table.rows]
    for name in sorted(set(labels) - set(encoder.classes)):
        raise InputError(
            f"{data} has a class {name} that is not in the training data; their classes are "
            f"{', '.join(encoder.classes[:20])}.",
            option,
        )
    if not labels:
        raise InputError(f"{data} has no rows with a label: fill in the column {encoder.label}.", option)
    names = [f"{table.name}:{line}" for line in table.lines]
    return Examples(encoder.encode(table, data), np.array([numbers[name] for name in labels]), names)


def _label_column(table: Table, label: str | None) -> int:
    """Index of the column to predict.

    Raises:
        InputError: there is no column of that name.
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
    """Returns the rows that have a label."""
    place = _label_column(table, label)
    kept = [number for number, row in enumerate(table.rows) if not is_missing(row[place])]
    if len(kept) < len(table.rows):
        notes.append(f"{len(table.rows) - len(kept)} rows of {table.name} without a label were left out.")
    return table.take(kept)


def _check_label_values(labels: list[str], name: str) -> None:
    """Raises InputError for labels that are quantities, or differ in nearly every row."""
    different = set(labels)
    numbers = [as_number(label) for label in different]
    numeric = all(number is not None for number in numbers)
    whole = numeric and all(float(number or 0).is_integer() for number in numbers)
    many = len(different) > MOST_CLASSES
    if numeric and many and not (whole and len(different) <= 0.05 * len(labels)):
        raise InputError(
            f"label: {name} has {len(different):,} different numbers in {len(labels):,} rows: predicting a quantity "
            "is regression, and classify predicts classes. Name a column of classes with --label, or group the numbers "
            "into a few ranges.", "label",
        )  # fmt: skip
    if numeric and not whole and len(different) > 0.5 * len(labels):
        raise InputError(
            f"label: {name} has fractions that hardly repeat: predicting a quantity is regression, and classify "
            "predicts classes. Name a column of classes with --label.", "label",
        )  # fmt: skip
    if many and len(different) > 0.5 * len(labels):
        raise InputError(
            f"label: {name} has a different value in nearly every row ({len(different):,} values in {len(labels):,} "
            "rows): name a column of classes with --label.", "label",
        )  # fmt: skip


def _in_order(classes: set[str]) -> list[str]:
    """Sorts classes numerically if all are numbers, else alphabetically."""
    numbers = {name: as_number(name) for name in classes}
    if all(number is not None for number in numbers.values()):
        return sorted(classes, key=lambda name: (numbers[name], name))
    return sorted(classes)


def _digests(table: Table) -> list[bytes]:
    """A digest of each row."""
    return [hashlib.blake2b("\x1f".join(row).encode(), digest_size=8).digest() for row in table.rows]

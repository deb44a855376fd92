"""Reads the user's table with a label column and splits it into train, validation and test.

Data flow::

    file -> cells (data/shared/delimited.py) -> types of columns (types.py) -> splits
    -> encoder (columns.py), fitted to the training rows -> features (rows, features) and labels (rows,)

The cells of a row and the running number of its copy decide its split, so that adding rows moves no others, and copies
of a row do not all land on one side.
"""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float32, Int

from genlab.data.shared.delimited import Cells, carried, read_cells
from genlab.data.shared.headers import MISSING, is_missing
from genlab.data.shared.names import matching
from genlab.data.shared.numbers import as_number
from genlab.data.shared.splits import divided, shares_of
from genlab.data.tables.columns import Encoder, as_numbers, learn_encoder, matched
from genlab.data.tables.spelling import meaning, respelled, respelled_note, spelling_note
from genlab.data.tables.types import (
    LEFT_OUT,
    MOST,
    ColumnType,
    Kind,
    column_types,
    correction,
    number_types,
    stated_types,
)
from genlab.errors import InputError
from genlab.options import nearest

MIN_ROWS = 10
"""Smallest number of rows to train on."""
ROUGH = 100
"""Number of held-out rows below which a note calls the metrics rough."""
LABELS = ("label", "labels", "class", "classes", "target", "species", "category", "diagnosis", "outcome")
"""Usual names of label columns, in lower case; the first one in the table is used."""
MOST_CLASSES = 20
"""Largest number of classes that are fractions; others may be more if they repeat."""
CLASS_SHARE = 0.05
"""Largest number of classes that are whole numbers, as a fraction of the rows."""
VALUE_SHARE = 0.5
"""Largest number of classes, as a fraction of the rows."""
SPELLINGS = 3
"""Largest number of spellings per class in a column that is compared with the label."""
UNLABELLED = {"", "?", "nan", "null", "<na>", "#n/a"}
"""Cells of the label column, in lower case, that mean a missing label."""
DOUBTFUL = MISSING - UNLABELLED
"""Cells of the label column, in lower case, that are classes, though they may mean a missing label."""


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
    types: dict[str, ColumnType]
    """How each column but the label was interpreted."""
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


def read_table_set(
    data: str,
    validation: str,
    test: str,
    encoding: str | None = None,
    *,
    label: str | None = None,
    types: str | None = None,
    encoder: Encoder | None = None,
) -> TableSet:
    """Reads and splits a table.

    Args:
        data: File of delimited text, or a Parquet file.
        validation: Fraction of the rows that selects the weights, or a path to another table.
        test: Fraction of the rows that is only reported, or a path to another table.
        encoding: Encoding of files that are not UTF-8.
        label: Column to predict; None for one with a usual name (`LABELS`), else the last.
        types: Corrected types of columns, as "zip=category, when=date".
        encoder: Encoding of the columns, if they are those of a run; None to fit one.

    Raises:
        InputError: the data cannot be read, there are too few rows, or the label column does not hold classes.
    """
    notes: list[str] = []
    with carried(notes):
        return _read(data, validation, test, label, types, encoding, encoder, notes)


def _read(
    data: str,
    validation: str,
    test: str,
    label: str | None,
    types: str | None,
    encoding: str | None,
    encoder: Encoder | None,
    notes: list[str],
) -> TableSet:
    shares = shares_of(validation, test)
    cells = read_cells(data, "data", encoding, [label] if label else [])
    notes += cells.notes
    label_name = _label_name(cells, label)
    cells = _labelled(cells, label_name, notes)
    if label is None:
        notes.append(f"the column to predict is {label_name}; choose another with --label.")
    if len(cells) < MIN_ROWS:
        rows = f"{len(cells)} row{'s' * (len(cells) != 1)}"
        raise InputError(f"{data} has only {rows} with a label: give at least {MIN_ROWS}.", "data")
    labels = cells.column(label_name)
    counts = Counter(labels.tolist())
    _check_label_values(counts, label_name)
    notes += spelling_note(f"classes of {label_name}", counts)
    classes = _in_order(set(labels))
    if len(classes) < 2:
        raise InputError(
            f"label: all rows of {data} have the label {classes[0]} in {label_name}: a classifier needs at least two "
            "classes. Name another column with --label.", "label",
        )  # fmt: skip
    _check_leaks(cells, label_name, stated_types(types, cells.names, label_name))
    found, about = column_types(cells, types, label_name)
    notes += about

    content = _digests(cells)
    digests, copies = _numbered(content)
    if copies > len(cells) / 2:
        notes.append(f"{copies:,} of the {len(cells):,} rows are copies: the test split has copies of training rows.")
    chosen = {part: cells.take(np.flatnonzero(rows)) for part, rows in divided(digests, shares).items()}
    if len(chosen["train"]) < 2:
        raise InputError(f"{data} leaves fewer than two rows to train on: give more, or hold out less.", "data")
    if encoder is None or not {*encoder.names} <= {*cells.names}:
        encoder = learn_encoder(chosen["train"], found, label_name, classes)
    if not encoder.columns:
        why = "; ".join(f"{name}: {LEFT_OUT[kind.kind]}" for name, kind in list(found.items())[:3])
        raise InputError(f"{data} has no column to predict {label_name} from ({why or 'add one'}).", "data")

    fingerprint = hashlib.sha256(json.dumps([cells.names, label_name]).encode())
    fingerprint.update(b"".join(content))
    if copies:
        fingerprint.update(b"copies are numbered")  # their splits differ from those of older runs
    splits: dict[str, Examples | None] = {}
    for part, value in (("validation", validation), ("test", test)):
        if shares[part] is None:
            splits[part], other = read_examples(value, encoder, part, encoding, notes)
            fingerprint.update(other)
        else:
            splits[part] = _examples(chosen[part], encoder, data, "data") if len(chosen[part]) else None
        held_out = splits[part]
        if held_out is None and shares[part]:
            notes.append(f"the {part} split has no rows: it was left out.")
        elif held_out is not None and len(held_out) < ROUGH:
            notes.append(f"the {part} split has only {len(held_out)} rows: its metrics are rough.")
    train = _examples(chosen["train"], encoder, data, "data")
    return TableSet(
        cells.name, fingerprint.hexdigest(), encoder, found, train, splits["validation"], splits["test"], notes
    )


def read_examples(
    data: str, encoder: Encoder, option: str, encoding: str | None, notes: list[str]
) -> tuple[Examples, bytes]:
    """Reads all rows of another table with labels; returns them with a digest of the content, and adds to `notes`.

    Raises:
        InputError: the table cannot be read, lacks a column, or has an unknown class.
    """
    with carried(notes):
        cells = read_cells(data, option, encoding, [encoder.label, *encoder.names])
        notes += cells.notes
        (place,) = matched([encoder.label], cells.names, data)
        cells = replace(cells, names=[*cells.names[:place], encoder.label, *cells.names[place + 1 :]])
        cells = _labelled(cells, encoder.label, notes)
        return _examples(cells, encoder, data, option, notes), b"".join(_digests(cells))


def _examples(cells: Cells, encoder: Encoder, data: str, option: str, notes: list[str] | None = None) -> Examples:
    """Encodes the rows of a table with labels; those of another table than the training one add to `notes`."""
    numbers = {name: number for number, name in enumerate(encoder.classes)}
    labels = cells.column(encoder.label)
    if notes is not None and (spelled := respelled(dict.fromkeys(labels), encoder.classes)):
        notes.append(respelled_note(encoder.label, spelled, Counter(labels.tolist()), data))
        labels = np.array([spelled.get(label, label) for label in labels], object)
    for name in sorted(set(labels) - set(encoder.classes)):
        raise InputError(
            f"{data} has a class {name} that is not in the training data; their classes are "
            f"{', '.join(encoder.classes[:20])}.", option,
        )  # fmt: skip
    if not len(labels):
        raise InputError(f"{data} has no rows with a label: fill in the column {encoder.label}.", option)
    names = [f"{cells.name}:{line}" for line in cells.lines]
    if notes is None:
        rows = encoder.encode(cells)
    else:
        rows, odd = encoder.encode_other(cells, data)
        notes += odd
    return Examples(rows, np.array([numbers[name] for name in labels]), names)


def _label_name(cells: Cells, label: str | None) -> str:
    """Name of the column to predict.

    Raises:
        InputError: there is no column of that name.
    """
    if label is not None:
        found = matching([label], cells.names)
        if label not in found:
            raise InputError(
                f"label: {cells.name} has no column {label}: choose from {nearest(label, cells.names)}.", "label"
            )
        return found[label]
    lower = [name.casefold() for name in cells.names]
    return next((cells.names[lower.index(name)] for name in LABELS if name in lower), cells.names[-1])


def _labelled(cells: Cells, label: str, notes: list[str]) -> Cells:
    """Returns the rows that have a label."""
    labels = cells.column(label)
    counts = Counter(labels.tolist())
    for name in sorted(name for name in counts if name.lower() in DOUBTFUL):
        rows = f"{counts[name]:,} row{'s' * (counts[name] > 1)}"
        notes.append(f"{name} ({rows}) is a class of {label}; if it means no label, clear these cells.")
    kept = np.flatnonzero([cell.lower() not in UNLABELLED for cell in labels])
    if len(kept) == len(cells):
        return cells
    lines = np.delete(cells.lines, kept)
    what = "row of {} without a label was" if len(lines) == 1 else "rows of {} without a label were"
    notes.append(
        f"{len(lines):,} {what.format(cells.name)} left out: {cells.noun} {lines[0]}{' ...' * (len(lines) > 1)}"
    )
    return cells.take(kept)


def _check_leaks(cells: Cells, label: str, stated: dict[str, Any]) -> None:
    """Checks that no column says the same as the label, unless its type is stated; a few blank cells hide nothing.

    Raises:
        InputError: a column does.
    """
    labels = _meanings(cells.column(label))
    for name, column in zip(cells.names, cells.columns, strict=True):
        if name == label or name in stated or len(set(column)) > SPELLINGS * len(set(labels)):
            continue
        said = _meanings(column)
        blank = np.array([is_missing(cell) for cell in column]) & (said != labels)  # a class may be None
        rows = blank.mean() <= 1 - MOST and _determines(said[~blank], labels[~blank])
        if rows or _determines(said, labels):
            leave, keep = correction(name, Kind.IGNORE), correction(name, Kind.CATEGORY)
            raise InputError(
                f"{cells.name}: column {name} determines the label {label} in every row"
                f"{' in which it is filled' if blank.any() else ''}, and the reverse. If it would not be known in "
                f"advance, leave it out with {leave}; otherwise add {keep}.", "types",
            )  # fmt: skip


def _determines(cells: Any, labels: Any) -> bool:
    """Whether cells and labels correspond one to one."""
    pairs = set(zip(cells, labels, strict=True))
    return 1 < len(pairs) == len(set(cells)) == len(set(labels))


def _meanings(cells: Any) -> Any:
    """The cells without differences in spelling, (rows,)."""
    known = {cell: meaning(cell) for cell in set(cells)}
    return np.array([known[cell] for cell in cells], object)


def _check_label_values(labels: Counter[str], name: str) -> None:
    """Raises InputError for labels that are quantities, or differ in nearly every row."""
    rows = labels.total()
    number = number_types({name: labels})[0][name]
    values = number.fitting(labels)
    quantities = sum(values.values()) >= MOST * rows
    most = max(MOST_CLASSES, (CLASS_SHARE if quantities else VALUE_SHARE) * rows)
    if quantities and not all(as_numbers(values, number) % 1 == 0):  # fractions
        most = min(MOST_CLASSES, VALUE_SHARE * rows)
    if len(labels) <= most:
        return
    if quantities:
        raise InputError(
            f"label: {name} has {len(labels):,} different numbers in {rows:,} rows: predicting a quantity is "
            "regression, and classify predicts classes. Name a column of classes with --label, or group the numbers "
            "into a few ranges.", "label",
        )  # fmt: skip
    raise InputError(
        f"label: {name} has a different value in nearly every row ({len(labels):,} values in {rows:,} rows): name a "
        "column of classes with --label.", "label",
    )  # fmt: skip


def _in_order(classes: set[str]) -> list[str]:
    """Sorts classes numerically if all are numbers, else alphabetically."""
    numbers = {name: as_number(name) for name in classes}
    if all(number is not None for number in numbers.values()):
        return sorted(classes, key=lambda name: (numbers[name], name))
    return sorted(classes)


def _digests(cells: Cells) -> list[bytes]:
    """A digest of each row."""
    rows = zip(*cells.columns, strict=True)
    return [hashlib.blake2b("\x1f".join(row).encode(), digest_size=8).digest() for row in rows]


def _numbered(digests: list[bytes]) -> tuple[list[bytes], int]:
    """Digests in which the second and later copies of a row have their running number, and the number of copies."""
    seen: Counter[bytes] = Counter()
    found = []
    for digest in digests:
        number = seen[digest]
        again = hashlib.blake2b(digest + number.to_bytes(8, "little"), digest_size=8).digest()
        found.append(again if number else digest)
        seen[digest] += 1
    return found, len(digests) - len(seen)

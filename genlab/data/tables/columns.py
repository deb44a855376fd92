"""Encodes table cells as features.

A number is centred and scaled, and an extra feature marks missing ones. A category is one-hot; rare and unseen ones
share a feature. A date becomes the day and its positions in the week, the year and the day.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float32, Float64

from genlab.data.shared.delimited import Cells
from genlab.data.shared.delimited import Column as Texts
from genlab.data.shared.headers import is_missing
from genlab.data.shared.names import matching
from genlab.data.shared.numbers import as_number, decimal_marks, plain_numbers, units
from genlab.data.tables.dates import ISO, date_features, date_format, features_of, parse_date
from genlab.data.tables.spelling import TRUTH, respelled, respelled_note
from genlab.data.tables.types import CATEGORIES, RARE, ColumnType, Kind, counted, odd_note
from genlab.errors import InputError

FARTHEST = 10.0
"""Bound on the numbers of runs from before the smooth bound, in standard deviations."""
BEND = 3.0
"""Numbers are bounded smoothly at this many scales from the centre, to limit outliers."""


@dataclass(frozen=True)
class Column(ABC):
    """Encoding of a column."""

    name: str

    kind: ClassVar[Kind]

    @property
    @abstractmethod
    def features(self) -> int:
        """Number of features."""

    @property
    @abstractmethod
    def numeric(self) -> int:
        """Number of features that are quantities; they come first."""

    @property
    @abstractmethod
    def type(self) -> ColumnType:
        """How the cells are written."""

    def knows(self, cell: str) -> bool:
        """Whether a cell that is not missing can be read."""
        return self.type.fits(cell)

    @abstractmethod
    def respelled(self, cells: Iterable[str]) -> dict[str, str]:
        """Those of the cells that cannot be read but say the same as others that can, with these."""

    @abstractmethod
    def encode(self, cells: Texts) -> Float32[np.ndarray, "rows features"]:
        """Encodes cells; those that cannot be read count as missing."""


@dataclass(frozen=True)
class NumberColumn(Column):
    """A column of numbers: x becomes (x - centre) / scale, bounded smoothly (Holzmüller et al. 2024, arXiv 2407.04491,
    section 3: robust scaling and smooth clipping)."""

    centre: float
    scale: float
    median: float
    """Replaces missing numbers."""
    gaps: bool
    """Whether a feature marks missing numbers, because some were missing in training."""
    decimal: str = "."
    smooth: bool = True
    """Whether the bound is smooth; runs from before it clip at `FARTHEST`."""
    unit: str = ""
    """Unit that may follow the numbers."""

    kind = Kind.NUMBER

    @property
    def features(self) -> int:
        return 1 + self.gaps

    @property
    def numeric(self) -> int:
        return 1

    @property
    def type(self) -> ColumnType:
        return ColumnType(Kind.NUMBER, self.decimal, self.unit)

    def respelled(self, cells: Iterable[str]) -> dict[str, str]:
        return {cell: TRUTH[cell.lower()] for cell in cells if cell.lower() in TRUTH}

    def encode(self, cells: Texts) -> Float32[np.ndarray, "rows features"]:
        numbers = as_numbers(cells, self.type)
        gaps = np.isnan(numbers)
        numbers[gaps] = self.median
        standard = (numbers - self.centre) / self.scale
        standard = bounded(standard) if self.smooth else standard.clip(-FARTHEST, FARTHEST)
        return np.stack([standard, gaps] if self.gaps else [standard], 1).astype(np.float32)


@dataclass(frozen=True)
class CategoryColumn(Column):
    """A column of categories."""

    values: list[str]
    """Categories with their own feature; "" is a missing cell."""

    kind = Kind.CATEGORY

    @property
    def features(self) -> int:
        return len(self.values) + 1

    @property
    def numeric(self) -> int:
        return 0

    @property
    def type(self) -> ColumnType:
        return ColumnType(Kind.CATEGORY)

    def knows(self, cell: str) -> bool:
        return cell in self.values

    def respelled(self, cells: Iterable[str]) -> dict[str, str]:
        return respelled(cells, self.values)

    def encode(self, cells: Texts) -> Float32[np.ndarray, "rows features"]:
        places = {value: place for place, value in enumerate(self.values)}
        missing = places.get("", len(self.values))
        codes = {cell: places.get(cell, missing if is_missing(cell) else len(self.values)) for cell in set(cells)}
        found = np.zeros((len(cells), self.features), np.float32)
        found[np.arange(len(cells)), [codes[cell] for cell in cells]] = 1
        return found


@dataclass(frozen=True)
class DateColumn(Column):
    """A column of dates; a missing date is the mean training date."""

    form: str
    """strptime format."""
    centre: list[float]
    """Mean of each feature, (features,)."""
    scale: list[float]
    """Standard deviation of each feature, (features,)."""

    kind = Kind.DATE

    @property
    def features(self) -> int:
        return features_of(self.form)

    @property
    def numeric(self) -> int:
        return features_of(self.form)

    @property
    def type(self) -> ColumnType:
        return ColumnType(Kind.DATE, self.form)

    def respelled(self, cells: Iterable[str]) -> dict[str, str]:
        dates = {cell: parse_date(cell, ISO) for cell in cells if not self.knows(cell)}
        return {cell: date.strftime(self.form) for cell, date in dates.items() if date}

    def other_form(self, counts: Mapping[str, int]) -> str:
        """Another format that all cells fit, if they do not all fit that of the training data; "" for none."""
        form = "" if all(map(self.knows, counts)) else date_format(counts)[0]
        return form if form and all(parse_date(cell, form) for cell in counts) else ""

    def encode(self, cells: Texts) -> Float32[np.ndarray, "rows features"]:
        standard = (as_dates(cells, self.form) - self.centre) / np.array(self.scale)
        return bounded(np.nan_to_num(standard)).astype(np.float32)


COLUMNS: dict[str, type[Column]] = {one.kind: one for one in (NumberColumn, CategoryColumn, DateColumn)}


@dataclass(frozen=True)
class Encoder:
    """Encoding of rows and classes; saved with the run as JSON."""

    columns: list[Column]
    classes: list[str]
    label: str
    """Name of the label column."""

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return [column.name for column in self.columns]

    @property
    def features(self) -> int:
        return sum(column.features for column in self.columns)

    @property
    def slices(self) -> dict[str, slice]:
        """The features of each column, by its name."""
        ends = np.cumsum([column.features for column in self.columns]).tolist()
        return {column.name: slice(end - column.features, end) for column, end in zip(self.columns, ends, strict=True)}

    @property
    def numeric(self) -> list[int]:
        """Indices of the features that are quantities."""
        starts = [place.start for place in self.slices.values()]
        return [
            start + number
            for start, column in zip(starts, self.columns, strict=True)
            for number in range(column.numeric)
        ]

    def encode(self, table: Cells) -> Float32[np.ndarray, "rows features"]:
        """Encodes rows of the table that the columns were fitted to."""
        rows = np.empty((len(table), self.features), np.float32)
        for column, place in zip(self.columns, self.slices.values(), strict=True):
            rows[:, place] = column.encode(table.column(column.name))
        return rows

    def encode_other(self, table: Cells, where: str) -> tuple[Float32[np.ndarray, "rows features"], list[str]]:
        """Encodes the rows of another table with all columns, in any order; returns them with notes on odd cells.

        Raises:
            InputError: a column is missing, or hardly any of its cells can be read; `where` names the table.
        """
        notes, parts = [], []
        places = matched(self.names, table.names, where)
        for column, place in zip(_with_marks(self.columns, places, table), places, strict=True):
            rows, about = _encode_other(column, table.columns[place], table, where)
            parts.append(rows)
            notes += about
        return np.concatenate(parts, 1), notes

    def to_json(self) -> dict[str, Any]:
        columns = [{"kind": column.kind, **vars(column)} for column in self.columns]
        return {"label": self.label, "classes": self.classes, "columns": columns}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> "Encoder":
        return cls([_reopened(column) for column in saved["columns"]], saved["classes"], saved["label"])


def _with_marks(columns: list[Column], places: list[int], table: Cells) -> list[Column]:
    """The columns with the decimal marks of another table; those of the run where its cells fit both."""
    marks = [table.decimal] * len(table.columns)
    if not table.decimal:
        filled = [Counter(cell for cell in cells if not is_missing(cell)) for cells in table.columns]
        written = {place: column.type.unit for column, place in zip(columns, places, strict=True)}
        marks = decimal_marks(filled, [written.get(place, "") for place in range(len(filled))])
    return [
        replace(column, decimal=marks[place] or column.decimal) if isinstance(column, NumberColumn) else column
        for column, place in zip(columns, places, strict=True)
    ]


def _encode_other(column: Column, cells: Texts, table: Cells, where: str) -> tuple[np.ndarray, list[str]]:
    """Encodes a column of another table; returns its features, (rows, features), with notes."""
    notes = []
    filled = Counter(cell for cell in cells if not is_missing(cell))
    if spelled := column.respelled(filled):
        notes.append(respelled_note(column.name, spelled, filled, where))
        cells = np.array([spelled.get(cell, cell) for cell in cells], object)
        filled = Counter(cell for cell in cells if not is_missing(cell))
    if isinstance(column, NumberColumn):
        others = units(column.type.fitting(filled))
        if others := Counter({unit: count for unit, count in others.items() if unit not in ("", column.unit)}):
            said = f"{where}: numbers in {column.name} have other units than the run's ({column.unit or 'none'})"
            notes.append(f"{said}: {counted(others)}; they are read as written (1% is 1).")
    if isinstance(column, DateColumn) and (form := column.other_form(filled)):
        said = f"dates of column {column.name} in {where} are read as {form}, which fits all of them"
        notes.append(f"{said}, unlike {column.form}, that of the training data.")
        column = replace(column, form=form)
    strange = [cell for cell in filled if not column.knows(cell)]
    share = sum(filled[cell] for cell in strange) / max(1, filled.total())
    if share > 0.5 and filled.total() > 2:
        line = table.lines[cells.tolist().index(strange[0])]
        what = f"{strange[0][:40]!r} ({table.noun} {line})"
        if column.kind is not Kind.CATEGORY:
            raise InputError(
                f"{where}: most cells of column {column.name} are not {column.kind}s, such as {what}: give a "
                "table like the one that the run was trained on.", "data",
            )  # fmt: skip
        notes.append(f"{where}: most values of column {column.name} were not learnt in training, such as {what}.")
    notes += odd_note(column.name, column.type.odd(cells, table.lines, filled), column.kind, where, table.noun)
    return column.encode(cells), notes


def _reopened(saved: dict[str, Any]) -> Column:
    """A column from JSON; those of older runs have no kind."""
    if "kind" in saved:
        made = COLUMNS[saved["kind"]]
        return made(**{field.name: saved[field.name] for field in fields(made) if field.name in saved})
    if saved["values"] is not None:
        return CategoryColumn(saved["name"], saved["values"])
    return NumberColumn(saved["name"], saved["mean"], saved["deviation"], saved["median"], saved["gaps"], smooth=False)


def matched(names: list[str], given: list[str], where: str) -> list[int]:
    """Where each of `names` is among the names of another table, which may differ in case and spaces.

    Raises:
        InputError: a name is missing; `where` names the table.
    """
    found = matching(names, given)
    if lacks := [name for name in names if name not in found]:
        raise InputError(
            f"{where} has no column {', '.join(lacks[:5])}: this run needs {', '.join(names[:20])}"
            f"{' ...' if len(names) > 20 else ''}; the table has {', '.join(given[:20])}"
            f"{' ...' if len(given) > 20 else ''}.", "data",
        )  # fmt: skip
    places = {name: place for place, name in enumerate(given)}
    return [places[found[name]] for name in names]


def learn_encoder(cells: Cells, types: dict[str, ColumnType], label: str, classes: list[str]) -> Encoder:
    """Fits an encoder to training rows; columns without a usable type are left out."""
    columns: list[Column] = []
    for name, kind in types.items():
        column = cells.column(name)
        if kind.kind is Kind.NUMBER:
            columns.append(_numbers(name, kind, as_numbers(column, kind)))
        elif kind.kind is Kind.CATEGORY:
            columns.append(CategoryColumn(name, _usual(column)))
        elif kind.kind is Kind.DATE:
            found = as_dates(column, kind.form)
            centre = np.nan_to_num(np.nanmean(found, 0)) if len(found) else np.zeros(found.shape[1])
            spread = np.nan_to_num(np.nanstd(found, 0))
            columns.append(DateColumn(name, kind.form, centre.tolist(), np.where(spread > 1e-9, spread, 1.0).tolist()))
    return Encoder(columns, classes, label)


def _numbers(name: str, kind: ColumnType, numbers: Float64[np.ndarray, " rows"]) -> NumberColumn:
    known = numbers[~np.isnan(numbers)]
    if not len(known):
        known = np.zeros(1)
    low, median, high = np.quantile(known, (0.25, 0.5, 0.75)).tolist()
    scale = high - low or (known.max() - known.min()) / 2 or 1.0
    gaps = bool(np.isnan(numbers).any())
    return NumberColumn(name, median, float(scale), median, gaps, kind.form, unit=kind.unit)


def _usual(cells: Texts) -> list[str]:
    """The categories that get a feature each."""
    counts = Counter(cells.tolist())
    marks = [cell for cell in counts if is_missing(cell)]
    missing = sum(counts.pop(mark) for mark in marks)
    usual = [value for value, count in counts.most_common(CATEGORIES) if count >= RARE]
    return sorted([*usual, *([""] if missing >= RARE else [])])


def as_numbers(cells: Iterable[str], kind: ColumnType) -> Float64[np.ndarray, " rows"]:
    """The numbers in cells; NaN for those that are missing or cannot be read."""
    cells = list(cells)
    different = list(set(cells))
    plain = plain_numbers(different) if kind.form == "." else None
    numbers = [as_number(cell, kind.form, kind.unit) for cell in different] if plain is None else plain.tolist()
    known = dict(zip(different, numbers, strict=True))
    return np.array([known[cell] for cell in cells], np.float64)  # None becomes NaN


def as_dates(cells: Iterable[str], form: str) -> Float64[np.ndarray, "rows features"]:
    """The features of the dates in cells; NaN for those that are missing or cannot be read."""
    cells = list(cells)
    different = list(dict.fromkeys(cells))
    features = date_features([parse_date(cell, form) for cell in different], form)
    rows = {cell: row for row, cell in enumerate(different)}
    return features[[rows[cell] for cell in cells]]


def bounded(numbers: Float64[np.ndarray, "*shape"]) -> Float64[np.ndarray, "*shape"]:
    """Leaves numbers near 0 as they are, and bounds the others smoothly at ±`BEND`."""
    return numbers / np.sqrt(1 + (numbers / BEND) ** 2)

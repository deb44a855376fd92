"""Rows from Python as a table: a data frame, dicts by column, or an array."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from torch import Tensor

from genlab.data.shared.delimited import Cells
from genlab.data.tables.columns import matched
from genlab.errors import InputError


@runtime_checkable
class DataFrame(Protocol):
    """A data frame of pandas, or one like it."""

    columns: Any

    def to_dict(self) -> Any: ...

    def __getitem__(self, name: Any) -> Any: ...


def cells_of(data: Any, names: list[str]) -> Cells:
    """Converts rows from Python to a table.

    Args:
        data: A data frame; a dict, or a list of dicts, with a value for each column; a dict with a list of values for
            each column; or an array or a list of rows with the columns `names` in order.
        names: The columns that are needed.

    Raises:
        InputError: columns are missing or have the same name, or the number of values differs.
    """
    if isinstance(data, DataFrame):
        if again := [name for name, count in Counter(data.columns).items() if count > 1]:
            raise InputError(f"data: several columns are called {again[0]}: rename or drop all but one.", "data")
        data = {name: list(data[name]) for name in data.columns}
    rows: list[Any]
    if isinstance(data, Mapping):
        columns = _picked(data, names, "data")
        lists = list(map(_is_list, columns))
        if all(lists) and len(set(map(len, columns))) == 1:
            rows = list(zip(*columns, strict=True))
        elif any(lists):
            raise InputError("data: give one value for each column, or lists of equal length for all.", "data")
        else:
            rows = [columns]
    elif isinstance(data, (list, tuple)) and data and all(isinstance(row, Mapping) for row in data):
        rows = [_picked(row, names, f"data, row {number}") for number, row in enumerate(data, 1)]
    else:
        rows = _array_rows(data, names)
    if not rows:
        raise InputError("data: there are no rows: give at least one.", "data")
    cells = [np.array([_cell(value) for value in column], object) for column in zip(*rows, strict=True)]
    return Cells("rows", names, cells, np.arange(1, len(rows) + 1), decimal=".", noun="row")


def _picked(row: Mapping[Any, Any], names: list[str], where: str) -> list[Any]:
    """The values of the columns `names`, which may differ in case and spaces."""
    if all(name in row for name in names):
        return [row[name] for name in names]
    keys = list(row)
    return [row[keys[place]] for place in matched(names, list(map(str, keys)), where)]


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple)) or getattr(value, "ndim", 0) == 1


def _array_rows(data: Any, names: list[str]) -> list[Any]:
    """The rows of an array; those of a list keep their types, because in an array True beside a number is 1."""
    try:
        array = np.asarray(data.detach().cpu() if isinstance(data, Tensor) else data)
        array = np.array(data, object) if isinstance(data, (list, tuple)) and array.ndim == 2 else array
    except ValueError:
        array = np.empty(0)
    if array.ndim != 2 or array.shape[1] != len(names) or not len(array):
        raise InputError(
            f"data: this run takes a data frame, dicts, or rows of {len(names)} values ({', '.join(names[:20])}), "
            f"not an array of shape {array.shape}.", "data",
        )  # fmt: skip
    return list(array.tolist())


def _cell(value: Any) -> str:
    """A value as a CSV file would have it."""
    text = "" if value is None else str(value.item() if isinstance(value, Tensor) else value).strip()
    return "" if text == "NaT" else text

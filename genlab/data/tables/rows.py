"""Rows from Python as a table: a data frame, dicts by column, or an array."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
from torch import Tensor

from genlab.data.shared.delimited import Cells
from genlab.errors import InputError


@runtime_checkable
class DataFrame(Protocol):
    """A data frame of pandas, or one like it."""

    columns: Any

    def to_dict(self, orient: str) -> Any: ...


def cells_of(data: Any, names: list[str]) -> Cells:
    """Converts rows from Python to a table: a data frame, dicts by column, or an array with the columns `names`.

    Raises:
        InputError: columns are missing, or the number of columns differs.
    """
    if isinstance(data, DataFrame):
        data = data.to_dict("records")
    if isinstance(data, dict):
        data = [data]
    if isinstance(data, (list, tuple)) and data and all(isinstance(row, dict) for row in data):
        for number, row in enumerate(data):
            for name in names:
                if name not in row:
                    raise InputError(f"Row {number} has no {name}: this run needs {', '.join(names[:20])}.", "data")
        rows = [[_cell(row[name]) for name in names] for row in data]
    else:
        try:
            array = np.asarray(data.detach().cpu() if isinstance(data, Tensor) else data)
        except ValueError:
            array = np.empty(0)
        if array.ndim != 2 or array.shape[1] != len(names) or not len(array):
            raise InputError(
                f"data: this run takes rows of {len(names)} values ({', '.join(names[:20])}), "
                f"not an array of shape {array.shape}.", "data",
            )  # fmt: skip
        rows = [[_cell(value) for value in row] for row in array.tolist()]
    columns = [np.array(column, object) for column in zip(*rows, strict=True)]
    return Cells("rows", names, columns, np.arange(len(rows)), decimal=".")


def _cell(value: Any) -> str:
    return "" if value is None else str(value).strip()

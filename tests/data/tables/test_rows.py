"""Rows from Python have the values that training read from a file."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from genlab.data.tables.columns import Encoder
from genlab.data.tables.rows import cells_of
from genlab.data.tables.table_set import read_table_set
from genlab.errors import InputError
from tests.data.made import write

NAMES = ["sold", "zip", "day", "time", "flag", "size"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> Encoder:
    rows = [
        [("true", "false")[n % 2], f"{2116 + n % 5:05d}", f"{1 + n % 28:02d}/02/2024",
         f"{n % 28 + 1}.02.2024 14:{n:02d}", str(n // 2 % 2), f"{n * 7 % 11}.5", "ab"[n // 3 % 2]]
        for n in range(60)
    ]  # fmt: skip
    path = write(Path(tmp_path_factory.mktemp("rows")) / "t.csv", rows, [*NAMES, "label"])
    made = read_table_set(path, "0", "0", types="flag=number").encoder
    assert [str(column.type) for column in made.columns] == [
        "category", "category", "date (%d/%m/%Y)", "date (%d.%m.%Y %H:%M)", "number", "number",
    ]  # fmt: skip
    return made


FIRST = ["true", "02116", "28/02/2024", "28.02.2024 14:05", "1", "2.5"]
"""A row as the file has it."""


def encoded(encoder: Encoder, data: Any, names: list[str] = NAMES) -> np.ndarray:
    return encoder.encode_other(cells_of(data, names), "the rows")[0]


TYPED = {
    "sold": [True, np.True_, "True", " TRUE ", torch.tensor(True), 1],
    "zip": [2116, 2116.0, np.int32(2116), "2116", Decimal(2116)],
    "day": [dt.date(2024, 2, 28), dt.datetime(2024, 2, 28), np.datetime64("2024-02-28"), "2024-02-28",
            np.datetime64("2024-02-28", "ns")],
    "time": [dt.datetime(2024, 2, 28, 14, 5), dt.datetime(2024, 2, 28, 14, 5, tzinfo=dt.UTC), "2024-02-28T14:05Z"],
    "flag": [True, np.True_, 1, 1.0, "true", np.int64(1)],
    "size": [2.5, np.float32(2.5), Decimal("2.5"), torch.tensor(2.5)],
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in TYPED.items() for value in values])
def test_typed_values(encoder: Encoder, name: str, value: Any) -> None:
    place = NAMES.index(name)
    row = [*FIRST[:place], value, *FIRST[place + 1 :]]
    expected = encoded(encoder, [FIRST])
    for data in ([row], dict(zip(NAMES, row, strict=True)), [dict(zip(NAMES, row, strict=True))]):
        assert np.array_equal(encoded(encoder, data), expected)


@pytest.mark.parametrize("missing", [None, float("nan"), "", "NA", np.datetime64("NaT")])
def test_missing_values(encoder: Encoder, missing: Any) -> None:
    blank = encoded(encoder, [[""] * len(NAMES)])
    assert np.array_equal(encoded(encoder, [[missing] * len(NAMES)]), blank)


def test_what_is_read_in_another_spelling_is_noted(encoder: Encoder) -> None:
    row = [True, 2116, dt.date(2024, 2, 28), *FIRST[3:]]
    _, notes = encoder.encode_other(cells_of([row], NAMES), "the rows")
    said = "is read in the spelling of the training data"
    assert notes == [
        f"the rows: 1 cell of column sold {said}: 'True' as 'true'.",
        f"the rows: 1 cell of column zip {said}: '2116' as '02116'.",
        f"the rows: 1 cell of column day {said}: '2024-02-28' as '28/02/2024'.",
    ]


def test_columns(encoder: Encoder) -> None:
    pandas = pytest.importorskip("pandas")
    second = [False, 2117, dt.date(2024, 2, 3), dt.datetime(2024, 2, 4, 14, 6), 0, 7.5]
    expected = encoded(encoder, [FIRST, second])
    columns = dict(zip(NAMES, map(list, zip(FIRST, second, strict=True)), strict=True))
    assert np.array_equal(encoded(encoder, columns), expected)
    arrays = {name: np.array(column, object) for name, column in columns.items()}
    assert np.array_equal(encoded(encoder, {"more": ["x", "y"], **arrays}), expected)
    frame = pandas.DataFrame(columns).assign(more=1)
    typed = frame.assign(
        sold=[True, False], zip=[2116, 2117], day=pandas.to_datetime(["2024-02-28", "2024-02-03"]), flag=[True, False],
        time=pandas.to_datetime(["2024-02-28 14:05", "2024-02-04 14:06"]).tz_localize("UTC"),
    )  # fmt: skip
    for data in (frame, typed, typed[typed.columns[::-1]], typed.rename(columns=str.upper), typed.to_dict("records")):
        assert np.array_equal(encoded(encoder, data), expected)
    gaps = pandas.DataFrame({name: [pandas.NA if name == "sold" else pandas.NaT] for name in NAMES})
    assert np.array_equal(encoded(encoder, gaps), encoded(encoder, [[""] * len(NAMES)]))


def test_columns_of_a_data_frame_with_the_same_name() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame([[1, 2, 3]], columns=["a", "b", "a"])
    with pytest.raises(InputError, match="data: several columns are called a: rename or drop all but one"):
        cells_of(frame, ["a", "b"])


def test_rows_count_from_one() -> None:
    assert list(cells_of([[1, 2], [3, 4]], ["a", "b"]).lines) == [1, 2]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"a": [1, 2], "b": [1]}, "one value for each column, or lists of equal length"),
        ({"a": [1, 2], "b": 1}, "one value for each column, or lists of equal length"),
        ({"a": [], "b": []}, "there are no rows"),
        ({"a": [1]}, "data has no column b: this run needs a, b; the table has a"),
        ([{"a": 1, "b": 2}, {"a": 1}], "data, row 2 has no column b"),
        ([[1, 2], [3]], "a data frame, dicts, or rows of 2 values"),
        ([{"a": 1, "b": 2}, [1, 2]], "a data frame, dicts, or rows of 2 values"),
    ],
)
def test_rows_that_cannot_be_read(data: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        cells_of(data, ["a", "b"])
    assert error.value.field == "data"

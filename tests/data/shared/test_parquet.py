"""Parquet files are read as the CSV file that pandas would write of them."""

import datetime
from pathlib import Path

import pytest

from genlab.data.shared.delimited import read_cells
from genlab.errors import InputError

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def written(path: Path, **columns) -> str:
    pq.write_table(pa.table(columns), path)
    return str(path)


def test_every_plain_type(tmp_path: Path) -> None:
    path = written(
        tmp_path / "t.parquet",
        whole=[2**60 + 1, None],
        real=[1.5, float("nan")],
        word=pa.array(["a b", None]).dictionary_encode(),
        flag=[True, False],
        day=[datetime.date(2024, 2, 29), None],
        time=[datetime.datetime(2024, 2, 29, 12, 30), None],
        several=[[1, 2], None],
    )
    cells = read_cells(path, "data")
    assert {name: list(column) for name, column in zip(cells.names, cells.columns, strict=True)} == {
        "whole": [str(2**60 + 1), ""],
        "real": ["1.5", ""],
        "word": ["a b", ""],
        "flag": ["True", "False"],
        "day": ["2024-02-29", ""],
        "time": ["2024-02-29 12:30:00", ""],
    }
    assert list(cells.lines) == [1, 2]
    assert cells.notes == [f"{path}: column several left out: it holds list<element: int64>, not plain values."]


def test_names_are_those_of_a_text_file(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    columns = [pa.array(cells) for cells in ([1, 2], [3, 4], ["x", "y"], [5, 6], [None, None])]
    pq.write_table(pa.Table.from_arrays(columns, names=["a", "a ", "", "b\nc", ""]), path)
    cells = read_cells(str(path), "data")
    assert cells.names == ["a", "a (2)", "column 3", "b c"]
    assert [list(column) for column in cells.columns] == [["1", "2"], ["3", "4"], ["x", "y"], ["5", "6"]]
    assert cells.notes == [
        f"{path}: columns without a name or a value left out: 1.",
        f"{path}: columns without a name are called 'column 3'.",
        f"{path}: repeated names get a number: 'a (2)'.",
    ]


def test_one_time_outside_of_python_hides_no_other(tmp_path: Path) -> None:
    path = written(tmp_path / "t.parquet", time=pa.array([10**12, 1709209800], pa.timestamp("s")), key=[1, 2])
    assert read_cells(path, "data").column("time")[1].startswith("2024-02-29 12:30:00")


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    path = written(tmp_path / "t.parquet", a=[1, 2])
    Path(path).write_bytes(Path(path).read_bytes()[:-30])
    with pytest.raises(InputError, match="is a damaged Parquet file"):
        read_cells(path, "data")
    path = written(tmp_path / "empty.parquet", a=pa.array([None], pa.int64()), b=[[1]])
    with pytest.raises(InputError, match="has no values") as caught:
        read_cells(path, "data")
    assert caught.value.__notes__ == [f"{path}: column b left out: it holds list<element: int64>, not plain values."]

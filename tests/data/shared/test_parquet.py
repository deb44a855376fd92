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
    assert cells.notes == ["column several was left out: it holds list<element: int64>, not plain values."]


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    path = written(tmp_path / "t.parquet", a=[1, 2])
    Path(path).write_bytes(Path(path).read_bytes()[:-30])
    with pytest.raises(InputError, match="is a damaged Parquet file"):
        read_cells(path, "data")
    with pytest.raises(InputError, match="has no rows"):
        read_cells(written(tmp_path / "empty.parquet", a=pa.array([], pa.int64())), "data")

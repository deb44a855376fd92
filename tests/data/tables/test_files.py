"""Reading tables: separators, quotes, compression, headers."""

import bz2
import gzip
import lzma
from pathlib import Path

import pytest

from genlab.catalog import task_named
from genlab.data.tables.files import read_table
from tests.data.made import HEADER, cells, write


@pytest.mark.parametrize(("name", "separator"), [("t.csv", ","), ("t.csv", ";"), ("t.tsv", "\t"), ("t.csv", "\t")])
def test_separators(tmp_path: Path, name: str, separator: str) -> None:
    table = read_table(write(tmp_path / name, cells(), separator=separator), "data")
    assert table.names == HEADER
    assert table.rows == cells()
    assert table.lines[:2] == [2, 3]


def test_gzip_quotes_windows_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    text = '\ufeffname,kind\r\n"Smith, J.",cat\r\n\r\n"two\nlines",dog\r\n'
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(text.encode()))
    table = read_table(str(tmp_path / "t.csv.gz"), "data")
    assert table.rows == [["Smith, J.", "cat"], ["two\nlines", "dog"]]
    assert table.lines == [2, 5]


@pytest.mark.parametrize(("ending", "compress"), [("gz", gzip.compress), ("xz", lzma.compress), ("bz2", bz2.compress)])
def test_compressed_tables(tmp_path: Path, ending: str, compress) -> None:
    """The extension before that of the compression decides the separator and the default model."""
    (tmp_path / f"t.tsv.{ending}").write_bytes(compress(b"a,b,c\td\n1,2,3\t4\n"))
    assert read_table(str(tmp_path / f"t.tsv.{ending}"), "data").rows == [["1,2,3", "4"]]
    assert {task_named("classify").model(None, f"t.{kind}.{ending}").name for kind in ("csv", "tsv")} == {"mlp"}


def test_without_a_header_columns_are_numbered(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "t.csv", cells(), None), "data")
    assert table.names == ["column 1", "column 2", "column 3"]
    assert len(table.rows) == 60

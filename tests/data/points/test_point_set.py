"""Reading and splitting points, and the errors about input that cannot be used."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from genlab.data.points.point_set import read_points
from genlab.errors import InputError

POINTS = np.random.default_rng(0).normal(size=(200, 2))


def write(path: Path, points: np.ndarray, delimiter: str = ",", header: str = "") -> str:
    lines = [header] if header else []
    lines += [delimiter.join(repr(float(value)) for value in row) for row in points]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def rows(points: np.ndarray | None) -> set[tuple[float, float]]:
    assert points is not None
    return {(float(x), float(y)) for x, y in points}


def test_reads_every_digit(tmp_path: Path) -> None:
    points = read_points(write(tmp_path / "p.csv", POINTS), "0", "0")
    assert np.array_equal(points.train, POINTS)
    assert points.validation is None
    assert points.test is None
    assert points.name == "p.csv"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("header", ["", "x{}y", '"a b"{}"c"'])
def test_headers_and_delimiters(tmp_path: Path, delimiter: str, header: str) -> None:
    path = write(tmp_path / "p.csv", POINTS, delimiter, header.format(delimiter))
    assert np.array_equal(read_points(path, "0", "0").train, POINTS)


def test_gzip_windows_lines_blank_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    text = "\ufeffx,y\r\n\r\n" + "\r\n".join(f"{float(x)!r}, {float(y)!r}" for x, y in POINTS) + "\r\n\r\n"
    path = tmp_path / "points.csv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    assert np.array_equal(read_points(str(path), "0", "0").train, POINTS)


def test_splits_share_out_the_points(tmp_path: Path) -> None:
    many = np.random.default_rng(1).normal(size=(4000, 2))
    points = read_points(write(tmp_path / "p.csv", many), "0.05", "0.10")
    parts = [rows(points.train), rows(points.validation), rows(points.test)]
    assert set.union(*parts) == rows(many)
    assert sum(map(len, parts)) == 4000
    assert len(parts[1]) == pytest.approx(200, abs=45)
    assert len(parts[2]) == pytest.approx(400, abs=65)


def test_adding_points_or_another_share_moves_none(tmp_path: Path) -> None:
    few = read_points(write(tmp_path / "few.csv", POINTS), "0.2", "0.2")
    more = read_points(write(tmp_path / "more.csv", np.concatenate((POINTS[::-1] + 9, POINTS))), "0.2", "0.2")
    for part in ("train", "validation", "test"):
        assert rows(getattr(few, part)) <= rows(getattr(more, part))
    assert few.test is not None
    wider = read_points(str(tmp_path / "few.csv"), "0.4", "0.2")
    assert rows(wider.test) == rows(few.test)
    assert rows(few.validation) < rows(wider.validation)


def test_the_same_point_is_never_in_two_splits(tmp_path: Path) -> None:
    twice = np.concatenate((POINTS, POINTS, -0.0 * POINTS[:1], 0.0 * POINTS[:1]))
    points = read_points(write(tmp_path / "p.csv", twice), "0.3", "0.3")
    assert not rows(points.train) & rows(points.test)
    assert not rows(points.train) & rows(points.validation)


def test_splits_from_paths(tmp_path: Path) -> None:
    own = write(tmp_path / "own.csv", POINTS[:30])
    points = read_points(write(tmp_path / "p.csv", POINTS[30:]), own, "0")
    assert points.validation is not None
    assert np.array_equal(points.validation, POINTS[:30])
    assert len(points.train) == 170
    assert points.test is None
    assert points.notes == ["the validation split has only 30 points: its metrics are rough."]


def test_splits_too_small_to_measure_on_are_left_out(tmp_path: Path) -> None:
    points = read_points(write(tmp_path / "p.csv", POINTS), "0.05", "0")
    assert points.validation is None
    assert len(points.train) < 200
    assert "too few to measure on" in points.notes[0]


def test_fingerprint_is_of_the_points(tmp_path: Path) -> None:
    first = read_points(write(tmp_path / "a.csv", POINTS), "0", "0").fingerprint
    assert read_points(write(tmp_path / "b.csv", POINTS, ";", "x;y"), "0.1", "0.1").fingerprint == first
    changed = POINTS.copy()
    changed[7, 1] += 1e-9
    assert read_points(write(tmp_path / "c.csv", changed), "0", "0").fingerprint != first


@pytest.mark.parametrize(("name", "count"), [("@ring", 8), ("@grid", 25)])
def test_sample_sets(name: str, count: int) -> None:
    points = read_points(name, "0.05", "0.10")
    assert points.modes is not None
    assert points.modes.centres.shape == (count, 2)
    assert len(points.train) == pytest.approx(42_500, rel=0.02)
    assert points.notes == []


LINES = "".join(f"{x},{y}\n" for x, y in POINTS)
BAD = {
    "missing": (None, "There is no file"),
    "empty": (b"", "is empty: give a"),
    "only a header": (b"x,y\n", "has a line of column names but no rows"),
    "binary": (b"\x89PNG\r\n\x1a\n\x00\x00", "is not text: it has zero bytes"),
    "another encoding": (
        "größe,y\n".encode("latin-1") + LINES.encode(),
        "is not UTF-8 (byte 2): add --encoding NAME, where NAME is the encoding that reads right: cp1252",
    ),
    "a zero byte": (b"1,2\n\x00,3\n", "line 2 is not text: it has zero bytes (byte 4)"),
    "cut-off gzip": (gzip.compress(LINES.encode())[:-20], "is a damaged gzip file"),
    "corrupt gzip": (gzip.compress(LINES.encode())[:40] + b"\xff" * 40, "is a damaged gzip file"),
    "one column": (b"1\n2\n3\n", "has 1 column instead of two"),
    "three columns": (b"x,y\n1,2\n1,2,3\n", "line 3: 3 cells, but most lines have 2"),
    "a word": (b"x,y\n1,2\n1,red\n", "line 3: 'red' is not a number"),
    "a second header": (b"x,y\na,b\n1,2\n", "line 2: 'a' is not a number"),
    "an empty cell": (b"1,2\n,2\n", "line 2: a cell is empty; correct the cell or remove the line"),
    "not a number": (b"1,2\n3,nan\n", "line 2: 'nan' is not a number"),
    "infinity first": (b"inf,2\n3,4\n", "line 1: 'inf' is not a number"),
    "too large": (b"1,2\n3,1e300\n", "line 2: '1e300' is not a number up to 1e+15"),
    "decimal commas": (b"1,5;2,5\n3,5;4,5\n1,0;2,0\n1,x;2,0\n", "line 4: '1,x' is not a number"),
    "an open quote": (b'1,2\n"3,4\n', "line 2: '\"3' is not a number"),
    "few points": (b"1,2\n" * 19, "has 19 points: give at least 20"),
    "all the same": (b"1,2\n" * 50, "All 50 points of bad.csv are equal"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files(tmp_path: Path, case: str) -> None:
    content, said = BAD[case]
    path = tmp_path / "bad.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_points(str(path), "0.05", "0.10")
    assert said in str(error.value)
    assert "bad.csv" in str(error.value)
    assert error.value.field == ("encoding" if "--encoding" in said else "data")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder: give a CSV, TSV or Parquet file"):
        read_points(str(tmp_path), "0", "0")


@pytest.mark.parametrize(
    ("validation", "test", "field", "said"),
    [
        ("0.5", "0.5", "validation", "must leave something to train on"),
        ("1", "0", "validation", "a fraction from 0 to below 1"),
        ("nan", "0", "validation", "a fraction from 0 to below 1"),
        ("0", "-0.1", "test", "a fraction from 0 to below 1"),
        ("0", "nowhere.csv", "test", "There is no file nowhere.csv"),
    ],
)
def test_bad_shares(tmp_path: Path, validation: str, test: str, field: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        read_points(write(tmp_path / "p.csv", POINTS), validation, test)
    assert error.value.field == field


def test_sample_sets_of_other_kinds_are_refused() -> None:
    with pytest.raises(InputError, match="@bible holds text: choose from @ring, @grid"):
        read_points("@bible", "0", "0")

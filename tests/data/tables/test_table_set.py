"""Tables with a label: finding its column, splits, and tables that cannot be used."""

from pathlib import Path

import numpy as np
import pytest

from genlab.data.tables.table_set import TableSet, read_table_set
from genlab.errors import InputError
from tests.data.made import cells, write


def whole(path: str, label: str | None = None) -> TableSet:
    return read_table_set(path, "0", "0", label=label)


@pytest.mark.parametrize(
    ("header", "label", "expected"),
    [
        (["height", "colour", "kind"], None, "kind"),  # the last
        (["height", "Species", "kind"], None, "Species"),
        (["height", "species", "label"], None, "label"),
        (["height", "colour", "kind"], "colour", "colour"),
    ],
)
def test_which_column_is_the_label(tmp_path: Path, header: list[str], label: str | None, expected: str) -> None:
    table = whole(write(tmp_path / "t.csv", cells(), header), label)
    assert table.encoder.label == expected
    assert any(expected in note for note in table.notes) == (label is None)


def test_numbers_may_be_classes(tmp_path: Path) -> None:
    rows = [[row[0], row[1], str(number % 12)] for number, row in enumerate(cells(200))]
    assert whole(write(tmp_path / "t.csv", rows)).encoder.classes == [str(number) for number in range(12)]


def test_rows_without_a_label_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = cells()
    rows[3][2] = ""
    rows[7][2] = "?"
    table = whole(write(tmp_path / "t.csv", rows))
    assert len(table.train) == 58
    assert any("2 rows of t.csv without a label" in note for note in table.notes)


def held(table) -> list[set[str]]:
    return [{name.rpartition(":")[2] for name in part.names} for part in (table.train, table.validation, table.test)]


def test_splits_share_out_the_rows_and_stay_when_rows_are_added(tmp_path: Path) -> None:
    rows = cells(1000)
    few = held(read_table_set(write(tmp_path / "few.csv", rows[:700]), "0.1", "0.2"))
    many = held(read_table_set(write(tmp_path / "many.csv", rows), "0.1", "0.2"))
    assert sum(map(len, many)) == 1000
    assert len(many[1]) == pytest.approx(100, abs=35)
    assert len(many[2]) == pytest.approx(200, abs=45)
    for before, after in zip(few, many, strict=True):
        assert before <= after


def test_copies_do_not_all_land_on_one_side(tmp_path: Path) -> None:
    """The first copy stays where the row alone would be."""
    table = read_table_set(write(tmp_path / "t.csv", cells(5) * 100), "0.2", "0.2")
    assert any("495 of the 500 rows are copies" in note for note in table.notes)
    shares = [len(part) / 500 for part in (table.train, table.validation, table.test) if part is not None]
    assert shares == pytest.approx([0.6, 0.2, 0.2], abs=0.05)
    assert all(len(set(map(bytes, part.rows))) == 5 for part in (table.train, table.test) if part is not None)
    first = held(read_table_set(write(tmp_path / "first.csv", cells(5) * 2), "0.2", "0.2"))
    assert first[0] >= held(read_table_set(write(tmp_path / "more.csv", cells(5) * 3), "0.2", "0.2"))[0] & set("23456")


def test_the_encoder_learns_from_training_rows_alone(tmp_path: Path) -> None:
    table = read_table_set(write(tmp_path / "t.csv", cells(400)), "0.2", "0.2")
    assert np.median(table.train.rows[:, 0]) == pytest.approx(0, abs=1e-3)
    assert table.test is not None
    assert abs(np.median(table.test.rows[:, 0])) > 1e-3


def test_splits_of_their_own(tmp_path: Path) -> None:
    test = write(tmp_path / "test.csv", cells(30, 1))
    table = read_table_set(write(tmp_path / "t.csv", cells()), "0", test)
    assert table.validation is None
    assert table.test is not None
    assert len(table.train), len(table.test) == (60, 30)
    assert table.fingerprint != whole(str(tmp_path / "t.csv")).fingerprint


def test_the_fingerprint_is_of_every_cell_and_the_label(tmp_path: Path) -> None:
    rows = cells()
    prints = {whole(write(tmp_path / "a.csv", rows)).fingerprint, whole(str(tmp_path / "a.csv"), "colour").fingerprint}
    rows[-1][0] += "1"
    prints.add(whole(write(tmp_path / "b.csv", rows)).fingerprint)
    assert len(prints) == 3
    assert whole(write(tmp_path / "c.csv", rows)).fingerprint in prints


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("a,b\n", "column names but no rows"),
        ("a\n" + "1\n2\n" * 10, "no column to predict a from"),
        ("a,b\n1,2\n3\n", "3 rows|1 rows|line 3"),
        ("a,label\n1,x\n2,y\n", "2 rows with a label: give at least 10"),
        (
            "a,label\n" + "1,x\n1,y\n" * 10,
            r"no column to predict label from \(a: the same value",
        ),
    ],
)
def test_tables_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=message) as error:
        whole(str(tmp_path / "t.csv"))
    assert error.value.field == "data"


PRICES = ["{}.5", "{},5", "{} kg", "{}", "${}", "1.{:03d},50"]


@pytest.mark.parametrize(
    "label",
    [
        [f"{n % 20}.5" for n in range(200)],  # few fractions
        [f"{n % 40}" for n in range(800)],  # whole numbers that repeat
        [f"word {n % 60}" for n in range(120)],
        ["5.5" if n < 15 else f"word {n % 60}" for n in range(200)],  # mostly words
    ],
)
def test_labels_that_are_classes(tmp_path: Path, label: list[str]) -> None:
    rows = [[*row[:2], f'"{value}"'] for row, value in zip(cells(len(label)), label, strict=True)]
    assert whole(write(tmp_path / "t.csv", rows)).encoder.classes


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ([f"{n / 7:.3f}" for n in range(60)], "60 different numbers in 60 rows: predicting a quantity is regression"),
        ([f"{n % 15 / 7:.3f}" for n in range(20)], "15 different numbers in 20 rows.*regression"),
        ([str(n) for n in range(60)], "regression"),
        *(([form.format(n % 40) for n in range(200)], "40 different numbers.*regression") for form in PRICES),
        (["unknown" if n % 40 == 7 else f"{n % 40}.5" for n in range(200)], "40 different numbers.*regression"),
        ([f"word {n}" for n in range(60)], "different value in nearly every row"),
    ],
)
def test_labels_that_are_no_classes(tmp_path: Path, label: list[str], message: str) -> None:
    rows = [[*row[:2], f'"{value}"'] for row, value in zip(cells(len(label)), label, strict=True)]
    with pytest.raises(InputError, match=message) as error:
        whole(write(tmp_path / "t.csv", rows))
    assert error.value.field == "label"


def test_the_encoding_of_a_run_is_kept(tmp_path: Path) -> None:
    """It may be another than a reader of today would fit."""
    path = write(tmp_path / "t.csv", [[f"{n % 9}", row[2]] for n, row in enumerate(cells())], ["size", "kind"])
    run = read_table_set(path, "0", "0.2", types="size=category")
    again, fresh = read_table_set(path, "0", "0.2", encoder=run.encoder), read_table_set(path, "0", "0.2")
    assert run.test is not None and again.test is not None and fresh.test is not None
    assert np.array_equal(again.test.rows, run.test.rows)
    assert again.fingerprint == run.fingerprint == fresh.fingerprint
    assert fresh.test.rows.shape[1] != run.test.rows.shape[1]
    other = write(tmp_path / "o.csv", cells())
    assert read_table_set(other, "0", "0", encoder=run.encoder).encoder.names == ["height", "colour"]

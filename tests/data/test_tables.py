"""Reading tables: what columns hold, how cells become numbers, splits, and tables that cannot be used."""

import gzip
import json
import random
from pathlib import Path

import numpy as np
import pytest

from genlab.data.tables import Encoder, read_examples, read_table, read_table_set, table_of
from genlab.errors import InputError

HEADER = ["height", "colour", "kind"]


def cells(count: int = 60, seed: int = 0) -> list[list[str]]:
    """Rows of a number, a colour and a kind."""
    chance = random.Random(seed)
    return [
        [f"{chance.gauss(10, 3):.3f}", chance.choice(["red", "green", "blue"]), chance.choice(["cat", "dog"])]
        for _ in range(count)
    ]


def write(path: Path, rows: list[list[str]], header: list[str] | None = HEADER, separator: str = ",") -> str:
    lines = [separator.join(row) for row in ([header] if header else []) + rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def whole(path: str, label: str | None = None):
    return read_table_set(path, "0", "0", label)


# --- files ----------------------------------------------------------------------------------------


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


def test_without_a_header_columns_are_numbered(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "t.csv", cells(), None), "data")
    assert table.names == ["column 1", "column 2", "column 3"]
    assert len(table.rows) == 60


# --- columns --------------------------------------------------------------------------------------


def test_numbers_are_standardised(tmp_path: Path) -> None:
    table = whole(write(tmp_path / "t.csv", cells(300)))
    column = table.encoder.columns[0]
    assert column.name == "height"
    numbers = table.train.rows[:, 0]
    assert numbers.mean() == pytest.approx(0, abs=1e-5)
    assert numbers.std() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(numbers * column.deviation + column.mean, [float(r[0]) for r in cells(300)], atol=1e-4)


def test_categories_have_a_feature_each_and_one_for_all_others(tmp_path: Path) -> None:
    rows = [*cells(), ["1", "mauve", "cat"]]
    table = whole(write(tmp_path / "t.csv", rows))
    colours = table.encoder.columns[1]
    assert colours.values == ["blue", "green", "red"]
    assert colours.features == 4
    assert table.encoder.features == 5
    assert table.train.rows[:, 1:].sum(1).tolist() == [1.0] * 61
    assert table.train.rows[-1, 1:].tolist() == [0, 0, 0, 1]  # mauve is too rare for a feature of its own
    unseen = colours.encode(["violet", "red"], "t")
    assert unseen.tolist() == [[0, 0, 0, 1], [0, 0, 1, 0]]


@pytest.mark.parametrize("mark", ["", "?", "NA", "nan", "NULL"])
def test_missing_cells(tmp_path: Path, mark: str) -> None:
    rows = cells()
    for row in rows[:10]:
        row[0] = mark
    for row in rows[5:15]:
        row[1] = mark
    table = whole(write(tmp_path / "t.csv", rows))
    height, colour = table.encoder.columns
    assert height.gaps
    assert table.train.rows[:, 1].tolist() == [1.0] * 10 + [0.0] * 50
    filled = table.train.rows[:10, 0] * height.deviation + height.mean
    np.testing.assert_allclose(filled, np.median([float(row[0]) for row in rows[10:]]), rtol=1e-5)
    assert colour.values is not None
    assert "" in colour.values


def test_a_number_that_is_missing_only_later_is_the_median(tmp_path: Path) -> None:
    encoder = whole(write(tmp_path / "t.csv", cells())).encoder
    assert not encoder.columns[0].gaps
    rows = encoder.encode(table_of([{"height": None, "colour": "red"}], encoder), "data")
    assert rows[0, 0] * encoder.columns[0].deviation + encoder.columns[0].mean == pytest.approx(
        encoder.columns[0].median, rel=1e-5
    )


def test_columns_that_say_nothing_are_left_out(tmp_path: Path) -> None:
    rows = [[str(n), "same", f"text {n}", *row] for n, row in enumerate(cells(200))]
    table = whole(write(tmp_path / "t.csv", rows, ["id", "constant", "note", *HEADER]))
    assert [column.name for column in table.encoder.columns] == ["height", "colour"]
    said = " ".join(table.notes)
    for name, why in (("id", "numbers the rows"), ("constant", "the same"), ("note", "something else in nearly every")):
        assert f"column {name} is left out: it" in said
        assert why in said


def test_one_wild_cell_rules_no_row(tmp_path: Path) -> None:
    rows = cells()
    rows[3][0] = "1e25"
    table = whole(write(tmp_path / "t.csv", rows))
    assert np.isfinite(table.train.rows).all()
    assert np.abs(table.train.rows).max() <= 10


def test_the_encoder_comes_back_from_json(tmp_path: Path) -> None:
    rows = cells()
    rows[0][0] = ""
    table = whole(write(tmp_path / "t.csv", rows))
    again = Encoder.from_json(json.loads(json.dumps(table.encoder.to_json())))
    assert again == table.encoder
    read = read_examples(str(tmp_path / "t.csv"), again)
    assert np.array_equal(read.rows, table.train.rows)
    assert np.array_equal(read.labels, table.train.labels)
    assert read.names[:2] == ["t.csv:2", "t.csv:3"]


def test_columns_are_found_by_name_in_any_order(tmp_path: Path) -> None:
    encoder = whole(write(tmp_path / "t.csv", cells())).encoder
    mixed = [[row[1], "extra", row[0]] for row in cells()]
    other = read_table(write(tmp_path / "o.csv", mixed, ["colour", "more", "height"]), "files")
    straight = read_examples(str(tmp_path / "t.csv"), encoder).rows
    assert np.array_equal(encoder.encode(other, "o.csv"), straight)


# --- the label ------------------------------------------------------------------------------------


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


# --- splits ---------------------------------------------------------------------------------------


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


def test_copies_are_on_one_side(tmp_path: Path) -> None:
    table = read_table_set(write(tmp_path / "t.csv", cells(50) * 4), "0.2", "0.2")
    for part in (table.train, table.validation, table.test):
        assert part is not None
        assert len(part) % 4 == 0


def test_the_encoder_learns_from_training_rows_alone(tmp_path: Path) -> None:
    table = read_table_set(write(tmp_path / "t.csv", cells(400)), "0.2", "0.2")
    assert table.train.rows[:, 0].mean() == pytest.approx(0, abs=1e-5)
    assert table.test is not None
    assert abs(table.test.rows[:, 0].mean()) > 1e-4


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


# --- rows from Python -----------------------------------------------------------------------------


def test_rows_as_dicts_arrays_and_data_frames(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    encoder = whole(write(tmp_path / "t.csv", cells())).encoder
    dicts = [{"height": 9.5, "colour": "red"}, {"height": "7", "colour": "blue"}]
    one = encoder.encode(table_of(dicts, encoder), "data")
    for other in ([[9.5, "red"], [7, "blue"]], pandas.DataFrame(dicts)):
        assert np.array_equal(encoder.encode(table_of(other, encoder), "data"), one)
    assert np.array_equal(encoder.encode(table_of(dicts[0], encoder), "data"), one[:1])


# --- what cannot be used --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("a,b\n", "column names and no rows"),
        ("a\n1\n", "one column only"),
        ("a,b\n1,2\n3\n", "line 3: 1 cells, but the first line has 2"),
        ("a,a\nx,y\n", "2 columns called 'a'"),
        ("a,label\n1,x\n2,y\n", "2 rows with a label: give at least 10"),
        ("a,label\n" + "1,x\n1,y\n" * 10, "no column to tell the classes by"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=message) as error:
        whole(str(tmp_path / "t.csv"))
    assert error.value.field == "data"


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ([f"{n / 7:.3f}" for n in range(60)], "60 different numbers in 60 rows: predicting a quantity is a regression"),
        ([f"{n % 15 / 7:.3f}" for n in range(20)], "fractions that hardly repeat.*regression"),
        ([str(n) for n in range(60)], "regression"),
        ([f"word {n}" for n in range(60)], "something else in nearly every row"),
    ],
)
def test_labels_that_are_no_classes(tmp_path: Path, label: list[str], message: str) -> None:
    rows = [[*row[:2], value] for row, value in zip(cells(len(label)), label, strict=True)]
    with pytest.raises(InputError, match=message) as error:
        whole(write(tmp_path / "t.csv", rows))
    assert error.value.field == "label"


def test_what_a_trained_model_cannot_read(tmp_path: Path) -> None:
    encoder = whole(write(tmp_path / "t.csv", cells())).encoder
    for data, message in [
        ([{"height": 1}], "Row 0 has no colour: this run needs height, colour"),
        ([{"height": "tall", "colour": "red"}], "column height has numbers, 'tall' is none"),
        (np.zeros((3, 5)), r"rows of 2 values \(height, colour\), not an array \(3, 5\)"),
        (np.zeros(2), "not an array"),
        ([], "not an array"),
        ("", "not an array"),
        (7, "not an array"),
    ]:
        with pytest.raises(InputError, match=message):
            encoder.encode(table_of(data, encoder), "data")
    other = write(tmp_path / "o.csv", [["1", "cat"]] * 3, ["height", "kind"])
    with pytest.raises(InputError, match=r"o.csv has no column colour: this run needs height, colour"):
        read_examples(other, encoder)
    birds = write(tmp_path / "b.csv", [["1", "red", "bird"]] * 3)
    with pytest.raises(InputError, match="has a class bird that the training data lack: they have cat, dog"):
        read_examples(birds, encoder)

"""Turning cells into numbers: standardising, categories, missing cells, columns left out, rows from Python."""

import json
from pathlib import Path

import numpy as np
import pytest

from genlab.data.shared.delimited import read_cells
from genlab.data.tables.columns import CategoryColumn, Encoder, NumberColumn
from genlab.data.tables.rows import cells_of
from genlab.data.tables.table_set import TableSet, read_examples, read_table_set
from genlab.errors import InputError
from tests.data.made import HEADER, cells, write


def whole(path: str) -> TableSet:
    return read_table_set(path, "0", "0")


def number_column(encoder: Encoder) -> NumberColumn:
    column = encoder.columns[0]
    assert isinstance(column, NumberColumn)
    return column


def original(column: NumberColumn, features: np.ndarray) -> np.ndarray:
    """The numbers that were encoded."""
    return features / np.sqrt(1 - (features / 3) ** 2) * column.scale + column.centre


def test_numbers_are_centred_scaled_and_bounded(tmp_path: Path) -> None:
    table = whole(write(tmp_path / "t.csv", cells(300)))
    column = number_column(table.encoder)
    assert column.name == "height"
    numbers = table.train.rows[:, 0]
    assert np.median(numbers) == pytest.approx(0, abs=1e-5)
    assert np.subtract(*np.quantile(numbers, (0.75, 0.25))) == pytest.approx(1, abs=0.05)
    np.testing.assert_allclose(original(column, numbers), [float(r[0]) for r in cells(300)], atol=1e-3)


def test_categories_have_a_feature_each_and_one_for_all_others(tmp_path: Path) -> None:
    rows = [*cells(), ["1", "mauve", "cat"]]
    table = whole(write(tmp_path / "t.csv", rows))
    colours = table.encoder.columns[1]
    assert isinstance(colours, CategoryColumn)
    assert colours.values == ["blue", "green", "red"]
    assert colours.features == 4
    assert table.encoder.features == 5
    assert table.train.rows[:, 1:].sum(1).tolist() == [1.0] * 61
    assert table.train.rows[-1, 1:].tolist() == [0, 0, 0, 1]  # mauve is too rare for a feature of its own
    unseen = colours.encode(np.array(["violet", "red"], object))
    assert unseen.tolist() == [[0, 0, 0, 1], [0, 0, 1, 0]]


@pytest.mark.parametrize("mark", ["", "?", "NA", "nan", "NULL"])
def test_missing_cells(tmp_path: Path, mark: str) -> None:
    rows = cells()
    for row in rows[:10]:
        row[0] = mark
    for row in rows[5:15]:
        row[1] = mark
    table = whole(write(tmp_path / "t.csv", rows))
    height, colour = number_column(table.encoder), table.encoder.columns[1]
    assert height.gaps
    assert table.train.rows[:, 1].tolist() == [1.0] * 10 + [0.0] * 50
    filled = original(height, table.train.rows[:10, 0])
    np.testing.assert_allclose(filled, np.median([float(row[0]) for row in rows[10:]]), rtol=1e-5)
    assert isinstance(colour, CategoryColumn)
    assert "" in colour.values


def test_a_number_that_is_missing_only_later_is_the_median(tmp_path: Path) -> None:
    encoder = whole(write(tmp_path / "t.csv", cells())).encoder
    assert not number_column(encoder).gaps
    rows, _ = encoder.encode_other(cells_of([{"height": None, "colour": "red"}], encoder.names), "data")
    assert rows[0, 0] == 0


def test_columns_that_say_nothing_are_left_out(tmp_path: Path) -> None:
    rows = [[str(n), "same", f"text {n}", *row] for n, row in enumerate(cells(200))]
    table = whole(write(tmp_path / "t.csv", rows, ["id", "constant", "note", *HEADER]))
    assert [column.name for column in table.encoder.columns] == ["height", "colour"]
    said = " ".join(table.notes)
    for name, why in (("id", "row number"), ("constant", "the same"), ("note", "nearly every")):
        assert f"column {name} was left out: " in said
        assert why in said


def test_one_wild_cell_rules_no_row(tmp_path: Path) -> None:
    rows = cells()
    rows[3][0] = "1e25"
    table = whole(write(tmp_path / "t.csv", rows))
    assert np.isfinite(table.train.rows).all()
    assert np.abs(table.train.rows).max() <= 3


def test_the_encoder_comes_back_from_json(tmp_path: Path) -> None:
    rows = cells()
    rows[0][0] = ""
    table = whole(write(tmp_path / "t.csv", rows))
    again = Encoder.from_json(json.loads(json.dumps(table.encoder.to_json())))
    assert again == table.encoder
    read, _ = read_examples(str(tmp_path / "t.csv"), again, "data", None, [])
    assert np.array_equal(read.rows, table.train.rows)
    assert np.array_equal(read.labels, table.train.labels)
    assert read.names[:2] == ["t.csv:2", "t.csv:3"]


def test_columns_are_found_by_name_in_any_order(tmp_path: Path) -> None:
    encoder = whole(write(tmp_path / "t.csv", cells())).encoder
    mixed = [[row[1], "extra", row[0]] for row in cells()]
    straight = read_examples(str(tmp_path / "t.csv"), encoder, "data", None, [])[0].rows
    for names in (["colour", "more", "height"], [" COLOUR", "more", "Height"]):
        other = read_cells(write(tmp_path / "o.csv", mixed, names), "files")
        assert np.array_equal(encoder.encode_other(other, "o.csv")[0], straight)


def test_rows_as_dicts_arrays_and_data_frames(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    encoder = whole(write(tmp_path / "t.csv", cells())).encoder
    dicts = [{"height": 9.5, "colour": "red"}, {"height": "7", "colour": "blue"}]
    one, _ = encoder.encode_other(cells_of(dicts, encoder.names), "data")
    for other in ([[9.5, "red"], [7, "blue"]], pandas.DataFrame(dicts)):
        assert np.array_equal(encoder.encode_other(cells_of(other, encoder.names), "data")[0], one)
    assert np.array_equal(encoder.encode_other(cells_of(dicts[0], encoder.names), "data")[0], one[:1])


def test_what_a_trained_model_cannot_read(tmp_path: Path) -> None:
    encoder = whole(write(tmp_path / "t.csv", cells())).encoder
    for data, message in [
        ([{"height": 1}], "row 1 has no column colour: this run needs height, colour"),
        (
            np.zeros((3, 5)),
            r"data frame, dicts, or rows of 2 values \(height, colour\), not an array of shape \(3, 5\)",
        ),
        (np.zeros(2), "not an array"),
        ([], "not an array"),
        ("", "not an array"),
        (7, "not an array"),
    ]:
        with pytest.raises(InputError, match=message):
            cells_of(data, encoder.names)
    other = write(tmp_path / "o.csv", [["1", "cat"]] * 3, ["height", "kind"])
    with pytest.raises(InputError, match=r"o.csv has no column colour: this run needs height, colour"):
        read_examples(other, encoder, "data", None, [])
    birds = write(tmp_path / "b.csv", [["1", "red", "bird"]] * 3)
    with pytest.raises(
        InputError, match="has a class bird that is not in the training data; their classes are cat, dog"
    ):
        read_examples(birds, encoder, "data", None, [])


def test_an_odd_cell_counts_as_missing_and_is_noted(tmp_path: Path) -> None:
    encoder = whole(write(tmp_path / "t.csv", cells())).encoder
    three = [{"height": height, "colour": "red"} for height in ("tall", "7", "8")]
    rows, notes = encoder.encode_other(cells_of(three, encoder.names), "the rows")
    assert rows[0, 0] == 0
    assert notes == ["1 cell of column height in the rows is not a number and counts as missing: 'tall' (row 1)."]
    with pytest.raises(InputError, match="most cells of column height are not numbers, such as 'tall' \\(row 1\\)"):
        encoder.encode_other(cells_of(three[:1] * 3, encoder.names), "the rows")


def test_dates_become_positions_in_time(tmp_path: Path) -> None:
    dates = [f"{1 + n % 28:02d}/{1 + n % 12:02d}/{2000 + n // 30}" for n in range(300)]
    rows = [[date, kind] for date, (_, _, kind) in zip(dates, cells(300), strict=True)]
    table = whole(write(tmp_path / "t.csv", rows, ["when", "kind"]))
    assert table.encoder.columns[0].type.form == "%d/%m/%Y"
    assert table.train.rows.shape == (300, 5)
    years = np.array([int(date[-4:]) for date in dates])
    assert np.corrcoef(years, table.train.rows[:, 0])[0, 1] > 0.99
    gap, _ = table.encoder.encode_other(cells_of([{"when": ""}], ["when"]), "rows")
    assert gap.tolist() == [[0.0] * 5]
    again = Encoder.from_json(json.loads(json.dumps(table.encoder.to_json())))
    assert again == table.encoder


def test_dates_of_another_table_may_have_another_format(tmp_path: Path) -> None:
    """A cell that the run's format does not fit shows the order of day and month in the others."""
    days = [f"{day:02}/{month:02}/2020" for day in range(13, 29) for month in (1, 5, 9)]
    lines = [f"{day},{'ab'[number % 2]}" for number, day in enumerate(days)]
    (tmp_path / "t.csv").write_text("\n".join(["when,kind", *lines]))
    encoder = read_table_set(str(tmp_path / "t.csv"), "0", "0").encoder
    expected = encoder.encode_other(cells_of({"when": ["31/12/2020", "05/06/2020"]}, ["when"]), "o.csv")
    found = encoder.encode_other(cells_of({"when": ["12/31/2020", "06/05/2020"]}, ["when"]), "o.csv")
    assert np.array_equal(found[0], expected[0])
    assert expected[1] == []
    assert found[1] == [
        "dates of column when in o.csv are read as %m/%d/%Y, which fits all of them, unlike %d/%m/%Y, that of the "
        "training data."
    ]

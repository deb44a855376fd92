"""What the columns of a table are taken for, and how numbers and dates are written."""

import json
import random
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from genlab.data.shared.delimited import Cells, read_cells
from genlab.data.tables.bins import bin_edges
from genlab.data.tables.columns import Encoder, learn_encoder
from genlab.data.tables.rows import cells_of
from genlab.data.tables.table_set import TableSet, read_examples, read_table_set
from genlab.data.tables.types import column_types, stated_types
from genlab.errors import InputError


def table(path: Path, header: str, rows: list[str], types: str | None = None) -> TableSet:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return read_table_set(str(path), "0", "0", types=types)


def shown(made: TableSet) -> dict[str, str]:
    return {name: str(kind) for name, kind in made.types.items()}


def test_a_number_that_fits_both_marks_follows_the_other_columns(tmp_path: Path) -> None:
    rows = [f"{people};{n % 7},{n % 10}5;{'ab'[n // 2 % 2]}" for n, people in enumerate(["874", "12.345"] * 30)]
    made = table(tmp_path / "eu.csv", "people;area;label", rows)
    assert shown(made) == {"people": "number (decimal comma)", "area": "number (decimal comma)"}
    small, large = made.train.rows[0, 0], made.train.rows[1, 0]
    assert small < large
    us = table(tmp_path / "us.csv", "people,area,label", [row.replace(",", ".").replace(";", ",") for row in rows])
    assert shown(us) == {"people": "number", "area": "number"}
    assert us.train.rows[1, 0] < us.train.rows[0, 0]  # 12.345 is less than 874


def test_numbers_from_python_and_other_tables_keep_their_value(tmp_path: Path) -> None:
    rows = [f"{n},{n % 10}5;{'ab'[n % 2]}" for n in range(60)]
    encoder = table(tmp_path / "eu.csv", "size;label", rows).encoder
    expected, _ = encoder.encode_other(cells_of([{"size": "1.5"}, {"size": "20.125"}], ["size"]), "rows")
    assert np.array_equal(encoder.encode_other(cells_of([[1.5], [20.125]], ["size"]), "rows")[0], expected)
    for name, text in (("eu", "size;x\n1,5;\n20,125;\n"), ("us", "size,x\n1.5,\n20.125,\n")):
        (tmp_path / f"new-{name}.csv").write_text(text)
        other = read_cells(str(tmp_path / f"new-{name}.csv"), "files", wanted=["size"])
        assert np.array_equal(encoder.encode_other(other, name)[0], expected)


@pytest.mark.parametrize(
    ("form", "other", "types", "note"),
    [
        ("{},234", "7", None, "such as '1,234' are read as 1234; if the comma is decimal"),
        ("{}.234", "7", None, "such as '1.234' are read as 1.234; if the point separates thousands"),
        ("{},234 kg", "7", None, "such as '1,234 kg' are read as 1234; if the comma is decimal"),
        ("{},234", "7", "size=number:,", ""),
        ("{},234", "7.5", None, ""),
        ("{},234", "7,5", None, ""),
        ("{}234", "7", None, ""),
        ("{},234,567", "7", None, ""),
    ],
)
def test_a_mark_that_nothing_decides_is_noted(
    tmp_path: Path, form: str, other: str, types: str | None, note: str
) -> None:
    rows = [f"{form.format(n * 7 % 59 + 1)};{n % 4}{other};{'ab'[n // 2 % 2]}" for n in range(59)]
    made = table(tmp_path / "t.csv", "size;other;label", rows, types)
    notes = [text for text in made.notes if "size" in text]
    assert notes == ([f"numbers in size {note}, add --types size=number:,."] if note else [])


def test_another_table_is_read_with_the_mark_that_its_columns_decide(tmp_path: Path) -> None:
    rows = [f"{n * 7 % 90}.5,{1 + n * 11 % 80}.{n * 37 % 1000:03d},{'ab'[n // 2 % 2]}" for n in range(60)]
    made = table(tmp_path / "us.csv", "a,b,label", rows)
    for columns in ("a;b;label", "b;label;a"):  # only a decides
        german = [dict(zip("abl", row.replace(",", ";").replace(".", ",").split(";"), strict=True)) for row in rows]
        lines = [columns, *(";".join(row[name[0]] for name in columns.split(";")) for row in german)]
        (tmp_path / "de.csv").write_text("\n".join(lines))
        other, _ = read_examples(str(tmp_path / "de.csv"), made.encoder, "data", None, [])
        assert np.array_equal(other.rows, made.train.rows)


@pytest.mark.parametrize("name", ["id", "ID", "Customer ID", "PassengerId", "OrderNo", "row", "Row Number", "index"])
def test_row_numbers(tmp_path: Path, name: str) -> None:
    rows = [f"{7 * n % 101},{n % 5}.5,{'ab'[n % 2]}" for n in range(100)]
    assert shown(table(tmp_path / "t.csv", f"{name},size,label", rows))[name] == "key"


@pytest.mark.parametrize("name", ["paid", "video", "dose", "casino"])
def test_names_that_only_end_like_one_of_a_row_number(tmp_path: Path, name: str) -> None:
    rows = [f"{7 * n % 101},{n % 5}.5,{'ab'[n % 2]}" for n in range(100)]
    assert shown(table(tmp_path / "t.csv", f"{name},size,label", rows))[name] == "number"


@pytest.mark.parametrize(
    ("cells", "kind", "noted"),
    [
        ([f"{n % 8:05d}" for n in range(300)], "category", ""),
        (
            [f"{2116 if n % 14 == 0 else 10000 + n % 40 * 371:05d}" for n in range(300)],
            "category",
            "",
        ),  # 7 % have zeros
        (["02116" if n < 2 else f"{10000 + n % 40 * 371}" for n in range(300)], "number", "'02116' (2 in all)"),
        (["0123" if n < 9 else f"{n * 37 % 1000}" for n in range(300)], "number", "'0123' (9 in all)"),
        (["012" if n < 9 else f"{n * 37 % 100 / 10}" for n in range(300)], "number", "'012' (9 in all)"),
        (["+491234567" if n < 9 else f"{n * 37 % 1000}" for n in range(300)], "number", "'+491234567' (9 in all)"),
    ],
)
def test_codes_are_categories_or_noted(tmp_path: Path, cells: list[str], kind: str, noted: str) -> None:
    found, notes = guessed(tmp_path, cells)
    assert found == kind
    said = "size has numbers that may be codes, such as {}: leading zeros and plus signs do not count "
    assert notes == ([said.format(noted) + "(--types size=category keeps them)."] if noted else [])


def test_odd_cells_never_stop_the_training(tmp_path: Path) -> None:
    """Not even if they are all that a split holds."""
    for seed in range(8):
        odd = {(seed + 1) * step % 40 for step in (3, 7, 11)}
        rows = [f"{'about 5' if n in odd else n + seed / 10},{'ab'[n % 2]}" for n in range(40)]
        (tmp_path / "t.csv").write_text("\n".join(["size,label", *rows]))
        made = read_table_set(str(tmp_path / "t.csv"), "0.05", "0.05")
        assert any("not numbers and count as missing: 'about 5'" in note for note in made.notes)


def test_stated_types(tmp_path: Path) -> None:
    rows = [f"{n % 5},0{n % 4}/0{1 + n % 9}/2021,{n},{'ab'[n % 2]}".replace("/0", "/0") for n in range(1, 60)]
    rows = [row.replace(",00/", ",04/") for row in rows]
    types = "code=category, when=date:%d/%m/%Y, n=ignore"
    made = table(tmp_path / "t.csv", "code,when,n,label", rows, types)
    assert shown(made) == {"code": "category", "when": "date (%d/%m/%Y)", "n": "ignore"}
    for wrong, message in (
        ("size=number", "no column 'size'"),
        ("code=words", "code cannot be 'words'"),
        ("when=date:%Q", "cannot follow date"),
        ("when=date:%d%d", "cannot follow date"),
        ("code=number:x", "cannot follow number"),
        ("code=number:.,", "cannot follow number"),
        ("label2=ignore", "no column 'label2'"),
        ("code", "code cannot be ''"),
        ("code=category, n", "code cannot be 'category, n'"),
        ("label=ignore", "label is the column to predict and holds classes"),
        ("n=number, N=ignore", "n has two types"),
        ("when=number", "no cell of when is a number"),
    ):
        with pytest.raises(InputError, match=message) as error:
            table(tmp_path / "t.csv", "code,when,n,label", rows, wrong)
        assert error.value.field == "types"


@pytest.mark.parametrize(
    ("stated", "types"),
    [
        ("", {}),
        (" zip=category, ", {"zip": ("category", "")}),
        ("ZIP = category", {"zip": ("category", "")}),
        ("soldon=ignore,label=category", {"Sold on": ("ignore", ""), "label": ("category", "")}),
        ("a,b=number:,,zip=ignore", {"a,b": ("number", ","), "zip": ("ignore", "")}),
        ("zip=ignore,a,b=number,b=date", {"zip": ("ignore", ""), "a,b": ("number", ""), "b": ("date", "")}),
        ("b=number:,, A, B=number", {"b": ("number", ","), "a,b": ("number", "")}),
        ("sold on=date:%b %d, %Y, b=ignore", {"Sold on": ("date", "%b %d, %Y"), "b": ("ignore", "")}),
        ("b=number:,", {"b": ("number", ",")}),
        ("x=y=ignore", {"x=y": ("ignore", "")}),
    ],
)
def test_names_in_stated_types(stated: str, types: dict[str, tuple[str, str]]) -> None:
    assert stated_types(stated, ["zip", "a,b", "b", "Sold on", "x=y", "x", "label"], "label") == types


def test_a_column_without_cells_may_be_ignored(tmp_path: Path) -> None:
    rows = [f"{n % 7}.5,,{'ab'[n % 2]}" for n in range(60)]
    assert shown(table(tmp_path / "t.csv", "size,note,label", rows, "note=ignore"))["note"] == "ignore"


def test_a_column_that_determines_the_label_is_named(tmp_path: Path) -> None:
    rows = [f"{n % 7}.5,{'yes' if n % 2 else 'no'},{n % 2}" for n in range(60)]
    with pytest.raises(InputError, match="column sold determines the label y in every row") as error:
        table(tmp_path / "t.csv", "size,sold,y", rows)
    assert error.value.field == "types"
    assert "sold" not in table(tmp_path / "t.csv", "size,sold,y", rows, "sold=ignore").encoder.names
    assert "sold" in table(tmp_path / "t.csv", "size,sold,y", rows, "sold=category").encoder.names


def test_none_and_na_are_labels(tmp_path: Path) -> None:
    rows = [f"{n % 7}.5,{('None', 'NA', 'mild')[n % 3]}" for n in range(60)]
    made = table(tmp_path / "t.csv", "size,damage", rows)
    assert made.encoder.classes == ["NA", "None", "mild"]
    assert any("None (20 rows) is a class of damage" in note for note in made.notes)


def test_notes_come_with_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column to predict label from") as error:
        table(tmp_path / "t.csv", "id,label", [f"{n},{'ab'[n % 2]}" for n in range(50)])
    assert any("column id was left out" in note for note in getattr(error.value, "__notes__", ()))


def test_edges_of_outliers_are_different_numbers() -> None:
    """Bounded outliers lie so close that a midpoint may round to a neighbour."""
    rows = np.concatenate([np.linspace(0, 1, 3800), np.full(100, 2.9999998), np.full(100, 2.9999995)])
    labels = np.arange(4000) // 7 % 2 * (rows < 2) + (rows > 2.9999996)
    (edges,) = bin_edges(rows.astype(np.float32)[:, None], [0], labels.astype(np.int64), 64)
    assert len(edges) == len(set(edges))


def test_every_column_has_a_type(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b,c,label\n" + "".join(f"{n},x,,{'ab'[n % 2]}\n" for n in range(30)))
    found, notes = column_types(read_cells(str(tmp_path / "t.csv"), "data"), None, "label")
    assert {name: str(kind) for name, kind in found.items()} == {"a": "key", "b": "constant", "c": "constant"}
    assert notes == [
        "column a was left out: a row number, key or name, with values that hardly repeat (--types a=number keeps it).",
        "columns b, c were left out: the same value in every row.",
    ]


def test_the_label_of_another_table_may_differ_in_case(tmp_path: Path) -> None:
    rows = [f"{n % 7}.5,{'ab'[n % 2]}" for n in range(60)]
    made = table(tmp_path / "t.csv", "size,kind", rows)
    (tmp_path / "o.csv").write_text("Kind ,SIZE\n" + "a,1.5\nb,2.5\n")
    examples, _ = read_examples(str(tmp_path / "o.csv"), made.encoder, "data", None, [])
    assert examples.labels.tolist() == [0, 1]


def guessed(path: Path, cells: list[str], name: str = "size") -> tuple[str, list[str]]:
    """The type of a column between two others, and the notes about it."""
    rows = [f'{n * 7 % 5}.5,"{cell}",{"ab"[n // 3 % 2]}' for n, cell in enumerate(cells)]
    made = table(path / "t.csv", f"other,{name},label", rows)
    return shown(made)[name], [note for note in made.notes if name in note]


UNKNOWN = [f"{n * 37 % 1000 / 10}" for n in range(300)]
"""Numbers that hardly repeat."""


@pytest.mark.parametrize(
    ("odd", "kind"),
    [
        (["<0.5", ">100", "unknown"], "number"),
        ([f"<{n / 10}" for n in range(100)], "number"),
        (["unknown"], "number"),
        (["n. d.", "not measured"], "number"),
        ([f"PC {n}" for n in range(100)], "key"),  # codes
    ],
)
def test_a_column_of_mostly_numbers(tmp_path: Path, odd: list[str], kind: str) -> None:
    cells = [odd[n // 6 % len(odd)] if n % 6 == 0 else cell for n, cell in enumerate(UNKNOWN)]
    found, notes = guessed(tmp_path, cells)
    assert found == kind
    if kind == "number":
        assert "50 cells of column size in t.csv are not numbers and count as missing: " in notes[0]
        assert notes[0].endswith("(--types size=category keeps them).")


def test_a_column_of_mostly_dates(tmp_path: Path) -> None:
    cells = ["unknown" if n % 6 == 0 else f"2024-{1 + n % 12:02d}-{1 + n % 28:02d}" for n in range(300)]
    assert guessed(tmp_path, cells)[0] == "date (%Y-%m-%d)"


def test_zones_of_a_column(tmp_path: Path) -> None:
    zones = ["Z", "+02:00", " UTC", "+00", "+0000", "+02"]
    cells = [f"2024-01-{1 + n % 28:02d} 14:{n % 60:02d}{zones[n % 6]}" for n in range(90)]
    found, notes = guessed(tmp_path, cells)
    assert found == "date (%Y-%m-%d %H:%M)"
    assert notes == ["times in size have several zones, which are left out: UTC (60), +0200 (30); write them in one."]
    assert guessed(tmp_path, cells[::2] * 2)[1] == []


@pytest.mark.parametrize("cells", [["1", "2", "3", "K", "PK"], ["10th", "11th", "1st", "2nd", "Masters"]])
def test_few_values_are_categories(tmp_path: Path, cells: list[str]) -> None:
    assert guessed(tmp_path, cells * 40)[0] == "category"


@pytest.mark.parametrize(
    "cells",
    [
        [f"+49 30 {1000 + 7 * n % 300}" for n in range(100)],
        [f"+49{3_000_000 + 7 * n % 300}" for n in range(100)],
        [f"192.168.{100 + n}.{101 + n}" for n in range(100)],
        [f"030-{100 + 7 * n % 300}" for n in range(100)],
        [f"{n:05d}" for n in range(100)],
    ],
)
def test_digits_that_are_not_a_quantity(tmp_path: Path, cells: list[str]) -> None:
    assert guessed(tmp_path, cells)[0] == ("text" if " " in cells[0] else "key")


@pytest.mark.parametrize(
    ("forms", "kind", "units"),
    [
        (["{} kg", "{}kg"], "number in kg", ""),
        (["R$ 1.{:03d},50"], "number (decimal comma) in R$", ""),
        (["{}.50-", "({}.25)"], "number", ""),
        (["{}%", "0.{:02d}"], "number in %", "% (50), none (50)"),
        (["${}", "€{}", "€{}.5"], "number in €", "€ (66), $ (34)"),
        (["{} kg", "{} kg", "{}"], "number in kg", "kg (67), none (33)"),
    ],
)
def test_units_of_a_column(tmp_path: Path, forms: list[str], kind: str, units: str) -> None:
    cells = [forms[n % len(forms)].format(n * 37 % 100) for n in range(100)]
    found, notes = guessed(tmp_path, cells)
    assert found == kind
    said = f"numbers in size have several units: {units}; they are read as written (1% is 1): write them in one unit."
    assert notes == ([said] if units else [])


def test_a_unit_is_part_of_the_run(tmp_path: Path) -> None:
    rows = [f"{n} kg,{'ab'[n // 3 % 2]}" for n in range(1, 60)]
    encoder = table(tmp_path / "t.csv", "size,label", rows).encoder
    again = Encoder.from_json(json.loads(json.dumps(encoder.to_json())))
    assert again == encoder
    three = [encoder.encode_other(cells_of([[cell]], ["size"]), "rows")[0] for cell in ("5 kg", "5kg", 5)]
    assert np.array_equal(three[0], three[1]) and np.array_equal(three[0], three[2])
    _, notes = encoder.encode_other(cells_of([["5 kgs"], [6], ["7%"]], ["size"]), "rows")
    said = "rows: numbers in size have other units than the run's (kg): % (1); they are read as written (1% is 1)."
    assert notes == [said]
    with pytest.raises(InputError, match="most cells of column size are not numbers, such as '5 g'"):
        encoder.encode_other(cells_of([["5 g"]] * 3, ["size"]), "rows")


@pytest.mark.parametrize(
    ("cells", "name", "kind"),
    [
        (["", *map(str, range(1, 40))], "id", "key"),
        ([f"{n}.0" if n != 7 else "" for n in range(40)], "id", "key"),
        (["x" if n == 7 else str(3 * n) for n in range(40)], "OrderNo", "key"),
        (["0", "0", *map(str, range(2, 40))], "id", "key"),
        ([str(n // 2) for n in range(40)], "id", "number"),
        (["", *map(str, range(1, 40))], "instant", "key"),
        ([str(n) for n in range(40)], "dose", "number"),
        ([*map(str, range(39)), "1" * 400], "dose", "number"),
        ([str(7 * n % 41) for n in range(40)], "x", "number"),
    ],
)
def test_columns_that_number_the_rows(tmp_path: Path, cells: list[str], name: str, kind: str) -> None:
    found, notes = guessed(tmp_path, cells, name)
    assert found == kind
    if kind == "key":
        assert notes[0].startswith(f"column {name} was left out: a row number")
        assert f"--types {name}=number keeps it" in notes[0]
    if name == "dose":
        assert notes[:1] == ["dose counts the rows (--types dose=ignore leaves it out if that is all it does)."]


@pytest.mark.parametrize(
    ("share", "kind", "words"), [(0.5, "category", ""), (0.12, "category", ""), (0.05, "key", ""), (0.05, "text", " x")]
)
def test_values_that_hardly_repeat_beside_a_frequent_one(tmp_path: Path, share: float, kind: str, words: str) -> None:
    cells = ["no code" if n < share * 300 else f"B{n}{words}" for n in range(300)]
    assert guessed(tmp_path, cells)[0] == kind


SOUP = [
    "", "5 kg", "5kg", "1%", "0.5", "<0.5", "unknown", "2024-01-02", "2024-01-02 10:00+01", "10:00", "01/02/2024",
    "1,234", "1.234,5", "(5)", "5-", "true", "True", "1", "01", "Yes", "yes", "12:60 pm", "May 5, 2024", "NaT", "nan",
    "inf", "-", "9" * 80, "1 month", "2 months", "+49 30 123456", "1.2.3.4", "²", "½ kg", "١٢", "0001-01-01",
    "2024-02-30", "1e400", "9999-12-31 23:59:59.9999999", "--5", "−5", "$", "kg", "x" * 200,
]  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_any_cells_can_be_encoded(seed: int) -> None:
    chance = random.Random(seed)
    rows = chance.choice([1, 2, 5, 30, 100])
    columns = []
    for _ in range(5):
        pool = chance.choices(SOUP, k=chance.choice([1, 2, 4, 20]))
        columns.append(np.array(chance.choices(pool, k=rows), object))
    columns[chance.randrange(5)] = np.array([*map(str, range(1, rows)), "1" * 400], object)
    names = ["id", "x", "size", "when", "label"]
    cells = Cells("t.csv", names, columns, np.arange(rows))
    types, _ = column_types(cells, None, "label")
    encoder = learn_encoder(cells, types, "label", ["a", "b"])
    assert set(types) == set(names[:-1])
    if encoder.columns:
        own = encoder.encode(cells)
        assert np.isfinite(own).all()
        with suppress(InputError):  # most cells are odd
            other, notes = encoder.encode_other(cells, "t.csv")
            assert np.array_equal(own, other) or any("in the spelling of the training data" in note for note in notes)


def test_dates_in_two_formats_are_named(tmp_path: Path) -> None:
    """No feature would be left of them as categories."""
    days = [f"2020-{day % 12 + 1:02}-{day % 28 + 1:02}" for day in range(60)]
    days += [f"{day % 28 + 1:02}/{day % 12 + 1:02}/2021" for day in range(60)]
    lines = [f"{day},{number % 7},{'ab'[number % 2]}" for number, day in enumerate(days)]
    (tmp_path / "t.csv").write_text("\n".join(["when,x,kind", *lines]))
    made = read_table_set(str(tmp_path / "t.csv"), "0", "0")
    note = next(note for note in made.notes if "column when was left out" in note)
    assert note.endswith("(when has dates in several formats: write them in one).")

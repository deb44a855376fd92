"""Cells that say the same in another spelling."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from genlab.data.shared.delimited import read_cells
from genlab.data.tables.spelling import meaning, respelled, spelling_note
from genlab.data.tables.table_set import read_examples, read_table_set
from genlab.errors import InputError
from tests.data.made import write


@pytest.mark.parametrize(
    "same",
    [
        ("Yes", "yes", "YES"),
        ("New  York", "new\u00a0york"),
        ("Café", "Cafe\u0301"),
        ("1", "1.0", "01", "+1", "1.", "True", "TRUE"),
        ("0.5", ".5", "0.50", "+00.5"),
        ("0", "-0", "0.0", "False"),
        ("-5", "-5.0", "-05"),
        ("9007199254740993", "9007199254740993.0"),
    ],
)
def test_cells_that_say_the_same(same: tuple[str, ...]) -> None:
    assert len(set(map(meaning, same))) == 1


def test_cells_that_do_not() -> None:
    cells = ["yes", "no", "1", "2", "false", "1a", "", ".", "-", "+", "10", "1.01", "-1"]
    cells += ["9007199254740992", "9007199254740993", "5", "5%", "$5", "1E3", "1000", "1,000"]
    assert len({meaning(cell) for cell in cells}) == len(cells)


def test_respelled() -> None:
    known = ["yes", "02116", "1", "01", "dark red"]
    given = ["Yes", "2116", "1", "1.0", "Dark  red", "blue"]
    assert respelled(given, known) == {"Yes": "yes", "2116": "02116", "Dark  red": "dark red"}  # 1.0 is 1 or 01


def test_a_note_counts_the_spellings() -> None:
    assert spelling_note("values of x", Counter(a=2, b=1)) == []
    assert spelling_note("values of x", Counter({"Yes": 30, "yes": 2, "1": 3, "no": 1, "1.0": 4})) == [
        "values of x that differ only in spelling are separate: 'Yes' (30) and 'yes' (2), '1' (3) and '1.0' (4); write "
        "those that are the same in one way."
    ]


def labelled(count: int = 60) -> list[list[str]]:
    return [[f"{n * 7 % 11}.5", ("Yes", "no")[n % 2], ("a", "b")[n // 3 % 2]] for n in range(count)]


@pytest.mark.parametrize(("place", "what"), [(1, "values of sold"), (2, "classes of label")])
def test_spellings_of_a_table_are_noted(tmp_path: Path, place: int, what: str) -> None:
    rows = labelled()
    for row in rows[:12]:
        row[place] = row[place].swapcase()
    made = read_table_set(write(tmp_path / "t.csv", rows, ["size", "sold", "label"]), "0", "0")
    (note,) = [note for note in made.notes if "differ only in spelling" in note]
    assert note.startswith(f"{what} that differ only in spelling are separate: ")
    assert len(made.encoder.classes) == (4 if place == 2 else 2)


def test_another_table_is_read_in_the_spelling_of_the_training_data(tmp_path: Path) -> None:
    made = read_table_set(write(tmp_path / "t.csv", labelled(), ["size", "sold", "label"]), "0", "0")
    rows = [[row[0], row[1].upper(), row[2].upper()] for row in labelled()]
    notes: list[str] = []
    path = write(tmp_path / "o.csv", rows, ["size", "sold", "label"])
    other, _ = read_examples(path, made.encoder, "data", None, notes)
    assert np.array_equal(other.rows, made.train.rows)
    assert np.array_equal(other.labels, made.train.labels)
    assert sorted(note.removeprefix(f"{path}: ") for note in notes) == [
        "60 cells of column label are read in the spelling of the training data: 'A' as 'a', 'B' as 'b'.",
        "60 cells of column sold are read in the spelling of the training data: 'YES' as 'Yes', 'NO' as 'no'.",
    ]


@pytest.mark.parametrize(
    ("column", "leaks"),
    [
        (["x", "y"] * 30, True),
        (["", "y", *["x", "y"] * 29], True),
        (["NA", "y", *["x", "y"] * 29], True),
        (["X ", "y", *["x", "Y"] * 29], True),
        (["1.0", "0", *["1", "0"] * 29], True),
        (["", "y"] * 30, True),
        (["y", "y", *["x", "y"] * 29], False),
        ([*["x", "y"] * 15, *[""] * 30], False),  # mostly unknown
        (["", "x"] + ["x"] * 58, False),
    ],
)
def test_leaks(tmp_path: Path, column: list[str], leaks: bool) -> None:
    rows = [[f"{n * 7 % 11}.5", cell, ("a", "b")[n % 2]] for n, cell in enumerate(column)]
    path = write(tmp_path / "t.csv", rows, ["size", "sold", "label"])
    if leaks:
        with pytest.raises(InputError, match="column sold determines the label label in every row"):
            read_table_set(path, "0", "0")
    else:
        read_table_set(path, "0", "0")


def test_a_copy_of_a_label_with_a_class_none(tmp_path: Path) -> None:
    labels = [("None", "mild", "high")[n % 3] for n in range(60)]
    rows = [[f"{n * 7 % 11}.5", "" if n == 5 else label, label] for n, label in enumerate(labels)]
    with pytest.raises(InputError, match="in every row in which it is filled"):
        read_table_set(write(tmp_path / "t.csv", rows, ["size", "copy", "label"]), "0", "0")


def test_spaces_inside_quotes_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('a,b\n1," yes"\n2,"yes "\n3,yes\n4,no\n')
    assert set(read_cells(str(tmp_path / "t.csv"), "data").columns[1]) == {"yes", "no"}

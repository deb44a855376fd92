"""Other tables for a finished run: one column, reordered, extra, renamed and missing columns, other dialects."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

import genlab
from genlab.errors import InputError


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> genlab.Run:
    """A run on one feature, beside a key that is left out."""
    folder = tmp_path_factory.mktemp("one")
    lines = [f"{number},{number % 7}.5,{'low' if number % 7 < 3 else 'high'}" for number in range(200)]
    (folder / "rows.csv").write_text("\n".join(["id,size,kind", *lines]) + "\n")
    options = {"steps": 30, "width": 8, "learning_rate": 0.01, "validation": 0, "test": 0.2}
    return genlab.train("classify", folder / "rows.csv", out=folder / "run", quiet=True, **options)


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("size\n0.5\n6.5\n", [2, 3]),
        ('Size \n"0,5"\n"6,5"\n', [2, 3]),
        ("kind,size\nhigh,0.5\n,6.5\n", [2, 3]),
        ("size;note\n0,5;a\n6,5;b\n", [2, 3]),
        ("size\n\n0.5\n\n6.5", [3, 5]),
    ],
)
def test_one_feature(one: genlab.Run, tmp_path: Path, content: str, lines: list[int]) -> None:
    (tmp_path / "new.csv").write_text(content)
    found = one.predict(tmp_path / "new.csv")
    assert [(each.file, each.label) for each in found] == [
        (f"{tmp_path}/new.csv:{line}", label) for line, label in zip(lines, ("low", "high"), strict=True)
    ]
    for rows in ([{"size": 0.5}, {"size": 6.5}], [[0.5], [6.5]]):
        same = one.predict(rows)
        assert [each.probabilities for each in same] == [pytest.approx(each.probabilities) for each in found]


OTHER: dict[str, Callable[[str, str], str]] = {
    "the same": lambda weight, colour: f"{weight},{colour}",
    "reordered": lambda weight, colour: f"{colour},{weight}",
    "extra": lambda weight, colour: f"x{weight},{colour},,2024-01-01,{weight}",
    "with labels": lambda weight, colour: f"{weight},{colour},bee",
    "with unknown labels": lambda weight, colour: f"{weight},{colour},dragon",
    "case and spaces": lambda weight, colour: f"{weight},{colour}",
    "two names alike": lambda weight, colour: f"9{weight},{weight},{colour}",
}
NAMES = {
    "the same": "weight,colour",
    "reordered": "colour,weight",
    "extra": "name,colour,nothing,date,weight",
    "with labels": "weight,colour,kind",
    "with unknown labels": "weight,colour,kind",
    "case and spaces": "WEIGHT, Colour ",
    "two names alike": "Weight,weight,colour",
}
CELLS = [("901", "dark"), ("1.2", "yellow"), ("", "dark"), ("0.7", "dark")]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("kind", OTHER)
def test_columns_are_found_by_name(table: genlab.Run, tmp_path: Path, kind: str, separator: str) -> None:
    expected = table.predict([{"weight": weight, "colour": colour} for weight, colour in CELLS])
    lines = [NAMES[kind], *(OTHER[kind](*cells) for cells in CELLS)]
    text = "\n".join(lines).replace(",", separator)
    (tmp_path / "new.csv.gz").write_bytes(gzip.compress(text.encode()))
    found = table.predict(tmp_path / "new.csv.gz")
    assert [each.label for each in found][:2] == ["cow", "bee"]
    assert [each.probabilities for each in found] == [pytest.approx(each.probabilities) for each in expected]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("weight\n1\n2\n", "has no column colour: this run needs weight, colour; the table has weight."),
        ("size,colour\n1,dark\n2,dark\n", "has no column weight: this run needs weight, colour; the table has size,"),
        ("a,b\n1,2\n3,4\n", "has no column weight, colour: this run needs weight, colour; the table has a, b."),
        ("1,dark\n2,dark\n", "has no column weight, colour: this run needs weight, colour; the table has column 1,"),
        ("Weight,WEIGHT,colour\n1,2,dark\n2,3,dark\n", "has no column weight: this run needs weight, colour"),
        (
            "weight,colour\ndark,1\nyellow,2\ndark,3\n",
            "most cells of column weight are not numbers, such as 'dark' (li",
        ),
    ],
)
def test_another_table_is_refused(refused, table: genlab.Run, tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "new.csv").write_text(content)
    sentence, field = refused("predict", table.path, "new.csv")
    assert sentence.startswith("new.csv")
    assert message in sentence
    assert field == "data"
    with pytest.raises(InputError):
        table.predict(tmp_path / "new.csv")


def test_two_files_and_their_notes(cli, table: genlab.Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("weight,colour\n1,yellow\nheavy,dark\n900,dark\n2,dark\n3,dark\n")
    (tmp_path / "b.csv").write_text("colour\tweight\nyellow\t1\n")
    code, out, err = cli("predict", table.path, "a.csv", "b.csv")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == [*(f"a.csv:{line}" for line in range(2, 7)), "b.csv:2"]
    assert "'heavy' (line 3)" in err
    (tmp_path / "c.csv").write_text("weight\n1\n")
    code, out, err = cli("predict", table.path, "a.csv", "c.csv")
    assert code == 2
    assert "'heavy' (line 3)" in err  # notes come before the error, too
    assert "genlab: c.csv has no column colour" in err


@pytest.mark.parametrize("kinds", [("ant",), ("ant", "cow"), ("bee",) * 3])
def test_a_few_rows_are_enough_to_evaluate(table: genlab.Run, tmp_path: Path, kinds: tuple[str, ...]) -> None:
    """Even of one class, on which nothing could be trained."""
    lines = [f"{number},dark,{kind}" for number, kind in enumerate(kinds)]
    (tmp_path / "few.csv").write_text("\n".join(["weight,colour,kind", *lines]) + "\n")
    report = table.evaluate(tmp_path / "few.csv")
    assert (report["data"], report["split"], report["rows"]) == ("few.csv", "all", len(kinds))


def test_evaluation_finds_columns_by_name(table: genlab.Run, rows: Path, tmp_path: Path) -> None:
    lines = [line.split(",") for line in rows.read_text().splitlines()]
    expected = table.evaluate(rows)
    assert expected["split"] == "test"  # the training data
    (tmp_path / "other.csv").write_text("\n".join(f"{kind};{colour};{weight}" for weight, colour, kind in lines[:200]))
    (tmp_path / "same.csv").write_text("\n".join(f"{weight},{colour},{kind}" for weight, colour, kind in lines[:200]))
    found, same = (table.evaluate(tmp_path / f"{name}.csv") for name in ("other", "same"))
    assert found["rows"] == same["rows"] == 196
    assert found["log_loss"] == pytest.approx(same["log_loss"])
    (tmp_path / "none.csv").write_text("weight,colour\n1,dark\n")
    with pytest.raises(InputError, match=r"none.csv has no column kind: this run needs kind"):
        table.evaluate(tmp_path / "none.csv")

"""Every dialect in a small file: the names, cells, lines and notes that the reader finds."""

import gzip

import pytest

from genlab.data.shared.delimited import Cells, parse_cells, read_cells
from genlab.errors import InputError


def parsed(content: bytes | str, name: str = "t.csv", **options) -> Cells:
    content = content.encode() if isinstance(content, str) else content
    return parse_cells(content, name, "data", **options)


def table(cells: Cells) -> tuple[list[str], list[list[str]]]:
    return cells.names, [list(row) for row in zip(*cells.columns, strict=True)]


AB = (["a", "b"], [["1", "x"], ["2", "y"]])
ABC = (["a", "b", "c"], [["1", "x", "5"], ["2", "y", "6"]])

SAME = {
    "commas": b"a,b\n1,x\n2,y\n",
    "semicolons": b"a;b\n1;x\n2;y\n",
    "tabs": b"a\tb\n1\tx\n2\ty\n",
    "bars": b"a|b\n1|x\n2|y\n",
    "spaces": b"a b\n1 x\n2 y\n",
    "aligned by spaces": b"   a    b\n   1    x\n   2    y\n",
    "spaces after commas": b"a, b\n1, x\n2, y\n",
    "CRLF": b"a,b\r\n1,x\r\n2,y\r\n",
    "CR": b"a,b\r1,x\r2,y\r",
    "mixed line ends": b"a,b\r\n1,x\n2,y\r",
    "no line end at the end": b"a,b\n1,x\n2,y",
    "blank lines": b"\n\na,b\n1,x\n\n2,y\n\n",
    "all quoted": b'"a","b"\n"1","x"\n"2","y"\n',
    "spaces around quotes": b'"a" , "b"\n"1" , "x"\n"2" , "y"\n',
    "words quoted": b'"a","b"\n1,"x"\n2,"y"\n',
    "sep=": b"sep=;\na;b\n1;x\n2;y\n",
    "sep= quoted": b'"sep=|"\r\na|b\r\n1|x\r\n2|y\r\n',
    "UTF-8 mark": b"\xef\xbb\xbfa,b\n1,x\n2,y\n",
    "UTF-16": "a,b\n1,x\n2,y\n".encode("utf-16"),
    "UTF-16 big": b"\xfe\xff" + "a\tb\r\n1\tx\r\n2\ty\r\n".encode("utf-16-be"),
    "UTF-16 without a mark": "a,b\n1,x\n2,y\n".encode("utf-16-le"),
    "UTF-32": "a,b\n1,x\n2,y\n".encode("utf-32"),
    "UTF-32 without a mark": "a,b\n1,x\n2,y\n".encode("utf-32-be"),
}  # fmt: skip


@pytest.mark.parametrize("content", SAME.values(), ids=SAME)
def test_same_table(content):
    cells = parsed(content)
    assert table(cells) == AB
    assert cells.notes == [] and cells.header


PARTS = {
    "preamble": (
        b"Survey 12, all sites\nby the office\n\na,b,c\n1,x,5\n2,y,6\n",
        ["t.csv: lines 1 to 2 before the table left out: 'Survey 12, all sites' ..."],
    ),
    "title padded": (
        b"Survey,,\n,,\na,b,c\n1,x,5\n2,y,6\n",
        [
            "t.csv: rows of empty cells left out: 1, the first in line 2.",
            "t.csv: line 1 before the table left out: 'Survey, ,'",
        ],
    ),
    "title in the middle": (
        b",Survey,\na,b,c\n1,x,5\n2,y,6\n",
        ["t.csv: line 1 before the table left out: ', Survey,'"],
    ),
    "comments": (
        b"# made by x\na,b,c\n1,x,5\n# a remark, of two cells\n2,y,6\n",
        [
            "t.csv: line 1 before the table left out: '# made by x'",
            "t.csv: 1 comment in line 4 left out: '# a remark, of two cells'",
        ],
    ),
    "comments as wide as the table": (
        b"# unit, of, a\n# made, by, x\na,b,c\n1,x,5\n2,y,6\n",
        ["t.csv: lines 1 to 2 before the table left out: '# unit, of, a' ..."],
    ),
    "names in a comment": (b"# a,b,c\n1,x,5\n2,y,6\n", []),
    "names in a comment of other signs": (b"## made by x\n%% a,b,c\n1,x,5\n2,y,6\n",
        ["t.csv: line 1 before the table left out: '## made by x'"]),
    "footer": (
        b"a,b,c\n1,x,5\n2,y,6\n\nSource: the office\nAll rights reserved, 2020\n",
        ["t.csv: lines 5 to 6 after the table left out: 'Source: the office' ..."],
    ),
    "footer padded": (
        b"a,b,c\n1,x,5\n2,y,6\nSource: the office,,\n",
        ["t.csv: line 4 after the table left out: 'Source: the office, ,'"],
    ),
    "cut off": (
        b"a,b,c\n1,x,5\n2,y,6\n3,z",
        ["t.csv: line 4, cut off after 2 of 3 cells, left out: '3, z'"],
    ),
    "empty columns at the end": (
        b"a,b,c,,\n1,x,5,,\n2,y,6,,\n",
        ["t.csv: 2 empty columns at the end left out."],
    ),
    "separator at the end of rows only": (
        b"a,b,c\n1,x,5,\n2,y,6,\n",
        ["t.csv: 1 empty column at the end left out."],
    ),
    "separator at the end of one row": (b"a,b,c\n1,x,5,\n2,y,6\n", []),
    "empty column inside": (
        b"a,,b,c\n1,,x,5\n2,,y,6\n",
        ["t.csv: columns without a name or a value left out: 1."],
    ),
    "rows of empty cells": (
        b"a,b,c\n,,\n1,x,5\n2,y,6\n,,\n,,\n",
        ["t.csv: rows of empty cells left out: 3, the first in line 2."],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "notes"), PARTS.values(), ids=PARTS)
def test_what_is_no_table_is_left_out_and_said(content, notes):
    cells = parsed(content)
    assert table(cells) == ABC
    assert cells.notes == notes


CELLS = {
    "decimal commas": (b"a;b\n1,5;x\n1.234,56;y\n", [["1,5", "x"], ["1.234,56", "y"]]),
    "thousands": (b'a,b\n"1,234",x\n"12,345",y\n', [["1,234", "x"], ["12,345", "y"]]),
    "currency and percent": (b'a,b\n"$1,200.50",45%\n$12,4%\n', [["$1,200.50", "45%"], ["$12", "4%"]]),
    "decimal commas between commas": (b'a,b\n"1,5",x\n"2,5",y\n', [["1,5", "x"], ["2,5", "y"]]),
    "decimal commas between tabs": (b"a\tb\n1,5\tx\n2,5\ty\n", [["1,5", "x"], ["2,5", "y"]]),
    "leading zeros": (b"a,b\n02116,x\n00501,y\n", [["02116", "x"], ["00501", "y"]]),
    "large integers": (b"a,b\n9007199254740993,x\n2,y\n", [["9007199254740993", "x"], ["2", "y"]]),
    "line ends in quotes": (b'a,b\n1,"x\ny, z"\n2,"p\r\nq"\n', [["1", "x\ny, z"], ["2", "p\nq"]]),
    "doubled quotes": (b'a,b\n1,"say ""x"""\n2,""""\n', [["1", 'say "x"'], ["2", '"']]),
    "backslash quotes": (b'a,b\n1,"say \\"x\\", twice"\n2,"\\"y\\""\n', [["1", 'say "x", twice'], ["2", '"y"']]),
    "backslash before the closing quote": (b'a,b\n1,"C:\\x\\"\n2,"C:\\"\n', [["1", "C:\\x\\"], ["2", "C:\\"]]),
    "inches": (b'a,b\n1,3.5" disk\n2,5" and 8"\n', [["1", '3.5" disk'], ["2", '5" and 8"']]),
    "a stray quote at the start": (b'a,b\n1,"x\n2,y\n', [["1", '"x'], ["2", "y"]]),
    "a stray quote that another one seems to close": (
        b'a,b\n1,2\n"x,5\n2,y\n3,"\n4,5\n', [["1", "2"], ['"x', "5"], ["2", "y"], ["3", '"'], ["4", "5"]]
    ),
    "quotes between tabs": (b'a\tb\n1\t"x\n2\ty" z\n3\t"q" r\n', [["1", '"x'], ["2", 'y" z'], ["3", '"q" r']]),
    "quoted tabs": (b'a\tb\n1\t"x\ty"\n2\t"z"\n', [["1", "x\ty"], ["2", "z"]]),
    "a comma quoted between tabs": (b'a\tb\n"Smith, J"\tx\nDoe\ty\n', [["Smith, J", "x"], ["Doe", "y"]]),
    "quotes doubled between tabs": (b'a\tb\n"say ""x"""\tx\n2\ty\n', [['say "x"', "x"], ["2", "y"]]),
    "separators in text": (b'a;b\n1;x, y, z\n2;p, q, r\n', [["1", "x, y, z"], ["2", "p, q, r"]]),
    "missing": (b"a,b\n,x\n2,\n", [["", "x"], ["2", ""]]),
    "None and NA": (b"a,b\n1,None\n2,NA\n", [["1", "None"], ["2", "NA"]]),
    "missing at the end of tabs": (b"a\tb\n1\t\n\ty\n3\tz\n", [["1", ""], ["", "y"], ["3", "z"]]),
}  # fmt: skip


@pytest.mark.parametrize(("content", "rows"), CELLS.values(), ids=CELLS)
def test_cells_are_kept_as_written(content, rows):
    cells = parsed(content)
    assert table(cells) == (["a", "b"], rows)
    assert cells.notes == []


HEADERS = {
    "words above numbers": (b"x,y\n1,2\n3,4\n", ["x", "y"], True),
    "numbers only": (b"5.1,3.5\n4.9,3.0\n4.7,3.2\n", ["column 1", "column 2"], False),
    "values only": (b"red,yes\nblue,no\nred,no\nblue,yes\n" * 5, ["column 1", "column 2"], False),
    "dates": (b"2020-01-02,1.5\n2020-01-03,2.5\n", ["column 1", "column 2"], False),
    "names above words": (b"colour,wet\n" + b"red,yes\nblue,no\n" * 9, ["colour", "wet"], True),
    "names above texts": (b"title,text\nOne,Some words\nTwo,Other words\n", ["title", "text"], True),
    "years": (b"country,2019,2020,2021\nA,1.5,2.5,3\nB,2.5,1.5,2\n", ["country", "2019", "2020", "2021"], True),
    "one year": (b"country,2019\nA,1.5\nB,2.5\n", ["country", "2019"], True),
    "numbers that count up": (b"0,1,2\n5.5,1.5,7\n2.5,3.5,1\n", ["0", "1", "2"], True),
    "a numeric name among words": (b"a,2,c\n1,x,5\n2,y,6\n", ["a", "2", "c"], True),
    "pandas": (b",a,b\n0,5,x\n1,6,y\n", ["column 1", "a", "b"], True),
    "R": (b'"a" "b"\n"1" 5 "x"\n"2" 6 "y"\n', ["column 1", "a", "b"], True),
    "R between commas": (b'"a","b"\n"Mazda RX4",5,"x"\n"Fiat 128",6,"y"\n', ["column 1", "a", "b"], True),
    "numpy": (b"1.000e+00 2.000e+00\n3.000e+00 4.000e+00\n", ["column 1", "column 2"], False),
    "numpy with a header": (b"# a b\n1.000e+00 2.000e+00\n3.000e+00 4.000e+00\n", ["a", "b"], True),
    "duplicates": (b"x,x,x (2),X\n1,2,3,4\n5,6,7,8\n", ["x", "x (3)", "x (2)", "X"], True),
    "spaces": (b"x , x y,x  y\n1,2,3\n4,5,6\n", ["x", "x y", "x  y"], True),
    "nameless": (b"x,,column 2\n1,2,3\n4,5,6\n", ["x", "column 2 (2)", "column 2"], True),
    "missing markers below": (b"x,y\nNA,?\n1,2\n3,4\n", ["x", "y"], True),
    "quoted names with line ends": (b'"x\n(m)","y\n(s)"\n1,2\n3,4\n', ["x\n(m)", "y\n(s)"], True),
    "one column of numbers": (b"x\n1\n2\n", ["x"], True),
    "one column of numbers without a name": (b"3\n1\n2\n", ["column 1"], False),
    "one column of texts with commas": (b'text\n"one, two"\n"three, four, five"\n', ["text"], True),
}  # fmt: skip


@pytest.mark.parametrize(("content", "names", "header"), HEADERS.values(), ids=HEADERS)
def test_header_or_none(content, names, header):
    cells = parsed(content)
    assert (cells.names, cells.header) == (names, header)
    assert len(cells) == content.count(b"\n") - header - content.count(b"\n(")


def test_a_wanted_name_makes_the_first_line_a_header():
    content = "red,yes\nblue,no\nred,no\nblue,yes\n" * 5
    assert parsed(content, wanted=["RED"]).names == ["red", "yes"]
    assert parsed("1,2\n3,4\n5,6\n", wanted=["2"]).names == ["1", "2"]


def test_notes_on_names_are_few():
    cells = parsed(",".join(["x"] * 500 + [""] * 9) + "\n" + ",".join("1" * 509) + "\n" + ",".join("2" * 509))
    assert len(set(cells.names)) == 509
    assert cells.notes == [
        "t.csv, line 1: columns without a name are called 'column 501', 'column 502', 'column 503', 'column 504', ... "
        "(9 columns).",
        "t.csv, line 1: repeated names get a number: 'x (2)', 'x (3)', 'x (4)', 'x (5)', ... (499 columns).",
    ]


def test_a_missing_header_is_said():
    assert parsed("Title,,\n" + "red,yes,3\nblue,no,4\n" * 6).notes == [
        "t.csv: line 1 before the table left out: 'Title, ,'",
        "t.csv, line 2 is a row, not column names ('red, yes, 3'): columns are column 1 to column 3.",
    ]


def test_lines_are_those_of_the_file():
    cells = parsed(b'sep=,\r\n# remark\r\n\r\na,b\r\n1,"x\r\ny"\r\n\r\n# remark\r\n2,y\r\n')
    assert list(cells.lines) == [5, 9]
    assert list(cells.take([1]).lines) == [9]
    assert list(cells.column("b")) == ["x\ny", "y"]


def test_encodings():
    content = "naïve;größe\n1;é\n2;ü\n".encode("cp1252")
    with pytest.raises(InputError, match="add --encoding NAME, where NAME is the encoding that reads right: cp1252"):
        parsed(content)
    assert table(parsed(content, encoding="cp1252")) == (["naïve", "größe"], [["1", "é"], ["2", "ü"]])
    assert parsed("é,b\n1,2\n3,4\n", encoding="cp1252").names == ["é", "b"]  # UTF-8 after all
    for wrong in ("nonsense", "ascii", "hex"):
        with pytest.raises(InputError, match="encoding"):
            parsed(content, encoding=wrong)


def test_endings_break_ties(tmp_path):
    both = "a,b\tc\np,q\tr\nx,y\tz\n"
    assert parsed(both, "t.tsv").names == ["a,b", "c"]
    assert parsed(both, "t.csv").names == ["a", "b\tc"]


def test_compressed(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(SAME["commas"]))
    cells = read_cells(str(path), "data")
    assert table(cells) == AB
    assert cells.name == "t.csv.gz"


REFUSED = {
    "empty": (b"", "t.csv is empty: give a file with a line of column names and one row per line."),
    "blank lines": (b"\n \n\r\n", "t.csv is empty: give a file"),
    "separators only": (b",,,\n,,,\n", "t.csv is empty: give a file"),
    "a mark only": (b"\xef\xbb\xbf", "t.csv is empty: give a file"),
    "a header only": (b"a,b\n", "t.csv has a line of column names but no rows: add rows."),
    "a workbook": (b"PK\3\4rest", "t.csv is a workbook or an archive, not text: save the sheet as CSV."),
    "an old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "t.csv is a workbook or an archive, not text"),
    "NUL": (b"a,b\n1,\0\n2,3\n", "t.csv, line 2 is not text: it has zero bytes (byte 6)."),
    "too many cells": (
        b"a,b\n1,2\n3,4,5\n6,7\n8,9\n" + b"1,2\n" * 10,
        "t.csv, line 3: 3 cells, but most lines have 2: '3, 4, 5'; correct or remove the line.",
    ),
    "too few cells": (
        b"a,b,c\n1,2,3\n4,5\n6,7\n8,9,1\n" + b"1,2,3\n" * 10,
        "t.csv, line 3: 2 cells (as in 1 other line), but most lines have 3: '4, 5'; correct or remove the line.",
    ),
    "too many names": (
        b"a,b,c,d\n1,2\n3,4\n",
        "t.csv, line 1: 4 names ('a, b, c, d'), but most lines have 2 cells; name each column once",
    ),
    "merged names": (
        b"bp,,lg,\nx,y,x,y\n1,2,3,4\n5,6,7,8\n",
        "t.csv, line 1 ('bp, , lg,') and line 2 ('x, y, x, y') both hold column names: join them into one line.",
    ),
    "units": (
        b"site,length,mass\n,m,kg\nA,1,2\nB,3,4\n",
        "t.csv, line 1 ('site, length, mass') and line 2 (', m, kg') both hold column names: join them into one line.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(content, message):
    with pytest.raises(InputError) as caught:
        parsed(content)
    assert str(caught.value).startswith(message)


def test_an_odd_first_row_is_no_second_header():
    assert len(parsed("a,b,c\n?,NA,x\n1,2,x\n3,4,y\n")) == 3
    assert len(parsed("a,b,c\nx,unknown,z\nx,2,z\ny,3,z\ny,4,z\n")) == 4
    assert len(parsed("a,b\nlow,off\nlow,1\n2,off\n" + "5,6\n" * 30)) == 33


def test_errors_carry_notes():
    with pytest.raises(InputError) as caught:
        parsed(b"made by x\na,b\n1,2\n3,4,5\n" + b"1,2\n" * 20)
    assert caught.value.__notes__ == ["t.csv: line 1 before the table left out: 'made by x'"]


def test_no_file(tmp_path):
    for name in ("@digits", str(tmp_path), str(tmp_path / "none.csv")):
        with pytest.raises(InputError):
            read_cells(name, "data")


def test_repeated_names_of_joined_files_are_left_out():
    cells = parsed("a,label\n" + "1,x\n2,y\n" * 3 + "a,label\n" + "3,x\n")
    assert list(cells.column("a")) == ["1", "2", "1", "2", "1", "2", "3"]
    assert cells.notes == ["t.csv: lines that repeat the column names left out: 1, first line 8."]


OTHERS = {
    '{"a": 1, "b": 2}\n{"a": 2, "b": 3}\n': "JSON, HTML or XML",
    '[{"a": 1}]': "JSON, HTML or XML",
    "<!DOCTYPE html>\n<p>": "JSON, HTML or XML",
    "<?xml v?>": "JSON, HTML or XML",
    "% Iris\n\n@RELATION iris\n@ATTRIBUTE a NUMERIC\n@DATA\n1\n": "an ARFF file",
    "1 3:0.5 7:1\n-1 2:0.25 9:1e-3\n": "a libsvm file",
    "# ranks\n2.5 qid:1 1:3 2:9 # a\n1 qid:1 1:5 2:8 # b": "a libsvm file",
    "1,4 153:12 154:84\n2 150:11 160:20\n": "a libsvm file",
}


@pytest.mark.parametrize(("content", "kind"), OTHERS.items())
def test_other_formats_are_refused(content, kind):
    with pytest.raises(InputError, match=f"t.csv is {kind}, not delimited text: save the table as CSV."):
        parsed(content)


@pytest.mark.parametrize("cells", [["1", "12:30", "13:45"], ["1", "12:30:05", "5"], ["1", "2:1"], ["7", "3:0.5"]])
def test_times_and_ratios_are_cells(cells):
    assert table(parsed(f"{' '.join(cells)}\n" * 5))[1] == [cells] * 5

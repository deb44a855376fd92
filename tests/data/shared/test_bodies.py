"""The table is found below titles and comments, and its names where their line differs from the rows."""

import pytest

from genlab.data.shared.delimited import parse_cells
from genlab.errors import InputError

ROWS = "".join(f"{place},{place % 7}.5,{'xyz'[place % 3]},{place % 4},{place % 3}.25\n" for place in range(20))
WORDS = "red,yes,x\nblue,no,y\nred,no,z\nblue,yes,x\n" * 5
BANK = "Datum;Text;Betrag;W;Saldo\n" + "".join(
    f"0{day}.01.2024;Kauf {day};{day},50;EUR;{day}00,00\n" for day in range(1, 9)
)
MARKED = "".join(f"#{place},{place * 2},{'xyz'[place % 3]}\n" for place in range(20))
COLOURS = "#ff0000,1\n#00ff00,2\nred,3\nblue,4\n" * 4

FOUND = {
    "names separated otherwise": (
        "a;b;c;d;e\n" + ROWS, "a b c d e", 20, ["line 1: semicolons separate the names, unlike the cells below."]
    ),
    "names in quotes separated otherwise": (
        '"a"\t"b b"\t"c"\n' + WORDS, "a|b b|c", 20, ["line 1: tabs separate the names, unlike the cells below."]
    ),
    "names by commas, cells by spaces": (
        "a,b,c,d,e\n" + ROWS.replace(",", " "), "a b c d e", 20,
        ["line 1: commas separate the names, unlike the cells below."],
    ),
    "a separator in a name": (
        '"a;1";b;c;d;e\n' + ROWS, "a;1 b c d e", 20, ["line 1: semicolons separate the names, unlike the cells below."]
    ),
    "names of numpy.savetxt": (
        "# by x\n# a,b,c,d,e\n" + ROWS.replace(",", " "), "a b c d e", 20,
        ["line 2: commas separate the names, unlike the cells below.", "line 1 before the table left out: '#, by, x'"],
    ),
    "names of numpy.savetxt, with spaces": ("# a, b, c, d, e\n" + ROWS.replace(",", " "), "a b c d e", 20, []),
    "a padded line above three columns": (
        "Account:,DE12,\na,b,c\n" + "1,2,x\n3,4,y\n" * 9, "a b c", 18,
        ["line 1 before the table left out: 'Account:, DE12,'"],
    ),
    "a nameless last column": ("a,b,\n" + "1,2,x\n3,4,y\n" * 9, "a|b|column 3", 18,
        ["line 1: columns without a name are called 'column 3'."]),
    "a padded row below padded names": (
        "a,b,c,,\nunknown,none,,,\n" + ROWS, "a|b|c|column 4|column 5", 21,
        ["line 1: columns without a name are called 'column 4', 'column 5'."],
    ),
    "many padded lines": (
        "".join(f"key {place}:,v,,,\n" for place in range(15)) + "a,b,c,d,e\n" + ROWS, "a b c d e", 20,
        ["lines 1 to 15 before the table left out: 'key 0:, v, , ,' ..."],
    ),
    "comments as wide as the table": (
        "# unit, of, a, and, b\na,b,c,d,e\n" + ROWS, "a b c d e", 20,
        ["line 1 before the table left out: '# unit, of, a, and, b'"],
    ),
    "padded lines above words": (
        "Account:,X1,,\ntitle,author,text,note\nT,A,One,N\nU,B,Two,M\n", "title author text note", 2,
        ["line 1 before the table left out: 'Account:, X1, ,'"],
    ),
    "a title with commas above names": (
        "Sites, 12; all\na,b,c,d,e\n" + ROWS, "a b c d e", 20, ["line 1 before the table left out: 'Sites, 12; all'"]
    ),
    "a padded line of the account": (
        "Kontonummer:;DE12;;;\n" + BANK, "Datum Text Betrag W Saldo", 8,
        ["line 1 before the table left out: 'Kontonummer:, DE12, , ,'"],
    ),
    "padded lines, with an amount and a blank line": (
        "Kontonummer:;DE12;;;\nKontostand:;1.234,50;;;\n;;;;\n" + BANK, "Datum Text Betrag W Saldo", 8,
        ["rows of empty cells left out: 1, the first in line 3.",
         "lines 1 to 2 before the table left out: 'Kontonummer:, DE12, , ,' ..."],
    ),
    "a padded line above padded names": (
        "Kontonummer:,DE12,,,\na,b,c,,\n" + ROWS, "a|b|c|column 4|column 5", 20,
        ["line 1 before the table left out: 'Kontonummer:, DE12, , ,'",
         "line 2: columns without a name are called 'column 4', 'column 5'."],
    ),
    "padded rows": (
        "a,b,c,d,e\n1,2,,,\n3,4,,,\n" + ROWS, "a b c d e", 22, []
    ),
    "padded rows without names": (
        "x,y,,,\nx,z,,,\n" + "x,z,1,2,3\ny,z,4,5,6\n" * 9, "", 20, None
    ),
    "a footer of several words and a number": (
        "a,b,c,d,e\n" + ROWS + "Source: the office, 12 May, 2020\nTotal, 20 sites\n", "a b c d e", 20,
        ["lines 22 to 23 after the table left out: 'Source: the office, 12 May, 2020' ..."],
    ),
    "a row that is cut off": (
        "a,b,c,d,e\n" + ROWS + "20,6.5", "a b c d e", 20,
        ["line 22, cut off after 2 of 5 cells, left out: '20, 6.5'"],
    ),
    "a padded row of a word that recurs": ("a,b,c\n" + "x,1,2\ny,2,5\n" * 9 + "x,,\n", "a b c", 19, []),
    "values that begin like comments": ("id,x,y\n" + MARKED, "id x y", 20, []),
    "such values below a title": (
        "Sites\nid,x,y\n" + MARKED, "id x y", 20, ["line 1 before the table left out: 'Sites'"]
    ),
    "such values below a comment": (
        "# Sites\nid,x,y\n" + MARKED, "id x y", 20, ["line 1 before the table left out: '# Sites'"]
    ),
    "such values without names": (MARKED, "", 20, None),
    "such values in the first rows only": (COLOURS, "", 16, None),
    "a column of colours": ("colour\n#ff0000\n#00ff00\n#0000ff\n", "colour", 3, []),
    "more comments than rows": (
        "a,b\n1,2\n# x\n# y\n# z\n", "a b", 1, ["lines 3 to 5 after the table left out: '# x' ..."]
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "names", "rows", "notes"), FOUND.values(), ids=FOUND)
def test_the_table_is_found(content, names, rows, notes):
    cells = parse_cells(content.encode(), "t.csv", "data")
    found = [note.removeprefix("t.csv: ").removeprefix("t.csv, ") for note in cells.notes]
    assert len(cells) == rows
    if names:
        assert (cells.names, found) == (names.split("|" if "|" in names else None), notes)
    else:
        assert not cells.header and len(found) == 1 and found[0].startswith("line 1 is a row, not column names")


REFUSED = {
    "two names short": (
        "a,b,c\n" + ROWS,
        "t.csv, line 1: 3 names ('a, b, c'), but most lines have 5 cells; name each column once, or remove the line.",
    ),
    "one name short, above copies": ("a,b\n" + WORDS, "t.csv, line 1: 2 names ('a, b'), but most lines have 3 cells"),
    "names or a title, above words": (
        "Books, by us\ntitle,author,text\nT,A,One\nU,B,Two\n", "t.csv, line 1: 2 names ('Books, by us')"
    ),
    "names short below a title": (
        "Sites\na,b\n" + WORDS, "t.csv, line 2: 2 names ('a, b'), but most lines have 3 cells"
    ),
    "a name too many": ("a,b,c,d\n" + WORDS, "t.csv, line 1: 4 names ('a, b, c, d'), but most lines have 3 cells"),
    "short rows at the end": (
        "a,b,c,d,e\n" + ROWS + "20,6.5,x\n21,7.5,y\n" * 3,
        "t.csv, line 22: 3 cells (as in 5 other lines), but most lines have 5: '20, 6.5, x'",
    ),
    "a short row of words at the end": (WORDS + "blue,yes\n", "t.csv, line 21: 2 cells, but most lines have 3"),
    "a short row of values that begin like comments": (
        "id,x,y\n" + MARKED + "#20,40\n" + MARKED, "t.csv, line 22: 2 cells, but most lines have 3: '#20, 40'"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(content, message):
    with pytest.raises(InputError) as caught:
        parse_cells(content.encode(), "t.csv", "data")
    assert str(caught.value).startswith(message)

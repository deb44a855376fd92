"""Tables written in random dialects come back unchanged, and no content raises anything but InputError."""

import contextlib
import csv
import io
import time

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from genlab.data.shared.delimited import parse_cells
from genlab.data.shared.headers import _counts_up
from genlab.errors import InputError

WORDS = st.text("abcxyzäß Ω,;|'\"\n", min_size=1, max_size=9).map(lambda word: f"w{word}w")
WHOLE = st.integers(-10_000, 10_000).map(str)
REAL = st.floats(-1e4, 1e4).map("{:.2f}".format)
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le")


@st.composite
def files(draw):
    """A file in a random dialect; its names or None; and its rows."""
    numbers = draw(st.lists(st.sampled_from([WHOLE, REAL]), min_size=2, max_size=4))
    kinds = draw(st.permutations([*numbers, *[WORDS] * draw(st.integers(0, 2))]))
    rows = draw(st.lists(st.tuples(*kinds), min_size=4, max_size=12))
    names = [f"name{place}" for place in range(len(kinds))] if draw(st.booleans()) else None
    separator, end = draw(st.sampled_from(",;\t|")), draw(st.sampled_from(["\n", "\r\n", "\r"]))
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]))
    written = io.StringIO()
    writer = csv.writer(written, delimiter=separator, quoting=quoting, lineterminator="\n")
    writer.writerows(([names] if names else []) + rows)
    lines = written.getvalue()
    if draw(st.booleans()) and "w" not in lines:  # at the end of every line
        lines = lines.replace("\n", f"{separator}\n")
    titles = ["", "# made by a program\n", "Report of the office\n\n", "\n\n"]
    if len(kinds) > 3:  # as a spreadsheet pads it
        titles.append(f"Account:{separator}DE12{separator * (len(kinds) - 2)}\n")
    before = draw(st.sampled_from(titles)) if names else ""
    after = draw(st.sampled_from(["", "\n", "Source: the office\n"]))
    text = (before + lines + after).replace("\n", end)
    return text.encode(draw(st.sampled_from(ENCODINGS))), names, [list(row) for row in rows]


TITLED = b"Report of the office\n\na\tb\tc\td\n" + 4 * b"0\t0\t0\tw;w\n" + b"Source: the office\n"
"""The title has as many words as the table has columns."""


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(files())
@example((TITLED, ["a", "b", "c", "d"], [["0", "0", "0", "w;w"]] * 4))
def test_random_dialects(file):
    content, names, rows = file
    assume(names or not _counts_up(rows[0]))  # 0, 1, 2 are names
    cells = parse_cells(content, "t.csv", "data")
    assert [list(row) for row in zip(*cells.columns, strict=True)] == rows
    if names:
        assert cells.names == names


VALID = (
    b'sep=;\na;b;c\n1,5;"x;y";\n2,5;"p\nq";3\n',
    b'# remark\nTitle,,\na,b,c\n1,"say ""x""",2\n3,"\\"y\\"",4\nSource: x\n',
    b"   a   b\n 1 2\n 3 4\n",
    "ä\tb\r\n1\t2\r\n".encode("utf-16"),
    "naïve,b\n1,2\n".encode("cp1252"),
)
BYTES = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text("ab1,;\t|\"\\\r\n #%'=", max_size=300).map(str.encode),
)


@st.composite
def mutated(draw):
    content = bytearray(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(1, 8))):
        place = draw(st.integers(0, len(content)))
        content[place : place + draw(st.integers(0, 3))] = draw(
            st.sampled_from([b'"', b",", b"\n", b"\r", b"\0", b"x"])
        )
    return bytes(content)


@settings(max_examples=200, deadline=None)
@given(st.one_of(BYTES, mutated()), st.sampled_from([None, "cp1252", "utf-16", "idna", "rot13"]))
@example(b"9" * 5000 + b",1\n2,3\n", None)
@example(b'sep="\na"b\n1"2\n', None)
@example(b"x,,\n,,z\n", None)
@example(b"# a\n# b\n", None)
@example(b",,\x01\n#", None)
@example(b"\x01\x80", "utf-16")
@example(b"\0\0\0\0", "utf-16")
@example(b'"a\nb;c",d,e,f\n1,2\n1,3\n', None)
def test_only_input_errors(content, encoding):
    error = None
    try:
        cells = parse_cells(content, "t.csv", "data", encoding)
    except InputError as caught:
        error = caught
    if error:
        assert "\n" not in str(error)
        return
    assert len(set(cells.names)) == len(cells.names) == len(cells.columns) > 0
    assert all(len(column) == len(cells) > 0 for column in cells.columns)
    assert not any("\n" in note for note in cells.notes)


HARD = {
    "one long line": lambda size: b"a,b\n" + b"x" * size + b",1\n2,3\n",
    "one line": lambda size: b"12," * (size // 3),
    "stray quotes": lambda size: b'a,b\n' + b'1,"x\n' * (size // 5),
    "stray quotes and pairs": lambda size: b'a,b\n' + b'1,"x""y\n' * (size // 8),
    "quotes": lambda size: b'a,b\n1,' + b'"' * size + b"x\n2,3\n",
    "quoted text that never ends": lambda size: b'a,b\n1,"' + b"2,3\n" * (size // 4),
    "stray quotes around rows": lambda size: b"a,b\n" + (b'1,"x\n' + b"2,y\n" * 9 + b'3,z"\n') * (size // 46),
    "comments like rows": lambda size: b"# red,yes\n" * (size // 10) + b"red,no\nblue,yes\n" * 20,
    "separators": lambda size: b"," * size,
    "rows of separators": lambda size: b",,,\n" * (size // 4),
    "blank lines": lambda size: b"a,b\n1,2\n" + b"\n" * size,
    "spaces": lambda size: b"a,b\n1,-" + b" " * size + b"x\n2,3\n",
    "names": lambda size: b"x," * (size // 2) + b"\n" + b"1," * (size // 2),
    "zero bytes": lambda size: b"\0" * size,
    "lone returns": lambda size: b"a,b\n" + b"\r" * size,
}  # fmt: skip


@pytest.mark.parametrize("make", HARD.values(), ids=HARD)
def test_time_grows_linearly(make):
    def seconds(size: int) -> float:
        content, start = make(size), time.process_time()
        with contextlib.suppress(InputError):
            parse_cells(content, "t.csv", "data")
        return time.process_time() - start

    seconds(1000)
    assert seconds(200_000) < 8 * (min(seconds(50_000) for _ in range(3)) + 0.05)

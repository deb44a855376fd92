"""The first line is names or a row; two lines of names are refused."""

import pytest

from genlab.data.shared.delimited import parse_cells
from genlab.errors import InputError

MIXED = "red,yes,x\nblue,no,y\nred,no,z\nblue,yes,x\n" * 5
PAIRS = "de,Germany\nfr,France\nit,Italy\n" * 10

JOINED = {
    "columns of categories": ("colour,wet,kind\n" + MIXED + "colour,wet,kind\n" + MIXED, True, 40),
    "a column without a name": (",wet,kind\n" + MIXED.replace("blue", "") + ",wet,kind\n" + MIXED, True, 40),
    "short files": (("colour,wet,kind\n" + MIXED[:40]) * 6, True, 24),
    "numbers, too": (("a,wet\n" + "1,yes\n2,no\n1,no\n") * 6, True, 18),
    "rows that recur": (MIXED, False, 20),
    "rows that recur, of two columns that say the same": (PAIRS, False, 30),
}  # fmt: skip


@pytest.mark.parametrize(("content", "header", "rows"), JOINED.values(), ids=JOINED)
def test_names_that_recur_in_joined_files(content, header, rows):
    cells = parse_cells(content.encode(), "t.csv", "data")
    assert (cells.header, len(cells)) == (header, rows)
    assert any("repeat the column names" in note for note in cells.notes) == header


@pytest.mark.parametrize("content", ["RENAL\nRENAL\nOVARIAN\nLEUKEMIA\n", "red\nblue\ngreen\nred\n"])
def test_a_word_that_recurs_is_a_value(content):
    assert not parse_cells(content.encode(), "t.csv", "data").header


def test_a_word_beside_numbers_like_those_below():
    rows = "0,0.05,0.4,0.9,1.5,4.5\n1,0.2,0.6,1.5,2.5,5.5\n2,0.1,0.3,1.2,2.2,5.1\n"
    assert parse_cells(f"time,0.1,0.5,1.0,2.0,5.0\n{rows}".encode(), "t.csv", "data").header


QUALTRICS = 'Q1,Q2\nWhich colour?,"Wet, or not?"\n"{""ImportId"":""QID1""}","{""ImportId"":""QID2""}"\n'

TWO = {
    "years above names": ",2023,,2024\nsite,a,b,a\n" + "A,1,2,3\nB,2,3,4\n" * 3,
    "years above names, the last merged": ",2023,,2024,\nsite,low,high,low,high\n" + "A,1,2,3,4\nB,2,3,4,5\n" * 3,
    "units below padded names": "site,mass,,\n,kg,m,s\n" + "A,1,2,3\nB,2,3,4\n" * 5,
    "a unit in parentheses": "name,mass,kind\n,(kg),\n" + "A,1,x\nB,2,y\n" * 5,
    "a unit in brackets": "site,length\n,[m]\n" + "A,1\nB,2\n" * 5,
    "a unit among words": "name,mass,kind\ntext,(kg),text\n" + "A,1,x\nB,2,y\n" * 5,
    "descriptions": "age,job\nAge in years,Kind of job\n" + "31,x\n42,y\n" * 5,
    "words above a number and a date": "Account:,DE1\nDate,Amount\n" + "01.01.2024,5\n02.01.2024,6\n" * 4,
    "Qualtrics": QUALTRICS + "red,yes\nblue,no\nred,no\n" * 4,
    "Qualtrics without questions": "".join(QUALTRICS.splitlines(True)[::2]) + "red,yes\nblue,no\nred,no\n" * 4,
}  # fmt: skip


@pytest.mark.parametrize("content", TWO.values(), ids=TWO)
def test_two_lines_of_names(content):
    with pytest.raises(InputError, match=r"t.csv, line 1 \(.*\) and line 2 \(.*\) both hold column names"):
        parse_cells(content.encode(), "t.csv", "data")


ONE = {
    "an odd cell, a rare word and a text": "a,b,c\nu,unknown,t\n" + "".join(f"x,{n},text {n}\n" for n in range(12)),
    "an odd cell alone": "a,b\n,unknown\n" + "A,1\nB,2\n" * 5,
    "two odd cells above a class": "h,w,label\nunmeasured,not done,a\n" + "34,5,b\n36,7,a\n" * 5,
    "equal odd cells": "1,2\nn.a.,n.a.\n" + "3,4\n5,6\n" * 5,
    "a word in brackets above words": "name,mass\n(none),1\n" + "A,1\nB,2\n" * 5,
}  # fmt: skip


@pytest.mark.parametrize("content", ONE.values(), ids=ONE)
def test_an_odd_row_does_not_hold_names(content):
    assert len(parse_cells(content.encode(), "t.csv", "data")) >= 11

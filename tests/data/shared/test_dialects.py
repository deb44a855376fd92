"""The separator and the quotes are found, whatever the cells hold."""

import pytest

from genlab.data.shared.dialects import Dialect, detect, records

LINES = "".join(f"{place},y\n" for place in range(70))

ROWS = {
    "a stray quote that a far one seems to close": ('a,b\n1,"x\n' + LINES + '5,z"\n6,w\n', ["1", '"x'], 74),
    "a stray quote inside": ('a,b,c\n1,"x,2\n' + LINES.replace("y", "y,3") + '5,z",2\n', ["1", '"x', "2"], 73),
    "a stray quote around few rows of numbers": ('a,b\n7,x\n1,"x\n2,y\n3,y\n4,y\n5,z"\n6,w\n', ["7", "x"], 8),
    "a stray quote that inches close": ('a,b\n7,3\n1,"4\n2,5\n3,5\n4,5\n5,6"\n6,7\n', ["7", "3"], 8),
    "a poem with a comma in every line": ('a,b\n7,x\n1,"One\na, b\nc, d\ne, f\ng, h"\n2,y\n', ["7", "x"], 4),
    "a list": ('a,b\n7,x\n1,"To buy\n2, eggs\n3, apples"\n2,y\n', ["7", "x"], 4),
    "a letter": ('a,b\n7,x\n1,"Dear all,\nI write, as promised, again\nYours, Max"\n2,y\n', ["7", "x"], 4),
    "a letter with a comma in every line": ('a,b\nk,x\nl,"Dear all\nI write, again\nYours, Max"\n', ["k", "x"], 3),
    "quotes between tabs around two cells": ('a\tb\n"x\ty"\n' + "3\tz\n" * 3, ['"x', 'y"'], 5),
    "a text of one column": ('text\n"' + "one line\n" * 20 + '"\nanother\n', ["\n".join(["one line"] * 20)], 3),
}  # fmt: skip


@pytest.mark.parametrize(("text", "row", "count"), ROWS.values(), ids=ROWS)
def test_quotes_around_line_ends(text, row, count):
    found = list(records(text, detect(text)))
    assert found[1].cells == row
    assert len(found) == count


SEPARATORS = {
    "the ending decides between regular separators": ("k,l\tx,y\n" + "a,b\tc,d\ne,f\tg,h\n" * 6, "\t", "\t"),
    "cells of text need no ending": ("text\tlabel\n" + "Well, I think, so\tx\nNo\ty\n" * 6, "", "\t"),
    "decimal commas": ("9,5;0,5\n8,5;1,5\n" * 5, "", ";"),
    "a comma in names of people": ("Smith, John;5;x\nDoe, Jane;6;y\n" * 5, "", ";"),
    "lists below a name": ("k;v\n" + "1;a,b,c\n2;d,e,f\n" * 10, "", ";"),
    "an ending without such separators": ("a,b\n" + "1,u\tv\n3,4\n" * 6, "\t", ","),
    "an ending with a comment": ("# a, b\nx,y\tz\n" + "a,b\tc\n" * 6, "\t", "\t"),
    "spaces, and a tab before the last column": (
        "mpg\thp\tweight\tname\n" + '18.0  130.0  3504.\t"buick skylark"\n15.0  165.0  3693.\t"ford"\n' * 5, "", " "
    ),
    "lists of numbers between tabs": ("label\tpixels\n" + "1\t0 5 7\n2\t8 9 1\n" * 5, "", "\t"),
    "tabs above a footer of words": ("1\t2\t3\n" * 9 + "Source: the office\n", "", "\t"),
    "values that begin like comments": ("#a;1;x\n#b;2;y\n" * 5, "", ";"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "hint", "separator"), SEPARATORS.values(), ids=SEPARATORS)
def test_separators(text, hint, separator):
    assert detect(text, hint)._replace(quotes=True) == Dialect(separator)

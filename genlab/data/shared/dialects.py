"""Detects the dialect of delimited text, and splits the text into records.

A quoted cell may contain separators, line ends and doubled quotes. A quote counts only at the start of a cell, and only
if the closing quote precedes a separator or a line end, so that a stray one (3.5" disk) is a character like others.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import NamedTuple

from genlab.data.shared.numbers import is_number

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars", " ": "spaces"}
"""Separators and their names; a run of spaces and tabs counts as one separator."""
SAMPLE = 1 << 19
"""Number of characters from which to judge a dialect."""
RECORDS = 400
"""Number of records from which to judge a dialect."""
SWALLOWED = {True: 3, False: 10}
"""Number of lines in a quoted cell that show stray quotes, if all look like records, with numbers or without."""
COMMENT = re.compile(r"\s*(#+|//|%+)")
STATED = re.compile(r'"?sep=([^\w"\n])"?[^\S\n]*(?=\n|\Z)', re.IGNORECASE)
"""A first line that states the separator, as spreadsheets write it."""


class Dialect(NamedTuple):
    """How a file separates and quotes its cells."""

    separator: str
    """One of `SEPARATORS`, or "" for a file of one column."""
    quotes: bool = True
    """Whether cells may be quoted; otherwise quotes are characters like others."""
    backslash: bool = False
    """Whether a backslash escapes a quote inside a quoted cell."""


class Record(NamedTuple):
    """The cells of a record, without surrounding spaces."""

    cells: list[str]
    line: int
    """Line number of its start, from 1."""


def uncommented(text: str) -> str:
    """The text without the sign of a comment at its start."""
    mark = COMMENT.match(text)
    return text[mark.end() :].strip() if mark else text


def records(text: str, dialect: Dialect, start: int = 0, line: int = 1) -> Iterator[Record]:
    """Splits text, whose lines end in \\n, into records; blank lines are skipped."""
    cell, before = _cell(dialect), list[str]()
    while start < len(text):
        stop = text.find("\n", start)
        stop = len(text) if stop < 0 else stop
        if start == stop:
            line, start = line + 1, stop + 1
            continue
        content = text[start:stop]
        if not dialect.quotes or '"' not in content:
            cells = _plain(content, dialect.separator)
        elif (found := paired(content, dialect)) is not None:
            cells = found
        else:
            cells, end = _quoted(text, start, cell, dialect)
            if end > stop and _stray(text[start:end], cells, before, cell, dialect):
                cells, end = _quoted(content, 0, cell, dialect)[0], stop
            stop = end
        if len(cells) > 1 or cells[0]:
            yield Record(cells, line)
            before = cells
        line += text.count("\n", start, stop) + 1
        start = stop + 1


def _plain(line: str, separator: str) -> list[str]:
    """The cells of a line without quotes."""
    if not separator:
        return [line.strip()]
    return (line.split() or [""]) if separator == " " else [cell.strip() for cell in line.split(separator)]


def paired(line: str, dialect: Dialect) -> list[str] | None:
    """The cells of a line as the standard library reads them, which is fast; None if its quotes do not pair up."""
    if dialect.backslash or dialect.separator in ("", " ") or line.count('"') % 2:
        return None
    try:
        cells = next(csv.reader([line], delimiter=dialect.separator, skipinitialspace=True, strict=True))
    except csv.Error:
        return None
    return [cell.strip() for cell in cells]


@cache
def _cell(dialect: Dialect) -> re.Pattern[str]:
    """Matches a cell: group 1 is a quoted one's content, group 2 an unquoted one."""
    separator = {"": "(?!)", " ": r"[ \t]+"}.get(dialect.separator, re.escape(dialect.separator))
    inside = r'(?:[^"\\]|\\.|"")' if dialect.backslash else r'(?:[^"]|"")'
    other = {"": r"[^\n]*", " ": r"[^ \t\n]*"}.get(dialect.separator, rf"[^{separator}\n]*")
    spaces = "[ ]*"
    return re.compile(rf'{spaces}"({inside}*+)"{spaces}(?={separator}|\n|\Z)|({other})', re.DOTALL)


def _quoted(text: str, start: int, cell: re.Pattern[str], dialect: Dialect) -> tuple[list[str], int]:
    """The cells of the record that begins at `start`, and the position of its end."""
    cells = []
    spaces = dialect.separator == " "
    while True:
        if spaces:
            while start < len(text) and text[start] in " \t":
                start += 1
        found = cell.match(text, start)
        assert found is not None, "the pattern matches an empty cell"
        start = found.end()
        if (inner := found[1]) is not None:
            inner = inner.replace('""', '"')
            cells.append((inner.replace('\\"', '"') if dialect.backslash else inner).strip())
        elif not spaces or found[2]:
            cells.append(found[2].strip())
        if start >= len(text) or text[start] == "\n":
            return cells, start
        start += 1


def _stray(text: str, cells: list[str], before: list[str], cell: re.Pattern[str], dialect: Dialect) -> bool:
    """Whether the quotes around line ends are characters like others, so that each line of the text is a record.

    They are if the first line is as long as the record before, and if the whole is not, or if every line is, with
    numbers where that record has numbers.
    """
    rows = (_quoted(line, 0, cell, dialect)[0] for line in text.split("\n"))
    if len(before) < 2 or len(next(rows)) != len(before):
        return False
    if len(cells) != len(before):
        return True
    numeric = [place for place, value in enumerate(before) if is_number(value)]
    lines = text.count("\n") - 1
    return lines >= SWALLOWED[bool(numeric)] and all(
        len(row) == len(before) and (count > lines or all(is_number(row[place]) for place in numeric))
        for count, row in enumerate(rows, 1)
    )


# --- detection ------------------------------------------------------------------------------------


def detect(text: str, hint: str = "") -> Dialect:
    """The dialect that splits the text into records of equal length with the plainest cells.

    Args:
        text: Text whose lines end in \\n.
        hint: The separator that the file's name states, if any; cells need not be plain for it.
    """
    if stated := STATED.match(text):
        return Dialect(stated[1])
    sample = text[:SAMPLE]
    if len(sample) < len(text):
        sample = sample[: sample.rfind("\n") + 1] or sample
    best, highest = Dialect(""), 0.0
    for backslash in (False, True)[: 1 + ('\\"' in sample)]:
        for separator in sorted(SEPARATORS, key=lambda mark: mark != hint):
            if separator == " " and best.separator == "\t" and highest > 0.4:
                continue  # tabs are spaces too
            dialect = Dialect(separator, backslash=backslash)
            if (score := _score(_judged(sample, dialect), separator, separator == hint)) > highest:
                best, highest = dialect, score
    return best._replace(quotes=best.separator != "\t" or _quoted_better(sample, best))


def _judged(sample: str, dialect: Dialect) -> list[list[str]]:
    """The first records that are not comments; if all are, the values of the first column begin like comments."""
    found = (record.cells for record in records(sample, dialect))
    kept = list(islice((cells for cells in found if not COMMENT.match(cells[0])), RECORDS))
    return kept or [record.cells for record in islice(records(sample, dialect), RECORDS)]


def _score(rows: list[list[str]], separator: str, stated: bool) -> float:
    """How well the records look like a table, from 0 to 1."""
    counts = Counter(len(row) for row in rows if len(row) > 1)
    if not counts:
        return 0.0
    width, common = max(counts.items(), key=lambda item: (item[1], item[0]))
    if stated:
        return common / len(rows)
    cells = [cell for row in rows if len(row) == width for cell in row if cell]
    if separator == "\t" and len(rows[0]) != width and sum(map(_several, cells)) > common / 2:
        return 0.0  # a last column of words after a tab, the others aligned by spaces
    others = [mark for mark in SEPARATORS if mark not in (separator, " ")]
    plain = sum((cell[0] != '"' and not any(mark in cell for mark in others)) or is_number(cell) for cell in cells)
    if separator == " ":
        numbers = sum(map(is_number, cells))
        if numbers < len(cells) / 2 and (common < len(rows) or (width < 3 and numbers < len(rows) - 1)):
            return 0.0
    return (common / len(rows)) ** 2 * (0.5 + 0.5 * plain / max(1, len(cells)))


def _regular(rows: list[list[str]]) -> float:
    """Share of the most common length."""
    return Counter(map(len, rows)).most_common(1)[0][1] / len(rows)


def _several(cell: str) -> bool:
    """Whether spaces separate several numbers."""
    return len(parts := cell.split()) > 1 and all(map(is_number, parts)) and not is_number(cell)


def _quoted_better(sample: str, dialect: Dialect) -> bool:
    """Whether the records are as regular with quotes as without; stray quotes around separators join cells."""
    rows, bare = _judged(sample, dialect), _judged(sample, dialect._replace(quotes=False))
    return _regular(rows) >= _regular(bare)

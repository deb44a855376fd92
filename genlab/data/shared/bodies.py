"""Finds the table in the records of a file: without the lines before and after it, and without comments."""

from collections import Counter
from collections.abc import Sequence
from itertools import islice

from genlab.data.shared.dialects import COMMENT, Record
from genlab.data.shared.headers import JUDGED, has_header
from genlab.data.shared.numbers import is_number
from genlab.errors import InputError

PREAMBLE = 50
"""Largest number of lines before the table, comments not counted."""
FOOTER = 10
"""Largest number of lines after the table."""
SHOWN = 60
"""Number of characters of a line to show in notes and errors."""


def body(rows: list[Record], name: str, option: str, cut_off: bool, notes: list[str]) -> tuple[list[Record], bool]:
    """Returns the records of the table, and whether its first line lacks a name for a first column of row names.

    Args:
        rows: All records, none of them empty.
        name: The file.
        option: The option that gave it.
        cut_off: Whether the file ends without a line end.
        notes: Receives what is left out.

    Raises:
        InputError: a record has more or fewer cells than most.
    """
    width = _width(rows, name, notes)
    for row in rows:
        if len(row.cells) == width + 1 and _comment(row) and not COMMENT.sub("", row.cells[0], 1):  # "# a b"
            row.cells[:2] = ["".join(row.cells[:2])]
    fits = [len(row.cells) == width or _shrunk(row.cells, width) for row in rows]
    comments = [not fit and bool(COMMENT.match(row.cells[0])) for fit, row in zip(fits, rows, strict=True)]
    begin, others = 0, 0
    while begin < len(rows) - 1 and others < PREAMBLE:
        remark = _comment(rows[begin]) and (_comment(rows[begin + 1]) or _named(rows[begin + 1 :], width))
        if fits[begin] and not remark and not (_alone(rows[begin]) and (width > 2 or _named(rows[begin + 1 :], width))):
            break
        others += not _comment(rows[begin])
        begin += 1
    begin = begin if others < PREAMBLE else 0
    row_names = False
    if begin and not comments[begin - 1]:
        names = rows[begin - 1]
        row_names = _names_alone(names, rows[begin:], width, name, option)
        begin -= row_names
    stop = len(rows)
    while stop > begin + 1 and len(rows) - stop < FOOTER:
        last = rows[stop - 1]
        if len(last.cells) > width or (fits[stop - 1] and not (width > 2 and _alone(last) and last.cells[0])):
            break
        stop -= 1
    inside = range(begin + row_names, stop)
    tail = rows[stop:]
    if cut_off and len(tail) == 1 and 1 < len(tail[0].cells) < width:
        after = f"line {tail[0].line}, cut off after {len(tail[0].cells)} of {width} cells,"
    else:
        after = f"{_lines(tail)} after the table"
    between = [rows[place] for place in inside if comments[place]]
    _note(f"{_lines(rows[:begin])} before the table", rows[:begin], name, notes)
    _note(f"{_counted(len(between), 'comment')} in {_lines(between)}", between, name, notes)
    _note(after, tail, name, notes)
    found = [rows[place] for place in inside if not comments[place]]
    if wrong := [row for row in found if len(row.cells) != width]:
        more = f" (as in {_counted(len(wrong) - 1, 'other line')})" if len(wrong) > 1 else ""
        raise InputError(
            f"{name}, line {wrong[0].line}: {_counted(len(wrong[0].cells), 'cell')}{more}, but most lines have "
            f"{width}: {shown(wrong[0].cells)!r}; correct or remove the line.", option,
        )  # fmt: skip
    return ([names] if row_names else []) + found, row_names


def _width(rows: list[Record], name: str, notes: list[str]) -> int:
    """The number of cells of most records, without the empty cells at the end of them all, which it removes."""
    counts = Counter(len(row.cells) for row in rows if not _comment(row))
    most = width = max(counts or {len(rows[0].cells): 1}, key=lambda width: (counts[width], width))
    same = [row.cells for row in rows if len(row.cells) == width]
    while width > 1 and not any(cells[width - 1] for cells in same):
        width -= 1
    if width < most:
        for cells in same:
            del cells[width:]
        notes.append(f"{name}: {_counted(most - width, 'empty column')} at the end left out.")
    return width


def _shrunk(cells: list[str], width: int) -> bool:
    """Removes surplus empty cells at the end; returns whether `width` cells are left."""
    if len(cells) > width and not any(cells[width:]):
        del cells[width:]
    return len(cells) == width


def _comment(row: Record) -> bool:
    return bool(COMMENT.match(row.cells[0]))


def _alone(row: Record) -> bool:
    """Whether words fill one of several cells, as in the title or the footer of a spreadsheet."""
    filled = list(islice(filter(None, row.cells), 2))
    return len(row.cells) > 1 and len(filled) == 1 and not is_number(filled[0])


def _named(rows: Sequence[Record], width: int) -> bool:
    """Whether the first of the records that are `width` cells long names columns."""
    judged = [row.cells for row in islice(rows, JUDGED) if len(row.cells) == width]
    return len(judged) > 1 and has_header(judged)


def _names_alone(names: Record, rows: list[Record], width: int, name: str, option: str) -> bool:
    """Whether a line names all columns but the first, which holds the names of the rows, as R writes tables.

    Raises:
        InputError: it has more names than there are columns.
    """
    count = len(names.cells)
    if (count != width - 1 and count <= width) or count < 2 or not all(names.cells):
        return False
    if any(map(is_number, names.cells)) or _named(rows, width):
        return False
    keys = [row.cells[0] for row in rows if len(row.cells) == width]
    if count < width and len(set(keys)) < len(keys):
        raise InputError(
            f"{name}, line {names.line}: {count} names ({shown(names.cells)!r}), but most lines have "
            f"{_counted(width, 'cell')}; name every column.", option,
        )  # fmt: skip
    if count > width:
        raise InputError(
            f"{name}, line {names.line}: {count} names ({shown(names.cells)!r}), but most lines have "
            f"{_counted(width, 'cell')}; name each column once.", option,
        )  # fmt: skip
    return True


def _note(what: str, part: list[Record], name: str, notes: list[str]) -> None:
    if part:
        dots = " ..." if len(part) > 1 else ""
        notes.append(f"{name}: {what} left out: {shown(part[0].cells)!r}{dots}")


def _lines(part: list[Record]) -> str:
    if not part:
        return ""
    return f"line {part[0].line}" if len(part) == 1 else f"lines {part[0].line} to {part[-1].line}"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def shown(cells: Sequence[str]) -> str:
    """The first cells of a record, for notes and errors."""
    line = " ".join(", ".join(islice(cells, SHOWN)).split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 4]} ..."

"""Finds the table in the records of a file: without the lines before and after it, and without comments."""

from collections import Counter
from collections.abc import Sequence
from itertools import islice

from genlab.data.shared.dialects import COMMENT, SEPARATORS, Dialect, Record, paired, uncommented
from genlab.data.shared.headers import JUDGED, evidence, has_header, is_missing, mostly_numbers
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
        InputError: a record, or the line of names, has more or fewer cells than most records.
    """
    marked = _marked(rows)
    width = _width(rows, marked, name, notes)
    fits = [_fits(row.cells, width, mark) for row, mark in zip(rows, marked, strict=True)]
    begin = _begin(rows, fits, marked, width)
    end = _end(rows, fits, begin, width, cut_off)
    inside = list(zip(rows[begin:end], fits[begin:end], marked[begin:end], strict=True))
    found = [row for row, fit, mark in inside if fit or not mark]
    names, row_names = None, False
    if begin:
        names, row_names = _names(rows[begin - 1], found, width, name, option, notes)
    comments = [row for row, fit, mark in inside if mark and not fit]
    before, after = rows[: begin - (names is not None)], rows[end:]
    _note(f"{_lines(before)} before the table", before, name, notes)
    _note(f"{_counted(len(comments), 'comment')} in {_lines(comments)}", comments, name, notes)
    if cut_off and len(after) == 1 and 1 < len(after[0].cells) < width:
        _note(f"line {after[0].line}, cut off after {len(after[0].cells)} of {width} cells,", after, name, notes)
    else:
        _note(f"{_lines(after)} after the table", after, name, notes)
    if wrong := [row for row in found if len(row.cells) != width]:
        more = f" (as in {_counted(len(wrong) - 1, 'other line')})" if len(wrong) > 1 else ""
        raise InputError(
            f"{name}, line {wrong[0].line}: {_counted(len(wrong[0].cells), 'cell')}{more}, but most lines have "
            f"{width}: {shown(wrong[0].cells)!r}; correct or remove the line.", option,
        )  # fmt: skip
    return [names, *found] if names else found, row_names


def _marked(rows: list[Record]) -> list[bool]:
    """Whether each record begins like a comment; none does if most values of the first column do (#1, #ff0000)."""
    marked = list(map(_comment, rows))
    if all(marked):
        return [False] * len(rows)
    first = marked.index(False)  # below the comments at the beginning
    below, others = Counter[int](), Counter[int]()
    for row, mark in zip(rows[first:], marked[first:], strict=True):
        (below if mark else others)[len(row.cells)] += 1
    values = any(count * 2 > len(rows) - first and others[length] for length, count in below.items())
    return [False] * len(rows) if values else marked


def _width(rows: list[Record], marked: list[bool], name: str, notes: list[str]) -> int:
    """The number of cells of most records, without the empty cells at the end of them all, which it removes."""
    counts = Counter(len(row.cells) for row, mark in zip(rows, marked, strict=True) if not mark)
    most = width = max(counts, key=lambda width: (counts[width], width))
    same = [row.cells for row in rows if len(row.cells) == width]
    while width > 1 and not any(cells[width - 1] for cells in same):
        width -= 1
    if width < most:
        for cells in same:
            del cells[width:]
        notes.append(f"{name}: {_counted(most - width, 'empty column')} at the end left out.")
    return width


def _fits(cells: list[str], width: int, mark: bool) -> bool:
    """Removes surplus cells, which are empty ones at the end and a comment's sign; returns whether `width` are left."""
    if len(cells) > width and not any(cells[width:]):
        del cells[width:]
    if mark and len(cells) == width + 1 and not uncommented(cells[0]):  # "# a b"
        cells[:2] = ["".join(cells[:2])]
    return len(cells) == width


def _begin(rows: list[Record], fits: list[bool], marked: list[bool], width: int) -> int:
    """The place of the table's first record, below comments, titles and lines of other lengths."""
    begin = place = others = 0  # from `begin` to `place`, lines may be rows
    while place < len(rows) - 1 and others < PREAMBLE:
        if not fits[place] or (_alone(rows[place]) and (width > 2 or _named(rows[place + 1 :], width))):
            begin += begin == place
        elif not marked[place] and not _padded(rows[place]):
            break
        others += not marked[place]
        place += 1
    starts = range(place, max(begin, place - PREAMBLE), -1)
    return next((start for start in starts if _names_better(rows, begin, start, marked, width)), begin)


def _names_better(rows: list[Record], begin: int, start: int, marked: list[bool], width: int) -> bool:
    """Whether the record at `start` names columns, and better than the comments or padded lines from `begin` on."""
    if not _named(rows[start:], width):
        return False
    if all(marked[begin:start]):
        return True
    lead = _evidence(rows[start:], width) - _evidence(rows[begin:], width)
    return bool(rows[start].cells[0]) and (lead > 0 or not _named(rows[begin:], width))  # not units: ", kg, m"


def _end(rows: list[Record], fits: list[bool], begin: int, width: int, cut_off: bool) -> int:
    """The place after the table's last record, above a footer; a last record that is cut off is below it."""
    end = len(rows)
    above = _judged([row for row in rows[begin + 1 : begin + 1 + JUDGED] if not _alone(row)], width)
    columns = [Counter(cell for cell in column if not is_missing(cell)) for column in zip(*above, strict=True)]
    while end > begin + 1 and len(rows) - end < FOOTER:
        last = rows[end - 1]
        if len(last.cells) > width or (fits[end - 1] and not (width > 2 and _alone(last) and last.cells[0])):
            break
        if _like_a_row(last.cells, columns) and not (cut_off and end == len(rows)):
            break
        end -= 1
    return end


def _like_a_row(cells: list[str], columns: list[Counter[str]]) -> bool:
    """Whether some cells are numbers below numbers or recur in their columns, and none is a word below numbers."""
    found = [
        is_number(cell) if mostly_numbers(counts) else cell in counts or None
        for cell, counts in zip(cells, columns, strict=False)
        if not is_missing(cell)
    ]
    return True in found and False not in found


def _comment(row: Record) -> bool:
    return bool(COMMENT.match(row.cells[0]))


def _alone(row: Record) -> bool:
    """Whether words fill one of several cells, as in the title or the footer of a spreadsheet."""
    filled = list(islice(filter(None, row.cells), 2))
    return len(row.cells) > 1 and len(filled) == 1 and not is_number(filled[0])


def _padded(row: Record) -> bool:
    """Whether the first cells are full and the last ones empty, as where a spreadsheet pads lines above a table."""
    filled = sum(map(bool, row.cells))
    return 1 < filled < max(3, len(row.cells) - 1) and len(row.cells) > filled and all(row.cells[:filled])


def _judged(rows: Sequence[Record], width: int) -> list[list[str]]:
    return [row.cells for row in islice(rows, JUDGED) if len(row.cells) == width]


def _named(rows: Sequence[Record], width: int) -> bool:
    """Whether the first of the records that are `width` cells long names columns."""
    return len(judged := _judged(rows, width)) > 1 and has_header(judged)


def _evidence(rows: Sequence[Record], width: int) -> float:
    """Evidence that the first of the records that are `width` cells long names columns."""
    return evidence(judged) if len(judged := _judged(rows, width)) > 1 else 0.0


def _names(
    line: Record, rows: list[Record], width: int, name: str, option: str, notes: list[str]
) -> tuple[Record | None, bool]:
    """The names in a line above the rows whose length differs from theirs, or None if it seems to be a title.

    They may have another separator than the rows, also in a comment, as numpy.savetxt writes them, and lack one for a
    first column of row names, as R writes tables.

    Raises:
        InputError: there are more or fewer names than columns.
    """
    if _evidence(rows, width) > 0:
        return None, False
    for mark, label in SEPARATORS.items():
        cells = paired(uncommented(" ".join(line.cells)), Dialect(mark)) or []
        if len(cells) == width and _words(cells):
            notes.append(f"{name}, line {line.line}: {label} separate the names, unlike the cells below.")
            return line._replace(cells=cells), False
    count = len(line.cells)
    if _comment(line) or count < max(2, width / 2) or not _words(line.cells):
        return None, False
    keys = [row.cells[0] for row in rows if len(row.cells) == width]
    if count == width - 1 and len(set(keys)) == len(keys) and not _named(rows, width):
        return line, True
    raise InputError(
        f"{name}, line {line.line}: {count} names ({shown(line.cells)!r}), but most lines have "
        f"{_counted(width, 'cell')}; name each column once, or remove the line.", option,
    )  # fmt: skip


def _words(cells: list[str]) -> bool:
    return all(cells) and not any(map(is_number, cells))


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

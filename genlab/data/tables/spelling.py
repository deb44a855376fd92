"""Cells that say the same in another spelling: Yes and yes, 1 and 1.0, 2116 and 02116, True and 1."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping

TRUTH = {"true": "1", "false": "0"}
"""Numbers that some software writes as words, in lower case."""
NAMED = 3
"""Number of values that a note names."""


DIGITS = re.compile(r"(?=.*\d)(?:\+|(?P<minus>-))?0*(?P<whole>\d*)(?:\.(?P<part>\d*?)0*)?", re.ASCII)
"""A number in digits alone; another form (5%, 1E3) may be a code."""


def meaning(cell: str) -> str:
    """Equal for cells that differ only in case, spaces, the encoding of an accent, or zeros and plus signs of a number.

    Digits are not converted to a float, which would merge whole numbers above 2^53.
    """
    word = " ".join(unicodedata.normalize("NFKC", cell).casefold().split())
    word = TRUTH.get(word, word)
    if not (number := DIGITS.fullmatch(word)):
        return word
    value = (number["whole"] or "0") + (f".{number['part']}" if number["part"] else "")
    return f"-{value}" if number["minus"] and value != "0" else value


def spelling_note(what: str, counts: Mapping[str, int]) -> list[str]:
    """A note on values that may be the same but count as different, if there are any.

    Args:
        what: The values, as "classes of sold".
        counts: How often each value occurs.
    """
    alike: dict[str, list[str]] = {}
    for cell in counts:
        alike.setdefault(meaning(cell), []).append(cell)
    groups = [" and ".join(f"{cell!r} ({counts[cell]:,})" for cell in same) for same in alike.values() if len(same) > 1]
    if not groups:
        return []
    more = f" and {len(groups) - NAMED:,} more" if len(groups) > NAMED else ""
    return [f"{what} that differ only in spelling are separate: {', '.join(groups[:NAMED])}{more}; write those that "
            "are the same in one way."]  # fmt: skip


def respelled(cells: Iterable[str], known: Collection[str]) -> dict[str, str]:
    """For each cell that is not known, the one known value that says the same, if there is just one."""
    alike: dict[str, list[str]] = {}
    for value in known:
        alike.setdefault(meaning(value), []).append(value)
    unknown = [cell for cell in cells if cell not in known]
    return {cell: same[0] for cell in unknown if len(same := alike.get(meaning(cell), [])) == 1}


def respelled_note(column: str, spelled: Mapping[str, str], counts: Mapping[str, int], where: str) -> str:
    """A note on the cells of a column that are read in the spelling of the training data."""
    some = ", ".join(f"{cell[:30]!r} as {spelled[cell]!r}" for cell in list(spelled)[:NAMED])
    more = f" and {len(spelled) - NAMED:,} more" if len(spelled) > NAMED else ""
    rows = sum(counts[cell] for cell in spelled)
    what = f"{rows:,} cell{'s' * (rows > 1)} of column {column}"
    return f"{where}: {what} {'are' if rows > 1 else 'is'} read in the spelling of the training data: {some}{more}."

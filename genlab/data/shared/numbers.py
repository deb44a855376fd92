"""Numbers as people write them: decimal commas, thousands separators, currency and percent signs.

"1,234" may be 1234 or 1.234, so the cells of a column are read with one decimal mark, the one that most of them fit.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache

LARGEST = 1e30
"""Largest absolute value that counts as a number."""
LONGEST = 64
"""Largest number of characters of a number."""
CURRENCY = r"(?:[$€£¥₹₽₩₪₺฿¢]|USD|EUR|GBP|CHF|JPY|SEK|NOK|DKK|PLN|kr\.?|zł|Kč|Ft)"
SPACES = " \u00a0\u202f'’"
"""Characters between groups of three digits, beside the mark that is not the decimal one."""


def as_number(cell: str, decimal: str = ".") -> float | None:
    """The cell's value in the unit that it is written in (45% is 45); None unless finite and at most `LARGEST`.

    Args:
        cell: The text, without surrounding spaces.
        decimal: The decimal mark, "." or ",".
    """
    if len(cell) > LONGEST:
        return None
    value = _plain(cell) if decimal == "." or not ("." in cell or "," in cell) else None
    if value is None and (found := _pattern(decimal).fullmatch(cell)) and (found["whole"] or found["part"]):
        digits = re.sub(r"\D", "", found["whole"] or "0")
        value = float(f"{digits}.{found['part'] or '0'}{(found['power'] or '')}")
        value = -value if found["open"] or "-" in found["sign"].replace("−", "-") else value
    return value if value is not None and abs(value) <= LARGEST else None  # False for NaN


def _plain(cell: str) -> float | None:
    try:
        return float(cell) if "_" not in cell else None
    except ValueError:
        return None


@cache
def _pattern(decimal: str) -> re.Pattern[str]:
    """Matches a number with signs and separators; an accountant's negative is in brackets."""
    group = f"[{SPACES}{',' if decimal == '.' else '.'}]"
    return re.compile(
        rf"(?P<open>\()?(?P<sign>[-−+]?\s*(?:{CURRENCY}\s*)?[-−+]?)"
        rf"(?P<whole>[1-9]\d{{0,2}}(?:(?P<mark>{group})\d{{3}})(?:(?P=mark)\d{{3}})*|\d+)?(?:[{decimal}](?P<part>\d*))?"
        rf"(?P<power>[eE][-+]?\d+)?\s*(?:{CURRENCY}|[%‰])?(?(open)\))"
    )


def is_number(cell: str) -> bool:
    """Whether the cell is a number with either decimal mark."""
    return as_number(cell) is not None or as_number(cell, ",") is not None


def decimal_mark(counts: Mapping[str, int], usual: str = ".") -> str:
    """The decimal mark of a column.

    Args:
        counts: How often each cell occurs.
        usual: The mark if as many cells fit either.
    """
    lead = _comma_lead(counts)
    return "," if lead > 0 else "." if lead < 0 else usual


def usual_mark(columns: Iterable[Mapping[str, int]]) -> str:
    """The decimal mark of most columns that fit one mark better than the other: 12.345 alone may be either."""
    leads = [_comma_lead(counts) for counts in columns]
    return "," if sum(lead > 0 for lead in leads) > sum(lead < 0 for lead in leads) else "."


def _comma_lead(counts: Mapping[str, int]) -> int:
    """How many more cells are numbers with a decimal comma than with a decimal point."""
    point = sum(count for cell, count in counts.items() if as_number(cell) is not None)
    return sum(count for cell, count in counts.items() if as_number(cell, ",") is not None) - point

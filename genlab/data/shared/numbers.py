"""Numbers as people write them: decimal commas, thousands separators, currency and percent signs, units.

"1,234" may be 1234 or 1.234, so the cells of a column are read with one decimal mark, the one that most of them fit.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import cache

import numpy as np
from jaxtyping import Float64

LARGEST = 1e30
"""Largest absolute value that counts as a number."""
LONGEST = 64
"""Largest number of characters of a number."""
CURRENCY = (
    r"(?:[A-Z]{0,2}\$|[€£¥₹₽₩₪₺฿¢]|USD|EUR|GBP|CHF|JPY|CNY|INR|BRL|AUD|CAD|MXN|ZAR|SEK|NOK|DKK|PLN|CZK|HUF|TRY|RUB"
    r"|Rs\.?|Fr\.|kr\.?|zł|Kč|Ft)"
)
SPACES = " \u00a0\u202f'’"
"""Characters between groups of three digits, beside the mark that is not the decimal one."""
PLAIN = re.compile(r"[+-]?[\d.,]+")
JUDGED = 1000
"""Most different cells of a column from which to judge the others, spread over it."""
UNIT = re.compile(r"[-−+]?[\d.,\s]*\d\s*(?P<unit>(?:[^\W\d_]|[°µ\"'′″])[^\d\s.,]*(?: [^\W\d_]+)?\.?)")
"""A number with a unit: 5 kg, 36 months, 12.5 µg/L."""
CODE = re.compile(r"0\d+|\+\d[\d ()/.-]{7,}|(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}")
"""Digits that are not a quantity: codes with leading zeros, international phone numbers, IP addresses."""


def as_number(cell: str, decimal: str = ".", unit: str = "") -> float | None:
    """The cell's value in the unit that it is written in (45% is 45); None unless finite and at most `LARGEST`.

    Args:
        cell: The text, without surrounding spaces.
        decimal: The decimal mark, "." or ",".
        unit: A unit in the singular that may follow the number, as may its plural.
    """
    if len(cell) > LONGEST:
        return None
    value = _plain(cell) if decimal == "." or not ("." in cell or "," in cell) else None
    if value is None and (found := _pattern(decimal, unit).fullmatch(cell)) and (found["whole"] or found["part"]):
        digits = re.sub(r"\D", "", found["whole"] or "0")
        value = float(f"{digits}.{found['part'] or '0'}{(found['power'] or '')}")
        minus = "-" in (found["sign"] + (found["after"] or "")).replace("−", "-")
        value = -value if found["open"] or minus else value
    return value if value is not None and abs(value) <= LARGEST else None  # False for NaN


def plain_numbers(cells: Collection[str]) -> Float64[np.ndarray, " cells"] | None:
    """The values of cells that are all numbers as programs write them, many times faster than one by one.

    NaN for an empty cell and for what is not finite or above `LARGEST`; None if a cell is anything else.
    """
    if max(map(len, cells), default=0) > LONGEST or "_" in "".join(cells):
        return None
    filled = cells if all(cells) else [cell or "nan" for cell in cells]
    try:
        values = np.fromiter(map(float, filled), np.float64, len(cells))
    except ValueError:
        return None
    values[np.abs(values) > LARGEST] = np.nan
    return values


def _plain(cell: str) -> float | None:
    try:
        return float(cell) if "_" not in cell else None
    except ValueError:
        return None


@cache
def _pattern(decimal: str, unit: str) -> re.Pattern[str]:
    """Matches a number with signs and separators; an accountant's negative is in brackets or ends with the sign."""
    group = f"[{SPACES}{',' if decimal == '.' else '.'}]"
    indian = r"|[1-9]\d?(?:,\d\d)+,\d{3}" if decimal == "." else ""
    plural = "s?" if unit == _singular(unit + "s") else ""
    after = rf"{CURRENCY}|[%‰]{'|' + re.escape(unit) + plural if unit else ''}"
    return re.compile(
        rf"(?:{CURRENCY}\s*(?=\())?(?P<open>\()?(?P<sign>[-−+]?\s*(?:{CURRENCY}\s*)?[-−+]?)"
        rf"(?P<whole>[1-9]\d{{0,2}}(?:(?P<mark>{group})\d{{3}})(?:(?P=mark)\d{{3}})*{indian}|\d+)?"
        rf"(?:[{decimal}](?P<part>\d*))?(?P<power>[eE][-+]?\d+)?(?P<after>(?<=\d)[-−])?\s*(?:{after})?\s*(?(open)\))"
    )


def is_number(cell: str) -> bool:
    """Whether the cell is a number with either decimal mark."""
    return as_number(cell) is not None or as_number(cell, ",") is not None


def units(cells: Mapping[str, int]) -> Counter[str]:
    """How many numbers have each unit: a currency, a percent sign, or a word in the singular; "" for none.

    Args:
        cells: How often each cell occurs.
    """
    found = Counter[str]()
    if cells and plain_numbers(cells) is not None:
        return Counter({"": sum(cells.values())})
    for cell, count in cells.items():
        if PLAIN.fullmatch(cell):
            found[""] += count
        elif len(cell) > LONGEST:
            continue
        elif is_number(cell):
            mark = re.search(CURRENCY + "|[%‰]", cell)
            found[mark[0] if mark else ""] += count
        elif word := UNIT.fullmatch(cell):
            found[_singular(word["unit"])] += count
    return found


def _singular(unit: str) -> str:
    return unit[:-1] if re.fullmatch(r"[^\W\d_]+[^\W\d_s]s", unit) else unit


def main_unit(counts: Counter[str]) -> str:
    """The most frequent of the `units`, if at least a tenth of the numbers have it; "" for none."""
    unit = max(filter(None, counts), key=lambda unit: counts[unit], default="")
    return unit if 10 * counts[unit] >= counts.total() else ""


def decimal_marks(columns: Sequence[Mapping[str, int]], units: Sequence[str]) -> list[str]:
    """The decimal mark of each column of a file: the one that most of its cells fit, else that of most other columns.

    It is "" if these do not decide either: 12.345 alone may have both.

    Args:
        columns: How often each cell of a column occurs.
        units: The unit that may follow the numbers of each column.
    """
    leads = [_comma_lead(counts, unit) for counts, unit in zip(columns, units, strict=True)]
    marks = ["," if lead > 0 else "." if lead < 0 else "" for lead in leads]
    balance = marks.count(",") - marks.count(".")
    usual = "," if balance > 0 else "." if balance < 0 else ""
    return [mark or usual for mark in marks]


def _comma_lead(counts: Mapping[str, int], unit: str) -> int:
    """How many more cells are numbers with a decimal comma than with a decimal point; any if all may have a point."""
    either = [cell for cell in counts if "." in cell or "," in cell]
    either = either[:: 1 + len(either) // JUDGED]
    commas = (counts[cell] * (as_number(cell, ",", unit) is not None) for cell in either)
    plain = plain_numbers(either)
    if plain is not None and not np.isnan(plain).any():
        return 0 if all(commas) else -1
    return sum(commas) - sum(counts[cell] for cell in either if as_number(cell, ".", unit) is not None)

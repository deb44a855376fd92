"""Dates and times in the formats that tables hold."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from jaxtyping import Float64

from genlab.data.shared.numbers import is_number

DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d %b %Y", "%b %d, %Y",
        "%d-%b-%Y", "%d %B %Y", "%B %d, %Y", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%Y-%m")  # fmt: skip
TIMES = ("", " %H:%M:%S", " %H:%M", "T%H:%M:%S", " %H:%M:%S.%f", "T%H:%M:%S.%f", "T%H:%M", " %I:%M %p", " %I:%M:%S %p")
CLOCK = ("%H:%M:%S", "%H:%M")
FORMATS = (*(day + time for time in TIMES for day in DAYS), *CLOCK)
"""All formats, as strptime has them; the earlier one wins a tie, and a zone may follow a time."""
ZONE = re.compile(r"\d(Z|[+-]\d\d:?\d\d)$")
SAMPLE = 200
"""Number of different cells from which to judge the format."""
PROBED = 5
"""Number of these that rule out formats."""
YEAR = 365.2425


def date_format(counts: Mapping[str, int], share: float) -> tuple[str, str]:
    """The format of a column of dates, and another one that fits as well ("" for none).

    Args:
        counts: How often each cell occurs.
        share: Smallest fraction of the cells that must fit.
    """
    cells = list(counts)[:: max(1, len(counts) // SAMPLE)]
    alike = sum(any(map(str.isdigit, cell)) and 4 < len(cell) < 40 and not is_number(cell) for cell in cells)
    if alike < max(1, share * len(cells)):
        return "", ""
    likely = [form for form in FORMATS if any(parse_date(cell, form) for cell in cells[:PROBED])]
    fits = {form: sum(parse_date(cell, form) is not None for cell in cells) for form in likely}
    best = max(fits, key=lambda form: fits[form], default="")
    if not best or fits[best] < share * len(cells):
        return "", ""
    return best, next((form for form in fits if form != best and fits[form] == fits[best]), "")


def parse_date(cell: str, form: str) -> datetime | None:
    """The date of a cell, without its zone; None if it does not fit the format."""
    zone = "%z" if form.endswith(("%S", "%M", "%f")) and ZONE.search(cell) else ""
    try:
        return datetime.strptime(cell, form + zone).replace(tzinfo=None)
    except ValueError:
        return None


def is_format(form: str) -> bool:
    """Whether strptime understands the format."""
    try:
        datetime.strptime(datetime(2024, 12, 31, 23, 59, 58).strftime(form), form)
    except (ValueError, re.error):
        return False
    return "%" in form


def date_features(dates: Sequence[datetime | None], form: str) -> Float64[np.ndarray, "dates features"]:
    """Days since 2000, and the positions in the week, the year and the day on circles, as far as the format has them.

    A missing date has NaN.
    """
    rows = []
    for date in dates:
        if date is None:
            rows.append([math.nan] * features_of(form))
            continue
        day = (date - datetime(2000, 1, 1)).total_seconds() / 86_400
        parts = [] if form in CLOCK else [date.weekday() / 7, (date.timetuple().tm_yday - 1) / YEAR]
        parts += [day % 1] if "%H" in form or "%I" in form else []
        circles = [wave(2 * math.pi * part) for part in parts for wave in (math.sin, math.cos)]
        rows.append([*([] if form in CLOCK else [day]), *circles])
    return np.array(rows, np.float64).reshape(len(rows), features_of(form))


def features_of(form: str) -> int:
    """Number of features of a date in this format."""
    return (0 if form in CLOCK else 5) + 2 * ("%H" in form or "%I" in form)

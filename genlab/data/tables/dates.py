"""Dates and times in the formats that tables hold.

A cell is a day, a time of day, or both. The day has one of a few formats; the time of day reads the same in all of
them, with seconds and their fraction or without, and its zone is left out.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

import numpy as np
from jaxtyping import Float64

from genlab.data.shared.numbers import is_number

DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d %b %Y", "%b %d, %Y",
        "%d-%b-%Y", "%d %B %Y", "%B %d, %Y", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d-%b-%y", "%d/%b/%Y", "%Y.%m.%d",
        "%Y-%m")  # fmt: skip
"""Formats of days, as strptime has them; the earlier one wins a tie."""
TIME = re.compile(
    r"(?:^|T|:|,?\s+)(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?P<fraction>[.,]\d+)?)?"
    r"(?:\s*(?P<half>[ap])\.?m\.?)?(?:\s*(?P<zone>Z|UTC|GMT|[+-]\d\d(?::?\d\d)?))?$",
    re.IGNORECASE,
)
"""A time of day at the end of a cell, with what separates it from the day."""
TIME_FORMAT = re.compile(r"(?:^|T|:|,?\s+)(?:%H:%M(?::%S(?:[.,]%f)?)?|%I:%M(?::%S(?:[.,]%f)?)?\s*%p)(?:\s*%z)?$")
"""The end of a format that `TIME` reads."""
ISO = "%Y-%m-%d %H:%M"
LONGEST = 40
"""No date has this many characters."""
SAMPLE = 200
"""Number of different cells that decide whether a column may hold dates."""
PROBED = 5
"""Number of these that rule out formats."""
YEAR = 365.2425


def date_format(counts: Mapping[str, int]) -> tuple[str, str]:
    """The format that most cells fit, and another one that as many cells fit; "" for none.

    Args:
        counts: How often each cell occurs.
    """
    sample = list(counts)[:: max(1, len(counts) // SAMPLE)]
    alike = [cell for cell in sample if any(map(str.isdigit, cell)) and 4 < len(cell) < LONGEST and not is_number(cell)]
    if len(alike) <= 0.5 * len(sample):
        return "", ""
    times = [found for cell in alike if (found := TIME.search(cell))]
    end = _time_format(times[0]) if times else ""
    probes = [day for day, _ in map(_split, alike[:: max(1, len(alike) // PROBED)])]
    likely = [form for form in DAYS if any(day and _day(day, form) for day in probes)]
    likely = [form + end for form in likely] or [end.strip("T ")] * bool(times)
    fits = {form: sum(count for cell, count in counts.items() if parse_date(cell, form)) for form in likely}
    best = max(fits, key=lambda form: fits[form], default="")
    if not best or 2 * fits[best] <= sum(counts.values()):
        return "", ""
    ties = [form for form in fits if form != best and fits[form] == fits[best]]
    return best, next((form for form in ties if any(parse_date(c, form) != parse_date(c, best) for c in counts)), "")


@lru_cache(100_000)
def parse_date(cell: str, form: str) -> datetime | None:
    """The date of a cell, without its zone; None if it does not fit the format.

    A time of day may have seconds or not, whatever the format says; a day alone is its midnight.
    """
    if not (end := TIME_FORMAT.search(form)):
        return _day(cell, form)
    day, found = _split(cell)
    date = _day(day, form[: end.start()])
    if not found or not date or ("%I" in form and not found["half"]):
        return date if day and not found else None
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"] or 0)
    if found["half"]:
        hour = hour % 12 + 12 * (found["half"] in "pP") if 0 < hour <= 12 else 24
    if hour > 23 or minute > 59 or second > 59:
        return None
    fraction = (found["fraction"] or ".0")[1:7].ljust(6, "0")
    return date.replace(hour=hour, minute=minute, second=second, microsecond=int(fraction))


def are_dates(counts: Mapping[str, int]) -> bool:
    """Whether most cells are dates, in whatever formats; judged by a sample."""
    sample = list(counts)[:: 1 + len(counts) // SAMPLE]
    dates = sum(any(_day(day, form) for form in DAYS) for day, _ in map(_split, sample))
    return 2 * dates > len(sample)


def zones(counts: Mapping[str, int]) -> Counter[str]:
    """How many times have each zone; "" for none.

    Args:
        counts: How often each cell occurs.
    """
    found = Counter[str]()
    for cell, count in counts.items():
        if time := _split(cell)[1]:
            found[_zone(time["zone"] or "")] += count
    return found


def _zone(text: str) -> str:
    """One name for all spellings of a zone."""
    if text[:1] not in ("+", "-"):
        return text and "UTC"
    offset = text.replace(":", "").ljust(5, "0")
    return offset if offset.strip("+-0") else "UTC"


def _split(cell: str) -> tuple[str, re.Match[str] | None]:
    """The day and the time of day in a cell."""
    found = TIME.search(cell) if len(cell) < LONGEST else None
    return (cell[: found.start()] if found else cell), found


@lru_cache(100_000)
def _day(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=None)
    except ValueError:
        return None


def _time_format(found: re.Match[str]) -> str:
    seconds = ":%S" if found["second"] else ""
    return f"{'T' if found[0][0] in 'Tt' else ' '}{f'%I:%M{seconds} %p' if found['half'] else f'%H:%M{seconds}'}"


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
    times = np.array(dates, "datetime64[us]")
    days, years = times.astype("datetime64[D]"), times.astype("datetime64[Y]").astype("datetime64[D]")
    day = (times - np.datetime64("2000-01-01")) / np.timedelta64(1, "D")
    parts = []
    if not _is_clock(form):
        week = (days - np.datetime64("2001-01-01")) / np.timedelta64(1, "D") % 7  # a Monday
        parts = [week / 7, (days - years) / np.timedelta64(1, "D") / YEAR]
    if _has_time(form):
        parts.append(day % 1)
    circles = [wave(2 * math.pi * part) for part in parts for wave in (np.sin, np.cos)]
    return np.stack([*([] if _is_clock(form) else [day]), *circles], 1)


def features_of(form: str) -> int:
    """Number of features of a date in this format."""
    return (0 if _is_clock(form) else 5) + 2 * _has_time(form)


def _has_time(form: str) -> bool:
    return "%H" in form or "%I" in form


def _is_clock(form: str) -> bool:
    """Whether the format has no day."""
    end = TIME_FORMAT.search(form)
    return end is not None and not end.start()

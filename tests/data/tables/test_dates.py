"""Dates and times: their formats, fractions, zones and features."""

from collections import Counter
from datetime import datetime, timedelta

import numpy as np
import pytest

from genlab.data.tables.dates import date_features, date_format, features_of, parse_date

DATES = [datetime(2024, 1, 15, 13, 5, 7) + timedelta(days=3 * n, minutes=47 * n) for n in range(60)]


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S"),
        ("%Y-%m-%dT%H:%M:%S,123", "%Y-%m-%dT%H:%M:%S"),
        ("%Y-%m-%d %H:%M:%S.123456789", "%Y-%m-%d %H:%M:%S"),
        ("%Y-%m-%d %H:%M:%S+00", "%Y-%m-%d %H:%M:%S"),
        ("%Y-%m-%d %H:%M:%S.5+0000", "%Y-%m-%d %H:%M:%S"),
        ("%Y-%m-%dT%H:%M:%S-05:30", "%Y-%m-%dT%H:%M:%S"),
        ("%Y-%m-%dT%H:%MZ", "%Y-%m-%dT%H:%M"),
        ("%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S"),
        ("%d-%b-%y", "%d-%b-%y"),
        ("%Y.%m.%d", "%Y.%m.%d"),
        ("%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M"),
        ("%m/%d/%Y, %I:%M:%S %p", "%m/%d/%Y %I:%M:%S %p"),
        ("%d/%m/%Y %I:%M%p", "%d/%m/%Y %I:%M %p"),
        ("%I:%M%p", "%I:%M %p"),
        ("%d/%b/%Y:%H:%M:%S +0200", "%d/%b/%Y %H:%M:%S"),
        ("%b %d, %Y", "%b %d, %Y"),
        ("%H:%M", "%H:%M"),
        ("%Y-%m", "%Y-%m"),
    ],
)
def test_formats(written: str, form: str) -> None:
    cells = [date.strftime(written) for date in DATES]
    assert date_format(Counter(cells)) == (form, "")
    for cell, date in zip(cells, DATES, strict=True):
        parsed = parse_date(cell, form)
        assert parsed is not None
        assert parsed.strftime(form) == date.strftime(form)


def test_formats_that_mean_the_same_are_not_offered() -> None:
    assert date_format(Counter(f"May {n}, 2024" for n in range(1, 29))) == ("%b %d, %Y", "")
    assert date_format(Counter(f"{n:02d}/05/2024" for n in range(1, 13))) == ("%d/%m/%Y", "%m/%d/%Y")
    assert date_format(Counter(f"{n:02d}/{n:02d}/2024" for n in range(1, 13))) == ("%d/%m/%Y", "")


def test_fractions_whose_digits_vary() -> None:
    cells = ["2024-01-15 13:05:07", "2024-01-15 13:05:07.5", "2024-01-15 13:05:07.123456", "2024-01-15"]
    form, _ = date_format(Counter(cells))
    fractions = [0, 500_000, 123_456]
    expected = [datetime(2024, 1, 15, 13, 5, 7, part) for part in fractions] + [datetime(2024, 1, 15)]
    assert [parse_date(cell, form) for cell in cells] == expected


@pytest.mark.parametrize(
    ("cell", "form"),
    [
        ("2024-01-15 13:05", "%Y-%m-%d"),
        ("2024-01-15 25:05", "%Y-%m-%d %H:%M"),
        ("2024-01-15 12:60", "%Y-%m-%d %H:%M"),
        ("2024-13-15 12:05", "%Y-%m-%d %H:%M"),
        ("2024-01-15 13:05 PM", "%Y-%m-%d %I:%M %p"),
        ("2024-01-15 1:05", "%Y-%m-%d %I:%M %p"),
        ("2024-01-15", "%H:%M"),
        ("", "%H:%M"),
    ],
)
def test_what_does_not_fit(cell: str, form: str) -> None:
    assert parse_date(cell, form) is None


@pytest.mark.parametrize("cells", [["5", "6.5"], ["ab12-x", "cd13-y"], ["10.0.0.1", "10.0.0.2"], ["3:2", "4:1"], []])
def test_cells_that_are_not_dates(cells: list[str]) -> None:
    assert date_format(Counter(cells)) == ("", "")


def test_formats_of_older_runs_and_stated_ones() -> None:
    date = datetime(2024, 1, 15, 13, 5, 7, 250_000)
    for form in ("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S.%f", "%S %M %H %d %m %y %f", "%d.%m.%Y %H:%M:%S,%f %z"):
        assert parse_date(date.strftime(form).strip(), form.replace("%z", "").strip()) == date
    assert parse_date("15.01.2024 13:05 +0100", "%d.%m.%Y %H:%M %z") == datetime(2024, 1, 15, 13, 5)


@pytest.mark.parametrize(("form", "count"), [("%Y-%m-%d", 5), ("%Y-%m-%d %H:%M", 7), ("%I:%M %p", 2)])
def test_features(form: str, count: int) -> None:
    features = date_features([datetime(2024, 1, 15, 6), None], form)
    assert features.shape == (2, count) == (2, features_of(form))
    assert np.isnan(features[1]).all()
    if count > 2:
        assert features[0, 0] == (datetime(2024, 1, 15, 6) - datetime(2000, 1, 1)).total_seconds() / 86_400
        np.testing.assert_allclose(features[0, 1:3], [0, 1], atol=1e-12)  # a Monday
        turn = 2 * np.pi * 14 / 365.2425
        np.testing.assert_allclose(features[0, 3:5], [np.sin(turn), np.cos(turn)])
    if count != 5:
        np.testing.assert_allclose(features[0, -2:], [1, 0], atol=1e-12)  # a quarter of the day

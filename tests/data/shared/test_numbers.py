"""Numbers as people write them, and digits that are not numbers."""

from collections import Counter

import pytest

from genlab.data.shared.numbers import JUDGED, as_number, decimal_marks, is_number, main_unit, plain_numbers, units

WITH_POINT = {
    "1,234": 1234, "1,10,100": 110_100, "12,34,567.5": 1_234_567.5, "5.50-": -5.5, "(5.50)": -5.5, "$(5.50)": -5.5,
    "( 5.50 )": -5.5, "−5": -5, "12-": -12, "-$5": -5, "$-5": -5, "US$5": 5, "Rs. 1,10,100": 110_100, "INR 5": 5,
    "CHF 1'200.50": 1200.5, "45 %": 45, "1e5": 100_000,
}  # fmt: skip
WITH_COMMA = {"1,234": 1.234, "R$ 1.200,50": 1200.5, "1.234.567,89": 1_234_567.89, "1 234,50 €": 1234.5, "5,50-": -5.5}


@pytest.mark.parametrize(("cell", "value"), WITH_POINT.items(), ids=WITH_POINT)
def test_numbers_with_a_decimal_point(cell: str, value: float) -> None:
    assert as_number(cell) == value


@pytest.mark.parametrize(("cell", "value"), WITH_COMMA.items(), ids=WITH_COMMA)
def test_numbers_with_a_decimal_comma(cell: str, value: float) -> None:
    assert as_number(cell, ",") == value


@pytest.mark.parametrize(
    "cell",
    ["+49 30 1234", "030-123", "10.0.0.1", "5 kg", "5,-", "5--", "-", "1,23,45", "1_000", "5.5.5", "<5", "nan", "$"],
)
def test_cells_that_are_not_numbers(cell: str) -> None:
    assert not is_number(cell)


@pytest.mark.parametrize(
    ("cells", "unit", "values"),
    [
        (["5 kg", "6.5 kg", "-7kg", "8"], "kg", [5, 6.5, -7, 8]),
        (["36 months", "60 months", "1 month"], "month", [36, 60, 1]),
        (["5 m", "6 m", "7 ms"], "m", [5, 6, None]),
        (["1.200,5 µg/L", "0,5 µg/L"], "µg/L", [1200.5, 0.5]),
        (["5 sq ft", "1,250 sq ft"], "sq ft", [5, 1250]),
        (["12 m²", "(13 m²)"], "m²", [12, -13]),
        (["1%", "2 %", "3"], "%", [1, 2, 3]),
        (["$1,200.5", "€2", "€3"], "€", [1200.5, 2, 3]),
        (["1", "2"], "", [1, 2]),
        ([*map(str, range(20)), "5 kg"], "", [*range(20), None]),  # one cell does not decide
    ],
)
def test_units(cells: list[str], unit: str, values: list[float | None]) -> None:
    assert main_unit(units(Counter(cells))) == unit
    (mark,) = decimal_marks([Counter(cells)], [unit])
    assert [as_number(cell, mark or ".", unit) for cell in cells] == values


def test_units_are_counted() -> None:
    cells = {"5 kg": 2, "6 kgs": 1, "7": 4, "1%": 3, "word": 5, "5 g": 1}
    assert units(cells) == {"kg": 3, "": 4, "%": 3, "g": 1}


@pytest.mark.parametrize(
    ("cells", "plain"),
    [
        (["1", "-2.5", "+3", "1e-5", "", "nan", "0012", ".5"], True),
        (["1", "inf", "1e31", "-1e30"], True),
        (["1", "1,5"], False),
        (["1", "1_000"], False),
        (["1", "unknown"], False),
        (["1", "0" * 65], False),
        ([], True),
    ],
)
def test_plain_numbers_are_those_read_one_by_one(cells, plain):
    found = plain_numbers(cells)
    assert (found is not None) == plain
    if found is not None:
        each = [as_number(cell) for cell in cells]
        assert [None if value != value else value for value in found] == each


def test_many_cells_are_judged_by_some_of_them_spread_over_the_column(monkeypatch):
    read = []
    monkeypatch.setattr("genlab.data.shared.numbers.as_number", lambda *given: read.append(given) or as_number(*given))
    first = {f"{number}.5": 1 for number in range(2_000)}  # the column is not judged by its beginning
    assert decimal_marks([first | {f"{number},5": 1 for number in range(3_000)}], [""]) == [","]
    assert decimal_marks([first | {f"{number},5": 1 for number in range(1_000)}], [""]) == ["."]
    assert len(read) <= 2 * 2 * JUDGED
    read.clear()
    assert decimal_marks([first], [""]) == ["."]
    assert len(read) <= 1


@pytest.mark.parametrize(
    ("columns", "marks"),
    [
        (["1,5", "1.5"], ",."),
        (["1.234", "1,5", "7"], ",,,"),
        (["1.234", "1.5"], ".."),
        (["1,234", "1.5", "2,5", "3,5 kg"], ",.,,"),
        (["1.234", "1,234"], None),
        (["1.234", "1.5", "1,5"], None),
    ],
)
def test_a_column_that_fits_both_marks_follows_the_others(columns: list[str], marks: str | None) -> None:
    found = decimal_marks([{cell: 2} for cell in columns], [main_unit(units({cell: 2})) for cell in columns])
    assert found[0] == "" if marks is None else "".join(found) == marks

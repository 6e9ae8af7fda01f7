"""Numbers as they are written."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayescompare.formatting import count, counted, decimals, figure, fixed, interval, percent, plain, point, ticks

NAN = math.nan


def spaced(text: object) -> str:
    """With ordinary spaces, to be read in a test."""
    return str(text).replace("\N{NO-BREAK SPACE}", " ").replace("\N{THIN SPACE}", " ")


@pytest.mark.parametrize(
    ("error", "places"),
    [
        (0.04, 2),
        (0.049, 2),
        (0.012, 3),
        (0.0196, 3),
        (0.096, 2),
        (0.3, 1),
        (0.1, 2),
        (1.0, 1),
        (2.0, 0),
        (9.4, 0),
        (9.6, 0),  # printed as 10: its first digit is a 1
        (14.0, 0),
        (250.0, -2),
        (150.0, -1),
        (3e-9, 9),
        (0.0, None),
        (-1.0, None),
        (NAN, None),
        (math.inf, None),
    ],
)
def test_a_figure_stops_where_its_error_begins(error: float, places: int | None) -> None:
    assert decimals(error) == places


@pytest.mark.parametrize(
    ("value", "error", "most", "written"),
    [
        (-1.1383, 0.0412, None, "−1.14 ± 0.04"),
        (-0.1459, 0.0121, None, "−0.146 ± 0.012"),
        (16.68, 0.41, None, "16.7 ± 0.4"),
        (0.03369, 0.00056, 2, "0.03 ± < 0.01"),
        (0.0, 0.04, None, "0.00 ± 0.04"),
        (-0.001, 0.04, None, "0.00 ± 0.04"),
        (1234567.0, 250.0, None, "1,234,600 ± 200"),
        (1e-7, 3e-9, None, "(1.00 ± 0.03) × 10⁻⁷"),
        (-4.2e9, 3e7, None, "(−4.20 ± 0.03) × 10⁹"),
        (0.0, 2e-9, None, "(0 ± 2) × 10⁻⁹"),
        (1000.12345678, 3e-8, None, "1,000.12 ± < 0.01"),
        (12345.678, NAN, None, "12,346"),
        (3.14159, NAN, None, "3.14"),
        (3e8, NAN, None, "3 × 10⁸"),
        (5.0, 0.0, None, "5"),
        (NAN, 0.1, None, "–"),
        (NAN, NAN, None, "–"),
        (math.inf, 0.1, None, "∞"),
        (-math.inf, NAN, None, "−∞"),
        (9.97, 0.096, None, "9.97 ± 0.10"),
    ],
)
def test_figures(value: float, error: float, most: int | None, written: str) -> None:
    assert spaced(figure(value, error, most)) == written


def test_a_figure_and_its_error_are_never_broken_apart() -> None:
    assert " " not in str(figure(-1.14, 0.04))
    assert " " not in str(figure(1e-7, 3e-9))


def test_per_cent() -> None:
    assert spaced(percent(0.523, 0.008)) == "52.3 ± 0.8"
    assert spaced(percent(NAN)) == "–"


@pytest.mark.parametrize(
    ("lower", "upper", "error", "written"),
    [
        (0.18, 11.57, 0.06, "0.18 to 11.6"),
        (-1.91, 17.63, 0.11, "−1.9 to 17.6"),
        (-2.0, 11.0, 0.6, "−2 to 11"),
        (-0.04, 0.04, 0.3, "0 to 0"),
        (NAN, 1.0, 0.1, "–"),
        (0.0, 1e9, NAN, "0 to 1.00 × 10⁹"),
        (-1.5, 2.25, NAN, "−1.50 to 2.25"),
        (-math.inf, 2.0, 0.1, "−∞ to 2.0"),
    ],
)
def test_intervals_stop_one_digit_earlier(lower: float, upper: float, error: float, written: str) -> None:
    assert spaced(interval(lower, upper, error)) == written


@pytest.mark.parametrize(
    ("value", "error", "exact", "written"),
    [
        (0.0, 0.06, True, "0"),
        (0.5, 0.06, True, "0.5"),
        (1.0, NAN, True, "1"),
        (28.966, 0.06, False, "28.97"),
        (0.0, 0.06, False, "0.00"),
        (NAN, 0.06, False, "–"),
        (NAN, 0.06, True, "–"),
        (1234.5, NAN, False, "1,234"),
        (3.2e9, 0.06, False, "3.20000 × 10⁹"),
    ],
)
def test_a_mode_has_its_means_digits_and_a_bound_is_itself(
    value: float, error: float, exact: bool, written: str
) -> None:
    assert spaced(point(value, error, exact=exact)) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (0.25, "0.25"),
        (1234.5, "1,234.5"),
        (123456.7, "123,457"),
        (1e-8, "1 × 10⁻⁸"),
        (99999999.0, "1 × 10⁸"),
        (0.00012345678, "0.000123457"),
        (-17.0, "−17"),
    ],
)
def test_plain_numbers(value: float, written: str) -> None:
    assert spaced(plain(value)) == written


def test_fixed_never_writes_minus_zero() -> None:
    assert fixed(-0.004, 2) == "0.00"
    assert fixed(-0.006, 2) == "−0.01"
    assert fixed(-4.0, -1) == "0"


def test_counts() -> None:
    assert count(4000) == "4,000"
    assert spaced(counted(1, "scalar")) == "1 scalar"
    assert spaced(counted(1638, "draw")) == "1,638 draws"
    assert count(NAN) == "–"


def test_ticks_are_round_and_lie_on_the_axis() -> None:
    assert [label for _, label in ticks(0, 40, 9)] == ["0", "5", "10", "15", "20", "25", "30", "35", "40"]
    assert [label for _, label in ticks(-3.5, 3.5)] == ["−3", "−2", "−1", "0", "1", "2", "3"]
    assert ticks(1.0, 1.0) == []
    assert ticks(0.0, math.inf) == []


finite = st.floats(allow_nan=False, allow_infinity=False, width=64)


@given(value=finite, error=st.floats(min_value=1e-300, max_value=1e300))
def test_every_figure_is_written_without_a_hyphen_or_an_exponent_in_letters(value: float, error: float) -> None:
    text = str(figure(value, error))
    assert not re.search(r"[-eE]|nan|inf", text)
    assert "±" in text


@given(value=st.floats(min_value=-1e4, max_value=1e4), error=st.floats(min_value=1e-3, max_value=1e2))
def test_what_is_written_is_within_half_a_digit(value: float, error: float) -> None:
    number = figure(value, error)
    if number.power or number.error.startswith("<"):
        return
    read = float(number.value.replace(",", "").replace("−", "-"))
    places = decimals(error)
    assert places is not None
    most = 5 - math.floor(math.log10(max(abs(value), error)))  # six digits, however small the error
    step = 10.0 ** -min(places, most)
    assert abs(read - value) <= 0.5 * step * (1 + 1e-6)
    assert step <= error * 1.06 or places > most


@given(lower=finite, width=st.floats(min_value=1e-200, max_value=1e200))
def test_ticks_never_fail_and_are_few(lower: float, width: float) -> None:
    found = ticks(lower, lower + width)
    assert len(found) <= 9

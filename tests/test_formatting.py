"""Numbers as they are written, read back: the value is within the rounding of what is printed."""

from __future__ import annotations

import ast
import math
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import bayescompare
from bayescompare.formatting import (
    MINUS,
    NO_BREAK,
    NONE,
    decimals,
    figure,
    fixed,
    interval,
    percent,
    plain,
    point,
    rounded,
)

RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
PACKAGE = Path(bayescompare.__file__).parent

sizes = st.floats(min_value=1e-300, max_value=1e300)
numbers = st.builds(math.copysign, sizes, st.sampled_from([1.0, -1.0])) | st.just(0.0)
errors = sizes | st.sampled_from([0.0, math.inf, math.nan])


def read(text: str) -> tuple[Decimal, Decimal]:
    """A printed number, and half a unit of its last digit."""
    digits, _, power = text.partition(f"{NO_BREAK}×{NO_BREAK}10")
    digits = digits.replace(",", "").replace(MINUS, "-")
    exponent = int(power.translate(RAISED)) if power else 0
    decimals = len(digits.partition(".")[2])
    return Decimal(digits).scaleb(exponent), Decimal("0.5000001").scaleb(exponent - decimals)


def within(text: str, value: float, error: float = 0.0) -> bool:
    """Whether it says the value: to half of its last digit, or half of the first digit of its error."""
    said, rounding = read(text)
    slack = max(rounding, Decimal(error) / 2, Decimal(abs(value)) * Decimal("5.0001e-6"))
    return abs(said - Decimal(value)) <= slack


@given(numbers, errors)
@example(3.97e-6, 2e-8)
@example(2.1e-9, 1e-10)
@example(-9.9999999e6, 1e-3)
@example(9.9999e-5, 0.0)
@example(1e300, 1e-300)
@example(-1e-300, 1e300)
def test_a_figure_and_its_mode_say_the_value(value: float, error: float) -> None:
    known = error if math.isfinite(error) else 0.0
    number = figure(value, error)
    slack = known if known else 0.01 * abs(value)
    assert within(number.alone, value, slack), number
    assert within(point(value, error), value, slack)
    assert math.isfinite(float(read(point(value, exact=True))[0]))
    assert bool(number.error) == (known > 0)
    assert len(str(number)) < 40


@given(numbers, st.integers(min_value=1, max_value=12))
def test_plain_numbers_have_their_digits(value: float, digits: int) -> None:
    said = read(plain(value, digits))[0]
    assert abs(said - Decimal(value)) <= Decimal(abs(value)) * Decimal("0.5000001").scaleb(1 - digits)


@given(sizes, sizes)
def test_an_error_is_printed_beside_its_figure(value: float, error: float) -> None:
    number = figure(value, error)
    if "<" in number.error:
        assert error <= 1.0001e-5 * value
    else:
        said = read(NO_BREAK.join(filter(None, (number.error, number.power))))[0]
        assert float(said) == pytest.approx(error, rel=0.5)


@given(numbers, numbers, errors)
def test_the_ends_of_an_interval_say_what_they_are(one: float, other: float, error: float) -> None:
    lower, upper = sorted((one, other))
    texts = interval(lower, upper, error).split(" to ")
    coarse = 10 * error if math.isfinite(error) and error > 0 else 0.01 * max(abs(lower), abs(upper), upper - lower)
    for text, value in zip(texts, (lower, upper), strict=True):
        assert within(text, value, coarse)


@given(sizes, sizes, errors)
def test_an_interval_on_one_side_of_zero_keeps_two_digits(one: float, other: float, error: float) -> None:
    lower, upper = sorted((one, other))
    for ends in ((lower, upper), (-upper, -lower)):
        for text, value in zip(interval(*ends, error).split(" to "), ends, strict=True):
            assert within(text, value, 0.05 * abs(value))


@given(numbers, st.integers(min_value=-305, max_value=305))
def test_rounded_to_so_many_decimals(value: float, places: int) -> None:
    assert within(rounded(value, places), value, 10.0**-places)


@pytest.mark.parametrize("write", [figure, plain, point, percent, lambda x: fixed(x, 2), lambda x: rounded(x, 2)])
def test_what_is_no_number_is_said(write: object) -> None:
    assert [str(write(x)) for x in (math.nan, math.inf, -math.inf)] == [NONE, "∞", f"{MINUS}∞"]  # type: ignore[operator]


def test_errors_without_digits_print_none() -> None:
    for error in (0.0, -1.0, math.nan, math.inf):
        assert decimals(error) is None
        assert str(figure(2.5, error)) == "2.5"


#: Formats of what is no figure of a result: levels of intervals.
NOT_FIGURES = {
    ("cli/calibrate.py", "100 * level:g"),
    ("cli/study.py", "100 * level:g"),
    ("report/study/answer.py", "100 * held.level:g"),
    ("report/study/downloads.py", "value:.{digits}g"),  # rounds a number of the JSON
}


def test_figures_are_written_by_one_module() -> None:
    found = []
    paths = [*PACKAGE.glob("cli/*.py"), *PACKAGE.rglob("report/**/*.py"), PACKAGE / "results" / "sentence.py"]
    for path in paths:
        name = path.relative_to(PACKAGE).as_posix()
        if name.startswith("report/svg/"):  # what is written there are coordinates
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FormattedValue) and isinstance(node.format_spec, ast.JoinedStr):
                spec = ast.unparse(node.format_spec)[2:-1]
                written = f"{ast.unparse(node.value)}:{spec}"
                if spec[-1:] in {"f", "g", "e", "G", "E", "%"} and (name, written) not in NOT_FIGURES:
                    found.append((name, written))
    assert found == []


def test_ends_of_an_interval_stop_at_their_own_errors() -> None:
    """Of a heavy tail the mean's error says nothing of the quantiles, nor of the mode."""
    assert interval(125.7, 4615.6, 480.0, (1.3, 180.0)) == "126 to 4,600"
    assert interval(0.0042, 9.81, 0.2, (0.01, 0.3)) == "0.0042 to 9.8"  # never 0.00, outside of the range
    assert point(320.645, 480.0, width=1122.0) == "321"
    assert point(4.61538, 0.3, width=3.3) == "4.62"

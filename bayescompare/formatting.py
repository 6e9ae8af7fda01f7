"""How a number is written: where it stops, and what stands where there is none.

A figure stops at the first significant digit of its error (at the second where the first is 1), the ends of an
interval stop one digit earlier, a mode has its mean's digits, and a bound is written as itself: 0, not 0.00.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

MINUS = "\N{MINUS SIGN}"
NO_BREAK = "\N{NO-BREAK SPACE}"
THIN = "\N{THIN SPACE}"
NONE = "\N{EN DASH}"

MOST_DIGITS = 6
"""No figure is written with more significant digits, however small its error."""

LARGE, SMALL = 1e7, 1e-4
"""From here on, and below, a power of ten is taken out."""

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Number:
    """A figure as it is written.

    Attributes
    ----------
    value : str
        Its digits; an en dash where there is none.
    error : str
        Its standard error, or empty. ``"<\u20090.01"`` where it rounds away.
    power : str
        A power of ten taken out of both, such as ``"× 10⁻⁷"``, or empty.
    """

    value: str
    error: str = ""
    power: str = ""

    def __str__(self) -> str:
        digits = f"{self.value}{NO_BREAK}±{NO_BREAK}{self.error}" if self.error else self.value
        if not self.power:
            return digits
        return f"({digits}){NO_BREAK}{self.power}" if self.error else f"{digits}{NO_BREAK}{self.power}"

    @property
    def alone(self) -> str:
        """The figure without its error."""
        return f"{self.value}{NO_BREAK}{self.power}" if self.power else self.value

    @property
    def missing(self) -> bool:
        """True if there is no figure."""
        return self.value == NONE


NOTHING = Number(NONE)


def decimals(error: float) -> int | None:
    """Decimals at which a figure with this error stops; negative for tens and hundreds, None where there is no error.

    >>> decimals(0.04), decimals(0.014), decimals(0.096), decimals(3.0), decimals(250.0)
    (2, 3, 2, 0, -2)
    """
    if not math.isfinite(error) or error <= 0:
        return None
    exponent = _exponent(error)
    leading = round(_over(error, exponent), 9)
    if leading >= 9.5:  # it is printed as 10, so its first digit is a 1
        return -exponent
    return -exponent + (1 if leading < 2 else 0)


def figure(value: float, error: float = math.nan, most: int | None = None) -> Number:
    """Write a figure with its standard error.

    Parameters
    ----------
    value, error : float
        In the same unit. Without an error (NaN, or exactly 0) three significant digits are written and no ±.
    most : int, optional
        Largest number of decimals; an error that rounds away there reads ``< 0.01``.
    """
    if math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return Number(f"{MINUS if value < 0 else ''}∞")
    places = decimals(error)
    if places is None:
        return _split(plain(value, 3))
    exponent, places = _scaled(max(abs(value), error), places)
    value, error = _over(value, exponent), _over(error, exponent)
    if most is not None:
        places = min(places, most)
    shown = fixed(error, places)
    if float(shown.replace(",", "")) == 0:
        shown = f"<{THIN}{fixed(10.0**-places, places)}"
    return Number(fixed(value, places), shown, _power(exponent))


def rounded(value: float, places: int) -> str:
    """Write a number with so many decimals, negative for tens and hundreds; a power of ten where it takes one.

    >>> rounded(3.97e-6, 8), rounded(12345.6, -2)
    ('3.97\xa0×\xa010⁻⁶', '12,300')
    """
    if not math.isfinite(value):
        return plain(value)
    exponent, places = _scaled(max(abs(value), 10.0 ** min(-places, 300)), places)
    number = Number(fixed(_over(value, exponent), places), "", _power(exponent))
    return number.alone if any(digit in "123456789" for digit in number.value) else number.value


def percent(share: float, error: float = math.nan, most: int | None = None) -> Number:
    """Write a share of one in per cent, without the sign."""
    return figure(100.0 * share, 100.0 * error, most)


def interval(
    lower: float, upper: float, error: float = math.nan, errors: tuple[float, float] = (math.nan, math.nan)
) -> str:
    """Write an interval: each end stops at the first digit of its own error, one of ``errors``.

    Where those are not known the ends stop one digit before their mean, whose error is ``error``. On one side of 0 each
    end keeps two significant digits at least: an end must not fall out of the variable's range.

    >>> interval(125.7, 4615.6, errors=(1.3, 180.0))
    '126 to 4,600'
    >>> interval(52.3, 4100.0, 300.0)
    '52 to 4,100'
    """
    if math.isnan(lower) or math.isnan(upper):
        return NONE
    if all(math.isfinite(e) and e > 0 for e in errors):
        one_sided = 2 if lower > 0 or upper < 0 else 0
        shown = (_end(x, 1 - _exponent(e), one_sided) for x, e in zip((lower, upper), errors, strict=True))
        return " to ".join(shown)
    places = decimals(error)
    width = abs(upper - lower)
    if places is None and math.isfinite(width) and width > 0:
        places = 3 - _exponent(width)
    fewest = 2 if lower > 0 or upper < 0 else 0
    return f"{_end(lower, places, fewest)} to {_end(upper, places, fewest)}"


def point(value: float, error: float = math.nan, *, exact: bool = False, width: float = math.nan) -> str:
    """Write a mode, which has no Monte-Carlo error: with the digits of its mean, and to 1 % of the posterior's width.

    Or as the bound itself where it lies on one (``exact``).

    >>> point(320.645, 300.0, width=1100.0)
    '321'
    """
    if exact or not math.isfinite(value):
        return plain(value)
    known = [places for places in (decimals(error), decimals(width / 100)) if places is not None]
    return rounded(value, max(known)) if known else plain(value, 3)


def plain(value: float, digits: int = MOST_DIGITS) -> str:
    """Write a number that has no error: at most so many significant digits, none of them a trailing zero."""
    if math.isnan(value):
        return NONE
    if math.isinf(value):
        return f"{MINUS if value < 0 else ''}∞"
    if value == 0:
        return "0"
    exponent = _exponent(abs(float(f"{value:.{digits - 1}e}")))
    if abs(value) >= LARGE or abs(value) < SMALL:
        mantissa = _trim(fixed(_over(value, exponent), digits - 1))
        return f"{mantissa}{NO_BREAK}{_power(exponent)}"
    return _trim(fixed(value, digits - 1 - exponent)) if exponent < digits - 1 else fixed(value, 0)


def fixed(value: float, places: int) -> str:
    """Write with so many decimals: thousands apart, a real minus, no minus before a zero.

    >>> fixed(-0.001, 2), fixed(12345.6, -2)
    ('0.00', '12,300')
    """
    if not math.isfinite(value):
        return plain(value)
    text = f"{abs(round(float(value), places)):,.{max(places, 0)}f}"
    negative = value < 0 and any(digit in "123456789" for digit in text)
    return f"{MINUS}{text}" if negative else text


def count(number: float) -> str:
    """Write a whole number: ``4,000``."""
    return NONE if math.isnan(number) else fixed(number, 0)


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """Write a count with its noun: ``1 scalar``, ``4,000 draws``."""
    return f"{count(number)}{NO_BREAK}{singular if number == 1 else plural or singular + 's'}"


def ticks(lower: float, upper: float, most: int = 7) -> list[tuple[float, str]]:
    """Round positions for an axis, each with its label; at most ``most`` of them, none where the range is empty."""
    width = upper - lower
    if not math.isfinite(width) or width <= 0:
        return []
    raw = width / most
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(s for s in (unit, 2 * unit, 5 * unit, 10 * unit) if width / s <= most)
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    first = math.ceil(lower / step - 1e-9)
    last = math.floor(upper / step + 1e-9)
    small = max(abs(lower), abs(upper)) < SMALL * 10 or max(abs(lower), abs(upper)) >= LARGE
    return [(i * step, plain(i * step, 4) if small else fixed(i * step, places)) for i in range(first, last + 1)]


def powers(low: float, high: float, most: int = 6) -> list[tuple[float, str]]:
    """Positions for an axis whose own are decadic logarithms: 1, 2, 5 and their tens, as many as there is room for."""
    inside: list[tuple[float, str]] = []
    for digits in ((1, 2, 5), (1, 3), (1,)):
        tens = range(math.floor(low), math.ceil(high) + 1)
        found = [(e + math.log10(d), plain(d * 10.0**e, 2)) for e in tens for d in digits]
        inside = [pair for pair in found if low <= pair[0] <= high]
        if len(inside) <= most:
            break
    if len(inside) < 3:  # within a decade, round numbers
        return [(math.log10(v), text) for v, text in ticks(10**low, 10**high, most - 1) if v > 0]
    return inside[:: max(1, -(-len(inside) // most))]


def _end(value: float, places: int | None, fewest: int) -> str:
    """An end of an interval whose mean stops at ``places``, with so many significant digits at least."""
    if places is None:
        return plain(value, 3)
    least = fewest - 1 - _exponent(abs(value)) if fewest and math.isfinite(value) else places - 1
    return rounded(value, max(places - 1, least))


def _scaled(scale: float, places: int) -> tuple[int, int]:
    """The power of ten that is taken out of figures of this size, 0 for none; and the decimals that are left."""
    exponent = _exponent(scale)
    if scale >= LARGE or scale < SMALL:
        return exponent, min(places + exponent, MOST_DIGITS - 1)
    return 0, min(places, MOST_DIGITS - 1 - exponent)


def _over(value: float, exponent: int) -> float:
    """``value`` / 10**exponent, in two steps: 10**-310 has few digits, and 10**310 none."""
    half = exponent // 2
    return value / 10.0**half / 10.0 ** (exponent - half)


def _split(text: str) -> Number:
    value, _, power = text.partition(NO_BREAK)
    return Number(value, "", power)


def _exponent(value: float) -> int:
    """Power of ten of the first significant digit (the text form is exact where a logarithm is off by one ulp)."""
    return int(f"{value:.15e}".partition("e")[2])


def _power(exponent: int) -> str:
    return "" if exponent == 0 else f"×{NO_BREAK}10{str(exponent).translate(_RAISED)}"


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text

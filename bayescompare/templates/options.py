"""Checks of the templates' options; what is out of range raises :class:`bayescompare.errors.UsageError`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from ..errors import UsageError


def choice(owner: str, name: str, value: Any, choices: Sequence[str]) -> str:
    """``value``, if it is one of ``choices``."""
    if value not in choices:
        raise UsageError(f"{owner}: {name} is {value!r}, but only {' or '.join(map(repr, choices))} can be chosen.")
    return str(value)


def number(owner: str, name: str, value: Any) -> np.float64:
    """``value`` in double precision, if it is a finite number."""
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise UsageError(f"{owner}: {name} is {value!r}, but must be a finite number.")
    # NumPy's double, because PyTensor keeps Python's numbers in the smallest type that holds them: an integer as int8,
    # whose square overflows, and 54.0 in single precision, whose log is off by 6e-8 for each observation.
    return np.float64(value)


def positive(owner: str, name: str, value: Any) -> np.float64:
    """``value`` in double precision, if it is finite and above 0."""
    checked = number(owner, name, value)
    if checked <= 0:
        raise UsageError(f"{owner}: {name} is {value!r}, but must be above 0.")
    return checked


def whole(owner: str, name: str, value: Any, low: int, high: int) -> int:
    """``value``, if it is an integer from ``low`` to ``high``."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not low <= int(value) <= high:
        raise UsageError(f"{owner}: {name} is {value!r}, but must be a whole number from {low} to {high}.")
    return int(value)

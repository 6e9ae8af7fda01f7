"""The gradient of a density that has none: central differences of its value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .backends import Array, PyTensorFunction, of_row

#: Step of a coordinate, in units of max(1, |u|): rounding of the value and the density's own bend weigh alike where
#: the value is good to ten digits, as a solver's is.
STEP = 1e-4


class ByDifferences:
    """A function to one value as one to its value and gradient, at 2 d more evaluations.

    Where the value is finite on one side only, that side's difference stands; where on neither, NaN.
    """

    backend = "pytensor"

    def __init__(self, value: PyTensorFunction) -> None:
        self._value = value

    @property
    def raised(self) -> str | None:
        """What an operation said when it last raised."""
        return self._value.raised

    def value(self, u: Array, *args: Any) -> float:
        """The value alone."""
        (found,) = self._value(u, *args)
        return float(found)

    def __call__(self, u: Array, *args: Any) -> list[Array]:
        here = self.value(u, *args)
        gradient = np.zeros(len(u))
        if np.isfinite(here):
            gradient = np.array([self._slope(i, u, here, args) for i in range(len(u))])
        return [np.asarray(here), gradient]

    def _slope(self, i: int, u: Array, here: float, args: tuple[Any, ...]) -> float:
        step = STEP * max(1.0, abs(u[i]))
        moved = u.copy()
        sides = []
        for sign in (1.0, -1.0):
            moved[i] = u[i] + sign * step
            sides.append((self.value(moved, *args) - here) / (sign * step))
        finite = [side for side in sides if np.isfinite(side)]
        return sum(finite) / len(finite) if finite else np.nan

    def batch(self, rows: Array, *args: Any, mapped: Sequence[int] = ()) -> list[Array]:
        results = [self(row, *of_row(args, mapped, i)) for i, row in enumerate(rows)]
        return [np.stack(parts) for parts in zip(*results, strict=True)]

    def values(self, rows: Array, *args: Any) -> Array:
        """The values alone, (n,)."""
        return np.array([self.value(row, *args) for row in rows])

    def rows_at_once(self, *args: Any) -> int:
        """One: a batch is a loop here."""
        return 1

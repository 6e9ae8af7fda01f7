"""Ways along which a density rises without limit: what one start finds, the others of its search need not repeat."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...model.backends import Array

#: A transformed coordinate that is so far from the initial point, on a way along which the density is known to rise
#: without limit from there on, will not come back.
OUT = 10.0

#: Ends whose way out is looked for: the others are likely to take the same.
MOST = 2


def beyond(start: float, side: float) -> float:
    """How far to a side (±1) a coordinate is out: of the initial point, where that lies to this side, and of 0."""
    return max(side * start, 0.0) + OUT


class Ways:
    """The ways of one search, shared by all its ends.

    Parameters
    ----------
    start : ndarray of shape (d,)
        The initial point.
    transformed : ndarray of bool of shape (d,)
        Coordinates that may run to a bound.
    look : callable
        From where a start ended to the coordinate along which the density rises without limit from :data:`OUT` on, and
        to which side (±1); None where there is none.
    """

    def __init__(
        self, start: Array, transformed: NDArray[np.bool_], look: Callable[[Array], tuple[int, float] | None]
    ) -> None:
        self._start, self._transformed, self._look = start, transformed, look
        self._left = MOST
        self.found: dict[int, float] = {}

    def lost(self, u: Array) -> bool:
        """True far out on a way that has no end."""
        return any(side * u[i] > beyond(self._start[i], side) for i, side in self.found.items())

    def follow(self, u: Array) -> None:
        """Look for the way that a start took, where it ended far out."""
        away = np.abs(u - self._start)[self._transformed]
        if not self._left or self.lost(u) or not np.any(away > OUT):
            return
        self._left -= 1
        found = self._look(u)
        if found is not None:
            self.found[found[0]] = found[1]

"""One figure of a comparison: its value, its Monte-Carlo error, and a reason where there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A number with its Monte-Carlo standard error.

    Attributes
    ----------
    value : float
        NaN where it was not computed.
    mcse : float or None
        In the unit of ``value``; None where the figure has none, or where it is not known (``reason`` then says why).
    reason : str or None
        Why there is no value, or what the value must be read with.
    """

    value: float
    mcse: float | None = None
    reason: str | None = None

    @classmethod
    def missing(cls, reason: str) -> Figure:
        """No figure, and why."""
        return cls(math.nan, None, reason)

    @property
    def known(self) -> bool:
        """True if there is a value."""
        return not math.isnan(self.value)

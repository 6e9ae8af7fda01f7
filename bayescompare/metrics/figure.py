"""One figure of a comparison: its value, its Monte-Carlo error, and a reason where there is none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from ..reasons import Reason


@dataclass(frozen=True)
class Figure:
    """A number with its Monte-Carlo standard error.

    Attributes
    ----------
    value : float
        NaN where it was not computed.
    mcse : float or None
        In the unit of ``value``; None where the figure has none, or where it is not known (``reason`` then says why).
    reason : Reason or None
        Why there is no value, or what the value must be read with.
    """

    value: float
    mcse: float | None = None
    reason: Reason | None = None

    @classmethod
    def missing(cls, reason: Reason | None) -> Figure:
        """No figure, and why."""
        return cls(math.nan, None, reason)

    @property
    def known(self) -> bool:
        """True if there is a value."""
        return not math.isnan(self.value)


def as_json(x: Any) -> Any:
    """What JSON holds of figures, alone or in dataclasses and sequences: each ``{value, mcse, reason}``."""
    if isinstance(x, Reason):
        return x.to_json()
    if is_dataclass(x):
        return {field.name: as_json(getattr(x, field.name)) for field in fields(x)}
    if isinstance(x, Mapping):
        return {key: as_json(value) for key, value in x.items()}
    return [as_json(each) for each in x] if isinstance(x, tuple | list) else x

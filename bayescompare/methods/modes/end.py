"""Where a search ended."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from ...model.backends import Array
from .options import ModeOptions
from .ways import Ways


@dataclass(eq=False)
class End:
    """Where one start ended.

    ``held`` are coordinates put on a bound of their range, ``kinks`` those put on a kink of the density, ``lines`` all
    kinks that are known (coordinate to place); ``hessian`` is over the other coordinates. ``creased`` are those that
    kinks across coordinates hold together; then there is no Hessian. ``step`` is the Newton step
    that would come next; ``flattest`` the direction of least curvature where there is no Hessian.
    ``ways`` are those of its search on which the density rises without limit.
    """

    kind: str
    u: Array
    value: float
    order: int = 0
    decrement: float = math.inf
    polished: bool = False
    hessian: Array | None = None
    smallest: float = math.nan
    step: Array | None = None
    flattest: Array | None = None
    steps: int = 0
    held: dict[int, float] = field(default_factory=dict)
    kinks: dict[int, float] = field(default_factory=dict)
    lines: dict[int, float] = field(default_factory=dict)
    edges: list[int] = field(default_factory=list)
    creased: tuple[int, ...] = ()
    mode: int = -1
    ways: Ways | None = None

    def converged(self, options: ModeOptions) -> bool:
        return self.polished and self.decrement <= options.decrement

    @property
    def lost(self) -> bool:
        """Far out on a way that has no end."""
        return self.ways is not None and self.ways.lost(self.u)

    @property
    def free(self) -> np.ndarray:
        """Coordinates that are on no bound and no kink."""
        return np.array([i for i in range(len(self.u)) if i not in self.held and i not in self.kinks], dtype=int)

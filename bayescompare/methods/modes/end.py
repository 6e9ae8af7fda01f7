"""Where a search ended."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ...model.angles import nearest
from ...model.backends import Array
from .curvature import RIDGE
from .newton import Tops
from .options import ModeOptions
from .surface import Mask
from .ways import Ways


@dataclass(frozen=True, eq=False)
class End:
    """Where one start ended.

    ``held`` are coordinates put on a bound of their range, ``kinks`` those put on a kink of the density, ``walls``
    those of them from which on the density is 0, ``lines`` all kinks that are known (coordinate to place); ``hessian``
    is over the other coordinates. ``creased`` are those that kinks across coordinates hold together; then there is no
    Hessian. ``flatness`` is the curvature, scaled to unit diagonal, up to which a direction counts as flat. ``step`` is
    the Newton step that would come next; ``flattest`` the direction of least curvature where there is no Hessian.
    ``ways`` are those of its search on which the density rises without limit.
    """

    kind: str
    u: Array
    value: float
    order: int = 0
    decrement: float = math.inf
    polished: bool = False
    gradient: Array | None = None
    hessian: Array | None = None
    smallest: float = math.nan
    flatness: float = RIDGE
    step: Array | None = None
    flattest: Array | None = None
    steps: int = 0
    held: Mapping[int, float] = field(default_factory=dict)
    kinks: Mapping[int, float] = field(default_factory=dict)
    lines: Mapping[int, float] = field(default_factory=dict)
    edges: tuple[int, ...] = ()
    creased: tuple[int, ...] = ()
    walls: tuple[int, ...] = ()
    mode: int = -1
    ways: Ways | None = None

    def at(self, top: Tops, row: int) -> End:
        """Where Newton's steps from here ended; with no density or no curvature here, not anywhere."""
        if not np.isfinite(top.value[row]):
            return replace(self, polished=True, decrement=math.inf)
        u, on = top.u[row], top.held[row]
        return replace(
            self,
            u=u,
            value=float(top.value[row]),
            decrement=float(top.decrement[row]),
            polished=True,
            gradient=top.gradient[row],
            hessian=top.h[row][np.ix_(~on, ~on)] if top.h.size else None,
            smallest=float(top.smallest[row]),
            step=top.step[row],
            steps=self.steps + int(top.steps[row]),
            kinks={int(i): float(u[i]) for i in np.flatnonzero(on) if i not in self.held},
        )

    def turned(self, circular: Mask) -> End:
        """With angles within half a turn of 0."""
        return replace(self, u=np.where(circular, nearest(self.u, 0.0), self.u)) if circular.any() else self

    @property
    def fixed(self) -> Mask:
        """Coordinates that are on a bound or a kink."""
        fixed = np.zeros(len(self.u), dtype=bool)
        fixed[[*self.held, *self.kinks]] = True
        return fixed

    def converged(self, options: ModeOptions) -> bool:
        return self.polished and self.decrement <= options.decrement

    @property
    def lost(self) -> bool:
        """Far out on a way that has no end."""
        return self.ways is not None and self.ways.lost(self.u)

    @property
    def free(self) -> np.ndarray:
        """Coordinates that are on no bound and no kink."""
        return np.flatnonzero(~self.fixed)

"""Whether a method is calibrated: what its intervals cover, by a three-way rule, and which way its errors lie."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from .estimates import proportion
from .figure import Figure
from .thresholds import RANKS_LEVEL
from .verdict import Figures, State, critical, judge


@dataclass(frozen=True)
class Held:
    """Intervals of one level: how many of how many hold the truth."""

    level: float
    count: int
    size: int

    @property
    def share(self) -> Figure:
        """The coverage; its error is Jeffreys', never 0."""
        return proportion(self.count, self.size)

    @property
    def wilson(self) -> tuple[float, float]:
        """Wilson's 95 % interval for the coverage; NaN where there is nothing."""
        return wilson(self.count / self.size, self.size) if self.size else (math.nan, math.nan)


@dataclass(frozen=True)
class Scalar:
    """One scalar of one method: its intervals, ascending by level; mean of ½ − rank; p of uniform ranks."""

    held: tuple[Held, ...]
    bias: Figure
    p: float


@dataclass(frozen=True)
class Judged:
    """A method's calibration.

    Attributes
    ----------
    state : State
        *same*: the coverage of every scalar at every level is within the margin of nominal, by two errors. *differs*:
        one is outside of it, by errors enough for so many; or ranks leave their simultaneous band, at 5 % over all
        scalars, while coverage is not *same*. *undecided*: no fault was seen, and these replicates could not see a
        small one. *not_computed*: there are no intervals.
    worst : str
        The scalar farthest beyond its margin; empty where there is none.
    ranks_leave : bool
        Whether ranks leave their band.
    biased : Mapping of str to float
        Scalars whose ranks lie to one side, by errors enough for so many: the mean of ½ − rank, above 0 where the
        method's distribution lies above the truth.
    """

    state: State
    worst: str
    ranks_leave: bool
    biased: Mapping[str, float]


def wilson(share: float, size: int) -> tuple[float, float]:
    """Wilson's 95 % interval for a share of ``size`` independent draws."""
    z2 = float(norm.ppf(0.975)) ** 2
    middle = (share + z2 / (2 * size)) / (1 + z2 / size)
    half = math.sqrt(z2 * (share * (1 - share) / size + z2 / (4 * size**2))) / (1 + z2 / size)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def judged(scalars: Mapping[str, Scalar], margin: float) -> Judged:
    """Judge a method by its scalars; ``margin`` is that of coverage."""
    names, gaps, errors = [], [], []
    for name, scalar in scalars.items():
        for held in scalar.held:
            share = held.share
            names.append(name)
            gaps.append(abs(share.value - held.level))
            errors.append(math.nan if share.mcse is None else share.mcse)
    figures = Figures(tuple(names), np.array(gaps), np.array(errors), np.full(len(gaps), margin))
    state, worst, _ = judge(figures)
    known = [scalar.p for scalar in scalars.values() if math.isfinite(scalar.p)]
    leave = bool(known) and min(known) * len(known) < RANKS_LEVEL
    if leave and state is State.UNDECIDED:
        state = State.DIFFERS
    needed = critical(len(scalars))
    biased = {
        name: scalar.bias.value
        for name, scalar in scalars.items()
        if scalar.bias.mcse and abs(scalar.bias.value) > needed * scalar.bias.mcse
    }
    return Judged(state, names[worst] if worst >= 0 else "", leave, biased)

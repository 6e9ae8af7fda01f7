"""What the stages after the sampling may cost: known before each begins, and thinned or left out where it is too much.

A comparison takes at most some three times what NUTS took, and half a minute. Counts are halved, so that nearly one
speed gives the same result; models whose evaluations take less than some tenths of a millisecond are never touched.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

import numpy as np

from ..model.problem import Problem
from ..results.fit import Fit

#: Seconds that every comparison may take beyond so many times what NUTS took.
LEAST, TIMES = 30.0, 3.0

#: The same where the draws were made elsewhere, in an unknown time.
UNKNOWN = 120.0

#: Share of what is left after the sampling, by stage.
SHARES = {"basins": 0.2, "refits": 0.35, "prediction": 0.3, "moment matching": 0.05, "path": 0.1}

#: Least share of the whole that is left for what follows, however long the search for the modes took.
RESERVE = 0.25

#: Seconds of a stage that is told of beforehand.
LONG = 2.0

#: Rows of the batch that is timed.
ROWS = 100


class Budget:
    """Seconds for the stages that follow the sampling, and what they made of it.

    Parameters
    ----------
    seconds : float
        For all of them; infinity for no limit.
    gradient, row : float
        Seconds of one evaluation of density and gradient, and of a row of a batch.
    tell : callable, optional
        Told each stage that takes long: its count, and about how long.

    Attributes
    ----------
    thinned, left_out : dict of str to str
        By stage, what was done less of, and what was not done, with the reason.
    lost : dict of str to str
        By likelihood term, of how many points there were no predictive draws, and why.
    """

    def __init__(
        self,
        seconds: float = math.inf,
        gradient: float = 0.0,
        row: float = 0.0,
        tell: Callable[[str], object] = lambda _: None,
    ) -> None:
        self.seconds, self.gradient, self.row, self._tell = seconds, gradient, row, tell
        self.thinned: dict[str, str] = {}
        self.left_out: dict[str, str] = {}
        self.lost: dict[str, str] = {}

    @classmethod
    def after(
        cls, problem: Problem, fits: Mapping[str, Fit], limit: float | None, tell: Callable[[str], object]
    ) -> Budget:
        """What is left after the sampling; the density is timed.

        Parameters
        ----------
        limit : float, optional
            Seconds for the stages that follow; None for three times what NUTS took, and 30, less what the fits took.
        """
        if limit is None:
            took = {name: fit.seconds + fit.compile_seconds for name, fit in fits.items()}
            whole = TIMES * took["nuts"] + LEAST if took["nuts"] > 0 else UNKNOWN
            limit = max(whole - sum(seconds for seconds in took.values() if seconds > 0), RESERVE * whole)
        u, weights = problem.density.start, (1.0, 1.0, 1.0)
        rows = np.repeat(u[None], ROWS, axis=0)
        gradient = timed(lambda: problem.density(u, weights))
        return cls(limit, gradient, timed(lambda: problem.density.batch(rows, weights)) / ROWS, tell)

    def afford(self, stage: str, wanted: int, each: float, what: str, least: int = 1) -> int:
        """How many of what is wanted are done: all, or halved until they fit the stage's share; 0 for none.

        Parameters
        ----------
        stage : str
            One of :data:`SHARES`.
        each : float
            Seconds of one.
        what : str
            What is counted: ``"draws"``.
        least : int
            Fewer are not worth it.
        """
        allowed, count = SHARES[stage] * self.seconds, wanted
        while count > least and count * each > allowed:
            count = max(count // 2, least)
        if LONG < count * each <= allowed:
            self._tell(f"Comparing: {count:,} {what}, about {duration(count * each)}")
        if count == wanted and count * each <= allowed:
            return wanted
        takes = f"{wanted:,} {what} would take about {duration(wanted * each)}"
        if count * each > allowed:
            self.left_out[stage] = f"left out: {takes} (--seconds, or CompareOptions.seconds, allows it)"
            return 0
        self.thinned[stage] = f"{count:,} {what} were used: {takes}"
        return count

    def findings(self) -> tuple[dict[str, str], ...]:
        """A finding for each stage that is not computed in full."""
        time = "Give it more time with --seconds (CompareOptions.seconds); the other layers stand."
        other = "The draws of the points before stand for them."
        found = [("thinned", "note", stage, what, time) for stage, what in self.thinned.items()]
        found += [("thinned", "note", term, why, other) for term, why in self.lost.items()]
        found += [("not_computed", "warning", stage, what, time) for stage, what in self.left_out.items()]
        return tuple(
            {
                "code": code,
                "severity": severity,
                "variable": stage,
                "what": f"{what[0].upper()}{what[1:]}.",
                "instead": instead,
            }
            for code, severity, stage, what, instead in found
        )


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes, the shorter of two runs after one that may compile."""
    work()
    found = []
    for _ in range(2):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found)


def duration(seconds: float) -> str:
    """In words: ``"40 s"``, ``"12 min"``, ``"3 h"``."""
    if seconds < 100:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min" if seconds < 7200 else f"{round(seconds / 3600)} h"

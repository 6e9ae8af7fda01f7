"""What a study will take, from a few of its cells fitted in this process."""

from __future__ import annotations

from dataclasses import dataclass, replace

from . import cells
from .plan import BLOCKS, Plan

#: Grid points that are tried: the first and the last, where options are often smallest and largest.
TRIED = 2

#: Seconds in which a worker process starts and imports what it needs.
START = 6.0


@dataclass(frozen=True)
class Pilot:
    """An estimate of what a study will take.

    Attributes
    ----------
    cells, fits, graphs : int
        Grid points × replicates; × methods; models that are compiled.
    fit_seconds : dict of str to float
        One replicate, by arm: ``cheap`` (its methods together) and ``nuts``; mean over the grid points tried.
    compile_seconds : float
        One model, on this machine, now; less once its caches are warm.
    workers : int
    seconds : float
        Estimate of the whole.
    failed : tuple of str
        Reasons of the pilot's fits that failed.
    """

    cells: int
    fits: int
    graphs: int
    fit_seconds: dict[str, float]
    compile_seconds: float
    workers: int
    seconds: float
    failed: tuple[str, ...]


def pilot(plan: Plan, workers: int = 1) -> Pilot:
    """Fit one block of each arm at the grid's first and last points.

    Raises
    ------
    UsageError, ModelError
        As :meth:`Plan.check`.
    """
    plan.check()
    small = replace(plan, replicates=min(plan.replicates, max(BLOCKS.values())))
    indices = sorted({0, len(plan.points) - 1})[:TRIED]
    spent: dict[str, list[float]] = {arm: [] for arm in plan.arms}
    compiled: list[float] = []
    reasons: dict[str, None] = {}
    for index in indices:
        waited = 0.0
        for arm in plan.arms:
            block = cells.run(cells.Task(small.absolute(), index, arm, 0))
            spent[arm].append(block.seconds / len(block.replicates))
            waited += block.compile_seconds
            for results in block.results.values():
                failed = zip(results.status, results.reasons, strict=True)
                reasons |= {reason: None for status, reason in failed if status == cells.FAILED}
        compiled.append(waited)
    fit_seconds = {arm: sum(times) / len(times) for arm, times in spent.items()}
    compile_seconds = sum(compiled) / len(compiled)
    # A worker stays with a graph while it can, so each graph is compiled about once, or once a worker if they are few.
    work = plan.cells * sum(fit_seconds.values())
    seconds = START + work / workers + compile_seconds * max(plan.graphs, workers) / workers
    return Pilot(plan.cells, plan.fits, plan.graphs, fit_seconds, compile_seconds, workers, seconds, tuple(reasons))

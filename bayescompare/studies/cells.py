"""The work of a study: a block of replicates of one grid point, simulated and fitted by one arm.

What a block gives depends on the plan and on the block alone. A process compiles a model once and keeps it for the
blocks that follow; replicates swap data in it.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FaultyModelError
from ..reasons import Code, joined
from ..results.fit import Status
from . import fresh_elpd as elpd
from . import marginal_arms, single_arm
from . import nuts_arm as nuts
from .cheap_arms import CheapOptions, fit_batch
from .nuts_arm import Kept
from .plan import BLOCKS, LARGEST_SEED, Plan, Point
from .posterior_truth import conditioned, drawer
from .replicates import Fresh, Replicate, Seeds, recorded, said, simulated, stacked
from .swappable import swappable

if TYPE_CHECKING:
    from ..model.problem import Problem
    from ..templates.loading import Target

Array = NDArray[np.float64]

#: Compiled models that a process keeps.
KEPT = 4

#: Statuses in the order of their codes in the store.
STATUSES = (str(Status.OK), str(Status.SUSPECT), str(Status.FAILED))
FAILED = STATUSES.index("failed")

#: Methods whose estimate is a mode, which may lie at the edge of a range.
MODES = ("mle_wald", "map_laplace", "marginal_map")

#: Arrays of a method, each with the axes that follow that of the replicates: L levels, k recorded scalars.
ARRAYS = {
    "estimate": "k",
    "sd": "k",
    "lower": "Lk",
    "upper": "Lk",
    "rank": "k",
    "at_bound": "k",
    "mcse_mean": "k",
    "mcse_sd": "k",
    "k_hat": "",
    "log_density": "",
    "r_hat": "",
    "ess": "",
    "divergences": "",
    "seconds": "",
    "elpd": "",
    "elpd_plugin": "",
}


@dataclass(frozen=True)
class Task:
    """A block of replicates of one grid point, for one arm."""

    plan: Plan
    point: int
    arm: str
    block: int

    @property
    def key(self) -> tuple[int, str, int]:
        """What tells a plan's tasks apart."""
        return self.point, self.arm, self.block

    @property
    def replicates(self) -> range:
        """Indices of its replicates."""
        size = BLOCKS[self.arm]
        return range(self.block * size, min((self.block + 1) * size, self.plan.replicates))


@dataclass(frozen=True, eq=False)
class Results:
    """What one method found in the R replicates of a block.

    Attributes
    ----------
    status : ndarray of uint8 of shape (R,)
        Places in :data:`STATUSES`.
    reasons : tuple of str, R of them
    arrays : Mapping of str to ndarray of shape (R, ...)
        By the names of :data:`ARRAYS`; those that the method does not have are not there.
    """

    status: NDArray[np.uint8]
    reasons: tuple[str, ...]
    arrays: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Block:
    """A finished task.

    Attributes
    ----------
    names : tuple of str
        The k recorded scalars; none where there was no model.
    truth : ndarray of shape (R, k)
        NaN where a replicate has none.
    results : Mapping of str to Results
        By method.
    seconds : float
        Simulating and fitting, in the process that did it, without compiling.
    compile_seconds : float
        What this block waited for the model to be compiled; 0 where the process had it.
    died : bool
        The process that computed it was killed, again and again; a resumed study tries it once more.
    """

    point: int
    arm: str
    block: int
    replicates: range
    names: tuple[str, ...]
    truth: Array
    results: Mapping[str, Results]
    seconds: float = 0.0
    compile_seconds: float = 0.0
    died: bool = False

    @property
    def key(self) -> tuple[int, str, int]:
        """As :attr:`Task.key`."""
        return self.point, self.arm, self.block

    @property
    def failed(self) -> int:
        """Fits that failed."""
        return sum(int((r.status == FAILED).sum()) for r in self.results.values())


def tasks(plan: Plan) -> Iterator[Task]:
    """All tasks of a plan, grid point by grid point."""
    for point in plan.points:
        for arm in plan.arms:
            for block in range(-(-plan.replicates // BLOCKS[arm])):
                yield Task(plan, point.index, arm, block)


def seeds(plan: Plan, point: Point, replicate: int) -> Seeds:
    """A cell's seeds, from the plan's seed, the grid point's values and the replicate's index alone."""
    content = int.from_bytes(hashlib.sha256(point.content.encode()).digest()[:16])
    words = np.random.SeedSequence(plan.seed, spawn_key=(content, replicate)).generate_state(5)
    return Seeds(*(int(word) for word in words))


def run(task: Task) -> Block:
    """Simulate and fit a block; whatever fails is in the block, with its reason.

    This is what a worker calls. One block at a time: compiled models are kept for the process, not for its threads.
    """
    from threadpoolctl import threadpool_limits

    with _LOCK, threadpool_limits(limits=1):
        try:
            made, compile_seconds = _made(task)
        except Exception as error:  # a user's model may raise anything; the study goes on
            return failed(task, said(error))
        return _fitted(task, made, compile_seconds)


def failed(task: Task, reason: str, *, names: Sequence[str] = (), died: bool = False) -> Block:
    """The block in which every fit failed for one reason."""
    count = len(task.replicates)
    status = np.full(count, FAILED, dtype=np.uint8)
    results = {method: Results(status, (reason,) * count) for method in task.plan.arms[task.arm]}
    truth = np.full((count, len(names)), np.nan)
    return Block(*task.key, task.replicates, tuple(names), truth, results, died=died)


# -- the compiled model of a grid point ----------------------------------------------------------------


@dataclass(eq=False)
class _Made:
    """A model that is compiled, and the simulator of its data by the truth that is fixed."""

    target: Target
    problem: Problem
    chosen: NDArray[np.intp]
    fresh: Fresh | None
    replicates: Callable[[int], Any] | None = None
    simulators: dict[str, Callable[[int], Any]] = field(default_factory=dict)
    ready: set[str] = field(default_factory=set)


_LOCK = threading.Lock()
_KEPT: OrderedDict[str, _Made] = OrderedDict()


def _made(task: Task) -> tuple[_Made, float]:
    """The model of a task's grid point, and the seconds that making it took."""
    from ..model.simulate import simulator

    began = time.perf_counter()
    plan, point = task.plan, task.plan.points[task.point]
    options, truth = plan.built_with(point), plan.truth_at(point)
    key = json.dumps([plan.target, plan.data, plan.seed, options, plan.parameters, plan.elpd])
    if key not in _KEPT:
        _KEPT[key] = _make(plan, point)
        while len(_KEPT) > KEPT:
            _KEPT.popitem(last=False)
    _KEPT.move_to_end(key)
    made = _KEPT[key]
    fixed = json.dumps(truth, sort_keys=True)
    if fixed not in made.simulators:
        made.simulators[fixed] = made.replicates or simulator(made.problem.model, fixed=truth)
    if task.arm not in made.ready:
        made.ready.add(task.arm)
        if task.arm == "nuts":
            nuts.prepare(made.problem, nuts.options(plan.sampler, made.target))
        _warm_up(task, made)
    return made, time.perf_counter() - began


def _warm_up(task: Task, made: _Made) -> None:
    """Fit the block's first data set, so that what is compiled at a first call is not in any fit's time."""
    first = next(iter(_simulated(task, made)))
    if isinstance(first, Replicate):
        _by_arm(task, made, [first])


def _make(plan: Plan, point: Point) -> _Made:
    from ..model.audit import arithmetic_of
    from ..model.problem import Problem
    from ..model.simulate import fresh_data

    target = plan.target_at(point)
    target = replace(target, model=swappable(target.model))
    replicates = None
    if plan.truth == "posterior":
        replicates = drawer(target.model, seeds(plan, point, LARGEST_SEED).nuts, nuts.options(plan.sampler, target))
        target = replace(target, model=conditioned(target.model))
    problem = Problem(target.model)
    wrong = [f for f in arithmetic_of(problem) if f.severity == "error"]
    if wrong:
        raise FaultyModelError(f"{wrong[0].variable}: {wrong[0].what} {wrong[0].instead}")
    fresh = fresh_data(target.model) if plan.elpd else None
    return _Made(target, problem, recorded(problem, plan.parameters), fresh, replicates)


# -- a block -------------------------------------------------------------------------------------------


def _simulated(task: Task, made: _Made) -> Iterator[Replicate | tuple[int, str]]:
    """The block's data sets; a place and a reason where one could not be drawn."""
    plan, point = task.plan, task.plan.points[task.point]
    simulate = made.simulators[json.dumps(plan.truth_at(point), sort_keys=True)]
    return simulated(made.problem, simulate, made.fresh, [seeds(plan, point, index) for index in task.replicates])


def _fitted(task: Task, made: _Made, compile_seconds: float) -> Block:
    began = time.perf_counter()
    plan, count = task.plan, len(task.replicates)
    truth = np.full((count, len(made.problem.scalars)), np.nan)
    rows: dict[int, dict[str, _Row]] = {}
    simulated = []
    for replicate in _simulated(task, made):
        if isinstance(replicate, Replicate):
            truth[replicate.place] = replicate.truth
            simulated.append(replicate)
        else:
            place, reason = replicate
            rows[place] = dict.fromkeys(plan.arms[task.arm], _Row(FAILED, reason))
    rows |= _by_arm(task, made, simulated)
    results = {
        method: _together([rows[place][method] for place in range(count)], len(plan.levels), len(made.chosen))
        for method in plan.arms[task.arm]
    }
    names = tuple(made.problem.scalars.names[i] for i in made.chosen)
    seconds = time.perf_counter() - began
    return Block(*task.key, task.replicates, names, truth[:, made.chosen], results, seconds, compile_seconds)


@dataclass(frozen=True, eq=False)
class _Row:
    """One fit: a status, a reason, and arrays without the axis of replicates."""

    status: int
    reason: str
    arrays: Mapping[str, Any] = field(default_factory=dict)


def _cheaply(plan: Plan, made: _Made, replicates: Sequence[Replicate]) -> dict[int, dict[str, _Row]]:
    """Rows of the cheap methods; where the batch raises, its halves, until it is known which replicate does it."""
    if not replicates:
        return {}
    methods = plan.arms["cheap"]
    began = time.perf_counter()
    try:
        found = fit_batch(
            made.problem,
            stacked([r.data for r in replicates]),
            seeds=np.array([r.seeds.cheap for r in replicates], dtype=np.uint64),
            truth=np.stack([r.truth for r in replicates]),
            fresh=stacked([r.fresh for r in replicates if r.fresh is not None]) if plan.elpd else None,
            options=CheapOptions(methods=methods, draws=plan.draws, levels=plan.levels),
        )
    except Exception as error:  # as above
        if len(replicates) == 1:
            return {replicates[0].place: dict.fromkeys(methods, _Row(FAILED, said(error)))}
        half = len(replicates) // 2
        return {**_cheaply(plan, made, replicates[:half]), **_cheaply(plan, made, replicates[half:])}
    seconds = (time.perf_counter() - began) / len(replicates)
    rows: dict[int, dict[str, _Row]] = {r.place: {} for r in replicates}
    names = [made.problem.scalars.names[i] for i in made.chosen]
    for method, estimates in found.items():
        for i, replicate in enumerate(replicates):
            arrays: dict[str, Any] = {"seconds": seconds, "k_hat": estimates.k_hat[i]}
            arrays["log_density"] = estimates.log_density[i]
            arrays["estimate"] = estimates.point[i][made.chosen]
            if method in MODES:
                edges = {n for r in estimates.reasons[i] if r.code is Code.ON_BOUNDARY for n in r.variables}
                arrays["at_bound"] = [name in edges for name in names]
            for name in ("sd", "lower", "upper", "rank"):
                arrays[name] = getattr(estimates, name)[i][..., made.chosen]
            for name, having in elpd.METHODS.items():
                if plan.elpd and method in having:
                    arrays[name] = getattr(estimates, name)[i]
            status = STATUSES.index(estimates.status[i])
            rows[replicate.place][method] = _Row(status, joined(estimates.reasons[i]), arrays)
    return rows


def _by_arm(task: Task, made: _Made, replicates: Sequence[Replicate]) -> dict[int, dict[str, _Row]]:
    """Rows of a task's methods."""
    if task.arm == "cheap":
        return _cheaply(task.plan, made, replicates)
    return _one_by_one(task.plan, made, task.arm, replicates)


def _one_by_one(plan: Plan, made: _Made, method: str, replicates: Sequence[Replicate]) -> dict[int, dict[str, _Row]]:
    asked = nuts.options(plan.sampler, made.target)
    kept = Kept(made.chosen, plan.levels, plan.draws)
    rows: dict[int, dict[str, _Row]] = {}
    batch = {} if plan.elpd else marginal_arms.by_place(made.problem, method, replicates, kept)
    for replicate in replicates:
        if (told := batch.get(replicate.place)) is not None:
            rows[replicate.place] = {method: _Row(STATUSES.index(told.status), told.reason, told.arrays)}
            continue
        own, truth, seeds = made.problem.with_data(**replicate.data), replicate.truth, replicate.seeds
        fresh = None if replicate.fresh is None else made.problem.with_data(**replicate.fresh)
        try:
            if method == "nuts":
                found = nuts.fit(own, truth, kept, seed=seeds.nuts, options=asked, fresh=fresh)
            else:
                found = single_arm.fit(own, truth, method, seed=seeds.single, kept=kept, fresh=fresh)
            row = _Row(STATUSES.index(found.status), found.reason, found.arrays)
        except Exception as error:  # as above
            row = _Row(FAILED, said(error))
        rows[replicate.place] = {method: row}
    return rows


def _together(rows: Sequence[_Row], levels: int, scalars: int) -> Results:
    """Rows of a method, one below the other; NaN for those of fits that failed."""
    lengths = {"L": levels, "k": scalars}
    arrays = {}
    for name, axes in ARRAYS.items():
        if any(name in row.arrays for row in rows):
            nothing = np.full([lengths[axis] for axis in axes], np.nan)
            arrays[name] = np.stack([np.asarray(row.arrays.get(name, nothing), dtype=float) for row in rows])
    status = np.array([row.status for row in rows], dtype=np.uint8)
    return Results(status, tuple(row.reason for row in rows), arrays)

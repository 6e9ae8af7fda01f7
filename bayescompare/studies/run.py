"""Running a study: blocks go out to workers, finished ones into the store, and what was interrupted goes on."""

from __future__ import annotations

import shutil
import time
import weakref
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Protocol

from ..errors import UsageError
from ..templates.data_files import read_data
from ..templates.loading import load_target
from . import cells, targets
from .cells import Block, Task
from .executors import Lane, lanes
from .plan import Plan
from .result import StudyResult
from .store import Store

#: How often a block is given to a worker that dies of it, before its cells are recorded as failed.
ATTEMPTS = 3

#: Seconds between two words about the progress where nothing finishes.
PULSE = 1.0


@dataclass(frozen=True)
class Done:
    """How far a study is.

    Attributes
    ----------
    fits, of : int
        Fits that are in the store, and fits of the plan.
    failed : int
        Of those in the store.
    seconds : float
        Since this run began.
    left : float or None
        Estimate of the seconds that remain, from the blocks of this run; None before each arm has finished one.
    """

    fits: int
    of: int
    failed: int
    seconds: float
    left: float | None


class StudyProgress(Protocol):
    """What is told of a study while it runs."""

    def update(self, done: Done) -> None:
        """Called after each finished block, and about once a second."""


class _Silent:
    def update(self, done: Done) -> None:
        pass


def study(
    plan: Any = None,
    *,
    store: str | Path | None = None,
    workers: int | None = None,
    executor: str | Executor = "processes",
    progress: StudyProgress | None = None,
    **asked: Any,
) -> StudyResult:
    """Run a study, or go on with one.

    Parameters
    ----------
    plan : Plan, pymc.Model, bambi.Model, Template, function or str, optional
        What there is to do; or the model, of which ``asked`` says what to do. Within ``with model:`` it is that model.
    store : path, optional
        The study's file. Where it holds this plan's cells already, only those that lack are computed, and the result is
        that of a run without interruption. Without it the cells live as long as the result. A model that other
        processes cannot load from a file of its own is kept beside it, as STORE.model.
    workers : int, optional
        Processes; by default one for each core. Each fits on one core.
    executor : {"processes", "serial", "dask:local", "dask:ADDRESS"} or concurrent.futures.Executor
        Where the cells are computed; the rows do not depend on it. Workers of an existing Dask cluster need
        bayescompare installed, one thread each, and the model's file at the same path.
    progress : StudyProgress, optional
    **asked
        Where ``plan`` is none: what :class:`Plan` takes (``grid=``, ``replicates=``, ``methods=``, ...), and ``data=``,
        a file or the data themselves, for a function that takes them.

    Returns
    -------
    StudyResult
        A fit that failed is in it, with its reason; it stops nothing.

    Raises
    ------
    UsageError
        If the plan, the store (``OutputError``, ``PlanError``) or the executor cannot be used.
    ModelError
        If no grid point has a model.
    ResultFileError
        If the store is damaged or no study.

    Notes
    -----
    Processes are started by ``spawn``: a script must call this under ``if __name__ == "__main__":``.
    """
    if store is not None:
        path = Path(store)
        return _run(plan_of(plan, path, asked), path, workers, executor, progress or _Silent())
    folder = mkdtemp(prefix="bayescompare-")
    try:
        path = Path(folder) / "cells.study"
        result = _run(plan_of(plan, path, asked), path, workers, executor, progress or _Silent())
    except BaseException:
        shutil.rmtree(folder)
        raise
    weakref.finalize(result, shutil.rmtree, folder, ignore_errors=True)
    return result


def plan_of(target: Any, store: Path, asked: Mapping[str, Any]) -> Plan:
    """The plan itself, or one of a model and what is asked of it; what has no name is kept beside the store."""
    if isinstance(target, Plan):
        if asked:
            raise UsageError(f"A plan says all itself: put {next(iter(asked))} into it.")
        return target
    rest = dict(asked)
    data = rest.pop("data", None)
    try:
        if isinstance(data, str | Path):
            rest["data"] = str(data)
        if target is not None and (data is None or "data" in rest):
            return Plan(targets.name_of(target), **rest)
    except targets.NamelessError:
        pass
    if isinstance(data, str | Path):
        data = read_data(Path(rest.pop("data")))
    target = load_target(None).model if target is None else target
    return Plan(targets.keep(target, data, store.with_name(store.name + targets.KEPT)), **rest)


def _run(plan: Plan, path: Path, workers: int | None, executor: str | Executor, progress: StudyProgress) -> StudyResult:
    if not path.exists() or path.stat().st_size == 0:
        plan.check()  # before a file is there; one that goes on was checked when it was begun
    with Store.create_or_resume(path, plan) as store:
        finished = store.finished()
        missing = [task for task in cells.tasks(plan.absolute()) if task.key not in finished]
        if missing:
            ready = lanes(executor, workers)
            try:
                _Coordinator(plan, store, ready, progress, finished).run(missing)
            finally:
                for lane in ready:
                    lane.close()
    return StudyResult(path)


class _Coordinator:
    """Hands out tasks, takes back blocks."""

    def __init__(
        self,
        plan: Plan,
        store: Store,
        ready: list[Lane],
        progress: StudyProgress,
        finished: dict[tuple[int, str, int], int],
    ) -> None:
        self._plan, self._store, self._lanes, self._progress = plan, store, ready, progress
        self._running: dict[Future[Block], tuple[Task, Lane]] = {}
        self._deaths: Counter[tuple[int, str, int]] = Counter()
        self._began = time.perf_counter()
        self._times: dict[str, list[float]] = {arm: [] for arm in plan.arms}
        sizes = {task.key: len(task.replicates) * len(plan.arms[task.arm]) for task in cells.tasks(plan)}
        self._fits = sum(sizes[key] for key in finished)
        self._failed = sum(finished.values())
        self._came_back = False

    def run(self, tasks: Iterable[Task]) -> None:
        """Until every task is in the store."""
        waiting = _Waiting(tasks)
        self._tell(waiting)
        while waiting or self._running:
            self._hand_out(waiting)
            done, _ = wait(self._running, timeout=PULSE, return_when=FIRST_COMPLETED)
            for future in done:
                task, lane = self._running.pop(future)
                block = self._block(future, task, lane)
                if block is None:
                    waiting.again(task)
                    continue
                self._store.add(block)
                self._times[task.arm].append(block.seconds)
                self._fits += len(block.replicates) * len(block.results)
                self._failed += block.failed
                self._tell(waiting)
            if not done:
                self._tell(waiting)

    def _hand_out(self, waiting: _Waiting) -> None:
        loads = Counter({id(lane): 0 for lane in self._lanes})
        for _, lane in self._running.values():
            loads[id(lane)] += 1
        for lane in self._lanes:
            for _ in range(lane.capacity - loads[id(lane)]):
                task = waiting.next_for(lane)
                if task is None:
                    return
                try:
                    future = lane.submit(cells.run, task)
                except lane.deaths:  # it died with nothing to do
                    lane.renew()
                    future = lane.submit(cells.run, task)
                self._running[future] = (task, lane)

    def _block(self, future: Future[Block], task: Task, lane: Lane) -> Block | None:
        """What came back; None where the worker died and the task is to be tried again."""
        try:
            block = future.result()
        except lane.deaths as error:
            lane.renew()
            self._deaths[task.key] += 1
            if self._deaths[task.key] < ATTEMPTS:
                return None
            if not self._came_back:
                raise UsageError(
                    "The workers die before anything is finished. If this is a script, call bc.study under "
                    'if __name__ == "__main__":, as worker processes import it. Or else the first cells need more '
                    'memory than there is; executor="serial" runs without workers.'
                ) from error
            reason = f"the worker died {ATTEMPTS} times of this block: killed, or out of memory"
            return cells.failed(task, reason, names=self._store.names(task.point), died=True)
        self._came_back = True
        return block

    def _tell(self, waiting: _Waiting) -> None:
        seconds = time.perf_counter() - self._began
        self._progress.update(Done(self._fits, self._plan.fits, self._failed, seconds, self._left(waiting)))

    def _left(self, waiting: _Waiting) -> float | None:
        """Blocks that remain × the median time of those that are finished, over the workers; compiling left out."""
        total = 0.0
        counts = waiting.by_arm() + Counter(task.arm for task, _ in self._running.values())
        for arm, count in counts.items():
            times = sorted(self._times[arm])
            if not times:
                return None
            total += count * times[len(times) // 2]
        return total / sum(lane.workers for lane in self._lanes)


class _Waiting:
    """Tasks that wait, by the graph they need: a lane goes on with the graph that its process has compiled."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._queues: dict[str, deque[Task]] = {}
        self._graphs: dict[int, str] = {}
        self._last: dict[int, str] = {}
        for task in tasks:
            self._queues.setdefault(self._graph(task), deque()).append(task)

    def _graph(self, task: Task) -> str:
        if task.point not in self._graphs:
            self._graphs[task.point] = repr(task.plan.built_with(task.plan.points[task.point]))
        return self._graphs[task.point]

    def __bool__(self) -> bool:
        return any(self._queues.values())

    def next_for(self, lane: Lane) -> Task | None:
        """Of the lane's own graph; else of the graph that the fewest others are at, of these the longest queue."""
        full = [graph for graph, queue in self._queues.items() if queue]
        if not full:
            return None
        graph = self._last.get(id(lane), "")
        if graph not in full:
            busy = Counter(self._last.values())
            graph = min(full, key=lambda g: (busy[g], -len(self._queues[g])))
        self._last[id(lane)] = graph
        return self._queues[graph].popleft()

    def again(self, task: Task) -> None:
        """Back to the front of its queue."""
        self._queues[self._graph(task)].appendleft(task)

    def by_arm(self) -> Counter[str]:
        """How many wait."""
        return Counter(task.arm for queue in self._queues.values() for task in queue)

"""Where a study's blocks are computed: processes, this process, a Dask cluster, or any ``concurrent.futures.Executor``.

The coordinator sees lanes. A lane takes a few tasks at once, and can be made anew where a worker of it has died.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol

from ..errors import EngineNotInstalledError, UnknownNameError, UsageError

NAMES = "processes, serial, dask:local or dask:ADDRESS"


class Lane(Protocol):
    """A place that computes tasks.

    Attributes
    ----------
    capacity : int
        Tasks that it is handed at once.
    workers : int
        How many of them it computes at a time.
    deaths : tuple of exception types
        By which a task's future says that the worker died, not that the task raised.
    """

    deaths: tuple[type[BaseException], ...]

    @property
    def capacity(self) -> int: ...

    @property
    def workers(self) -> int: ...

    def submit[Result](self, function: Callable[..., Result], *args: Any) -> Future[Result]:
        """Hand over a task."""

    def renew(self) -> None:
        """Replace a worker that died."""

    def close(self) -> None:
        """Stop at once, whatever runs."""


def lanes(executor: str | Executor, workers: int | None = None) -> list[Lane]:
    """The lanes of an executor.

    Parameters
    ----------
    executor : str or concurrent.futures.Executor
        ``"processes"``, ``"serial"``, ``"dask:local"``, ``"dask:ADDRESS"``, or an executor; one that is handed in is
        not shut down.
    workers : int, optional
        Processes; by default one for each core. Of an executor that is handed in: tasks at once.

    Raises
    ------
    UnknownNameError, UsageError, EngineNotInstalledError
    """
    count = workers or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else workers or os.cpu_count()
    count = count or 1
    if isinstance(executor, Executor):
        return [_Given(executor, count)]
    if executor == "serial":
        return [Serial()]
    if executor == "processes":
        return [_Process() for _ in range(count)]
    if executor.startswith("dask:"):
        return [_Dask(executor.removeprefix("dask:"), count)]
    raise UnknownNameError(f"Unknown executor {executor!r}. There are: {NAMES}; or a concurrent.futures.Executor.")


class Serial:
    """This process: a task is done when it is handed over."""

    capacity = workers = 1
    deaths: tuple[type[BaseException], ...] = ()

    def submit[Result](self, function: Callable[..., Result], *args: Any) -> Future[Result]:
        """Run it."""
        future: Future[Result] = Future()
        try:
            future.set_result(function(*args))
        except Exception as error:  # a future holds whatever its task raises
            future.set_exception(error)
        return future

    def renew(self) -> None:
        """Nothing can have died."""

    def close(self) -> None:
        """Nothing runs."""


class _Given:
    """An executor of the user's."""

    deaths: tuple[type[BaseException], ...] = (CancelledError,)

    def __init__(self, executor: Executor, capacity: int) -> None:
        self._executor = executor
        self.capacity = self.workers = capacity

    def submit[Result](self, function: Callable[..., Result], *args: Any) -> Future[Result]:
        return self._executor.submit(function, *args)

    def renew(self) -> None:
        pass

    def close(self) -> None:
        pass


class _Process:
    """One process of its own: where it dies, no other task is lost, and it is known which task was in it."""

    capacity = workers = 1
    deaths: tuple[type[BaseException], ...] = (BrokenProcessPool,)

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        context = multiprocessing.get_context("spawn")
        theirs, self._ours = context.Pipe(duplex=False)
        self._executor = ProcessPoolExecutor(1, mp_context=context, initializer=_begin, initargs=(theirs,))
        self._theirs = theirs  # until the process is there, which begins with its first task

    def submit[Result](self, function: Callable[..., Result], *args: Any) -> Future[Result]:
        return self._executor.submit(function, *args)

    def renew(self) -> None:
        self.close()
        self._begin()

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()
        self._executor.shutdown(wait=True, cancel_futures=True)


def _begin(coordinator: Any) -> None:
    """In a new worker: Ctrl-C is the coordinator's to answer, and without the coordinator there is nothing to do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(coordinator,), daemon=True).start()


def _end_with(coordinator: Any) -> None:
    """Wait until the coordinator closes its end of the pipe, which its death does too."""
    try:
        coordinator.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


class _Dask:
    """A Dask cluster, an existing one or one of local processes. Dask itself gives a dead worker's tasks to others."""

    def __init__(self, address: str, workers: int) -> None:
        try:
            from distributed import Client, LocalCluster
            from distributed.scheduler import KilledWorker
        except ImportError as error:
            raise EngineNotInstalledError(
                "Dask is not installed. Install it with: pip install 'bayescompare[dask]'"
            ) from error
        self.deaths: tuple[type[BaseException], ...] = (KilledWorker, CancelledError)
        self._cluster: Any = None
        if address == "local":
            self._cluster = LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=logging.ERROR
            )
        try:
            self._client = Client(self._cluster or address)
        except (OSError, ValueError) as error:  # a timeout is an OSError
            raise UsageError(f"No Dask scheduler answers at {address}: {error}.") from error
        self._executor = self._client.get_executor(pure=False)

    @property
    def workers(self) -> int:
        """Those there are now."""
        return max(len(self._client.scheduler_info(n_workers=-1)["workers"]), 1)

    @property
    def capacity(self) -> int:
        """Twice the workers, so that none waits for the coordinator."""
        return 2 * self.workers

    def submit[Result](self, function: Callable[..., Result], *args: Any) -> Future[Result]:
        future: Future[Result] = self._executor.submit(function, *args)
        return future

    def renew(self) -> None:
        pass

    def close(self) -> None:
        self._executor.shutdown(wait=False)
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()

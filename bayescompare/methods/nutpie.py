"""nutpie: which backend compiles it, its chains at work, and what is kept of their trace."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..errors import FitError, first_line
from ..model.backends import Array
from ..model.density import Density
from ..model.problem import Problem
from ..results.sampler_statistics import STATISTICS
from . import machine_code
from .nutpie_internals import batches, engine, over_function, over_machine_code
from .sampler_options import SamplerOptions

#: Points around the initial point that are looked at where a run has failed.
STARTS = 500

#: Told how many draws are made and how many are wanted, tuning among them.
type Tell = Callable[[int, int], object]

#: Operations whose numba code takes 40 seconds or more to compile on a machine that has not compiled it before.
_DEAR = (
    "Dot",
    "BatchedDot",
    "MatMul",
    "Gemv",
    "Gemm",
    "Ger",
    "Scan",
    "Cholesky",
    "Solve",
    "SolveTriangular",
    "CholeskySolve",
)


#: Condition number, of the curvature at the mode scaled to unit diagonal, from which nutpie's metric follows
#: correlations too; and dimension up to which: beyond, finding them takes longer than the steps that it saves.
CORRELATED, LOW_RANK = 10.0, 100

#: Chains start this many times as far from the mode as draws of its Laplace approximation lie: R-hat needs them
#: overdispersed.
APART = 2.0


@dataclass(frozen=True)
class Guide:
    """What is known of a posterior before it is sampled.

    Attributes
    ----------
    around : ndarray of shape (m, d) or None
        Draws of an approximation that is trusted: the chains start among them, spread out; without, about the model's
        initial point.
    condition : float
        Of the curvature at the mode, scaled to unit diagonal; NaN where there is none to rely on.
    """

    around: Array | None = None
    condition: float = math.nan

    def metric(self, dimension: int) -> str:
        """nutpie's word for the metric that its chains adapt."""
        return "low_rank" if self.condition >= CORRELATED and dimension <= LOW_RANK else "diag"

    def told(self, dimension: int) -> dict[str, str]:
        """The metric and the starts, for a fit's diagnostics."""
        metric = {"low_rank": "low rank", "diag": "diagonal"}[self.metric(dimension)]
        return {"metric": metric, "starts": "initial point" if self.around is None else "laplace"}


def choose_backend(problem: Problem) -> str:
    """``"jax"``, ``"numba"``, or ``"pytensor"`` where an operation is Python code that may raise.

    By the graph alone: a seed must give one result whatever a cache holds.

    Numba's steps are fast and its compile takes seconds, but 40 or more of them for some operations on a machine that
    has not compiled them before. Over JAX there is nothing more to compile, but each step passes through Python.
    """
    from pytensor.graph.traversal import ancestors

    density = problem.density
    if density.graphs.own:
        return "pytensor"
    terms = [*density.graphs.likelihood, *density.graphs.potentials, *density.graphs.prior]
    ops = {var.owner.op for var in ancestors(terms) if var.owner is not None}
    names = {type(getattr(op, "core_op", op)).__name__ for op in ops}
    return "jax" if names & set(_DEAR) and density.through_jax() is not None else "numba"


def starts(problem: Problem, around: Array | None) -> Callable[[int], Array]:
    """Where a chain begins, by its seed: about the initial point or, of draws ``around`` a mode, beyond one of them."""
    origin = problem.density.start

    def jittered(seed: int) -> Array:
        return origin + np.random.default_rng(seed).uniform(-1, 1, len(origin))

    def beyond(seed: int) -> Array:
        draws = np.asarray(around)
        centre = draws.mean(axis=0)
        found: Array = centre + APART * (draws[np.random.default_rng(seed).integers(len(draws))] - centre)
        return found

    return jittered if around is None else beyond


def compiled_model(problem: Problem, backend: str, guide: Guide) -> tuple[str, Any]:
    """The backend, and nutpie's model over it; what numba compiled is kept with the density, for other data too."""
    density, d, begin = problem.density, problem.dimension, starts(problem, guide.around)
    if backend == "auto":
        backend = choose_backend(problem)
    if backend in ("jax", "pytensor"):
        return backend, over_function(d, density.sampler_function(), begin)
    return backend, over_machine_code(d, machine_coded(density), machine_code.addresses(density), begin)


def machine_coded(density: Density) -> tuple[Any, Any]:
    """What numba makes of the density, kept with it for all data of these shapes."""
    shapes = tuple(array.shape for array in density.data.values())
    if shapes not in density.sampler_cache:
        density.sampler_cache[shapes] = machine_code.compiled(density)
    found: tuple[Any, Any] = density.sampler_cache[shapes]
    return found


@contextmanager
def panics_told() -> Iterator[None]:
    """A panic of nutpie's Rust code, which no ``except Exception`` catches, is a fit that failed.

    Raises
    ------
    FitError
    """
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # pyo3 makes its class at run time
            raise
        raise FitError(f"nutpie failed: {first_line(error)}. Another engine may serve (--engine pymc).") from error


def failed(problem: Problem, error: Exception) -> FitError:
    """What is said of a run that ended in an error: where a chain may begin has no density, or nutpie's own words."""
    u = problem.density.start + np.random.default_rng(0).uniform(-1, 1, (STARTS, problem.dimension))
    if np.isfinite(problem.density.values(u, (1.0, 1.0, 1.0))).any():
        return FitError(f"nutpie failed: {first_line(error)}")
    return FitError(
        f"The chains found no point to start from: at all of {STARTS} points around the model's initial point the "
        "density is zero or NaN. Give the variables an initval well inside of the density's support; model.debug() "
        "names the term."
    )


def start(
    compiled: Any,
    options: SamplerOptions,
    seed: int,
    *,
    progress: bool | Tell = False,
    cores: int | None = None,
    raw: bool = False,
    depth: int | None = None,
    guide: Guide,
) -> Any:
    """nutpie at work, in threads of its own; its end is ArviZ's tree, or with ``raw`` nutpie's own trace."""
    settings: dict[str, Any] = {} if options.target_accept is None else {"target_accept": options.target_accept}
    if depth is not None:
        settings["maxdepth"] = depth
    if callable(progress):
        settings |= {"progress_callback": partial(_tell, progress), "progress_rate": 1000}
    return engine().sample(
        compiled,
        draws=options.draws,
        tune=options.tune,
        chains=options.chains,
        cores=cores,
        seed=seed,
        adaptation=guide.metric(compiled.n_dim),
        save_warmup=False,
        progress_bar=progress is True,
        store_unconstrained=True,
        return_raw_trace=raw,
        blocking=False,
        **settings,
    )


def _tell(told: Tell, chains: Sequence[Any]) -> None:
    told(sum(chain.finished_draws for chain in chains), sum(chain.total_draws for chain in chains))


class Paused:
    """nutpie at work in the background, held still while what it has made is looked at."""

    def __init__(self, problem: Problem, sampler: Any, chains: int) -> None:
        self.problem, self.sampler, self.chains = problem, sampler, chains
        self.all: Any = None

    def first(self, length: int) -> Any:
        """Statistics of every chain's first draws, once all chains have made so many."""
        pause = 0.1
        while self.all is None:
            self.sampler.resume()
            time.sleep(pause)
            if self._is_finished():
                try:
                    with panics_told():
                        self.all = self.sampler.wait()["sample_stats"].dataset
                except (RuntimeError, ValueError) as error:
                    raise failed(self.problem, error) from error
                break
            self.sampler.pause()
            made = self.sampler.inspect()["sample_stats"].dataset
            if made.sizes["chain"] == self.chains and made.sizes["draw"] >= length:
                first = made.isel(draw=slice(length))
                if np.isfinite(first["unconstrained_draw"].values).all():  # chains that lag are filled up with NaN
                    return first
            pause = min(1.5 * pause, 2.0)
        return self.all.isel(draw=slice(length))

    def _is_finished(self) -> bool:
        try:
            return bool(self.sampler.is_finished)
        except TimeoutError:  # nutpie's answer where its threads are too busy to say
            return False


def columns(trace: Any) -> dict[str, Array]:
    """What is kept of nutpie's own trace, by its names, (chains, draws, ...), tuning left out.

    ArviZ's tree of it takes longer to build than a small model takes to sample.
    """
    import pyarrow

    found: dict[str, list[Array]] = {}
    for batch in batches(trace):
        tuning = int(np.sum(pyarrow.array(batch.column("tuning")).to_numpy(zero_copy_only=False)))
        kept = batch.slice(tuning, batch.num_rows - tuning)
        for name in ("unconstrained_draw", *STATISTICS):
            if name in kept.column_names:
                column = pyarrow.array(kept.column(name))
                rows = column.flatten() if hasattr(column, "flatten") else column
                values = np.asarray(rows.to_numpy(zero_copy_only=False), dtype=float)
                shape = (kept.num_rows, -1) if name == "unconstrained_draw" else (kept.num_rows,)
                found.setdefault(name, []).append(values.reshape(shape))
    return {name: np.stack(pieces) for name, pieces in found.items()}

"""Full-posterior sampling by NUTS: nutpie called directly, other engines through ``pm.sample``."""

from __future__ import annotations

import importlib.util
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..errors import LIBRARY_ERRORS, EngineNotInstalledError, FitError, UnknownNameError, UsageError, first_line
from ..model.backends import Array, without_compiler
from ..model.problem import Problem
from ..reasons import Code, Reason
from ..results.fit import Fit, Status
from ..results.sampler_statistics import named, named_statistics
from . import nutpie, require
from .improper import refuse_runaway
from .nutpie import Guide
from .sampler_options import SamplerOptions

#: Engine to the package that it needs.
ENGINES = {"nutpie": "nutpie", "pymc": "pymc", "numpyro": "numpyro", "blackjax": "blackjax"}


#: Of nothing known.
UNGUIDED = Guide()

#: A short run to learn whether chains run off, and the depth of its trees.
PILOT, PILOT_DEPTH = SamplerOptions(draws=20, tune=100, chains=2), 6


def check_engine(engine: str) -> None:
    """Refuse an engine that is unknown or not installed.

    Raises
    ------
    UnknownNameError, EngineNotInstalledError
    """
    if engine not in ENGINES:
        raise UnknownNameError(f"Unknown engine {engine!r}. There are: {', '.join(ENGINES)}.")
    if importlib.util.find_spec(ENGINES[engine]) is None:
        raise EngineNotInstalledError(
            f"The engine {engine} is not installed. Install it with: pip install 'bayescompare[{engine}]'"
        )


def run(
    problem: Problem,
    *,
    seed: int = 0,
    options: SamplerOptions | None = None,
    progress: bool | nutpie.Tell = False,
    cores: int | None = None,
    guide: Guide = UNGUIDED,
) -> Fit:
    """Draw from the posterior.

    Parameters
    ----------
    problem : Problem
    seed : int
    options : SamplerOptions, optional
    progress : bool or callable
        Show the engine's own progress bar; or a function that nutpie tells the draws made and wanted, tuning among
        them.
    cores : int, optional
        Chains that run side by side; by default as many as the engine likes. The draws do not depend on it.
    guide : Guide, optional
        What is known of the posterior, for nutpie's metric and starts.

    Returns
    -------
    Fit
        ``estimate`` is the posterior mean; draws have shape (chains, draws, k). Diagnostics: ``engine``, ``sampler``
        (``NUTS``, or None where there is no gradient), ``backend``, ``metric`` (``"low rank"`` or ``"diagonal"``) and
        ``starts`` (``"laplace"`` or ``"initial point"``), both None where another engine chose, ``chains``, ``draws``,
        ``tune``, ``target_accept``, ``divergences``. ``evaluations`` leaves tuning out. Convergence is judged by the
        comparison.

    Raises
    ------
    EngineNotInstalledError, UnknownNameError
        Before anything runs; never a silent fall-back.
    FitError
        If the engine fails.
    """
    options = options or SamplerOptions()
    check_engine(options.engine)
    require(problem, "nuts", options.engine)
    sample = partial(_nutpie, guide=guide) if options.engine == "nutpie" else _by_pymc
    points, statistics, notes = sample(problem, seed, options, progress, cores)
    return _fit(problem, options, points, statistics, notes)


def growing(
    problem: Problem,
    lengths: Sequence[int],
    *,
    seed: int = 0,
    options: SamplerOptions | None = None,
    guide: Guide = UNGUIDED,
) -> Iterator[Fit]:
    """One run of NUTS, handed over at fixed numbers of draws: each fit holds the draws of the one before it.

    The chains wait while a fit is looked at, and end when no other is asked for.

    Parameters
    ----------
    problem : Problem
    lengths : sequence of int
        Draws per chain, ascending.
    seed : int
    options : SamplerOptions, optional
        Its engine must be nutpie: the others cannot go on from where they are.
    guide : Guide, optional
        As for :func:`run`.

    Raises
    ------
    UsageError
        For another engine.
    FitError
        If the engine fails.
    """
    options = options or SamplerOptions()
    check_engine(options.engine)
    if options.engine != "nutpie":
        raise UsageError(f"{options.engine} cannot go on from the draws it has made; nutpie can.")
    require(problem, "nuts", options.engine)
    began = time.perf_counter()
    backend, compiled = nutpie.compiled_model(problem, options.backend, guide)
    compile_seconds, began = time.perf_counter() - began, time.perf_counter()
    sampler = nutpie.start(compiled, replace(options, draws=lengths[-1]), seed, cores=options.chains, guide=guide)
    chains = nutpie.Paused(problem, sampler, options.chains)
    waited = 0.0
    try:
        for length in lengths:
            statistics = chains.first(length)
            points = np.asarray(statistics["unconstrained_draw"].values, dtype=float)
            notes = {"backend": backend, "compile_seconds": compile_seconds, **guide.told(problem.dimension)}
            notes["seconds"] = time.perf_counter() - began - waited
            paused = time.perf_counter()
            yield _fit(problem, replace(options, draws=length), points, named_statistics(statistics), notes)
            waited += time.perf_counter() - paused
    finally:
        sampler.cancel()


def _fit(
    problem: Problem, options: SamplerOptions, points: Array, statistics: dict[str, Array], notes: dict[str, Any]
) -> Fit:
    """The fit of these draws, once their log density is that of the problem."""
    refuse_runaway(problem, points)
    _check_draws(problem, points, statistics)
    began = time.perf_counter()
    chains, draws, _ = points.shape
    points, scalars, mean = problem.gathered(points)
    names = problem.scalars.names
    lacking = problem.density.no_gradient
    return Fit(
        method="nuts",
        status=Status.OK,
        reasons=(Reason(Code.NOT_BY_NUTS, tuple(lacking)),) if lacking else (),
        names=names,
        estimate=mean,
        draws=scalars,
        unconstrained_draws=points,
        statistics=statistics,
        diagnostics={
            "engine": options.engine,
            "sampler": None if lacking else "NUTS",
            "backend": notes["backend"],
            "metric": notes.get("metric"),
            "starts": notes.get("starts"),
            "chains": chains,
            "draws": draws,
            "tune": options.tune,
            "target_accept": None if lacking else options.target_accept or 0.8,
            "divergences": int(statistics["diverging"].sum()) if "diverging" in statistics else None,
        },
        seconds=notes["seconds"] + time.perf_counter() - began,
        compile_seconds=notes["compile_seconds"],
        evaluations=int(np.sum(statistics.get("n_steps", np.zeros(1)))),
    )


def pilot(problem: Problem, *, seed: int = 0, options: SamplerOptions | None = None) -> None:
    """A short run of short trajectories, to learn early where the chains run off.

    Other engines than nutpie compile anew for every run: they learn it at the end.

    Parameters
    ----------
    problem : Problem
    seed : int
    options : SamplerOptions, optional

    Raises
    ------
    FitError
        If they run off to where the density is rounding, or if the engine fails.
    """
    options = options or SamplerOptions()
    if options.engine != "nutpie":
        return
    few = replace(options, draws=PILOT.draws, tune=PILOT.tune, chains=PILOT.chains)
    _, compiled = nutpie.compiled_model(problem, options.backend, UNGUIDED)
    sampler = nutpie.start(compiled, few, seed, raw=True, depth=PILOT_DEPTH, guide=UNGUIDED)
    points = _waited(problem, sampler)["unconstrained_draw"]
    refuse_runaway(problem, points)


def prepare(problem: Problem, options: SamplerOptions) -> float:
    """Compile what nutpie needs; seconds it took, 0 for engines that compile by themselves."""
    if options.engine != "nutpie":
        return 0.0
    began = time.perf_counter()
    backend, _ = nutpie.compiled_model(problem, options.backend, UNGUIDED)
    if backend == "jax":
        problem.density.sampler_function()(problem.density.start)
    return time.perf_counter() - began


# -- engines: each gives unconstrained draws (chains, draws, d), statistics, and notes --------------


def _nutpie(
    problem: Problem,
    seed: int,
    options: SamplerOptions,
    progress: bool | nutpie.Tell,
    cores: int | None,
    guide: Guide,
) -> tuple[Array, dict[str, Array], dict[str, Any]]:
    began = time.perf_counter()
    backend, compiled = nutpie.compiled_model(problem, options.backend, guide)
    compile_seconds = time.perf_counter() - began
    began = time.perf_counter()
    sampler = nutpie.start(compiled, options, seed, progress=progress, cores=cores, raw=True, guide=guide)
    found = _waited(problem, sampler)
    points = found.pop("unconstrained_draw")
    notes = {"backend": backend, "seconds": time.perf_counter() - began, "compile_seconds": compile_seconds}
    notes |= guide.told(problem.dimension)
    return points, named(found), notes


def _waited(problem: Problem, sampler: Any) -> dict[str, Array]:
    """What nutpie's chains made, once they have ended."""
    try:
        with nutpie.panics_told():
            return nutpie.columns(sampler.wait())
    except KeyboardInterrupt:
        sampler.cancel()  # the chains run in threads of their own and would go on
        raise
    except (RuntimeError, ValueError) as error:
        sampler.cancel()
        raise nutpie.failed(problem, error) from error


def _check_draws(problem: Problem, points: Array, statistics: dict[str, Array]) -> None:
    """The sampler's log density of some draws and ours may differ by a constant, and by no more.

    Raises
    ------
    FitError
        If they are densities of two models, or of one whose coordinates are in another order.
    """
    if "lp" not in statistics:
        return
    draws = points.reshape(-1, points.shape[-1])
    some = np.unique(np.linspace(0, len(draws) - 1, 16).astype(int))
    ours, _ = problem.density.batch(draws[some], (1.0, 1.0, 1.0))
    gap = ours - statistics["lp"].ravel()[some]
    apart = float(np.max(np.abs(gap - gap[0])))
    if not apart <= 1e-6 * max(1.0, float(np.max(np.abs(ours)))):
        raise FitError(
            f"The sampler's log density and that of the modes differ by {apart:.3g} nats from draw to draw: they are "
            "not of one model. Please report this model as a bug; another engine may serve meanwhile."
        )


def _by_pymc(
    problem: Problem, seed: int, options: SamplerOptions, progress: bool | nutpie.Tell, cores: int | None
) -> tuple[Array, dict[str, Array], dict[str, Any]]:
    import pymc as pm

    taken = [rv.name for rv in problem.model.free_RVs if rv.name in ("chain", "draw")]
    if taken:
        raise FitError(
            f"The engine {options.engine} cannot tell the variable {taken[0]!r} from the dimension that it counts its "
            "draws by. Give the variable another name, or sample by nutpie."
        )
    settings: dict[str, Any] = {}
    without_gradient = bool(problem.density.no_gradient)
    if options.target_accept is not None and not without_gradient:  # PyMC then chooses samplers that know no such thing
        settings["target_accept"] = options.target_accept
    began = time.perf_counter()
    if options.engine == "blackjax":  # its parallel chains need a device each
        settings["nuts_sampler_kwargs"] = {"chain_method": "vectorized"}
    # Python code of the user's own gains nothing by numba around it.
    compiling = without_compiler() if problem.density.graphs.own else nullcontext()
    with problem.model, _data_in_place(problem), _labels_aside(problem), compiling, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = pm.sample(
                draws=options.draws,
                tune=options.tune,
                chains=options.chains,
                cores=cores,
                nuts_sampler=options.engine,
                random_seed=seed,
                progressbar=progress is True,
                quiet=progress is not True,
                compute_convergence_checks=False,
                discard_tuned_samples=True,
                idata_kwargs={"log_likelihood": False},
                **settings,
            )
        except LIBRARY_ERRORS as error:
            raise FitError(
                f"The engine {options.engine} failed: {type(error).__name__}: {first_line(error)}"
            ) from error
    seconds = time.perf_counter() - began
    points = problem.unconstrain(_values(problem, tree))
    notes: dict[str, Any] = {"backend": "jax" if options.engine in ("numpyro", "blackjax") else "pytensor"}
    notes |= {"seconds": seconds, "compile_seconds": 0.0}
    statistics = named_statistics(tree["sample_stats"].dataset)
    if options.engine == "numpyro" and "lp" in statistics:
        statistics["lp"] = -statistics["lp"]  # PyMC passes on NumPyro's potential energy under this name
    return points, statistics, notes


@contextmanager
def _data_in_place(problem: Problem) -> Iterator[None]:
    """The problem's data in the model's own containers for the time of a run; what was there comes back after."""
    containers = {name: shared for name, (shared, _) in problem.density.graphs.data.items()}
    before = {name: shared.get_value() for name, shared in containers.items()}
    try:
        for name in problem.data or {}:
            containers[name].set_value(problem.density.data[name])
        yield
    finally:
        for name in problem.data or {}:
            containers[name].set_value(before[name])


@contextmanager
def _labels_aside(problem: Problem) -> Iterator[None]:
    """The model without coordinates and dims for the time of a run: ArviZ's trees do not take labels of every kind."""
    known = (problem.model.coords, problem.model.named_vars_to_dims)
    before = [dict(labels) for labels in known]
    try:
        for labels in known:
            labels.clear()
        yield
    finally:
        for labels, own in zip(known, before, strict=True):
            labels.update(own)


def _values(problem: Problem, tree: Any) -> dict[str, Array]:
    posterior = tree["posterior"].dataset
    return {rv.name: np.asarray(posterior[rv.name].values, dtype=float) for rv in problem.model.free_RVs}

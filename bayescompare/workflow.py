"""The one place that asks: it runs the arms, hands plain arrays to ``compare``, and labels what comes back."""

from __future__ import annotations

import contextlib
import platform
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .compare.verdict import Margins
from .errors import FitError, UsageError
from .fit import method as method_of
from .fit.laplace import LaplaceOptions
from .fit.mode import ModeOptions
from .fit.nuts import SamplerOptions, check_engine, prepare
from .fit.result import Fit, Status
from .problem import Problem

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import pandas as pd
    import xarray as xr

    from .compare.comparison import Comparison, Curves, ModelInfo
    from .compare.verdict import SamplerFigures, Verdict
    from .templates import Target

Array = np.ndarray[Any, np.dtype[np.float64]]

#: Scalars that get density curves: all of a model's, or the most severe of many.
CURVES = 200

#: Points of a curve.
CURVE_POINTS = 128

#: Draws of the prior, for the contraction and the prior's curves.
PRIOR_DRAWS = 1000


class Progress(Protocol):
    """What a long computation tells while it runs."""

    @property
    def bar(self) -> bool:
        """True if a sampler may draw its own progress bar."""

    def stage(self, text: str, *, own_bar: bool = False) -> AbstractContextManager[object]:
        """Say what is being waited for."""


class Silent:
    """No progress."""

    bar = False

    def stage(self, text: str, *, own_bar: bool = False) -> AbstractContextManager[object]:
        return contextlib.nullcontext()


@dataclass(frozen=True)
class CompareOptions:
    """Options of a comparison.

    Attributes
    ----------
    sampler : SamplerOptions, optional
        None: the template's own settings, or the defaults.
    mode : ModeOptions
    laplace_draws : int
        Draws of the Laplace approximation.
    margins : Margins
        How large a gap is still called the same.
    interval : float
        Probability of intervals.
    """

    sampler: SamplerOptions | None = None
    mode: ModeOptions = field(default_factory=ModeOptions)
    laplace_draws: int = 4000
    margins: Margins = field(default_factory=Margins)
    interval: float = 0.94

    def __post_init__(self) -> None:
        if not 0 < self.interval < 1:
            raise UsageError(f"interval must lie between 0 and 1, not {self.interval}.")
        if self.laplace_draws < 2:
            raise UsageError(f"laplace_draws must be at least 2, not {self.laplace_draws}.")


def compare(
    model: Any,
    data: Any = None,
    *,
    seed: int = 0,
    options: CompareOptions | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Fit a model by MAP, Laplace and NUTS, and say how the MAP sits within the posterior.

    Parameters
    ----------
    model : pymc.Model or Template
    data : optional
        For a template: the user's own data.
    seed : int
        One seed gives one result.
    options : CompareOptions, optional
    progress : Progress, optional
        Told what is being waited for; nothing is printed without it.

    Returns
    -------
    Comparison

    Raises
    ------
    ModelError
        If the model cannot be used.
    FitError
        If the sampler fails. A mode that does not exist is no error: the verdict says it, the posterior stands.
    """
    from .templates import load_target

    return run(load_target(model, data), seed=seed, options=options, progress=progress)


def fit(
    model: Any,
    method: str,
    *,
    data: Any = None,
    seed: int = 0,
    options: ModeOptions | LaplaceOptions | SamplerOptions | None = None,
    strict: bool = False,
    progress: Progress | None = None,
) -> Fit:
    """Run one method alone.

    Parameters
    ----------
    model : pymc.Model, Template or Problem
        A Problem keeps what is compiled from one call to the next.
    method : {"map", "mle", "unconstrained_map", "laplace", "nuts"}
    data : optional
        For a template: the user's own data.
    seed : int
    options : ModeOptions, LaplaceOptions or SamplerOptions, optional
        The method's own.
    strict : bool
        Raise where the status is not ``ok``.
    progress : Progress, optional

    Returns
    -------
    Fit
        Where ``status`` is ``failed``, ``reasons`` say why and every value is NaN.

    Raises
    ------
    UnknownNameError, ModelError
    FitError
        If the method could not run, or with ``strict`` if its result is not ``ok``.
    """
    from .templates import load_target

    runner = method_of(method)
    progress = progress or Silent()
    if isinstance(model, Problem):
        problem = model
    else:
        target = load_target(model, data)
        problem = Problem(target.model)
        if method == "nuts":
            _check_options(method, options)
            options = _sampler_options(options, target)  # type: ignore[arg-type]
    _check_options(method, options)
    wait = "Sampling" if method == "nuts" else "Searching for the mode"
    with progress.stage(wait, own_bar=method == "nuts" and progress.bar), _one_thread():
        found = runner(problem, seed=seed, options=options, progress=progress.bar)
    if strict and not found.ok:
        raise FitError(f"{method} is {found.status}: {'; '.join(found.reasons)}", found)
    return found


def run(
    target: Target, *, seed: int = 0, options: CompareOptions | None = None, progress: Progress | None = None
) -> Comparison:
    """Compare a loaded target; :func:`compare` with what a report tells about the model."""
    from .compare.comparison import Comparison

    options = options or CompareOptions()
    sampler = _sampler_options(options.sampler, target)
    check_engine(sampler.engine)
    progress = progress or Silent()
    started, began = time.time(), time.perf_counter()
    problem = Problem(target.model)
    with _one_thread():
        with progress.stage("Compiling the model"):
            problem.density(problem.density.start, (1.0, 1.0, 1.0))
        with progress.stage("Searching for the modes"):
            fits = _modes(problem, seed, options)
        with progress.stage("Compiling the sampler"):
            compiling = prepare(problem, sampler, once=True)
        with progress.stage("Sampling", own_bar=progress.bar):
            drawn = method_of("nuts")(problem, seed=seed, options=sampler, progress=progress.bar)
            fits["nuts"] = replace(drawn, compile_seconds=drawn.compile_seconds + compiling)
        with progress.stage("Comparing"):
            fits["map"] = _check_against_draws(problem, fits["map"], fits["nuts"], "map")
            fits["unconstrained_map"] = _check_against_draws(
                problem, fits["unconstrained_map"], fits["nuts"], "unconstrained_map"
            )
            prior = _prior(problem, seed)
            table = _table(problem, fits, prior, options)
            fits["nuts"] = _converged(fits["nuts"], table)
            verdict = _verdict(problem, fits, table, options)
            curves = _curves(fits, table, prior)
    return Comparison(
        model=_model_info(problem, target),
        fits=fits,
        table=table,
        verdict=verdict,
        curves=curves,
        data=_data(problem),
        settings=_settings(seed, options, sampler),
        provenance=_provenance(problem, started, time.perf_counter() - began),
        layout=_layout(problem),
    )


# -- arms ------------------------------------------------------------------------------------------


def _modes(problem: Problem, seed: int, options: CompareOptions) -> dict[str, Fit]:
    from .fit import laplace, mode

    fits = {name: mode.fit(problem, name, seed=seed, options=options.mode) for name in ("map", "unconstrained_map")}
    fits["laplace"] = laplace.fit(
        problem,
        seed=seed,
        options=LaplaceOptions(options.laplace_draws, options.mode),
        at=fits["unconstrained_map"],
    )
    return fits


def _check_against_draws(problem: Problem, found: Fit, nuts: Fit, method: str) -> Fit:
    """A draw of the posterior above the mode, under the mode's own weights, means that the search missed the mode."""
    from .fit.mode import WEIGHTS

    if found.status is Status.FAILED or nuts.unconstrained_draws is None:
        return found
    points = nuts.unconstrained_draws.reshape(-1, problem.dimension)
    values, _ = problem.density.batch(points, WEIGHTS[method])
    above = int(np.sum(values > found.log_density + 1e-6))
    if not above:
        return found
    reason = f"{above} NUTS draws lie above this mode, by up to {values.max() - found.log_density:.3g} nats"
    return replace(found, status=Status.SUSPECT, reasons=(reason, *found.reasons))


def _prior(problem: Problem, seed: int) -> Array | None:
    """Draws of the prior in the model's coordinates; None where it is improper or cannot be drawn from."""
    if problem.improper:
        return None
    points = problem.prior_points(PRIOR_DRAWS, seed)
    if points is None or not np.isfinite(points).all():
        return None
    return problem.density.push(points)


# -- comparison ------------------------------------------------------------------------------------


def _table(problem: Problem, fits: Mapping[str, Fit], prior: Array | None, options: CompareOptions) -> pd.DataFrame:
    import pandas as pd

    from .compare import marginal

    laplace, nuts = fits["laplace"], fits["nuts"]
    scalars = problem.scalars
    if nuts.draws is None:
        raise FitError("NUTS returned no draws.", nuts)
    columns, reasons = marginal.table(
        marginal.Marginals(
            draws=nuts.draws,
            map=fits["map"].estimate,
            map_unconstrained=fits["unconstrained_map"].estimate,
            mle=np.full(len(scalars), np.nan),
            laplace=None if laplace.draws is None else laplace.draws[0],
            prior=prior,
            interval=options.interval,
        )
    )
    free = np.arange(len(scalars)) < scalars.free
    boundary = set(fits["map"].diagnostics.get("boundary", ()))
    front = {
        "kind": np.where(free, "free", "derived").astype(object),
        "boundary": np.array([name in boundary for name in scalars.names]),
    }
    frame = pd.DataFrame({**front, **columns, "reason": np.array(reasons, dtype=object)}, index=list(scalars.names))
    frame.index.name = "name"
    return frame


def _verdict(problem: Problem, fits: Mapping[str, Fit], table: pd.DataFrame, options: CompareOptions) -> Verdict:
    from .compare import sentence
    from .compare import verdict as v

    mode, nuts = fits["map"], fits["nuts"]
    d = mode.diagnostics
    draws = int(nuts.diagnostics["chains"] * nuts.diagnostics["draws"])
    layers = {
        "optimiser": v.optimiser_gate(
            str(mode.status), mode.reasons, d["starts_agree"], len(d["starts"]), d["newton_decrement"]
        ),
        "sampler": v.sampler_gate(_sampler_figures(table, nuts)),
    }
    names, column = tuple(table.index), {name: table[name].to_numpy() for name in table.columns if name != "kind"}
    if all(layers[gate].state is v.State.SOUND for gate in layers):
        location = v.location_figures(names, column, options.margins)
        layers["location"] = v.layer(
            "location",
            location,
            draws,
            lambda i: sentence.location(names[i], column, i),
            "no scalar has a MAP and an sd",
        )
        spread = v.spread_figures(names, column, options.margins)
        layers["spread"] = v.layer(
            "spread", spread, draws, lambda i: sentence.spread(names[i], column, i), _why_no_laplace(fits)
        )
    else:
        for name in ("location", "spread"):
            layers[name] = v.Layer(name, v.State.NOT_COMPUTED, "a gate failed")
    return v.Verdict(sentence.overall(layers, table, mode, nuts), layers)


def _why_no_laplace(fits: Mapping[str, Fit]) -> str:
    reasons = fits["laplace"].reasons
    return f"no Laplace approximation: {reasons[0]}" if reasons else "no scalar has an sd"


def _converged(nuts: Fit, table: pd.DataFrame) -> Fit:
    """The sampler's fit with its convergence, over the free variables' scalars, and the status that follows."""
    from .compare.diagnostics import e_bfmi
    from .compare.verdict import State, sampler_gate

    free = table[table["kind"] == "free"]
    energy = nuts.statistics.get("energy")
    figures = {
        "r_hat_max": _most(free["r_hat"], np.nanmax),
        "ess_min": _most(free["ess_bulk"], np.nanmin),
        "ess_tail_min": _most(free["ess_tail"], np.nanmin),
        "e_bfmi": None if energy is None else e_bfmi(energy).tolist(),
    }
    nuts = replace(nuts, diagnostics={**nuts.diagnostics, **figures})
    gate = sampler_gate(_sampler_figures(table, nuts))
    if gate.state is State.SOUND:
        return nuts
    return replace(nuts, status=Status.SUSPECT, reasons=(gate.reason, *nuts.reasons))


def _most(column: pd.Series, worst: Callable[[Array], float]) -> float:
    values = column.to_numpy()
    return float(worst(values)) if np.isfinite(values).any() else float("nan")


def _sampler_figures(table: pd.DataFrame, nuts: Fit) -> SamplerFigures:
    from .compare.verdict import SamplerFigures

    free = table[table["kind"] == "free"]
    d = nuts.diagnostics
    ess = np.fmin(free["ess_bulk"].to_numpy(), free["ess_tail"].to_numpy())
    return SamplerFigures(
        r_hat_max=d["r_hat_max"],
        ess_min=float(np.fmin(d["ess_min"], d["ess_tail_min"])),
        worst_r_hat=free.index[int(np.argmax(np.nan_to_num(free["r_hat"].to_numpy(), nan=-np.inf)))],
        worst_ess=free.index[int(np.argmin(np.nan_to_num(ess, nan=np.inf)))],
        draws=d["chains"] * d["draws"],
        divergences=d["divergences"],
        e_bfmi_min=None if d["e_bfmi"] is None else min(d["e_bfmi"]),
        not_finite=tuple(free.index[free["reason"] == "some draws are not finite"]),
        constant=tuple(free.index[free["reason"] == "constant in every draw"]),
    )


def _curves(fits: Mapping[str, Fit], table: pd.DataFrame, prior: Array | None) -> Curves:
    """Densities on a grid that holds the posterior's bulk and the MAP where it is near."""
    from .compare import density
    from .compare.comparison import Curves

    draws = fits["nuts"].draws
    flat = draws.reshape(-1, draws.shape[-1]) if draws is not None else np.empty((0, len(table)))
    severity = np.abs(np.nan_to_num(table["z"].to_numpy(), nan=0.0))
    usable = np.flatnonzero(np.isfinite(flat).all(axis=0) & (flat.min(axis=0) < flat.max(axis=0)))
    chosen = np.sort(usable[np.argsort(-severity[usable], kind="stable")[:CURVES]])
    x = flat[:, chosen].T
    inner = np.quantile(x, [0.001, 0.999], axis=1) if len(chosen) else np.empty((2, 0))
    reach = inner[1] - inner[0]
    lower, upper = np.maximum(x.min(axis=1, initial=np.inf), inner[0] - 0.1 * reach), inner[1] + 0.1 * reach
    upper = np.minimum(x.max(axis=1, initial=-np.inf), upper)
    at = table["map"].to_numpy()[chosen]
    near = np.isfinite(at) & (at > lower - reach) & (at < upper + reach)
    lower, upper = np.where(near, np.fmin(lower, at), lower), np.where(near, np.fmax(upper, at), upper)
    grid = np.linspace(lower, upper, CURVE_POINTS, axis=1)

    def of(samples: Array | None) -> Array:
        if samples is None or not len(chosen):
            return np.full((len(chosen), CURVE_POINTS), np.nan)
        return density.curve(np.ascontiguousarray(samples[:, chosen].T), grid)

    laplace = fits["laplace"].draws
    names = tuple(table.index[chosen])
    return Curves(names, grid, of(flat), of(None if laplace is None else laplace[0]), of(prior))


# -- labels ----------------------------------------------------------------------------------------


def _model_info(problem: Problem, target: Target) -> ModelInfo:
    from .compare.comparison import ModelInfo

    return ModelInfo(
        name=target.name,
        title=target.title,
        question=target.question,
        description=target.description,
        finding=target.finding,
        code=target.code,
        formulas=_formulas(problem),
        free=tuple(rv.name for rv in problem.model.free_RVs),
        parameters=problem.dimension,
        observations=problem.density.observations,
        fingerprint=problem.fingerprint,
    )


def _formulas(problem: Problem) -> tuple[tuple[str, str, str], ...]:
    """PyMC's own text of the model, with data by name: (left side, right side, kind)."""
    model = problem.model
    kinds = {rv.name: "free" for rv in model.free_RVs}
    kinds |= {rv.name: "observed" for rv in model.observed_RVs}
    kinds |= {var.name: "deterministic" for var in model.deterministics}
    kinds |= {var.name: "potential" for var in model.potentials}
    rows = []
    for line in model.str_repr(formatting="plain").splitlines():
        left, _, right = re.split(r" ([~=]) ", line, maxsplit=1)
        name, right = left.strip(), right.strip()
        if name not in kinds:
            continue
        inner = re.fullmatch(r"(?:Deterministic|Potential)\((.*)\)", right)
        right = inner[1] if inner else right
        for parameter in _shared_parameters(model[name]):
            right = right.replace("<shared>", parameter, 1)
        rows.append((name, re.sub("<(shared|constant)>", "data", right), kinds[name]))
    return tuple(rows)


def _shared_parameters(variable: Any) -> list[str]:
    """Names of the data containers among a distribution's parameters, in order."""
    from pytensor.compile.sharedvalue import SharedVariable
    from pytensor.tensor.random.op import RandomVariable

    if variable.owner is None or not isinstance(variable.owner.op, RandomVariable):
        return []
    parameters = variable.owner.op.dist_params(variable.owner)
    while any(p.owner is not None and type(p.owner.op).__name__ == "DimShuffle" for p in parameters):
        parameters = [
            p.owner.inputs[0] if p.owner is not None and type(p.owner.op).__name__ == "DimShuffle" else p
            for p in parameters
        ]
    return [p.name or "data" for p in parameters if isinstance(p, SharedVariable)]


def _data(problem: Problem) -> xr.Dataset:
    import xarray as xr

    variables, coords = {}, {}
    model = problem.model
    for name, values in problem.observed.items():
        dims = [str(d) for d in model.named_vars_to_dims.get(name, ())]
        if len(dims) != values.ndim:
            dims = [f"{name}_dim_{i}" for i in range(values.ndim)]
        variables[name] = (dims, values)
        for dim, n in zip(dims, values.shape, strict=True):
            labels = model.coords.get(dim)
            if labels is not None and len(labels) == n:
                coords[dim] = np.array([str(label) for label in labels], dtype=object)
    return xr.Dataset(variables, coords=coords)


def _layout(problem: Problem) -> dict[str, Any]:
    variables = {
        name: {"shape": list(shape), "dims": list(dims)}
        for name, (_, _, shape, dims) in problem.scalars.variables.items()
    }
    coords = {str(k): [str(x) for x in v] for k, v in problem.model.coords.items() if v is not None}
    return {"variables": variables, "coords": coords}


def _settings(seed: int, options: CompareOptions, sampler: SamplerOptions) -> dict[str, Any]:
    return {
        "seed": seed,
        "interval": options.interval,
        "margins": asdict(options.margins),
        "sampler": asdict(sampler),
        "mode": asdict(options.mode),
        "laplace_draws": options.laplace_draws,
    }


def _provenance(problem: Problem, started: float, seconds: float) -> dict[str, Any]:
    packages = ("bayescompare", "pymc", "pytensor", "arviz", "nutpie", "jax", "numpy", "scipy")
    versions = {"python": platform.python_version()}
    for name in packages:
        with contextlib.suppress(PackageNotFoundError):
            versions[name] = version(name)
    return {
        "versions": versions,
        "platform": platform.platform(),
        "command": " ".join(_word(a) for a in sys.argv),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": seconds,
        "density_backend": problem.density.backend,
        "density_fallback": problem.density.fallback,
    }


def _word(argument: str) -> str:
    """The program's own path says nothing to a reader; arguments stay."""
    return argument.replace("\\", "/").rsplit("/", 1)[-1] if argument == sys.argv[0] else argument


# -- helpers ---------------------------------------------------------------------------------------


def _sampler_options(asked: SamplerOptions | None, target: Target) -> SamplerOptions:
    """What was asked for; the template's own settings where nothing was."""
    if asked is None:
        return SamplerOptions(**target.sampler)
    if asked.target_accept is None:
        return replace(asked, target_accept=target.sampler.get("target_accept"))
    return asked


def _check_options(method: str, options: Any) -> None:
    wanted = {"nuts": SamplerOptions, "laplace": LaplaceOptions}.get(method, ModeOptions)
    if options is not None and not isinstance(options, wanted):
        raise UsageError(f"{method} takes {wanted.__name__}, not {type(options).__name__}.")


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Hold BLAS to one thread: calls are small; threads waiting for each other made the search ten times slower."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield

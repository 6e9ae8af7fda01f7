"""The one place that asks: it runs the arms, hands plain arrays to ``compare``, and labels what comes back."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from ..compare.verdict import Margins
from ..errors import FaultyModelError, FitError, UsageError
from ..fit import method as method_of
from ..fit.discrete import discrete
from ..fit.discrete import fit as by_enumeration
from ..fit.laplace import LaplaceOptions
from ..fit.mode import ModeOptions
from ..fit.nuts import SamplerOptions, check_engine, prepare
from ..fit.result import Fit
from ..problem import Problem

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from ..audit import Finding
    from ..compare.comparison import Comparison
    from ..templates import Target


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
    audit : bool
        Look at the model itself first (:func:`bayescompare.check`), and refuse it where what would be computed is not
        what the model says.
    """

    sampler: SamplerOptions | None = None
    mode: ModeOptions = field(default_factory=ModeOptions)
    laplace_draws: int = 4000
    margins: Margins = field(default_factory=Margins)
    interval: float = 0.94
    audit: bool = True

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
    from ..templates import load_target

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
    from ..audit import arithmetic_of
    from ..templates import load_target

    runner = method_of(method)
    progress = progress or Silent()
    if isinstance(model, Problem):
        problem = model
    else:
        target = load_target(model, data)
        if discrete(target.model):
            _check_options(method, options)
            return _strictly(by_enumeration(target.model, method, seed=seed, options=options), strict)  # type: ignore[arg-type]
        problem = Problem(target.model)
        if method == "nuts":
            _check_options(method, options)
            options = _sampler_options(options, target)  # type: ignore[arg-type]
    _check_options(method, options)
    wait = "Sampling" if method == "nuts" else "Searching for the mode"
    _refuse_wrong(problem.density.once("arithmetic", lambda: arithmetic_of(problem, seed)))
    with progress.stage(wait, own_bar=method == "nuts" and progress.bar), _one_thread():
        found = runner(problem, seed=seed, options=options, progress=progress.bar)
    return _strictly(found, strict)


def _strictly(found: Fit, strict: bool) -> Fit:
    if strict and not found.ok:
        raise FitError(f"{found.method} is {found.status}: {'; '.join(found.reasons)}", found)
    return found


def run(
    target: Target, *, seed: int = 0, options: CompareOptions | None = None, progress: Progress | None = None
) -> Comparison:
    """Compare a loaded target; :func:`compare` with what a report tells about the model."""
    from ..compare.comparison import Comparison
    from . import arms, labels, measures

    options = options or CompareOptions()
    sampler = _sampler_options(options.sampler, target)
    check_engine(sampler.engine)
    progress = progress or Silent()
    started, began = time.time(), time.perf_counter()
    problem = Problem(target.model)
    with _one_thread():
        with progress.stage("Compiling the model"):
            problem.density(problem.density.start, (1.0, 1.0, 1.0))
            findings = _audited(problem, seed) if options.audit else ()
        with progress.stage("Searching for the modes"):
            fits = arms.modes(problem, seed, options)
        with progress.stage("Compiling the sampler"):
            compiling = prepare(problem, sampler, once=True)
        with progress.stage("Sampling", own_bar=progress.bar):
            drawn = method_of("nuts")(problem, seed=seed, options=sampler, progress=progress.bar)
            fits["nuts"] = replace(drawn, compile_seconds=drawn.compile_seconds + compiling)
        with progress.stage("Comparing"):
            heights = arms.heights(problem, fits["nuts"])
            fits = arms.searched_again(problem, fits, heights, seed, options)
            climbs = arms.basins(problem, fits, seed)
            path = arms.from_mle_to_map(problem, fits, options)
            prior = arms.prior(problem, seed)
            table = measures.table(problem, fits, prior, options)
            fits["nuts"] = measures.converged(fits["nuts"], table)
            joint = measures.joint(problem, fits, heights, climbs)
            verdict = measures.verdict(problem, fits, table, joint, options)
            curves = measures.curves(fits, table, prior)
    return Comparison(
        model=labels.model_info(problem, target),
        fits=fits,
        table=table,
        verdict=verdict,
        curves=curves,
        data=labels.data(problem),
        findings=findings,
        joint=measures.described(joint, climbs),
        path={} if path is None else asdict(path),
        settings=_settings(seed, options, sampler),
        provenance=labels.provenance(problem, started, time.perf_counter() - began),
        layout=labels.layout(problem),
    )


def _audited(problem: Problem, seed: int) -> tuple[dict[str, str], ...]:
    """What is to be said of the model itself; one that computes something else than it says is refused."""
    from ..audit import audit

    found = audit(problem, seed=seed)
    _refuse_wrong(found)
    return tuple({key: str(value) for key, value in asdict(f).items()} for f in found)


def _refuse_wrong(found: tuple[Finding, ...]) -> None:
    """Raise where what would be computed is not what the model says."""
    wrong = [f for f in found if f.severity == "error"]
    if wrong:
        told = " ".join(f"{f.variable}: {f.what} {f.instead}" for f in wrong[:3])
        more = f" And {len(wrong) - 3} more: `bayescompare check` lists them." if len(wrong) > 3 else ""
        raise FaultyModelError(f"{told}{more}")


# -- helpers ---------------------------------------------------------------------------------------


def _settings(seed: int, options: CompareOptions, sampler: SamplerOptions) -> dict[str, Any]:
    return {
        "seed": seed,
        "interval": options.interval,
        "margins": asdict(options.margins),
        "sampler": asdict(sampler),
        "mode": asdict(options.mode),
        "laplace_draws": options.laplace_draws,
    }


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

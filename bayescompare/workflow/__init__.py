"""The one place that asks: it runs the arms, hands plain arrays to ``compare``, and labels what comes back."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import DataError, FaultyModelError, FitError, UsageError
from ..methods import method as method_of
from ..methods import require
from ..methods.enumeration import discrete
from ..methods.enumeration import fit as by_enumeration
from ..methods.laplace import LaplaceOptions
from ..methods.marginal import MarginalOptions
from ..methods.mode import ModeOptions
from ..methods.nuts import SamplerOptions, check_engine
from ..metrics.losses import Loss
from ..metrics.verdict import Margins
from ..model.cache import problem_of
from ..model.problem import Problem
from ..results.fit import Fit, Status
from ..templates import bambi

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from ..model.audit import Finding
    from ..results.comparison import Comparison
    from ..templates.loading import Target
    from .gather import Quantity


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
    loo_refits : int
        Observations of a likelihood term up to which each gets a refit of the mode without it; above, one Newton step
        for all, mended by exact refits of a subsample.
    until_settled : bool
        Go on sampling, to twice and again twice the draws, until no layer is undecided or the budget is spent.
    budget : int
        Draws per chain at which that ends, in multiples of the sampler's draws.
    audit : bool
        Look at the model itself first (:func:`bayescompare.check`), and refuse it where what would be computed is not
        what the model says.
    """

    sampler: SamplerOptions | None = None
    mode: ModeOptions = field(default_factory=ModeOptions)
    laplace_draws: int = 4000
    margins: Margins = field(default_factory=Margins)
    interval: float = 0.94
    loo_refits: int = 1000
    until_settled: bool = False
    budget: int = 8
    audit: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.interval < 1:
            raise UsageError(f"interval must lie between 0 and 1, not {self.interval}.")
        if self.laplace_draws < 2:
            raise UsageError(f"laplace_draws must be at least 2, not {self.laplace_draws}.")
        for name in ("loo_refits", "budget"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, not {getattr(self, name)}.")


@dataclass(frozen=True)
class Asked:
    """What a comparison is asked beyond the model.

    Attributes
    ----------
    posterior : optional
        Draws made elsewhere; nothing is sampled then.
    quantities : Mapping of str to callable
        From the draws as an ``xarray.Dataset`` to a DataArray.
    losses : sequence of str or Loss
        Decisions: ``"pinball(0.9) on tau"``, ``"best of theta"``.
    held_out : pymc.Model or Mapping, optional
        The model on data that were not seen, or new values of its data containers.
    """

    posterior: Any = None
    quantities: Mapping[str, Quantity] = field(default_factory=dict)
    losses: Sequence[str | Loss] = ()
    held_out: Any = None


def compare(
    model: Any,
    data: Any = None,
    *,
    posterior: Any = None,
    quantities: Mapping[str, Quantity] | None = None,
    losses: Sequence[str | Loss] | None = None,
    holdout: Any = None,
    seed: int = 0,
    options: CompareOptions | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Fit a model by MAP, Laplace and NUTS, and say how the MAP sits within the posterior.

    Parameters
    ----------
    model : pymc.Model, bambi.Model or Template
    data : optional
        For a template: the user's own data.
    posterior : DataTree, Dataset, Mapping of arrays, Comparison or path, optional
        Draws of this model's posterior that were made elsewhere (PyMC, nutpie, NumPyro, CmdStan, a saved comparison):
        they are checked against the model, and nothing is sampled.
    quantities : Mapping of str to callable, optional
        Quantities of interest: each function takes the draws as an ``xarray.Dataset`` with dims ``chain`` and ``draw``
        and returns a DataArray, ``{"odds ratio": lambda p: np.exp(p["beta"])}``. They get rows of their own, with the
        plug-in value in the MAP's place.
    losses : sequence of str or Loss, optional
        Decisions to judge: ``"pinball(0.9) on tau"``, ``"best of theta"``.
    holdout : optional
        Data that were not seen: for a template what ``data`` takes, else new values of ``pm.Data`` by name. They take
        the place of leaving one out.
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
        If the model cannot be used; ``DataError`` if a posterior from outside is not of this model.
    UsageError
        If a loss or a quantity cannot be used.
    FitError
        If the sampler fails. A mode that does not exist is no error: the verdict says it, the posterior stands.
    """
    from ..templates.loading import load_target

    held_out = load_target(model, holdout).model if holdout is not None and _builds(model) else bambi.as_pymc(holdout)
    asked = Asked(posterior, dict(quantities or {}), tuple(losses or ()), held_out)
    return run(load_target(model, data), asked=asked, seed=seed, options=options, progress=progress)


def _builds(model: Any) -> bool:
    """True for what builds a model from data: a template, its name, a function."""
    import pymc as pm

    return not isinstance(model, pm.Model) and not bambi.is_model(model)


def fit(
    model: Any,
    method: str,
    *,
    data: Any = None,
    seed: int = 0,
    options: ModeOptions | LaplaceOptions | MarginalOptions | SamplerOptions | None = None,
    strict: bool = False,
    progress: Progress | None = None,
) -> Fit:
    """Run one method alone.

    Parameters
    ----------
    model : pymc.Model, bambi.Model, Template or Problem
        What is compiled is kept with a Problem, and with a pm.Model until it or its data change.
    method : {"map", "mle", "unconstrained_map", "laplace", "marginal_map", "marginal_laplace", "nuts"}
    data : optional
        For a template: the user's own data.
    seed : int
    options : ModeOptions, LaplaceOptions, MarginalOptions or SamplerOptions, optional
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
    from ..model.audit import arithmetic_of
    from ..templates.loading import load_target

    runner = method_of(method)
    progress = progress or Silent()
    if isinstance(model, Problem):
        problem = model
    else:
        target = load_target(model, data)
        if discrete(target.model):
            _check_options(method, options)
            return _strictly(by_enumeration(target.model, method, seed=seed, options=options), strict)  # type: ignore[arg-type]
        problem = problem_of(target.model)
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
    target: Target,
    *,
    asked: Asked | None = None,
    seed: int = 0,
    options: CompareOptions | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare a loaded target; :func:`compare` with what a report tells about the model."""
    from ..results.comparison import Comparison
    from . import arms, labels
    from . import consequences as effects
    from . import sampling as rounds
    from . import tabulate as measures
    from .gather import gather
    from .layers import Layers
    from .predicted import document, predict, unpredicted

    options, asked = options or CompareOptions(), asked or Asked()
    sampler = _sampler_options(options.sampler, target)
    check_engine(sampler.engine)
    losses = effects.losses(asked.losses)
    progress = progress or Silent()
    started, began = time.time(), time.perf_counter()
    problem = problem_of(target.model)
    with _one_thread():
        with progress.stage("Compiling the model"):
            problem.density(problem.density.start, (1.0, 1.0, 1.0))
            if asked.posterior is None:
                require(problem, "nuts", sampler.engine)
            findings = _audited(problem, seed) if options.audit else ()
            held_out = _held_out(problem, asked.held_out)
        with progress.stage("Searching for the modes"):
            fits = arms.modes(problem, seed, options)
        layers = Layers()
        prior = layers.compute("prior", lambda: arms.prior(problem, seed), lambda _: None)
        doubtful = bool(problem.improper) or fits["unconstrained_map"].status is Status.FAILED
        sampling = rounds.Sampling(sampler, seed, doubtful)
        for fits["nuts"] in rounds.posterior(problem, asked.posterior, sampling, options, progress):
            with progress.stage("Comparing"):
                heights = arms.heights(problem, fits["nuts"])
                fits = layers.compute(
                    "further search",
                    partial(arms.searched_again, problem, fits, heights, seed, options),
                    partial(_unchanged, fits),
                )
                fits = arms.on_one_branch(problem, fits)
                gathered = gather(problem, fits, prior, asked.quantities)
                table = measures.table(gathered, fits, options)
                fits["nuts"] = measures.converged(fits["nuts"], table)
                climbs = layers.compute("basins", partial(arms.basins, problem, fits, seed), lambda _: None)
                joint = measures.joint(problem, fits, heights, climbs, layers.failed.get("basins"))
                predicted = layers.compute(
                    "prediction", partial(predict, problem, fits, seed, options.loo_refits, held_out), unpredicted
                )
                decided = effects.decisions(gathered, losses)
                verdict = measures.verdict(fits, table, measures.Evidence(joint, predicted, decided), options.margins)
            if not options.until_settled or rounds.settled(verdict):
                break
        with progress.stage("Comparing"):
            path = layers.compute("path", partial(arms.from_mle_to_map, problem, fits, options), lambda _: None)
            sensitivity = layers.compute(
                "sensitivity", partial(effects.sensitivity, problem, fits, gathered, table, heights), lambda _: {}
            )
            curves = measures.curves(gathered, table)
    return Comparison(
        model=labels.model_info(problem, target),
        fits=fits,
        table=table,
        verdict=verdict,
        curves=curves,
        data=labels.data(problem),
        settings=_settings(seed, options, _used(sampler, fits["nuts"])),
        provenance={
            **labels.provenance(problem, started, time.perf_counter() - began),
            "cost": rounds.cost(fits, predicted),
        },
        layout=labels.layout(problem),
        findings=(*findings, *layers.findings()),
        joint=measures.described(joint, climbs),
        prediction=document(predicted),
        pointwise=predicted.pointwise,
        decisions=tuple(asdict(decision) for decision in decided),
        sensitivity=sensitivity,
        groups=tuple(effects.groups(problem, table, options.margins.location)),
        path={} if path is None else asdict(path),
    )


def _unchanged(fits: dict[str, Fit], reason: str) -> dict[str, Fit]:
    return fits


def _held_out(problem: Problem, given: Any) -> Problem | None:
    """The problem on data that were not seen; its parameters must be this one's."""
    if given is None:
        return None
    if isinstance(given, Mapping):
        return problem.with_data(**given)
    other = Problem(given)
    mine, theirs = (p.scalars.names[: p.scalars.free] for p in (problem, other))
    if mine != theirs:
        new = sorted(set(theirs) - set(mine))
        raise DataError(
            f"The held-out data make another model: it has {len(theirs)} free scalars, not {len(mine)}"
            + (f", with {new[0]} among the new ones" if new else "")
            + ". Groups that were not seen cannot be predicted from a mode."
        )
    return other


def _audited(problem: Problem, seed: int) -> tuple[dict[str, str], ...]:
    """What is to be said of the model itself; one that computes something else than it says is refused."""
    from ..model.audit import audit

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


def _used(sampler: SamplerOptions, nuts: Fit) -> dict[str, Any]:
    """What the sampler was told: of draws made elsewhere as far as they tell."""
    asked = asdict(sampler)
    if "origin" not in nuts.diagnostics:
        return asked
    return {name: nuts.diagnostics.get(name) for name in asked}


def _settings(seed: int, options: CompareOptions, sampler: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "seed": seed,
        "interval": options.interval,
        "margins": asdict(options.margins),
        "sampler": dict(sampler),
        "mode": asdict(options.mode),
        "laplace_draws": options.laplace_draws,
        "loo_refits": options.loo_refits,
        "until_settled": options.until_settled,
        "budget": options.budget,
    }


def _sampler_options(asked: SamplerOptions | None, target: Target) -> SamplerOptions:
    """What was asked for; the template's own settings where nothing was."""
    if asked is None:
        return SamplerOptions(**target.sampler)
    if asked.target_accept is None:
        return replace(asked, target_accept=target.sampler.get("target_accept"))
    return asked


def _check_options(method: str, options: Any) -> None:
    marginal = dict.fromkeys(("marginal_map", "marginal_laplace"), MarginalOptions)
    wanted = {"nuts": SamplerOptions, "laplace": LaplaceOptions, **marginal}.get(method, ModeOptions)
    if options is not None and not isinstance(options, wanted):
        raise UsageError(f"{method} takes {wanted.__name__}, not {type(options).__name__}.")


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Hold BLAS to one thread: calls are small; threads waiting for each other made the search ten times slower."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield

"""A comparison: every method, what is measured of them, and the verdict."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import DataError, UsageError
from ..methods import require
from ..methods.improper import refuse_limit
from ..methods.nuts import check_engine
from ..methods.sampler_options import SamplerOptions
from ..metrics.figure import as_json
from ..metrics.losses import Loss
from ..model.cache import problem_of
from ..model.problem import Problem
from ..results.comparison import Comparison
from ..results.display import displayed
from ..results.fit import Fit, Status
from ..templates import bambi
from ..templates.loading import Target, load_target
from . import arms, consequences, focus, labels, new_inputs, others, price, tabulate
from . import curves as density
from . import sampling as rounds
from .audited import audited
from .elpd_lost import elpd_lost
from .gather import Quantity
from .keywords import folded, renamed, shown, whole_seed
from .ladder import Judged, ladder
from .layers import Layers
from .measured import Given, Measured, measure
from .options import Asked, CompareOptions, Progress, Silent, one_thread, sampler_options
from .predicted import document
from .within import Within, parse

if TYPE_CHECKING:
    import numpy as np


@renamed(seed="random_seed", progress="progressbar")
def compare(
    model: Any = None,
    data: Any = None,
    *,
    methods: Sequence[str] | None = None,
    posterior: Any = None,
    others: Mapping[str, Any] | None = None,
    quantities: Mapping[str, Quantity] | None = None,
    losses: Sequence[str | Loss] | None = None,
    holdout: Any = None,
    var_names: Sequence[str] | None = None,
    predictors: Mapping[str, Any] | None = None,
    draws: int | None = None,
    tune: int | None = None,
    chains: int | None = None,
    target_accept: float | None = None,
    nuts_sampler: str | None = None,
    random_seed: int | np.random.Generator | None = 0,
    progressbar: bool | Progress = False,
    ci_prob: float | None = None,
    budget: str | float | None = None,
    options: CompareOptions | None = None,
) -> Comparison:
    """Fit a model by MAP, Laplace and NUTS, and say how the MAP sits within the posterior.

    Parameters
    ----------
    model : pymc.Model, bambi.Model or Template, optional
        Within ``with model:`` it is that model.
    data : optional
        For a template: the user's own data.
    methods : sequence of str, optional
        The same as ``options.methods``: which run beside MLE, MAP, Laplace and NUTS.
    posterior : DataTree, Dataset, Mapping of arrays, Comparison or path, optional
        Draws of this model's posterior that were made elsewhere (PyMC, nutpie, NumPyro, CmdStan, a saved comparison):
        they are checked against the model, and nothing is sampled.
    others : Mapping of str to DataTree, Dataset, Mapping of arrays or path, optional
        Draws that further methods made, by name, for the ladder: ``{"my ADVI": tree}``. What they are is not checked;
        with their own log density (``log_q`` in ``sample_stats``, on the unconstrained scale) they get a k-hat.
    quantities : Mapping of str to callable, optional
        Quantities of interest: each function takes the draws as an ``xarray.Dataset`` with dims ``chain`` and ``draw``
        and returns a DataArray, ``{"odds ratio": lambda p: np.exp(p["beta"])}``. They get rows of their own, with the
        plug-in value in the MAP's place.
    losses : sequence of str or Loss, optional
        Decisions to judge: ``"pinball(0.9) on tau"``, ``"best of theta"``. None: the template's own; ``()``: none.
    holdout : optional
        Data that were not seen: for a template what ``data`` takes, else new values of ``pm.Data`` by name. They take
        the place of leaving one out.
    var_names : sequence of str, optional
        What verdict and ladder are about: variables, scalars (``theta[Choate]``) or quantities. Figures of prediction
        and of the joint density are of the whole model; the table keeps every scalar. None: the quantities, or what
        the template's question asks for, or all; ``()``: all.
    predictors : Mapping of str to array or DataFrame, optional
        New values of the model's ``pm.Data``, by name, a row each: what is predicted there, by MAP, marginal Laplace
        and posterior, is ``result.new_inputs``.
    draws, tune, chains, target_accept, nuts_sampler : optional
        As in :func:`pymc.sample`; the same as in ``options.sampler``. Defaults: those of :class:`SamplerOptions`, or
        the template's own.
    random_seed : int, Generator or None
        One seed gives one result; None takes a new one, which the result tells.
    progressbar : bool or Progress
        Say what is being waited for, on stderr or below a notebook's cell.
    ci_prob : float, optional
        Probability of intervals, 0.94 by default; the same as ``options.interval``.
    budget : str or float, optional
        Time for the whole, ``"60s"``, ``"5min"`` or seconds, the same as ``options.whole``: NUTS draws less, and
        methods are left out, where they do not fit; the result says what was.
    options : CompareOptions, optional
        Everything else that can be set.

    Returns
    -------
    Comparison

    Raises
    ------
    ModelError
        If the model cannot be used; ``DataError`` if a posterior from outside is not of this model.
    UsageError
        If a loss or a quantity cannot be used, or what is given contradicts itself.
    FitError
        If the sampler fails. A mode that does not exist is no error: the verdict says it, the posterior stands.
    """
    target = load_target(model, data)
    held_out = load_target(model, holdout).model if holdout is not None and _builds(model) else bambi.held_out(holdout)
    asked = Asked(posterior, dict(quantities or {}), losses, held_out, dict(others or {}), var_names, predictors)
    sampling = {
        "draws": draws,
        "tune": tune,
        "chains": chains,
        "target_accept": target_accept,
        "nuts_sampler": nuts_sampler,
    }
    own = {"ci_prob": ci_prob, "methods": methods, "budget": None if budget is None else parse(budget)}
    settings = folded(CompareOptions, options, own, {}) or CompareOptions()
    sampler = folded(SamplerOptions, settings.sampler, sampling, target.sampler)
    if posterior is not None and sampler != settings.sampler:
        given = ", ".join(name for name, value in sampling.items() if value is not None)
        raise UsageError(f"With posterior= nothing is sampled, so {given} cannot be chosen. Give one of the two.")
    settings, seed = replace(settings, sampler=sampler), whole_seed(random_seed)
    return run(target, asked=asked, seed=seed, options=settings, progress=shown(progressbar))


def _builds(model: Any) -> bool:
    """True for what builds a model from data: a template, its name, a function."""
    import pymc as pm

    return model is not None and not isinstance(model, pm.Model) and not bambi.is_model(model)


def run(
    target: Target,
    *,
    asked: Asked | None = None,
    seed: int = 0,
    options: CompareOptions | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare a loaded target; :func:`compare` with what a report tells about the model."""
    options, asked = options or CompareOptions(), asked or Asked()
    sampler = sampler_options(options.sampler, target)
    check_engine(sampler.engine)
    progress = progress or Silent()
    started, began = time.time(), time.perf_counter()
    problem = problem_of(target.model)
    asked = focus.resolved(asked, target, problem.scalars.names)
    with one_thread():
        with progress.stage("Compiling the model"):
            problem.density(problem.density.start, (1.0, 1.0, 1.0))
            if asked.posterior is None:
                require(problem, "nuts", sampler.engine)
            findings = audited(problem, seed) if options.audit else ()
            held_out = _held_out(problem, asked.held_out)
            inputs = new_inputs.taken(problem, asked.predictors)
            elsewhere = others.taken(problem, asked.others)
        with progress.stage("Searching for the modes"):
            fits = arms.modes(problem, seed, options, progress)
        if asked.posterior is None:
            refuse_limit(problem, fits["unconstrained_map"])
        layers = Layers()
        prior = layers.compute("prior", lambda: arms.prior(problem, seed), lambda _: None)
        within = None if options.whole is None else Within(options.whole, began)
        given = Given(problem, asked, held_out, elsewhere, seed, options, layers, prior, within)
        with progress.stage("Estimating what NUTS takes"):
            left, guide = math.inf if within is None else within.left(), rounds.guide(fits)
            basis = None if asked.posterior is not None else price.basis(problem, fits, sampler, guide, left)
        sampler, fewer = (sampler, ()) if basis is None or within is None else within.sampler(basis, sampler)
        expected = None if basis is None else basis.price(sampler.draws, sampler.tune)
        doubtful = bool(problem.improper) or fits["unconstrained_map"].status is Status.FAILED
        spent = 0.0 if basis is None else basis.compiled
        sampling = rounds.Sampling(sampler, seed, doubtful, guide, expected, spent)
        for fits["nuts"] in rounds.posterior(problem, asked.posterior, sampling, options, progress):
            with progress.stage("Comparing"):
                found = measure(given, fits, progress)
            fits = found.fits
            if not options.until_settled or rounds.settled(found.verdict):
                break
        with progress.stage("Comparing"):
            told = _told(given, found)
            if inputs is not None:
                make = partial(new_inputs.predicted, inputs, fits, options.interval, seed)
                told["new_inputs"] = layers.compute("new inputs", make, lambda _: None)
    return displayed(
        Comparison(
            model=labels.model_info(problem, target),
            fits=fits,
            table=found.table,
            data=labels.data(problem),
            settings={**_settings(seed, options, _used(sampler, fits["nuts"])), "focus": list(asked.var_names or ())},
            provenance={
                **labels.provenance(problem, started, time.perf_counter() - began),
                "cost": {**rounds.cost(fits, found.predicted), "price": None if expected is None else asdict(expected)},
            },
            layout=labels.layout(problem),
            findings=(*findings, *fewer, *layers.findings(), *found.budget.findings()),
            prior=prior,
            **told,
        )
    )


def _told(given: Given, found: Measured) -> dict[str, Any]:
    """What the result tells of the last round: fields of :class:`Comparison`."""
    problem, options, layers, fits, table = given.problem, given.options, given.layers, found.fits, found.table
    path = layers.compute("path", partial(arms.from_mle_to_map, problem, fits, options, found.budget), lambda _: None)
    sensitivity = layers.compute(
        "sensitivity",
        partial(consequences.sensitivity, problem, fits, found.gathered, table, found.heights),
        lambda _: {},
    )
    lost = layers.compute(
        "elpd of methods", partial(elpd_lost, problem, fits, found.predicted, given.held_out), lambda _: {}
    )
    by = Judged(found.focus, given.asked.losses, options.margins, lost)
    return {
        "verdict": found.verdict,
        "curves": layers.compute("curves", partial(density.drawn, problem, found.gathered, table), density.no_curves),
        "joint": tabulate.described(found.joint, found.climbs),
        "prediction": document(found.predicted),
        "pointwise": found.predicted.pointwise,
        "decisions": tuple(as_json(decision) for decision in found.decided),
        "sensitivity": sensitivity,
        "groups": tuple(consequences.groups(problem, table, options.margins.location)),
        "path": {} if path is None else path.to_json(),
        "rungs": ladder(found.gathered, fits, table, found.verdict, by),
        "log_likelihood": labels.log_likelihood(problem, found.predicted.log_likelihood, found.predicted.step),
    }


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
        "methods": None if options.methods is None else list(options.methods),
        "laplace_draws": options.laplace_draws,
        "loo_refits": options.loo_refits,
        "until_settled": options.until_settled,
        "budget": options.budget,
        "seconds": "no limit" if options.seconds == math.inf else options.seconds,
        "whole": options.whole,
    }

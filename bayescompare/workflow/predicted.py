"""What the model predicts of its observations, by posterior and plug-in: the inputs of ``compare.prediction``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..methods.modes.refits import RefitOptions, Refits, leave_one_out
from ..methods.modes.warm import evaluations_each
from ..metrics import diagnostics as mc
from ..metrics import prediction as p
from ..metrics.coverage import Arm
from ..metrics.figure import Figure, as_json
from ..metrics.loo import PlugIn, good_k, psis_loo
from ..model.predictive import Predictive, Term
from ..model.problem import Problem
from ..reasons import Code, Reason, not_computed
from ..results.fit import Fit, Status
from . import by_observation
from .budget import Budget, timed
from .by_observation import PLUGIN_DRAWS
from .moment_matching import BUDGET, ROUNDS, mend

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

#: Draws times observations that are held at once; beyond, the draws are thinned evenly, to no fewer than a chain's
#: FEWEST.
CELLS, FEWEST = 4_000_000, 250

#: Draws that are timed, more where they are fast; fewer draws, and fewer exact refits, than these tell nothing.
PROBE, MANY, LEAST_DRAWS, LEAST_REFITS = 8, 64, 100, 20

VECTORS, NO_ROWS, NO_MAP = Reason(Code.VECTORS), Reason(Code.NO_ROWS), Reason(Code.NO_MAP)

#: What the model says that it lacks.
LACKING = {
    "pointwise": Code.NOT_FACTORISED,
    "moments": Code.NO_MOMENTS,
    "intervals": Code.NO_INTERVALS,
    "draws": Code.NOT_DRAWN,
}


@dataclass(frozen=True)
class Predicted:
    """The figures, and for each term what they are of.

    Attributes
    ----------
    terms : tuple of Prediction
    total : Prediction
    applies : Mapping of str to Reason or None
        Of ``variance_discarded``, ``elpd`` and ``coverage``: why it cannot exist for this model.
    pointwise : Mapping of str to Mapping of str to ndarray
        By term, arrays of shape (n,): ``observed``, ``mean``, ``plugin_mean``, posterior and plug-in bands,
        ``elpd_loo``, ``elpd_plugin``, ``k_hat``, ``pit``, ``plugin_pit``, ``variance_discarded``.
    refits, refit_seconds : int, float
    log_likelihood : Mapping of str to ndarray of shape (chains, draws, n)
        By term that factorises, of every ``step``-th draw of the posterior; nats.
    frequencies : Mapping of str to Mapping
        By term, how often each count was observed and is predicted; empty where the outcome is no count.
    """

    terms: tuple[p.Prediction, ...]
    total: p.Prediction
    applies: Mapping[str, Reason | None]
    pointwise: Mapping[str, Mapping[str, Array]]
    refits: int = 0
    refit_seconds: float = 0.0
    log_likelihood: Mapping[str, Array] = field(default_factory=dict)
    step: int = 1
    frequencies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def predict(
    problem: Problem,
    fits: Mapping[str, Fit],
    seed: int,
    exact: int,
    held_out: Problem | None = None,
    budget: Budget | None = None,
) -> Predicted:
    """Predict every observation, without itself, or the held-out ones.

    Parameters
    ----------
    exact : int
        Observations of a term up to which each has its refit.
    held_out : Problem, optional
        The same parameters on data that were not seen.
    budget : Budget, optional
        Of time; none by default.
    """
    budget = budget or Budget()
    predictive = Predictive(problem if held_out is None else held_out)
    draws = np.asarray(fits["nuts"].unconstrained_draws)
    step = _thinning(draws, sum(term.scalars for term in predictive.terms))
    pairs = any(term.scalars and "moments" in term.lacks for term in predictive.terms)
    more = _affordable(predictive, draws[:, ::step], 2 if pairs else 1, budget)
    if not more:
        return unpredicted(budget.left_out["prediction"])
    step *= more
    draws = draws[:, ::step]
    mode = fits["map"]
    refits = None
    left_out = any(t.factorises and t.observations for t in predictive.terms)
    if held_out is None and mode.status is not Status.FAILED and left_out:
        refits = _refitted(problem, predictive, mode, seed, exact, budget)
    flat = draws.reshape(-1, draws.shape[-1])
    known = _Known(
        predictive.log_likelihood(flat),
        predictive.moments(flat),
        predictive.draws(flat, draws=2 if pairs else 1, seed=seed),
        draws.shape[:2],
        _efficiency(draws),
    )
    observed = (problem if held_out is None else held_out).observed
    terms: list[p.Prediction] = []
    pointwise, frequencies = {}, {}
    for term in predictive.terms:
        inputs = _inputs(term, known, observed.get(term.name, np.empty(0)))
        if "refits" in budget.left_out:
            why = not_computed(budget.left_out["refits"])
            inputs = replace(inputs, why_no_elpd=why, why_no_coverage=why)
        elif mode.status is not Status.FAILED and mode.unconstrained is not None and term.observations:
            inputs = _with_plugin(inputs, term, predictive, mode.unconstrained, refits, seed)
        if held_out is None and inputs.log_lik is not None and inputs.y.size:
            inputs = _mended(problem, predictive, inputs, flat, seed, budget)
        found = p.term(inputs)
        if term.scalars and not term.factorises and held_out is None:
            # A new observation in the place of each one has one mean, whatever the parameters are.
            why = _lacking(term, "pointwise") or VECTORS
            found = replace(found, variance_discarded=p.no_variance(why, len(inputs.y)))
        terms.append(found)
        if inputs.y.size:
            inputs = by_observation.with_replications(inputs, term, known.draws.get(term.name), known.shape)
            drawn = by_observation.plugin_draws(term, inputs, predictive, mode, seed)
            pointwise[term.name] = by_observation.pointwise(term, inputs, found, predictive, mode, drawn)
            frequencies[term.name] = by_observation.frequencies(inputs.y, inputs.draws, drawn)
    budget.lost = {term.name: term.lacks["some draws"] for term in predictive.terms if "some draws" in term.lacks}
    # A Potential and a variable without rows predict nothing, and take no prediction from the others.
    seen = [i for i, term in enumerate(predictive.terms) if term.scalars] or list(range(len(terms)))
    return Predicted(
        tuple(terms),
        p.total([terms[i] for i in seen]),
        _applies([(predictive.terms[i], terms[i]) for i in seen], held_out is not None),
        pointwise,
        0 if refits is None else refits.refits,
        0.0 if refits is None else refits.seconds,
        {
            term.name: known.log_lik[term.name].reshape(*known.shape, -1)
            for term in predictive.terms
            if held_out is None and term.factorises and term.observations and term.name in known.log_lik
        },
        step,
        frequencies,
    )


def _affordable(predictive: Predictive, draws: Array, each: int, budget: Budget) -> int:
    """Of how many draws there is time to predict from one; 0 where there is time for too few."""
    chains, length, d = draws.shape

    def of_each(rows: Array) -> float:
        def predicted() -> None:
            predictive.log_likelihood(rows)
            predictive.moments(rows)
            predictive.draws(rows, draws=each)

        return timed(predicted) / len(rows)

    flat = draws.reshape(-1, d)
    seconds = of_each(flat[:PROBE])
    if seconds * MANY < 1.0:  # of few rows the overhead is most
        seconds = of_each(flat[:MANY])
    count = budget.afford("prediction", chains * length, seconds, "draws", least=min(LEAST_DRAWS, chains * length))
    return -(-chains * length // count) if count else 0


def _refitted(
    problem: Problem, predictive: Predictive, mode: Fit, seed: int, exact: int, budget: Budget
) -> Refits | None:
    """The mode without each observation; by one step and a subsample where there is no time for all, or None."""
    terms = [term for term in predictive.terms if term.factorises and term.observations]
    options = RefitOptions(exact=exact)
    wanted = sum(t.observations if t.observations <= exact else options.subsample for t in terms)
    each = evaluations_each(problem.dimension) * budget.row
    count = budget.afford("refits", wanted, each, "leave-one-out refits", least=min(LEAST_REFITS, wanted))
    if not count:
        return None
    if count < wanted:
        options = RefitOptions(exact=1, subsample=max(count // len(terms), 2))
    return leave_one_out(problem, mode, seed=seed, options=options)


def unpredicted(reason: str) -> Predicted:
    """What stands for a prediction that could not be computed."""
    why = not_computed(reason)
    nothing = p.term(p.Inputs("", np.empty(0), why_no_elpd=why, why_no_variance=why, why_no_coverage=why))
    return Predicted((), nothing, dict.fromkeys(("variance_discarded", "elpd", "coverage")), {})


def _lacking(term: Term, *whats: str) -> Reason | None:
    """The first of these that the term lacks, and why."""
    what = next((each for each in whats if each in term.lacks), None)
    return None if what is None else Reason(LACKING[what], figures={"message": term.lacks[what]})


@dataclass(frozen=True)
class _Known:
    """What the posterior's draws say of all terms, by name."""

    log_lik: Mapping[str, Array]
    moments: Mapping[str, tuple[Array, Array]]
    draws: Mapping[str, Array]
    shape: tuple[int, ...]
    r_eff: float


def _thinning(draws: Array, observations: int) -> int:
    """Of how many draws one is held."""
    chains, length = draws.shape[:2]
    most = max(CELLS // max(observations * chains, 1), FEWEST)
    return -(-length // most)


def _efficiency(draws: Array) -> float:
    """Mean relative efficiency of the coordinates, as ``arviz.loo`` takes it."""
    ess = mc.ess_mean(np.ascontiguousarray(np.moveaxis(draws, -1, 0)))
    size = draws.shape[0] * draws.shape[1]
    return float(np.clip(np.nanmean(ess) / size, 1 / size, 1.0))


def _inputs(term: Term, known: _Known, y: Array) -> p.Inputs:
    """What the posterior's draws say of one term."""
    name, shape = term.name, known.shape
    one_each = term.observations == term.scalars

    def lifted(values: Array) -> Array:
        return values.reshape(*shape, -1)

    pairs = known.draws.get(name)
    moments = known.moments.get(name)
    elpd = _lacking(term, "pointwise")
    if not y.size and term.distribution != "Potential":
        return p.Inputs(name, np.empty(0), why_no_elpd=NO_ROWS, why_no_variance=NO_ROWS, why_no_coverage=NO_ROWS)
    coverage = elpd or (None if one_each else VECTORS) or _lacking(term, "intervals", "draws")
    return p.Inputs(
        name=name,
        y=np.asarray(y, dtype=float).ravel(),
        log_lik=lifted(known.log_lik[name]) if term.factorises and name in known.log_lik else None,
        means=lifted(moments[0]) if moments else None,
        variances=lifted(moments[1]) if moments else None,
        pairs=None if moments or pairs is None or not term.numeric else (lifted(pairs[:, 0]), lifted(pairs[:, 1])),
        draws=lifted(pairs[:, 0]) if pairs is not None and not coverage else None,
        r_eff=known.r_eff,
        bounded=term.bounded,
        why_no_elpd=elpd or NO_MAP,
        why_no_variance=_lacking(term, "moments") or Reason(Code.NOT_NUMBERS),
        why_no_coverage=coverage or NO_MAP,
    )


def _with_plugin(
    inputs: p.Inputs, term: Term, predictive: Predictive, u: Array, refits: Refits | None, seed: int
) -> p.Inputs:
    """The plug-in's arm of one term: refits without each observation, or the mode itself on data held out."""
    if not term.factorises or term.name not in predictive.places:
        return inputs
    place = predictive.places[term.name]
    if refits is None:
        density = predictive.log_likelihood(u[None])[term.name][0]
        points = np.repeat(u[None], term.observations, axis=0)
        inputs = replace(inputs, plugin=PlugIn(density, density), held_out=True)
    else:
        approximate, sampled = refits.approximate, refits.sampled
        large = approximate is not None and bool(np.isfinite(approximate[place]).any())
        inputs = replace(
            inputs,
            plugin=PlugIn(
                refits.log_density[place],
                refits.in_sample[place],
                approximate[place] if large and approximate is not None else None,
                sampled[place] if large and sampled is not None else None,
            ),
            why_no_elpd=next(
                (
                    refits.reasons[i]
                    for i in range(place.start, place.stop)
                    if i in refits.reasons and refits.status[i] is not Status.OK
                ),
                inputs.why_no_elpd,
            ),
        )
        points = refits.points[place]
    if inputs.draws is None or any(np.isnan(point).any() for point in points):
        return inputs
    if "cdf" in term.lacks:
        places = np.arange(place.start, place.stop)
        few = max(FEWEST, PLUGIN_DRAWS * FEWEST // max(term.observations, 1))
        drawn = predictive.draws_of(places, points, draws=min(few, PLUGIN_DRAWS), seed=seed).T
        undrawn = _lacking(term, "draws")  # the mode's cannot be had, though the posterior's can
        if undrawn:
            return replace(inputs, draws=None, why_no_coverage=undrawn)
        return replace(inputs, plugin_draws=drawn)
    at, below = predictive.log_cdf_of(np.arange(place.start, place.stop), points)
    return replace(inputs, plugin_arm=Arm(np.exp(below), np.exp(at)))


def _mended(
    problem: Problem, predictive: Predictive, inputs: p.Inputs, flat: Array, seed: int, budget: Budget
) -> p.Inputs:
    """With the observations whose k-hat is too high reached by moving the draws."""
    if inputs.log_lik is None:
        return inputs
    loo = psis_loo(inputs.log_lik, inputs.r_eff)
    inputs, k_hat = replace(inputs, loo=loo), loo.k_hat
    bad = min(int(np.sum(~(k_hat <= good_k(len(flat))))), BUDGET)
    each = 2 * ROUNDS * len(flat) * budget.row
    if not bad or not budget.afford("moment matching", bad, each, "observations by moment matching", least=bad):
        return inputs
    found = mend(problem, predictive, inputs.name, flat, k_hat=k_hat, r_eff=inputs.r_eff, seed=seed)
    if not np.isfinite(found.mended.elpd).any():
        return inputs
    return replace(inputs, mended=found.mended, mended_draws=found.draws)


def _applies(found: Sequence[tuple[Term, p.Prediction]], held_out: bool) -> dict[str, Reason | None]:
    """What cannot exist for such a likelihood, and why."""
    terms = [term for term, _ in found]
    seen = [term for term in terms if term.scalars]
    only = None if seen else Reason(Code.NO_OBSERVED)
    if only and any(t.distribution != "Potential" for t in terms):
        only = NO_ROWS
    joint = None if held_out else _first(terms, lambda t: _lacking(t, "pointwise"))
    named = [t for t in seen if "intervals" in t.lacks]
    fixed = {t.name for t, of in found if of.variance_discarded.share.reason == Reason(Code.MEAN_FIXED)}
    return {
        "variance_discarded": only
        or _first(named, lambda t: _lacking(t, "moments"))
        or _first(seen, lambda t: _lacking(t, "pointwise"))
        or _first(terms, lambda t: Reason(Code.MEAN_FIXED) if t.name in fixed else None),
        "elpd": joint or only,
        "coverage": joint
        or only
        or _first(named, lambda t: _lacking(t, "intervals"))
        or _first(terms, lambda t: VECTORS if t.observations != t.scalars else None),
    }


def _first(terms: Sequence[Term], why: Callable[[Term], Reason | None]) -> Reason | None:
    """The first term of which there is something to say, by name."""
    told = ((term.name, why(term)) for term in terms)
    return next((Reason(Code.OF_TERM, (name,), causes=(reason,)) for name, reason in told if reason), None)


def document(found: Predicted | None) -> dict[str, Any]:
    """The figures as the JSON document has them: each ``{value, mcse, reason}``; the total, and each term."""
    if found is None:
        return {}
    counts = {name: {"counts": one} for name, one in found.frequencies.items() if one}
    terms = {t.name: _figures(t) | counts.get(t.name, {}) for t in found.terms}
    return {**_figures(found.total), "terms": terms, "refits": found.refits}


def _figures(of: p.Prediction) -> dict[str, Any]:
    elpd, coverage = of.elpd, of.coverage
    keys = ("elpd_loo", "elpd_plugin", "elpd_plugin_in_sample", "elpd_diff")
    errors = ("elpd_loo_se", "elpd_plugin_se", "elpd_diff_se", "k_hat_max")
    return {
        "observations": elpd.observations,
        **{key: as_json(getattr(elpd, key)) for key in (*keys, *errors)},
        "k_hat_bad": elpd.bad,
        "variance_discarded": as_json(of.variance_discarded.share),
        "coverage": [
            {
                "level": level,
                **{key: as_json(f) for key, f in zip(("posterior", "plugin", "difference"), row, strict=True)},
            }
            for level, *row in zip(
                coverage.levels, coverage.posterior, coverage.plugin, coverage.difference, strict=True
            )
        ],
        "coverage_difference": as_json(coverage.largest),
    }


def margin_of_elpd(of: p.Prediction, least: float) -> float:
    """The larger of so many nats and two standard errors of the paired differences."""
    se: Figure = of.elpd.elpd_diff_se
    return max(least, 2 * se.value) if se.known else least

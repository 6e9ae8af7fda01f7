"""Sentences for why there is no figure, or how it must be read."""

from __future__ import annotations

from collections.abc import Callable

from .codes import Code, Fact

_OF = "{count} of {of} observations"

#: Sentences in which figures stand as they are; ``{names}`` are the variables.
_PLAIN = {
    Code.NO_ERROR: "its error is not known",
    Code.TAIL_WITHOUT_ERROR: "its error is not known: a tail's Pareto k-hat is {k_hat:.2f} or more",
    Code.NO_FINITE_MAP: "there is no finite MAP to act on",
    Code.NO_MINIMUM: "the expected loss has no minimum within reach of the draws",
    Code.INFINITE_LOSS: "the loss is infinite at some draws",
    Code.NO_EXPECTED_LOSS: "the expected loss does not exist: a tail's Pareto k-hat is {k_hat:.2f} or more",
    Code.ANY_ACTION: "the action is a number: the best one hardly ever is exactly the plug-in's",
    Code.NOTHING_LOST: "the Bayes action loses nothing in any draw",
    Code.LOSES_IN_NO_DRAW: "the Bayes action loses in no draw: as if it did in half of one",
    Code.INFINITE_VARIANCE: f"the predictive variance of {_OF} does not exist",
    Code.ZERO_VARIANCE: f"the predictive variance of {_OF} is 0",
    Code.MEAN_FIXED: "the parameters move only the width of its predictions, not their mean",
    Code.NO_DENSITY: "an observation has no density under any draw",
    Code.ALL_MENDED: "every observation was mended",
    Code.REFITS_FAILED: "the MAP without one observation was not found for {count} of {of}",
    Code.ONE_STEP_FAILED: "the one-step MAP without one observation has no density for some of them",
    Code.ONE_OBSERVATION: "one observation has no standard error",
    Code.FEW_FOR_TAIL: "{draws} draws are too few for a Pareto tail (at least {limit})",
    Code.DENSITY_INFINITE: "the posterior's density is infinite at a draw of the approximation",
    Code.HEIGHT_NOT_FINITE: "some draws have no finite log density",
    Code.NO_COORDINATES: "the MAP has no finite unconstrained coordinates: it lies on the boundary, or there is none",
    Code.DRAWS_DO_NOT_SPAN: "{draws:,} draws do not span {dimensions:,} dimensions",
    Code.FEW_FOR_COVARIANCE: ("{draws:,.0f} effective draws are too few for a covariance in {dimensions:,} dimensions"),
    Code.COMPONENT_ZERO: "the component's density is 0 at some draws",
    Code.MAP_AT_EDGE: "the MAP lies on a boundary or a kink",
    Code.NO_DENSE_HESSIAN: "{parameters:,} parameters are too many for a dense Hessian",
    Code.NO_GRADIENT: "a quantity of the user's has no gradient",
    Code.NO_DRAWS: "no draws",
    Code.FEW_EFFECTIVE_DRAWS: "too few effective draws",
    Code.NO_EVIDENCE: "the prior of {names} is improper, so there is no evidence",
    Code.NO_BASINS: "there is no unconstrained mode, so there are no basins",
    Code.VECTORS: "its observations are vectors",
    Code.NO_ROWS: "there are no observations, so this is the prior predictive distribution",
    Code.NO_OBSERVED: "there is no observed variable",
    Code.NOT_NUMBERS: "its observations are not numbers",
    Code.NO_MOMENTS: "{message}",
    Code.NO_INTERVALS: "{message}",
    Code.NOT_DRAWN: "{message}",
    Code.NO_REPLICATE: "no replicate has this figure",
    Code.ONE_REPLICATE: "a single replicate has no Monte-Carlo error",
    Code.FEW_RANKS: "{ranks} ranks are too few",
    Code.NO_DENSITY_OF_FRESH: "in {count} of {of} replicates some fresh data have no density",
}


def _plain(r: Fact) -> str:
    return _PLAIN[r.code].format(names=", ".join(r.variables), **r.figures)


def _bad(r: Fact) -> str:
    worst = r.figures.get("worst")
    said = f"{r.figures['count']} of {r.figures['of']} observations have a k-hat above {r.figures['limit']:.2g}"
    return said if worst is None else f"{said} (up to {float(worst):.2f})"


def _k_hat_says(r: Fact) -> str:
    k = float(r.figures["k_hat"])
    if k < 0.5:
        return "the approximation's tails cover the posterior's: weights have a finite variance"
    if k < float(r.figures["limit"]):
        return "the approximation's tails are lighter than the posterior's: weights can still correct it"
    if k < 1:
        return "the approximation's tails miss a part of the posterior that too few draws would have to carry"
    return "the approximation misses the posterior's tails: weights have no mean that draws could find"


FIGURES: dict[Code, Callable[[Fact], str]] = {
    **dict.fromkeys(_PLAIN, _plain),
    Code.K_HAT_BAD: _bad,
    Code.K_HAT_SAYS: _k_hat_says,
}

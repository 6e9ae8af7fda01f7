"""Leave-one-out refits of a mode: what a plug-in predicts of an observation that it has not seen.

Each is a warm start on the one compiled density with that observation's weight at 0, and audited. Where it does not
pass it is polished alone, then searched for anew. Of many observations each gets a Newton step, and exact refits of a
random subsample mend their sum (Magnusson et al. 2020, proceedings.mlr.press/v108/magnusson20a).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ...model.backends import Array
from ...model.predictive import Predictive
from ...model.problem import Problem
from ...reasons import Code, Reason
from ...results.fit import Fit, Status
from . import boundaries
from .options import ModeOptions
from .refit_search import Search
from .warm import evaluations_each

Index = NDArray[np.intp]


@dataclass(frozen=True)
class RefitOptions:
    """Options of the refits.

    Attributes
    ----------
    exact : int
        Observations of a likelihood term up to which each has its refit; above: a Newton step for all, and a subsample.
    subsample : int
        Size of that subsample.
    mode : ModeOptions
        Of the audit, and of searches done anew.
    """

    exact: int = 1000
    subsample: int = 200
    mode: ModeOptions = field(default_factory=ModeOptions)

    def __post_init__(self) -> None:
        if self.subsample < 2:
            raise UsageError(f"subsample must be at least 2, not {self.subsample}.")


@dataclass(frozen=True)
class Refits:
    """The mode without each observation. N counts the observations of all observed variables (``Predictive.places``).

    Attributes
    ----------
    log_density : ndarray of shape (N,)
        log p(y_i | the mode without y_i), nats; NaN where that was not searched for, or not found.
    in_sample : ndarray of shape (N,)
        log p(y_i | the mode).
    points : ndarray of shape (N, d)
        The mode without each, unconstrained; the one-step mode where there is no exact one; NaN where there is neither.
    approximate : ndarray of shape (N,) or None
        log p(y_i | one Newton step from the mode), in terms too large for a refit of each; None if there is none.
    sampled : ndarray of bool of shape (N,) or None
        The seeded random subsample of those terms; its exact refits mend the sum of ``approximate``.
    status : tuple of Status
        Of each exact refit; ``not_run`` where there is none.
    reasons : Mapping of int to Reason
        By observation: why it has no refit, or what is to be known of it.
    refits, searches : int
        Exact refits that were made, and how many of them by a full search.
    evaluations : int
        Evaluations of the density and its gradient.
    seconds : float
    """

    log_density: Array
    in_sample: Array
    points: Array
    approximate: Array | None
    sampled: NDArray[np.bool_] | None
    status: tuple[Status, ...]
    reasons: Mapping[int, Reason]
    refits: int
    searches: int
    evaluations: int
    seconds: float


def leave_one_out(
    problem: Problem,
    mode_fit: Fit,
    *,
    observations: Sequence[int] | None = None,
    seed: int = 0,
    options: RefitOptions | None = None,
) -> Refits:
    """Find the mode again without each observation.

    Parameters
    ----------
    problem : Problem
    mode_fit : Fit
        The MAP, MLE or unconstrained MAP of all observations.
    observations : sequence of int, optional
        Places of those to leave out exactly, and no others; by default all, or a subsample of large terms.
    seed : int
        Of the subsample, and of searches done anew.
    options : RefitOptions, optional

    Returns
    -------
    Refits
        An observation whose likelihood does not factorise has none, with that reason.
    """
    options = options or RefitOptions()
    began, before = time.perf_counter(), problem.density.evaluations
    predictive = Predictive(problem)
    plan = _plan(predictive, observations, seed, options)
    found = _Found.nothing(problem, plan)
    if mode_fit.status is Status.FAILED or mode_fit.unconstrained is None:
        reason = Reason(Code.NO_MODE_TO_REFIT, figures={"method": mode_fit.method})
        found.reasons.update(dict.fromkeys(np.union1d(plan.exact, plan.spread).tolist(), reason))
    else:
        found.in_sample[:] = _in_sample(predictive, mode_fit.unconstrained)
        expected = len(plan.exact) * evaluations_each(problem.dimension) + 3 * len(plan.spread)
        search = Search(problem, mode_fit, seed, options.mode, expected)
        exact = _one_step(predictive, plan, search, found) if len(plan.spread) else plan.exact
        _exact(predictive, exact, search, found)
        # Where one step is not to be relied on, the exact value stands for it, and adds no error.
        taken = np.setdiff1d(np.intersect1d(exact, plan.spread), np.flatnonzero(plan.sampled))
        found.approximate[taken] = found.log_density[taken]
    return Refits(
        log_density=found.log_density,
        in_sample=found.in_sample,
        points=found.points,
        approximate=found.approximate if len(plan.spread) else None,
        sampled=plan.sampled if len(plan.spread) else None,
        status=tuple(found.status),
        reasons=found.reasons,
        refits=sum(status is not Status.NOT_RUN for status in found.status),
        searches=found.searches,
        evaluations=problem.density.evaluations - before + found.spent,
        seconds=time.perf_counter() - began,
    )


@dataclass
class _Found:
    """The arrays of :class:`Refits` while they are filled."""

    log_density: Array
    in_sample: Array
    points: Array
    approximate: Array
    status: list[Status]
    reasons: dict[int, Reason]
    searches: int = 0
    spent: int = 0

    @classmethod
    def nothing(cls, problem: Problem, plan: _Plan) -> _Found:
        n = problem.density.observations
        none = [np.full(n, np.nan) for _ in range(3)]
        points = np.broadcast_to(np.nan, (n, problem.dimension))  # takes no memory until one is known
        return cls(none[0], none[1], points, none[2], [Status.NOT_RUN] * n, dict(plan.reasons))

    def place(self, which: Index, points: Array) -> None:
        """Modes without these observations."""
        if not self.points.flags.writeable:
            self.points = self.points.copy()
        self.points[which] = points


def _one_step(predictive: Predictive, plan: _Plan, search: Search, found: _Found) -> Index:
    """One Newton step for each observation of large terms; which observations are to have an exact refit then."""
    if not search.usable:
        reason = Reason(Code.NO_NEWTON_STEP)
        found.reasons.update(dict.fromkeys(plan.spread.tolist(), reason))
        return np.setdiff1d(plan.exact, plan.spread)
    points, sure = search.first(plan.spread)
    found.place(plan.spread, points)
    found.approximate[plan.spread] = _log_density(predictive, plan.spread, found.points[plan.spread])
    sure &= np.isfinite(found.approximate[plan.spread])
    return np.union1d(plan.exact, plan.spread[~sure])


def _exact(predictive: Predictive, which: Index, search: Search, found: _Found) -> None:
    modes = search.modes(which)
    if modes:
        found.place(which, np.stack([one.u for one in modes]))
    for i, one in zip(which.tolist(), modes, strict=True):
        found.status[i] = one.status
        found.searches += one.searched
        found.spent += one.evaluations
        if one.reason:
            found.reasons[i] = one.reason
    found.log_density[which] = _log_density(predictive, which, found.points[which])


def _in_sample(predictive: Predictive, u: Array) -> Array:
    """log p(y_i | u) of every observation."""
    exact, inside = (np.concatenate([*predictive.log_likelihood(v[None]).values()], axis=1)[0] for v in (u, _off(u)))
    found: Array = np.where(np.isnan(exact), inside, exact)
    return found


def _log_density(predictive: Predictive, which: Index, points: Array) -> Array:
    """log p(y_i | u_i) of one observation at each point."""
    if not len(which):
        return np.empty(0)
    exact = predictive.log_likelihood_of(which, points)
    lost = np.flatnonzero(np.isnan(exact) & np.isinf(points).any(axis=1))
    if len(lost):
        exact[lost] = predictive.log_likelihood_of(which[lost], _off(points[lost]))
    return exact


def _off(points: Array) -> Array:
    """Infinite coordinates put where float64 has reached the bound: the bound itself may give 0 · ∞."""
    return np.where(np.isinf(points), np.sign(points) * boundaries.LIMIT, points)


# -- what is refitted ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Plan:
    """Observations to refit exactly; those of large terms, which get one step; which of them are the subsample."""

    exact: Index
    spread: Index
    sampled: NDArray[np.bool_]
    reasons: Mapping[int, Reason]


def _plan(predictive: Predictive, asked: Sequence[int] | None, seed: int, options: RefitOptions) -> _Plan:
    n = max((place.stop for place in predictive.places.values()), default=0)
    exact, sampled = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    spread = np.zeros(n, dtype=bool)
    reasons: dict[int, Reason] = {}
    rng = np.random.default_rng(seed)
    for term in predictive.terms:
        place = predictive.places.get(term.name, slice(0, 0))
        if not term.factorises:
            joint = Reason(Code.NOT_FACTORISED, figures={"message": term.lacks["pointwise"]})
            reasons |= dict.fromkeys(range(place.start, place.stop), joint)
        elif term.observations <= options.exact or asked is not None:
            exact[place] = True
        else:
            spread[place] = True
            size = min(options.subsample, term.observations)
            sampled[place.start + rng.choice(term.observations, size, replace=False)] = True
    if asked is not None:
        chosen = np.asarray(asked)
        if chosen.size and not (chosen.dtype.kind in "iu" and chosen.min() >= 0 and chosen.max() < n):
            raise UsageError(f"observations are whole numbers from 0 to {n - 1}: places among all of the model.")
        wanted = np.zeros(n, dtype=bool)
        wanted[chosen.astype(int)] = True
        exact &= wanted
    return _Plan(np.flatnonzero(exact | sampled), np.flatnonzero(spread), sampled, reasons)

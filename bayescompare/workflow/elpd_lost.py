"""What predicting by a method instead of the posterior costs: the elpd that it loses, by method."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ..metrics.loo import Loo, good_k, held_out, psis_loo
from ..model.predictive import Predictive
from ..model.problem import Problem
from ..results.fit import Fit
from .predicted import Predicted

#: Draws of a method at most, and log densities of observations in all.
DRAWS, CELLS = 1000, 5_000_000


def elpd_lost(
    problem: Problem, fits: Mapping[str, Fit], predicted: Predicted, unseen: Problem | None
) -> dict[str, dict[str, float]]:
    """elpd by the posterior − elpd by each method, ``value`` and ``se`` over the observations, nats.

    Leave-one-out, or of data ``unseen``. The plug-in's are exact refits; of a method's draws each observation is left
    out by importance weights, where their k-hat allows it. Methods without either are left out.
    """
    total, found = predicted.total.elpd, {}
    if total.elpd_diff.known and total.elpd_diff_se.known:
        found["map"] = {"value": float(total.elpd_diff.value), "se": float(total.elpd_diff_se.value)}
    posterior = {name: arrays["elpd_loo"] for name, arrays in predicted.pointwise.items() if "elpd_loo" in arrays}
    if not posterior or not all(np.isfinite(each).all() for each in posterior.values()):
        return found
    predictive = Predictive(problem if unseen is None else unseen)
    for name, fit in fits.items():
        if name == "nuts" or fit.unconstrained_draws is None or not fit.ok:
            continue
        flat = fit.unconstrained_draws.reshape(-1, problem.dimension)
        most = min(DRAWS, CELLS // sum(each.size for each in posterior.values()))
        own = predictive.log_likelihood(flat[:: max(math.ceil(len(flat) / max(most, 1)), 1)])
        loos = {term: _left_out(own[term], seen=unseen is None) for term in posterior}
        if all(loo is not None for loo in loos.values()):
            gaps = np.concatenate([posterior[term] - loo.elpd for term, loo in loos.items() if loo is not None])
            se = math.sqrt(len(gaps) * gaps.var(ddof=1)) if len(gaps) > 1 else math.nan
            found[name] = {"value": float(gaps.sum()), "se": se}
    return found


def _left_out(log_lik: np.ndarray, *, seen: bool) -> Loo | None:
    """Each observation's log predictive density, (draws, n) given; None where the weights do not carry one."""
    loo = psis_loo(log_lik[None]) if seen else held_out(log_lik[None])
    return loo if (loo.k_hat <= good_k(len(log_lik))).all() and np.isfinite(loo.elpd).all() else None

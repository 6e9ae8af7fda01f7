"""Log predictive density of fresh data: what a distribution of parameters says of data that it has not seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from ..model.predictive import Predictive
from ..model.problem import Problem

Array = NDArray[np.float64]

#: Draws times observations whose log likelihoods are held at once.
CELLS = 1 << 22

#: The measures, and which methods have them: those with draws, and those with a point that maximises something.
METHODS = {
    "elpd": ("map_laplace", "psis_laplace", "marginal_laplace", "pathfinder", "advi", "fullrank_advi", "nuts"),
    "elpd_plugin": ("mle_wald", "map_laplace", "marginal_map"),
}


def why_not(problem: Problem) -> str:
    """Why there is no elpd of this model; empty where there is."""
    predictive = Predictive(problem)
    terms = [term for term in predictive.terms if term.name in predictive.places]
    joint = (f"{term.name}: {term.lacks['pointwise']}" for term in terms if not term.factorises)
    return next(joint, "" if terms else "there is no observed variable")


def log_predictive(problem: Problem, points: Array, log_shares: Array | None = None) -> float:
    """Σ_i log Σ_s share_s p(y_i | u_s) over the observations of a problem, in nats.

    Parameters
    ----------
    problem : Problem
        With the fresh data.
    points : ndarray of shape (P, d)
        Draws in u; a single one is a plug-in.
    log_shares : ndarray of shape (P,), optional
        Logarithms of the draws' shares, which sum to 1; equal ones by default.

    Returns
    -------
    float
        −∞ where no draw gives an observation any density; NaN where a point at a limit (an infinite coordinate) has
        no likelihood that is known.
    """
    if log_shares is None:
        log_shares = np.full(len(points), -np.log(len(points)))
    predictive = Predictive(problem)
    total = np.full(problem.density.observations, -np.inf)
    size = max(CELLS // max(len(total), 1), 1)
    for start in range(0, len(points), size):
        u, shares = points[start : start + size], log_shares[start : start + size, None]
        found = np.concatenate(list(predictive.log_likelihood(u).values()), axis=1)
        # NaN at a finite point: a parameter out of its range, so no density. At a limit it is not known.
        found[np.isnan(found) & np.isfinite(u).all(axis=1)[:, None]] = -np.inf
        found = np.where(np.isneginf(shares), -np.inf, found + shares)
        total = np.logaddexp(total, logsumexp(found, axis=0))
    return float(total.sum())

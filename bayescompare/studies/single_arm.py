"""Methods that a study runs one data set after the other, and the figures that are kept of each fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..methods import method as method_of
from ..methods.marginal import MarginalOptions
from ..methods.pathfinder import PathfinderOptions
from ..methods.variational import VariationalOptions
from ..reasons import joined
from ..results.fit import Status
from .batch_draws import wald
from .fresh_elpd import log_predictive
from .nuts_arm import Found, Kept, summarised

if TYPE_CHECKING:
    from ..model.problem import Problem

Array = NDArray[np.float64]


def options(method: str, draws: int) -> Any:
    """Options of a method in a study: its draws, and for the marginal Laplace approximation never NUTS."""
    if method in ("marginal_map", "marginal_laplace"):
        return MarginalOptions(draws=draws, sampled=False)
    return PathfinderOptions(draws=draws) if method == "pathfinder" else VariationalOptions(draws=draws)


def fit(problem: Problem, truth: Array, method: str, *, seed: int, kept: Kept, fresh: Problem | None = None) -> Found:
    """Fit one data set.

    Parameters
    ----------
    problem : Problem
        With the replicate's data.
    truth : ndarray of shape (k_all,)
        NaN where there is none.
    method : str
    seed : int
    kept : Kept
    fresh : Problem, optional
        With data that were not fitted.

    Raises
    ------
    BayesCompareError
        If the method cannot be run on this model.
    """
    found = method_of(method)(problem, seed=seed, options=options(method, kept.draws))
    reason = joined(found.reasons)
    if found.status is Status.FAILED:
        return Found("failed", reason, {})
    arrays: dict[str, Any] = {"seconds": found.seconds, "log_density": found.log_density}
    if found.draws is not None:
        arrays |= of_draws(found.draws, truth, kept, seed)
    else:
        errors = np.array(list(found.diagnostics["standard_errors"].values()), dtype=float)
        arrays |= of_point(found.estimate, errors, truth, kept)
        edges = set(found.diagnostics.get("boundary", ()))
        arrays |= {"at_bound": [found.names[i] in edges for i in kept.chosen]}
    if found.diagnostics.get("k_hat") is not None:
        arrays["k_hat"] = found.diagnostics["k_hat"]
    if fresh is not None and found.unconstrained_draws is not None:
        arrays["elpd"] = log_predictive(fresh, found.unconstrained_draws.reshape(-1, fresh.dimension))
    elif fresh is not None and found.unconstrained is not None:
        arrays["elpd_plugin"] = log_predictive(fresh, found.unconstrained[None])
    return Found(str(found.status), reason, arrays)


def of_draws(draws: Array, truth: Array, kept: Kept, seed: int) -> dict[str, Array]:
    """Figures of draws (chains, draws, k_all)."""
    rng = np.random.default_rng(seed)
    return summarised(draws[..., kept.chosen], truth[kept.chosen], kept.levels, rng)


def of_point(estimate: Array, errors: Array, truth: Array, kept: Kept) -> dict[str, Array]:
    """Figures of a point with standard errors, of all scalars: those of a normal."""
    point, sd, true = (x[None, kept.chosen] for x in (estimate, errors, truth))
    normal = wald(point, sd, true, kept.levels)
    found = {name: getattr(normal, name)[0] for name in ("sd", "lower", "upper", "rank")}
    return {**found, "estimate": point[0]}

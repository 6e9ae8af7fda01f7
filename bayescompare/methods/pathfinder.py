"""Pathfinder: Gaussians along paths of L-BFGS, the best of each path, and of all their draws a sample by their weights.

Zhang, Carpenter, Gelman and Vehtari (2022, JMLR 23(306)), by BlackJAX over the model's own density.
"""

from __future__ import annotations

import importlib.util
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import EngineNotInstalledError, UnsupportedModelError, UsageError
from ..metrics import psis
from ..metrics.thresholds import K_HAT_MAX
from ..model.backends import Array
from ..model.problem import Problem
from ..reasons import Code, Reason
from ..results.fit import Fit, Status
from . import mode
from .laplace import importance, named
from .modes.curvature import hessian, own_scale

WEIGHTS = mode.WEIGHTS["unconstrained_map"]

#: Steps of a path, draws that choose its best Gaussian, and how far from the initial point it starts, in sd there.
STEPS, ELBO_DRAWS, REACH = 100, 30, 2.0

#: Log density where it is none: a number, for the line search.
NEVER = -1e30


@dataclass(frozen=True)
class PathfinderOptions:
    """Options of Pathfinder.

    Attributes
    ----------
    draws : int
        Draws of the answer, and of all paths together.
    paths : int
    """

    draws: int = 4000
    paths: int = 8

    def __post_init__(self) -> None:
        for name in ("draws", "paths"):
            if getattr(self, name) < 2:
                raise UsageError(f"{name} must be at least 2, not {getattr(self, name)}.")


def run(problem: Problem, *, seed: int = 0, options: PathfinderOptions | None = None, progress: bool = False) -> Fit:
    """Approximate the posterior by multi-path Pathfinder, its draws chosen by Pareto-smoothed importance weights.

    Parameters
    ----------
    problem : Problem
    seed : int
    options : PathfinderOptions, optional

    Returns
    -------
    Fit
        ``estimate`` is the mean of the draws, (1, draws, k), which are resampled by their weights. Diagnostics: ``sd``,
        ``k_hat``, ``psis`` and ``weights_ess`` of the draws before that, as of the Laplace approximation; ``paths``,
        how many ended somewhere, of how many ``starts``. Suspect where k-hat is not below 0.7; failed, with NaN for
        every number, where no path ended anywhere. Evaluations along the paths, within BlackJAX, are not counted.

    Raises
    ------
    EngineNotInstalledError
        If BlackJAX is not installed.
    UnsupportedModelError
        If the density has no translation to JAX.
    """
    options = options or PathfinderOptions()
    if importlib.util.find_spec("blackjax") is None:
        raise EngineNotInstalledError(
            "Pathfinder needs BlackJAX, which is not installed. Install it with: pip install 'bayescompare[blackjax]'"
        )
    density = problem.density
    compiling, evaluations, began = density.compile_seconds, density.evaluations, time.perf_counter()
    points, ratios, paths = _drawn(problem, options, seed)
    names = problem.scalars.names
    seconds = time.perf_counter() - began
    if not paths:
        reason = Reason(Code.NO_USABLE_START, figures={"starts": options.paths})
        return Fit("pathfinder", Status.FAILED, (reason,), names, np.full(len(names), np.nan), seconds=seconds)
    pool = density.push(points)
    told = importance(names, pool, ratios)
    log_weights = psis.importance(ratios).log_weights
    share = np.nan_to_num(np.exp(log_weights - np.nanmax(log_weights)))
    chosen = np.random.default_rng(seed).choice(len(pool), options.draws, p=share / share.sum())
    usable = told["k_hat"] < K_HAT_MAX
    doubt = Reason(Code.K_HAT, figures={"k_hat": told["k_hat"], "limit": K_HAT_MAX})
    compile_seconds = density.compile_seconds - compiling
    return Fit(
        method="pathfinder",
        status=Status.OK if usable else Status.SUSPECT,
        reasons=() if usable else (doubt,),
        names=names,
        estimate=pool[chosen].mean(axis=0),
        draws=pool[chosen][None],
        unconstrained_draws=points[chosen][None],
        diagnostics={
            "sd": named(names, pool[chosen].std(axis=0, ddof=1)),
            **told,
            "paths": paths,
            "starts": options.paths,
            "draws": options.draws,
        },
        seconds=time.perf_counter() - began - compile_seconds,
        compile_seconds=compile_seconds,
        evaluations=density.evaluations - evaluations,
    )


def _drawn(problem: Problem, options: PathfinderOptions, seed: int) -> tuple[Array, Array, int]:
    """Draws of all paths that ended somewhere, log p − log q of each, and how many paths those are."""
    import jax
    from blackjax.vi.pathfinder import approximate, sample

    density, d = problem.density.traced(), problem.dimension
    if density is None:
        why = problem.density.fallback or "an operation has no translation"
        raise UnsupportedModelError(
            f"Pathfinder needs the log density through JAX: {why}. ADVI and the Laplace approximation do without."
        )
    start = problem.density.start
    unit = np.clip(own_scale(hessian(problem.density, start, WEIGHTS)), 1e-8, 1e8)
    each = -(-options.draws // options.paths)

    def scaled(v: Any) -> Any:
        value = density(start + unit * v)
        return jax.numpy.where(jax.numpy.isfinite(value), value, NEVER)

    def path(key: Any, at: Any) -> tuple[Any, ...]:
        along, of = jax.random.split(key)
        state, _ = approximate(along, scaled, at, ELBO_DRAWS, maxiter=STEPS, maxls=100, ftol=1e-8)
        return (*sample(of, state, each), state.elbo)

    compiled = jax.jit(path)
    starts = np.random.default_rng(seed).uniform(-REACH, REACH, (options.paths, d))
    starts[0] = 0.0
    found: list[tuple[Array, Array]] = []
    for key, at in zip(jax.random.split(jax.random.key(seed), options.paths), starts, strict=True):
        v, log_q, elbo = (np.asarray(x, dtype=float) for x in compiled(key, at))
        if np.isfinite(elbo) and elbo > NEVER / 2 and np.isfinite(v).all() and np.isfinite(log_q).all():
            points = start + unit * v
            log_q = log_q - np.log(unit).sum()
            found.append((points, problem.density.values(points, WEIGHTS) - log_q))
    if not found:
        return np.empty((0, d)), np.empty(0), 0
    return np.concatenate([points for points, _ in found]), np.concatenate([r for _, r in found]), len(found)

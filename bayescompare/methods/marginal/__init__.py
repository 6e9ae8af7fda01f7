"""The rung between MAP and NUTS: the latent block of Gaussian effects integrated out by Laplace's approximation."""

from __future__ import annotations

from typing import Any

from ...errors import UnsupportedModelError
from ...model.problem import Problem
from ...results.fit import Fit
from .options import MarginalOptions

__all__ = ["MarginalOptions", "applies", "run_laplace", "run_map"]


def applies(problem: Problem, options: MarginalOptions) -> bool:
    """Whether there is a latent block, and a density through JAX to integrate it out of; it is compiled for later."""
    from .joint import joint
    from .latent import latent_block

    try:
        joint(problem.density, latent_block(problem, options.latent))
    except UnsupportedModelError:
        return False
    return True


def run_laplace(
    problem: Problem, *, seed: int = 0, options: MarginalOptions | None = None, progress: Any = False
) -> Fit:
    """The marginal Laplace approximation: see :func:`bayescompare.methods.marginal.laplace.fit`."""
    from .laplace import fit

    return fit(problem, seed=seed, options=options)


def run_map(problem: Problem, *, seed: int = 0, options: MarginalOptions | None = None, progress: Any = False) -> Fit:
    """The marginal MAP: see :func:`bayescompare.methods.marginal.mode.fit`."""
    from .mode import fit

    return fit(problem, seed=seed, options=options)

"""The rung between MAP and NUTS: the latent block of Gaussian effects integrated out by Laplace's approximation."""

from __future__ import annotations

from typing import Any

from ...model.problem import Problem
from ...results.fit import Fit
from .options import MarginalOptions

__all__ = ["MarginalOptions", "run_laplace", "run_map"]


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

"""What is asked of every animal of the zoo, and PyMC's own density to hold ours against."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pymc as pm

import bayescompare as bc
from bayescompare.model.backends import without_compiler

Array = np.ndarray

#: PyTensor keeps constants such as 0.5 in single precision until they are folded, so that PyMC's own density, which is
#: evaluated here as it stands, has log(0.5) to eight digits.
TOLERANCE = 1e-6

#: What libraries say of themselves, not of the model: deprecations within PyMC and PyTensor.
LIBRARIES = (
    "ignore:.*should implement `pullback`:FutureWarning",
    "ignore:pytensor.tensor.linalg.trace is deprecated:FutureWarning",
)


def pymc_density(problem: bc.Problem, *, jacobian: bool = True) -> Callable[[Array], float]:
    """PyMC's own log density of the unconstrained vector, by its own function of the model."""
    model: pm.Model = problem.model
    with without_compiler():
        function = model.compile_logp(jacobian=jacobian)
    blocks = problem.density.blocks
    cuts = np.cumsum([block.size for block in blocks])[:-1]
    start = problem.initial_point

    def density(u: Array) -> float:
        parts = zip(blocks, np.split(u, cuts), strict=True)
        point = {
            block.value_name: part.reshape(start[block.value_name].shape).astype(start[block.value_name].dtype)
            for block, part in parts
        }
        with np.errstate(all="ignore"):
            return float(function(point))

    return density


def points(problem: bc.Problem, count: int, seed: int = 1) -> Array:
    """Around the start, near and far."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(size=(count, problem.dimension)) * np.geomspace(0.05, 2.0, count)[:, None]
    start: Array = problem.density.start
    return start + steps


def same_density(problem: bc.Problem, count: int, tolerance: float = TOLERANCE) -> int:
    """Ours and PyMC's at some points; at how many of them there is a density."""
    theirs, finite = pymc_density(problem), 0
    for u in points(problem, count):
        ours, expected = problem.density(u, (1.0, 1.0, 1.0))[0], theirs(u)
        if np.isfinite(ours) or np.isfinite(expected):
            assert np.isclose(ours, expected, rtol=tolerance, atol=tolerance), (u, ours, expected)
            finite += 1
    return finite


def posterior_means(problem: bc.Problem, half: float = 12.0, count: int = 2001) -> dict[str, float]:
    """Posterior means of a model of one parameter, by quadrature of PyMC's density on a grid of its own scale.

    Nothing where there are several parameters, or where the grid's ends still carry mass.
    """
    if problem.dimension != 1:
        return {}
    theirs = pymc_density(problem)
    grid = problem.density.start + np.linspace(-half, half, count)[:, None]
    heights = np.array([theirs(u) for u in grid])
    weights = np.exp(np.where(np.isfinite(heights), heights, -np.inf) - np.nanmax(heights))
    weights /= weights.sum()
    if not np.isfinite(weights).all() or max(weights[0], weights[-1]) > 1e-9:
        return {}
    scalars = problem.density.push(grid)
    free = problem.scalars.free
    return dict(zip(problem.scalars.names[:free], map(float, weights @ scalars[:, :free]), strict=True))

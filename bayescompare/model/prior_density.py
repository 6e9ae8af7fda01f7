"""Prior densities in closed form, of free variables that depend on no other variable."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .problem import Problem

Array = NDArray[np.float64]

#: Scalars of one variable up to which its density is asked for on a grid.
MOST = 200


def prior_densities(problem: Problem, names: tuple[str, ...], grid: Array) -> Array:
    """Densities of the scalars ``names`` on the rows of ``grid``; NaN where they are not known in closed form.

    They are where a variable's parameters are data, its scalars are drawn one by one, and neither a transform nor a
    Potential joins them.
    """
    import pytensor
    from pymc import logp

    model, found = problem.model, np.full(grid.shape, np.nan)
    rows = {name: i for i, name in enumerate(names)}
    variables = problem.scalars.variables
    ends = np.cumsum([int(np.prod(variables[rv.name][2])) for rv in model.free_RVs])
    for rv, end in zip(model.free_RVs, ends, strict=True):
        shape = variables[rv.name][2]
        size = int(np.prod(shape))
        scalars = problem.scalars.names[end - size : end]
        chosen = [(j, rows[name]) for j, name in enumerate(scalars) if name in rows]
        if not chosen or size > MOST or model.potentials or not _closed(model, rv):
            continue
        value = rv.type()
        density = pytensor.function([value], logp(rv, value, warn_rvs=False), mode="FAST_COMPILE")
        at = np.tile(grid[chosen[0][1]][:, None], size)  # the others need values, too: any that the variable may take
        for j, row in chosen:
            at[:, j] = grid[row]
        heights = np.array([np.ravel(density(point.reshape(shape).astype(rv.dtype))) for point in at])
        for j, row in chosen:
            found[row] = np.exp(heights[:, j])
    return found


def _closed(model: Any, rv: Any) -> bool:
    from pytensor.graph.traversal import ancestors

    transform = model.rvs_to_transforms[rv]
    if getattr(rv.owner.op, "ndim_supp", 1) or rv.type.dtype[:5] != "float":
        return False
    if transform is not None and transform.ndim_supp != 0:
        return False
    others = {*model.free_RVs, *model.observed_RVs} - {rv}
    return not others & set(ancestors(rv.owner.inputs))

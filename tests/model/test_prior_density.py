"""Prior densities in closed form."""

from __future__ import annotations

import numpy as np
import pymc as pm
from scipy import stats

from bayescompare.model.prior_density import prior_densities
from bayescompare.model.problem import Problem


def test_densities_are_those_of_the_laws_and_unknown_where_parameters_are_not_data() -> None:
    with pm.Model(coords={"row": ["a", "b"]}) as model:
        mu = pm.Normal("mu", [0.0, 3.0], [1.0, 2.0], dims="row")
        tau = pm.HalfCauchy("tau", 5.0)
        pm.Normal("theta", mu.sum(), tau)
        pm.Dirichlet("p", [1.0, 2.0])
        pm.Normal("y", tau, 1.0, observed=0.5)
    names = ("tau", "mu[b]", "theta")
    grid = np.stack([np.linspace(0.1, 9, 12), np.linspace(-5, 5, 12), np.linspace(-5, 5, 12)])
    found = prior_densities(Problem(model), names, grid)
    np.testing.assert_allclose(found[0], stats.halfcauchy(scale=5).pdf(grid[0]), rtol=1e-6)
    np.testing.assert_allclose(found[1], stats.norm(3, 2).pdf(grid[1]), rtol=1e-6)
    assert np.isnan(found[2]).all()
    with model:
        pm.Potential("joins", -mu.sum())
    assert np.isnan(prior_densities(Problem(model), names, grid)).all()

"""The elpd that a method loses, against closed forms of a normal location."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytest
from scipy.stats import norm

import bayescompare as bc

Y = np.random.default_rng(20).normal(0.3, 1.0, 20)


def test_what_methods_lose_is_that_of_their_predictive_densities() -> None:
    """Without y_i the posterior is normal; draws shifted by s leave it shifted by as much."""
    with pm.Model() as model:
        pm.Normal("y", pm.Normal("mu", 0.0, 1.0), 1.0, observed=Y)
    n, shift = len(Y), 0.4
    at, sd = Y.sum() / (n + 1), (n + 1) ** -0.5
    draws = at + sd * norm.ppf((np.random.default_rng(1).permutation(2000) + 0.5) / 2000).reshape(2, 1000)
    found = bc.compare(model, others={"shifted": {"mu": draws + shift}}, draws=500, tune=500).ladder

    without, scale = (Y.sum() - Y) / n, (1 / n + 1) ** 0.5
    exact = norm.logpdf(Y, without, scale)
    # Weighing 1/p(y_i | mu) under N(at + s, sd²) gives the same normal, moved by s (n + 1)/n.
    moved = norm.logpdf(Y, without + shift * (n + 1) / n, scale)
    lost = exact - moved
    assert found.loc["laplace", "elpd_loss"] == pytest.approx(0.0, abs=0.05)
    assert found.loc["shifted", "elpd_loss"] == pytest.approx(lost.sum(), abs=0.1)
    assert found.loc["shifted", "elpd_loss_se"] == pytest.approx(np.sqrt(n * lost.var(ddof=1)), rel=0.1)
    assert found.loc["map", "elpd_loss"] == pytest.approx((exact - norm.logpdf(Y, without, 1.0)).sum(), abs=0.05)
    assert np.isnan(found.loc["unconstrained_map", "elpd_loss"])

"""The lasso: MAP is scikit-learn's, zeros and all; the posterior is Park and Casella's, by their own sampler."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import Lasso

import bayescompare as bc
from bayescompare import models
from bayescompare.errors import DataError, UsageError
from bayescompare.templates.data import load
from tests.models.checks import Point, assert_builds


def standardised() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    data = pd.DataFrame(load("diabetes"))
    y = data.pop("y")
    return stats.zscore(data.to_numpy()), (y - y.mean()).to_numpy()


def logp(p: Point) -> float:
    X, y = standardised()
    prior = stats.laplace(0, 11).logpdf(p["beta"]).sum()
    return float(prior + stats.norm(X @ p["beta"], 54).logpdf(y).sum())


def test_quick() -> None:
    assert_builds(models.lasso_regression, logp)
    model = models.lasso_regression()
    assert model.coords["predictor"] == ("age", "sex", "bmi", "bp", *(f"s{i}" for i in range(1, 7)))
    assert model.named_vars_to_dims["beta"] == ("predictor",)


@pytest.mark.parametrize("options", [{"prior_scale": 0}, {"noise": -1.0}, {"noise": float("inf")}])
def test_options_out_of_range(options: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=f"^lasso_regression: {next(iter(options))} is .*, but must be"):
        models.lasso_regression(**options)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"x": [1.0, 2.0]}, "no column 'y'"),
        ({"y": [1.0, 2.0]}, "no column beside 'y'"),
        ({"y": [1.0, 2.0], "x": [3.0, 3.0]}, "'x' has the same value in every row"),
        ({"y": [1.0, 2.0], "x": [3.0, 4.0, 5.0]}, "different lengths"),
    ],
)
def test_data_that_do_not_fit(data: Any, message: str) -> None:
    with pytest.raises(DataError, match=f"^lasso_regression: .*{message}"):
        models.lasso_regression(data)


@pytest.mark.parametrize(("prior_scale", "noise"), [(11.0, 54.0), (1.0, 54.0), (0.1, 54.0), (200.0, 30.0)])
def test_map_is_scikit_learns(prior_scale: float, noise: float) -> None:
    X, y = standardised()
    alpha = noise**2 / (len(y) * prior_scale)
    lasso = Lasso(alpha=alpha, fit_intercept=False, tol=1e-12, max_iter=1_000_000).fit(X, y)

    fit = bc.fit(models.lasso_regression(prior_scale=prior_scale, noise=noise), "map")

    assert fit.status == "ok"
    np.testing.assert_allclose(fit.estimate, lasso.coef_, rtol=1e-6, atol=1e-9)
    assert list(fit.estimate == 0) == list(lasso.coef_ == 0)
    assert fit.diagnostics["kink"] == [name for name, value in fit.values.items() if value == 0]


def gibbs(scale: float, noise: float, draws: int, seed: int) -> np.ndarray[Any, Any]:
    """Park and Casella's sampler (2008, section 2), noise and scale known: Laplace as a mixture of normals."""
    X, y = standardised()
    rng = np.random.default_rng(seed)
    XX, Xy = X.T @ X / noise**2, X.T @ y / noise**2
    beta, out = np.ones(X.shape[1]), np.empty((draws, X.shape[1]))
    for i in range(draws):
        precision = rng.wald(1 / (scale * np.abs(beta)), 1 / scale**2)
        factor = np.linalg.cholesky(XX + np.diag(precision))
        mean = np.linalg.solve(factor.T, np.linalg.solve(factor, Xy))
        beta = mean + np.linalg.solve(factor.T, rng.standard_normal(len(beta)))
        out[i] = beta
    return out


@pytest.mark.slow
def test_posterior_is_park_and_casellas_and_is_never_sparse() -> None:
    import arviz_stats as az

    nuts = bc.fit(models.lasso_regression(), "nuts", random_seed=1, options=bc.SamplerOptions(draws=2000))
    assert nuts.draws is not None
    reference = gibbs(11.0, 54.0, 20_000, seed=1)[500:]
    for i, name in enumerate(nuts.names):
        mine, theirs = nuts.draws[..., i], reference[:, i].reshape(4, -1)
        error = np.hypot(az.mcse(mine), az.mcse(theirs))
        assert mine.mean() == pytest.approx(theirs.mean(), abs=4 * error), name
        error = np.hypot(az.mcse(mine, method="sd"), az.mcse(theirs, method="sd"))
        assert mine.std() == pytest.approx(theirs.std(), abs=4 * error), name

    # What the docstring says. MAP's zeros are exact; the posterior has none, and the two zeros differ.
    mode = bc.fit(models.lasso_regression(), "map")
    assert [name for name, value in mode.values.items() if value == 0] == ["beta[age]", "beta[s2]"]
    assert (nuts.draws != 0).all()
    sd = dict(zip(nuts.names, nuts.draws.std(axis=(0, 1)), strict=True))
    assert sd["beta[age]"] == pytest.approx(2.6, abs=0.15)
    assert sd["beta[s2]"] == pytest.approx(7.1, abs=0.3)
    assert sd["beta[s6]"] == pytest.approx(2.9, abs=0.15)
    assert mode.values["beta[s4]"] == pytest.approx(2.6, abs=0.05)
    assert nuts.values["beta[s4]"] == pytest.approx(4.7, abs=0.3)

"""MAP by bayescompare against other software and closed forms; what the docstrings claim of MAP, held."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from bayescompare.templates.library.jellybeans import closed_form
from scipy import stats
from sklearn.linear_model import LogisticRegression, Ridge

import bayescompare as bc
from bayescompare import models
from bayescompare.templates.data import load


@pytest.mark.parametrize(("prior_scale", "noise"), [(20.0, 54.0), (2.0, 54.0), (500.0, 30.0)])
def test_ridge_is_scikit_learns(prior_scale: float, noise: float) -> None:
    data = pd.DataFrame(load("diabetes"))
    y = data.pop("y")
    ridge = Ridge(alpha=noise**2 / prior_scale**2).fit(stats.zscore(data.to_numpy()), y)

    fit = bc.fit(models.ridge_regression(prior_scale=prior_scale, noise=noise), "map")

    assert fit.status == "ok"
    assert list(fit.values) == [f"beta[{name}]" for name in data.columns]
    np.testing.assert_allclose(fit.estimate, ridge.coef_, rtol=1e-6)


@pytest.mark.parametrize("prior_scale", [2.5, 0.1])
def test_wells_is_scikit_learns(prior_scale: float) -> None:
    data = pd.DataFrame(load("wells"))
    X = np.column_stack([np.ones(len(data)), data["dist"] / 100, data["arsenic"], data["educ"] / 4])
    regression = LogisticRegression(C=prior_scale**2, fit_intercept=False, solver="newton-cholesky", tol=1e-12)
    regression.fit(X, data["switched"])

    fit = bc.fit(models.wells(prior_scale=prior_scale), "map")

    assert fit.status == "ok"
    assert list(fit.values) == [f"beta[{name}]" for name in ("intercept", "dist100", "arsenic", "educ4")]
    np.testing.assert_allclose(fit.estimate, regression.coef_[0], rtol=1e-5)


@pytest.mark.parametrize("n", [1, 10, 100])
def test_jellybeans_closed_form(n: int) -> None:
    exact = closed_form(load("jellybeans")["guess"][:n])
    model = models.jellybeans(n=n)

    mle, mode, laplace = (bc.fit(model, method, random_seed=1) for method in ("mle", "map", "laplace"))

    assert [fit.status for fit in (mle, mode, laplace)] == ["ok"] * 3
    assert mle.values["count"] == pytest.approx(exact.mle, rel=1e-6)
    assert mode.values["count"] == pytest.approx(exact.map, rel=1e-6)
    # The posterior is normal, so its Laplace approximation is the posterior: the draws have its moments.
    assert laplace.draws is not None
    draws = laplace.draws[..., laplace.names.index("count")]
    assert draws.mean() == pytest.approx(exact.map, abs=5 * exact.sd / math.sqrt(draws.size))
    assert draws.std() == pytest.approx(exact.sd, rel=5 / math.sqrt(2 * draws.size))


def test_jellybeans_pull_as_its_docstring_says() -> None:
    pulls = [closed_form(load("jellybeans")["guess"][:n]).pull for n in (1, 10, 100)]
    assert [round(pull, 2) for pull in pulls] == [0.71, 0.20, 0.02]
    ten = closed_form(load("jellybeans")["guess"][:10])
    assert ten.sd == pytest.approx(1 / math.hypot(math.sqrt(10) / 80, 2 * stats.norm.ppf(0.975) / 200))
    assert round(ten.sd) == 23
    assert (ten.map - ten.mle) / (300 - ten.mle) == pytest.approx(ten.pull)


def test_eight_schools_map_is_on_the_edge() -> None:
    fit = bc.fit(models.eight_schools(), "map")
    assert fit.status == "ok"
    assert fit.values["tau"] == 0
    thetas = [value for name, value in fit.values.items() if name.startswith("theta[")]
    # The precision-weighted mean of the effects and of the prior Normal(0, 5).
    data = load("eight_schools")
    precision = 1 / np.square(data["sigma"], dtype=float)
    common = precision @ data["y"] / (precision.sum() + 1 / 25)
    np.testing.assert_allclose([fit.values["mu"], *thetas], common, rtol=1e-6)


def test_eight_schools_centered_has_no_mode() -> None:
    fit = bc.fit(models.eight_schools(parametrisation="centered"), "map")
    assert fit.status == "failed"
    assert math.isnan(fit.values["tau"])


def test_radon_map_hardly_pools() -> None:
    fit = bc.fit(models.radon(), "map")
    assert fit.status == "ok"
    scales = [fit.values[name] for name in ("sigma_alpha", "sigma_beta", "sigma_y")]
    # Found by an independent search (SciPy's L-BFGS-B on hand-written gradients).
    np.testing.assert_allclose(scales, [2.0882, 2.2823, 0.65835], rtol=1e-4)


# What the docstrings say of posterior means, how closely (in its last digit, and Monte-Carlo error).
MEANS: dict[str, dict[str, tuple[float, float]]] = {
    "eight_schools": {"tau": (3.6, 0.4)},
    "jellybeans": {"count": (348.0, 3.0)},
    "radon": {"sigma_alpha": (0.32, 0.02), "sigma_beta": (0.25, 0.03)},
    "ridge_regression": {"beta[s1]": (-13.7, 1.0)},
    "wells": {},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MEANS)
def test_what_the_docstrings_say_of_the_posterior(name: str) -> None:
    model = getattr(models, name)()
    nuts, mode = bc.fit(model, "nuts", random_seed=1), bc.fit(model, "map", random_seed=1)
    for scalar, (mean, tolerance) in MEANS[name].items():
        assert nuts.values[scalar] == pytest.approx(mean, abs=tolerance)

    assert nuts.draws is not None
    draws = nuts.draws.reshape(-1, len(nuts.names))
    if name == "radon":  # above every draw
        columns = [nuts.names.index(scalar) for scalar in ("sigma_alpha", "sigma_beta")]
        assert (draws[:, columns].max(axis=0) < mode.estimate[columns]).all()
    if name in ("jellybeans", "ridge_regression", "wells"):  # MAP is the mean: up to Monte-Carlo error
        z = (mode.estimate - draws.mean(axis=0)) / draws.std(axis=0)
        assert np.abs(z).max() < 0.1

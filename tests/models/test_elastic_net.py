"""The elastic net: a prior that is drawn from, scikit-learn's MAP, and the posterior by another sampler."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytest
from scipy import integrate, stats
from sklearn.linear_model import ElasticNet

import bayescompare as bc
from bayescompare import models
from bayescompare.errors import DataError, UsageError
from bayescompare.model.simulate import simulator
from bayescompare.templates.data import load
from tests.models.checks import Point, assert_builds

SCALES = [(0.05, 0.2), (1.0, 1.0), (0.01, 1.0), (3.0, 0.1)]


def bushes() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    raw = {name: np.array(column, dtype=float) for name, column in load("mesquite").items()}
    names = ("diam1", "diam2", "canopy_height", "total_height", "density")
    X = np.column_stack([*(np.log(raw[name]) for name in names), raw["group"]])
    y = np.log(raw["weight"])
    return stats.zscore(X), y - y.mean()


def prior(laplace_scale: float, normal_scale: float) -> Any:
    """The prior's density, normalised by quadrature."""

    def kernel(x: float) -> float:
        return float(np.exp(-abs(x) / laplace_scale - x**2 / (2 * normal_scale**2)))

    edge = min(laplace_scale, normal_scale)
    area = 2 * sum(integrate.quad(kernel, a * edge, b * edge, epsabs=0)[0] for a, b in ((0, 5), (5, 40)))
    return lambda x: kernel(x) / area


def logp(p: Point) -> float:
    X, y = bushes()
    density = prior(0.05, 0.2)
    return float(sum(np.log(density(b)) for b in p["beta"]) + stats.norm(X @ p["beta"], 0.33).logpdf(y).sum())


def test_quick() -> None:
    assert_builds(models.elastic_net, logp)
    names = ("log_diam1", "log_diam2", "log_canopy_height", "log_total_height", "log_density", "group")
    assert models.elastic_net().coords["predictor"] == names


@pytest.mark.parametrize("name", ["laplace_scale", "normal_scale", "noise"])
def test_options_out_of_range(name: str) -> None:
    with pytest.raises(UsageError, match=f"elastic_net: {name} is 0, but must be above 0"):
        models.elastic_net(**{name: 0})


def test_data_that_do_not_fit() -> None:
    with pytest.raises(DataError, match="elastic_net: no column 'y'"):
        models.elastic_net({"weight": [1.0, 2.0]})
    assert models.elastic_net({"y": [1.0, 2, 4], "a": [1, 2, 2]}).coords["predictor"] == ("a",)


@pytest.mark.parametrize(("laplace_scale", "normal_scale"), SCALES)
def test_the_prior_is_a_density_and_its_draws_follow_it(laplace_scale: float, normal_scale: float) -> None:
    model = models.elastic_net(laplace_scale=laplace_scale, normal_scale=normal_scale)
    density = prior(laplace_scale, normal_scale)
    grid = np.array([-0.3, -0.01, 0.0, 0.02, 0.1, 1.0]) * normal_scale
    logp = pm.logp(model["beta"], np.resize(grid, 6)).eval(mode="FAST_COMPILE")
    np.testing.assert_allclose(logp, [np.log(density(x)) for x in grid], rtol=1e-6, atol=1e-6)

    draw = simulator(model)
    draws = np.concatenate([draw(seed)[0]["beta"] for seed in range(500)])
    below = [integrate.quad(density, 0, abs(x), epsabs=1e-10)[0] for x in draws]
    cdf = 0.5 + np.sign(draws) * below
    assert stats.kstest(cdf, "uniform").pvalue > 1e-3  # one fixed seed


@pytest.mark.parametrize(("laplace_scale", "normal_scale"), [(0.05, 0.2), (0.02, 0.1), (0.02, 5.0), (5.0, 0.1)])
def test_map_is_scikit_learns(laplace_scale: float, normal_scale: float) -> None:
    X, y = bushes()
    a, r = 0.33**2 / (len(y) * laplace_scale), 0.33**2 / (len(y) * normal_scale**2)
    net = ElasticNet(alpha=a + r, l1_ratio=a / (a + r), fit_intercept=False, tol=1e-12, max_iter=1_000_000).fit(X, y)

    fit = bc.fit(models.elastic_net(laplace_scale=laplace_scale, normal_scale=normal_scale), "map")

    assert fit.status == "ok"
    np.testing.assert_allclose(fit.estimate, net.coef_, rtol=1e-6, atol=1e-9)
    assert fit.diagnostics["kink"] == [name for name, b in zip(fit.names, net.coef_, strict=True) if b == 0]


def one_at_a_time(draws: int, seed: int) -> np.ndarray[Any, Any]:
    """Gibbs sampling as of Hans (2011): given the others, a coefficient is one of two truncated normals."""
    X, y = bushes()
    rng = np.random.default_rng(seed)
    b, tau, sigma = 0.05, 0.2, 0.33
    precision = (X**2).sum(axis=0) / sigma**2 + 1 / tau**2
    sd = precision**-0.5
    beta, out = np.zeros(X.shape[1]), np.empty((draws, X.shape[1]))
    for i in range(draws):
        for j in range(len(beta)):
            slope = X[:, j] @ (y - X @ beta + X[:, j] * beta[j]) / sigma**2
            up, down = (slope - 1 / b) * sd[j] ** 2, (slope + 1 / b) * sd[j] ** 2
            weights = [up**2 * precision[j] / 2 + stats.norm.logcdf(up / sd[j]),
                       down**2 * precision[j] / 2 + stats.norm.logcdf(-down / sd[j])]  # fmt: skip
            if np.log(rng.random()) < weights[0] - np.logaddexp(*weights):
                beta[j] = up + sd[j] * _above(-up / sd[j], rng)
            else:
                beta[j] = down - sd[j] * _above(down / sd[j], rng)
        out[i] = beta
    return out


def _above(low: float, rng: np.random.Generator) -> float:
    """A standard normal above ``low``, by its survival function."""
    return float(stats.norm.isf(rng.random() * stats.norm.sf(low)))


@pytest.mark.slow
def test_posterior_by_another_sampler_and_what_the_docstring_says() -> None:
    import arviz_stats as az

    nuts = bc.fit(models.elastic_net(), "nuts", random_seed=1, options=bc.SamplerOptions(draws=2000))
    assert nuts.draws is not None
    reference = one_at_a_time(8200, seed=1)[200:]
    for i, name in enumerate(nuts.names):
        mine, theirs = nuts.draws[..., i], reference[:, i].reshape(4, -1)
        error = np.hypot(az.mcse(mine), az.mcse(theirs))
        assert mine.mean() == pytest.approx(theirs.mean(), abs=4 * error), name
        error = np.hypot(az.mcse(mine, method="sd"), az.mcse(theirs, method="sd"))
        assert mine.std() == pytest.approx(theirs.std(), abs=4 * error), name

    draws = dict(zip(nuts.names, nuts.draws.reshape(-1, 6).T, strict=True))
    mode = bc.fit(models.elastic_net(), "map").values
    density = draws["beta[log_density]"]
    assert mode["beta[log_density]"] == 0
    assert (density != 0).all()
    assert density.mean() == pytest.approx(0.023, abs=0.004)
    assert density.std() == pytest.approx(0.042, abs=0.003)
    assert (density > 0).mean() == pytest.approx(0.70, abs=0.04)
    diameters = draws["beta[log_diam1]"], draws["beta[log_diam2]"]
    assert sum(diameters).std() == pytest.approx(0.070, abs=0.004)
    assert [d.std() for d in diameters] == pytest.approx([0.088, 0.088], abs=0.005)
    assert [mode["beta[log_diam1]"], mode["beta[log_diam2]"]] == pytest.approx([0.24, 0.42], abs=0.005)

"""Growth of dugongs: against SciPy's density and least squares, and importance sampling."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

import bayescompare as bc
from bayescompare import models
from bayescompare.errors import DataError, UsageError
from bayescompare.templates.data import load
from tests.models.checks import Array, Point, assert_builds, assert_posterior, importance, known, maximum

DATA = {name: np.array(column, dtype=float) for name, column in load("dugongs").items()}


def logp(p: Point) -> float:
    return float(
        stats.halfnorm(scale=10).logpdf([p["alpha"], p["beta"]]).sum()
        + stats.uniform(0.5, 0.5).logpdf(p["gamma"])
        + stats.halfnorm.logpdf(p["sigma"])
        + stats.norm(p["alpha"] - p["beta"] * p["gamma"] ** DATA["age"], p["sigma"]).logpdf(DATA["length"]).sum()
    )


def test_density_and_sizes() -> None:
    assert_builds(models.growth_curve, logp)


def test_the_curve_is_that_of_least_squares() -> None:
    def curve(age: Array, alpha: float, beta: float, gamma: float) -> Array:
        return alpha - beta * gamma**age

    fitted, _ = optimize.curve_fit(curve, DATA["age"], DATA["length"], p0=(2.5, 1.0, 0.9))
    residual = DATA["length"] - curve(DATA["age"], *fitted)

    mle = bc.fit(models.growth_curve(), "mle")

    assert mle.status == "ok"
    np.testing.assert_allclose(mle.estimate[:3], fitted, rtol=1e-5)
    assert mle.values["sigma"] == pytest.approx(np.sqrt(np.mean(residual**2)), rel=1e-6)  # divided by n
    # The priors are so wide that MAP is the same curve.
    np.testing.assert_allclose(bc.fit(models.growth_curve(), "map").estimate[:3], fitted, rtol=1e-3)


def test_oldest_leaves_animals_out() -> None:
    assert list(models.growth_curve(oldest=10)["age"].get_value()) == [a for a in DATA["age"] if a <= 10]
    with pytest.raises(UsageError, match="growth_curve: oldest is 4, but must be from 5 to 35 years"):
        models.growth_curve(oldest=4)


def test_own_data() -> None:
    assert models.growth_curve({"age": [1, 2], "length": [1.0, 2.0]}).coords["animal"] == (1, 2)
    with pytest.raises(DataError, match="growth_curve: no column 'length'"):
        models.growth_curve({"age": [1, 2]})


@pytest.mark.slow
def test_finding() -> None:
    def in_logs(z: Array) -> Array:
        alpha, beta, sigma = (np.exp(z[:, i]) for i in (0, 1, 3))
        share = 1 / (1 + np.exp(-z[:, 2]))
        curve = alpha[:, None] - beta[:, None] * (0.5 + share[:, None] / 2) ** DATA["age"]
        log_lik = stats.norm(curve, sigma[:, None]).logpdf(DATA["length"]).sum(axis=1)
        prior = -(alpha**2 + beta**2) / 200 - sigma**2 / 2
        jacobian = z[:, 0] + z[:, 1] + z[:, 3] + np.log(share * (1 - share))
        return np.asarray(log_lik + prior + jacobian)

    mode = maximum(lambda z: float(in_logs(z[None])[0]), np.array([1.0, 0.0, 1.0, -2.3]))
    exact = importance(in_logs, mode)
    x = np.exp(exact.points)
    x[:, 2] = 0.5 + 0.5 / (1 + np.exp(-exact.points[:, 2]))
    mean, sd = exact.mean(x), exact.sd(x)

    result = bc.compare(models.growth_curve, random_seed=1)

    assert result.verdict.layers["sampler"].state == "sound"
    names = ("alpha", "beta", "gamma", "sigma")
    assert_posterior(result.table, known(names, mean, sd, exact.effective))
    table = result.table
    assert table.loc["sigma", "z"] == pytest.approx(-0.69, abs=0.06)
    assert table.loc["age95", "map"] == pytest.approx(14.4, abs=0.05)
    assert table.loc["alpha", "sd_ratio"] < 0.9
    assert table.loc["age95", "sd_ratio"] < 0.9

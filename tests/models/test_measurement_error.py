"""Errors in both variables: against SciPy's density, York's published line, and quadrature over the line alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

import bayescompare as bc
from bayescompare import models
from bayescompare.errors import DataError, UsageError
from bayescompare.templates.data import load
from tests.models.checks import Array, Point, assert_builds, assert_posterior, known, quadrature

DATA = {name: np.array(column, dtype=float) for name, column in load("pearson_york").items()}
X, Y = DATA["x"], DATA["y"]
SX, SY = DATA["weight_x"] ** -0.5, DATA["weight_y"] ** -0.5
MEAN = X.mean()


def logp(p: Point) -> float:
    line = p["level"] + p["slope"] * (p["x_true"] - MEAN)
    return float(
        stats.norm(Y.mean(), 10 * Y.std()).logpdf(p["level"])
        + stats.norm(0, 10 * Y.std() / X.std()).logpdf(p["slope"])
        + stats.lognorm(1).logpdf(p["factor"])
        + stats.norm(MEAN, 10 * X.std()).logpdf(p["x_true"]).sum()
        + stats.norm(p["x_true"], p["factor"] * SX).logpdf(X).sum()
        + stats.norm(line, p["factor"] * SY).logpdf(Y).sum()
    )


def test_density_and_sizes() -> None:
    assert_builds(models.measurement_error, logp, spread=0.03)


def test_mle_is_yorks_line() -> None:
    def squares(line: Array) -> float:
        return float(np.sum((Y - line[0] - line[1] * X) ** 2 / (SY**2 + (line[1] * SX) ** 2)))

    best = optimize.minimize(squares, [5.5, -0.5], method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-13})
    mle = bc.fit(models.measurement_error(), "mle")
    assert mle.status == "ok"
    assert [mle.values["intercept"], mle.values["slope"]] == pytest.approx(best.x, rel=1e-5)
    # York (1966), table II, exact least squares: slope -0.48053, intercept 5.47991.
    assert [mle.values["intercept"], mle.values["slope"]] == pytest.approx([5.47991, -0.48053], abs=1e-5)
    # All that the true x leave over is divided by all 20 measurements.
    assert mle.values["factor"] == pytest.approx(np.sqrt(best.fun / 20), rel=1e-5)
    assert best.fun == pytest.approx(11.87, abs=0.01)
    # The priors are wide, but for the factor's own.
    mode = bc.fit(models.measurement_error(), "map")
    assert mode.status == "ok"
    assert mode.values["slope"] == pytest.approx(-0.4805, abs=2e-4)
    assert mode.values["factor"] == pytest.approx(0.757, abs=1e-3)


def test_options_and_data() -> None:
    with pytest.raises(UsageError, match="measurement_error: factor_sd is 0"):
        models.measurement_error(factor_sd=0)
    with pytest.raises(DataError, match="measurement_error: no column 'weight_x'"):
        models.measurement_error({"x": [1, 2], "y": [1, 2], "weight_y": [1, 1]})
    with pytest.raises(DataError, match="measurement_error: column 'x' has the same value"):
        models.measurement_error({"x": [1, 1], "y": [1, 2], "weight_x": [1, 1], "weight_y": [1, 1]})


@pytest.mark.slow
def test_finding() -> None:
    def integrated(z: Array) -> Array:
        """Level, slope and log factor, each true x integrated out: a bivariate normal of (x, y) for each point."""
        level, slope, factor = z[:, :1], z[:, 1:2], np.exp(z[:, 2:])
        wide = (10 * X.std()) ** 2
        var_x, var_y, cov = wide + (factor * SX) ** 2, slope**2 * wide + (factor * SY) ** 2, slope * wide
        dx, dy, det = X - MEAN, Y - level, var_x * var_y - cov**2
        log_lik = -0.5 * np.log(det) - (var_y * dx**2 - 2 * cov * dx * dy + var_x * dy**2) / (2 * det)
        prior = -((z[:, 0] - Y.mean()) ** 2) / (2 * (10 * Y.std()) ** 2)
        prior -= z[:, 1] ** 2 / (2 * (10 * Y.std() / X.std()) ** 2) + z[:, 2] ** 2 / 2
        return np.asarray(log_lik.sum(axis=1) + prior)

    exact = quadrature(integrated, np.linspace(2, 5, 121), np.linspace(-1.2, 0.5, 137), np.linspace(-1, 2, 61))
    x = exact.points.copy()
    x[:, 2] = np.exp(x[:, 2])
    mean, sd = exact.mean(x), exact.sd(x)
    below = exact.weights[x[:, 2] < 0.757].sum()
    assert below < 0.01
    assert mean[2] == pytest.approx(1.32, abs=0.02)

    result = bc.compare(models.measurement_error, random_seed=1)

    names = ("level", "slope", "factor")
    assert_posterior(result.table, known(names, mean, sd))
    assert result.table.loc["factor", "z"] < -1.4
    assert result.table.loc["slope", "sd_ratio"] == pytest.approx(0.59, abs=0.06)

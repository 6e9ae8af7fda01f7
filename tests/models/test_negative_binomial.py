"""Deaths by horse kick: against SciPy's negative binomial, a Poisson fit by statsmodels, and quadrature."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytest
from scipy import special, stats

import bayescompare as bc
from bayescompare import models
from bayescompare.errors import DataError, UsageError
from bayescompare.templates.data import load
from tests.models.checks import Array, Point, assert_builds, assert_posterior, importance, known

DEATHS, YEAR = (np.array(load("horse_kicks")[name]) for name in ("deaths", "year"))
X = stats.zscore(YEAR.astype(float))


def logp(p: Point) -> float:
    by_shape = "shape" in p
    dispersion = 1 / p["shape"] if by_shape else p["dispersion"]
    mu = np.exp(p["intercept"] + p["beta"][0] * X)
    scale = stats.invgamma(1).logpdf(p["shape"]) if by_shape else stats.expon.logpdf(dispersion)
    prior = stats.norm(0, 2.5).logpdf(p["intercept"]) + stats.norm.logpdf(p["beta"]).sum() + scale
    return float(prior + stats.nbinom(1 / dispersion, 1 / (1 + dispersion * mu)).logpmf(DEATHS).sum())


@pytest.mark.parametrize("parametrisation", ["dispersion", "shape"])
def test_density_and_sizes(parametrisation: str) -> None:
    assert_builds(
        models.negative_binomial, logp, parameters=models.negative_binomial.parameters, parametrisation=parametrisation
    )
    assert (DEATHS.sum(), np.bincount(DEATHS).tolist()) == (122, [109, 65, 22, 3, 1])


def test_without_dispersion_it_is_poisson() -> None:
    model = models.negative_binomial()
    pointwise = model.compile_fn(
        pm.logp(model["deaths"], model["deaths_data"]), inputs=[model["intercept"], model["beta"], model["dispersion"]],
        mode="FAST_COMPILE", on_unused_input="ignore", point_fn=False,
    )  # fmt: skip
    mu = np.exp(-0.5 + 0.1 * X)
    for dispersion in (1e-17, 1e-12, 1e-9):
        # PyMC's own density is off by up to 1e-5 a count there; this one differs from the limit by dispersion alone.
        np.testing.assert_allclose(
            pointwise(-0.5, np.array([0.1]), dispersion), stats.poisson(mu).logpmf(DEATHS), atol=1e-13 + 10 * dispersion
        )


def test_draws_without_dispersion_are_poisson() -> None:
    model = pm.do(models.negative_binomial(), {"intercept": -0.5, "beta": np.array([0.1]), "dispersion": 0.0})
    drawn = pm.draw(model["deaths"], draws=500, random_seed=1, mode="FAST_COMPILE")
    mu = np.exp(-0.5 + 0.1 * X)
    z = (drawn.mean(axis=0) - mu) / np.sqrt(mu / 500)
    assert np.abs(z).max() < 5
    assert drawn.var(axis=0).sum() == pytest.approx(mu.sum(), rel=0.05)  # 100,000 counts: sd of the ratio 0.006


def test_the_series_meets_the_gammas() -> None:
    """On both sides of where one takes over from the other, for counts up to 1,000."""
    deaths = np.array([0, 1, 2, 10, 100, 1000])
    model = models.negative_binomial({"deaths": deaths, "x": np.arange(6)})
    pointwise = model.compile_fn(
        pm.logp(model["deaths"], model["deaths_data"]), inputs=[model["intercept"], model["beta"], model["dispersion"]],
        mode="FAST_COMPILE", on_unused_input="ignore", point_fn=False,
    )  # fmt: skip
    for dispersion in (0.999e-5, 1.001e-5):
        exact = np.array([np.log1p(dispersion * np.arange(y)).sum() for y in deaths])
        mu = np.exp(3.0)
        expected = exact + deaths * np.log(mu) - (deaths + 1 / dispersion) * np.log1p(dispersion * mu)
        expected -= special.gammaln(deaths + 1)
        np.testing.assert_allclose(pointwise(3.0, np.array([0.0]), dispersion), expected, rtol=1e-9, atol=1e-8)


def test_mle_and_map_are_poisson() -> None:
    for method, tolerance in (("mle", 1e-5), ("map", 0.02)):
        fit = bc.fit(models.negative_binomial(), method)
        assert fit.status == "ok"
        assert fit.diagnostics["boundary"] == ["dispersion"]
        assert fit.values["dispersion"] == 0
        # statsmodels 0.15.0, Poisson: intercept and year.
        assert list(fit.estimate[:2]) == pytest.approx([-0.49703273, 0.07399889], rel=tolerance)


def test_the_mode_moves_with_the_coordinate() -> None:
    fits = [bc.fit(models.negative_binomial(parametrisation=name), "map") for name in ("dispersion", "shape")]
    assert [fit.status for fit in fits] == ["ok", "ok"]
    assert fits[0].values["dispersion"] == 0
    assert fits[1].values["shape"] == pytest.approx(3.694, abs=0.001)
    assert fits[1].values["dispersion"] == pytest.approx(0.271, abs=0.001)
    # Where the Jacobian counts, the coordinate does not.
    modes = [
        bc.fit(models.negative_binomial(parametrisation=name), "unconstrained_map") for name in ("dispersion", "shape")
    ]
    assert modes[0].values["dispersion"] == pytest.approx(modes[1].values["dispersion"], rel=1e-5)


def test_options_and_data() -> None:
    with pytest.raises(UsageError, match="negative_binomial: parametrisation is 'alpha'"):
        models.negative_binomial(parametrisation="alpha")
    with pytest.raises(DataError, match="1 of the 2 values in column 'deaths' are not whole numbers"):
        models.negative_binomial({"deaths": [1, 0.5], "x": [1, 2]})


@pytest.mark.slow
def test_finding() -> None:
    def in_log(z: Array) -> Array:
        dispersion = np.exp(z[:, 2:])
        mu = np.exp(z[:, :1] + z[:, 1:2] * X)
        log_lik = (
            special.gammaln(DEATHS + 1 / dispersion) - special.gammaln(1 / dispersion)
            + DEATHS * np.log(dispersion * mu) - (DEATHS + 1 / dispersion) * np.log1p(dispersion * mu)
        )  # fmt: skip
        prior = -(z[:, 0] ** 2) / 12.5 - z[:, 1] ** 2 / 2 - dispersion[:, 0]
        return np.asarray(log_lik.sum(axis=1) + prior + z[:, 2])

    exact = importance(in_log, np.array([-0.496, 0.074, np.log(0.172)]), draws=20_000)
    x = np.column_stack([exact.points[:, :2], np.exp(exact.points[:, 2])])
    mean, sd = exact.mean(x), exact.sd(x)
    for parametrisation, map_dispersion in (("dispersion", 0.0), ("shape", 0.271)):
        result = bc.compare(models.negative_binomial(parametrisation=parametrisation), random_seed=1)
        names = ("intercept", "beta[year]", "dispersion")
        assert_posterior(result.table, known(names, mean, sd, exact.effective))
        assert result.table.loc["dispersion", "map"] == pytest.approx(map_dispersion, abs=0.001)
    assert mean[2] == pytest.approx(0.16, abs=0.01)
    assert exact.quantile(x[:, 2], 0.97) == pytest.approx(0.47, abs=0.03)

"""Too many zeros: against SciPy's densities, statsmodels' fits, published figures, and quadrature."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

import bayescompare as bc
from bayescompare import models
from bayescompare.errors import DataError, UsageError
from bayescompare.templates.data import load
from tests.models.checks import Array, Point, assert_builds, assert_posterior, known, quadrature

MOVEMENTS = np.array(load("lamb")["movements"])
COUNTS, TIMES = np.unique(MOVEMENTS, return_counts=True)


def logp(p: Point) -> float:
    if "dispersion" in p:
        shape = 1 / p["dispersion"]
        law, prior = stats.nbinom(shape, shape / (shape + p["mu"])), stats.expon.logpdf(p["dispersion"])
    else:
        law, prior = stats.poisson(p["mu"]), 0.0
    probability = p["zero"] * (MOVEMENTS == 0) + (1 - p["zero"]) * law.pmf(MOVEMENTS)
    return float(np.log(probability).sum() + prior + stats.expon.logpdf(p["mu"]))


@pytest.mark.parametrize(("counts", "free"), [("negative binomial", 3), ("poisson", 2)])
def test_density_and_sizes(counts: str, free: int) -> None:
    assert_builds(models.zero_inflated, logp, parameters=free, counts=counts)
    assert dict(zip(COUNTS.tolist(), TIMES.tolist(), strict=True)) == {0: 182, 1: 41, 2: 12, 3: 2, 4: 2, 7: 1}


def test_mle_is_statsmodels() -> None:
    # statsmodels 0.15.0. ZeroInflatedPoisson: share of zeros and mean by their logit and log, log-likelihood.
    poisson = bc.fit(models.zero_inflated(counts="poisson"), "mle")
    assert poisson.status == "ok"
    expected = [special.expit(0.31078578), np.exp(-0.16572636)]
    np.testing.assert_allclose(poisson.estimate, expected, rtol=1e-5)
    assert poisson.log_density == pytest.approx(-190.43700063, abs=1e-6)
    # NegativeBinomial without extra zeros: what the zero-inflated fit comes to, as its zeros run to 0.
    full = bc.fit(models.zero_inflated(), "mle")
    assert full.status == "ok"
    assert full.diagnostics["boundary"] == ["zero"]
    np.testing.assert_allclose(full.estimate, [0, np.exp(-1.02629163), 1.88975823], rtol=1e-5)
    assert full.log_density == pytest.approx(-186.62658574, abs=1e-6)


def test_map() -> None:
    fit = bc.fit(models.zero_inflated(), "map")
    assert fit.status == "ok"
    assert fit.values["zero"] == pytest.approx(0.256, abs=0.001)
    top = logp(fit.values)
    for name in fit.names:
        for factor in (0.99, 1.01):
            assert logp({**fit.values, name: fit.values[name] * factor}) < top


def test_options_and_data() -> None:
    with pytest.raises(UsageError, match="zero_inflated: counts is 'binomial'"):
        models.zero_inflated(counts="binomial")
    with pytest.raises(DataError, match="zero_inflated: 1 of the 2 values in column 'movements' are not whole numbers"):
        models.zero_inflated({"movements": [1, 0.5]})


def posterior(with_dispersion: bool) -> tuple[Array, Array, Array]:
    """Points (zero, mu, dispersion or nothing), their means and sds, by quadrature in the logit and the logs."""

    def density(z: Array) -> Array:
        zero, mu = special.expit(z[:, 0]), np.exp(z[:, 1])
        prior = -mu + z[:, 1] + np.log(zero * (1 - zero))
        if with_dispersion:
            shape = np.exp(-z[:, 2])
            law = [stats.nbinom(shape, shape / (shape + mu)).pmf(k) for k in COUNTS]
            prior = prior - 1 / shape + z[:, 2]
        else:
            law = [stats.poisson(mu).pmf(k) for k in COUNTS]
        log_lik = sum(n * np.log(zero * (k == 0) + (1 - zero) * p) for k, n, p in zip(COUNTS, TIMES, law, strict=True))
        return np.asarray(log_lik + prior)

    axes = [np.linspace(-9, 2, 111), np.linspace(-2, 1.2, 65)] + [np.linspace(-5, 2.5, 76)] * with_dispersion
    exact = quadrature(density, *axes)
    x = np.column_stack([special.expit(exact.points[:, 0]), np.exp(exact.points[:, 1:])])
    quantiles = np.array([exact.quantile(x[:, 0], q) for q in (0.03, 0.97)])
    return exact.mean(x), exact.sd(x), quantiles


@pytest.mark.slow
def test_finding() -> None:
    mean, sd, quantiles = posterior(with_dispersion=True)
    assert quantiles == pytest.approx([0.02, 0.54], abs=0.015)
    assert mean[0] == pytest.approx(0.26, abs=0.01)
    result = bc.compare(models.zero_inflated, random_seed=1)
    names = ("zero", "mu", "dispersion")
    assert_posterior(result.table, known(names, mean, sd))
    assert abs(result.table.loc["zero", "z"]) < 0.15


@pytest.mark.slow
def test_poisson_alone_is_sure() -> None:
    mean, sd, _ = posterior(with_dispersion=False)
    result = bc.compare(models.zero_inflated(counts="poisson"), random_seed=1)
    assert_posterior(result.table, known(("zero", "mu"), mean, sd))
    assert mean[0] == pytest.approx(0.56, abs=0.01)
    assert sd[0] < 0.08

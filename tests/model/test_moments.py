"""Means and variances by distribution: against SciPy's, against sums over the support, and where they do not exist."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytest
from scipy import integrate, stats

from bayescompare.model.backends import without_compiler
from bayescompare.model.moments import _TABLE, NOT_NUMBERS, NoMomentsError, distribution_name, moments

P = np.array([0.2, 0.3, 0.5])
MEAN, COV = np.array([0.5, -1.0]), np.array([[1.5, 0.4], [0.4, 0.7]])


def evaluated(rv: Any) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance by :func:`moments`, in double precision: PyMC keeps a constant like 0.5 in single."""
    with without_compiler(), np.errstate(all="ignore"):
        mean, variance = (np.broadcast_to(part.eval(), rv.shape.eval()) for part in moments(rv))
    return mean, variance


def of_vector(law: Any) -> tuple[np.ndarray, np.ndarray]:
    """Mean and margins' variance of a multivariate law of SciPy."""
    cov = law.cov() if callable(getattr(law, "cov", None)) else law.cov
    return np.asarray(law.mean() if callable(law.mean) else law.mean), np.diag(cov)


def d(x: float) -> Any:
    """A constant that PyMC keeps in double precision."""
    return np.float64(x)


UNIVARIATE: list[tuple[Callable[[], Any], Any]] = [
    (lambda: pm.Normal.dist(d(0.3), d(1.7)), stats.norm(0.3, 1.7)),
    (lambda: pm.HalfNormal.dist(d(1.7)), stats.halfnorm(scale=1.7)),
    (lambda: pm.StudentT.dist(nu=d(3.5), mu=d(0.3), sigma=d(1.7)), stats.t(3.5, 0.3, 1.7)),
    (lambda: pm.Laplace.dist(d(0.3), d(1.7)), stats.laplace(0.3, 1.7)),
    (lambda: pm.AsymmetricLaplace.dist(kappa=d(1.4), mu=d(0.3), b=d(1.7)), stats.laplace_asymmetric(1.4, 0.3, 1 / 1.7)),
    (lambda: pm.SkewNormal.dist(mu=d(0.3), sigma=d(1.7), alpha=d(-2.2)), stats.skewnorm(-2.2, 0.3, 1.7)),
    (lambda: pm.ExGaussian.dist(mu=d(0.3), sigma=d(1.7), nu=d(0.6)), stats.exponnorm(0.6 / 1.7, 0.3, 1.7)),
    (lambda: pm.Logistic.dist(d(0.3), d(1.7)), stats.logistic(0.3, 1.7)),
    (lambda: pm.Gumbel.dist(d(0.3), d(1.7)), stats.gumbel_r(0.3, 1.7)),
    (lambda: pm.Moyal.dist(d(0.3), d(1.7)), stats.moyal(0.3, 1.7)),
    (lambda: pm.LogNormal.dist(d(0.3), d(0.7)), stats.lognorm(0.7, scale=np.exp(0.3))),
    (lambda: pm.Gamma.dist(d(2.5), d(1.7)), stats.gamma(2.5, scale=1 / 1.7)),
    (lambda: pm.ChiSquared.dist(d(3.5)), stats.chi2(3.5)),
    (lambda: pm.InverseGamma.dist(d(3.5), d(1.7)), stats.invgamma(3.5, scale=1.7)),
    (lambda: pm.Exponential.dist(d(1.7)), stats.expon(scale=1 / 1.7)),
    (lambda: pm.Weibull.dist(d(1.4), d(1.7)), stats.weibull_min(1.4, scale=1.7)),
    (lambda: pm.Pareto.dist(d(3.5), d(1.7)), stats.pareto(3.5, scale=1.7)),
    (lambda: pm.Rice.dist(nu=d(1.2), sigma=d(1.7)), stats.rice(1.2 / 1.7, scale=1.7)),
    (lambda: pm.Wald.dist(mu=d(1.2), lam=d(1.7)), stats.invgauss(1.2 / 1.7, scale=1.7)),
    (lambda: pm.Beta.dist(d(1.2), d(1.7)), stats.beta(1.2, 1.7)),
    (lambda: pm.SkewStudentT.dist(a=d(2.2), b=d(3.1), mu=d(0.3), sigma=d(1.7)), stats.jf_skew_t(2.2, 3.1, 0.3, 1.7)),
    (lambda: pm.Triangular.dist(lower=d(-1.2), upper=d(3.1), c=d(0.4)), stats.triang(1.6 / 4.3, -1.2, 4.3)),
    (lambda: pm.Uniform.dist(d(-1.2), d(3.1)), stats.uniform(-1.2, 4.3)),
    (lambda: pm.Bernoulli.dist(d(0.3)), stats.bernoulli(0.3)),
    (lambda: pm.Binomial.dist(90, d(0.3)), stats.binom(90, 0.3)),
    (lambda: pm.BetaBinomial.dist(n=90, alpha=d(1.2), beta=d(1.7)), stats.betabinom(90, 1.2, 1.7)),
    (lambda: pm.Poisson.dist(d(1.7)), stats.poisson(1.7)),
    (lambda: pm.NegativeBinomial.dist(n=d(2.5), p=d(0.3)), stats.nbinom(2.5, 0.3)),
    (lambda: pm.Geometric.dist(d(0.3)), stats.geom(0.3)),
    (lambda: pm.HyperGeometric.dist(N=120, k=90, n=100), stats.hypergeom(120, 90, 100)),
    (lambda: pm.DiscreteUniform.dist(-100, 120), stats.randint(-100, 121)),
]


@pytest.mark.parametrize(("build", "law"), UNIVARIATE, ids=lambda v: getattr(getattr(v, "dist", None), "name", ""))
def test_a_distributions_moments_are_scipys(build: Callable[[], Any], law: Any) -> None:
    mean, variance = evaluated(build())
    # SciPy finds a few of them by differences of raw moments.
    assert mean == pytest.approx(law.mean(), rel=1e-10)
    assert variance == pytest.approx(law.var(), rel=1e-10)


@pytest.mark.parametrize(
    ("build", "density"),
    [
        (
            lambda: pm.Kumaraswamy.dist(d(1.2), d(2.7)),
            lambda x: 1.2 * 2.7 * x**0.2 * (1 - x**1.2) ** 1.7 if 0 < x < 1 else 0.0,
        ),
        (lambda: pm.HalfStudentT.dist(d(8.5), d(1.7)), lambda x: 2 * stats.t(8.5, scale=1.7).pdf(x)),
    ],
)
def test_and_those_that_scipy_lacks_are_integrals(build: Callable[[], Any], density: Callable[[float], float]) -> None:
    mean, variance = evaluated(build())
    upper = 1.0 if "Kumaraswamy" in distribution_name(build()) else np.inf
    raw = [integrate.quad(lambda x, k=k: x**k * density(x), 0, upper, epsabs=1e-13, epsrel=1e-13)[0] for k in (1, 2)]
    assert mean == pytest.approx(raw[0], rel=1e-9)
    assert variance == pytest.approx(raw[1] - raw[0] ** 2, rel=1e-9)


@pytest.mark.parametrize(
    ("build", "law"),
    [
        (lambda: pm.MvNormal.dist(mu=MEAN, cov=COV), stats.multivariate_normal(MEAN, COV)),
        (lambda: pm.Dirichlet.dist(10 * P), stats.dirichlet(10 * P)),
        (lambda: pm.Multinomial.dist(n=90, p=P), stats.multinomial(90, P)),
        (lambda: pm.DirichletMultinomial.dist(n=90, a=10 * P), stats.dirichlet_multinomial(10 * P, 90)),
    ],
)
def test_of_a_vector_its_margins(build: Callable[[], Any], law: Any) -> None:
    mean, variance = evaluated(build())
    expected = of_vector(law)
    np.testing.assert_allclose(mean, expected[0], rtol=1e-12)
    np.testing.assert_allclose(variance, expected[1], rtol=1e-12)


def test_of_a_multivariate_t_its_margins() -> None:
    mean, variance = evaluated(pm.MvStudentT.dist(nu=d(5.5), mu=MEAN, scale=COV))
    margins = [stats.t(5.5, m, np.sqrt(v)) for m, v in zip(MEAN, np.diag(COV), strict=True)]
    np.testing.assert_allclose(mean, [law.mean() for law in margins], rtol=1e-12)
    np.testing.assert_allclose(variance, [law.var() for law in margins], rtol=1e-12)


# -- mixtures ----------------------------------------------------------------------------------------


def mixed(weights: Any, laws: list[Any]) -> tuple[Any, Any]:
    """By raw moments of the components."""
    mean = sum(w * law.mean() for w, law in zip(weights, laws, strict=True))
    return mean, sum(w * (law.var() + law.mean() ** 2) for w, law in zip(weights, laws, strict=True)) - mean**2


def test_mixtures() -> None:
    weights = np.array([0.3, 0.7])
    both = [stats.norm(-1.2, 0.4), stats.norm(0.8, 1.7)]
    one = pm.NormalMixture.dist(w=weights, mu=np.array([-1.2, 0.8]), sigma=np.array([0.4, 1.7]))
    two = pm.Mixture.dist(weights, [pm.Normal.dist(d(-1.2), d(0.4)), pm.Normal.dist(d(0.8), d(1.7))], shape=3)
    for rv in (one, two):
        mean, variance = evaluated(rv)
        assert mean == pytest.approx(mixed(weights, both)[0], rel=1e-12)
        assert variance == pytest.approx(mixed(weights, both)[1], rel=1e-12)


def test_mixtures_of_vectors_with_weights_of_their_own() -> None:
    weights = np.array([[0.3, 0.7], [0.9, 0.1]])
    parts = [pm.MvNormal.dist(mu=MEAN, cov=COV), pm.MvNormal.dist(mu=-2 * MEAN, cov=np.eye(2))]
    mean, variance = evaluated(pm.Mixture.dist(weights, parts))
    for row, pair in enumerate(weights):
        for k in range(2):
            laws = [stats.norm(MEAN[k], np.sqrt(COV[k, k])), stats.norm(-2 * MEAN[k], 1.0)]
            assert (mean[row, k], variance[row, k]) == pytest.approx(mixed(pair, laws), rel=1e-12)


@pytest.mark.parametrize(
    ("build", "law"),
    [
        (lambda: pm.ZeroInflatedPoisson.dist(d(0.6), d(1.7)), stats.poisson(1.7)),
        (lambda: pm.ZeroInflatedBinomial.dist(d(0.6), 9, d(0.3)), stats.binom(9, 0.3)),
        (lambda: pm.ZeroInflatedNegativeBinomial.dist(psi=d(0.6), n=d(2.5), p=d(0.3)), stats.nbinom(2.5, 0.3)),
        (lambda: pm.HurdlePoisson.dist(d(0.6), d(1.7)), stats.poisson(1.7)),
        (lambda: pm.HurdleNegativeBinomial.dist(psi=d(0.6), n=d(2.5), p=d(0.3)), stats.nbinom(2.5, 0.3)),
    ],
)
def test_counts_with_their_own_probability_of_zero_are_sums(build: Callable[[], Any], law: Any) -> None:
    rv, k = build(), np.arange(400.0)
    mass = 0.6 * law.pmf(k)
    if distribution_name(rv) == "Hurdle":
        mass /= 1 - law.pmf(0)
        mass[0] = 0.0
    mass[0] += 0.4
    mean, variance = evaluated(rv)
    assert mean == pytest.approx(mass @ k, rel=1e-12)
    assert variance == pytest.approx(mass @ k**2 - (mass @ k) ** 2, rel=1e-12)


def test_a_hurdle_before_a_continuous_distribution() -> None:
    mean, variance = evaluated(pm.HurdleGamma.dist(psi=d(0.6), alpha=d(2.5), beta=d(1.7)))
    law = stats.gamma(2.5, scale=1 / 1.7)
    assert mean == pytest.approx(0.6 * law.mean(), rel=1e-12)
    assert variance == pytest.approx(0.6 * (law.var() + law.mean() ** 2) - (0.6 * law.mean()) ** 2, rel=1e-12)


# -- what does not exist -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "mean"),
    [
        (lambda: pm.Cauchy.dist(0.0, 1.0), np.nan),
        (lambda: pm.HalfCauchy.dist(1.0), np.inf),
        (lambda: pm.StudentT.dist(nu=d(1.0), mu=0.0, sigma=1.0), np.nan),
        (lambda: pm.StudentT.dist(nu=d(2.0), mu=d(0.3), sigma=1.0), 0.3),
        (lambda: pm.HalfStudentT.dist(d(1.0), 1.0), np.inf),
        (lambda: pm.InverseGamma.dist(d(2.0), d(1.7)), 1.7),
        (lambda: pm.InverseGamma.dist(d(1.0), d(1.7)), np.inf),
        (lambda: pm.Pareto.dist(d(2.0), d(1.7)), 3.4),
        (lambda: pm.SkewStudentT.dist(a=d(0.5), b=d(3.0), mu=0.0, sigma=1.0), np.nan),
    ],
)
def test_a_moment_that_does_not_exist_is_no_number(build: Callable[[], Any], mean: float) -> None:
    first, second = evaluated(build())
    assert first == pytest.approx(mean, nan_ok=True)
    assert second == np.inf


def test_labels_and_angles_have_no_mean() -> None:
    ordered = pm.OrderedLogistic.dist(eta=0.0, cutpoints=[-1.0, 1.0])
    for rv in (pm.Categorical.dist(P), ordered, pm.VonMises.dist(0.0, 1.0)):
        with pytest.raises(NoMomentsError, match=r"labels|angles"):
            moments(rv)
    assert set(NOT_NUMBERS).isdisjoint(_TABLE)


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (lambda: pm.Censored.dist(pm.Normal.dist(0.0, 1.0), lower=None, upper=1.0), "Censored"),
        (lambda: pm.Truncated.dist(pm.Gamma.dist(2.0, 1.0), lower=1.0), "TruncatedGamma"),
        (lambda: pm.Truncated.dist(pm.Poisson.dist(2.0), lower=2), "TruncatedPoisson"),
        (lambda: pm.TruncatedNormal.dist(0.0, 1.0, lower=0.0), "TruncatedNormal"),
        (lambda: pm.LogitNormal.dist(0.0, 1.0), "LogitNormal"),
        (lambda: pm.Mixture.dist(P[:2] * 2, [pm.LogitNormal.dist(0.0, 1.0), pm.Beta.dist(1.0, 1.0)]), "LogitNormal"),
    ],
)
def test_what_has_no_closed_form_is_named(build: Callable[[], Any], name: str) -> None:
    with pytest.raises(NoMomentsError, match=f"mean and variance of {name} "):
        moments(build())


def test_parameters_broadcast_and_small_integers_do_not_overflow() -> None:
    n = np.array([100, 120, 127], dtype=np.int8)
    mean, variance = evaluated(pm.Binomial.dist(n, np.array([[0.5], [0.25]])))
    law = stats.binom(n.astype(float), np.array([[0.5], [0.25]]))
    np.testing.assert_allclose(mean, law.mean(), rtol=1e-12)
    np.testing.assert_allclose(variance, law.var(), rtol=1e-12)


def test_every_entry_of_the_table_is_tried() -> None:
    tried = [build() for build, _ in UNIVARIATE]
    tried += [pm.Kumaraswamy.dist(1.0, 1.0), pm.HalfStudentT.dist(3.0, 1.0), pm.Cauchy.dist(0.0, 1.0)]
    tried += [pm.HalfCauchy.dist(1.0), pm.DiracDelta.dist(2.0), pm.MvNormal.dist(mu=MEAN, cov=COV)]
    tried += [pm.MvStudentT.dist(nu=3.0, mu=MEAN, scale=COV), pm.Dirichlet.dist(P), pm.Multinomial.dist(n=3, p=P)]
    tried += [pm.DirichletMultinomial.dist(n=3, a=P)]
    assert {type(rv.owner.op).__name__ for rv in tried} == set(_TABLE)

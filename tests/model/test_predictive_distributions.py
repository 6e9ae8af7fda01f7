"""Every distribution of PyMC as a likelihood, its parameters as whole numbers, floats, arrays of both, and expressions.

The value of a parameter decides, not how it is written: what is predicted is the same to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest

from bayescompare.model.predictive import Predictive
from bayescompare.model.problem import Problem

N = 4
REAL = np.array([-0.7, 0.4, 1.3, 2.2])
POSITIVE = np.array([0.4, 1.3, 2.2, 3.1])
COUNTS = np.array([1, 2, 0, 4])
AT_LEAST_ONE = np.array([1, 2, 1, 3])
UNIT = np.array([0.2, 0.5, 0.7, 0.9])
LABELS = np.array([0, 2, 1, 1])
VECTORS = np.array([[-0.7, 0.4], [1.3, 2.2], [0.1, 0.2], [0.5, -1.5]])
SIMPLEX = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1], [0.3, 0.3, 0.4], [0.1, 0.8, 0.1]])
SHARES = np.array([[2, 1, 3], [4, 1, 1], [0, 6, 0], [2, 2, 2]])
SERIES = np.array([[0.3, 0.5, 1.4, 0.8], [0.1, -0.6, 0.2, 0.9]])
MATRIX = np.array([[0.3, -0.5], [1.2, 0.4], [-0.8, 0.1]])
NEIGHBOURS = np.array([[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0]])
COV = np.array([[1.0, 0.3], [0.3, 2.0]])
WISHART = np.array([[3.0, 0.5], [0.5, 2.0]])

#: Build the distribution from parameters that are whole numbers; observed values; those numbers by name.
Case = tuple[Callable[..., Any], np.ndarray, dict[str, Any]]

SCALARS: dict[str, Case] = {
    "AsymmetricLaplace": (pm.AsymmetricLaplace, REAL, {"kappa": 2, "mu": 1, "b": 3}),
    "BetaBinomial": (pm.BetaBinomial, COUNTS, {"n": 6, "alpha": 2, "beta": 3}),
    "Beta": (pm.Beta, UNIT, {"alpha": 2, "beta": 3}),
    "Binomial": (pm.Binomial, COUNTS, {"n": 6, "logit_p": 1}),
    "Bernoulli": (pm.Bernoulli, np.array([0, 1, 1, 0]), {"logit_p": 1}),
    "Cauchy": (pm.Cauchy, REAL, {"alpha": 1, "beta": 2}),
    "ChiSquared": (pm.ChiSquared, POSITIVE, {"nu": 3}),
    "DiscreteUniform": (pm.DiscreteUniform, COUNTS, {"lower": 0, "upper": 6}),
    "DiscreteWeibull": (lambda name, beta, **k: pm.DiscreteWeibull(name, q=0.6, beta=beta, **k), COUNTS, {"beta": 2}),
    "ExGaussian": (pm.ExGaussian, REAL, {"mu": 1, "sigma": 2, "nu": 3}),
    "Exponential": (pm.Exponential, POSITIVE, {"lam": 2}),
    "Gamma": (pm.Gamma, POSITIVE, {"alpha": 2, "beta": 3}),
    "Gumbel": (pm.Gumbel, REAL, {"mu": 1, "beta": 2}),
    "HalfCauchy": (pm.HalfCauchy, POSITIVE, {"beta": 2}),
    "HalfNormal": (pm.HalfNormal, POSITIVE, {"sigma": 2}),
    "HalfStudentT": (pm.HalfStudentT, POSITIVE, {"nu": 4, "sigma": 2}),
    "HurdleGamma": (
        lambda name, alpha, beta, **k: pm.HurdleGamma(name, psi=0.6, alpha=alpha, beta=beta, **k),
        np.array([0.0, 1.3, 0.0, 2.1]),
        {"alpha": 2, "beta": 3},
    ),
    "HurdleLogNormal": (
        lambda name, mu, sigma, **k: pm.HurdleLogNormal(name, psi=0.6, mu=mu, sigma=sigma, **k),
        np.array([0.0, 1.3, 0.0, 2.1]),
        {"mu": 1, "sigma": 2},
    ),
    "HurdleNegativeBinomial": (
        lambda name, mu, alpha, **k: pm.HurdleNegativeBinomial(name, psi=0.6, mu=mu, alpha=alpha, **k),
        COUNTS,
        {"mu": 2, "alpha": 3},
    ),
    "HurdlePoisson": (lambda name, mu, **k: pm.HurdlePoisson(name, psi=0.6, mu=mu, **k), COUNTS, {"mu": 2}),
    "HyperGeometric": (pm.HyperGeometric, COUNTS, {"N": 20, "k": 9, "n": 6}),
    "InverseGamma": (pm.InverseGamma, POSITIVE, {"alpha": 4, "beta": 3}),
    "Kumaraswamy": (pm.Kumaraswamy, UNIT, {"a": 2, "b": 3}),
    "Laplace": (pm.Laplace, REAL, {"mu": 1, "b": 2}),
    "LogNormal": (pm.LogNormal, POSITIVE, {"mu": 1, "sigma": 2}),
    "Logistic": (pm.Logistic, REAL, {"mu": 1, "s": 2}),
    "LogitNormal": (pm.LogitNormal, UNIT, {"mu": 1, "sigma": 2}),
    "Moyal": (pm.Moyal, REAL, {"mu": 1, "sigma": 2}),
    "NegativeBinomial": (pm.NegativeBinomial, COUNTS, {"mu": 2, "alpha": 3}),
    "Normal": (pm.Normal, REAL, {"mu": 1, "sigma": 2}),
    "Pareto": (pm.Pareto, POSITIVE + 1, {"alpha": 3, "m": 1}),
    "Poisson": (pm.Poisson, COUNTS, {"mu": 2}),
    "Rice": (pm.Rice, POSITIVE, {"nu": 1, "sigma": 2}),
    "SkewNormal": (pm.SkewNormal, REAL, {"mu": 1, "sigma": 2, "alpha": 3}),
    "SkewStudentT": (pm.SkewStudentT, REAL, {"a": 2, "b": 3, "mu": 1, "sigma": 2}),
    "StudentT": (pm.StudentT, REAL, {"nu": 4, "mu": 1, "sigma": 2}),
    "Triangular": (pm.Triangular, REAL, {"lower": -2, "c": 1, "upper": 4}),
    "TruncatedNormal": (pm.TruncatedNormal, POSITIVE, {"mu": 1, "sigma": 2, "lower": 0, "upper": 5}),
    "Uniform": (pm.Uniform, REAL, {"lower": -2, "upper": 4}),
    "VonMises": (pm.VonMises, REAL, {"mu": 1, "kappa": 2}),
    "Wald": (pm.Wald, POSITIVE, {"mu": 1, "lam": 2}),
    "Weibull": (pm.Weibull, POSITIVE, {"alpha": 2, "beta": 3}),
    "ZeroInflatedBinomial": (
        lambda name, n, **k: pm.ZeroInflatedBinomial(name, psi=0.6, n=n, p=0.4, **k),
        COUNTS,
        {"n": 6},
    ),
    "ZeroInflatedNegativeBinomial": (
        lambda name, mu, alpha, **k: pm.ZeroInflatedNegativeBinomial(name, psi=0.6, mu=mu, alpha=alpha, **k),
        COUNTS,
        {"mu": 2, "alpha": 3},
    ),
    "ZeroInflatedPoisson": (lambda name, mu, **k: pm.ZeroInflatedPoisson(name, psi=0.6, mu=mu, **k), COUNTS, {"mu": 2}),
    "DiracDelta": (pm.DiracDelta, np.full(N, 2), {"c": 2}),
    "Geometric": (lambda name, scale, **k: pm.Geometric(name, p=1 / (1.0 + scale), **k), AT_LEAST_ONE, {"scale": 2}),
    "Censored": (
        lambda name, nu, sigma, upper, **k: pm.Censored(
            name, pm.StudentT.dist(nu=nu, mu=0, sigma=sigma), lower=None, upper=upper, **k
        ),
        np.array([-0.7, 0.4, 1.3, 2.0]),
        {"nu": 4, "sigma": 2, "upper": 2},
    ),
    "Truncated": (
        lambda name, nu, sigma, lower, **k: pm.Truncated(
            name, pm.StudentT.dist(nu=nu, mu=0, sigma=sigma), lower=lower, **k
        ),
        POSITIVE,
        {"nu": 4, "sigma": 2, "lower": 0},
    ),
    "Mixture": (
        lambda name, nu, sigma, **k: pm.Mixture(
            name, w=[0.3, 0.7], comp_dists=[pm.StudentT.dist(nu=nu, sigma=sigma), pm.Normal.dist(0, 1)], **k
        ),
        REAL,
        {"nu": 4, "sigma": 2},
    ),
    "NormalMixture": (
        lambda name, sigma, **k: pm.NormalMixture(name, w=[0.3, 0.7], mu=[-1, 2], sigma=pt.stack([sigma, 1.0]), **k),
        REAL,
        {"sigma": 2},
    ),
}


VECTORS_OF: dict[str, Case] = {
    "Categorical": (pm.Categorical, LABELS, {"logit_p": [1, 2, 3]}),
    "Dirichlet": (pm.Dirichlet, SIMPLEX, {"a": [1, 2, 3]}),
    "Multinomial": (
        lambda name, n, odds, **k: pm.Multinomial(name, n=n, p=pt.as_tensor(odds) / pt.sum(odds), **k),
        SHARES,
        {"n": 6, "odds": [1, 2, 3]},
    ),
    "DirichletMultinomial": (pm.DirichletMultinomial, SHARES, {"n": 6, "a": [1, 2, 3]}),
    "StickBreakingWeights": (
        lambda name, alpha, **k: pm.StickBreakingWeights(name, alpha=alpha, K=2, **k),
        SIMPLEX,
        {"alpha": 2},
    ),
    "MvNormal by cov": (pm.MvNormal, VECTORS, {"mu": [1, 2], "cov": [[2, 1], [1, 3]]}),
    "MvNormal by chol": (pm.MvNormal, VECTORS, {"mu": [1, 2], "chol": [[2, 0], [1, 3]]}),
    "MvNormal by tau": (pm.MvNormal, VECTORS, {"mu": [1, 2], "tau": [[2, 1], [1, 3]]}),
    "MvStudentT": (pm.MvStudentT, VECTORS, {"nu": 4, "mu": [1, 2], "scale": [[2, 1], [1, 3]]}),
    "ZeroSumNormal": (
        pm.ZeroSumNormal,
        np.array([[0.5, -0.5, 0.0], [1.0, 0.5, -1.5], [0.2, 0.2, -0.4], [-1.0, 0.0, 1.0]]),
        {"sigma": 2},
    ),
    "OrderedLogistic": (pm.OrderedLogistic, LABELS, {"eta": 1, "cutpoints": [0, 2]}),
    "OrderedProbit": (pm.OrderedProbit, LABELS, {"eta": 1, "cutpoints": [0, 2]}),
    "OrderedMultinomial": (pm.OrderedMultinomial, SHARES, {"eta": 1, "cutpoints": [0, 2], "n": 6}),
    "MatrixNormal": (
        pm.MatrixNormal,
        MATRIX,
        {"mu": [[1, 2], [0, 1], [1, 1]], "rowcov": np.diag([1, 2, 3]), "colcov": [[2, 1], [1, 3]]},
    ),
    "KroneckerNormal": (
        lambda name, mu, sigma, **k: pm.KroneckerNormal(name, mu=mu, covs=[np.eye(2), COV], sigma=sigma, **k),
        REAL,
        {"mu": [1, 0, 1, 2], "sigma": 2},
    ),
    "Wishart": (pm.Wishart, WISHART, {"nu": 4, "V": [[2, 1], [1, 3]]}),
    "CAR": (
        lambda name, mu, tau, **k: pm.CAR(name, mu=mu, alpha=0.4, tau=tau, W=NEIGHBOURS, **k),
        REAL,
        {"mu": [1, 0, 1, 2], "tau": 2},
    ),
    "ICAR": (lambda name, sigma, **k: pm.ICAR(name, W=NEIGHBOURS, sigma=sigma, **k), REAL, {"sigma": 2}),
    "AR": (pm.AR, SERIES, {"rho": [1, 2], "sigma": 2, "init_dist": pm.Normal.dist(0, 1)}),
    "GARCH11": (
        lambda name, omega, initial_vol, **k: pm.GARCH11(
            name, omega=omega, alpha_1=0.3, beta_1=0.4, initial_vol=initial_vol, **k
        ),
        SERIES,
        {"omega": 1, "initial_vol": 2},
    ),
    "GaussianRandomWalk": (
        pm.GaussianRandomWalk,
        SERIES,
        {"mu": 1, "sigma": 2, "init_dist": pm.Normal.dist(0, 1)},
    ),
    "MvGaussianRandomWalk": (
        pm.MvGaussianRandomWalk,
        VECTORS,
        {"mu": [1, 2], "cov": [[2, 1], [1, 3]], "init_dist": pm.MvNormal.dist([0, 0], COV)},
    ),
    "MvStudentTRandomWalk": (
        pm.MvStudentTRandomWalk,
        VECTORS,
        {"nu": 4, "mu": [1, 2], "scale": [[2, 1], [1, 3]], "init_dist": pm.MvNormal.dist([0, 0], COV)},
    ),
    "EulerMaruyama": (
        lambda name, mu, sigma, **k: pm.EulerMaruyama(
            name,
            dt=0.1,
            sde_fn=lambda x, mu, sigma: (mu - x, sigma),
            sde_pars=(mu, sigma),
            init_dist=pm.Normal.dist(0, 1),
            **k,
        ),
        SERIES,
        {"mu": 1, "sigma": 2},
    ),
    "Interpolated": (
        lambda name, x_points, **k: pm.Interpolated(name, x_points=x_points, pdf_points=np.array([1, 2, 3, 2, 1]), **k),
        REAL,
        {"x_points": np.array([-2, 0, 1, 2, 4])},
    ),
}


def floating(x: Any) -> Any:
    return np.float64(x)


def each(x: Any) -> Any:
    return np.full(N, x)


def each_floating(x: Any) -> Any:
    return np.full(N, x, dtype=float)


def expression(x: Any) -> Any:
    return lambda a: np.asarray(x) + 0.0 * a


def predicted(build: Callable[..., Any], values: np.ndarray, parameters: dict[str, Any]) -> Predictive:
    """Of a model with a parameter ``a`` that moves nothing but the expressions made of it."""
    with pm.Model() as model:
        a = pm.Normal("a", 0.0, 1.0)
        build("y", **{key: p(a) if callable(p) else p for key, p in parameters.items()}, observed=values)
    return Predictive(Problem(model))


def everything(made: Predictive) -> dict[str, np.ndarray]:
    """All that is predicted of ``y`` at two points, and three draws at each."""
    points = np.array([[0.0], [0.7]])
    found = {"log likelihood": made.log_likelihood(points)["y"]}
    for name, pair in (("moments", made.moments(points)), ("cdf", made.log_cdf(points))):
        found |= {f"{name} {i}": part for i, part in enumerate(pair.get("y", ()))}
    return found | ({"draws": drawn["y"]} if (drawn := made.draws(points, draws=3, seed=1)) else {})


def check_the_same(build: Callable[..., Any], values: np.ndarray, one: dict[str, Any], other: dict[str, Any]) -> None:
    """That two ways to write one model predict the same, and lack the same.

    To single precision, in which PyTensor takes functions of small whole numbers. The draws' law is looked at where
    the two take other paths through NumPy's generator.
    """
    first, second = predicted(build, values, one), predicted(build, values, other)
    (term, again) = first.terms[0], second.terms[0]
    found, expected = everything(first), everything(second)
    assert found.keys() == expected.keys()
    assert term.lacks.keys() == again.lacks.keys()
    assert ("draws" in found) == ("draws" not in term.lacks)
    assert found["log likelihood"].shape == (2, term.observations)
    for key in found.keys() - {"draws"}:
        np.testing.assert_allclose(found[key], expected[key], rtol=1e-6, atol=1e-7, err_msg=key)
    if "draws" in found:
        assert found["draws"].shape == expected["draws"].shape == (2, 3, term.scalars)
        assert np.isfinite(found["draws"]).all()
        assert np.isfinite(expected["draws"]).all()


#: What stays as it is: NumPy draws no counts out of a number of trials that is a float, and what is no number.
KEPT = {
    "Binomial": {"n"},
    "ZeroInflatedBinomial": {"n"},
    "BetaBinomial": {"n"},
    "HyperGeometric": {"N", "k", "n"},
    "Multinomial": {"n"},
    "DirichletMultinomial": {"n"},
    "OrderedMultinomial": {"n"},
    "Interpolated": {"x_points"},
    # Its values are whole numbers if it is one.
    "DiracDelta": {"c"},
}
WAYS = {"float": floating, "array": each, "array of floats": each_floating, "expression": expression}


def written(name: str, parameters: dict[str, Any], way: Callable[[Any], Any]) -> dict[str, Any]:
    """The parameters written in another way."""
    kept = KEPT.get(name, set()) | {"init_dist"}
    return {key: x if key in kept else way(x) for key, x in parameters.items()}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["StudentT", "HurdlePoisson", "Truncated"])
def test_how_a_parameter_is_written_does_not_matter(name: str, way: str) -> None:
    build, values, parameters = SCALARS[name]
    check_the_same(build, values, parameters, written(name, parameters, WAYS[way]))


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", sorted(SCALARS.keys() - {"StudentT", "HurdlePoisson", "Truncated", "NormalMixture"}))
def test_nor_with_any_distribution_of_scalars(name: str, way: str) -> None:
    build, values, parameters = SCALARS[name]
    check_the_same(build, values, parameters, written(name, parameters, WAYS[way]))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:pytensor.tensor.linalg.trace:FutureWarning")
@pytest.mark.filterwarnings("ignore:Input has data type int64:FutureWarning")
@pytest.mark.parametrize("way", ["float", "expression"])
@pytest.mark.parametrize("name", [*VECTORS_OF, "NormalMixture"])
def test_nor_with_any_distribution_of_vectors(name: str, way: str) -> None:
    build, values, parameters = (VECTORS_OF | SCALARS)[name]
    check_the_same(build, values, parameters, written(name, parameters, WAYS[way]))


def test_all_likelihoods_of_pymc_are_tried() -> None:
    tried = {name.partition(" ")[0] for name in SCALARS | VECTORS_OF}
    bases = {"Continuous", "Discrete", "Distribution", "SymbolicRandomVariable"}
    aliases = {"DensityDist", "Lognormal"}
    without_draws_or_data = {"Flat", "HalfFlat", "LKJCholeskyCov", "LKJCorr", "PolyaGamma", "WishartBartlett"}
    elsewhere = {"CustomDist", "RandomWalk", "Simulator"}
    assert set(pm.distributions.__all__) == tried | bases | aliases | without_draws_or_data | elsewhere


def test_no_constant_of_a_draw_is_a_view() -> None:
    """PyTensor can make what it is a view of read-only after it, and SciPy then draws no more."""
    made = predicted(pm.StudentT, REAL, {"nu": 4, "mu": 0, "sigma": 1})
    made.draws(np.zeros((1, 1)))
    (function,) = made._density._kept["simulator"]._draw
    constants = [v.data for v in function.maker.fgraph.variables if hasattr(v, "data")]
    assert constants
    assert all(data.flags.owndata for data in constants)


def test_a_joint_density_counts_once() -> None:
    """CAR's log density has one entry, not one for each place."""
    with pm.Model() as model:
        a = pm.Normal("a", 0.0, 1.0)
        pm.CAR("y", mu=a * np.ones(N), alpha=0.4, tau=pm.math.exp(a), W=NEIGHBOURS.astype(float), observed=REAL)
    problem = Problem(model)
    assert problem.density.observations == 1
    point = {"a": np.array(0.7)}
    expected = model.compile_logp(mode="FAST_COMPILE")(point)
    assert problem.density(np.array([0.7]), (1.0, 1.0, 1.0))[0] == pytest.approx(expected, rel=1e-12)

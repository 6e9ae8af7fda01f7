"""What a model says of its observations: log likelihoods, distribution functions, moments and draws, against SciPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
from scipy import special, stats

from bayescompare.model import backends as module
from bayescompare.model.backends import CHUNK
from bayescompare.model.predictive import Predictive, Term
from bayescompare.model.problem import Problem
from tests.model.test_density import BlackBox

X = np.array([-1.0, 0.5, 1.5, 2.0])
Y = np.array([0.3, -1.2, 0.8, 2.1])
K = np.array([1, 2, 0, 4])
B = np.array([0, 1, 1, 0])
ROWS = np.array([[0.3, -1.2], [0.8, 2.1], [0.0, 0.4]])
COV = np.array([[1.0, 0.3], [0.3, 2.0]])
P = np.array([0.3, 0.7])
#: Points (a, log s): three, so that a batch is more than one row.
POINTS = np.array([[0.2, -0.3], [-0.7, 0.4], [1.1, 0.0]])


def predictive(build: Callable[[Any, Any], Any]) -> Predictive:
    """Of a model with parameters a ~ Normal and s ~ HalfNormal, whose likelihood ``build`` adds."""
    with pm.Model() as model:
        build(pm.Normal("a", 0.0, 1.0), pm.HalfNormal("s", 1.0))
    return Predictive(Problem(model))


# -- likelihoods, and the same in SciPy --------------------------------------------------------------


def normal(a: Any, s: Any) -> None:
    pm.Normal("y", a * pm.Data("x", X), s, observed=pm.Data("d", Y))


def bernoulli(a: Any, s: Any) -> None:
    pm.Bernoulli("y", logit_p=a * X, observed=pm.Data("d", B))


def poisson(a: Any, s: Any) -> None:
    pm.Poisson("y", s * pm.math.exp(a * X), observed=K)


def student(a: Any, s: Any) -> None:
    pm.StudentT("y", nu=3.5, mu=a, sigma=s, observed=pm.Data("d", Y))


def mixture(a: Any, s: Any) -> None:
    pm.NormalMixture("y", w=P, mu=pt.stack([a, -2.0]), sigma=pt.stack([s, 1.0]), observed=pm.Data("d", Y))


class Mixture:
    """Two normals in SciPy."""

    def __init__(self, a: float, s: float) -> None:
        self.parts = stats.norm([a, -2.0], [s, 1.0])

    def logpdf(self, y: np.ndarray) -> np.ndarray:
        return np.log(self.parts.pdf(y[:, None]) @ P)

    def cdf(self, y: np.ndarray) -> np.ndarray:
        return self.parts.cdf(y[:, None]) @ P

    def mean(self) -> float:
        return float(self.parts.mean() @ P)

    def var(self) -> float:
        return float((self.parts.var() + self.parts.mean() ** 2) @ P - self.mean() ** 2)


#: Builder, observed values, and the law of SciPy at parameters a and s.
CASES: dict[str, tuple[Callable[[Any, Any], None], np.ndarray, Callable[[float, float], Any]]] = {
    "normal": (normal, Y, lambda a, s: stats.norm(a * X, s)),
    "bernoulli": (bernoulli, B, lambda a, s: stats.bernoulli(special.expit(a * X))),
    "poisson": (poisson, K, lambda a, s: stats.poisson(s * np.exp(a * X))),
    "student": (student, Y, lambda a, s: stats.t(3.5, a, s)),
    "mixture": (mixture, Y, Mixture),
}


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[Predictive, np.ndarray, list[Any]]:
    build, y, law = CASES[request.param]
    return predictive(build), y, [law(a, np.exp(u)) for a, u in POINTS]


def log_mass(law: Any, y: np.ndarray) -> np.ndarray:
    found: np.ndarray = (law.logpmf if hasattr(law, "logpmf") and y.dtype.kind == "i" else law.logpdf)(y)
    return found


def test_log_likelihood_is_scipys(case: tuple[Predictive, np.ndarray, list[Any]]) -> None:
    made, y, laws = case
    found = made.log_likelihood(POINTS)["y"]
    assert made.terms[0].factorises
    np.testing.assert_allclose(found, [log_mass(law, y) for law in laws], rtol=1e-10, atol=1e-12)


def test_moments_are_scipys(case: tuple[Predictive, np.ndarray, list[Any]]) -> None:
    made, y, laws = case
    mean, variance = made.moments(POINTS)["y"]
    np.testing.assert_allclose(mean, [np.broadcast_to(law.mean(), y.shape) for law in laws], rtol=1e-10)
    np.testing.assert_allclose(variance, [np.broadcast_to(law.var(), y.shape) for law in laws], rtol=1e-10)


def test_the_distribution_function_is_scipys(case: tuple[Predictive, np.ndarray, list[Any]]) -> None:
    made, y, laws = case
    at, below = made.log_cdf(POINTS)["y"]
    step = 1 if made.terms[0].discrete else 0
    np.testing.assert_allclose(np.exp(at), [law.cdf(y) for law in laws], rtol=1e-10)
    np.testing.assert_allclose(np.exp(below), [law.cdf(y - step) for law in laws], rtol=1e-10)


def test_draws_have_the_law_that_is_predicted(case: tuple[Predictive, np.ndarray, list[Any]]) -> None:
    """The frequency of a draw at or below the observation is the distribution function: within 4.5 standard errors,
    one test in 300 by chance over 15 points and 4 observations, and the seed is fixed."""
    made, y, laws = case
    n = 4000
    drawn = made.draws(np.repeat(POINTS, n, axis=0), seed=2)["y"].reshape(len(POINTS), n, len(y))
    for law, x in zip(laws, drawn, strict=True):
        p = law.cdf(y)
        error = np.sqrt(p * (1 - p) / n)
        assert np.all(np.abs((x <= y).mean(axis=0) - p) <= 4.5 * error + 1e-12)


# -- what draws are ----------------------------------------------------------------------------------


def test_one_seed_gives_the_same_draws(case: tuple[Predictive, np.ndarray, list[Any]]) -> None:
    made, y, _ = case
    first, again, other = (made.draws(POINTS, draws=50, seed=seed)["y"] for seed in (3, 3, 4))
    assert first.shape == (3, 50, len(y))
    assert first.tobytes() == again.tobytes()
    assert np.any(first != other)


def test_two_draws_of_one_point_are_independent() -> None:
    """So that Cov(ỹ, ỹ′) over points is the variance of the mean."""
    made = predictive(normal)
    n = 20_000
    points = np.random.default_rng(0).normal(0.0, 1.0, (n, 2)) * [0.5, 0.0]
    drawn = made.draws(points, draws=2, seed=1)["y"]
    mean, _ = made.moments(points)["y"]
    centred = drawn - mean[:, None]
    within = (centred[:, 0] * centred[:, 1]).mean(axis=0)  # each has variance s² = 1
    assert np.all(np.abs(within) < 4.5 / np.sqrt(n))
    product = (drawn[:, 0] - drawn[:, 0].mean(axis=0)) * (drawn[:, 1] - drawn[:, 1].mean(axis=0))
    error = product.std(axis=0) / np.sqrt(n)
    assert np.all(np.abs(product.mean(axis=0) - mean.var(axis=0)) < 4.5 * error)


def test_likelihoods_are_drawn_independently_of_each_other() -> None:
    def build(a: Any, s: Any) -> None:
        pm.Normal("y", 0.0, 1.0, observed=Y)
        pm.Normal("z", 0.0, 1.0, observed=Y)

    drawn = predictive(build).draws(np.repeat(POINTS[:1], 2000, axis=0), seed=5)
    correlation = np.corrcoef(drawn["y"][:, 0].T, drawn["z"][:, 0].T)
    assert np.all(np.abs(correlation[np.triu_indices(8, 1)]) < 4.5 / np.sqrt(2000))


# -- other kinds -------------------------------------------------------------------------------------


def test_an_observation_of_several_numbers_is_one_term() -> None:
    def build(a: Any, s: Any) -> None:
        pm.MvNormal("y", pt.stack([a, -a]), cov=COV * s, observed=pm.Data("d", ROWS))

    made = predictive(build)
    term = made.terms[0]
    assert (term.observations, term.scalars, term.factorises) == (3, 6, True)
    assert term.lacks == {"cdf": "PyMC has no distribution function of MultivariateNormal"}
    assert made.log_cdf(POINTS) == {}
    laws = [stats.multivariate_normal([a, -a], COV * np.exp(u)) for a, u in POINTS]
    np.testing.assert_allclose(made.log_likelihood(POINTS)["y"], [law.logpdf(ROWS) for law in laws], rtol=1e-10)
    mean, variance = made.moments(POINTS)["y"]
    np.testing.assert_allclose(mean, [np.tile(law.mean, 3) for law in laws], rtol=1e-10)
    np.testing.assert_allclose(variance, [np.tile(np.diag(law.cov), 3) for law in laws], rtol=1e-10)
    n = 4000
    drawn = made.draws(np.repeat(POINTS[:1], n, axis=0), seed=1)["y"].reshape(-1, 2)
    # Var of a sample covariance of normals: (σ₁₁σ₂₂ + σ₁₂²) / n.
    cov = laws[0].cov
    error = np.sqrt((np.outer(np.diag(cov), np.diag(cov)) + cov**2) / len(drawn))
    assert np.all(np.abs(np.cov(drawn.T) - cov) < 4.5 * error)


def test_a_joint_density_of_all_observations_does_not_factorise() -> None:
    kernel = np.exp(-((X[:, None] - X) ** 2)) + 0.1 * np.eye(4)

    def build(a: Any, s: Any) -> None:
        pm.MvNormal("y", a * np.ones(4), cov=kernel * s, observed=Y)

    made = predictive(build)
    term = made.terms[0]
    assert not term.factorises
    assert term.lacks["pointwise"] == "its MultivariateNormal is one joint density of all observations"
    law = stats.multivariate_normal(np.full(4, 0.2), kernel * np.exp(-0.3))
    assert made.log_likelihood(POINTS)["y"].shape == (3, 1)
    assert made.log_likelihood(POINTS)["y"][0, 0] == pytest.approx(law.logpdf(Y), rel=1e-10)
    mean, variance = made.moments(POINTS)["y"]
    np.testing.assert_allclose(mean[0], 0.2, rtol=1e-10)
    np.testing.assert_allclose(variance[0], 1.1 * np.exp(-0.3), rtol=1e-10)


def test_censored_values_pile_up_on_the_bound() -> None:
    y = np.array([0.3, -1.2, 1.5, 1.5])

    def build(a: Any, s: Any) -> None:
        pm.Censored("y", pm.Normal.dist(a, s), lower=-1.2, upper=1.5, observed=pm.Data("d", y))

    made = predictive(build)
    assert made.terms[0].lacks == {"moments": "no closed form of the mean and variance of Censored is known here"}
    laws = [stats.norm(a, np.exp(u)) for a, u in POINTS]
    expected = [np.where(y == 1.5, law.logsf(y), np.where(y == -1.2, law.logcdf(y), law.logpdf(y))) for law in laws]
    np.testing.assert_allclose(made.log_likelihood(POINTS)["y"], expected, rtol=1e-10)
    at, below = made.log_cdf(POINTS)["y"]
    np.testing.assert_allclose(np.exp(at), [np.where(y == 1.5, 1.0, law.cdf(y)) for law in laws], rtol=1e-10)
    np.testing.assert_allclose(np.exp(below), [np.where(y == -1.2, 0.0, law.cdf(y)) for law in laws], rtol=1e-10)
    drawn = made.draws(np.repeat(POINTS[:1], 4000, axis=0), seed=1)["y"]
    assert (drawn.min(), drawn.max()) == (-1.2, 1.5)
    assert (drawn == 1.5).mean() == pytest.approx(laws[0].sf(1.5), abs=4.5 * np.sqrt(0.25 / 16_000))


def test_censored_counts() -> None:
    def build(a: Any, s: Any) -> None:
        pm.Censored("y", pm.Poisson.dist(s), lower=None, upper=2, observed=np.array([0, 1, 2]))

    at, below = predictive(build).log_cdf(POINTS)["y"]
    law = stats.poisson(np.exp(POINTS[:, 1:]))
    np.testing.assert_allclose(np.exp(at), np.column_stack([law.cdf([0, 1]), np.ones(3)]), rtol=1e-10)
    np.testing.assert_allclose(np.exp(below), law.cdf([-1, 0, 1]), rtol=1e-10)


def test_a_hurdle_has_mass_at_zero() -> None:
    y = np.array([0.0, 0.7, 2.0])

    def build(a: Any, s: Any) -> None:
        pm.HurdleGamma("y", psi=0.6, alpha=2.0, beta=s, observed=y)

    at, below = predictive(build).log_cdf(POINTS)["y"]
    law = stats.gamma(2.0, scale=np.exp(-POINTS[:, 1:]))
    # PyMC keeps the constants 0.6 and 2.0 in single precision where it joins the weights.
    np.testing.assert_allclose(np.exp(at), 0.4 + 0.6 * law.cdf(y), rtol=1e-7)
    np.testing.assert_allclose(np.exp(below), (0.4 + 0.6 * law.cdf(y)) * [0, 1, 1], rtol=1e-7)


BOUNDED = {
    "bernoulli": (bernoulli, True),
    "normal": (normal, False),
    "binomial": (lambda a, s: pm.Binomial("y", n=pm.Data("n", K + 5), logit_p=a, observed=K), True),
    "uniform": (lambda a, s: pm.Uniform("y", -a, 10.0, observed=np.abs(Y)), False),
    "fixed uniform": (lambda a, s: pm.Uniform("y", -10.0, 10.0, observed=Y), True),
    "beta": (lambda a, s: pm.Beta("y", s, 2.0, observed=P), True),
    "with a value missing": (
        lambda a, s: pm.Beta("y", s, 2.0, observed=np.ma.masked_array([0.3, 0.5], [False, True])),
        True,
    ),
}


@pytest.mark.parametrize(("build", "expected"), BOUNDED.values(), ids=BOUNDED)
@pytest.mark.filterwarnings("ignore::pymc.exceptions.ImputationWarning")
def test_observations_on_an_interval(build: Callable[[Any, Any], Any], expected: bool) -> None:
    """Of which every moment exists: unless a parameter says where it ends."""
    assert predictive(build).terms[0].bounded is expected


def test_labels_have_probabilities_and_no_mean() -> None:
    cut = np.array([-0.5, 1.0])

    def build(a: Any, s: Any) -> None:
        pm.OrderedLogistic("y", eta=a, cutpoints=cut, observed=np.array([0, 1, 2, 2]), compute_p=False)

    made = predictive(build)
    term = made.terms[0]
    assert (term.distribution, term.numeric, term.discrete) == ("Categorical", False, True)
    assert term.lacks == {
        "moments": "its values are labels, which have no mean",
        "intervals": "its values are labels, which have no intervals",
    }
    below = special.expit(cut - POINTS[:, :1])
    p = np.diff(np.column_stack([np.zeros(3), below, np.ones(3)]), axis=1)
    np.testing.assert_allclose(made.log_likelihood(POINTS)["y"], np.log(p[:, [0, 1, 2, 2]]), rtol=1e-10)


def test_angles_and_labels_with_missing_values_are_no_numbers() -> None:
    holes = np.ma.masked_array(B, [False, True, False, False])

    def build(a: Any, s: Any) -> None:
        pm.VonMises("angle", mu=a, kappa=s, observed=Y)
        with pytest.warns(pm.exceptions.ImputationWarning):
            pm.VonMises("some", mu=a, kappa=s, observed=np.ma.masked_array(Y, holes.mask))

    for term in predictive(build).terms:
        assert not term.numeric
        assert term.lacks["moments"] == "its values are angles, which have no mean on a line"
        assert term.lacks["intervals"] == "its values are angles, which have no intervals"


def test_missing_values_are_parameters_and_the_observed_ones_terms() -> None:
    y = np.ma.masked_array(Y, [False, True, False, False])
    with pm.Model() as model:
        a = pm.Normal("a", 0.0, 1.0)
        with pytest.warns(pm.exceptions.ImputationWarning):
            pm.Normal("y", a * X, 1.5, observed=y)
    made = Predictive(Problem(model))
    assert [term.name for term in made.terms] == ["y_observed"]
    assert made.terms[0].lacks == {}
    points = np.array([[0.2, 5.0], [-0.7, -3.0]])
    law = stats.norm(points[:, :1] * X[[0, 2, 3]], 1.5)
    np.testing.assert_allclose(made.log_likelihood(points)["y_observed"], law.logpdf(Y[[0, 2, 3]]), rtol=1e-10)
    np.testing.assert_allclose(made.moments(points)["y_observed"][0], law.mean(), rtol=1e-10)
    assert made.draws(points)["y_observed"].shape == (2, 1, 3)


def test_several_likelihoods_each_by_name() -> None:
    def build(a: Any, s: Any) -> None:
        normal(a, s)
        pm.Poisson("k", s, observed=K[:3])
        pm.Potential("penalty", -(a**2))

    made = predictive(build)
    assert [(term.name, term.distribution, term.observations) for term in made.terms] == [
        ("y", "Normal", 4),
        ("k", "Poisson", 3),
        ("penalty", "Potential", 0),
    ]
    assert made.terms[2].lacks["pointwise"] == "a Potential has no observations, so its term is not predicted"
    found = made.log_likelihood(POINTS)
    np.testing.assert_allclose(found["k"], stats.poisson(np.exp(POINTS[:, 1:])).logpmf(K[:3]), rtol=1e-10)
    assert {name: values.shape for name, values in found.items()} == {"y": (3, 4), "k": (3, 3)}
    assert {name: values.shape for name, values in made.draws(POINTS, draws=2).items()} == {
        "y": (3, 2, 4),
        "k": (3, 2, 3),
    }
    assert list(made.log_cdf(POINTS)) == list(made.moments(POINTS)) == ["y", "k"]


def test_a_model_of_potentials_alone_predicts_nothing() -> None:
    made = predictive(lambda a, s: pm.Potential("p", -s))
    assert [term.name for term in made.terms] == ["p"]
    for found in (made.log_likelihood(POINTS), made.moments(POINTS), made.log_cdf(POINTS), made.draws(POINTS)):
        assert found == {}
    assert made.places == {}


# -- what factorises ---------------------------------------------------------------------------------


def one_sum(a: Any, s: Any) -> None:
    pm.CustomDist("y", a, logp=lambda y, a: pt.sum(-((y - a) ** 2)), observed=Y)


def pointwise(a: Any, s: Any) -> None:
    pm.CustomDist("y", a, s, logp=lambda y, a, s: pm.logp(pm.Normal.dist(a, s), y), observed=Y)


def recursion(a: Any, s: Any) -> None:
    def logp(y: Any, a: Any, s: Any) -> Any:
        return pm.logp(pm.Normal.dist(pt.concatenate([[0.0], a * y[:-1]]), s), y)

    pm.CustomDist("y", a, s, logp=logp, observed=Y)


def lagged(a: Any, s: Any) -> None:
    y = pm.Data("d", Y)
    pm.Normal("y", a * y[:-1], s, observed=y[1:])


def columns(a: Any, s: Any) -> None:
    table = pm.Data("d", np.column_stack([X, Y]))
    pm.Normal("y", a * table[:, 0], s, observed=table[:, 1])


def counts_per_row(a: Any, s: Any) -> None:
    """The data give the number of draws, which is no parameter."""
    d = pm.Data("d", Y)
    pm.Normal("y", a, s, shape=d.shape, observed=d)


def errors_in_variables(a: Any, s: Any) -> None:
    x = pm.Normal("x", a, 1.0, observed=X)
    pm.Normal("y", x, s, observed=Y)


def scaled(a: Any, s: Any) -> None:
    pm.Normal("y", a, s, observed=Y, total_size=40)


def series(a: Any, s: Any) -> None:
    pm.AR("y", rho=pt.stack([a]), sigma=s, init_dist=pm.Normal.dist(0.0, 1.0), observed=Y)


@pytest.mark.parametrize(
    ("build", "why"),
    [
        (pointwise, None),
        (columns, None),
        (counts_per_row, None),
        (one_sum, "its log density is one sum, not a term for each observation"),
        (recursion, "the log density of an observation depends on other observations as well"),
        (lagged, "the log density of an observation depends on other observations as well"),
        (scaled, "its log density is scaled up to total_size, so that a term is not one observation's"),
        (series, "its AR is one joint density of all observations"),
    ],
)
def test_what_does_not_factorise_says_why(build: Callable[[Any, Any], None], why: str | None) -> None:
    term = predictive(build).terms[0]
    assert term.lacks.get("pointwise") == why
    assert term.factorises is (why is None)


def test_observations_that_others_depend_on_cannot_be_left_out() -> None:
    x, y = predictive(errors_in_variables).terms
    assert x.lacks["pointwise"] == "its observations are inputs of 'y' too"
    assert y.factorises


def test_a_vector_half_missing_is_a_joint_density() -> None:
    rows = np.ma.masked_array(ROWS, [[False, True], [False, False], [False, False]])
    with pm.Model() as model:
        a = pm.Normal("a", 0.0, 1.0, shape=2)
        with pytest.warns(pm.exceptions.ImputationWarning):
            pm.MvNormal("y", a, cov=COV, observed=rows)
    (term,) = Predictive(Problem(model)).terms
    assert term.lacks["pointwise"].endswith("is a joint density of observed and missing values")


def test_a_density_without_a_random_method_has_no_draws() -> None:
    made = predictive(pointwise)
    assert made.terms[0].lacks["draws"] == "its CustomDist has no random method"
    assert made.draws(POINTS) == {}


@pytest.mark.parametrize("length", [4, 3])
def test_a_distribution_that_ignores_its_size_has_no_draws(length: int) -> None:
    def series(a: Any, size: Any) -> Any:
        return pm.Poisson.dist(pt.exp(a) * np.ones(length))

    def build(a: Any, s: Any) -> None:
        pm.CustomDist("y", a, dist=series, signature="()->(n)", observed=np.arange(length))

    made = predictive(build)
    assert made.terms[0].lacks["draws"] == "its CustomDist does not draw as many as its size asks for"
    assert made.draws(POINTS, draws=2) == {}


def test_a_draw_that_fails_takes_its_variables_draws_only() -> None:
    """A draw that fails at some points: the variable lacks its draws, with the reason, and the others have theirs."""

    def random(a: Any, rng: Any = None, size: Any = None) -> Any:
        if np.any(a > 1):
            raise ArithmeticError("no such value")
        return rng.normal(a, 1.0, size)

    def build(a: Any, s: Any) -> None:
        pm.CustomDist("own", a, logp=lambda y, a: -((y - a) ** 2) / 2, random=random, observed=Y)
        pm.Normal("y", a, s, observed=Y)

    made, alone = predictive(build), predictive(build)
    assert made.draws(POINTS[:2]).keys() == {"own", "y"}
    assert made.terms[0].lacks.keys() == {"moments", "cdf"}
    assert made.draws(POINTS).keys() == {"y"}
    assert made.terms[0].lacks["draws"] == "its CustomDist could not be drawn from (ArithmeticError: no such value)"
    assert alone.draws(POINTS[:2]).keys() == {"own", "y"}
    np.testing.assert_array_equal(made.draws(POINTS)["y"], alone.draws(POINTS)["y"])


def test_few_draws_that_fail_are_lost_alone() -> None:
    """One point in two hundred without a draw: that of the point before stands for it, and the term says so."""

    def random(a: Any, rng: Any = None, size: Any = None) -> Any:
        if np.any(a > 5):
            raise ArithmeticError("no such value")
        return np.broadcast_to(a, size)

    made = predictive(
        lambda a, s: pm.CustomDist("own", a, logp=lambda y, a: -((y - a) ** 2) / 2, random=random, observed=Y)
    )
    points = np.zeros((200, POINTS.shape[1]))
    points[:, 0] = np.linspace(-1.0, 1.0, 200)
    points[[0, 150], 0] = 6.0
    drawn = made.draws(points)["own"][:, 0, 0]
    assert drawn[0] == drawn[1]
    assert drawn[150] == drawn[149]
    np.testing.assert_array_equal(drawn[151:], points[151:, 0])
    assert "draws" not in made.terms[0].lacks
    assert made.terms[0].lacks["some draws"].startswith("at 2 of 200 points its CustomDist could not be drawn from")


def test_trials_that_are_floats_have_no_draws() -> None:
    made = predictive(lambda a, s: pm.Binomial("y", pm.Data("n", [12.0, 9.0]), logit_p=a, observed=[4.0, 3.0]))
    assert "whole numbers" in made.terms[0].lacks["draws"]
    assert made.draws(POINTS) == {}
    np.testing.assert_allclose(
        made.log_likelihood(POINTS)["y"][1], stats.binom.logpmf([4, 3], [12, 9], special.expit(-0.7)), rtol=1e-13
    )


def test_a_custom_distribution_with_one_is_drawn_with_its_parameters() -> None:
    def build(a: Any, s: Any) -> None:
        pm.CustomDist("y", a, s, dist=lambda a, s, size: pt.exp(pm.Normal.dist(a, s, size=size)), observed=np.exp(Y))

    made = predictive(build)
    assert set(made.terms[0].lacks) == {"moments"}
    n = 4000
    drawn = np.log(made.draws(np.repeat(POINTS[1:2], n, axis=0), seed=1)["y"]).ravel()
    s = np.exp(0.4)
    assert drawn.mean() == pytest.approx(-0.7, abs=4.5 * s / np.sqrt(4 * n))
    assert drawn.std() == pytest.approx(s, abs=4.5 * s / np.sqrt(8 * n))


def test_a_mixture_with_missing_values() -> None:
    """PyMC keeps it in one piece: what is observed of it is drawn, and has its own terms."""
    y = np.ma.masked_array(Y, [False, True, False, False])
    with pm.Model() as model:
        a = pm.Normal("a", 0.0, 1.0)
        parts = [pm.Normal.dist(a, 1.0), pm.Normal.dist(-2.0, 1.0)]
        with pytest.warns(pm.exceptions.ImputationWarning):
            pm.Mixture("y", w=P, comp_dists=parts, observed=y)
    made = Predictive(Problem(model))
    (term,) = made.terms
    assert (term.distribution, term.observations, term.scalars, term.factorises) == ("Mixture", 3, 3, True)
    points = np.array([[0.2, 5.0]])
    expected = Mixture(0.2, 1.0).logpdf(Y[[0, 2, 3]])
    np.testing.assert_allclose(made.log_likelihood(points)["y_observed"][0], expected, rtol=1e-10)
    n = 4000
    drawn = made.draws(points, draws=n, seed=1)["y_observed"][0]
    law = Mixture(0.2, 1.0)
    assert np.all(np.abs(drawn.mean(axis=0) - law.mean()) < 4.5 * np.sqrt(law.var() / n))


# -- one observation at each point -------------------------------------------------------------------


def test_one_observation_at_each_point() -> None:
    def build(a: Any, s: Any) -> None:
        normal(a, s)
        pm.MvNormal("rows", pt.stack([a, -a]), cov=COV, observed=ROWS)
        pm.Poisson("k", s, observed=K)

    made = predictive(build)
    assert made.places == {"y": slice(0, 4), "rows": slice(4, 7), "k": slice(7, 11)}
    which = np.tile([9, 2, 5, 0], CHUNK)  # more points than one block holds
    points = np.tile(POINTS[[0, 1, 2, 0]], (CHUNK, 1)) + np.arange(len(which))[:, None] / 1e4
    a, s = points[:, 0], np.exp(points[:, 1])
    laws = [
        (9, stats.poisson(s), K[2], lambda law: law.logpmf(K[2])),
        (2, stats.norm(a * X[2], s), Y[2], lambda law: law.logpdf(Y[2])),
        (0, stats.norm(a * X[0], s), Y[0], lambda law: law.logpdf(Y[0])),
    ]
    found = made.log_likelihood_of(which, points)
    at, below = made.log_cdf_of(which, points)
    drawn = made.draws_of(which, points, draws=50, seed=1)
    assert drawn.shape == (4 * CHUNK, 50)
    for place, law, y, log_mass_of in laws:
        own = which == place
        np.testing.assert_allclose(found[own], log_mass_of(law)[own], rtol=1e-10)
        np.testing.assert_allclose(np.exp(at[own]), law.cdf(y)[own], rtol=1e-10)
        np.testing.assert_allclose(np.exp(below[own]), law.cdf(y - (place == 9))[own], rtol=1e-10)
        z = (drawn - law.mean()[:, None])[own] / law.std()[own, None]
        assert abs(z.mean()) < 4.5 / np.sqrt(z.size)
    vector = which == 5
    mean = np.column_stack([a, -a])
    expected = [stats.multivariate_normal(m, COV).logpdf(ROWS[1]) for m in mean[vector]]
    np.testing.assert_allclose(found[vector], expected, rtol=1e-10)
    for nothing in (at, below, drawn):
        assert np.isnan(nothing[vector]).all()


# -- other data --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def regression() -> Problem:
    with pm.Model(coords={"row": range(4)}) as model:
        a, s = pm.Normal("a", 0.0, 1.0), pm.HalfNormal("s", 1.0)
        x = pm.Data("x", X, dims="row")
        pm.Normal("y", a * x, s, observed=pm.Data("d", Y, dims="row"), dims="row")
    return Problem(model)


def check_normal(made: Predictive, x: np.ndarray, y: np.ndarray) -> None:
    law = stats.norm(POINTS[:, :1] * x, np.exp(POINTS[:, 1:]))
    np.testing.assert_allclose(made.log_likelihood(POINTS)["y"], law.logpdf(y), rtol=1e-10)
    np.testing.assert_allclose(made.moments(POINTS)["y"][0], law.mean(), rtol=1e-10)
    np.testing.assert_allclose(made.log_cdf(POINTS)["y"][0], law.logcdf(y), rtol=1e-10)
    z = (made.draws(POINTS, draws=500, seed=1)["y"] - law.mean()[:, None]) / np.exp(POINTS[:, 1:, None])
    assert np.all(np.abs(z.mean(axis=1)) < 4.5 / np.sqrt(500))
    assert np.all(np.abs(z.std(axis=1) - 1) < 4.5 / np.sqrt(1000))


def test_data_held_out_compile_nothing(regression: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    check_normal(Predictive(regression), X, Y)

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("something was compiled")

    monkeypatch.setattr(module.JaxFunction, "__init__", refuse)
    monkeypatch.setattr(module.PyTensorFunction, "__init__", refuse)
    functions: list[Any] = [f for f in regression.density._kept.values() if isinstance(f, module.JaxFunction)]
    batched: list[Any] = [f for function in functions for f in function._batched.values()]
    before = [f._cache_size() for f in batched]
    check_normal(Predictive(regression.with_data(x=2 * X, d=Y - 1)), 2 * X, Y - 1)
    assert before == [1, 1, 1]
    assert [f._cache_size() for f in batched] == before


def test_data_held_out_of_another_length(regression: Problem) -> None:
    x, y = np.linspace(-1, 1, 7), np.arange(7.0) / 3
    made = Predictive(regression.with_data(x=x, d=y))
    assert (made.terms[0].observations, made.terms[0].scalars) == (7, 7)
    check_normal(made, x, y)
    check_normal(Predictive(regression), X, Y)


# -- how it is computed ------------------------------------------------------------------------------


def test_blocks_are_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(1).normal(0, 0.5, (CHUNK + 3, 2))
    whole = predictive(normal)
    expected = stats.norm(points[:, :1] * X, np.exp(points[:, 1:])).logpdf(Y)
    np.testing.assert_allclose(whole.log_likelihood(points)["y"], expected, rtol=1e-10)
    monkeypatch.setattr(module, "BATCH_BYTES", 8 * 4 * 3)  # three rows of four: two at a time
    small = predictive(normal)
    np.testing.assert_allclose(small.log_likelihood(points)["y"], expected, rtol=1e-10)
    function = small._density._kept["predictive log likelihood"]
    assert list(function._rows_at_once.values()) == [2]
    assert small.draws(points, seed=1)["y"].tobytes() == whole.draws(points, seed=1)["y"].tobytes()


def test_a_scale_on_its_boundary_is_that_value() -> None:
    """MAP's tau = 0 is −∞ on the unconstrained scale."""

    def build(a: Any, s: Any) -> None:
        pm.Normal("y", a + s * X, 2.0, observed=Y)

    made = predictive(build)
    points = np.array([[0.2, -np.inf], [0.2, 0.0]])
    law = stats.norm(0.2, 2.0)
    np.testing.assert_allclose(made.log_likelihood(points)["y"][0], law.logpdf(Y), rtol=1e-10)
    np.testing.assert_allclose(made.moments(points)["y"][0][0], 0.2, rtol=1e-10)
    assert np.isfinite(made.draws(points)["y"]).all()


def test_what_jax_cannot_translate_runs_in_pytensor_alone() -> None:
    """The log likelihood falls back by itself, and says the same."""

    def build(a: Any, s: Any) -> None:
        pm.Normal("y", BlackBox()(a), s, observed=Y)

    made = predictive(build)
    law = stats.norm(POINTS[:, :1] ** 4, np.exp(POINTS[:, 1:]))
    np.testing.assert_allclose(made.log_likelihood(POINTS)["y"], law.logpdf(Y), rtol=1e-10)
    np.testing.assert_allclose(made.moments(POINTS)["y"][0], law.mean() * np.ones(4), rtol=1e-10)
    n = 1000
    drawn = made.draws(POINTS, draws=n, seed=1)["y"]
    z = (drawn - law.mean()[:, None]) / np.exp(POINTS[:, 1:, None])
    assert np.all(np.abs(z.mean(axis=1)) < 4.5 / np.sqrt(n))


def test_a_likelihood_without_parameters_is_drawn() -> None:
    made = predictive(lambda a, s: pm.Normal("y", 1.0, 2.0, observed=Y))
    drawn = made.draws(POINTS, draws=4000, seed=1)["y"]
    assert drawn.mean() == pytest.approx(1.0, abs=4.5 * 2 / np.sqrt(drawn.size))
    assert len(np.unique(drawn)) == drawn.size


def test_a_term_is_plain_data() -> None:
    term = predictive(normal).terms[0]
    assert term == Term("y", "Normal", 4, 4, discrete=False, numeric=True, bounded=False, lacks={})

"""The audit of a model: each check on the smallest model that shows the fault, and on its neighbour without it."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest

import bayescompare as bc
from bayescompare.errors import UnsupportedModelError, UsageError
from bayescompare.model.audit import Finding, arithmetic, audit
from bayescompare.model.audit import prior_draws as density
from bayescompare.model.backends import without_compiler
from bayescompare.model.problem import Problem
from tests.methods.test_fit_zoo import FAST, SLOW

Y = np.array([0.3, -1.2, 0.8, 2.1])
ROWS = np.arange(4.0)


def found(build: Callable[[], Any], **coords: list[str]) -> tuple[Finding, ...]:
    with pm.Model(coords=coords) as model:
        build()
    return bc.check(model)


def only(build: Callable[[], Any], **coords: list[str]) -> Finding:
    (finding,) = found(build, **coords)
    return finding


# -- integer constants -------------------------------------------------------------------------------------------------

# Distributions with whole numbers for constants, as one writes them; the first group overflows.
INTEGERS: list[tuple[type, dict[str, int]]] = [
    (pm.HalfStudentT, {"nu": 3, "sigma": 36}),
    (pm.HalfStudentT, {"nu": 3, "sigma": 200}),
    (pm.Uniform, {"lower": -100, "upper": 100}),
    (pm.Laplace, {"mu": 0, "b": 100}),
    (pm.ExGaussian, {"mu": 0, "sigma": 20, "nu": 100}),
    (pm.Beta, {"alpha": 100, "beta": 100}),
    (pm.Triangular, {"lower": -100, "upper": 100, "c": 0}),
    (pm.HalfStudentT, {"nu": 3, "sigma": 10}),
    (pm.Uniform, {"lower": -50, "upper": 50}),
    (pm.Laplace, {"mu": 0, "b": 50}),
    (pm.ExGaussian, {"mu": 0, "sigma": 5, "nu": 10}),
    (pm.Normal, {"mu": 0, "sigma": 100}),
    (pm.StudentT, {"nu": 3, "mu": 0, "sigma": 100}),
    (pm.HalfCauchy, {"beta": 100}),
    (pm.Gamma, {"alpha": 100, "beta": 100}),
    (pm.InverseGamma, {"alpha": 100, "beta": 100}),
    (pm.Weibull, {"alpha": 100, "beta": 100}),
    (pm.TruncatedNormal, {"mu": 0, "sigma": 100, "lower": -100, "upper": 100}),
    (pm.AsymmetricLaplace, {"kappa": 100, "mu": 0, "b": 100}),
]
OVERFLOWING = 7


@pytest.mark.parametrize(
    ("distribution", "constants"), INTEGERS, ids=lambda value: getattr(value, "__name__", None) or str(value)
)
def test_integer_constants_are_found_where_they_change_the_density(
    distribution: Any, constants: dict[str, int]
) -> None:
    """Against PyMC's own density with floats; single precision, in which PyTensor takes the log of an int8, passes."""
    with pm.Model() as model:
        x = distribution("x", **constants)
        pm.Normal("y", x, 1.0, observed=Y)
    problem = Problem(model)
    rows = density.points(problem, seed=0).rows
    values = problem.density.push(rows)[:, 0]

    def log_density(constants: dict[str, Any]) -> np.ndarray:
        with without_compiler():
            logp: np.ndarray = pm.logp(distribution.dist(**constants), pt.as_tensor(values), warn_rvs=False).eval()
        return logp

    right = log_density({name: float(value) for name, value in constants.items()})
    finite = np.isfinite(right)
    assert finite.any()
    wrong = ~np.isclose(log_density(constants)[finite], right[finite], rtol=1e-5).all()
    findings = arithmetic.findings(problem, seed=0)
    assert [f.variable for f in findings] == ["x"] * bool(wrong)
    assert wrong == (INTEGERS.index((distribution, constants)) < OVERFLOWING)


def test_an_overflow_is_told_with_its_figures_and_what_to_write() -> None:
    finding = only(lambda: pm.Normal("y", 0.0, pm.HalfStudentT("x", nu=3, sigma=36), observed=Y))
    assert (finding.code, finding.severity, finding.variable) == ("integer_overflow", "error", "x")
    assert "36 ** 2 in int8: 16 instead of 1,296" in finding.what
    assert finding.instead == "Write floats in x: 36.0 for 36."
    assert found(lambda: pm.Normal("y", 0.0, pm.HalfStudentT("x", nu=3.0, sigma=36.0), observed=Y)) == ()


def test_the_density_told_is_the_right_one() -> None:
    """HalfStudentT(3, 36) against SciPy at the points that the audit looks at."""
    from scipy import stats

    with pm.Model() as model:
        x = pm.HalfStudentT("x", nu=3, sigma=36)
        pm.Normal("y", 0.0, x, observed=Y)
    problem = Problem(model)
    rows = density.points(problem, seed=0).rows
    (term,) = arithmetic._overflowing_terms(problem)
    actual, correct = arithmetic._sums(problem, [term], rows)
    values = problem.density.push(rows)[:, 0]
    for sums, scale in ((actual, 4.0), (correct, 36.0)):
        expected = np.log(2.0) + stats.t(3, scale=scale).logpdf(values) + rows[:, 0]  # log|J| of exp is u
        np.testing.assert_allclose(sums[:, 0], expected, rtol=1e-6)  # single precision in PyTensor's constants


def in_a_likelihood() -> None:
    pm.ExGaussian("y", mu=pm.Normal("x", 0.0, 1.0), sigma=20, nu=100, observed=Y)


def in_a_parameter() -> None:
    tau = pt.as_tensor(20)
    pm.Normal("y", pm.Normal("x", 0.0, 1.0), 2 * tau**2, observed=Y)


def in_an_array() -> None:
    x = np.array([50, 3, 4, 60], dtype="int8")
    pm.Normal("y", pm.Normal("x", 0.0, 1.0) * pt.as_tensor(x) ** 2, 1.0, observed=Y)


def in_a_potential() -> None:
    pm.Potential("y", -pm.HalfNormal("x", 1.0) * pt.as_tensor(30) ** 2)


def in_a_deterministic() -> None:
    x = pm.HalfNormal("x", 1.0)
    pm.Deterministic("y", x + pt.sqrt(pt.as_tensor(100) * 2))
    pm.Normal("z", x, 1.0, observed=Y)


def in_a_container() -> None:
    n = pm.Data("n", np.array([50_000, 3, 4, 60_000]))  # PyMC stores these as int32
    pm.Normal("y", pm.Normal("x", 0.0, 1.0) * pt.sqrt(n * (n - 1)), 1.0, observed=Y)


@pytest.mark.parametrize(
    ("build", "told", "instead"),
    [
        (in_a_likelihood, "20 ** 2 in int8: −112 instead of 400", "20.0 for 20"),
        (in_a_parameter, "20 ** 2 in int8: −112 instead of 400", "20.0 for 20"),
        (in_an_array, "50 ** 2 in int8: −60 instead of 2,500", "values.astype(float)"),
        (in_a_potential, "30 ** 2 in int8: −124 instead of 900", "30.0 for 30"),
        (in_a_deterministic, "100 * 2 in int8: −56 instead of 200", "100.0 for 100"),
        (in_a_container, "50,000 * 49,999 in int32", "Store n as floats"),
    ],
)
def test_overflows_are_found_wherever_they_are(build: Callable[[], None], told: str, instead: str) -> None:
    finding = only(build)
    assert (finding.code, finding.severity, finding.variable) == ("integer_overflow", "error", "y")
    assert told in finding.what
    assert instead in finding.instead


def mended_by_rewrites() -> None:
    """PyTensor multiplies in another order, in floats."""
    pm.Normal("y", 0.0, pm.HalfNormal("x", 1.0) * (pt.as_tensor(100) * 2), observed=Y)


def small_integers() -> None:
    pm.Normal("y", pm.Normal("x", 0, 10), pm.HalfStudentT("s", 3, 10), observed=Y)


def counts_and_indices() -> None:
    x = pm.Beta("x", 1, 1, shape=2)
    trials, group = pm.Data("trials", np.array([100_000, 300, 7])), pm.Data("group", np.array([0, 1, 1]))
    pm.Binomial("y", trials, x[group], observed=np.array([70_000, 2, 3]))


def rounded_to_nothing() -> None:
    """log 7 + log 9 - log 63 is 0, and 4.8e-7 in the single precision of int8's logarithms."""
    a, b, product = (pt.log(pt.as_tensor(n)) for n in (7, 9, 63))
    pm.Normal("y", pm.Normal("x", 0.0, 1.0), 1.0 + (a + b - product), observed=Y)


@pytest.mark.parametrize("build", [mended_by_rewrites, small_integers, counts_and_indices, rounded_to_nothing])
def test_integers_that_fit_are_no_fault(build: Callable[[], None]) -> None:
    assert found(build) == ()


# -- support -----------------------------------------------------------------------------------------------------------


def normal_rate() -> None:
    pm.Poisson("y", pm.Normal("r", 1.0, 1.0), observed=np.array([1, 2]))


def log_rate() -> None:
    pm.Poisson("y", pm.math.exp(pm.Normal("r", 1.0, 1.0)), observed=np.array([1, 2]))


def normal_probability() -> None:
    """All ones: the formula of the density is finite for p > 1, so only the condition tells."""
    pm.Bernoulli("y", pm.Normal("r", 0.5, 1.0), observed=np.array([1, 1]))


def logit_probability() -> None:
    pm.Bernoulli("y", logit_p=pm.Normal("r", 0.0, 100.0), observed=np.array([1, 0]))


def normal_shape() -> None:
    """log Γ of a negative number is finite."""
    pm.Gamma("y", pm.Normal("r", 0.5, 1.0), 1.0, observed=np.array([1.0, 1.2]))


def positive_shape() -> None:
    pm.Gamma("y", pm.HalfNormal("r", 1.0), 1.0, observed=np.array([1.0, 1.2]))


@pytest.mark.parametrize(
    ("build", "condition", "probability", "instead"),
    [
        (normal_rate, "mu >= 0", 0.1587, "pm.math.exp"),
        (normal_probability, "0 <= p <= 1", 0.6171, "pm.math.invlogit"),
        (normal_shape, "alpha > 0", 0.3085, "pm.math.exp"),
    ],
)
def test_a_prior_outside_of_the_likelihoods_support(
    build: Callable[[], None], condition: str, probability: float, instead: str
) -> None:
    finding = only(build)
    assert (finding.code, finding.severity, finding.variable) == ("outside_support", "warning", "y")
    assert condition in finding.what
    assert "prior of r " in finding.what
    assert instead in finding.instead
    share = int(finding.what.split("fails at ")[1].split()[0]) / density.DRAWS
    assert abs(share - probability) < 4 * np.sqrt(probability * (1 - probability) / density.DRAWS)


@pytest.mark.parametrize("build", [log_rate, logit_probability, positive_shape])
def test_a_prior_inside_of_the_likelihoods_support(build: Callable[[], None]) -> None:
    assert found(build) == ()


def test_a_prior_whose_own_parameters_are_out_of_range() -> None:
    """NumPy refuses to draw from it, so it is judged around the initial point."""
    finding = only(lambda: pm.Normal("y", pm.Normal("x", 0.0, pm.Normal("s", 1.0, 1.0)), 1.0, observed=Y))
    assert (finding.code, finding.severity, finding.variable) == ("outside_support", "warning", "x")
    assert "sigma > 0" in finding.what
    assert "points around the initial point" in finding.what
    assert found(lambda: pm.Normal("y", pm.Normal("x", 0.0, pm.HalfNormal("s", 1.0)), 1.0, observed=Y)) == ()


def test_constants_out_of_range() -> None:
    sd = np.array([1.0, -1.0, 1.0, 1.0])
    finding = only(lambda: pm.Normal("y", pm.Normal("x", 0.0, 1.0), sd, observed=Y))
    assert (finding.severity, finding.variable) == ("error", "y")
    assert "constants and data do not meet" in finding.what
    assert found(lambda: pm.Normal("y", pm.Normal("x", 0.0, 1.0), np.abs(sd), observed=Y)) == ()


def negative_count() -> None:
    pm.Poisson("y", pm.Exponential("x", 1.0), observed=np.array([1, 4, -3]))


def count_above_trials() -> None:
    pm.Binomial("y", 5, pm.Beta("x", 1.0, 1.0), observed=np.array([1, 2, 7]))


def count_beyond_32_bits() -> None:
    pm.Poisson("y", pm.math.exp(pm.Normal("x", 0.0, 30.0)), observed=np.array([5, 4, 3_000_000_000]))


def negative_under_log() -> None:
    pm.LogNormal("y", pm.Normal("x", 0.0, 1.0), 1.0, observed=np.array([0.2, 1.0, -3.0]))


@pytest.mark.parametrize(
    ("build", "value"), [(negative_count, "−3"), (count_above_trials, "7"), (negative_under_log, "−3")]
)
def test_data_outside_of_the_likelihoods_support(build: Callable[[], None], value: str) -> None:
    finding = only(build)
    assert (finding.code, finding.severity, finding.variable) == ("outside_support", "error", "y")
    assert f"1 of its 3\N{NO-BREAK SPACE}values cannot occur, the first y[2] = {value}." in finding.what


def test_counts_that_pymc_turned_negative_are_told_from_negative_ones() -> None:
    assert "32 bits" in only(count_beyond_32_bits).instead
    assert "32 bits" not in only(negative_under_log).instead


def test_a_single_value_outside_of_the_likelihoods_support() -> None:
    finding = only(lambda: pm.Poisson("y", pm.Exponential("x", 1.0), observed=-3))
    assert (finding.severity, finding.variable) == ("error", "y")
    assert finding.what.endswith(": y = −3 cannot occur.")


def test_data_that_the_prior_hardly_allows() -> None:
    """P(b > 3): 3.3e-9 under HalfNormal(½), 0.76 under HalfNormal(10)."""

    def build(scale: float) -> None:
        pm.Uniform("y", 0.0, pm.HalfNormal("b", scale), observed=np.array([0.2, 3.0]))

    finding = only(lambda: build(0.5))
    assert finding.code == "outside_support"
    assert "64 of 64 prior draws" in finding.what
    assert "y[1] = 3" in finding.what
    assert found(lambda: build(10.0)) == ()


def test_a_potential_may_forbid_what_it_was_made_to_forbid() -> None:
    def build(allowed: Callable[[Any, Any], Any]) -> None:
        a, b, c = (pm.Normal(name, 0.0, 1.0) for name in "abc")
        pm.Potential("ordered", pt.switch(allowed(pt.lt(a, b), pt.lt(b, c)), 0.0, -np.inf))
        pm.Normal("y", a + b + c, 1.0, observed=Y)

    assert found(lambda: build(pt.and_)) == ()  # holds at a sixth of the prior draws
    finding = only(lambda: build(lambda first, _: pt.and_(first, pt.invert(first))))
    assert (finding.code, finding.severity, finding.variable) == ("outside_support", "error", "ordered")


# -- density and gradient ----------------------------------------------------------------------------------------------


def test_missing_values_in_a_covariate() -> None:
    x = np.array([1.0, np.nan, 2.0, 3.0])
    finding = only(lambda: pm.Normal("y", pm.Normal("b", 0.0, 1.0) * x, 1.0, observed=Y))
    assert (finding.code, finding.severity, finding.variable) == ("density_not_finite", "error", "y")
    assert "1\N{NO-BREAK SPACE}NaN or infinite value" in finding.what
    assert found(lambda: pm.Normal("y", pm.Normal("b", 0.0, 1.0) * np.nan_to_num(x), 1.0, observed=Y)) == ()


def test_overflow_far_out_in_a_prior() -> None:
    """exp(710) is infinite, and ∞/∞ is NaN: at 0.04 % of N(0, 200²), and at all but 0.06 % of N(0, 10¹²)."""

    def build(scale: float) -> None:
        r = pm.Normal("r", 0.0, scale)
        size = pt.exp(pt.abs(r))
        pm.Normal("y", size / (1.0 + size + r**2), 1.0, observed=Y)

    assert found(lambda: build(200.0)) == ()
    finding = only(lambda: build(1e6))
    assert (finding.code, finding.severity, finding.variable) == ("density_not_finite", "warning", "y")
    assert int(finding.what.split(" at ")[1].split()[0]) >= density.DRAWS - 2


def test_a_gradient_that_is_not_finite() -> None:
    """clip has slope 0 beyond 1, where arccos has slope −∞: NaN, at the third of the prior where |x| > 1."""

    def build(bound: float) -> None:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Normal("y", pt.arccos(pt.clip(x, -bound, bound)), 1.0, observed=Y)

    finding = only(lambda: build(1.0))
    assert (finding.code, finding.severity, finding.variable) == ("gradient_not_finite", "warning", "y")
    share = int(finding.what.split(" at ")[1].split()[0]) / density.DRAWS
    assert abs(share - 0.3173) < 4 * np.sqrt(0.3173 * 0.6827 / density.DRAWS)
    assert found(lambda: build(0.999)) == ()


# -- structure ---------------------------------------------------------------------------------------------------------


def test_improper_priors_are_noted() -> None:
    notes = found(lambda: pm.Normal("y", pm.Flat("a"), pm.HalfFlat("s"), observed=Y))
    assert [(f.code, f.severity, f.variable) for f in notes] == [
        ("improper_prior", "note", "a"),
        ("improper_prior", "note", "s"),
    ]
    assert found(lambda: pm.Normal("y", pm.Normal("a", 0.0, 9.0), pm.HalfNormal("s", 9.0), observed=Y)) == ()


def test_variables_that_no_data_reach() -> None:
    def build() -> None:
        a, b = pm.Normal("a", 0.0, 1.0), pm.Normal("b", 0.0, 1.0)
        scale = pm.HalfNormal("scale", pm.Exponential("rate", 1.0))  # reach y through another variable
        pm.Normal("new", b, 1.0)
        pm.Normal("y", a, scale, observed=Y)

    idle = found(build)
    assert [(f.code, f.severity, f.variable) for f in idle] == [
        ("reaches_no_data", "warning", "b"),
        ("reaches_no_data", "warning", "new"),
    ]


def test_a_potential_and_imputed_data_are_reached() -> None:
    def build() -> None:
        a, b = pm.Normal("a", 0.0, 1.0), pm.Normal("b", 0.0, 1.0)
        pm.Potential("near", -((b - 1.0) ** 2))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Data in y contains missing values")
            pm.Normal("y", a, 1.0, observed=np.array([1.0, np.nan, 2.0]))

    assert found(build) == ()


def test_a_study_of_the_prior_is_noted() -> None:
    def build() -> None:
        pm.Normal("x", 0.0, pm.math.exp(pm.Normal("v", 0.0, 3.0)))
        pm.Potential("no_data", pt.zeros(()))

    note = only(build)
    assert (note.code, note.severity, note.variable) == ("reaches_no_data", "note", "v")


def test_duplicate_coordinates() -> None:
    def build() -> None:
        pm.Normal("y", pm.Normal("a", 0.0, 1.0, dims="site"), 1.0, observed=Y)

    finding = only(build, site=["north", "south", "south", "west"])
    assert (finding.code, finding.severity, finding.variable) == ("duplicate_coordinates", "warning", "a")
    assert "'south' twice: 2 scalars of a " in finding.what
    assert found(build, site=["north", "south", "east", "west"]) == ()


def test_repeated_labels_of_observations_are_no_fault() -> None:
    def build() -> None:
        pm.Normal("y", pm.Normal("a", 0.0, 1.0), 1.0, observed=Y, dims="row")

    assert found(build, row=["a", "a", "b", "b"]) == ()


# -- data --------------------------------------------------------------------------------------------------------------


def test_infinite_data_are_a_finding_and_no_exception() -> None:
    finding = only(lambda: pm.Normal("y", pm.Normal("x", 0.0, 1.0), 1.0, observed=np.array([1.0, np.inf])))
    assert (finding.code, finding.severity, finding.variable) == ("data_not_finite", "error", "y")
    assert "1 of the 2 values" in finding.what


def test_infinite_counts_are_seen_before_they_are_cast() -> None:
    data = np.array([1.0, np.inf])
    findings = found(lambda: pm.Poisson("y", pm.Exponential("x", 1.0), observed=pm.Data("d", data)))
    assert "data_not_finite" in {f.code for f in findings if f.severity == "error"}


def test_fractions_under_a_count() -> None:
    def build(values: list[float]) -> None:
        pm.Poisson("y", pm.Exponential("x", 1.0), observed=pm.Data("d", np.array(values)))

    finding = only(lambda: build([1.0, 2.5, 3.75]))
    assert (finding.code, finding.severity, finding.variable) == ("data_not_whole", "error", "y")
    assert "2 of its 3 values" in finding.what
    assert "cuts 2.5 to 2" in finding.what
    assert found(lambda: build([1.0, 2.0, 3.0])) == ()


def test_data_that_are_all_the_same() -> None:
    def build(values: list[float], scale: float | None = None) -> None:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Normal("y", x, pm.HalfNormal("s", 1.0) if scale is None else scale, observed=np.array(values))

    finding = only(lambda: build([2.0, 2.0, 2.0]))
    assert (finding.code, finding.severity, finding.variable) == ("constant_data", "warning", "y")
    assert "All 3 values of y are 2" in finding.what
    assert found(lambda: build([2.0, 2.0, 2.1])) == ()
    assert found(lambda: build([2.0, 2.0, 2.0], scale=1.0)) == ()


def test_single_observations_that_share_a_scale_are_no_fault() -> None:
    def build() -> None:
        x, s = pm.Normal("x", 0.0, 1.0), pm.HalfNormal("s", 1.0)
        for i, value in enumerate(Y):
            pm.Normal(f"y{i}", x, s, observed=value)

    assert found(build) == ()


# -- constant columns --------------------------------------------------------------------------------------------------


def regression(*columns: np.ndarray, intercept: bool = False, named: bool = False, dot: bool = False) -> None:
    X = np.column_stack(columns)
    data = pm.Data("X", X) if named else X
    b = pm.Normal("b", 0.0, 1.0, shape=X.shape[1])
    mean = pm.math.dot(data, b) if dot else (data * b).sum(-1)
    pm.Normal("y", pm.Normal("a", 0.0, 1.0) + mean if intercept else mean, 1.0, observed=Y)


@pytest.mark.parametrize(
    ("build", "told", "pair"),
    [
        (lambda: regression(np.ones(4), ROWS, np.full(4, 2.0)), "the design matrix is", {"b[0]", "b[2]"}),
        (lambda: regression(ROWS, np.ones(4), intercept=True), "Column 1 of the design matrix is 1", {"a", "b[1]"}),
        (
            lambda: regression(ROWS, np.full(4, -3.0), intercept=True, named=True, dot=True),
            "Column 1 of X is −3",
            {"a", "b[1]"},
        ),
        (lambda: regression(ROWS, 2 * ROWS), "Column 1 of the design matrix is 2 times column 0", {"b[0]", "b[1]"}),
        (lambda: regression(ROWS, ROWS**2, -ROWS, named=True, dot=True), "Column 2 of X is −1", {"b[0]", "b[2]"}),
    ],
)
def test_a_column_that_makes_up_for_another(build: Callable[[], None], told: str, pair: set[str]) -> None:
    finding = only(build)
    assert (finding.code, finding.severity) == ("constant_column", "warning")
    assert told in finding.what
    assert all(f" {name}" in finding.what for name in pair)


def test_a_constant_covariate_beside_an_intercept() -> None:
    def build(x: np.ndarray) -> None:
        b = pm.Normal("b", 0.0, 1.0, shape=2)
        pm.Normal("y", b[0] + b[1] * pm.Data("x", x), 1.0, observed=Y)

    finding = only(lambda: build(np.full(4, 2.0)))
    assert finding.code == "constant_column"
    assert "x is 2 in every row" in finding.what
    assert found(lambda: build(ROWS)) == ()


@pytest.mark.parametrize(
    "build",
    [
        lambda: regression(np.ones(4), ROWS),
        lambda: regression(np.ones(4), ROWS, ROWS**2, named=True, dot=True),
        lambda: regression(ROWS, ROWS**2, intercept=True),
        lambda: regression(np.zeros(4), ROWS, intercept=True),
    ],
)
def test_ordinary_designs_are_no_fault(build: Callable[[], None]) -> None:
    assert found(build) == ()


# -- the whole ---------------------------------------------------------------------------------------------------------


def test_errors_come_first_and_a_seed_gives_the_same_findings() -> None:
    def build() -> None:
        pm.Flat("idle")
        pm.Poisson("y", pm.Normal("r", 1.0, 1.0), observed=pm.Data("d", np.array([1.0, 2.5])))

    findings = found(build)
    assert [f.severity for f in findings] == ["error", "warning", "warning", "note"]
    with pm.Model() as model:
        build()
    assert audit(Problem(model), seed=0) == findings
    assert bc.check(model, random_seed=0) == findings
    shares = {next(f.what for f in bc.check(model, random_seed=s) if f.code == "outside_support") for s in range(4)}
    assert len(shares) > 1


def test_check_takes_what_compare_takes() -> None:
    from bayescompare.models import eight_schools

    assert bc.check(eight_schools) == ()
    with pytest.raises(bc.BayesCompareError):
        bc.check(eight_schools, {"nonsense": [1.0]})
    with pm.Model() as model:
        pm.Normal("y", pm.Normal("x", 0.0, 1.0), 1.0, observed=Y)
    with pytest.raises(UsageError, match="cannot take data"):
        bc.check(model, {"y": Y})


def test_discrete_variables_are_refused_by_name() -> None:
    with pm.Model() as model:
        pm.Normal("y", pm.Poisson("k", 3.0), 1.0, observed=Y)
    with pytest.raises(UnsupportedModelError, match="no gradient: k"):
        bc.check(model)


def test_the_model_is_left_as_it_was() -> None:
    with pm.Model() as model:
        pm.Normal("y", 0.0, pm.HalfStudentT("x", nu=3, sigma=36), observed=pm.Data("d", Y))
    before = Problem(model).fingerprint, dict(model.named_vars.items())
    assert bc.check(model)
    assert (Problem(model).fingerprint, dict(model.named_vars.items())) == before


# -- no false alarm ----------------------------------------------------------------------------------------------------

QUICK = {"eight_schools", "wells", "kidiq-kidscore_momhs", "hudson_lynx_hare-lotka_volterra", "ordered"}
ZOO = {build.__name__: build for build in (*FAST, *SLOW)}


def names() -> list[Any]:
    from bayescompare import models

    reference = Path(__file__).parents[1] / "posteriordb" / "data" / "reference.json"
    every = [*models.__all__, *json.loads(reference.read_text(encoding="utf-8")), *ZOO]
    return [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in every]


def built(name: str) -> pm.Model:
    from bayescompare import models
    from tests.posteriordb.reference import data
    from tests.posteriordb.translations import MODELS

    if name in MODELS:
        return MODELS[name](data(name))
    if name not in ZOO:
        template: Callable[[], pm.Model] = getattr(models, name)
        return template()
    with warnings.catch_warnings(), pm.Model() as model:
        warnings.simplefilter("ignore", UserWarning)  # that missing values are imputed, and scan's change of interface
        ZOO[name]()
    return model


@pytest.mark.parametrize("name", names())
def test_no_false_alarm(name: str) -> None:
    """On no template, posterior of posteriordb, or kind of model."""
    assert [f for f in bc.check(built(name)) if f.severity != "note"] == []

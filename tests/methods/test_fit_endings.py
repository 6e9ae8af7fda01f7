"""Where a search ends: inside, on a bound seen from inside, on a ridge, a saddle or a plateau, or nowhere."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
from scipy import optimize

import bayescompare as bc
from bayescompare.errors import FitError, NoFiniteStartError
from bayescompare.model.problem import Problem
from bayescompare.reasons import Code, Reason
from bayescompare.results.fit import Fit, Status

Y = np.array([0.3, -1.2, 0.8, 2.1])

# A decrement of 1e-8 nats is 1.4e-4 posterior sd; Newton's last step squares that.
NEWTON = 1e-7

Build = Callable[[], Any]


@cache
def problem(build: Build) -> Problem:
    with pm.Model() as model:
        build()
    return Problem(model)


def aside(build: Build) -> Build:
    """With an observation that says nothing, for a model that is all prior."""

    def with_aside() -> None:
        build()
        pm.Normal("aside", 0.0, 1.0, observed=0.0)

    return with_aside


def inside(found: Fit) -> Fit:
    assert found.status is Status.OK, found.reasons
    assert found.diagnostics["boundary"] == []
    assert found.diagnostics["kink"] == []
    return found


def on_the_bound(found: Fit, *names: str) -> Fit:
    assert found.status is Status.OK, found.reasons
    assert found.diagnostics["boundary"] == list(names)
    assert np.isnan([found.diagnostics["standard_errors"][name] for name in names]).all()
    assert "boundary" in found.diagnostics["standard_errors_missing"]
    return found


def nowhere(found: Fit, *words: str) -> Fit:
    """A failure says why and leaves no number behind."""
    assert found.status is Status.FAILED
    assert all(word in found.reasons[0].text for word in words), found.reasons
    assert np.isnan(found.estimate).all()
    assert math.isnan(found.log_density)
    assert found.unconstrained is None
    assert np.isnan(list(found.diagnostics["standard_errors"].values())).all()
    assert found.diagnostics["standard_errors_missing"] == "there is no mode"
    return found


# -- wide, and near a bound, but inside ------------------------------------------------------------

#: Modes within reach of a bound that are none of it: model, MAP, unconstrained MAP.
INSIDE: dict[str, tuple[Build, float, float]] = {
    "Gamma(1.01, 2)": (lambda: pm.Gamma("x", 1.01, 2.0), 0.005, 0.505),
    "Gamma(1.001, 2)": (lambda: pm.Gamma("x", 1.001, 2.0), 0.0005, 0.5005),
    "Beta(1.02, 1.02)": (lambda: pm.Beta("x", 1.02, 1.02), 0.5, 0.5),
    "Beta(1.0001, 50)": (lambda: pm.Beta("x", 1.0001, 50.0), 1e-4 / 49.0001, 1.0001 / 51.0001),
    "LogNormal(0, 15)": (lambda: pm.LogNormal("x", 0.0, 15.0), math.exp(-225.0), 1.0),
    "InverseGamma(0.01, 0.01)": (lambda: pm.InverseGamma("x", 0.01, 0.01), 0.01 / 1.01, 1.0),
    "Uniform beside its middle": (lambda: pm.Potential("p", -1e-5 * (pm.Uniform("x", -2.0, 3.0) - 1.0) ** 2), 1.0, 0.5),
}


@pytest.mark.parametrize("name", INSIDE)
def test_a_wide_mode_near_a_bound_is_inside(name: str) -> None:
    build, at, unconstrained = INSIDE[name]
    wide = problem(aside(build))
    # Along the widest of them the density changes by 1e-8 nats over 1e-2 of the mode's own scale.
    assert inside(bc.fit(wide, "map")).values["x"] == pytest.approx(at, rel=1e-5)
    assert inside(bc.fit(wide, "unconstrained_map")).values["x"] == pytest.approx(unconstrained, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["map", "unconstrained_map"])
def test_a_hierarchy_with_clear_groups_is_not_left_at_tau_0(method: str) -> None:
    """Non-centred, the groups far apart: at tau = 0 the density has a stationary point, and the mode is at 13."""
    y = np.array([-12.0, -4.0, 0.0, 6.0, 10.0])

    def build() -> None:
        mu, tau = pm.Normal("mu", 0.0, 10.0), pm.HalfNormal("tau", 10.0)
        z = pm.Normal("z", 0.0, 1.0, shape=5)
        pm.Normal("y", mu + tau * z, 1.0, observed=y)

    # z at its best given tau, mu = 0 by symmetry.
    def profile(log_tau: float) -> float:
        tau = math.exp(log_tau)
        z = y * tau / (1 + tau**2)
        jacobian = log_tau if method == "unconstrained_map" else 0.0
        return float(tau**2 / 200 + ((y - tau * z) ** 2 + z**2).sum() / 2 - jacobian)

    exact = optimize.minimize_scalar(profile, bounds=(0.0, 4.0), method="bounded", options={"xatol": 1e-9})
    found = inside(bc.fit(problem(build), method))
    # SciPy's search stops at √1e-16 of its width.
    assert found.values["tau"] == pytest.approx(math.exp(exact.x), rel=1e-6)
    assert found.values["mu"] == pytest.approx(0.0, abs=1e-9)


# -- on the bound, seen from inside ----------------------------------------------------------------


def half(density: Callable[[Any], Any]) -> Build:
    return lambda: pm.Potential("p", density(pm.HalfFlat("x")))


#: A density over x ≥ 0 and its highest point; slope and curvature at 0 decide in turn.
FROM_0: dict[str, tuple[Callable[[Any], Any], float]] = {
    "falls at once": (lambda x: -x, 0.0),
    "falls at second order": (lambda x: -(x**2), 0.0),
    "falls at fourth order": (lambda x: -(x**4), 0.0),
    "rises at second order": (lambda x: x**2 - x**4, math.sqrt(0.5)),
    "falls, and there is a lower hill": (lambda x: -x + 4.0 * pt.exp(-((x - 5.0) ** 2)), 0.0),
}


@pytest.mark.parametrize("name", FROM_0)
def test_what_the_density_does_off_a_bound_decides(name: str) -> None:
    density, top = FROM_0[name]
    found = bc.fit(problem(half(density)), "map")
    if top == 0:
        assert on_the_bound(found, "x").values["x"] == 0.0
        assert found.unconstrained is not None
        assert found.unconstrained.tolist() == [-math.inf]
        assert found.log_density == pytest.approx(0.0, abs=1e-9)
    else:
        assert inside(found).values["x"] == pytest.approx(top, rel=NEWTON)


def test_a_higher_hill_that_one_start_alone_found_is_suspect() -> None:
    """The bound is where 15 of 16 starts run to; the hill at 5 is 1 nat higher."""

    def hill(x: float) -> float:
        return -x + 6 * math.exp(-((x - 5) ** 2))

    found = bc.fit(problem(half(lambda x: -x + 6.0 * pt.exp(-((x - 5.0) ** 2)))), "map")
    top = optimize.minimize_scalar(lambda x: -hill(x), bounds=(4, 6), method="bounded", options={"xatol": 1e-12})
    assert found.values["x"] == pytest.approx(top.x, rel=1e-7)
    assert found.log_density == pytest.approx(hill(top.x), rel=1e-9)
    assert found.status is Status.SUSPECT
    assert found.reasons == (Reason(Code.ONE_START, figures={"starts": 16}),)


#: Each on its bound exactly: model, MAP.
BOUNDS: dict[str, tuple[Build, float]] = {
    "Gamma(1, 2)": (lambda: pm.Gamma("x", 1.0, 2.0), 0.0),
    "HalfCauchy": (lambda: pm.HalfCauchy("x", 1.0), 0.0),
    "Pareto": (lambda: pm.Pareto("x", 2.0, 1.5), 1.5),
    "the upper end of a uniform": (lambda: pm.Potential("p", 3.0 * pm.Uniform("x", -1.0, 2.0)), 2.0),
    "a truncated normal": (lambda: pm.TruncatedNormal("x", -2.0, 1.0, lower=0.5, upper=5.0), 0.5),
}


@pytest.mark.parametrize("name", [*list(BOUNDS)[:1], *(pytest.param(n, marks=pytest.mark.slow) for n in [*BOUNDS][1:])])
def test_a_bound_is_returned_as_itself(name: str) -> None:
    build, bound = BOUNDS[name]
    at_a_bound = problem(aside(build))
    assert on_the_bound(bc.fit(at_a_bound, "map"), "x").values["x"] == bound
    assert inside(bc.fit(at_a_bound, "unconstrained_map")).values["x"] != bound


def test_on_a_bound_the_others_are_at_their_best() -> None:
    """Counts of 0 put rate on its bound; the mean beside it is a mean of four."""

    def build() -> None:
        rate = pm.HalfNormal("rate", 2.0)
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.Deterministic("ratio", mu / (1.0 + rate))
        pm.Poisson("k", rate, observed=np.zeros(3, dtype=int))
        pm.Normal("y", mu + rate, 1.0, observed=Y)

    found = on_the_bound(bc.fit(problem(build), "map"), "rate")
    assert found.values["rate"] == 0.0
    assert found.values["mu"] == pytest.approx(Y.sum() / 5, rel=1e-9)
    assert found.values["ratio"] == pytest.approx(Y.sum() / 5, rel=1e-9)


# -- ridges, plateaus, saddles ---------------------------------------------------------------------


def two_sums() -> None:
    """a + b is known, and c; a and b are not."""
    a, b, c = (pm.Normal(name, 0.0, 1.0) for name in "abc")
    pm.Deterministic("sum", a + b)
    pm.Deterministic("mixed", a + c)
    pm.Normal("y", a + b, 1.0, observed=Y)
    pm.Normal("w", c, 1.0, observed=3.5)


def test_a_ridge_is_named_by_its_parameters() -> None:
    found = nowhere(bc.fit(problem(two_sums), "mle"), "flat", "along a, b: a ridge")
    assert found.reasons[1].code is Code.ADVICE_ALLOW_UNIDENTIFIED
    assert bc.fit(problem(two_sums), "map").ok  # the prior makes a mode


def test_what_the_data_identify_can_be_asked_for() -> None:
    found = bc.fit(problem(two_sums), "mle", options=bc.ModeOptions(allow_unidentified=True))
    assert found.status is Status.SUSPECT
    assert "along a, b: a ridge, not a mode; what the data do not identify is NaN" in found.reasons[0].text
    expected = {"a": math.nan, "b": math.nan, "c": 3.5, "sum": Y.mean(), "mixed": math.nan}
    assert found.values == pytest.approx(expected, rel=1e-7, nan_ok=True)
    assert found.diagnostics["standard_errors_missing"] == "the curvature is singular"
    assert np.isnan(list(found.diagnostics["standard_errors"].values())).all()


def test_what_the_data_identify_on_a_curved_ridge() -> None:
    """A product is known, its factors are not."""

    def build() -> None:
        a, b = pm.HalfNormal("a", 1.0), pm.HalfNormal("b", 1.0)
        pm.Deterministic("product", a * b)
        pm.Deterministic("ratio", a / b)
        pm.Poisson("y", a * b, observed=np.array([3, 4, 6]))

    curved = problem(build)
    nowhere(bc.fit(curved, "mle"), "along a, b: a ridge")
    found = bc.fit(curved, "mle", options=bc.ModeOptions(allow_unidentified=True))
    expected = {"a": math.nan, "b": math.nan, "product": 13 / 3, "ratio": math.nan}
    assert found.values == pytest.approx(expected, rel=1e-6, nan_ok=True)


def test_what_the_data_identify_beside_a_bound() -> None:
    def build() -> None:
        rate = pm.Exponential("rate", 1.0)
        a, b = pm.Normal("a", 0.0, 1.0), pm.Normal("b", 0.0, 1.0)
        pm.Deterministic("sum", a + b)
        pm.Poisson("k", rate, observed=np.array([0, 0]))
        pm.Normal("y", a + b, 1.0, observed=Y)

    found = bc.fit(problem(build), "mle", options=bc.ModeOptions(allow_unidentified=True))
    expected = {"rate": 0.0, "a": math.nan, "b": math.nan, "sum": Y.mean()}
    assert found.values == pytest.approx(expected, rel=1e-7, nan_ok=True)
    assert found.diagnostics["boundary"] == ["rate"]


SCHOOLS = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])


def schools() -> None:
    mu, tau = pm.Normal("mu", 0.0, 5.0), pm.HalfCauchy("tau", 5.0)
    theta = pm.Normal("theta", mu, tau, shape=8)
    pm.Normal("y", theta, 10.0, observed=SCHOOLS)


def test_the_mle_of_a_hierarchy_is_refused_and_its_groups_can_be_asked_for() -> None:
    hierarchy = problem(schools)
    found = nowhere(bc.fit(hierarchy, "mle"), "does not depend on mu, tau", "hierarchical")
    assert found.evaluations == 0  # nothing to search
    known = bc.fit(hierarchy, "mle", options=bc.ModeOptions(allow_unidentified=True))
    assert known.status is Status.SUSPECT
    assert np.isnan(known.estimate[:2]).all()
    np.testing.assert_allclose(known.estimate[2:], SCHOOLS, rtol=1e-7)


def test_an_mle_under_improper_flat_priors_is_not_refused() -> None:
    def build() -> None:
        mu, sigma = pm.Flat("mu"), pm.HalfFlat("sigma")
        pm.Normal("y", mu, sigma, observed=Y)

    flat = problem(build)
    for method in ("mle", "map"):  # flat on the scale: one and the same
        found = inside(bc.fit(flat, method))
        assert found.estimate.tolist() == pytest.approx([Y.mean(), Y.std()], rel=NEWTON)


#: Densities without a highest point, or with too many.
LEVEL: dict[str, tuple[Build, str]] = {
    "a plateau": (lambda: pm.Potential("p", -(pt.maximum(abs(pm.Flat("x")) - 1.0, 0.0) ** 2)), "along x: a ridge"),
    "a uniform": (lambda: pm.Uniform("x", -2.0, 3.0), "along x: a ridge"),
    "nothing at all": (lambda: pm.HalfFlat("x"), "along x: a ridge"),
    "a sum": (lambda: pm.Normal("y", pm.Flat("a") + pm.Flat("b"), 1.0, observed=Y), "along a, b: a ridge"),
    "a product": (lambda: pm.Normal("y", pm.Flat("w") * pm.Flat("z"), 0.3, observed=Y + 2.0), "along w, z: a ridge"),
}


@pytest.mark.parametrize("name", LEVEL)
def test_what_is_level_has_no_mode(name: str) -> None:
    build, words = LEVEL[name]
    nowhere(bc.fit(problem(aside(build)), "map"), "flat", words)


def shallow_saddle() -> None:
    """From the saddle at 0 there are 2.5e-5 nats to gain: less than what tells two heights apart."""
    x = pm.Flat("x", shape=2)
    pm.Potential("p", 1e-4 * (x[0] ** 2 - x[0] ** 4) - x[1] ** 2)


def test_a_saddle_that_is_not_left_is_named() -> None:
    shallow = problem(shallow_saddle)
    nowhere(bc.fit(shallow, "map", options=bc.ModeOptions(starts=1)), "not concave", "along x: a saddle")
    found = inside(bc.fit(shallow, "map"))
    assert abs(found.values["x[0]"]) == pytest.approx(math.sqrt(0.5), rel=1e-4)


@pytest.mark.parametrize("starts", [1, 16])
def test_factors_that_start_at_zero_leave_it(starts: int) -> None:
    """Loadings times scores: at zero every slope is zero, and the density is a saddle. The mode, by its singular
    values: √(s − σ²) of the largest s, shared evenly, for each s is shrunk by the two unit priors."""
    rng = np.random.default_rng(0)
    noise = 0.3
    table = 2.0 * np.outer(rng.normal(size=3), rng.normal(size=5))

    def build() -> None:
        w, z = pm.Normal("w", 0.0, 1.0, shape=3), pm.Normal("z", 0.0, 1.0, shape=5)
        pm.Deterministic("product", w[:, None] * z)
        pm.Normal("y", w[:, None] * z, noise, observed=table)

    left, singular, right = np.linalg.svd(table)
    best = (singular[0] - noise**2) * np.outer(left[:, 0], right[0])
    found = bc.fit(problem(build), "map", options=bc.ModeOptions(starts=starts))
    assert found.status is (Status.SUSPECT if starts == 1 else Status.OK), found.reasons
    np.testing.assert_allclose(found.estimate[8:], best.ravel(), rtol=1e-6, atol=1e-8)
    w, z = found.estimate[:3], found.estimate[3:8]
    assert np.linalg.norm(w) == pytest.approx(np.linalg.norm(z), rel=1e-6)
    if starts > 1:
        assert Reason(Code.EQUAL_MODES, figures={"modes": 2}) in found.reasons


# -- no mode ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("a", [0.5, 0.99])
def test_a_gamma_below_shape_1_has_no_map(a: float) -> None:
    gamma = problem(aside(lambda: pm.Gamma("x", a, 2.0)))
    found = nowhere(bc.fit(gamma, "map"), "no mode exists", "grows without limit as x goes to 0")
    assert "marginal mode" in found.reasons[1].text
    # In log x there is one.
    assert inside(bc.fit(gamma, "unconstrained_map")).values["x"] == pytest.approx(a / 2, rel=NEWTON)


DOSE = np.array([-2.0, -1.0, 1.0, 2.0])


def separated() -> None:
    b = pm.Normal("b", 0.0, 1.0)
    pm.Bernoulli("y", logit_p=b * DOSE, observed=np.array([0, 0, 1, 1]))


def one_sided_group() -> None:
    """All of the second group are 1: its effect has no finite MLE, the first group's has."""
    group = np.repeat([0.0, 1.0], 4)
    b = pm.Normal("b", 0.0, 1.0, shape=2)
    pm.Bernoulli("y", logit_p=b[0] + b[1] * group, observed=np.array([0, 1, 0, 0, 1, 1, 1, 1]))


def no_events() -> None:
    b = pm.Normal("b", 0.0, 1.0)
    pm.Poisson("k", pm.math.exp(b), observed=np.array([0, 0]))


def separated_probit() -> None:
    b = pm.Normal("b", 0.0, 1.0)
    pm.Bernoulli("y", p=pm.math.invprobit(b * DOSE), observed=np.array([0, 0, 1, 1]))


@pytest.mark.parametrize("build", [separated, one_sided_group, no_events, separated_probit])
def test_separated_data_have_no_mle(build: Build) -> None:
    """The likelihood rises towards a limit for ever. A search that stops somewhere has a small decrement there, as at
    a mode, and a positive curvature."""
    both = problem(build)
    nowhere(bc.fit(both, "mle"), "no mode exists: the density rises for ever along b, towards a limit")
    inside(bc.fit(both, "map"))


def test_what_makes_a_mode_is_said_of_the_priors_that_are_there() -> None:
    def flat() -> None:
        pm.Bernoulli("y", logit_p=pm.Flat("b") * DOSE + pm.Normal("a", 0.0, 1.0), observed=np.array([0, 0, 1, 1]))

    found = nowhere(bc.fit(problem(flat), "map"), "rises for ever along b")
    assert found.reasons[1] == Reason(Code.ADVICE_PROPER_PRIOR, ("b",))
    assert bc.fit(problem(separated), "mle").reasons[1].code is Code.ADVICE_PRIOR


@pytest.mark.parametrize("sigma", [lambda: 1.0, lambda: pm.HalfFlat("sigma")], ids=["known", "free"])
def test_a_scale_under_a_flat_prior_times_its_effects_has_no_mode(sigma: Callable[[], Any]) -> None:
    """At c·tau and z/c the data are as likely and the effects' prior is higher, for every c > 1. Newton's steps along
    that curved way come to nothing far out, where the rest of the rise is rounding."""
    group = np.repeat(np.arange(3), 4)

    def non_centred() -> None:
        effects = pm.HalfFlat("tau") * pm.Normal("z", 0.0, 1.0, shape=3)
        pm.Normal("y", effects[group], sigma(), observed=2.0 * group - 2.0 + np.tile(Y, 3))

    nowhere(bc.fit(problem(non_centred), "map"), "rises for ever along tau")


def test_a_scale_under_a_flat_prior_whose_effects_are_centred_elsewhere_has_one() -> None:
    """tau² = Σ y² / n: what is level is told from what is wide."""

    def scale() -> None:
        pm.Normal("y", 0.0, pm.HalfFlat("tau"), observed=1e4 * Y)

    found = inside(bc.fit(problem(scale), "map"))
    assert found.values["tau"] == pytest.approx(1e4 * math.sqrt((Y**2).mean()), rel=1e-6)


def is_separated(X: np.ndarray, y: np.ndarray) -> bool:
    """Whether a plane has all of the ones on one side and all of the zeros on the other, or on itself: by a linear
    programme, the criterion of Albert and Anderson (1984, Biometrika 71, 1–10) for an MLE that does not exist."""
    signed = np.where(y[:, None] > 0, X, -X)
    found = optimize.linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(y)), bounds=(-1, 1))
    return bool(found.fun < -1e-9)


def test_the_mle_of_a_logistic_regression_fails_where_a_linear_programme_separates_the_data() -> None:
    """In several dimensions the search ends where the likelihood is within rounding of 1, its curvature all error."""
    rng = np.random.default_rng(1)
    X = np.column_stack([np.ones(10), rng.standard_normal((10, 3))])
    with pm.Model() as model:
        b = pm.Normal("b", 0.0, 1.5, shape=4)
        pm.Bernoulli("y", logit_p=X @ b, observed=pm.Data("y_data", np.zeros(10, dtype=int)))
    one, apart = Problem(model), []
    for _ in range(40):
        y = (rng.uniform(size=10) < 1 / (1 + np.exp(-X @ rng.normal(0.0, 1.5, 4)))).astype(int)
        found = bc.fit(one.with_data(y_data=y), "mle")
        apart.append(is_separated(X, y))
        if not apart[-1]:
            inside(found)
        else:
            nowhere(found, "no mode exists: the density rises for ever along b, towards a limit")
    assert 10 < sum(apart) < 30


def test_a_weak_prior_on_separated_data_has_a_mode_far_out() -> None:
    """2/(1 + eᵇ) + 4/(1 + e²ᵇ) = b/1000²."""

    def build() -> None:
        b = pm.Normal("b", 0.0, 1000.0)
        pm.Bernoulli("y", logit_p=b * DOSE, observed=np.array([0, 0, 1, 1]))

    def slope(b: float) -> float:
        return 2 / (1 + math.exp(b)) + 4 / (1 + math.exp(2 * b)) - b / 1e6

    exact = optimize.brentq(slope, 5.0, 30.0, xtol=1e-12)
    assert inside(bc.fit(problem(build), "map")).values["b"] == pytest.approx(exact, rel=1e-6)


def test_data_without_any_spread_have_no_mode() -> None:
    """mu on the one value, sigma to 0: at the end of the search the density is so steep that it is no parabola."""

    def build() -> None:
        mu, sigma = pm.Normal("mu", 0.0, 10.0), pm.HalfNormal("sigma", 5.0)
        pm.Normal("y", mu, sigma, observed=np.array([2.0, 2.0, 2.0]))

    nowhere(bc.fit(problem(build), "map"), "no mode exists", "sigma goes to 0")


SCALES: dict[str, tuple[Callable[[], Any], str]] = {
    "as PyMC makes it": (lambda: pm.HalfCauchy("s", 5.0), "s goes to 0"),
    "between two bounds": (lambda: pm.Uniform("s", 0.0, 100.0), "s goes to the edge of its range"),
    "untransformed": (lambda: pm.HalfCauchy("s", 5.0, default_transform=None), "s goes to 0"),
    "a logarithm": (lambda: pt.exp(pm.Normal("s", 0.0, 5.0)), "s goes to minus infinity"),
    "a magnitude": (lambda: abs(pm.Normal("s", 0.0, 5.0)), "s goes to 0"),
}


@pytest.mark.parametrize("name", ["untransformed", *(pytest.param(n, marks=pytest.mark.slow) for n in SCALES)])
def test_the_scale_of_a_centred_hierarchy_is_named_however_it_is_written(name: str) -> None:
    scale, goes = SCALES[name]

    def build() -> None:
        mu, s = pm.Normal("mu", 0.0, 5.0), scale()
        theta = pm.Normal("theta", mu, s, shape=4)
        pm.Normal("y", theta, np.array([15.0, 10.0, 16.0, 11.0]), observed=np.array([28.0, 8.0, -3.0, 7.0]))

    found = nowhere(bc.fit(problem(build), "map"), f"no mode exists: the density grows without limit as {goes}")
    assert "the non-centred form of theta" in found.reasons[1].text


# -- starts ----------------------------------------------------------------------------------------


def test_starts_outside_of_the_support_are_left_out() -> None:
    """x = −1 where the search would begin, and log x in the density: prior draws and jitter above 0 find the mode."""

    def build() -> None:
        x = pm.Normal("x", 0.0, 2.0, initval=-1.0)
        pm.Potential("p", 2.0 * pt.log(x))
        pm.Normal("y", x, 1.0, observed=Y)

    found = bc.fit(problem(build), "map")
    # 2/x − x/4 + Σ(y − x) = 0
    exact = (Y.sum() + math.sqrt(Y.sum() ** 2 + 4 * 2 * 4.25)) / (2 * 4.25)
    assert inside(found).values["x"] == pytest.approx(exact, rel=NEWTON)
    assert 0 < found.diagnostics["starts_unusable"] < 15
    assert found.diagnostics["starts_unusable"] + len(found.diagnostics["starts"]) == 16
    assert "initial" not in {start["kind"] for start in found.diagnostics["starts"]}


def test_a_gradient_that_is_not_finite_at_the_initial_point_is_no_end() -> None:
    """√(x²) at 0: a value, and no slope."""

    def build() -> None:
        x = pm.Normal("x", 0.0, 2.0)
        pm.Normal("y", pt.sqrt(x**2), 1.0, observed=Y + 2.0)

    rooted = problem(build)
    assert rooted.density(np.zeros(1), (1.0, 1.0, 1.0))[0] == -math.inf
    found = inside(bc.fit(rooted, "map"))
    assert abs(found.values["x"]) == pytest.approx((Y + 2).sum() / 4.25, rel=NEWTON)
    with pytest.raises(NoFiniteStartError, match="its gradient is not finite"):
        bc.fit(rooted, "map", options=bc.ModeOptions(starts=1))


def test_a_scale_without_a_transform_that_collapses_is_named() -> None:
    def build() -> None:
        x = pm.Normal("x", 0.0, 2.0)
        pm.Normal("y", 0.0, 0.5 * abs(x), observed=np.zeros(2))

    nowhere(bc.fit(problem(build), "map"), "no mode exists", "as x goes to 0")


def test_a_hard_edge_is_a_boundary() -> None:
    """The density is highest where it ends, at x = 1, and zero below: no stationary point, no bound of a transform."""

    def build() -> None:
        x = pm.Normal("x", 0.0, 2.0, initval=2.0)
        pm.Potential("p", pt.switch(x > 1.0, -x, -np.inf))
        pm.Normal("y", x, 1.0, observed=Y)

    assert on_the_bound(bc.fit(problem(build), "map"), "x").values["x"] == pytest.approx(1.0, abs=1e-9)


def test_a_density_that_rises_only_beyond_a_small_constant_of_the_likelihood_is_seen_to_rise() -> None:
    deaths, exposure = np.array([3, 2, 4, 1]), np.array([5.0, 4.0, 3.0, 2.0])

    def hazards() -> None:  # Gamma(0.01, 0.01) is infinite at 0; from log(rate) = -27 on nothing holds against it
        pm.Poisson("y", exposure * pm.Gamma("hazard", 0.01, 0.01, shape=4) + 1e-12, observed=deaths)

    for seed in (1, 2, 3):
        found = bc.fit(problem(hazards), "map", random_seed=seed)
        assert found.reasons[0].code in (Code.HIGHEST_INTERIOR, Code.GROWS_WITHOUT_LIMIT)
        assert found.reasons[0].variables == ("hazard",)
        if found.ok:
            np.testing.assert_allclose(found.estimate, (deaths - 0.99) / (exposure + 0.01), rtol=1e-6)


# -- strict ----------------------------------------------------------------------------------------

NOT_OK: list[tuple[Build, str, bc.ModeOptions | None, str]] = [
    (two_sums, "mle", None, "mle is failed: the density is flat"),
    (two_sums, "mle", bc.ModeOptions(allow_unidentified=True), "mle is suspect: the density is flat"),
    (two_sums, "map", bc.ModeOptions(starts=1), "map is suspect: only one of 1 starts ended here"),
    (schools, "mle", None, "mle is failed: the MLE does not exist"),
    (separated, "mle", None, "mle is failed: no mode exists"),
]


@pytest.mark.parametrize(("build", "method", "options", "words"), NOT_OK)
def test_strict_raises_what_is_not_ok(build: Build, method: str, options: bc.ModeOptions | None, words: str) -> None:
    one = problem(build)
    with pytest.raises(FitError, match=words) as caught:
        bc.fit(one, method, options=options, strict=True)
    assert isinstance(caught.value.fit, bc.Fit)
    assert not caught.value.fit.ok
    assert not bc.fit(one, method, options=options).ok  # without it the same is returned


def test_strict_returns_what_is_ok() -> None:
    assert bc.fit(problem(two_sums), "map", strict=True).ok


@pytest.mark.slow
@pytest.mark.parametrize("build", [separated, schools, two_sums, shallow_saddle, one_sided_group])
@pytest.mark.parametrize("method", ["mle", "map", "unconstrained_map"])
def test_other_seeds_end_alike(build: Build, method: str) -> None:
    one = problem(build)
    found = [bc.fit(one, method, random_seed=seed) for seed in range(4)]
    assert len({f.status for f in found}) == 1
    for other in found[1:]:
        assert other.log_density == pytest.approx(found[0].log_density, abs=1e-9, nan_ok=True)
        np.testing.assert_allclose(np.abs(other.estimate), np.abs(found[0].estimate), rtol=1e-4, atol=1e-7)

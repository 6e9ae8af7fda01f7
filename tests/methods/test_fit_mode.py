"""Modes against closed forms, PyMC and least squares; and the endings that look alike are told apart."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
from scipy import stats

import bayescompare as bc
from bayescompare.errors import FitError, NoFiniteStartError, UsageError
from bayescompare.methods.modes import curvature, search
from bayescompare.methods.modes.options import ModeOptions
from bayescompare.model.backends import without_compiler
from bayescompare.model.problem import Problem
from bayescompare.reasons import Code, Reason
from bayescompare.results.fit import Fit, Status

Y = np.array([0.3, -1.2, 0.8, 2.1])

# A decrement of 1e-8 nats is 1.4e-4 posterior sd; Newton's last step squares that: 2e-8, and rounding below it.
NEWTON = 1e-7


def problem(build: Callable[[], Any]) -> Problem:
    with pm.Model() as model:
        build()
    return Problem(model)


def value(fit: Fit, name: str) -> float:
    assert fit.status is Status.OK, fit.reasons
    return fit.values[name]


# -- closed forms ------------------------------------------------------------------------------------------


def normal_normal() -> None:
    mu = pm.Normal("mu", 1.0, 2.0)
    pm.Normal("y", mu, 1.5, observed=Y)


@pytest.fixture(scope="module")
def normal() -> Problem:
    return problem(normal_normal)


def test_normal_normal(normal: Problem) -> None:
    precision = 1 / 4 + 4 / 2.25
    exact = (1.0 / 4 + Y.sum() / 2.25) / precision
    for name in ("map", "unconstrained_map"):
        found = bc.fit(normal, name)
        assert value(found, "mu") == pytest.approx(exact, rel=1e-12)
        joint = stats.norm(1.0, 2.0).logpdf(exact) + stats.norm(exact, 1.5).logpdf(Y).sum()
        assert found.log_density == pytest.approx(joint, rel=1e-13)
        assert found.diagnostics["starts_agree"] == 16
        assert found.diagnostics["newton_decrement"] < 1e-20
    assert value(bc.fit(normal, "mle"), "mu") == pytest.approx(Y.mean(), rel=1e-12)


def test_beta_binomial() -> None:
    """Posterior Beta(9, 6): mode 8/13; on the log-odds scale 9/15."""

    def build() -> None:
        p = pm.Beta("p", 2.0, 3.0)
        pm.Deterministic("odds", p / (1.0 - p))
        pm.Binomial("y", n=10, p=p, observed=7)

    beta = problem(build)
    assert value(bc.fit(beta, "map"), "p") == pytest.approx(8 / 13, rel=NEWTON)
    assert value(bc.fit(beta, "map"), "odds") == pytest.approx(8 / 5, rel=NEWTON)
    assert value(bc.fit(beta, "unconstrained_map"), "p") == pytest.approx(9 / 15, rel=NEWTON)
    assert value(bc.fit(beta, "mle"), "p") == pytest.approx(0.7, rel=NEWTON)


def test_gamma_poisson() -> None:
    """Posterior Gamma(a, b): MAP (a − 1)/b, on the log scale a/b."""
    k = np.array([3, 1, 4])

    def build() -> None:
        rate = pm.Gamma("rate", 2.5, 1.5)
        pm.Poisson("k", rate, observed=k)

    a, b = 2.5 + k.sum(), 1.5 + 3
    gamma = problem(build)
    assert value(bc.fit(gamma, "map"), "rate") == pytest.approx((a - 1) / b, rel=NEWTON)
    assert value(bc.fit(gamma, "unconstrained_map"), "rate") == pytest.approx(a / b, rel=NEWTON)
    assert value(bc.fit(gamma, "mle"), "rate") == pytest.approx(8 / 3, rel=NEWTON)


@pytest.mark.slow
def test_dirichlet_multinomial() -> None:
    prior, k = np.array([2.0, 3.0, 4.0]), np.array([2, 3, 0])

    def build() -> None:
        p = pm.Dirichlet("p", prior)
        pm.Multinomial("k", 5, p, observed=k)

    found = bc.fit(problem(build), "map")
    np.testing.assert_allclose(found.estimate, (prior + k - 1) / (prior + k - 1).sum(), rtol=NEWTON)


def test_one_model_has_three_modes() -> None:
    """Normal with unknown scale: σ² = S/n (MLE), S/(n + 1) under 1/σ, S/n again on the log scale."""

    def build() -> None:
        mu = pm.Flat("mu")
        sigma = pm.HalfFlat("sigma")
        pm.Potential("jeffreys", -pt.log(sigma))
        pm.Normal("y", mu, sigma, observed=Y)

    spread = ((Y - Y.mean()) ** 2).sum()
    both = problem(build)
    # Potentials weigh with the likelihood, so here the MLE is the MAP.
    for name, count in (("mle", 5), ("map", 5), ("unconstrained_map", 4)):
        found = bc.fit(both, name)
        assert value(found, "mu") == pytest.approx(Y.mean(), rel=NEWTON)
        assert value(found, "sigma") == pytest.approx(math.sqrt(spread / count), rel=NEWTON)


def test_raw_columns() -> None:
    """Regression on columns as they come (height in cm, a year, an income): the exact mode, where BFGS stops early."""
    rng = np.random.default_rng(5)
    n = 60
    columns = np.column_stack([np.ones(n), rng.normal(170, 9, n), rng.normal(1990, 8, n), rng.normal(4e4, 1.5e4, n)])
    y = columns @ [2e4, 150.0, -20.0, 0.3] + rng.normal(0, 5e3, n)

    def build() -> None:
        b = pm.Flat("b", shape=4)
        sigma = pm.HalfFlat("sigma")
        pm.Normal("y", (columns * b).sum(axis=-1), sigma, observed=y)

    found = bc.fit(problem(build), "map")
    exact, residual, *_ = np.linalg.lstsq(columns, y, rcond=None)
    sigma = math.sqrt(residual[0] / n)
    assert found.status is Status.OK, found.reasons
    np.testing.assert_allclose(found.estimate, [*exact, sigma], rtol=1e-6)
    sd = sigma * np.sqrt(np.diag(np.linalg.inv(columns.T @ columns)))
    assert np.max(np.abs(found.estimate[:4] - exact) / sd) < 1e-6


def test_raw_column_in_an_exponential_mean() -> None:
    """A step of 1e-3 along a coefficient of a column near 10⁶ overflows; the mode is found for all that."""
    rng = np.random.default_rng(2)
    x = 1e6 * (1 + rng.random(80))
    k = rng.poisson(np.exp(1 + 1e-6 * (x - 1.5e6)))

    def build() -> None:
        a, b = pm.Flat("a"), pm.Flat("b")
        pm.Poisson("k", pm.math.exp(a + b * x), observed=k)

    found = bc.fit(problem(build), "map")
    rate = np.exp(value(found, "a") + value(found, "b") * x)
    # The score equations of a Poisson regression.
    assert rate.sum() == pytest.approx(k.sum(), rel=1e-7)
    assert (rate * x).sum() == pytest.approx((k * x).sum(), rel=1e-7)


@pytest.mark.slow
def test_agrees_with_find_map_where_that_is_right(normal: Problem) -> None:
    def simplex_and_scale() -> None:
        s = pm.Gamma("s", 3.0, 2.0)
        w = pm.Beta("w", 2.0, 2.0)
        pm.Normal("y", w, s, observed=Y)

    for one in (normal, problem(simplex_and_scale)):
        with warnings.catch_warnings(), without_compiler():
            warnings.simplefilter("ignore")
            theirs = pm.find_MAP(model=one.model, progressbar=False, return_inferencedata=True, jitter=False)
        found = bc.fit(one, "map")
        for rv in one.model.free_RVs:
            # BFGS stops at a gradient of 1e-5.
            assert value(found, rv.name) == pytest.approx(float(theirs["posterior"][rv.name].squeeze()), abs=2e-5)


# -- endings -----------------------------------------------------------------------------------------------


def free_of_data(build: Callable[[], Any]) -> Callable[[], Any]:
    def with_dummy() -> None:
        build()
        pm.Normal("y", 0.0, 1.0, observed=0.0)

    return with_dummy


def test_exponential_has_its_map_on_the_boundary() -> None:
    exponential = problem(free_of_data(lambda: pm.Exponential("x", 1.0)))
    found = bc.fit(exponential, "map")
    assert value(found, "x") == 0.0
    assert found.diagnostics["boundary"] == ["x"]
    assert found.reasons == (Reason(Code.ON_BOUNDARY, ("x",)),)
    assert found.unconstrained is not None
    assert found.unconstrained.tolist() == [-math.inf]
    # The density at 0 is 1; u = −40 stands for it.
    assert found.log_density == pytest.approx(stats.norm.logpdf(0.0), rel=1e-14)
    inner = bc.fit(exponential, "unconstrained_map")
    assert value(inner, "x") == pytest.approx(1.0, rel=NEWTON)
    assert inner.diagnostics["boundary"] == []


def test_only_successes_put_the_mode_at_one() -> None:
    def build() -> None:
        p = pm.Uniform("p", 0.0, 1.0)
        pm.Binomial("y", n=5, p=p, observed=5)

    both = problem(build)
    found = bc.fit(both, "map")
    assert value(found, "p") == 1.0
    assert found.diagnostics["boundary"] == ["p"]
    assert value(bc.fit(both, "unconstrained_map"), "p") == pytest.approx(6 / 7, rel=NEWTON)


@pytest.mark.slow
def test_an_empty_category_is_on_the_simplexs_boundary() -> None:
    def build() -> None:
        p = pm.Dirichlet("p", np.ones(4))
        pm.Multinomial("k", 8, p, observed=np.array([5, 0, 3, 0]))

    found = bc.fit(problem(build), "map")
    assert found.status is Status.OK, found.reasons
    assert found.diagnostics["boundary"] == ["p[1]", "p[3]"]
    np.testing.assert_allclose(found.estimate, [5 / 8, 0.0, 3 / 8, 0.0], rtol=0, atol=1e-6)
    assert found.estimate[1] == found.estimate[3] == 0.0


SCHOOLS = (
    np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0]),
    np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0]),
)


def eight_schools(centred: bool) -> None:
    mu = pm.Normal("mu", 0.0, 5.0)
    tau = pm.HalfCauchy("tau", 5.0)
    theta = pm.Normal("theta", mu, tau, shape=8) if centred else mu + tau * pm.Normal("z", 0.0, 1.0, shape=8)
    pm.Normal("y", theta, SCHOOLS[1], observed=SCHOOLS[0])


def test_centred_eight_schools_has_no_mode() -> None:
    schools = problem(lambda: eight_schools(centred=True))
    for name in ("map", "unconstrained_map"):
        failed(bc.fit(schools, name), "no mode exists", "tau goes to 0")
    failed(bc.fit(schools, "mle"), "does not depend on mu, tau", "hierarchical")


def test_non_centred_eight_schools_has_its_mode_at_tau_0() -> None:
    found = bc.fit(problem(lambda: eight_schools(centred=False)), "map")
    assert value(found, "tau") == 0.0
    assert found.diagnostics["boundary"] == ["tau"]
    y, sigma = SCHOOLS
    exact = (y / sigma**2).sum() / ((1 / sigma**2).sum() + 1 / 25)
    assert found.values["mu"] == pytest.approx(exact, rel=NEWTON)
    np.testing.assert_allclose(found.estimate[2:], 0.0, atol=1e-9)


def failed(found: Fit, *words: str) -> None:
    """A failure is loud, says why, and leaves no number behind."""
    assert found.status is Status.FAILED
    assert not found.ok
    assert all(word in found.reasons[0].text for word in words), found.reasons
    assert np.isnan(found.estimate).all()
    assert math.isnan(found.log_density)
    assert found.unconstrained is None
    assert found.diagnostics["boundary"] == []


def unbounded_gamma() -> None:
    pm.Gamma("x", 0.5, 1.0)


def funnel() -> None:
    s = pm.HalfNormal("s", 1.0)
    x = pm.Normal("x", 0.0, s)
    pm.Normal("y", x, 1.0, observed=Y)


def degrees_of_freedom() -> None:
    nu = pm.HalfFlat("nu")
    pm.StudentT("y", nu=nu, mu=0.0, sigma=1.0, observed=np.linspace(-1.0, 1.0, 9))


def unused() -> None:
    scale = pm.HalfNormal("scale", 1.0)
    x = pm.Normal("x", 0.0, 1.0)
    pm.Normal("y", x + 0.0 * scale, 1.0, observed=Y)


def sum_only() -> None:
    x = pm.Normal("x", 0.0, 1.0, shape=3)
    pm.Normal("y", (x * np.array([0.3, -1.1, 0.7])).sum(), 1.0, observed=Y)


def product_only() -> None:
    x = pm.Normal("x", 0.0, 1.0, shape=2)
    pm.Normal("y", x[0] * x[1], 1.3, observed=Y + 3.0)


NO_MODE = [
    (free_of_data(unbounded_gamma), "map", ("no mode exists", "x goes to 0")),
    (funnel, "map", ("no mode exists", "s goes to 0")),
    pytest.param(degrees_of_freedom, "map", ("no mode exists", "nu grows without limit"), marks=pytest.mark.slow),
    pytest.param(degrees_of_freedom, "unconstrained_map", ("no mode exists", "infinity"), marks=pytest.mark.slow),
    (unused, "mle", ("does not depend on scale",)),
    (sum_only, "mle", ("flat", "x")),
    (product_only, "mle", ("flat", "x")),
]


@pytest.mark.parametrize(("build", "method", "words"), NO_MODE)
def test_what_has_no_mode_fails_and_says_why(build: Callable[[], Any], method: str, words: tuple[str, ...]) -> None:
    failed(bc.fit(problem(build), method), *words)


def double_well() -> None:
    x = pm.Flat("x", shape=2)
    pm.Potential("wells", -((x[0] ** 2 - 1.0) ** 2) - x[1] ** 2)


def test_a_saddle_is_not_a_mode_and_other_starts_leave_it() -> None:
    """The initial point is the saddle itself: gradient zero, nothing for a first-order search to do."""
    wells = problem(double_well)
    alone = bc.fit(wells, "map", options=ModeOptions(starts=1))
    assert abs(alone.values["x[0]"]) == pytest.approx(1.0, rel=NEWTON)
    found = bc.fit(wells, "map")
    assert abs(value(found, "x[0]")) == pytest.approx(1.0, rel=NEWTON)
    assert value(found, "x[1]") == pytest.approx(0.0, abs=NEWTON)
    assert found.reasons == (Reason(Code.EQUAL_MODES, figures={"modes": 2}),)
    assert [m["log_density"] for m in found.diagnostics["modes"]] == pytest.approx([0.0, 0.0], abs=1e-12)
    assert sum(m["starts"] for m in found.diagnostics["modes"]) == 16


def test_one_start_alone_is_suspect_but_has_its_number(normal: Problem) -> None:
    found = bc.fit(normal, "map", options=ModeOptions(starts=1))
    assert found.status is Status.SUSPECT
    assert found.reasons == (Reason(Code.ONE_START, figures={"starts": 1}),)
    assert found.estimate[0] == pytest.approx(bc.fit(normal, "map").estimate[0], rel=1e-12)


@pytest.mark.slow
def test_an_interior_mode_says_that_the_density_is_unbounded_elsewhere() -> None:
    """A component of the mixture can shrink onto one observation."""
    y = np.array([-2.1, -1.9, -2.0, 1.9, 2.2, 2.05, 0.1])

    def build() -> None:
        mu = pm.Normal("mu", 0.0, 3.0, shape=2)
        s = pm.HalfNormal("s", 2.0, shape=2)
        pm.NormalMixture("y", w=np.array([0.5, 0.5]), mu=mu, sigma=s, observed=y)

    found = bc.fit(problem(build), "map")
    assert found.status is Status.OK
    assert "no maximum" in found.reasons[0].text
    assert "s goes to 0" in found.reasons[0].text
    assert max(s["log_density"] for s in found.diagnostics["starts"]) > found.log_density + 1


def test_density_zero_everywhere_is_refused() -> None:
    def build() -> None:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Uniform("y", 5.0 + 0.0 * x, 6.0, observed=Y)

    with pytest.raises(NoFiniteStartError, match="zero or NaN at all of 16 starts"):
        bc.fit(problem(build), "map")


# -- the contract --------------------------------------------------------------------------------------------


def test_one_seed_one_result_to_the_bit() -> None:
    first, second = (bc.fit(problem(double_well), "map", random_seed=7) for _ in range(2))
    assert first.estimate.tobytes() == second.estimate.tobytes()
    assert first.log_density == second.log_density
    assert first.evaluations == second.evaluations
    assert first.diagnostics == second.diagnostics


def test_other_seeds_start_elsewhere_and_find_the_same(normal: Problem) -> None:
    points = [np.concatenate([u for _, u in search.starts(normal, 16, seed)]) for seed in (0, 1)]
    assert points[0][0] == points[1][0]  # the initial point
    assert not np.any(points[0][1:] == points[1][1:])
    found = [bc.fit(normal, "map", random_seed=seed).estimate[0] for seed in (0, 1)]
    assert found[0] == pytest.approx(found[1], rel=1e-12)


@pytest.mark.parametrize("count", [1, 2, 8, 16])
def test_as_many_starts_as_asked(normal: Problem, count: int) -> None:
    kinds = [kind for kind, _ in search.starts(normal, count, 0)]
    assert len(kinds) == count
    assert kinds[0] == "initial"
    assert {"jitter", "wide jitter", "prior"} <= set(kinds) or count < 8


def test_the_hessian_is_the_exact_one(normal: Problem) -> None:
    h = curvature.hessian(normal.density, np.array([0.4]), (1.0, 1.0, 1.0))
    # Differences of a linear gradient: rounding alone, 1e-16 · |gradient| / 1e-3.
    assert h[0, 0] == pytest.approx(1 / 4 + 4 / 2.25, rel=1e-11)


def test_strict_raises_with_the_fit() -> None:
    with pytest.raises(FitError, match="map is failed: no mode exists") as caught:
        bc.fit(problem(free_of_data(unbounded_gamma)), "map", strict=True)
    assert isinstance(caught.value.fit, Fit)
    assert caught.value.fit.status is Status.FAILED


def test_options_of_another_method_are_refused(normal: Problem) -> None:
    with pytest.raises(UsageError, match="map takes ModeOptions, not SamplerOptions"):
        bc.fit(normal, "map", options=bc.SamplerOptions())

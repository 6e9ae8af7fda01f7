"""Every exhibit of the museum: right to rounding, or loud. Never a wrong number with status ok."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from exhibits import EXHIBITS, PAIR, A, B, float_prior
from scipy.special import gammaln

import bayescompare as bc
from bayescompare.errors import FitError, NoFiniteStartError
from bayescompare.reasons import Code, Reason

# A decrement of 1e-8 nats is 1.4e-4 posterior sd, and Newton's last step squares that.
NEWTON = 1e-7

# Differences of the gradient carry about 1e-11 of the largest curvature; where the smallest is RATIO of it, the
# standard error is good to 1e-11 / RATIO / 2.
NOISE = 1e-11

ALONE = bc.ModeOptions(starts=1)


@cache
def problem(name: str) -> bc.Problem:
    return bc.Problem(EXHIBITS[name].build())


@cache
def fit(name: str, method: str) -> bc.Fit:
    return bc.fit(problem(name), method)


def loud(found: bc.Fit, *words: str) -> None:
    """Failed, with a reason in these words, and no number that could be taken for a result."""
    assert found.status is bc.Status.FAILED
    assert all(word in found.reasons[0].text for word in words), found.reasons
    assert np.isnan(found.estimate).all()
    assert math.isnan(found.log_density)
    assert found.unconstrained is None
    assert found.draws is None


# -- right ------------------------------------------------------------------------------------------------------------

#: The mirror image of a mode is as good as the mode itself.
MIRRORS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"factor": np.abs, "unordered_mixture": np.sort}

RIGHT = [
    (name, method)
    for name, exhibit in EXHIBITS.items()
    for method in exhibit.truth
    if name not in ("integer_prior", "beta_spike")
]


@pytest.mark.parametrize(("name", "method"), RIGHT)
def test_the_mode_is_the_true_one(name: str, method: str) -> None:
    found, truth = fit(name, method), EXHIBITS[name].truth[method]
    assert found.status is bc.Status.OK, found.reasons
    values = np.array([found.values[scalar] for scalar in truth])
    expected = np.array(list(truth.values()))
    np.testing.assert_allclose(MIRRORS.get(name, np.asarray)(values), expected, rtol=NEWTON, atol=1e-12)
    assert found.diagnostics["newton_decrement"] <= 1e-8
    assert found.diagnostics["second_opinion_gap"] <= 1e-8
    assert found.diagnostics["starts_agree"] >= 2
    assert found.diagnostics["eigenvalue_min"] > 0


@pytest.mark.parametrize("name", ["gamma_one", "exponential"])
def test_a_mode_on_the_boundary_is_the_boundary_and_says_so(name: str) -> None:
    """Both are Exponential(1). Other tools return the point where they stopped creeping."""
    found = fit(name, "map")
    assert found.values["x"] == 0.0
    assert found.diagnostics["boundary"] == ["x"]
    assert Reason(Code.ON_BOUNDARY, ("x",)) in found.reasons
    assert fit(name, "unconstrained_map").diagnostics["boundary"] == []
    assert math.isnan(found.diagnostics["standard_errors"]["x"])


@pytest.mark.parametrize("name", ["factor", "unordered_mixture"])
def test_mirrored_modes_are_both_found(name: str) -> None:
    modes = fit(name, "map").diagnostics["modes"]
    assert len(modes) == 2
    assert modes[0]["log_density"] == pytest.approx(modes[1]["log_density"], abs=1e-8)


def test_the_lower_hill_is_found_and_is_not_the_answer() -> None:
    """Robust locations: five sensors near 12, three near −1 where the search starts."""
    found = fit("two_hills", "map")
    higher, lower = found.diagnostics["modes"]
    assert found.log_density == higher["log_density"] > lower["log_density"] + 10
    assert -2 < lower["u"][0] < 0
    assert higher["starts"] >= 2
    assert lower["starts"] > higher["starts"]


# -- one start alone, as other tools have it --------------------------------------------------------------------------


def test_a_start_without_a_gradient_is_no_result() -> None:
    with pytest.raises(NoFiniteStartError):
        bc.fit(problem("beacon_at_the_start"), "map", options=ALONE)


@pytest.mark.parametrize("name", ["factor", "unordered_mixture"])
def test_a_start_on_a_saddle_is_left(name: str) -> None:
    """No slope, and yet no top: the search goes on along the direction in which the density rises."""
    found, truth = bc.fit(problem(name), "map", options=ALONE), EXHIBITS[name].truth["map"]
    np.testing.assert_allclose(MIRRORS[name](found.estimate), list(truth.values()), rtol=NEWTON)
    assert found.diagnostics["eigenvalue_min"] > 0


@pytest.mark.parametrize("name", ["epidemic_from_a_bad_start", "two_hills", "factor", "unordered_mixture"])
def test_what_one_start_found_is_not_trusted(name: str) -> None:
    """From the one start that other tools use: never ok, so the comparison's gate stays shut."""
    found = bc.fit(problem(name), "map", options=ALONE)
    assert not found.ok
    assert found.reasons
    with pytest.raises(FitError):
        bc.fit(problem(name), "map", options=ALONE, strict=True)


# -- loud -------------------------------------------------------------------------------------------------------------

LOUD = [
    ("hierarchy", "map", ("no mode exists", "sigma_a goes to 0")),
    ("hierarchy", "unconstrained_map", ("no mode exists", "sigma_a goes to 0")),
    ("hierarchy", "laplace", ("no mode exists", "sigma_a")),
    ("gamma_half", "map", ("no mode exists", "x goes to 0")),
    ("beta_spike", "map", ("no mode exists", "B goes to")),
    ("all_successes", "map", ("no mode exists", "p goes to")),
    ("ridge", "map", ("ridge", "a", "b")),
    ("ridge", "mle", ("ridge", "a", "b")),
    ("ridge", "laplace", ("ridge", "a", "b")),
    ("weakly_identified", "mle", ("ridge", "a", "b")),
]


@pytest.mark.parametrize(("name", "method", "words"), LOUD)
def test_what_has_no_mode_fails_and_says_why(name: str, method: str, words: tuple[str, ...]) -> None:
    loud(fit(name, method), *words)
    with pytest.raises(FitError, match=words[0]):
        bc.fit(problem(name), method, strict=True)


def test_the_likelihood_of_a_hierarchy_is_not_maximised() -> None:
    """Without their priors the group's mean and scale are a plateau."""
    loud(fit("hierarchy", "mle"), "hierarchical", "sigma_a")


def test_an_edge_where_the_density_falls_is_not_a_boundary_mode() -> None:
    """On the log-odds scale Beta(a, b) has its mode at a/(a + b), however near to 1, with a Laplace sd of 224."""
    found = fit("beta_spike", "unconstrained_map")
    truth = EXHIBITS["beta_spike"].truth["unconstrained_map"]["B"]
    assert found.status is bc.Status.OK, found.reasons
    assert found.diagnostics["boundary"] == []
    assert found.values["B"] == pytest.approx(truth, rel=NEWTON)


# -- standard errors --------------------------------------------------------------------------------------------------


def standard_errors(name: str) -> dict[str, float]:
    found: dict[str, float] = fit(name, "map").diagnostics["standard_errors"]
    return found


def test_no_standard_error_where_the_curvature_is_singular() -> None:
    assert all(math.isnan(se) for se in standard_errors("ridge").values())


def test_a_hardly_identified_direction_has_its_wide_standard_error() -> None:
    """y ~ N(a + b, 1) and a, b ~ N(0, 1000²): sd 707, where a pseudo-inverse says 0.25."""
    ratio = 1 / 1000**2 / len(PAIR)
    exact = dict(EXHIBITS["weakly_identified"].errors)
    assert standard_errors("weakly_identified") == pytest.approx(exact, rel=NOISE / ratio)


def test_laplace_draws_differ_where_the_hessian_is_nearly_singular() -> None:
    mean, sd = EXHIBITS["stiff"].truth["map"]["a"], EXHIBITS["stiff"].errors["a"]
    found = fit("stiff", "laplace")
    assert found.status is bc.Status.OK, found.reasons
    assert found.draws is not None
    ratio = 1 / 10**2 / (len(PAIR) / 2e-3**2)
    np.testing.assert_allclose(found.estimate, mean, rtol=0, atol=1e-6 * sd)
    np.testing.assert_allclose([found.diagnostics["sd"][name] for name in "ab"], sd, rtol=NOISE / ratio)
    draws = found.draws[0]
    # Each part is free, their sum is not: 4,000 different draws on a line of width 0.001.
    assert len(np.unique(draws, axis=0)) == len(draws)
    assert draws.sum(axis=1).std() == pytest.approx(2e-3 / math.sqrt(len(PAIR)), rel=0.01)


def test_a_failed_laplace_has_no_draws_at_all() -> None:
    found = fit("ridge", "laplace")
    assert found.draws is None
    assert found.unconstrained_draws is None
    assert np.isnan(found.estimate).all()
    assert not any(np.isfinite(list(found.diagnostics.get("sd", {}).values())))


def test_standard_errors_come_from_the_curvature_at_the_mode() -> None:
    exact, found = dict(EXHIBITS["heights"].errors), standard_errors("heights")
    assert all(se > 0 for se in found.values())
    # Central differences with a step of 1e-3 Laplace sd: an error of 1e-6 of the curvature.
    assert {name: found[name] for name in exact} == pytest.approx(exact, rel=1e-5)


def test_a_mode_of_a_factor_model_has_positive_variances() -> None:
    """−∇² at w = z = √0.99 is [[100, 98], [98, 100]]; at the saddle 0 it is [[1, −100], [−100, 1]]."""
    exact = math.sqrt(100 / (100**2 - 98**2))
    assert standard_errors("factor") == pytest.approx({"w": exact, "z": exact}, rel=1e-5)


# -- coordinates ------------------------------------------------------------------------------------------------------


def test_laplace_keeps_the_jacobian() -> None:
    """Posterior Gamma(a, b): N(log a/b, 1/a) on the log scale; without the Jacobian N(log (a − 1)/b, 1/(a − 1))."""
    found = fit("gamma_poisson", "laplace")
    assert found.status is bc.Status.OK, found.reasons
    np.testing.assert_allclose(found.unconstrained, math.log(A / B), rtol=NEWTON)
    # The fourth derivative is 1/a of the second; a step of 1e-3 sd leaves 1e-7 of it.
    np.testing.assert_allclose(
        found.diagnostics["unconstrained_sd"], EXHIBITS["gamma_poisson"].errors["log rate"], rtol=1e-6
    )
    assert found.draws is not None
    u = np.log(found.draws[0, :, 0])
    assert u.mean() == pytest.approx(math.log(A / B), abs=1e-6)
    assert u.std(ddof=1) == pytest.approx(1 / math.sqrt(A), rel=1e-5)
    # The evidence of Gamma–Poisson is exact; Laplace's error is Stirling's for Γ(a).
    k, a, b = np.array([3, 1, 4]), 2.5, 1.5
    exact = a * math.log(b) - gammaln(a) + gammaln(A) - A * math.log(B) - gammaln(k + 1).sum()
    stirling = gammaln(A) - ((A - 0.5) * math.log(A) - A + 0.5 * math.log(2 * math.pi))
    assert found.diagnostics["log_evidence"] == pytest.approx(exact - stirling, abs=1e-6)


# -- the model itself -------------------------------------------------------------------------------------------------


def test_an_overflowing_prior_is_found_before_anything_is_fitted() -> None:
    """HalfStudentT(3, 36) in integers has scale 4, and the MAP is 26.4 where 32.2 is right."""
    (finding,) = bc.check(EXHIBITS["integer_prior"].build())
    assert (finding.code, finding.severity, finding.variable) == ("integer_overflow", "error", "tau")
    assert "36 ** 2" in finding.what
    assert "36.0" in finding.instead
    assert bc.check(float_prior()) == ()
    found = bc.fit(float_prior(), "map")
    assert found.status is bc.Status.OK, found.reasons
    assert found.values["tau"] == pytest.approx(EXHIBITS["integer_prior"].truth["map"]["tau"], rel=NEWTON)

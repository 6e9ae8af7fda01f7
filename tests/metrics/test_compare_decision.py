"""Decisions against quadrature: regrets of conjugate posteriors, choices between normals, the text of a loss."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.signal import lfilter
from scipy.special import ndtr
from scipy.stats import beta, gamma, norm, t

from bayescompare.errors import UnknownNameError, UsageError
from bayescompare.metrics.decision import ACTS, Decision, acted, decide
from bayescompare.metrics.figure import Figure
from bayescompare.metrics.losses import Loss, evaluate, parse, resolve
from bayescompare.reasons import Code, Reason

Array = np.ndarray
SHAPE = (4, 1000)
NODES, WEIGHTS = np.polynomial.legendre.leggauss(60)

#: Posteriors and their MAP.
LAWS: dict[str, tuple[Any, float]] = {
    "normal": (norm(2.0, 1.5), 2.7),
    "gamma": (gamma(3.5, scale=0.5), 1.25),
    "beta": (beta(2.5, 6.0), 1.5 / 6.5),
}


def draws(law: Any, rng: np.random.Generator, rho: float = 0.0, k: int = 1) -> Array:
    noise = rng.standard_normal((SHAPE[0], SHAPE[1] + 100, k))
    scores = lfilter([1.0], [1.0, -rho], noise, axis=1)[:, 100:] * np.sqrt(1 - rho**2)
    return np.asarray(law.ppf(ndtr(scores)))


def expected_loss(law: Any, loss: Callable[[float, Array], Array], action: float) -> float:
    """By Gauss's quadrature in pieces, one of them ending at the kink."""
    ends = law.ppf([1e-14, 0.001, 0.1, 0.5, 0.9, 0.999, 1 - 1e-14])
    ends = np.unique(np.append(ends, np.clip(action, ends[0], ends[-1])))
    total = 0.0
    for a, b in itertools.pairwise(ends):
        x = (a + b) / 2 + (b - a) / 2 * NODES
        total += float((b - a) / 2 * (WEIGHTS * loss(action, x) * law.pdf(x)).sum())
    return total


def near(figure: Figure, exact: float, errors: float = 4.0) -> bool:
    assert figure.mcse is not None
    return abs(figure.value - exact) < errors * figure.mcse


# -- a number is reported --------------------------------------------------------------------------

LOSSES = ["squared", "absolute", "pinball(0.9)", "pinball(0.2)", "linex(0.7)", "linex(-0.5)", "newsvendor(3, 1)"]


@pytest.mark.parametrize("text", LOSSES)
@pytest.mark.parametrize("name", list(LAWS))
@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_regret_is_that_of_quadrature(text: str, name: str, rho: float) -> None:
    law, m = LAWS[name]
    loss = parse(f"{text} on x")

    def cost(action: float, x: Array) -> Array:
        return evaluate(loss, action, x)

    best = minimize_scalar(
        lambda a: expected_loss(law, cost, a), bounds=law.ppf([1e-3, 1 - 1e-3]), options={"xatol": 1e-9}
    )
    least, plugin = float(best.fun), expected_loss(law, cost, m)
    rng = np.random.default_rng(1)
    for _ in range(5):
        found = decide(loss, draws(law, rng, rho), np.array([m]))
        assert found.plugin_action == m
        # The draws' own best action does a little better on them than on the law: by half its curvature times the
        # variance of that action, no more than the variance of a loss over the effective draws.
        bias = least / 300
        assert abs(found.regret.value - (plugin - least)) < 4 * (found.regret.mcse or 0) + bias
        assert abs(found.expected_loss.value - least) < 4 * (found.expected_loss.mcse or 0) + bias
        assert near(found.plugin_expected_loss, plugin)
        relative = (plugin - least) / least
        assert abs(found.relative_regret.value - relative) < 4 * (found.relative_regret.mcse or 0) + 0.01
        assert found.flips.reason == Reason(Code.ANY_ACTION)
        assert found.loss == str(loss)


def test_bayes_actions_are_mean_median_and_quantiles() -> None:
    x = draws(LAWS["gamma"][0], np.random.default_rng(2))
    m = np.array([1.25])

    def action(text: str) -> float:
        found = decide(parse(f"{text} on x"), x, m).bayes_action
        assert isinstance(found, float)
        return found

    assert action("squared") == pytest.approx(x.mean())
    step = 0.01  # order statistics and interpolated quantiles are neighbours
    assert action("absolute") == pytest.approx(np.median(x), abs=step)
    assert action("pinball(0.9)") == pytest.approx(np.quantile(x, 0.9), abs=step)
    assert action("newsvendor(under=3, over=1)") == pytest.approx(np.quantile(x, 0.75), abs=step)
    assert action("linex(0.5)") == pytest.approx(-2 * np.log(np.exp(-0.5 * x).mean()))


def test_squared_regret_is_z_squared() -> None:
    x = draws(norm(), np.random.default_rng(3))
    found = decide(Loss("squared", ("x",)), x, np.array([0.5]))
    z = (0.5 - x.mean()) / x.std()
    assert found.relative_regret.value == pytest.approx(z**2, rel=1e-12)
    assert found.regret.value == pytest.approx((0.5 - x.mean()) ** 2, rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("text", ["squared", "pinball(0.9)", "linex(0.7)", "threshold(2, 1, 3)"])
@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_errors_of_regrets_are_calibrated(text: str, rho: float) -> None:
    law, m = LAWS["gamma"]
    rng = np.random.default_rng(4)
    loss = parse(f"{text} on x")
    found = [decide(loss, draws(law, rng, rho), np.array([m])) for _ in range(200)]
    for name in ("regret", "relative_regret", "expected_loss"):
        figures = [getattr(each, name) for each in found]
        truth = np.std([f.value for f in figures], ddof=1)
        claimed = np.sqrt(np.mean([f.mcse**2 for f in figures]))
        # 200 replications tell an sd to 5 %, more for skewed figures.
        assert 0.8 < claimed / truth < 1.25, name


def test_heavy_tails_have_no_expected_loss_or_no_error() -> None:
    rng = np.random.default_rng(5)
    cauchy = rng.standard_cauchy((*SHAPE, 1))
    found = decide(Loss("squared", ("x",)), cauchy, np.zeros(1))
    assert not found.regret.known
    assert found.regret.reason is not None
    assert found.regret.reason.code is Code.NO_EXPECTED_LOSS
    assert found.plugin_action == 0
    # t(2.2): |x| has index 0.45 and a variance, x² index 0.9: a mean without one.
    x = t(2.2).rvs((*SHAPE, 1), random_state=6)
    assert decide(Loss("absolute", ("x",)), x, np.ones(1)).expected_loss.mcse is not None
    found = decide(Loss("squared", ("x",)), x, np.ones(1))
    assert found.expected_loss.known
    assert found.expected_loss.mcse is None
    assert found.relative_regret.mcse is None
    assert found.relative_regret.reason is not None
    assert found.relative_regret.reason.code is Code.TAIL_WITHOUT_ERROR
    found = decide(Loss("linex", ("x",), (500.0,)), norm().rvs((*SHAPE, 1), random_state=7), np.array([5.0]))
    assert found.regret.reason == Reason(Code.INFINITE_LOSS)


# -- functions of the user -------------------------------------------------------------------------


@pytest.mark.parametrize("text", LOSSES)
def test_a_function_that_repeats_a_named_loss_has_its_figures(text: str) -> None:
    law, m = LAWS["gamma"]
    x, named = draws(law, np.random.default_rng(8)), parse(f"{text} on x")
    mine = Loss("mine", ("x",), function=lambda action, values: evaluate(named, action, values))
    one, other = decide(named, x, np.array([m])), decide(mine, x, np.array([m]))
    assert other.plugin_action == pytest.approx(m, abs=1e-9)
    assert isinstance(one.bayes_action, float)
    assert isinstance(other.bayes_action, float)
    # A search to 1e-10 of the range ends within a few order statistics where the loss has kinks.
    assert other.bayes_action == pytest.approx(one.bayes_action, abs=0.02)
    assert other.regret.value == pytest.approx(one.regret.value, abs=1e-5)
    assert other.regret.mcse == pytest.approx(one.regret.mcse, rel=0.02)


def test_a_best_action_beyond_the_draws_is_found() -> None:
    x = draws(norm(), np.random.default_rng(9))
    dose = Loss("dose", ("x",), function=lambda action, values: (action - 100 - 7 * values) ** 2)
    found = decide(dose, x, np.array([1.0]))
    assert found.plugin_action == pytest.approx(107.0, abs=1e-6)
    assert found.bayes_action == pytest.approx(100 + 7 * x.mean(), abs=1e-6)
    assert found.regret.value == pytest.approx(49 * (1 - x.mean()) ** 2, rel=1e-6)


def test_a_loss_that_falls_for_ever_has_no_best_action() -> None:
    x = draws(norm(), np.random.default_rng(10))
    found = decide(Loss("free", ("x",), function=lambda action, values: np.full_like(values, -action)), x, np.zeros(1))
    assert found.regret.reason == Reason(Code.NO_MINIMUM)


def test_a_function_must_return_a_loss_for_each_value() -> None:
    x = draws(norm(), np.random.default_rng(11))
    bad: Any = lambda action, values: values.mean()  # noqa: E731
    with pytest.raises(UsageError, match="one loss for each value: for values of shape"):
        decide(Loss("bad", ("x",), function=bad), x, np.zeros(1))


def test_a_few_actions() -> None:
    """Insure against x > 2 at a price of 1, half for half of it at 0.4, or not at all."""
    x = draws(norm(1.0, 1.0), np.random.default_rng(12))

    def cost(action: float, values: Array) -> Array:
        price = {0.0: 0.0, 0.5: 0.4, 1.0: 1.0}[action]
        return np.asarray(price + (1 - action) * 5.0 * (values > 2))

    found = decide(Loss("insure", ("x",), function=cost, actions=(0.0, 0.5, 1.0)), x, np.array([1.0]))
    p = norm.sf(1.0)  # 0.16: risks are 0.79, 0.80 and 1
    assert found.plugin_action == 0.0
    assert near(found.plugin_expected_loss, 5 * p)
    assert near(found.flips, p)
    assert found.regret.mcse is not None
    assert found.regret.value == pytest.approx(max(0.0, 5 * (x > 2).mean() - 0.4 - 2.5 * (x > 2).mean()), abs=1e-12)


# -- choices ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("m", [0.5, 2.5])
def test_threshold(m: float) -> None:
    """Gamma(3.5, 2): P(x > 2) = 0.30. Missing it costs 3, a false alarm 1: the Bayes action is to act."""
    law = LAWS["gamma"][0]
    p = law.sf(2.0)
    assert 3 * p > 1 - p
    found = decide(Loss("threshold", ("x",), (2.0, 1.0, 3.0)), draws(law, np.random.default_rng(13)), np.array([m]))
    assert found.bayes_action == "act"
    assert found.plugin_action == ACTS[m > 2]
    assert near(found.flips, p if m < 2 else 1 - p)
    assert near(found.expected_loss, 1 - p)
    if m < 2:
        assert near(found.regret, 3 * p - (1 - p))
        assert near(found.relative_regret, (3 * p - (1 - p)) / (1 - p))
    else:
        assert found.regret.value == found.relative_regret.value == 0


def test_a_regret_of_0_is_uncertain_where_the_other_action_is_as_good() -> None:
    """Both actions cost the same but for Monte Carlo: two errors s of the difference may make it 2s."""
    x = draws(norm(), np.random.default_rng(14))
    even = np.where(x > 0, x, -np.abs(x))
    c = float(np.quantile(even, 0.5, method="inverted_cdf"))  # half of the draws lie above it
    found = decide(Loss("threshold", ("x",), (c, 1.0, 1.0)), even, np.array([1.0]))
    s = 2 * math.sqrt(0.25 / 4000)
    assert found.regret.value == 0
    assert found.regret.mcse == pytest.approx(s, rel=0.15)
    sure = decide(Loss("threshold", ("x",), (-2.0, 1.0, 1.0)), x, np.array([1.0]))
    assert sure.regret == Figure(0.0, pytest.approx(0.0, abs=1e-12))


@pytest.mark.slow
def test_few_choices_at_the_margin_are_called_wrongly() -> None:
    """A true relative regret of 0.05 with its error: g + 2s ≤ 0.05 in 2.3 % of 1,000 seeds, 14 more at most (3 sd)."""
    p = 1.05 / 4.05  # a false alarm costs 1, a miss 3: 3p/(1 − p) = 1.05 where the Bayes action is to act
    law = norm()
    c = float(law.isf(p))
    rng = np.random.default_rng(15)
    same = differs = 0
    for _ in range(1000):
        x = draws(law, rng)
        f = decide(Loss("threshold", ("x",), (c, 1.0, 3.0)), x, np.array([c - 1])).relative_regret
        assert f.mcse is not None
        same += f.value + 2 * f.mcse <= 0.05
        differs += f.value - 2 * f.mcse > 0.05
    assert same <= 37
    assert differs <= 37


def test_an_action_that_never_loses() -> None:
    x = np.abs(draws(norm(), np.random.default_rng(16))) + 1
    right = decide(Loss("threshold", ("x",), (0.5, 1.0, 3.0)), x, np.array([1.0]))
    assert right.regret == right.relative_regret == Figure(0.0, 0.0)
    assert right.flips.value == 0
    assert right.flips.mcse is not None
    assert right.flips.mcse > 0
    wrong = decide(Loss("threshold", ("x",), (0.5, 1.0, 3.0)), x, np.array([0.0]))
    assert wrong.regret.value == 3.0
    assert wrong.relative_regret.value == pytest.approx(3.0 / (1.5 / 4001))
    assert wrong.relative_regret.reason is not None
    assert wrong.flips.value == 1


def test_best_of_two_normals() -> None:
    """P(a > b) = Φ(δ/σ), E max(a, b) − E a by Clark's formula."""
    rng = np.random.default_rng(17)
    x = np.concatenate([draws(norm(1.0, 1.0), rng), draws(norm(0.6, 2.0), rng)], axis=-1)
    delta, sigma = 0.4, math.sqrt(5.0)
    loss = parse("best of a, b")
    found = decide(loss, x, np.array([0.2, 0.9]))  # the MAPs are the wrong way round
    assert (found.plugin_action, found.bayes_action) == ("b", "a")
    assert near(found.regret, delta)
    top = 0.6 + delta * norm.cdf(delta / sigma) + sigma * norm.pdf(delta / sigma)
    assert near(found.expected_loss, top - 1.0)
    assert near(found.plugin_expected_loss, top - 0.6)
    assert near(found.relative_regret, delta / (top - 1.0))
    assert near(found.flips, norm.cdf(delta / sigma))
    assert [o.name for o in found.options] == ["a", "b"]
    assert near(found.options[0].best, norm.cdf(delta / sigma))
    assert sum(o.best.value for o in found.options) == pytest.approx(1.0)
    right = decide(loss, x, np.array([0.9, 0.2]))
    assert right.plugin_action == right.bayes_action == "a"
    assert right.regret.value == 0
    assert near(right.flips, norm.sf(delta / sigma))


def test_ties_share_a_best() -> None:
    x = np.zeros((2, 100, 2))
    x[:, ::2, 0] = 1.0
    found = decide(Loss("best of", ("a", "b")), x, np.array([1.0, 0.0]))
    assert [o.best.value for o in found.options] == [0.75, 0.25]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_without_a_map_or_with_broken_draws_there_is_no_decision(bad: float) -> None:
    x = draws(norm(), np.random.default_rng(18))
    loss = Loss("squared", ("x",))
    assert decide(loss, x, np.array([bad])).regret.reason == Reason(Code.NO_FINITE_MAP)
    x[0, 0] = bad
    assert decide(loss, x, np.zeros(1)).relative_regret.reason == Reason(Code.SOME_NOT_FINITE)


def test_constant_draws() -> None:
    x = np.full((*SHAPE, 1), 2.0)
    found = decide(Loss("squared", ("x",)), x, np.ones(1))
    assert found.regret.value == 1.0
    assert found.relative_regret.reason == Reason(Code.NOTHING_LOST)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    scale=st.floats(0.1, 10.0),
    shift=st.floats(-10, 10),
    text=st.sampled_from(["squared", "absolute", "pinball(0.8)", "newsvendor(2, 5)"]),
)
def test_relative_regret_has_no_unit_and_no_order(seed: int, scale: float, shift: float, text: str) -> None:
    rng = np.random.default_rng(seed)
    x, m = rng.gamma(2.0, size=(3, 61, 1)), rng.gamma(2.0, size=1)
    loss = parse(f"{text} on x")
    one = decide(loss, x, m)
    other = decide(loss, scale * x[rng.permutation(3)] + shift, scale * m + shift)
    assert one.regret.value >= 0
    assert other.relative_regret.value == pytest.approx(one.relative_regret.value, rel=1e-6, abs=1e-9)
    assert other.relative_regret.mcse == pytest.approx(one.relative_regret.mcse, rel=1e-4, abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_choices_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, m = rng.gamma(2.0, size=(3, 61, 4)), rng.gamma(2.0, size=4)
    order = rng.permutation(4)
    names = tuple("abcd")
    one = decide(Loss("best of", names), x, m)
    other = decide(Loss("best of", tuple(names[i] for i in order)), x[..., order], m[order])
    assert (one.plugin_action, one.bayes_action) == (other.plugin_action, other.bayes_action)
    assert one.regret.value == pytest.approx(other.regret.value)
    assert {o.name: o.best.value for o in one.options} == {o.name: o.best.value for o in other.options}


# -- text ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "loss"),
    [
        ("squared on mu", Loss("squared", ("mu",))),
        ("  absolute  on theta[Choate] ", Loss("absolute", ("theta[Choate]",))),
        ("pinball(0.9) on tau", Loss("pinball", ("tau",), (0.9,))),
        ("linex( -2e-1 ) on x[on, off]", Loss("linex", ("x[on, off]",), (-0.2,))),
        ("newsvendor(3,1) on a on b", Loss("newsvendor", ("a on b",), (3.0, 1.0))),
        ("newsvendor(over=1, under=3) on demand", Loss("newsvendor", ("demand",), (3.0, 1.0))),
        ("threshold(0, 1, 5) on effect", Loss("threshold", ("effect",), (0.0, 1.0, 5.0))),
        ("best of a, b", Loss("best of", ("a", "b"))),
        ("best of theta[x, 1], theta[y, 2], mu", Loss("best of", ("theta[x, 1]", "theta[y, 2]", "mu"))),
        ("best of theta", Loss("best of", ("theta",))),
        ("least of a, b", Loss("least of", ("a", "b"))),
    ],
)
def test_text_is_read_and_written(text: str, loss: Loss) -> None:
    assert parse(text) == loss
    assert parse(str(loss)) == loss


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read"),
        ("squared", "cannot be read"),
        ("squared of mu", "cannot be read"),
        ("pinball(0.9 on tau", "cannot be read"),
        ("pinbal(0.9) on tau", "There is no loss 'pinbal'. Losses: squared, absolute, pinball(q), linex(a)"),
        ("pinball on tau", "pinball takes q, not 0 arguments"),
        ("pinball(1, 2) on tau", "pinball takes q, not 2 arguments"),
        ("squared(1) on tau", "squared takes no arguments, not 1"),
        ("pinball(p=0.9) on tau", "pinball takes q, not p=0.9"),
        ("newsvendor(under=1, 2) on tau", "newsvendor takes under, over, not under=1, 2"),
        ("pinball(x) on tau", "'x' is not a number"),
        ("pinball(1) on tau", "q must lie between 0 and 1, not 1"),
        ("pinball(nan) on tau", "q must be a finite number"),
        ("linex(0) on tau", "a must not be 0"),
        ("newsvendor(0, 1) on tau", "under is a cost and must be above 0, not 0"),
        ("threshold(0, 1, -1) on tau", "false_negative is a cost"),
    ],
)
def test_wrong_text_is_refused_and_says_what_there_is(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert message in str(caught.value)
    assert str(caught.value).endswith(".")


NAMES = ("mu", "tau", "theta[Choate]", "theta[Deerfield]", "phi[a, 1]")


def test_names_are_found() -> None:
    assert resolve(parse("squared on tau"), NAMES) == [1]
    assert resolve(parse("squared on phi"), NAMES) == [4]  # a vector of one
    assert resolve(parse("best of theta"), NAMES) == [2, 3]
    assert resolve(parse("best of theta[Deerfield], mu, theta"), NAMES) == [3, 0, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("squared on tua", "there is no scalar 'tua'. There are tau"),
        ("squared on theta", "'theta' has 2 elements; name one of them, such as 'theta[Choate]'"),
        ("best of mu", "leaves nothing to choose"),
        ("best of mu, nu", "there is no scalar 'nu'"),
    ],
)
def test_names_that_are_not_there(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(parse(text), NAMES)
    assert message in str(caught.value)


def test_losses_made_by_hand_are_checked_too() -> None:
    with pytest.raises(UnknownNameError):
        Loss("cubic", ("x",))
    with pytest.raises(UsageError, match="one scalar, not on 2"):
        Loss("squared", ("x", "y"))
    with pytest.raises(UsageError, match="takes the names"):
        Loss("best of", ())


def test_missing() -> None:
    found = Decision.missing(Loss("squared", ("x",)), Reason(Code.NO_DRAWS))
    assert found.loss == "squared on x"
    assert found.regret.reason == found.flips.reason == Reason(Code.NO_DRAWS)


def test_the_least_of_several_is_the_best_of_their_negatives() -> None:
    draws = np.random.default_rng(3).normal([0.0, 0.1, 0.5], 1.0, (4, 500, 3))
    plugin = np.array([0.0, -0.1, 0.5])
    least = decide(parse("least of a, b, c"), draws, plugin)
    best = decide(parse("best of a, b, c"), -draws, -plugin)
    assert (least.plugin_action, least.bayes_action) == ("b", "a")
    assert least.loss == "least of a, b, c"
    assert replace(least, loss=best.loss) == best


@pytest.mark.parametrize("text", ["squared on x", "pinball(0.8) on x", "linex(0.5) on x", "threshold(0.3, 1, 4) on x"])
def test_acting_on_the_posterior_s_own_draws_costs_nothing(text: str) -> None:
    draws = np.random.default_rng(5).normal(0.2, 1.0, (4, 1000, 1))
    loss = parse(text)
    assert acted(loss, draws, draws).regret.value == pytest.approx(0.0, abs=1e-12)
    assert acted(loss, draws, draws + 2.0).regret.value > acted(loss, draws, draws + 0.5).regret.value - 1e-12
    assert acted(loss, draws, np.array([0.1])).regret == decide(loss, draws, np.array([0.1])).regret


def test_a_choice_by_a_method_s_draws_is_that_of_its_means() -> None:
    draws = np.random.default_rng(6).normal([0.0, 0.5], 1.0, (4, 500, 2))
    assert acted(parse("best of a, b"), draws, draws[0]).plugin_action == "b"
    assert acted(parse("best of a, b"), draws, draws[0, :, ::-1]).plugin_action == "a"

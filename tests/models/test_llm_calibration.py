"""Calibration: the maximum of the likelihood is scikit-learn's, the posterior is quadrature's."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from bayescompare.templates.library.llm_calibration import CONFIDENCES, llm_calibration
from scipy import special, stats
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

import bayescompare as bc
from bayescompare.templates.data import load
from tests.models.checks import (
    Array,
    Point,
    Weighted,
    assert_builds,
    assert_posterior,
    assert_refuses,
    assert_refuses_data,
    known,
    quadrature,
)

LOGIT, CORRECT = (np.array(load("llm_calibration")[name], dtype=float) for name in ("logit", "correct"))
AT = special.logit(CONFIDENCES)


def log_score(logit: Array, correct: Array) -> Array:
    return -np.logaddexp(0, np.where(correct == 1, -logit, logit))


def logp(p: Point) -> float:
    np.testing.assert_allclose(p["calibrated"], special.expit(AT / p["temperature"] + p.get("bias", 0.0)))
    prior = stats.lognorm(1).logpdf(p["temperature"])
    if "bias" in p:
        prior += stats.norm(0, 1.5).logpdf(p["bias"])
    return float(prior + log_score(LOGIT / p["temperature"] + p.get("bias", 0.0), CORRECT)[:60].sum())


def test_builds() -> None:
    model = assert_builds(llm_calibration, logp)
    assert model.coords["confidence"] == CONFIDENCES
    assert_builds(llm_calibration, logp, parameters=1, bias=False)
    assert len(llm_calibration(n=500).coords["answer"]) == 500


def test_the_data_are_what_the_docstring_says() -> None:
    assert len(LOGIT) == 500
    assert CORRECT.mean() == pytest.approx(0.75, abs=0.005)
    assert special.expit(LOGIT).mean() == pytest.approx(0.94, abs=0.005)
    near = np.abs(special.expit(LOGIT) - 0.98) < 0.015
    assert near.sum() > 20
    assert CORRECT[near].mean() == pytest.approx(0.6, abs=0.1)


def test_options_and_data_that_do_not_fit() -> None:
    assert_refuses(llm_calibration, {"n": 39}, "n is 39", "from 40 to 500")
    assert_refuses(llm_calibration, {"prior_scale": 0}, "prior_scale is 0", "above 0")
    assert_refuses(llm_calibration, {"bias_scale": float("nan")}, "bias_scale is nan")
    assert_refuses_data(llm_calibration, {"correct": [1, 0]}, "no column 'logit'")
    assert_refuses_data(llm_calibration, {"logit": [1.0, 2.0], "correct": [1, 2]}, "'correct' are not 0 or 1")
    assert_refuses_data(llm_calibration, {"logit": [1.0, np.inf], "correct": [1, 0]}, "are not finite")


@pytest.mark.parametrize("n", [60, 500])
@pytest.mark.parametrize("bias", [True, False])
def test_mle_is_logistic_regression(n: int, bias: bool) -> None:
    regression = LogisticRegression(C=np.inf, fit_intercept=bias, solver="newton-cholesky", tol=1e-12)
    regression.fit(LOGIT[:n, None], CORRECT[:n])

    fit = bc.fit(llm_calibration(n=n, bias=bias), "mle")

    assert fit.status == "ok"
    assert fit.values["temperature"] == pytest.approx(1 / regression.coef_[0, 0], rel=1e-6)
    assert fit.values.get("bias", 0.0) == pytest.approx(float(regression.intercept_[0] if bias else 0), rel=1e-6)


def test_with_platts_targets_mle_is_scikit_learns_sigmoid() -> None:
    x, y = LOGIT[:60], CORRECT[:60]
    identity = LogisticRegression().fit(x[:, None], y)
    identity.coef_, identity.intercept_ = np.ones((1, 1)), np.zeros(1)  # its decision is the logit itself
    sigmoid = CalibratedClassifierCV(FrozenEstimator(identity), method="sigmoid").fit(x[:, None], y)
    theirs = sigmoid.predict_proba(AT[:, None])[:, 1]

    # Of N right answers Platt takes each as (N + 1)/(N + 2) right, of M wrong ones each as 1/(M + 2): that is, each
    # answer (N + 2)(M + 2) times over, with so many of its copies right.
    right, wrong = int(y.sum()), int(60 - y.sum())
    copies = (right + 2) * (wrong + 2)
    of_copies = np.where(y == 1, (right + 1) * (wrong + 2), right + 2)
    smoothed = np.concatenate([np.arange(copies) < each for each in of_copies]).astype(int)
    fit = bc.fit(llm_calibration({"logit": np.repeat(x, copies), "correct": smoothed}), "mle")

    assert fit.status == "ok"
    mine = [fit.values[f"calibrated[{confidence}]"] for confidence in CONFIDENCES]
    np.testing.assert_allclose(mine, theirs, atol=1e-5)
    # The smoothing matters: without it the figures are others.
    plain = bc.fit(llm_calibration(), "mle").values
    assert max(abs(plain[f"calibrated[{c}]"] - p) for c, p in zip(CONFIDENCES, theirs, strict=True)) > 0.01


@cache
def exact(n: int = 60) -> tuple[Weighted, Array]:
    """The posterior by quadrature in log temperature and bias, and the scalars at its points."""

    def density(z: Array) -> Array:
        prior = -(z[:, 0] ** 2) / 2 - z[:, 1] ** 2 / (2 * 1.5**2)
        return prior + sum(
            log_score(x * np.exp(-z[:, 0]) + z[:, 1], y) for x, y in zip(LOGIT[:n], CORRECT[:n], strict=True)
        )

    found = quadrature(density, np.linspace(-0.5, 3.5, 250), np.linspace(-4.5, 2.5, 250))
    temperature, bias = np.exp(found.points[:, 0]), found.points[:, 1]
    calibrated = special.expit(AT / temperature[:, None] + bias[:, None])
    return found, np.column_stack([temperature, bias, calibrated])


NAMES = ("temperature", "bias", *(f"calibrated[{confidence}]" for confidence in CONFIDENCES))


def test_what_the_docstring_says() -> None:
    mode, other = (bc.fit(llm_calibration(), method).values for method in ("map", "unconstrained_map"))
    found, scalars = exact()
    sure = scalars[:, NAMES.index("calibrated[0.98]")]

    assert mode["temperature"] == pytest.approx(2.5, abs=0.05)
    assert mode["calibrated[0.98]"] == pytest.approx(0.63, abs=0.005)
    assert other["temperature"] == pytest.approx(2.7, abs=0.05)
    assert found.mean(scalars)[0] == pytest.approx(2.9, abs=0.05)
    assert [found.quantile(scalars[:, 0], q) for q in (0.03, 0.97)] == pytest.approx([1.7, 5.0], abs=0.05)
    assert [found.quantile(sure, q) for q in (0.03, 0.97)] == pytest.approx([0.47, 0.79], abs=0.005)
    above = found.mean((sure > 0.6).astype(float))
    assert above / (1 - above) == pytest.approx(2, abs=0.3)
    everything, scalars = exact(500)
    sure = scalars[:, NAMES.index("calibrated[0.98]")]
    assert [everything.quantile(sure, q) for q in (0.03, 0.97)] == pytest.approx([0.53, 0.64], abs=0.005)


def test_the_score_hardly_tells_them_apart() -> None:
    mode = bc.fit(llm_calibration(), "map").values
    found, scalars = exact()
    x, y = LOGIT[60:], CORRECT[60:]
    plugged = log_score(x / mode["temperature"] + mode["bias"], y)
    mean = np.array([found.mean(special.expit(each / scalars[:, 0] + scalars[:, 1])) for each in x])
    averaged = np.log(np.where(y == 1, mean, 1 - mean))

    assert log_score(x, y).sum() == pytest.approx(-415, abs=0.5)
    assert plugged.sum() == pytest.approx(-180.3, abs=0.05)
    assert averaged.sum() == pytest.approx(-179.6, abs=0.05)
    gain = averaged - plugged
    assert (gain.sum(), gain.std() * np.sqrt(len(gain))) == pytest.approx((0.7, 1.4), abs=0.05)


@pytest.mark.slow
def test_full_run() -> None:
    found, scalars = exact()
    result = bc.compare(llm_calibration, random_seed=1)

    assert result.verdict.layers["sampler"].state == "sound"
    assert_posterior(result.table, known(NAMES, found.mean(scalars), found.sd(scalars)))
    row = result.table.loc["calibrated[0.98]"]
    assert row["map"] == pytest.approx(0.63, abs=0.005)
    assert (row["eti_lb"], row["eti_ub"]) == pytest.approx((0.47, 0.79), abs=0.03)

"""Calibration: the maximum of the likelihood is scikit-learn's, the posterior is quadrature's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.calibration import _sigmoid_calibration, _TemperatureScaling

import bayescompare as bc
import models
from bayescompare.errors import DataError, UsageError
from models._data import load
from models.llm_calibration import CONFIDENCES
from tests.models.checks import Point, check

type Array = np.ndarray[Any, Any]


def table(questions: int = 100) -> dict[str, Array]:
    shipped = {name: np.array(column) for name, column in load("llm_calibration").items()}
    chosen = (shipped["first"] == 1) | (questions == 500)
    return {name: column[chosen] for name, column in shipped.items()}


def logp(p: Point) -> float:
    t = table()
    probability = 1 / (1 + np.exp(-(t["logit"] / p["temperature"] + p["bias"])))
    prior = stats.lognorm(1).logpdf(p["temperature"]) + stats.norm(0, 1.5).logpdf(p["bias"])
    return float(prior + stats.binom(t["asked"], probability).logpmf(t["correct"]).sum())


def test_quick() -> None:
    check(models.llm_calibration, logp)
    check(models.llm_calibration, bias=False)
    model = models.llm_calibration()
    assert model.coords["confidence"] == CONFIDENCES
    assert model.coords["row"][0] == "below 0.5"
    everything = models.llm_calibration(questions=500)
    assert everything["asked"].get_value().sum() == 500
    assert everything.coords["row"][10] == "below 0.5, later"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"questions": 200}, "questions is 200, but only 100 or 500 can be chosen"),
        ({"temperature_spread": 0}, "temperature_spread is 0, but must be above 0"),
        ({"bias_scale": float("nan")}, "bias_scale is nan"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"^llm_calibration: {message}"):
        models.llm_calibration(**options)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"correct": [1, 0]}, "no column 'logit'"),
        (
            {"logit": [1.0, 2.0], "correct": [1, 2]},
            "1 of the 2 rows have counts that are not 0 or 1",
        ),
        ({"logit": [1.0, 2.0], "correct": [1, 0.5]}, "are not whole numbers"),
        ({"logit": [1.0, 2.0], "correct": [1, 5], "asked": [4, 4]}, "are above 'asked'"),
        ({"logit": [1.0, 2.0], "correct": [1, 5], "asked": [4, 0]}, "'asked' are not above 0"),
    ],
)
def test_data_that_do_not_fit(data: Any, message: str) -> None:
    with pytest.raises(DataError, match=f"^llm_calibration: .*{message}"):
        models.llm_calibration(data)


def one_by_one(questions: int) -> tuple[Array, Array]:
    """Logit and correctness of each answer, from the counts."""
    t = table(questions)
    logits = np.repeat(t["logit"], t["asked"])
    correct = np.concatenate([np.arange(n) < k for n, k in zip(t["asked"], t["correct"], strict=True)])
    return logits, correct.astype(float)


def test_counts_are_answers_one_by_one() -> None:
    logits, correct = one_by_one(100)
    counted = bc.fit(models.llm_calibration(), "map")
    single = bc.fit(models.llm_calibration({"logit": logits, "correct": correct}), "map")
    np.testing.assert_allclose(single.estimate, counted.estimate, rtol=1e-6)


def test_temperature_is_scikit_learns() -> None:
    logits, correct = one_by_one(500)
    scaling = _TemperatureScaling().fit(logits, correct)

    fit = bc.fit(models.llm_calibration(questions=500, bias=False), "mle")

    assert fit.status == "ok"
    # Theirs makes two logits of one, x and -x, whose difference is 2 x.
    assert fit.values["temperature"] == pytest.approx(1 / (2 * scaling.beta_), rel=1e-5)


def test_temperature_alone_has_no_maximum_on_a_hundred() -> None:
    assert _TemperatureScaling().fit(*one_by_one(100)).beta_ == pytest.approx(np.exp(-10), rel=1e-5)  # its own bound
    fit = bc.fit(models.llm_calibration(bias=False), "mle")
    assert fit.status == "failed"
    assert "as temperature grows without limit" in fit.reasons[0]


@pytest.mark.parametrize("questions", [100, 500])
def test_sigmoid_is_scikit_learns(questions: int) -> None:
    logits, correct = one_by_one(questions)
    slope, intercept = _sigmoid_calibration(logits, correct)
    # Platt's targets: of N right answers, the label is (N + 1)/(N + 2), as if one more of either kind had been seen.
    # Such fractions are counts out of (N + 2) (M + 2).
    t = table(questions)
    right, wrong = correct.sum(), (1 - correct).sum()
    counts = t["correct"] * (right + 1) * (wrong + 2) + (t["asked"] - t["correct"]) * (right + 2)
    smoothed = {"logit": t["logit"], "correct": counts, "asked": t["asked"] * (right + 2) * (wrong + 2)}

    fit = bc.fit(models.llm_calibration(smoothed), "mle")

    assert fit.status == "ok"
    assert fit.values["temperature"] == pytest.approx(-1 / slope, rel=1e-5)
    assert fit.values["bias"] == pytest.approx(-intercept, rel=1e-5)


def quadrature(questions: int) -> tuple[Array, dict[str, Array]]:
    """Weights on a fine grid of log temperature and bias, and the scalars there."""
    u, b = np.meshgrid(np.linspace(-1.5, 4.5, 600), np.linspace(-3.5, 2, 400), indexing="ij")
    t = table(questions)
    log = stats.norm.logpdf(u) + stats.norm(0, 1.5).logpdf(b)
    for x, n, k in zip(t["logit"], t["asked"], t["correct"], strict=True):
        z = x * np.exp(-u) + b
        log += -k * np.logaddexp(0, -z) - (n - k) * np.logaddexp(0, z)
    weights = np.exp(log - log.max())
    scalars = {"temperature": np.exp(u), "bias": b}
    for c in CONFIDENCES:
        scalars[f"calibrated[{c}]"] = 1 / (1 + np.exp(-(np.log(c / (1 - c)) * np.exp(-u) + b)))
    return weights / weights.sum(), scalars


@pytest.mark.slow
def test_posterior_is_quadratures_and_what_the_docstring_says() -> None:
    import arviz_stats as az

    nuts = bc.fit(models.llm_calibration(), "nuts", seed=1, options=bc.SamplerOptions(draws=2000))
    assert nuts.draws is not None
    weights, scalars = quadrature(100)
    for i, name in enumerate(nuts.names):
        x, mean = nuts.draws[..., i], (weights * scalars[name]).sum()
        assert x.mean() == pytest.approx(mean, abs=4 * az.mcse(x)), name
        for q in (0.03, 0.97):
            # The share of draws below the exact quantile.
            order = np.argsort(scalars[name], axis=None)
            edge = scalars[name].ravel()[order][np.searchsorted(weights.ravel()[order].cumsum(), q)]
            below = (x < edge).astype(float)
            assert below.mean() == pytest.approx(q, abs=4 * az.mcse(below)), name

    mode, other = (bc.fit(models.llm_calibration(), method).values for method in ("map", "unconstrained_map"))
    draws = dict(zip(nuts.names, nuts.draws.reshape(-1, len(nuts.names)).T, strict=True))
    assert mode["temperature"] == pytest.approx(6.2, abs=0.05)
    assert other["temperature"] == pytest.approx(7.0, abs=0.05)
    assert draws["temperature"].mean() == pytest.approx(8.9, abs=0.5)
    assert mode["calibrated[0.999]"] == pytest.approx(0.57, abs=0.005)
    assert np.quantile(draws["calibrated[0.999]"], [0.03, 0.97]) == pytest.approx([0.42, 0.67], abs=0.015)

    weights, scalars = quadrature(500)
    mean = (weights * scalars["temperature"]).sum()
    sd = np.sqrt((weights * (scalars["temperature"] - mean) ** 2).sum())
    assert (mean, sd) == pytest.approx((4.8, 0.8), abs=0.06)

"""Weight decay: MAP is scikit-learn's logistic regression; its weights are shorter than in any draw."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression

import bayescompare as bc
from bayescompare import models
from bayescompare.errors import DataError, UsageError
from bayescompare.templates.data import load
from tests.models.checks import Point, assert_builds

type Array = np.ndarray[Any, Any]


def tumours(n: int = 200) -> tuple[Array, Array]:
    """All rows, standardised by the first n, and whether malignant."""
    table = load("breast_cancer")
    y = np.array(table.pop("malignant"))
    X = np.column_stack(list(table.values()))
    return (X - X[:n].mean(axis=0)) / X[:n].std(axis=0), y


def log_score(y: Array, logit: Array) -> Array:
    """Log probability of y."""
    return -np.logaddexp(0, np.where(y, -logit, logit))


def logp(p: Point) -> float:
    X, y = tumours()
    prior = stats.norm(0, 5).logpdf(p["intercept"]) + stats.norm.logpdf(p["beta"]).sum()
    return float(prior + log_score(y, p["intercept"] + X @ p["beta"])[:200].sum())


def test_quick() -> None:
    assert_builds(models.logistic_weight_decay, logp)
    model = models.logistic_weight_decay()
    assert model.named_vars_to_dims["beta"] == ("predictor",)
    assert model.coords["predictor"][:2] == ("mean_radius", "mean_texture")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 39}, "n is 39, but must be a whole number from 40 to 569"),
        ({"n": 570}, "from 40 to 569"),
        ({"weight_decay": 0}, "weight_decay is 0, but must be above 0"),
        ({"intercept_scale": "wide"}, "intercept_scale is 'wide'"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"^logistic_weight_decay: .*{message}"):
        models.logistic_weight_decay(**options)


def test_data_that_do_not_fit() -> None:
    with pytest.raises(DataError, match="'malignant' are not 0 or 1"):
        models.logistic_weight_decay({"malignant": [0, 2], "x": [1.0, 2.0]})
    assert models.logistic_weight_decay({"malignant": [0, 1, 1], "x": [1.0, 2, 5]}).coords["predictor"] == ("x",)


@pytest.mark.parametrize(("n", "weight_decay"), [(200, 1.0), (569, 1.0), (200, 0.01), (200, 100.0)])
def test_map_is_scikit_learns(n: int, weight_decay: float) -> None:
    X, y = tumours(n)
    # Their penalty on a constant column of value c is a prior of sd c/√weight_decay on the intercept.
    c = 5.0 * np.sqrt(weight_decay)
    regression = LogisticRegression(C=1 / weight_decay, fit_intercept=False, solver="newton-cholesky", tol=1e-10)
    regression.fit(np.column_stack([np.full(n, c), X[:n]]), y[:n])
    coefficients = regression.coef_[0] * np.array([c, *np.ones(30)])

    fit = bc.fit(models.logistic_weight_decay(n=n, weight_decay=weight_decay), "map")

    assert fit.status == "ok"
    np.testing.assert_allclose(fit.estimate[:31], coefficients, rtol=1e-5, atol=1e-6)
    assert fit.values["norm"] == pytest.approx(np.linalg.norm(coefficients[1:]), rel=1e-5)


def test_without_weight_decay_there_is_no_maximum() -> None:
    from scipy.optimize import linprog

    X, y = tumours()
    # A plane with every malignant tumour beyond 1 and every other below -1: then the likelihood has no maximum.
    rows = np.column_stack([np.ones(200), X[:200]]) * (1 - 2 * y[:200, None])
    assert linprog(np.zeros(31), A_ub=rows, b_ub=-np.ones(200), bounds=[(None, None)]).status == 0
    assert bc.fit(models.logistic_weight_decay(), "mle").status == "failed"


@pytest.mark.slow
def test_what_the_docstring_says() -> None:
    fit = bc.fit(models.logistic_weight_decay(), "nuts", random_seed=1, options=bc.SamplerOptions(draws=2000))
    mode = bc.fit(models.logistic_weight_decay(), "map").estimate
    assert fit.draws is not None
    draws = fit.draws.reshape(-1, 32)

    z = (mode - draws.mean(axis=0)) / draws.std(axis=0)
    assert np.abs(z[:31]).max() == pytest.approx(0.41, abs=0.05)
    assert mode[31] == pytest.approx(3.09, abs=0.01)
    assert draws[:, 31].mean() == pytest.approx(5.93, abs=0.06)
    assert draws[:, 31].std() == pytest.approx(0.66, abs=0.04)
    assert draws[:, 31].min() > mode[31]

    X, y = tumours()
    others = slice(200, None)
    plug_in = log_score(y, mode[0] + X @ mode[1:31])[others]
    posterior = np.log(np.exp(log_score(y, draws[:, :1] + draws[:, 1:31] @ X.T)).mean(axis=0))[others]
    difference = posterior - plug_in
    assert plug_in.sum() == pytest.approx(-32.2, abs=0.1)
    assert difference.sum() == pytest.approx(-1.7, abs=0.3)
    assert difference.std() * np.sqrt(369) == pytest.approx(0.8, abs=0.1)
    probability = 1 / (1 + np.exp(-(mode[0] + X @ mode[1:31])[others]))
    borderline = (probability > 0.1) & (probability < 0.9)
    logit = (draws[:, :1] + draws[:, 1:31] @ X.T)[:, others][:, borderline]
    low, high = np.quantile(1 / (1 + np.exp(-logit)), [0.03, 0.97], axis=0)
    assert borderline.sum() == 43
    assert (high - low).mean() == pytest.approx(0.74, abs=0.02)

"""Each template builds what its docstring says: sizes, coordinates, and a log density equal to SciPy's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bayescompare import models
from bayescompare.errors import UsageError
from bayescompare.templates.data import load
from tests.models.checks import Point, assert_builds


def eight_schools_logp(p: Point) -> float:
    data = load("eight_schools")
    theta = p["mu"] + p["tau"] * p["theta_t"]
    return float(
        stats.norm(0, 5).logpdf(p["mu"])
        + stats.halfcauchy(scale=5).logpdf(p["tau"])
        + stats.norm.logpdf(p["theta_t"]).sum()
        + stats.norm(theta, data["sigma"]).logpdf(data["y"]).sum()
    )


def centered_logp(p: Point) -> float:
    data = load("eight_schools")
    return float(
        stats.norm(0, 5).logpdf(p["mu"])
        + stats.halfcauchy(scale=5).logpdf(p["tau"])
        + stats.norm(p["mu"], p["tau"]).logpdf(p["theta"]).sum()
        + stats.norm(p["theta"], data["sigma"]).logpdf(data["y"]).sum()
    )


def jellybeans_logp(p: Point) -> float:
    prior = stats.norm(300, 100 / stats.norm.ppf(0.975))
    return float(prior.logpdf(p["count"]) + stats.norm(p["count"], 80).logpdf(load("jellybeans")["guess"][:10]).sum())


def radon_logp(p: Point) -> float:
    data = load("radon")
    county = np.array(data["county_idx"]) - 1
    alpha = p["mu_alpha"] + p["sigma_alpha"] * p["alpha_t"]
    beta = p["mu_beta"] + p["sigma_beta"] * p["beta_t"]
    mean = alpha[county] + beta[county] * data["floor_measure"]
    return float(
        sum(stats.norm(0, 10).logpdf(p[name]) for name in ("mu_alpha", "mu_beta"))
        + sum(stats.halfnorm.logpdf(p[name]) for name in ("sigma_alpha", "sigma_beta", "sigma_y"))
        + sum(stats.norm.logpdf(p[name]).sum() for name in ("alpha_t", "beta_t"))
        + stats.norm(mean, p["sigma_y"]).logpdf(data["log_radon"]).sum()
    )


def ridge_logp(p: Point) -> float:
    data = pd.DataFrame(load("diabetes"))
    y = data.pop("y")
    X = stats.zscore(data.to_numpy())
    return float(stats.norm(0, 20).logpdf(p["beta"]).sum() + stats.norm(X @ p["beta"], 54).logpdf(y - y.mean()).sum())


def wells_logp(p: Point) -> float:
    data = {name: np.array(column) for name, column in load("wells").items()}
    b = p["beta"]
    logit = b[0] + b[1] * data["dist"] / 100 + b[2] * data["arsenic"] + b[3] * data["educ"] / 4
    return float(stats.norm(0, 2.5).logpdf(b).sum() - np.logaddexp(0, np.where(data["switched"], -logit, logit)).sum())


CASES = {
    "eight_schools": ("eight_schools", {}, eight_schools_logp),
    "centered": ("eight_schools", {"parametrisation": "centered"}, centered_logp),
    "jellybeans": ("jellybeans", {}, jellybeans_logp),
    "radon": ("radon", {}, radon_logp),
    "ridge_regression": ("ridge_regression", {}, ridge_logp),
    "wells": ("wells", {}, wells_logp),
}


@pytest.mark.parametrize(("name", "options", "expected"), CASES.values(), ids=CASES)
def test_density_and_sizes(name: str, options: dict[str, Any], expected: Callable[[Point], float]) -> None:
    template = getattr(models, name)
    assert_builds(template, expected, parameters=template.parameters, **options)


SCHOOLS = ["Choate", "Deerfield", "Phillips Andover", "Phillips Exeter", "Hotchkiss", "Lawrenceville", "St. Paul's",
           "Mt. Hermon"]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "variable", "dim", "labels"),
    [
        ("eight_schools", "theta", "school", SCHOOLS),
        ("eight_schools", "theta_t", "school", SCHOOLS),
        ("jellybeans", "guesses", "guess", range(1, 11)),
        ("radon", "alpha", "county", range(1, 86)),
        ("radon", "beta_t", "county", range(1, 86)),
        ("ridge_regression", "beta", "predictor", ["age", "sex", "bmi", "bp", *(f"s{i}" for i in range(1, 7))]),
        ("wells", "beta", "coefficient", ["intercept", "dist100", "arsenic", "educ4"]),
    ],
)
def test_coordinates(name: str, variable: str, dim: str, labels: list[Any]) -> None:
    model = getattr(models, name)()
    assert model.named_vars_to_dims[variable] == (dim,)
    assert model.coords[dim] == tuple(labels)


@pytest.mark.parametrize("name", models.__all__)
def test_every_array_has_named_dims(name: str) -> None:
    model = getattr(models, name)()
    unnamed = [v.name for v in model.named_vars.values() if v.ndim and v.name not in model.named_vars_to_dims]
    assert [v for v in unnamed if not v.endswith("__")] == []
    assert [v.dtype for v in model.free_RVs] == ["float64"] * len(model.free_RVs)


def test_centered_has_no_theta_t() -> None:
    model = models.eight_schools(parametrisation="centered")
    assert [v.name for v in model.free_RVs] == ["mu", "tau", "theta"]


def test_jellybeans_n_takes_the_first_guesses() -> None:
    guesses = load("jellybeans")["guess"]
    assert len(guesses) == 100
    for n in (1, 25, 100):
        assert list(models.jellybeans(n=n)["guess_data"].get_value()) == guesses[:n]


def test_swapping_data_changes_the_density() -> None:
    model = models.eight_schools()
    logp = model.compile_logp(mode="FAST_COMPILE")
    before = float(logp(model.initial_point()))
    model["y_data"].set_value(np.zeros(8))
    assert float(logp(model.initial_point())) > before


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("eight_schools", {"parametrisation": "centred"}, "'noncentered' or 'centered'"),
        ("jellybeans", {"n": 0}, "whole number from 1 to 100"),
        ("jellybeans", {"n": 101}, "whole number from 1 to 100"),
        ("jellybeans", {"n": 2.5}, "whole number from 1 to 100"),
        ("jellybeans", {"n": True}, "whole number from 1 to 100"),
        ("jellybeans", {"guess_sd": -1}, "guess_sd is -1, but must be above 0"),
        ("jellybeans", {"low": 400.0, "high": 200.0}, r"low \(400\) must be below high \(200\)"),
        ("jellybeans", {"low": float("nan")}, "finite number"),
        ("ridge_regression", {"noise": 0}, "noise is 0, but must be above 0"),
        ("ridge_regression", {"prior_scale": "wide"}, "prior_scale is 'wide', but must be a finite number"),
        ("wells", {"prior_scale": float("inf")}, "finite number"),
    ],
)
def test_options_out_of_range(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        getattr(models, name)(**options)
    assert str(caught.value).startswith(f"{name}: ")

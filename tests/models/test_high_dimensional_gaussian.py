"""A hundred Gaussians: MAP and the laws of two functions of the effects, against SciPy's chi distributions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from bayescompare.templates.library.high_dimensional_gaussian import closed_form, high_dimensional_gaussian
from scipy import stats

import bayescompare as bc
from bayescompare.templates.data import load
from tests.models.checks import (
    Point,
    assert_builds,
    assert_posterior,
    assert_refuses,
    assert_refuses_data,
)

Y = np.array(load("high_dimensional_gaussian")["y"])


def logp(p: Point) -> float:
    return float(stats.norm.logpdf(p["theta"]).sum() + stats.norm(p["theta"], 1).logpdf(Y).sum())


def test_builds() -> None:
    model = assert_builds(high_dimensional_gaussian, logp)
    assert model.named_vars_to_dims["theta"] == ("effect",)
    assert model.coords["effect"] == tuple(range(1, 101))


def test_the_data_are_what_their_source_says() -> None:
    rng = np.random.default_rng(2026)
    np.testing.assert_array_equal(Y, rng.normal(rng.normal(0, 1, 100), 1).round(3))
    assert list(high_dimensional_gaussian(n=7)["y_data"].get_value()) == list(Y[:7])


def test_options_and_data_that_do_not_fit() -> None:
    assert_refuses(high_dimensional_gaussian, {"n": 101}, "whole number from 1 to 100")
    assert_refuses(high_dimensional_gaussian, {"prior_scale": -1}, "above 0")
    assert_refuses_data(high_dimensional_gaussian, {"x": [1.0]}, "no column 'y'")
    assert high_dimensional_gaussian({"y": [1, 2.5]}).coords["effect"] == (1, 2)


@pytest.mark.parametrize(("n", "prior_scale"), [(100, 1.0), (5, 0.3)])
def test_mode_and_plugged_in_values_are_exact(n: int, prior_scale: float) -> None:
    exact = closed_form(Y[:n], prior_scale)
    fit = bc.fit(high_dimensional_gaussian(n=n, prior_scale=prior_scale), "map")
    assert fit.ok
    np.testing.assert_allclose(fit.estimate[:n], exact.map, rtol=1e-6)
    assert fit.values["mean_square"] == pytest.approx(exact.mean_square_at_map, rel=1e-6)
    assert fit.values["distance"] == pytest.approx(0, abs=1e-6)


def test_closed_form_holds_for_independent_draws() -> None:
    exact = closed_form(Y)
    draws = np.random.default_rng(5).normal(exact.map, exact.sd, (20_000, 100))
    for law, values in (
        (exact.mean_square_law, (draws**2).mean(axis=1)),
        (exact.distance_law, np.sqrt(((draws - exact.map) ** 2).sum(axis=1))),
    ):
        assert stats.kstest(values, law.cdf).pvalue > 1e-3


def test_the_docstring_is_true() -> None:
    exact = closed_form(Y)
    assert round(exact.distance_law.mean(), 1) == 7.1
    assert round(exact.distance_law.std(), 1) == 0.5
    assert 1 / exact.distance_law.cdf(5) == pytest.approx(140_000, rel=0.05)
    assert round(exact.mean_square_at_map, 2) == 0.55
    assert round(exact.mean_square_law.mean(), 2) == 1.05
    assert round(exact.mean_square_law.std(), 2) == 0.13
    assert round(exact.mean_square_law.cdf(0.7), 3) == 0.001
    # E |theta - m|² / (2 sd²) is d/2: how far below the mode the draws are, in nats.
    assert (exact.distance_law.std() ** 2 + exact.distance_law.mean() ** 2) / (2 * exact.sd**2) == pytest.approx(50)


@pytest.mark.slow
def test_full_run() -> None:
    exact = closed_form(Y)
    result = bc.compare(high_dimensional_gaussian(), random_seed=1)
    known = pd.DataFrame(
        {
            "mean": [*exact.map, exact.mean_square_law.mean(), exact.distance_law.mean()],
            "sd": [*[exact.sd] * 100, exact.mean_square_law.std(), exact.distance_law.std()],
        },
        index=[*(f"theta[{i}]" for i in range(1, 101)), "mean_square", "distance"],
    )
    assert_posterior(result.table, known)
    effects = result.table.iloc[:100]
    assert (effects["z"].abs() <= 5 * effects["z_mcse"]).all()
    assert result.table.loc[["mean_square", "distance"], "rank"].max() == 0
    assert result.verdict.layers["location"].scalar in ("distance", "mean_square")

"""Pumps: three modes of one posterior, against the gamma distribution."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from bayescompare.templates.library.gamma_coordinates import COORDINATES, closed_form, gamma_coordinates
from scipy import stats

import bayescompare as bc
from bayescompare.templates import Template
from bayescompare.templates.data import load
from tests.models.checks import (
    Point,
    assert_builds,
    assert_posterior,
    assert_refuses,
    assert_refuses_data,
)

PUMPS = load("pumps")
LAW = stats.gamma(1 + np.array(PUMPS["failures"]), scale=1 / (1 + np.array(PUMPS["hours"])))


def rate_logp(p: Point) -> float:
    # Prior times likelihood is the posterior times the evidence: geometric, as the prior is exponential.
    evidence = stats.geom(1 / (1 + np.array(PUMPS["hours"]))).logpmf(1 + np.array(PUMPS["failures"]))
    return float((LAW.logpdf(p["rate"]) + evidence).sum())


def test_is_a_template() -> None:
    assert isinstance(gamma_coordinates, Template)


def test_builds() -> None:
    model = assert_builds(gamma_coordinates, rate_logp)
    assert model.named_vars_to_dims["rate"] == ("pump",)
    assert model.coords["pump"] == tuple(range(1, 11))


@pytest.mark.parametrize(
    ("coordinates", "jacobian"), [("log_time", lambda rate: np.log(rate)), ("time", lambda rate: 2 * np.log(rate))]
)
def test_one_posterior_in_every_coordinate(coordinates: str, jacobian: Callable[[np.ndarray], np.ndarray]) -> None:
    assert_builds(gamma_coordinates, lambda p: rate_logp(p) + float(jacobian(p["rate"]).sum()), coordinates=coordinates)


def test_options_and_data_that_do_not_fit() -> None:
    assert_refuses(gamma_coordinates, {"coordinates": "hours"}, "'rate' or 'log_time' or 'time'")
    assert_refuses(gamma_coordinates, {"prior_rate": 0.0}, "above 0")
    assert_refuses_data(gamma_coordinates, {"failures": [1, 2]}, "no column 'hours'")
    assert_refuses_data(gamma_coordinates, {"failures": [1.5], "hours": [1.0]}, "'failures' are not whole numbers")
    assert_refuses_data(gamma_coordinates, {"failures": [1], "hours": [0]}, "'hours' are not above 0")
    own = gamma_coordinates({"failures": [3, 0], "hours": [1.0, 2], "pump": ["north", "south"]})
    assert own.coords["pump"] == ("north", "south")


@pytest.mark.parametrize("prior_rate", [1.0, 0.2])
@pytest.mark.parametrize("coordinates", COORDINATES)
def test_modes_are_the_closed_form(coordinates: str, prior_rate: float) -> None:
    exact = closed_form(PUMPS["failures"], PUMPS["hours"], prior_rate)
    fit = bc.fit(gamma_coordinates(coordinates=coordinates, prior_rate=prior_rate), "map")
    assert fit.ok
    rates = [fit.values[f"rate[{pump}]"] for pump in range(1, 11)]
    np.testing.assert_allclose(rates, getattr(exact, coordinates), rtol=1e-6)


def test_the_docstring_is_true() -> None:
    exact = closed_form(PUMPS["failures"], PUMPS["hours"])
    one, most = 6, 9  # pump 7 failed once in 1,050 hours, pump 10 failed 22 times
    assert [round(float(m[one]), 2) for m in (exact.rate, exact.log_time, exact.time)] == [0.49, 0.98, 1.46]
    assert round(float(LAW.median()[one]), 2) == 0.82
    z = (exact.rate - exact.mean) / exact.sd
    assert [round(float(z[i]), 1) for i in (one, most)] == [-0.7, -0.2]
    assert exact.rate[most] / exact.mean[most] == pytest.approx(22 / 23)
    np.testing.assert_allclose(exact.mean, LAW.mean())
    np.testing.assert_allclose(exact.sd, LAW.std())


@pytest.mark.slow
@pytest.mark.parametrize("coordinates", COORDINATES)
def test_full_run(coordinates: str) -> None:
    result = bc.compare(gamma_coordinates(coordinates=coordinates), random_seed=1)
    names = [f"rate[{pump}]" for pump in range(1, 11)]
    assert_posterior(result.table, pd.DataFrame({"mean": LAW.mean(), "sd": LAW.std()}, index=names))
    exact = closed_form(PUMPS["failures"], PUMPS["hours"])
    rows = result.table.loc[names]
    rank = LAW.cdf(getattr(exact, coordinates))
    assert (np.abs(rows["rank"] - rank) <= 5 * rows["rank_mcse"]).all()
    assert str(result.verdict.layers["location"].state) == "differs"

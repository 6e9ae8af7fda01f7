"""Two normals: against posteriordb's reference draws, and the density's own symmetries and spikes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bayescompare.templates.library.mixture import mixture
from scipy import optimize, stats

import bayescompare as bc
from bayescompare.templates.data import load
from tests.models.checks import (
    Point,
    assert_builds,
    assert_posterior,
    assert_refuses,
    assert_refuses_data,
)

Y = np.array(load("mixture")["y"])
REFERENCE = Path(__file__).parents[1] / "posteriordb" / "data" / "reference.json"


def logp(p: Point, n: int = 1000) -> float:
    mu, sigma, theta = p["mu"], p["sigma"], p["theta"]
    parts = stats.norm(mu, sigma).logpdf(Y[:n, None]) + np.log([theta, 1 - theta])
    prior = stats.norm(0, 2).logpdf(mu).sum() + stats.halfnorm(scale=2).logpdf(sigma).sum()
    return float(prior + stats.beta(5, 5).logpdf(theta) + np.logaddexp(parts[:, 0], parts[:, 1]).sum())


def reference() -> pd.DataFrame:
    """posteriordb's figures under our names, with their own errors."""
    known = json.loads(REFERENCE.read_text(encoding="utf-8"))["low_dim_gauss_mix-low_dim_gauss_mix"]
    ours = {f"{v}[{i}]": f"{v}[{k}]" for v in ("mu", "sigma") for i, k in ((1, "low"), (2, "high"))}
    columns = {"mean": "mean", "sd": "sd", "mean_error": "mcse_mean", "sd_error": "mcse_sd", "map": "map"}
    table = pd.DataFrame({column: known[key] for column, key in columns.items()}, index=known["names"])
    return table.rename(index=ours)


def test_builds() -> None:
    model = assert_builds(mixture, logp)
    assert model.named_vars_to_dims["mu"] == model.named_vars_to_dims["sigma"] == ("component",)
    assert model.coords["component"] == ("low", "high")


def test_unordered() -> None:
    model = assert_builds(mixture, logp, ordered=False)
    assert model.coords["component"] == (1, 2)
    assert_builds(mixture, lambda p: logp(p, 30), ordered=False, n=30)


def test_options_and_data_that_do_not_fit() -> None:
    assert_refuses(mixture, {"ordered": "no"}, "True or False")
    assert_refuses(mixture, {"n": 9}, "whole number from 10 to 1000")
    assert_refuses_data(mixture, {"x": [1.0]}, "no column 'y'")
    assert mixture({"y": [1, 2.5, 4]}).coords["row"] == (1, 2, 3)


def test_map_is_scipys() -> None:
    def objective(x: np.ndarray) -> float:
        return -logp({"mu": x[:2], "sigma": np.exp(x[2:4]), "theta": x[4]})

    found = optimize.minimize(objective, [-2.5, 2.5, 0, 0, 0.6], method="Nelder-Mead", options={"xatol": 1e-8})
    fit = bc.fit(mixture, "map")
    assert fit.ok
    expected = [*found.x[:2], *np.exp(found.x[2:4]), found.x[4]]
    np.testing.assert_allclose(fit.estimate, expected, atol=1e-4)
    np.testing.assert_allclose(fit.estimate, reference().loc[list(fit.names), "map"], atol=1e-4)


def test_unordered_modes_are_mirrored() -> None:
    """One of the two, whichever; the other has the same height, and both are the ordered one's."""
    one, two = bc.fit(mixture(ordered=False), "map"), bc.fit(mixture, "map")
    assert one.log_density == pytest.approx(two.log_density, abs=1e-6)
    found = {name: sorted(one.values[f"{name}[{k}]"] for k in (1, 2)) for name in ("mu", "sigma")}
    np.testing.assert_allclose(found["mu"], [two.values["mu[low]"], two.values["mu[high]"]], rtol=1e-5)
    p = {"mu": np.array([-2.7, 2.9]), "sigma": np.array([1.0, 1.1]), "theta": 0.6}
    assert logp(p) == pytest.approx(logp({"mu": p["mu"][::-1], "sigma": p["sigma"][::-1], "theta": 0.4}), rel=1e-12)


def test_the_density_has_spikes() -> None:
    fit = bc.fit(mixture(n=30), "map")
    assert fit.ok
    rest = {"mu": np.array([Y[0], 0.0]), "theta": 0.15}
    heights = [logp({**rest, "sigma": np.array([10.0**-k, 3.2])}, 30) for k in (5, 15, 25, 35)]
    np.testing.assert_allclose(np.diff(heights), 10 * np.log(10), atol=0.01)  # straight up
    assert heights[0] < fit.log_density < heights[-1]


def test_the_docstring_is_true() -> None:
    known = reference()
    fit = bc.fit(mixture, "map")
    z = (fit.estimate - known.loc[list(fit.names), "mean"]) / known.loc[list(fit.names), "sd"]
    assert round(z.abs().max(), 2) == 0.13
    top = bc.fit(mixture(n=30), "map").log_density
    rest = {"mu": np.array([Y[10], -0.5]), "theta": 0.15}
    assert logp({**rest, "sigma": np.array([2.5e-10, 2.8])}, 30) < top
    assert logp({**rest, "sigma": np.array([1.5e-10, 2.8])}, 30) > top


@pytest.mark.slow
def test_full_run() -> None:
    result = bc.compare(mixture, random_seed=1)
    assert_posterior(result.table, reference())
    assert str(result.verdict.overall.state) == "same"


@pytest.mark.slow
def test_full_run_unordered_has_no_verdict() -> None:
    result = bc.compare(mixture(ordered=False), random_seed=1)
    assert str(result.verdict.layers["sampler"].state) == "failed"
    assert result.fits["nuts"].diagnostics["r_hat_max"] > 1.5

"""Epileptic seizures: against SciPy's density, and with the patients integrated out by Gauss-Hermite quadrature."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

import bayescompare as bc
from bayescompare import models
from bayescompare.errors import DataError, UsageError
from bayescompare.templates.data import load
from tests.models.checks import Array, Point, assert_builds, assert_posterior, importance, known, maximum

DATA = {name: np.array(column, dtype=float) for name, column in load("epilepsy").items()}
Y, PATIENT = DATA["seizures"].astype(int), DATA["patient"].astype(int) - 1
BASE = np.log(DATA["baseline"] / 4)
BASE = BASE - BASE.mean()
AGE = np.log(DATA["age"])
X = np.column_stack([DATA["treated"], BASE, DATA["treated"] * BASE, AGE - AGE.mean(), DATA["visit"] == 4])


def logp(p: Point) -> float:
    u = p["sigma"] * p["z"] if "z" in p else p["u"]
    effects = stats.norm.logpdf(p["z"]) if "z" in p else stats.norm(0, p["sigma"]).logpdf(p["u"])
    return float(
        stats.norm(0, 5).logpdf(p["intercept"])
        + stats.norm(0, 2.5).logpdf(p["beta"]).sum()
        + stats.halfnorm.logpdf(p["sigma"])
        + effects.sum()
        + stats.poisson(np.exp(p["intercept"] + X @ p["beta"] + u[PATIENT])).logpmf(Y).sum()
    )


@pytest.mark.parametrize("parametrisation", ["noncentered", "centered"])
def test_density_and_sizes(parametrisation: str) -> None:
    model = assert_builds(
        models.poisson_glmm, logp, parameters=models.poisson_glmm.parameters, parametrisation=parametrisation
    )
    assert model.coords["patient"] == tuple(range(1, 60))


@pytest.mark.parametrize(("parametrisation", "sigma"), [("noncentered", 2.218), ("centered", 0.409)])
def test_map_is_two_things(parametrisation: str, sigma: float) -> None:
    fit = bc.fit(models.poisson_glmm(parametrisation=parametrisation), "map")
    assert fit.status == "ok"
    assert fit.values["sigma"] == pytest.approx(sigma, abs=0.001)
    # A stationary point of SciPy's density as well: no step along one scalar gains.
    point: Point = {"intercept": fit.values["intercept"], "sigma": fit.values["sigma"], "beta": fit.estimate[1:6]}
    effects = "z" if parametrisation == "noncentered" else "u"
    point[effects] = np.array([fit.values[f"{effects}[{j}]"] for j in range(1, 60)])
    top = logp(point)
    assert top == pytest.approx(fit.log_density, abs=1e-5)
    for step in (-1e-3, 1e-3):
        assert logp({**point, "intercept": point["intercept"] + step}) < top
        assert logp({**point, "sigma": point["sigma"] * (1 + step)}) < top
        assert logp({**point, effects: point[effects] * (1 + step)}) < top


def test_options_and_data() -> None:
    with pytest.raises(UsageError, match="poisson_glmm: parametrisation is 'centred'"):
        models.poisson_glmm(parametrisation="centred")
    own = {"seizures": [1, 2], "treated": [0, 1], "baseline": [3, 4], "age": [20, 30], "visit": [1, 1]}
    assert models.poisson_glmm({**own, "patient": ["a", "b"]}).coords["patient"] == ("a", "b")
    with pytest.raises(DataError, match="poisson_glmm: no column 'patient'"):
        models.poisson_glmm(own)
    with pytest.raises(DataError, match="different lengths"):
        models.poisson_glmm({**own, "patient": ["a"]})


def integrated(z: Array) -> Array:
    """Log density of intercept, coefficients and log sigma, the patients integrated out; z of shape (n, 7)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    sums = np.bincount(PATIENT, weights=Y)
    total = np.empty(len(z))
    for i, row in enumerate(z):
        eta, sigma = row[0] + X @ row[1:6], np.exp(row[6])
        rate = np.bincount(PATIENT, weights=np.exp(eta))
        # Nodes at each patient's own mode and curvature.
        u = np.zeros(59)
        for _ in range(25):
            slope, curvature = sums - rate * np.exp(u) - u / sigma**2, rate * np.exp(u) + 1 / sigma**2
            u = u + np.clip(slope / curvature, -1, 1)
        width = 1 / np.sqrt(rate * np.exp(u) + 1 / sigma**2)
        at = u[:, None] + width[:, None] * nodes
        height = sums[:, None] * at - rate[:, None] * np.exp(at) - at**2 / (2 * sigma**2) - np.log(sigma)
        per_patient = special.logsumexp(height + nodes**2 / 2, b=weights, axis=1) + np.log(width)
        prior = -(row[0] ** 2) / 50 - (row[1:6] ** 2).sum() / 12.5 - sigma**2 / 2 + row[6]
        total[i] = per_patient.sum() + Y @ eta + prior
    return total


@pytest.mark.slow
def test_finding() -> None:
    start = np.array([1.83, -0.33, 0.87, 0.35, 0.46, -0.16, np.log(0.54)])
    mode = maximum(lambda z: float(integrated(z[None])[0]), start)
    exact = importance(integrated, mode, draws=5000)
    x = np.column_stack([exact.points[:, :6], np.exp(exact.points[:, 6])])
    mean, sd = exact.mean(x), exact.sd(x)
    assert mean[6] == pytest.approx(0.55, abs=0.01)

    result = bc.compare(models.poisson_glmm, random_seed=1)

    assert result.verdict.layers["sampler"].state == "sound"
    names = [*result.fits["nuts"].names[:6], "sigma"]
    assert_posterior(result.table, known(names, mean, sd, exact.effective))
    assert result.table.loc["sigma", "rank"] == 1
    # The other parametrisation's mode, among the same draws.
    centred = bc.fit(models.poisson_glmm(parametrisation="centered"), "map").values["sigma"]
    assert exact.weights[x[:, 6] < centred].sum() < 0.015

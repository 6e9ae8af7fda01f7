"""Centred and non-centred forms of templates have one marginal mode: the latent block is Gaussian in both."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytest

import bayescompare as bc
from bayescompare import models
from bayescompare.methods.marginal import MarginalOptions
from bayescompare.methods.marginal.mode import search
from bayescompare.model.problem import Problem


def radon(*, centred: bool) -> pm.Model:
    """The template, and its centred form over the same data."""
    template: pm.Model = models.radon()
    if not centred:
        return template
    y, floor, county = (template[name].get_value() for name in ("log_radon_data", "floor_measure", "county_idx"))
    with pm.Model() as model:
        means = [pm.Normal(name, 0.0, 10.0) for name in ("mu_alpha", "mu_beta")]
        sds = [pm.HalfNormal(name, 1.0) for name in ("sigma_alpha", "sigma_beta")]
        sigma_y = pm.HalfNormal("sigma_y", 1.0)
        alpha, beta = (
            pm.Normal(name, mean, sd, shape=int(county.max()) + 1)
            for name, mean, sd in zip(("alpha", "beta"), means, sds, strict=True)
        )
        pm.Normal("log_radon", alpha[county] + beta[county] * floor, sigma_y, observed=y)
    return model


FORMS: dict[str, Any] = {
    "radon": lambda centred: radon(centred=centred),
    "rats": lambda centred: models.rats(parametrisation="centered" if centred else "noncentered"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(FORMS))
def test_both_forms_have_one_marginal_mode(name: str) -> None:
    noncentred, centred = (bc.fit(FORMS[name](centred), "marginal_map") for centred in (False, True))
    assert noncentred.ok
    assert centred.ok
    assert centred.diagnostics["boundary"] == noncentred.diagnostics["boundary"]
    assert centred.log_density == pytest.approx(noncentred.log_density, abs=1e-8)
    for scalar in noncentred.diagnostics["hyperparameters"]:
        assert centred.values[scalar] == pytest.approx(noncentred.values[scalar], rel=1e-6, abs=1e-6), scalar


def test_both_forms_of_the_eight_schools_have_one_mode_where_the_jacobian_counts() -> None:
    """Without it the mode is tau = 0."""
    found = [
        search(Problem(models.eight_schools(parametrisation=form)), "unconstrained_map", 0, MarginalOptions())
        for form in ("noncentered", "centered")
    ]
    assert [each.status for each in found] == ["ok", "ok"]
    phi = [each.phi for each in found if each.phi is not None]
    assert phi[0] == pytest.approx(phi[1], abs=1e-6)


def alike(*, centred: bool) -> pm.Model:
    """Eight groups of one mean and one slope, far from 0: the sds of both are 0."""
    rng = np.random.default_rng(1)
    x, noise = rng.normal(size=(2, 8, 6))
    noise -= noise.mean(axis=1, keepdims=True)
    with pm.Model() as model:
        mu = [pm.Normal(name, 0.0, 1000.0) for name in ("mean", "slope")]
        sd, sigma = pm.HalfNormal("sd", 10.0, shape=2), pm.HalfNormal("sigma", 10.0)
        effects = [
            pm.Normal(f"effect_{i}", mu[i], sd[i], shape=8)
            if centred
            else mu[i] + sd[i] * pm.Normal(f"effect_{i}", 0.0, 1.0, shape=8)
            for i in range(2)
        ]
        pm.Normal("y", effects[0][:, None] + effects[1][:, None] * x, sigma, observed=1500 + 20 * x + noise)
    return model


COLLAPSED: dict[str, Any] = {
    "eight schools": lambda centred: models.eight_schools(parametrisation="centered" if centred else "noncentered"),
    "intercepts and slopes": lambda centred: alike(centred=centred),
}


@pytest.mark.parametrize("name", ["eight schools", pytest.param("intercepts and slopes", marks=pytest.mark.slow)])
def test_both_forms_end_at_a_scale_of_0(name: str) -> None:
    """In the centred form (effect − mean)² / sd² is rounding there."""
    noncentred, centred = (bc.fit(COLLAPSED[name](centred), "marginal_map") for centred in (False, True))
    assert noncentred.ok, noncentred.reasons
    assert centred.ok, centred.reasons
    assert centred.diagnostics["boundary"] == noncentred.diagnostics["boundary"] != []
    assert centred.log_density == pytest.approx(noncentred.log_density, abs=1e-8)
    for scalar in noncentred.diagnostics["hyperparameters"]:
        assert centred.values[scalar] == pytest.approx(noncentred.values[scalar], rel=1e-6, abs=1e-6), scalar

"""Centred and non-centred forms of templates have one marginal mode: the latent block is Gaussian in both."""

from __future__ import annotations

from typing import Any

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

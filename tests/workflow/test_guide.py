"""What the mode tells the sampler, and where it is not to be told."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayescompare.methods.nutpie import Guide
from bayescompare.model.problem import Problem
from bayescompare.workflow import arms, sampling
from bayescompare.workflow.options import CompareOptions, Silent


def guide(model: pm.Model) -> Guide:
    return sampling.guide(arms.modes(Problem(model), 0, CompareOptions(), Silent()))


def test_a_gaussian_tells_where_it_is_and_how_it_leans() -> None:
    covariance = np.array([[1.0, 0.999], [0.999, 1.0]])
    with pm.Model() as model:
        pm.Normal("y", pm.MvNormal("x", [3.0, -4.0], covariance).sum(), 100.0, observed=0.0)
    found = guide(model)
    assert found.around is not None
    np.testing.assert_allclose(found.around.mean(axis=0), [3.0, -4.0], atol=0.01)
    assert abs(found.condition / 1999 - 1) < 0.01  # (1 + 0.999)/(1 - 0.999)
    assert found.told(2) == {"metric": "low rank", "starts": "laplace"}
    assert found.told(1000)["metric"] == "diagonal"


def test_chains_do_not_all_start_at_one_of_two_modes() -> None:
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 10.0)
        pm.Potential("modes", pt.logaddexp(-0.5 * (x - 4.0) ** 2, -0.5 * (x + 4.0) ** 2))
    assert guide(model).around is None

"""Densities that rise without limit: the way is found once, and an interior mode beside it is still found."""

from __future__ import annotations

from functools import cache

import numpy as np
import pymc as pm
import pytest

from bayescompare.methods import mode
from bayescompare.methods.modes import unbounded
from bayescompare.methods.modes.end import End
from bayescompare.methods.modes.options import ModeOptions
from bayescompare.methods.modes.search import alone
from bayescompare.methods.modes.ways import OUT, Ways
from bayescompare.model.problem import Problem
from bayescompare.results.fit import Status

RNG = np.random.default_rng(16)
GROUPS, EACH = 6, 8
EFFECTS = RNG.normal(0.0, 1.0, GROUPS)
Y = EFFECTS[:, None] + RNG.normal(0.0, 0.5, (GROUPS, EACH))


@cache
def centred(apart: float) -> Problem:
    """Group effects whose spread times ``apart`` the data show: at tau = 0 the density has no limit, whatever they
    show."""
    with pm.Model() as model:
        mu, tau = pm.Normal("mu", 0.0, 1.0), pm.HalfNormal("tau", 1.0)
        effects = pm.Normal("effects", mu, tau, shape=GROUPS)
        pm.Normal("y", effects[:, None], 0.5, observed=Y - (1.0 - apart) * EFFECTS[:, None])
    return Problem(model)


def test_an_end_is_lost_beyond_the_way_that_another_found() -> None:
    looked = []

    def look(u: np.ndarray) -> tuple[int, float] | None:
        looked.append(u)
        return 1, -1.0

    ways = Ways(np.zeros(2), np.array([False, True]), look)
    near, out = np.array([0.0, -9.0]), np.array([0.0, -OUT - 1.0])
    ways.follow(near)
    ways.follow(np.array([-50.0, 0.0]))  # not a coordinate with a bound
    assert not looked
    assert not ways.lost(out)
    ways.follow(out)
    ways.follow(out)
    assert len(looked) == 1
    assert End("out", out, 0.0, ways=ways).lost
    assert not End("near", near, 0.0, ways=ways).lost
    assert not ways.lost(-out)


def test_the_way_is_that_of_the_scale() -> None:
    problem, weights = centred(0.0), mode.WEIGHTS["map"]
    place = [b.name for b in problem.density.blocks].index("tau")
    tau = problem.density.blocks[place].start
    u = problem.density.start.copy()
    u[tau] = -OUT - 2.0
    assert alone(problem.density, weights, unbounded.way_out(problem, u, ModeOptions())) == (tau, -1.0)


def test_no_mode_is_said_by_name_where_every_start_is_lost() -> None:
    found = mode.fit(centred(0.0), "map")
    assert found.status is Status.FAILED
    assert "grows without limit as tau goes to 0" in found.reasons[0].text


@pytest.mark.parametrize("seed", range(3))
def test_an_interior_mode_beside_a_way_without_end_is_found(seed: int) -> None:
    found = mode.fit(centred(1.0), "map", seed=seed)
    assert found.status is not Status.FAILED
    mu, tau = (found.values[name] for name in ("mu", "tau"))
    effects = np.array([found.values[f"effects[{i}]"] for i in range(GROUPS)])
    # The mode's own equation for tau: −J/τ + Σ(θ − μ)²/τ³ − τ = 0.
    assert np.sum((effects - mu) ** 2) == pytest.approx(GROUPS * tau**2 + tau**4, rel=1e-4)

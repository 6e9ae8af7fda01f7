"""Steps that leave a density as it is: its draws stay, whatever its shape; those of another density move."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bayescompare.methods.invariance import LOCATION, SPREAD, Batch, drift

Array = np.ndarray
RNG = np.random.default_rng(5)
SHAPE = (4, 300)


def normal(sd: float = 1.0, mean: float = 0.0) -> Batch:
    return lambda u: ((-0.5 * ((u - mean) / sd) ** 2).sum(axis=1), -(u - mean) / sd**2)


def cauchy(u: Array) -> tuple[Array, Array]:
    return -np.log1p(u**2).sum(axis=1), -2 * u / (1 + u**2)


def cut(u: Array) -> tuple[Array, Array]:
    """Exponential with its edge at 0, where the density jumps: its gradient has mean −1, not 0."""
    inside = (u > 0).all(axis=1)
    return np.where(inside, -u.sum(axis=1), -np.inf), np.where(inside[:, None], -1.0, 0.0)


def two_modes(u: Array) -> tuple[Array, Array]:
    parts = np.log([0.3, 0.7]) + stats.norm([-4, 4], [1, 0.5]).logpdf(u)
    value = np.logaddexp.reduce(parts, axis=1)
    slope = (np.exp(parts - value[:, None]) * (np.array([-4, 4]) - u) / np.array([1, 0.25])).sum(axis=1)
    return value, slope[:, None]


def funnel(u: Array) -> tuple[Array, Array]:
    v, x = u[:, :1], u[:, 1:]
    size = x**2 * np.exp(-v)
    value = -(v[:, 0] ** 2) / 18 - 0.5 * (size + v).sum(axis=1)
    return value, np.concatenate([-v / 9 + 0.5 * (size - 1).sum(axis=1, keepdims=True), -x * np.exp(-v)], axis=1)


def of_funnel() -> Array:
    v = 3 * RNG.standard_normal((*SHAPE, 1))
    return np.concatenate([v, np.exp(v / 2) * RNG.standard_normal((*SHAPE, 5))], axis=-1)


def of_two_modes() -> Array:
    left = RNG.random(SHAPE) < 0.3
    return np.where(left, RNG.normal(-4, 1, SHAPE), RNG.normal(4, 0.5, SHAPE))[..., None]


def flat(u: Array) -> tuple[Array, Array]:
    """Uniform on (0, 1): no curvature tells its scale."""
    inside = ((u > 0) & (u < 1)).all(axis=1)
    return np.where(inside, 0.0, -np.inf), np.zeros_like(u)


OWN = {
    "flat with edges": (flat, RNG.random((*SHAPE, 2))),
    "normal": (normal(), RNG.standard_normal((*SHAPE, 3))),
    "normal of another scale": (normal(1e-6), 1e-6 * RNG.standard_normal((*SHAPE, 3))),
    "heavy tails": (cauchy, RNG.standard_cauchy((*SHAPE, 2))),
    "an edge": (cut, RNG.exponential(size=(*SHAPE, 2))),
    "two modes": (two_modes, of_two_modes()),
    "a funnel": (funnel, of_funnel()),
    "many dimensions": (normal(), RNG.standard_normal((*SHAPE, 400))),
    "few draws": (normal(), RNG.standard_normal((2, 12, 3))),
}


@pytest.mark.parametrize("case", OWN)
def test_own_draws_stay(case: str) -> None:
    batch, draws = OWN[case]
    for seed in range(5):
        found = drift(batch, draws, seed)
        assert found is not None
        assert not found.found


def test_chains_that_have_not_met_are_no_sign() -> None:
    """Each chain in a place of its own, all of the density: the errors count the chains, and few tell little."""
    places = np.array([-2.0, -0.7, 0.7, 2.0])[:, None, None]
    draws = places + 0.05 * RNG.standard_normal((4, 200, 1))
    found = drift(normal(), draws)
    assert found is not None
    assert found.location[0] == 0


OTHERS = {
    "half of the range": (flat, 0.4 * RNG.random((*SHAPE, 2))),
    "elsewhere": (normal(), 3.0 + RNG.standard_normal((*SHAPE, 2))),
    "one coordinate of many": (normal(), RNG.standard_normal((*SHAPE, 20)) + np.eye(20)[7]),
    "too wide": (normal(), 3.0 * RNG.standard_normal((*SHAPE, 2))),
    "too narrow": (normal(), 0.01 * RNG.standard_normal((*SHAPE, 2))),
    "a mode that the density lacks": (normal(), of_two_modes()),
}


@pytest.mark.parametrize("case", OTHERS)
def test_draws_of_another_density_move(case: str) -> None:
    batch, draws = OTHERS[case]
    found = drift(batch, draws)
    assert found is not None
    assert found.found


def test_where_they_move_is_told() -> None:
    found = drift(normal(), RNG.standard_normal((*SHAPE, 20)) + np.eye(20)[7])
    assert found is not None
    assert found.worst == 7
    assert found.location[7] < -LOCATION  # back to 0
    found = drift(normal(), RNG.standard_normal((*SHAPE, 5)) * np.array([1, 1, 0.1, 1, 1]))
    assert found is not None
    assert found.worst == 2
    assert found.spread[2] > SPREAD


def test_too_few_draws_tell_nothing() -> None:
    assert drift(normal(), 9.0 + RNG.standard_normal((2, 3, 1))) is None

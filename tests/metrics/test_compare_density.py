"""Kernel densities of many marginals at once: ArviZ's curves, mass 1, and their height at an edge."""

from __future__ import annotations

import numpy as np
import pytest
from arviz_stats.base import array_stats
from scipy.stats import beta, expon, gamma, norm

from bayescompare.metrics import kde
from tests.metrics.laws import Array

N = 4000
LAWS = {"normal": norm(3, 2), "gamma": gamma(3.5, scale=0.5), "beta": beta(2.5, 6), "exponential": expon()}


def sample(name: str, k: int = 5) -> Array:
    """Draws (k, n)."""
    return np.asarray(LAWS[name].rvs((k, N), random_state=np.random.default_rng(1)))


@pytest.fixture(params=list(LAWS))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_bandwidths_are_arvizs(name: str) -> None:
    x = sample(name)
    theirs = np.array([array_stats.get_bw(row, "experimental") for row in x])
    # The improved Sheather–Jones half is the root of an equation, to 1e-4 here, on another grid of counts there.
    np.testing.assert_allclose(kde.bandwidths(np.sort(x, axis=1)), theirs, rtol=5e-3)


def test_smooth_is_arvizs_kde_with_boundary_correction(name: str) -> None:
    """On one grid with one bandwidth only the kernel's reach differs: ArviZ cuts it at 4 sd, where 6e-5 are left."""
    x = sample(name)
    for row in x:
        grid, pdf, bandwidth = array_stats.kde(row, bound_correction=True, grid_len=kde.GRID)
        low, high = row.min(), row.max()
        cell = (high - low) / kde.GRID
        index = kde.bins(row[None], np.array([low]), np.array([high]))
        mine = kde.smooth(kde.counts(index)[:, 0], np.array([bandwidth / cell]))[0] / cell
        np.testing.assert_allclose(grid, low + (np.arange(kde.GRID) + 0.5) * cell, rtol=1e-9, atol=1e-9)
        assert np.max(np.abs(mine - pdf)) < 5e-4 * pdf.max()


def test_curve_against_the_law(name: str) -> None:
    """Bias of second order in the bandwidth, from the law's curvature, and 5 sd of a kernel density at a point."""
    x = sample(name, k=20)
    law = LAWS[name]
    points = law.ppf(np.linspace(0.1, 0.9, 9))
    low, high = x.min(axis=1), x.max(axis=1)
    grid = np.linspace(low, high, 400, axis=1)
    curves = kde.curve(x, grid)
    h = kde.bandwidths(np.sort(x, axis=1)).max()
    step = 1e-3 * law.std()
    curvature = np.abs(law.pdf(points + step) - 2 * law.pdf(points) + law.pdf(points - step)) / step**2
    # Near an edge (nearer than 3 bandwidths) reflection flattens the slope: a bias of first order.
    near = points - law.ppf(0) < 3 * h
    slope = np.abs(law.pdf(points + step) - law.pdf(points - step)) / (2 * step)
    bias = h**2 * curvature + near * h * slope + 2e-3 * law.pdf(points).max()
    error = np.sqrt(law.pdf(points) / (2 * np.sqrt(np.pi) * N * 0.5 * h))
    at = np.array([np.interp(points, g, c) for g, c in zip(grid, curves, strict=True)])
    assert np.all(np.abs(at - law.pdf(points)) < 5 * error + bias)


def test_mass_is_one(name: str) -> None:
    x = sample(name)
    low, high = x.min(axis=1), x.max(axis=1)
    cells = kde.counts(kde.bins(x, low, high))[:, 0]
    for width in (0.0, 0.3, 5.0, 500.0):
        np.testing.assert_allclose(kde.smooth(cells, np.full(len(x), width)).sum(axis=1), 1, rtol=1e-12)
    grid = np.linspace(low, high, 2000, axis=1)
    # The trapezoid rule on 2,000 points of a curve that is a bandwidth (20 points) wide, bent at 512 cells.
    np.testing.assert_allclose(np.trapezoid(kde.curve(x, grid), grid, axis=1), 1, rtol=5e-3)


def test_a_grid_that_leaves_draws_out_holds_their_share() -> None:
    x = sample("normal")
    grid = np.repeat(np.linspace(3, 5, 500)[None], len(x), axis=0)
    inside = ((x >= 3) & (x <= 5)).mean(axis=1)
    np.testing.assert_allclose(np.trapezoid(kde.curve(x, grid), grid, axis=1), inside, rtol=5e-3)
    empty = kde.curve(x, np.repeat(np.linspace(1e3, 2e3, 50)[None], len(x), axis=0))
    assert np.all(empty == 0)


def test_height_at_the_edge() -> None:
    """A plain kernel halves it; with reflection E f̂(0) = 1 − h√(2/π) + …, for the exponential."""
    x = sample("exponential", k=20)
    grid = np.linspace(x.min(axis=1), x.max(axis=1), 400, axis=1)
    h = kde.bandwidths(np.sort(x, axis=1))
    expected = 2 * np.exp(h**2 / 2) * norm.cdf(-h)  # 2 ∫ φ_h(x) e⁻ˣ dx
    error = np.sqrt(2 / (2 * np.sqrt(np.pi) * N * h))
    cell = np.ptp(x, axis=1) / kde.GRID
    assert np.all(np.abs(kde.curve(x, grid)[:, 0] - expected) < 5 * error + cell)
    assert np.all(expected > 0.7)


def test_constants_and_nothing() -> None:
    assert np.isfinite(kde.bandwidths(np.full((2, 100), 3.0))).all()
    assert kde.curve(np.empty((0, 100)), np.empty((0, 50))).shape == (0, 50)

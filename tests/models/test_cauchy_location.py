"""Darwin's maize with Cauchy errors: against quadrature in one dimension."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from bayescompare.templates.library.cauchy_location import cauchy_location
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

DIFFERENCE = np.array(load("darwin_maize")["difference"])


def logp(p: Point) -> float:
    return float(stats.norm(0, 10).logpdf(p["location"]) + stats.cauchy(p["location"], 1).logpdf(DIFFERENCE[:3]).sum())


@dataclass(frozen=True)
class Exact:
    """Posterior figures on a fine grid; modes by height, with the probability of each one's hill."""

    modes: list[float]
    heights: list[float]
    masses: list[float]
    mean: float
    sd: float
    rank: float
    laplace_sd: float


def exact(n: int) -> Exact:
    t = np.linspace(-80, 80, 320_001)
    step = t[1] - t[0]
    log_density = stats.norm(0, 10).logpdf(t) + stats.cauchy(t[:, None]).logpdf(DIFFERENCE[:n]).sum(axis=1)
    density = np.exp(log_density - log_density.max())
    density /= density.sum()
    inner = slice(1, -1)
    tops = 1 + np.flatnonzero((log_density[inner] > log_density[:-2]) & (log_density[inner] > log_density[2:]))
    valleys = [a + log_density[a:b].argmin() for a, b in itertools.pairwise(tops)]
    masses = np.array([piece.sum() for piece in np.split(density, valleys)])
    order = np.argsort(-log_density[tops])
    top = tops[order[0]]
    mean = density @ t
    curvature = -(log_density[top + 20] - 2 * log_density[top] + log_density[top - 20]) / (20 * step) ** 2
    return Exact(
        list(t[tops[order]]),
        list(log_density[tops[order]]),
        list(masses[order]),
        mean,
        np.sqrt(density @ t**2 - mean**2),
        density[:top].sum(),
        curvature**-0.5,
    )


def test_builds() -> None:
    model = assert_builds(cauchy_location, logp)
    assert model.named_vars_to_dims["difference"] == ("pair",)
    assert [v.name for v in model.free_RVs] == ["location"]


def test_the_data_are_darwins() -> None:
    # Table 97: crossed and self-fertilised heights in eighths of an inch, and the totals that Darwin gives in inches.
    crossed = [188, 96, 168, 176, 153, 172, 177, 163, 146, 173, 186, 168, 177, 184, 96]
    selfed = [139, 163, 160, 160, 147, 149, 149, 122, 132, 144, 130, 144, 102, 124, 144]
    np.testing.assert_array_equal(DIFFERENCE, (np.array(crossed) - selfed) / 8)
    assert (round(sum(crossed) / 8, 1), round(sum(selfed) / 8, 1)) == (302.9, 263.6)


def test_options_and_data_that_do_not_fit() -> None:
    assert_refuses(cauchy_location, {"n": 16}, "whole number from 1 to 15")
    assert_refuses(cauchy_location, {"scale": 0.0}, "above 0")
    assert_refuses(cauchy_location, {"prior_scale": "wide"}, "finite number")
    assert_refuses_data(cauchy_location, {"y": [1.0]}, "no column 'difference'")
    assert cauchy_location({"difference": [0.1, 0.3]}).coords["pair"] == (1, 2)
    assert list(cauchy_location(n=2)["difference_data"].get_value()) == list(DIFFERENCE[:2])


@pytest.mark.parametrize("n", [2, 3, 15])
def test_mode_is_the_highest_of_them(n: int) -> None:
    fit = bc.fit(cauchy_location(n=n), "map")
    assert fit.ok
    assert fit.values["location"] == pytest.approx(exact(n).modes[0], abs=5e-4)  # the grid's step


def test_the_docstring_is_true() -> None:
    two, three, all_pairs = exact(2), exact(3), exact(15)
    assert [round(d, 1) for d in DIFFERENCE[:3]] == [6.1, -8.4, 1.0]
    assert len(three.modes) == 3
    assert (round(three.modes[0], 2), round(three.laplace_sd, 2), round(three.sd, 1)) == (1.08, 0.73, 3.5)
    assert round(sum(three.masses[1:]), 2) == 0.30
    assert [round(m, 1) for m in two.modes] == [6.0, -8.3]
    assert round(two.heights[0] - two.heights[1], 2) == 0.16
    assert (round(two.mean, 1), round(three.mean, 1)) == (-0.6, 1.5)
    assert len(all_pairs.modes) == 1
    assert round((all_pairs.modes[0] - all_pairs.mean) / all_pairs.sd, 2) == 0.06


@pytest.mark.slow
def test_full_run() -> None:
    known = exact(3)
    result = bc.compare(cauchy_location, random_seed=1)
    assert_posterior(result.table, pd.DataFrame({"mean": known.mean, "sd": known.sd}, index=["location"]))
    row = result.table.loc["location"]
    assert abs(row["rank"] - known.rank) <= 5 * row["rank_mcse"]
    assert row["laplace_sd"] == pytest.approx(known.laplace_sd, rel=1e-3)
    assert str(result.verdict.layers["spread"].state) == "differs"

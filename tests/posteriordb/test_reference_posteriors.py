"""Whole comparisons against posteriordb: MAP, means, sds and ranks of twelve posteriors that others have sampled."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bayescompare as bc
from bayescompare.compare.comparison import Comparison
from bayescompare.fit.nuts import SamplerOptions

DATA = Path(__file__).parent / "data"
ERRORS = 5.0
RANK_ERRORS = 4.0

#: Where the defaults leave too few effective draws (raw columns, an ODE) or diverge (the funnel of eight schools).
SAMPLER: dict[str, dict[str, Any]] = {
    "earnings-logearn_height": {"draws": 2000},
    "kidiq-kidscore_interaction": {"draws": 2000},
    "eight_schools-eight_schools_noncentered": {"target_accept": 0.95},
    "hudson_lynx_hare-lotka_volterra": {"draws": 2000},
}
FAST = ("eight_schools-eight_schools_noncentered", "kidiq-kidscore_momhs")


@dataclass(frozen=True)
class Reference:
    """What is known of a posterior, by parameter; ``ess`` of the draws that the quantiles are of."""

    names: tuple[str, ...]
    mean: np.ndarray
    sd: np.ndarray
    mcse_mean: np.ndarray
    mcse_sd: np.ndarray
    map: np.ndarray
    ess: np.ndarray
    quantiles: np.ndarray

    def rank(self, points: np.ndarray) -> np.ndarray:
        """Share of reference draws below each point."""
        levels = np.linspace(0, 1, self.quantiles.shape[1])
        return np.array([np.interp(m, q, levels) for m, q in zip(points, self.quantiles, strict=True)])

    def rank_error(self, rank: np.ndarray) -> np.ndarray:
        """Binomial, of at least one draw; and the grid of quantiles has steps of 1/1000."""
        p = np.clip(rank, 1 / self.ess, 1 - 1 / self.ess)
        return np.sqrt(p * (1 - p) / self.ess + 0.001**2 / 12)


def reference(name: str) -> Reference:
    known = json.loads((DATA / "reference.json").read_text(encoding="utf-8"))[name]
    with np.load(DATA / "quantiles.npz") as grids:
        quantiles = grids[name].astype(float)
    numbers = ("mean", "sd", "mcse_mean", "mcse_sd", "map", "ess")
    return Reference(tuple(known["names"]), *(np.array(known[key], dtype=float) for key in numbers), quantiles)


def data(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return found


def ours(name: str) -> str:
    """``beta[1]`` of Stan is ``beta[0]`` here."""
    variable, _, index = name.partition("[")
    return f"{variable}[{int(index[:-1]) - 1}]" if index else name


NAMES = tuple(json.loads((DATA / "reference.json").read_text(encoding="utf-8")))
PARAMETERS = [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in NAMES]


@pytest.fixture(scope="module")
def comparisons() -> dict[str, Comparison]:
    return {}


@pytest.fixture(params=PARAMETERS)
def case(request: pytest.FixtureRequest, comparisons: dict[str, Comparison]) -> tuple[Comparison, Reference]:
    from tests.posteriordb.translations import MODELS

    name = request.param
    if name not in comparisons:
        options = bc.CompareOptions(sampler=SamplerOptions(**SAMPLER.get(name, {})))
        comparisons[name] = bc.compare(MODELS[name](data(name)), seed=1, options=options)
    return comparisons[name], reference(name)


def test_against_the_reference(case: tuple[Comparison, Reference]) -> None:
    """One run, and all that it must meet: MCMC that converged proves little if it converged to something else."""
    comparison, known = case
    layers = comparison.verdict.layers
    assert layers["sampler"].state == "sound", layers["sampler"].reason
    assert layers["optimiser"].state == "sound", layers["optimiser"].reason
    table = comparison.table.loc[[ours(name) for name in known.names]]

    mean = np.abs(table["mean"] - known.mean) / np.hypot(table["mcse_mean"], known.mcse_mean)
    sd = np.abs(table["sd"] - known.sd) / np.hypot(table["mcse_sd"], known.mcse_sd)
    assert mean.max() < ERRORS, mean
    assert sd.max() < ERRORS, sd
    assert np.abs(table["sd"] / known.sd - 1).max() < 0.1

    mode = np.abs(table["map"] - known.map) / known.sd
    assert mode.max() < 1e-3, mode

    rank = known.rank(table["map"].to_numpy())
    off = np.abs(table["rank"] - rank) / np.hypot(table["rank_mcse"], known.rank_error(rank))
    assert off.max() < RANK_ERRORS, off

    z = (known.map - known.mean) / known.sd
    # The reference's mean has an error of its own, in sd.
    assert (np.abs(table["z"] - z) / np.hypot(table["z_mcse"], known.mcse_mean / known.sd)).max() < ERRORS


def test_boundary_of_eight_schools() -> None:
    """Quadrature: the non-centred mode has tau = 0, and no draw lies below."""
    known = reference("eight_schools-eight_schools_noncentered")
    assert known.map[known.names.index("tau")] == 0
    assert known.rank(known.map)[known.names.index("tau")] == 0


def test_data_and_reference_are_complete() -> None:
    from tests.posteriordb.translations import MODELS

    assert set(MODELS) == set(NAMES)
    for name in NAMES:
        known = reference(name)
        assert len(known.names) == len(known.mean) == len(known.map) == len(known.quantiles)
        # The quantiles are of the posterior that mean and sd are of; summed by the trapezoid rule.
        mean = np.trapezoid(known.quantiles, dx=1e-3, axis=1)
        assert np.all(np.abs(mean - known.mean) < 5 * known.sd / np.sqrt(known.ess) + 1e-3 * known.sd)
        assert data(name)

"""Whole comparisons against posteriordb: MAP, means, sds and ranks of posteriors that others have sampled."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import bayescompare as bc
from bayescompare.methods.sampler_options import SamplerOptions
from tests.posteriordb.reference import NAMES, data, ours, reference

ERRORS = 5.0
RANK_ERRORS = 4.0

#: Where the defaults leave too few effective draws (raw columns, an ODE; diamonds: 240 steps a draw) or diverge (the
#: funnel of eight schools).
SAMPLER: dict[str, dict[str, Any]] = {
    "diamonds-diamonds": {"draws": 3000},
    "earnings-earn_height": {"draws": 2000},
    "earnings-log10earn_height": {"draws": 2000},
    "earnings-logearn_height": {"draws": 2000},
    "hmm_example-hmm_example": {"draws": 2000},
    "kidiq-kidscore_interaction": {"draws": 2000},
    "kidiq-kidscore_momiq": {"draws": 2000},
    "eight_schools-eight_schools_noncentered": {"target_accept": 0.95},
    "hudson_lynx_hare-lotka_volterra": {"draws": 2000},
}
FAST = ("eight_schools-eight_schools_noncentered", "kidiq-kidscore_momhs")

# Two minutes on two idle cores, leave-one-out of 5,000 observations and all; a busy machine may take five times that.
LONG = {"diamonds-diamonds": [pytest.mark.slow, pytest.mark.timeout(1800)]}

PARAMETERS = [pytest.param(name, marks=() if name in FAST else LONG.get(name, pytest.mark.slow)) for name in NAMES]


def model(name: str) -> Any:
    from tests.posteriordb.translations import MODELS, lotka_volterra

    near = {"hudson_lynx_hare-lotka_volterra": partial(lotka_volterra, near=True)}
    return near.get(name, MODELS[name])(data(name))


@pytest.mark.parametrize("name", PARAMETERS)
def test_against_the_reference(name: str) -> None:
    """One run, and all that it must meet: MCMC that converged proves little if it converged to something else."""
    options = bc.CompareOptions(sampler=SamplerOptions(**SAMPLER.get(name, {})))
    comparison, known = bc.compare(model(name), random_seed=1, options=options), reference(name)
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

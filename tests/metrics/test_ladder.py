"""Distances of a point, or of draws, from a posterior's draws."""

from __future__ import annotations

import numpy as np

from bayescompare.metrics.ladder import Moments, distances, enough, moments
from bayescompare.metrics.table import Marginals, table
from bayescompare.metrics.verdict import Layer, State

K = 70  # more than a block


def posterior(seed: int = 0) -> np.ndarray:
    """Autocorrelated draws of exponential laws, (4, 500, K)."""
    rng = np.random.default_rng(seed)
    x = rng.exponential(size=(4, 500, K))
    x[:, 1:] = 0.5 * (x[:, 1:] + x[:, :-1])
    return x


def test_a_point_is_as_far_off_as_the_table_says() -> None:
    draws, point = posterior(), np.linspace(-1.0, 3.0, K)
    nothing = np.full(K, np.nan)
    columns, _ = table(Marginals(draws, point, nothing, nothing, None, None))
    found = distances(draws, moments(point))
    np.testing.assert_allclose(found.z, columns["z"], rtol=1e-12)
    np.testing.assert_allclose(found.z_mcse, columns["z_mcse"], rtol=1e-12)
    assert np.isnan(found.log_ratio).all()


def test_draws_of_a_known_law_are_as_far_off_as_it_is() -> None:
    """Normal laws shifted by 1 sd and 1.5 times as wide: each figure's error is its error over the K replicates."""
    rng = np.random.default_rng(1)
    draws = rng.normal(2.0, 3.0, (4, 400, K))
    found = distances(draws, moments(rng.normal(5.0, 4.5, (800, K))))
    for gap, error in ((found.z - 1.0, found.z_mcse), (found.log_ratio - np.log(1.5), found.log_ratio_mcse)):
        assert abs(gap.mean()) < 4 * error.mean() / np.sqrt(K)
        assert 0.7 < np.std(gap) / error.mean() < 1.3


def test_what_does_not_vary_has_no_distance() -> None:
    draws = posterior()
    draws[..., 3] = 2.0
    found = distances(draws, moments(draws.reshape(-1, K)[:100]))
    assert np.isnan([found.z[3], found.log_ratio[3]]).all()
    assert np.isfinite(found.z[np.arange(K) != 3]).all()


def test_errors_of_chains_are_those_of_chains() -> None:
    draws = posterior()
    alone = moments(draws.reshape(-1, K)[:100])
    assert (moments(draws).mean_mcse > 1.1 * moments(draws).sd / np.sqrt(2000)).all()
    exact = Moments(alone.mean, np.zeros(K), alone.sd, np.zeros(K))
    assert (distances(draws, exact).z_mcse < distances(draws, alone).z_mcse).all()


def test_enough_wants_both_the_same_for_every_scalar() -> None:
    same, differs, undecided, none = (
        Layer("location", state, "", scalars=3)
        for state in (State.SAME, State.DIFFERS, State.UNDECIDED, State.NOT_COMPUTED)
    )
    assert enough(same, same, 3) is State.SAME
    assert enough(same, same, 4) is State.UNDECIDED
    assert enough(same, differs, 3) is State.DIFFERS
    assert enough(differs, none, 3) is State.DIFFERS
    assert enough(same, none, 3) is State.NOT_COMPUTED
    assert enough(undecided, same, 3) is State.UNDECIDED

"""The marginal methods of many data sets at once against the fits of each."""

from __future__ import annotations

import numpy as np
import pytest

from bayescompare.model.problem import Problem
from bayescompare.model.simulate import simulator
from bayescompare.studies import marginal_arms, single_arm
from bayescompare.studies.nuts_arm import Kept
from bayescompare.studies.swappable import swappable
from tests.studies.conjugate import grouped, normal


@pytest.fixture(scope="module")
def problem() -> Problem:
    return Problem(swappable(grouped(6, 3.0)))


def test_a_batch_says_what_each_fit_says(problem: Problem) -> None:
    simulate = simulator(problem.model)
    data = [simulate(seed)[1] for seed in range(10)]
    kept = Kept(np.arange(len(problem.scalars)), (0.5, 0.9), 1000)
    truth, seeds = np.zeros((10, len(problem.scalars))), list(range(10))
    batch = marginal_arms.fit_batch(problem, data, truth, "marginal_map", seeds=seeds, kept=kept)
    assert {each.status for each in batch if each} == {"ok"}
    at_bound = [bool(np.any(each.arrays["at_bound"])) for each in batch if each]
    assert True in at_bound
    assert False in at_bound
    for i in (at_bound.index(True), at_bound.index(False)):
        alone = single_arm.fit(problem.with_data(**data[i]), truth[i], "marginal_map", seed=i, kept=kept)
        found = batch[i]
        assert found is not None
        assert found.status == alone.status
        for name in ("estimate", "sd", "lower", "rank", "at_bound", "log_density"):
            np.testing.assert_allclose(found.arrays[name], alone.arrays[name], rtol=1e-4, atol=1e-6, err_msg=name)
    drawn = marginal_arms.fit_batch(problem, data[:9], truth[:9], "marginal_laplace", seeds=seeds[:9], kept=kept)
    alone = single_arm.fit(problem.with_data(**data[8]), truth[8], "marginal_laplace", seed=8, kept=kept)
    last = drawn[8]  # of the second group, with nobody beside it
    assert last is not None
    shift = (last.arrays["estimate"] - alone.arrays["estimate"]) / alone.arrays["sd"]
    assert np.abs(shift).max() < 5 * np.sqrt(2 / 500)  # two sets of 1,000 draws, chosen by their weights
    assert np.abs(np.log(last.arrays["sd"] / alone.arrays["sd"])).max() < 5 / np.sqrt(500)
    again = marginal_arms.fit_batch(problem, data[8:9], truth[8:9], "marginal_laplace", seeds=[8], kept=kept)[0]
    assert again is not None
    np.testing.assert_array_equal(again.arrays["estimate"], last.arrays["estimate"])


def test_a_model_without_a_latent_block_is_left_to_the_single_fit() -> None:
    one = Problem(normal())
    data, kept = [{"y_data": np.zeros(4)}] * 2, Kept(np.arange(1), (0.5,), 100)
    found = marginal_arms.fit_batch(one, data, np.zeros((2, 1)), "marginal_map", seeds=[0, 1], kept=kept)
    assert found == [None, None]

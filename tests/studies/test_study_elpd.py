"""elpd on fresh data: closed forms, the two ways that compute it, and what a study makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from conjugate import normal
from numpy.typing import NDArray
from scipy import stats

import bayescompare as bc
from bayescompare.errors import DataError
from bayescompare.model.problem import Problem
from bayescompare.model.simulate import fresh_data, simulator
from bayescompare.reasons import Code, Reason
from bayescompare.studies import batch_density, cells
from bayescompare.studies import fresh_elpd as elpd
from bayescompare.studies.cheap_arms import CheapOptions, Estimates, fit_batch

HERE = Path(__file__).parent
MODEL = f"{HERE / 'conjugate.py'}:normal"
SHORT = bc.SamplerOptions(draws=300, tune=200, chains=2)
N = 4
V = 1 / (N + 1)
"""Of the posterior of mu; a new observation has the variance 1 + V."""


def seeds(count: int) -> NDArray[np.uint64]:
    return np.arange(count, dtype=np.uint64)


def drawn(count: int, n: int = N) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Data and fresh data of the conjugate model, the truth drawn from the prior."""
    rng = np.random.default_rng(n)
    mu = rng.normal(size=(count, 1))
    return {"y_data": mu + rng.normal(size=(count, n))}, {"y_data": mu + rng.normal(size=(count, n))}


def exact(y: NDArray[Any], new: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """elpd of the posterior, by its closed form, and what a single draw adds to its error: its sd; and the plug-in."""
    mean, sd = y.sum(axis=1, keepdims=True) / (y.shape[1] + 1), np.sqrt(1 / (y.shape[1] + 1))
    predictive = stats.norm.logpdf(new, mean, np.sqrt(1 + sd**2))
    # log(mean of p) is off by mean(p)/P − 1, to first order; the draws' relative densities vary by Gauss-Hermite.
    x, w = np.polynomial.hermite_e.hermegauss(40)
    mu = mean + sd * x
    relative = np.exp(stats.norm.logpdf(new[:, :, None], mu[:, None, :], 1.0) - predictive[:, :, None]).sum(axis=1)
    variance = (w * (relative - y.shape[1]) ** 2).sum(axis=1) / w.sum()
    return predictive.sum(axis=1), np.sqrt(variance), stats.norm.logpdf(new, mean, 1.0).sum(axis=1)


@pytest.fixture(scope="module")
def one() -> Problem:
    return Problem(normal(N))


# -- closed forms ----------------------------------------------------------------------------------


def test_draws_of_a_conjugate_model_predict_as_its_closed_form_does(one: Problem) -> None:
    data, fresh = drawn(300)
    found = fit_batch(one, data, seeds=seeds(300), fresh=fresh)
    expected, sd, plugin = exact(data["y_data"], fresh["y_data"])
    # Draws come in pairs of opposite ones, of which the even part of a function sees but one.
    error = sd / np.sqrt(CheapOptions().draws / 2)
    for method in ("map_laplace", "psis_laplace"):
        assert np.all(np.abs(found[method].elpd - expected) < 5 * error + 1e-6)
    np.testing.assert_allclose(found["map_laplace"].elpd_plugin, plugin, rtol=0, atol=1e-6)
    of_mle = stats.norm.logpdf(fresh["y_data"], data["y_data"].mean(axis=1, keepdims=True), 1.0).sum(axis=1)
    np.testing.assert_allclose(found["mle_wald"].elpd_plugin, of_mle, rtol=0, atol=1e-6)
    for nothing in (found["mle_wald"].elpd, found["psis_laplace"].elpd_plugin):
        assert np.isnan(nothing).all()


SHAPE, RATE, COUNTS = 8.0, 4.0, 4


def counted(count: int) -> tuple[Problem, dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Counts whose posterior is a Gamma, so that a new one is negative binomial; in the first two rows all are 0."""
    with pm.Model() as model:
        pm.Poisson("y", pm.Gamma("rate", SHAPE, RATE), observed=pm.Data("y_data", np.zeros(COUNTS, dtype=int)))
    rng = np.random.default_rng(2)
    rate = rng.gamma(SHAPE, 1 / RATE, (count, 1))
    data, fresh = (rng.poisson(rate, (count, COUNTS)) for _ in range(2))
    data[:2] = fresh[0] = 0
    fresh[1] = 1
    return Problem(model), {"y_data": data}, {"y_data": fresh}


def test_weighted_draws_of_a_skewed_posterior_predict_as_its_closed_form_does() -> None:
    one, data, fresh = counted(600)
    found = fit_batch(one, data, seeds=seeds(600), fresh=fresh)
    shape, rate = SHAPE + data["y_data"].sum(axis=1, keepdims=True), RATE + COUNTS
    expected = stats.nbinom.logpmf(fresh["y_data"], shape, rate / (rate + 1)).sum(axis=1)
    off = {m: (found[m].elpd - expected)[np.isfinite(found[m].elpd)] for m in ("map_laplace", "psis_laplace")}
    mean, error = off["psis_laplace"].mean(), off["psis_laplace"].std() / np.sqrt(len(off["psis_laplace"]))
    assert len(off["psis_laplace"]) > 550
    assert mean == pytest.approx(0.0, abs=4 * error)
    # Without its weights the approximation is another distribution.
    assert off["map_laplace"].std() > 2 * off["psis_laplace"].std()


def test_a_point_on_the_boundary_gives_some_data_no_density() -> None:
    one, data, fresh = counted(3)
    found = fit_batch(one, data, seeds=seeds(3), fresh=fresh)["mle_wald"]
    assert Reason(Code.ON_BOUNDARY, ("rate",)) in found.reasons[0]
    assert found.elpd_plugin[0] == 0  # a rate of 0 gives 0 for certain
    assert found.elpd_plugin[1] == -np.inf
    assert np.isfinite(found.elpd_plugin[2])


def test_a_parameter_out_of_its_range_has_no_density() -> None:
    with pm.Model() as model:
        pm.Normal("y", 0.0, pm.Normal("scale", 1.0, 1.0), observed=pm.Data("y_data", [0.5, 1.0]))
    points = np.array([[1.0], [-1.0]])
    half = stats.norm.logpdf([0.5, 1.0]).sum() + 2 * np.log(0.5)
    assert elpd.log_predictive(Problem(model), points) == pytest.approx(half, rel=1e-12)
    assert elpd.log_predictive(Problem(model), points, np.log([0.25, 0.75])) == pytest.approx(half + 2 * np.log(0.5))
    assert elpd.log_predictive(Problem(model), points[1:]) == -np.inf


def test_half_the_sd_predicts_worse(one: Problem) -> None:
    """By what the closed form of N(m, 1 + V/4) in place of N(m, 1 + V) says."""
    data, fresh = drawn(2000)
    rng = np.random.default_rng(3)
    lost = []
    for y, new in zip(data["y_data"], fresh["y_data"], strict=True):
        mean, z = y.sum() / (N + 1), rng.normal(size=(400, 1))
        problem = one.with_data(y_data=new)
        sound, broken = (elpd.log_predictive(problem, mean + share * np.sqrt(V) * z) for share in (1.0, 0.5))
        lost.append(sound - broken)
    error = np.std(lost) / np.sqrt(len(lost))
    expected = N * 0.5 * (np.log((1 + V / 4) / (1 + V)) + (1 + V) / (1 + V / 4) - 1)
    assert np.mean(lost) > 3 * error
    assert np.mean(lost) == pytest.approx(expected, abs=4 * error)


# -- the two ways ----------------------------------------------------------------------------------


def same_elpd(a: dict[str, Estimates], b: dict[str, Estimates]) -> None:
    """Modes agree to 1e-6 sd, draws are the same, and weights follow from them."""
    for method in a:
        assert a[method].status == b[method].status
        np.testing.assert_allclose(a[method].elpd_plugin, b[method].elpd_plugin, rtol=0, atol=1e-5)
        np.testing.assert_allclose(a[method].elpd, b[method].elpd, rtol=0, atol=1e-4)


def test_one_by_one_gives_what_a_batch_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    one, data, fresh = counted(8)
    together = fit_batch(one, data, seeds=seeds(8), fresh=fresh)
    monkeypatch.setattr(batch_density, "functions", lambda *_, **__: None)
    same_elpd(together, fit_batch(one, data, seeds=seeds(8), fresh=fresh))
    assert np.isfinite(together["psis_laplace"].elpd).any()


def test_more_draws_than_go_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three thousand observations: a thousand draws are many blocks, the last of them not full."""
    one, (data, fresh) = Problem(normal(3000)), drawn(2, 3000)
    assert 1000 % batch_density._at_once(one.density, 1, 1000)
    together = fit_batch(one, data, seeds=seeds(2), fresh=fresh)
    monkeypatch.setattr(batch_density, "functions", lambda *_, **__: None)
    monkeypatch.setattr(elpd, "CELLS", 3000 * 300)
    same_elpd(together, fit_batch(one, data, seeds=seeds(2), fresh=fresh))
    expected, sd, _ = exact(data["y_data"], fresh["y_data"])
    assert np.all(np.abs(together["psis_laplace"].elpd - expected) < 5 * sd / np.sqrt(500))


def regression(count: int) -> tuple[Problem, dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Predictors are swapped too; fresh outcomes are of the same ones. Row 2 has no density."""
    with pm.Model() as model:
        x = pm.Data("x", np.zeros(12))
        b = pm.Normal("b", 0.0, 2.0, shape=2)
        pm.Bernoulli("y", logit_p=b[0] + b[1] * x, observed=pm.Data("y_data", np.zeros(12, dtype=int)))
    rng = np.random.default_rng(5)
    x = rng.normal(size=(count, 12))
    y, new = (rng.integers(0, 2, (count, 12)) for _ in range(2))
    x[2, 3] = np.nan
    return Problem(model), {"x": x, "y_data": y}, {"y_data": new}


def test_a_row_depends_on_its_own_data_alone() -> None:
    """Bit by bit, and what else is said of it is what is said without fresh data."""
    one, data, fresh = regression(20)
    every = fit_batch(one, data, seeds=seeds(20), fresh=fresh)
    without = fit_batch(one, data, seeds=seeds(20))
    order = np.random.default_rng(7).permutation(20)
    shuffled = fit_batch(
        one, {n: a[order] for n, a in data.items()}, seeds=seeds(20)[order], fresh={"y_data": fresh["y_data"][order]}
    )
    alone = fit_batch(
        one, {n: a[4:5] for n, a in data.items()}, seeds=seeds(20)[4:5], fresh={"y_data": fresh["y_data"][4:5]}
    )
    for method, found in every.items():
        for name in ("elpd", "elpd_plugin"):
            assert getattr(found, name)[order].tobytes() == getattr(shuffled[method], name).tobytes()
            assert getattr(found, name)[4:5].tobytes() == getattr(alone[method], name).tobytes()
            assert np.isnan(getattr(without[method], name)).all()
        for name in ("point", "sd", "lower", "rank", "k_hat", "log_density"):
            assert getattr(found, name).tobytes() == getattr(without[method], name).tobytes()
        assert found.status[2] == "failed"
        assert np.isnan(found.elpd[2])
        assert np.isnan(found.elpd_plugin[2])
    swapped = one.with_data(x=data["x"][4], y_data=fresh["y_data"][4])
    at = np.asarray(every["map_laplace"].point[4])
    assert every["map_laplace"].elpd_plugin[4] == pytest.approx(elpd.log_predictive(swapped, at[None]), abs=1e-9)
    with pytest.raises(DataError, match="20 seeds"):
        fit_batch(one, data, seeds=seeds(20), fresh={"y_data": fresh["y_data"][:3]})


# -- a study ---------------------------------------------------------------------------------------

PLAN = bc.Plan(MODEL, {"n": (N,)}, replicates=10, seed=4, sampler=SHORT, elpd=True)


@pytest.fixture(scope="module")
def serial() -> bc.StudyResult:
    return bc.study(PLAN, executor="serial")


def test_every_method_of_a_study_predicts_the_same_fresh_data(serial: bc.StudyResult) -> None:
    simulate, again = simulator(normal(N)), fresh_data(normal(N))
    frame = serial.cells()
    for replicate in range(10):
        seed = cells.seeds(PLAN, PLAN.points[0], replicate)
        parameters, data = simulate(seed.data)
        new = again(parameters, seed.fresh)
        assert (new["y_data"] != data["y_data"]).all()
        (expected,), (sd,), (plugin,) = exact(data["y_data"][None], new["y_data"][None])
        found = frame[frame["replicate"] == replicate].set_index("method")
        assert found.loc["map_laplace", "elpd_plugin"] == pytest.approx(plugin, abs=1e-6)
        assert found.loc["psis_laplace", "elpd"] == pytest.approx(expected, abs=5 * sd / np.sqrt(500))
        assert found.loc["nuts", "elpd"] == pytest.approx(expected, abs=5 * sd / np.sqrt(found.loc["nuts", "ess"]))
        assert np.isnan(found.loc["mle_wald", "elpd"])
        assert np.isnan(found.loc["nuts", "elpd_plugin"])


def test_processes_give_the_same_rows(serial: bc.StudyResult) -> None:
    frames = [r.cells().drop(columns="seconds") for r in (serial, bc.study(PLAN, workers=2))]
    pd.testing.assert_frame_equal(*frames, check_exact=True)


def test_what_is_recorded_beside_elpd_is_what_is_recorded_without(serial: bc.StudyResult) -> None:
    from dataclasses import replace

    frames = [r.cells() for r in (serial, bc.study(replace(PLAN, elpd=False), executor="serial"))]
    assert set(frames[0]) - set(frames[1]) == {"elpd", "elpd_plugin"}
    shared = [name for name in frames[1] if name != "seconds"]
    pd.testing.assert_frame_equal(*(frame[shared] for frame in frames), check_exact=True)


def test_the_summary_pairs_with_nuts(serial: bc.StudyResult) -> None:
    frame = serial.cells().set_index(["method", "replicate"])
    rows = {(r.method, r.measure): r for r in serial.rows() if r.measure.startswith("elpd")}
    assert {key for key in rows if key[0] == "mle_wald"} == {
        ("mle_wald", "elpd_plugin"),
        ("mle_wald", "elpd_plugin_diff"),
    }
    assert [key for key in rows if key[0] == "nuts"] == [("nuts", "elpd")]
    lost = frame.loc["nuts", "elpd"] - frame.loc["map_laplace", "elpd_plugin"]
    row = rows["map_laplace", "elpd_plugin_diff"]
    assert (row.parameter, row.n, row.failed) == ("", 10, 0)
    assert row.value == pytest.approx(lost.mean(), rel=1e-12)
    assert row.mcse == pytest.approx(lost.std() / np.sqrt(10), rel=1e-12)
    assert rows["nuts", "elpd"].value == pytest.approx(frame.loc["nuts", "elpd"].mean(), rel=1e-12)


def test_what_a_plug_in_loses_is_what_the_closed_form_says() -> None:
    # y_new − m ~ N(0, 1 + V): by N(m, 1 + V) it has ½(V − log(1 + V)) nats more than by N(m, 1), each observation.
    plan = bc.Plan(MODEL, {"n": (N,)}, replicates=1500, methods=("map_laplace", "psis_laplace"), seed=1, elpd=True)
    frame = bc.study(plan, executor="serial").cells().query("method == 'map_laplace'")
    lost = frame["elpd"] - frame["elpd_plugin"]
    error = lost.std() / np.sqrt(1500)
    assert lost.mean() == pytest.approx(N * 0.5 * (V - np.log1p(V)), abs=4 * error)
    assert lost.mean() > 3 * error
    mean, error = frame["elpd"].mean(), frame["elpd"].std() / np.sqrt(1500)
    assert mean == pytest.approx(-N * 0.5 * (np.log(2 * np.pi * (1 + V)) + 1), abs=4 * error)


@pytest.fixture(scope="module", autouse=True)
def _models_are_dropped() -> Iterator[None]:
    yield
    cells._KEPT.clear()

"""Draws made elsewhere: what they carry is read under any name, their entries are found by label, and draws of another
model are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytest
import xarray as xr
from scipy import stats

from bayescompare.errors import DataError
from bayescompare.methods.external import bring
from bayescompare.model.problem import Problem
from bayescompare.results.carried import read

RNG = np.random.default_rng(8)
GROUPS = ["a", "b", "c"]
Y = np.array([3.0, 0.0, -3.0])
DIMS = ("chain", "draw")
CHAINS, DRAWS = 4, 300


def model(sd: float = 2.0, labels: Any = GROUPS, y: np.ndarray = Y) -> pm.Model:
    """x[g] ~ N(0, sd), y[g] ~ N(x[g], 1): posteriors are normal."""
    with pm.Model(coords={"group": labels}) as built:
        x = pm.Normal("x", 0.0, sd, dims="group")
        s = pm.HalfNormal("s", 1.0)
        pm.Normal("y", x, 1.0, observed=y, dims="group")
        pm.Normal("z", s, 0.1, observed=1.0)
    return built


def drawn(sd: float = 2.0) -> dict[str, np.ndarray]:
    precision = 1 + 1 / sd**2
    x = Y / precision + RNG.standard_normal((CHAINS, DRAWS, 3)) / np.sqrt(precision)
    where = 1.0 / (1 + 0.01)
    edge = stats.norm.cdf(0, where, np.sqrt(0.01 / 1.01))
    u = edge + (1 - edge) * RNG.random((CHAINS, DRAWS))
    return {"x": x, "s": stats.norm.ppf(u, where, np.sqrt(0.01 / 1.01))}


def log_density(values: dict[str, np.ndarray], sd: float = 2.0) -> np.ndarray:
    x, s = values["x"], values["s"]
    return (
        stats.norm(0, sd).logpdf(x).sum(axis=-1)
        + stats.norm(x, 1).logpdf(Y).sum(axis=-1)
        + stats.halfnorm.logpdf(s)
        + stats.norm(s, 0.1).logpdf(1.0)
        + np.log(s)
    )


def labelled(values: dict[str, np.ndarray], labels: Any = GROUPS, **stats_: np.ndarray) -> xr.DataTree:
    coords = {"chain": np.arange(CHAINS), "draw": np.arange(values["s"].shape[1])}
    groups = {
        "posterior": xr.Dataset(
            {"x": ((*DIMS, "group"), values["x"]), "s": (DIMS, values["s"])}, {**coords, "group": labels}
        ),
        "observed_data": xr.Dataset({"y": ("group", Y), "z": ((), 1.0)}, {"group": labels}),
    }
    if stats_:
        groups["sample_stats"] = xr.Dataset({name: (DIMS, x) for name, x in stats_.items()}, coords)
    return xr.DataTree.from_dict(groups)


@pytest.fixture(scope="module")
def problem() -> Problem:
    return Problem(model())


@pytest.fixture(scope="module")
def values() -> dict[str, np.ndarray]:
    return drawn()


# -- labels ------------------------------------------------------------------------------------------------


def test_entries_are_found_by_their_labels(problem: Problem, values: dict[str, np.ndarray]) -> None:
    tree = labelled(values)
    turned = tree.isel(group=[2, 0, 1])
    found = bring(problem, turned)
    np.testing.assert_allclose(found.draws[..., :3], values["x"], rtol=1e-12)
    assert found.diagnostics["unchecked"] == ["log density"]  # the data are found by their labels, too
    alone = bring(problem, turned["posterior"].to_dataset())
    np.testing.assert_allclose(alone.draws[..., :3], values["x"], rtol=1e-12)


def test_dims_are_found_by_name_and_further_entries_left_out() -> None:
    with pm.Model(coords={"row": ["r", "q"], "col": [1871, 1872, 1873]}) as built:
        x = pm.Normal("x", 0.0, 1.0, dims=("row", "col"))
        pm.Normal("y", x.sum(), 100.0, observed=0.0)
    draws = RNG.standard_normal((2, 40, 2, 3))
    more = np.concatenate([draws, 9 + draws[..., :1]], axis=-1)
    array = xr.DataArray(more, dims=(*DIMS, "row", "col"), coords={"row": ["r", "q"], "col": [1871, 1872, 1873, 1880]})
    given = xr.Dataset({"x": array.transpose("col", "draw", "row", "chain").isel(row=[1, 0], col=[3, 1, 0, 2])})
    found = bring(Problem(built), given)
    np.testing.assert_allclose(found.draws, draws.reshape(2, 40, 6), rtol=1e-12)
    texts = bring(Problem(built), given.assign_coords(col=["1880", "1872", "1871", "1873"]))  # as files hold them
    np.testing.assert_array_equal(texts.draws, found.draws)


def test_dates_are_one_label_in_any_type() -> None:
    import pandas as pd

    days = pd.date_range("2024-02-27", periods=3)
    with pm.Model(coords={"day": days}) as built:
        x = pm.Normal("x", 0.0, 1.0, dims="day")
        pm.Normal("y", x.sum(), 100.0, observed=0.0)
    draws = RNG.standard_normal((2, 40, 3))
    for labels in (days.to_numpy(), [str(day) for day in days], [day.isoformat() for day in days]):
        given = xr.Dataset({"x": ((*DIMS, "day"), draws[..., ::-1])}, coords={"day": labels[::-1]})
        np.testing.assert_allclose(bring(Problem(built), given).draws, draws, rtol=1e-12)


def test_other_labels_are_refused_by_name(problem: Problem, values: dict[str, np.ndarray]) -> None:
    with pytest.raises(DataError, match="no x for group c: its labels of group are a, b, d"):
        bring(problem, labelled(values, ["a", "b", "d"]))
    more = np.concatenate([values["x"], values["x"][..., :1]], axis=-1)
    given = xr.Dataset({"x": ((*DIMS, "group"), more), "s": (DIMS, values["s"])}, {"group": ["b", "a", "c", "a"]})
    with pytest.raises(DataError, match="several entries of x with one label"):
        bring(problem, given)


def test_positions_are_no_labels(problem: Problem, values: dict[str, np.ndarray]) -> None:
    found = bring(problem, labelled(values, np.arange(3)))
    np.testing.assert_allclose(found.draws[..., :3], values["x"], rtol=1e-12)


# -- statistics --------------------------------------------------------------------------------------------

NAMES = {
    "pymc": ("diverging", "energy", "lp", "tree_depth"),
    "nutpie": ("diverging", "energy", "logp", "depth"),
    "cmdstan": ("divergent__", "energy__", "lp__", "treedepth__"),
    "numpyro": ("diverging", "energy", "potential_energy", "tree_depth"),
}


@pytest.mark.parametrize("engine", NAMES)
@pytest.mark.parametrize("place", ["sample_stats", "posterior"])
def test_statistics_have_one_name(problem: Problem, values: dict[str, np.ndarray], engine: str, place: str) -> None:
    diverging, energy, lp, depth = NAMES[engine]
    heights = log_density(values) + 3.0
    flags = RNG.random((CHAINS, DRAWS)) < 0.01
    given = {
        diverging: flags,
        energy: RNG.random((CHAINS, DRAWS)),
        lp: -heights if engine == "numpyro" else heights,
        depth: np.ones((CHAINS, DRAWS), dtype=int),
    }
    tree = labelled(values, **given)
    if place == "posterior":
        whole = tree["posterior"].to_dataset().merge(tree["sample_stats"].to_dataset())
        tree = xr.DataTree.from_dict({"posterior": whole, "observed_data": tree["observed_data"].to_dataset()})
    found = bring(problem, tree)
    assert {"diverging", "energy", "lp"} <= set(found.statistics)
    assert found.diagnostics["divergences"] == flags.sum()
    assert found.diagnostics["unchecked"] == []
    assert found.diagnostics["sampler"] == "NUTS"


def test_statistics_are_those_of_the_draws(problem: Problem, values: dict[str, np.ndarray]) -> None:
    """Thinned draws beside the statistics of all: found by the draws' labels; without labels they are of no draws."""
    energy = RNG.random((CHAINS, DRAWS))
    tree = labelled(values, energy=energy, lp=log_density(values))
    thinned = tree.copy()
    thinned["posterior"] = tree["posterior"].to_dataset().isel(draw=slice(None, None, 5))
    found = bring(problem, thinned)
    np.testing.assert_array_equal(found.statistics["energy"], energy[:, ::5])
    assert found.diagnostics["thinning"] == 5
    assert found.diagnostics["unchecked"] == []
    carried = read(
        xr.DataTree.from_dict(
            {
                "posterior": thinned["posterior"].to_dataset().drop_vars("draw"),
                "sample_stats": tree["sample_stats"].to_dataset(),
            }
        ),
        set(),
    )
    assert carried.statistics == {}
    assert carried.origin.thinning is None


def test_thinning_is_known_from_attributes_or_labels(values: dict[str, np.ndarray]) -> None:
    draws = labelled(values)["posterior"].to_dataset()
    assert read(draws, set()).origin.thinning == 1
    assert read(draws.isel(draw=slice(None, None, 7)), set()).origin.thinning == 7
    assert read(draws.assign_attrs(thinning=4), set()).origin.thinning == 4
    assert read(draws.isel(draw=[0, 1, 5, 6]), set()).origin.thinning is None
    assert read(values, set()).origin.thinning is None


@pytest.mark.parametrize("what", ["arrays", "labelled arrays", "groups", "dataset", "tree of draws", "netcdf", "zarr"])
def test_kinds_of_posteriors(problem: Problem, values: dict[str, np.ndarray], what: str, tmp_path: Path) -> None:
    tree = labelled(values)
    draws = tree["posterior"].to_dataset()
    tree.to_netcdf(tmp_path / "draws.nc", engine="h5netcdf")
    given: Any = {
        "arrays": values,
        "labelled arrays": {name: draws[name].transpose("draw", "chain", ...) for name in values},
        "groups": {"posterior": values, "sample_stats": {"diverging": np.zeros((CHAINS, DRAWS), bool)}},
        "dataset": draws,
        "tree of draws": tree["posterior"],
        "netcdf": tmp_path / "draws.nc",
        "zarr": tmp_path / "folder",
    }[what]
    if what == "zarr":
        pytest.importorskip("zarr")
        tree.to_zarr(tmp_path / "folder", consolidated=False)
    found = bring(problem, given)
    np.testing.assert_allclose(found.draws[..., :3], values["x"], rtol=1e-12)
    assert found.diagnostics["divergences"] == (0 if what == "groups" else None)
    assert found.diagnostics["sampler"] is None


# -- another model -----------------------------------------------------------------------------------------


def test_the_log_density_tells_another_prior(values: dict[str, np.ndarray]) -> None:
    wide = drawn(10.0)
    given = labelled(wide, lp=log_density(wide, 10.0))
    assert bring(Problem(model(10.0)), given).diagnostics["unchecked"] == []
    with pytest.raises(DataError, match=r"differ by .* nats from draw to draw"):
        bring(Problem(model(9.9)), given)


def test_without_a_log_density_draws_that_move_are_refused(problem: Problem, values: dict[str, np.ndarray]) -> None:
    with pytest.raises(DataError, match=r"the mean of x\[[ac]\] moves by .* posterior sd"):
        bring(Problem(model(0.3)), labelled(values))
    turned = {**values, "x": values["x"][..., ::-1]}  # no labels could tell
    with pytest.raises(DataError, match=r"the mean of x\[[ac]\] moves"):
        bring(problem, {"x": turned["x"], "s": turned["s"]})
    with pytest.raises(DataError, match="the variance of s moves"):
        bring(problem, {**values, "s": 1 + 0.05 * (values["s"] - 1)})


@pytest.mark.parametrize("kind", ["single precision", "six digits"])
@pytest.mark.parametrize("lp", [True, False])
def test_rounded_draws_are_no_others(problem: Problem, values: dict[str, np.ndarray], kind: str, lp: bool) -> None:
    def rounded(x: np.ndarray) -> np.ndarray:
        if kind == "single precision":
            return x.astype(np.float32)
        return np.vectorize(lambda each: float(f"{each:.6g}"))(x)

    kept = {name: rounded(x) for name, x in values.items()}
    given = {"lp": rounded(log_density(values) - 1000)} if lp else {}
    found = bring(problem, labelled(kept, **given))
    assert ("log density" in found.diagnostics["unchecked"]) is not lp


def test_rounding_onto_the_edge_of_a_range_is_no_fault() -> None:
    with pm.Model() as built:
        p = pm.Beta("p", 1.0, 0.2)
        pm.Normal("y", p, 10.0, observed=0.5)
    draws = stats.beta(1.0, 0.2).rvs((4, 300), random_state=RNG)
    draws = np.minimum(draws, np.nextafter(1.0, 0.0))
    single = draws.astype(np.float32)
    assert (single == 1).any()
    found = bring(Problem(built), {"p": single})
    assert np.isfinite(found.unconstrained_draws).all()


def test_a_fingerprint_of_another_model_is_refused(problem: Problem, values: dict[str, np.ndarray]) -> None:
    draws = labelled(values)["posterior"].to_dataset()
    with pytest.raises(DataError, match="its fingerprint is 0123456789ab…"):
        bring(problem, draws, "0123456789abcdef")
    with pytest.raises(DataError, match="its fingerprint is fedcba987654…"):
        bring(problem, draws.assign_attrs(bayescompare_fingerprint="fedcba9876543210"))
    bring(problem, draws.assign_attrs(bayescompare_fingerprint=problem.fingerprint))


def test_other_predictors_are_refused() -> None:
    with pm.Model() as built:
        x = pm.Data("x", np.arange(4.0))
        b = pm.Normal("b", 0.0, 1.0)
        pm.Normal("y", b * x, 10.0, observed=np.zeros(4))
    sd = (1 + 14 / 100) ** -0.5
    draws = xr.Dataset({"b": (DIMS, sd * RNG.standard_normal((4, 200)))})
    groups = {"posterior": draws, "constant_data": xr.Dataset({"x": ("row", np.arange(4.0))})}
    assert "data" in bring(Problem(built), xr.DataTree.from_dict(groups)).diagnostics["unchecked"]
    groups["constant_data"] = groups["constant_data"] + 1
    with pytest.raises(DataError, match="data of x differ in 4 of 4 values"):
        bring(Problem(built), xr.DataTree.from_dict(groups))


def test_shapes_that_only_the_data_tell() -> None:
    with pm.Model() as built:
        data = pm.Data("data", Y)
        x = pm.Normal("x", 0.0, 1.0, shape=data.shape)
        w = pm.Dirichlet("w", np.ones(3))
        pm.Normal("y", x + w, 1e3, observed=data)
    draws = {"x": RNG.standard_normal((4, 100, 3)), "w": RNG.dirichlet(np.ones(3), (4, 100))}
    found = bring(Problem(built), draws)
    np.testing.assert_allclose(found.draws[..., 3:], draws["w"], rtol=1e-10)

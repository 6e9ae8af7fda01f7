"""What every method needs of a model: refusals by name, names of scalars, fingerprint, starts, other data."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytest
from scipy import stats

from bayescompare.errors import DataError, UnsupportedModelError
from bayescompare.model.problem import Problem

Y = np.array([0.3, -1.2, 0.8, 2.1])
SITES = ["a", "b", "c", "d"]


# -- refusals ----------------------------------------------------------------------------------------


def discrete() -> None:
    k = pm.Poisson("k", 3.0)
    z = pm.Bernoulli("z", 0.5, shape=2)
    pm.Normal("y", k + z.sum(), 1.0, observed=Y)


def discrete_imputed() -> None:
    rate = pm.Exponential("rate", 1.0)
    with pytest.warns(UserWarning, match="imputed"):
        pm.Poisson("k", rate, observed=np.ma.masked_equal([1, 2, -1], -1))


def nothing_free() -> None:
    pm.Normal("y", 0.0, 1.0, observed=Y)


def nothing_observed() -> None:
    pm.Normal("x", 0.0, 1.0)


def random_deterministic() -> None:
    x = pm.Normal("x", 0.0, 1.0)
    pm.Deterministic("noisy", x + pm.Normal.dist(0.0, 1.0))
    pm.Normal("y", x, 1.0, observed=Y)


def random_potential() -> None:
    x = pm.Normal("x", 0.0, 1.0)
    pm.Potential("wobble", -((x + pm.Normal.dist(0.0, 1.0)) ** 2))


def random_likelihood() -> None:
    x = pm.Normal("x", 0.0, 1.0)
    pm.Normal("y", x + pm.Normal.dist(0.0, 1.0), 1.0, observed=Y)


def no_density() -> None:
    x = pm.Normal("x", 0.0, 1.0)
    pm.CustomDist("y", x, random=lambda m, rng=None, size=None: rng.normal(m, 1.0, size), observed=Y)


REFUSED = {
    discrete: ("discrete", "k, z"),
    discrete_imputed: ("missing values of discrete data", "k_unobserved", "Leave them out"),
    nothing_free: ("no free random variables",),
    nothing_observed: ("no observed variables", "observed="),
    random_deterministic: ("'noisy'", "not part of the model"),
    random_potential: ("'wobble'", "not part of the model"),
    random_likelihood: ("log density", "Random variables detected"),
    no_density: ("log density",),
}


@pytest.mark.parametrize("build", REFUSED, ids=lambda build: build.__name__)
def test_what_cannot_be_treated_is_refused_by_name(build: Callable[[], None]) -> None:
    with pm.Model() as model:
        build()
    with pytest.raises(UnsupportedModelError) as caught:
        _ = Problem(model).density
    for words in REFUSED[build]:
        assert words.lower() in str(caught.value).lower()


def test_a_function_is_not_a_model() -> None:
    with pytest.raises(UnsupportedModelError, match="must be called first"):
        Problem(discrete)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [np.inf, -np.inf])
def test_infinite_observations_are_counted(bad: float) -> None:
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Normal("y", x, 1.0, observed=np.array([1.0, bad, bad]))
    with pytest.raises(DataError, match=r"'y' hold 2 NaN or infinite values of 3"):
        Problem(model)


# -- names ---------------------------------------------------------------------------------------------


def test_scalars_are_named_as_arviz_names_them() -> None:
    import arviz as az

    coords = {"site": SITES, "year": [1999, 2003]}
    with pm.Model(coords=coords) as model:
        with pm.Model("inner"):
            pm.Normal("mu", 0.0, 1.0)
        alpha = pm.Normal("alpha", 0.0, 1.0, dims="site")
        pm.Normal("beta", 0.0, 1.0, dims=("site", "year"))
        pm.Normal("bare", 0.0, 1.0, shape=(2, 1))
        pm.Deterministic("double", 2.0 * alpha, dims="site")
        pm.Deterministic("bare_too", 2.0 * alpha)
        pm.Normal("y", alpha, 1.0, observed=Y)
    scalars = Problem(model).scalars
    draws = {
        name: np.random.default_rng(0).normal(size=(2, 10, *shape))
        for name, (*_, shape, _) in scalars.variables.items()
    }
    dims = {name: list(found) for name, found in model.named_vars_to_dims.items() if name != "y"}
    tree = az.from_dict({"posterior": draws}, coords=coords, dims=dims)
    assert list(scalars.names) == list(az.summary(tree, kind="stats").index)
    assert scalars.names[:6] == ("inner::mu", "alpha[a]", "alpha[b]", "alpha[c]", "alpha[d]", "beta[a, 1999]")
    assert scalars.free == 1 + 4 + 8 + 2
    assert len(scalars) == scalars.free + 8


def test_scalars_lie_where_push_puts_them() -> None:
    with pm.Model() as model:
        p = pm.Dirichlet("p", np.array([2.0, 3.0, 4.0]))
        b = pm.Normal("b", 0.0, 1.0, shape=(2, 2))
        pm.Deterministic("t", b.T)
        pm.Multinomial("k", 9, p, observed=np.array([2, 3, 4]))
    problem = Problem(model)
    u = np.array([0.3, -0.2, 1.0, 2.0, 3.0, 4.0])
    values = dict(zip(problem.scalars.names, problem.density.push(u[None])[0], strict=True))
    assert values["b[0, 1]"] == values["t[1, 0]"] == 2.0
    assert values["p[0]"] + values["p[1]"] + values["p[2]"] == pytest.approx(1.0, rel=1e-14)
    assert problem.dimension == 6
    assert problem.scalars.free == 7
    chains = problem.density.push(u[None])[0]
    back = problem.unconstrain({"p": chains[None, None, :3], "b": chains[3:7].reshape(1, 1, 2, 2)})
    np.testing.assert_allclose(back, u[None, None], rtol=1e-13)


# -- the prior -------------------------------------------------------------------------------------------


def test_improper_priors_are_named_and_stay_put() -> None:
    with pm.Model() as model:
        pm.Flat("a")
        s = pm.HalfFlat("s")
        b = pm.Normal("b", 3.0, 0.5)
        pm.Normal("y", b, s, observed=Y)
    problem = Problem(model)
    assert problem.improper == ("a", "s")
    points = problem.prior_points(400, seed=3)
    assert points is not None
    assert set(points[:, 0]) == {problem.density.start[0]}
    assert set(points[:, 1]) == {problem.density.start[1]}
    assert abs(points[:, 2].mean() - 3.0) < 4 * 0.5 / np.sqrt(400)
    np.testing.assert_array_equal(points, problem.prior_points(400, seed=3))
    assert not np.array_equal(points[:, 2], problem.prior_points(400, seed=4)[:, 2])


def half(law: Any) -> Any:
    return lambda x: 2 * law.cdf(x) - 1


@pytest.mark.parametrize(
    ("make", "cdf"),
    [
        (lambda: pm.HalfNormal("x", 2.0, shape=3), stats.halfnorm(0, 2).cdf),
        (lambda: pm.Cauchy("x", 1.0, 2.0, shape=3), stats.cauchy(1, 2).cdf),
        (lambda: pm.HalfCauchy("x", 3.0, shape=3), stats.halfcauchy(0, 3).cdf),
        (lambda: pm.StudentT("x", nu=3.0, mu=1.0, sigma=2.0, shape=3), stats.t(3, 1, 2).cdf),
        (lambda: pm.StudentT("x", nu=np.array([3.0, 3.0, 3.0]), mu=1.0, sigma=2.0), stats.t(3, 1, 2).cdf),
        (lambda: pm.HalfStudentT("x", 4.0, 1.5, shape=3), half(stats.t(4, 0, 1.5))),
        (lambda: pm.HalfNormal("x", pm.HalfCauchy("s", 1.0, shape=3)), None),
    ],
)
def test_laws_that_numpy_draws_for_scipy_are_those_laws(make: Any, cdf: Any) -> None:
    with pm.Model() as model:
        pm.Normal("y", make().sum(), 1.0, observed=Y)
    problem = Problem(model)
    points = problem.prior_points(2000, seed=5)
    assert points is not None
    draws = problem.density.push(points)
    if cdf is None:  # a prior under a prior: x given s
        draws, cdf = draws[:, 3:] / draws[:, :3], stats.halfnorm.cdf
    for column in draws.T:  # three independent columns of seven laws: at 1e-5 a false alarm in 5,000 seeds
        assert stats.kstest(column, cdf).pvalue > 1e-5
    assert np.abs(stats.spearmanr(draws).statistic[np.triu_indices(3, 1)]).max() < 4.5 / np.sqrt(2000)


def test_the_initial_point_is_pymcs() -> None:
    with pm.Model() as model:
        scale = pm.HalfCauchy("scale", 2.0)
        pm.Normal("given", 0.0, scale, shape=2, initval=np.array([1.0, -2.0]))
        pm.Beta("drawn", 2.0, 3.0, initval="prior")
        pm.Dirichlet("p", np.ones(3))
        pm.Normal("y", model["given"].sum(), 1.0, observed=Y)
    expected, found = model.initial_point(0), Problem(model).initial_point
    assert list(found) == list(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


def test_a_density_that_cannot_be_drawn_from_has_no_prior_points() -> None:
    with pm.Model() as model:
        a = pm.CustomDist("a", 0.0, logp=lambda value, m: -((value - m) ** 2))
        pm.Normal("y", a, 1.0, observed=Y)
    assert Problem(model).prior_points(5, seed=0) is None


def test_the_prior_is_drawn_from_under_the_problems_own_data() -> None:
    with pm.Model() as model:
        x = pm.Normal("x", pm.Data("centre", 0.0), 1.0)
        pm.Normal("y", x, 1.0, observed=Y)
    problem = Problem(model)
    here, there = problem.prior_points(8, seed=1), problem.with_data(centre=100.0).prior_points(8, seed=1)
    np.testing.assert_allclose(there, here + 100.0, rtol=1e-14)


# -- other data ------------------------------------------------------------------------------------------


def regression(n: int = 4) -> pm.Model:
    with pm.Model(coords={"row": range(n), "site": SITES}) as model:
        x = pm.Data("x", np.arange(float(n)), dims="row")
        count = pm.Data("count", np.arange(n), dims="row")
        site = pm.Data("offset", np.zeros(4), dims="site")
        b = pm.Normal("b", 0.0, 1.0, dims="site")
        mu = pm.Deterministic("mu", b[0] * x + site[0], dims="row")
        pm.Normal("y", mu, 1.0, observed=pm.Data("d", np.arange(float(n)), dims="row"), dims="row")
        pm.Poisson("k", pm.math.exp(b[1]), observed=count, dims="row")
    return model


@pytest.fixture(scope="module")
def rows() -> Problem:
    return Problem(regression())


BAD = {
    "an unknown name": ({"z": [1.0]}, "no data container 'z' .*count, d, offset, x"),
    "dimensions": ({"x": [[1.0, 2.0]]}, "must have 1 dimensions, not 2"),
    "NaN": ({"x": [1.0, np.nan, 2.0, 3.0]}, "'x' hold 1 NaN or infinite value of 4"),
    "NaN among counts": ({"count": [1.0, np.nan, 2.0, 3.0]}, "'count' hold 1 NaN"),
    "objects": ({"x": np.array([1.0, None, 2.0, 3.0], dtype=object)}, "of type object, not numbers"),
    "text": ({"x": ["a", "b", "c", "d"]}, "not numbers"),
    "fractions for counts": ({"count": [0.5, 1.0, 2.0, 3.0]}, "whole numbers"),
    "one length of two": ({"x": np.ones(6)}, "'row' would have different lengths: .*6 in x"),
    "a free variable's length": ({"offset": np.zeros(5)}, "'site' would have different lengths: 5 in offset, 4 in b"),
}


@pytest.mark.parametrize("what", BAD)
def test_data_that_do_not_fit_are_refused(rows: Problem, what: str) -> None:
    data, words = BAD[what]
    with pytest.raises(DataError, match=words):
        rows.with_data(**data)


def test_lengths_without_dims_are_found_out_too() -> None:
    with pm.Model() as model:
        b = pm.Normal("b", 0.0, 1.0)
        pm.Normal("y", b * pm.Data("x", Y), 1.0, observed=pm.Data("d", Y))
    with pytest.raises(DataError, match=r"shapes do not fit .*: d \(4,\), x \(3,\)"):
        Problem(model).with_data(x=Y[:3])


def test_other_data_of_one_length(rows: Problem) -> None:
    swapped = rows.with_data(x=[3, 1, 2, 5], count=[4.0, 1.0, 1.0, 0.0])
    assert swapped.scalars is rows.scalars
    np.testing.assert_array_equal(swapped.observed["k"], [4, 1, 1, 0])
    np.testing.assert_array_equal(rows.observed["k"], [0, 1, 2, 3])
    u = np.array([0.5, -0.3, 0.1, 0.2])
    expected = stats.norm(0.5 * np.array([3, 1, 2, 5]), 1.0).logpdf(np.arange(4.0)).sum()
    expected += stats.poisson(np.exp(-0.3)).logpmf([4, 1, 1, 0]).sum()
    assert swapped.density(u, (1, 0, 0))[0] == pytest.approx(expected, rel=1e-13)
    again = swapped.with_data(d=Y)
    np.testing.assert_array_equal(again.observed["y"], Y)
    np.testing.assert_array_equal(again.observed["k"], [4, 1, 1, 0])


def test_other_data_of_another_length_rename_what_has_that_length(rows: Problem) -> None:
    swapped = rows.with_data(x=np.ones(6), count=np.ones(6, int), d=np.zeros(6))
    assert swapped.scalars.names == ("b[a]", "b[b]", "b[c]", "b[d]", *(f"mu[{i}]" for i in range(6)))
    assert swapped.density.push(np.zeros((1, 4))).shape == (1, 10)
    assert swapped.density.sizes == [6, 6]


# -- the fingerprint -------------------------------------------------------------------------------------


def template(
    y: Any = Y,
    scale: float = 2.0,
    labels: Any = SITES,
    name: str = "mu",
    observed: str = "y",
    square: bool = False,
    dim: str = "site",
    container: bool = False,
    labelled: bool = False,
) -> pm.Model:
    with pm.Model(coords={dim: labels}) as model:
        mu = pm.Normal(name, 0.0, scale, dims=dim)
        tau = pm.HalfNormal("tau", 1.0)
        pm.Deterministic("ratio", mu / tau if not square else mu**2 / tau)
        pm.CustomDist("c", mu[0], logp=lambda value, m: -((value - m) ** 2))
        pm.Normal(observed, mu, tau, observed=pm.Data("d", y) if container else y, dims=dim if labelled else None)
    return model


def fingerprint(**changed: Any) -> str:
    return Problem(template(**changed)).fingerprint


@pytest.fixture(scope="module")
def original() -> str:
    return fingerprint()


def test_two_builds_have_one_fingerprint(original: str) -> None:
    assert fingerprint() == original
    assert len(original) == 64


@pytest.mark.parametrize(
    "changed",
    [
        {"y": Y + np.array([0, 0, 0, 1e-15])},
        {"scale": 2.0000001},
        {"labels": ["a", "b", "c", "e"]},
        {"name": "nu"},
        {"observed": "z"},
        {"square": True},
        {"dim": "place"},
        {"labelled": True},
        {"y": Y[:3], "labels": SITES[:3]},
    ],
    ids=lambda changed: " ".join(changed),
)
def test_any_change_changes_the_fingerprint(original: str, changed: dict[str, Any]) -> None:
    assert fingerprint(**changed) != original


def test_data_in_containers_count_and_a_swap_is_as_good_as_a_new_build() -> None:
    problem = Problem(template(container=True))
    swapped = problem.with_data(d=Y + 1.0)
    assert swapped.fingerprint != problem.fingerprint
    assert swapped.fingerprint == fingerprint(container=True, y=Y + 1.0)


@pytest.mark.slow
def test_the_fingerprint_is_the_same_in_another_process(original: str) -> None:
    code = "import sys; sys.path.insert(0, sys.argv[1]); import test_problem; print(test_problem.fingerprint())"
    environment = os.environ | {"PYTHONHASHSEED": "12345"}
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, os.path.dirname(__file__)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == [original]


def test_the_parents_of_values_imputed_in_rows_are_found() -> None:
    """PyMC wraps rows that are missing in part, and tells no parameters of the wrapper."""
    rows = np.ma.masked_array([[0.1, 1.2], [-0.4, 0.3]], [[True, False], [False, True]])
    with pm.Model() as model:
        mu = pm.Normal("mu", shape=2)
        with pytest.warns(UserWarning, match="imputed"):
            pm.MvNormal("y", mu, np.eye(2), observed=rows)
    assert Problem(model).group_parents == {"mu": ("y_unobserved",)}

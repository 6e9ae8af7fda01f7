"""Draws of the prior predictive: their law, their names, and models that have none."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
from bayescompare.templates.library.jellybeans import closed_form
from scipy import stats

from bayescompare import models
from bayescompare.errors import ModelError, UnsupportedModelError, UsageError
from bayescompare.model.problem import Problem
from bayescompare.model.simulate import fresh_data, simulator


def test_the_law_of_parameters_and_data_together() -> None:
    # count ~ N(300, t²), guesses ~ N(count, 80²): the mean of ten guesses has variance t² + 80²/10 and covariance t²
    # with count; the spread within a draw is 80.
    t = np.sqrt(1 / (1 / closed_form([300.0]).sd ** 2 - 1 / 80**2))
    draw = simulator(models.jellybeans())
    n = 4000
    drawn = [draw(seed) for seed in range(n)]
    count = np.array([parameters["count"] for parameters, _ in drawn])
    guesses = np.array([data["guess_data"] for _, data in drawn])
    mean = guesses.mean(axis=1)
    for x, sd in ((count, t), (mean, np.sqrt(t**2 + 80**2 / 10))):
        assert x.mean() == pytest.approx(300, abs=4 * sd / np.sqrt(n))
        assert x.std() == pytest.approx(sd, rel=4 / np.sqrt(2 * n))
    products = (count - 300) * (mean - 300)
    assert products.mean() == pytest.approx(t**2, abs=4 * products.std() / np.sqrt(n))
    assert guesses.std(axis=1, ddof=1).mean() == pytest.approx(80 * 0.9727, rel=4 / np.sqrt(18 * n))  # c4 of ten


@pytest.mark.parametrize("name", models.__all__)
def test_every_template_draws_what_it_can_be_handed_back(name: str) -> None:
    template = getattr(models, name)
    model = template()
    parameters, data = template.simulate(seed=2)
    known = [v.name for v in (*model.free_RVs, *model.deterministics)]
    assert list(parameters) == [name for name in known if name in parameters]  # some Deterministics are of the data
    assert set(parameters) >= {v.name for v in model.free_RVs}
    problem = Problem(model)
    for key, values in data.items():
        old = problem.density.data[key]
        assert (values.shape, values.dtype) == (old.shape, old.dtype)
    other = problem.with_data(**data)
    assert np.isfinite(other.density(other.density.start, (1.0, 1.0, 1.0))[0])
    assert not data or any((other.density.data[key] != problem.density.data[key]).any() for key in data)


def test_a_potential_that_weighs_nothing_is_no_obstacle() -> None:
    with pm.Model() as model:
        pm.Normal("x", 0.0, 1.0)
        pm.Potential("no_data", pt.constant(0.0))
    parameters, data = simulator(model)(0)
    assert (list(parameters), data) == (["x"], {})


def test_a_seed_is_a_draw() -> None:
    first, again, other = (models.eight_schools.simulate(seed=seed) for seed in (1, 1, 2))
    np.testing.assert_equal(first, again)
    assert (first[1]["y_data"] != other[1]["y_data"]).all()
    assert first[0]["mu"] != other[0]["mu"]


def test_deterministics_are_those_of_the_same_draw() -> None:
    parameters, _ = models.eight_schools.simulate(seed=5)
    theta = parameters["mu"] + parameters["tau"] * parameters["theta_t"]
    np.testing.assert_allclose(parameters["theta"], theta, rtol=1e-12)


def test_a_deterministic_of_the_observed_values_is_left_out() -> None:
    with pm.Model() as model:
        y = pm.Data("y_data", [1.0, 2.0])
        x = pm.Normal("x", 0.0, 1.0)
        pm.Deterministic("residual", y - x)
        pm.Deterministic("twice", 2.0 * x)
        pm.Normal("y", x, 1.0, observed=y)
    assert list(simulator(model)(0)[0]) == ["x", "twice"]


def test_own_data_and_options() -> None:
    own = {"y": [1.0, 2.0, 3.0], "sigma": [1e-9, 1.0, 2.0], "school": ["a", "b", "c"]}
    parameters, data = models.eight_schools.simulate(4, own, parametrisation="centered")
    assert list(parameters) == ["mu", "tau", "theta"]
    assert data["y_data"].shape == (3,)
    assert data["y_data"][0] == pytest.approx(parameters["theta"][0], abs=1e-7)  # sigma was kept


def test_the_model_is_not_changed() -> None:
    model = models.wells()
    before = {v.name: v.get_value().copy() for v in model.data_vars}
    state = [r.get_value(borrow=True).bit_generator.state for r in generators(model)]
    simulator(model)(1)
    np.testing.assert_equal({v.name: v.get_value() for v in model.data_vars}, before)
    assert [r.get_value(borrow=True).bit_generator.state for r in generators(model)] == state


def generators(model: pm.Model) -> list[Any]:
    from pymc.pytensorf import find_rng_nodes

    return list(find_rng_nodes(model.basic_RVs))


def test_names_of_the_data() -> None:
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0)
        whole = pm.Data("whole", np.array([1, 0, 1]))
        pm.Bernoulli("b", logit_p=x, observed=whole)  # through a cast
        both = pm.Data("both", [1.0, 2.0])
        pm.Normal("y", x, 1.0, observed=both)
        pm.Normal("z", x, 1.0, observed=both)
        pm.Normal("fixed", x, 1.0, observed=[1.0, 2.0, 3.0])
        pm.Normal("scaled", x, 1.0, observed=pm.Data("raw", [1.0, 2.0]) / 2.0)
    _, data = simulator(model)(0)
    assert {name: values.shape for name, values in data.items()} == {
        "whole": (3,), "y": (2,), "z": (2,), "fixed": (3,), "scaled": (2,),
    }  # fmt: skip
    assert data["whole"].dtype == whole.type.dtype


def test_shapes_that_come_from_the_data_are_no_circle() -> None:
    with pm.Model() as model:
        y = pm.Data("y_data", np.zeros(4))
        x = pm.Normal("x", 0.0, 1.0, shape=y.shape[0])
        pm.Normal("y", pm.math.concatenate([x, x])[: y.shape[0]], 1.0, observed=y)
    assert simulator(model)(0)[1]["y_data"].shape == (4,)


def flat() -> None:
    x = pm.Flat("x")
    pm.HalfFlat("scale")
    pm.Normal("y", x, 1.0, observed=[1.0])


def potential() -> None:
    x = pm.Normal("x", 0.0, 1.0)
    pm.Potential("penalty", -abs(x))
    pm.Normal("y", x, 1.0, observed=[1.0])


def lagged() -> None:
    series = pm.Data("series", [1.0, 2.0, 3.0])
    slope = pm.Normal("slope", 0.0, 1.0)
    pm.Normal("y", slope * series[:-1], 1.0, observed=series[1:])


def no_random() -> None:
    x = pm.CustomDist("x", logp=lambda value: -abs(value))
    pm.Normal("y", x, 1.0, observed=[1.0])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (flat, "The prior of x, scale is improper.*Give a proper prior"),
        (potential, "The Potential penalty weighs draws but makes none.*CustomDist"),
        (lagged, "The data series are observed and predict as well"),
        (no_random, "The model has no prior predictive: .*x"),
    ],
)
def test_models_without_a_prior_predictive(body: Any, message: str) -> None:
    with pm.Model() as model:
        body()
    with pytest.raises(UnsupportedModelError, match=message):
        simulator(model)(0)


def test_a_draw_that_no_likelihood_can_use() -> None:
    with pm.Model() as model:
        rate = pm.HalfNormal("rate", 1e30)
        pm.Poisson("y", rate, observed=[1])
    with pytest.raises(ModelError, match=r"The prior draw of seed 3 gives no data: .*Narrow the priors"):
        simulator(model)(3)


def test_fixed_parameters_are_not_drawn_and_the_others_are_given_them() -> None:
    # theta_j ~ N(mu, tau) with mu and tau fixed, and y_j ~ N(theta_j, sigma_j).
    model = models.eight_schools(parametrisation="centered")
    draw = simulator(model, fixed={"mu": 3.0, "tau": 2})
    n = 1000
    drawn = [draw(seed) for seed in range(n)]
    assert all(p["mu"] == 3 and p["tau"] == 2 for p, _ in drawn)
    theta = np.array([p["theta"] for p, _ in drawn])
    assert theta.mean() == pytest.approx(3, abs=4 * 2 / np.sqrt(8 * n))
    assert theta.std() == pytest.approx(2, rel=4 / np.sqrt(2 * 8 * n))
    y, sigma = np.array([data["y_data"] for _, data in drawn]), model["sigma"].get_value()
    assert np.allclose((y - theta).std(axis=0), sigma, rtol=4 / np.sqrt(2 * n))


def test_a_fixed_parameter_leaves_what_it_depends_on_alone() -> None:
    draw, other = (
        simulator(models.eight_schools(parametrisation="centered"), fixed={"theta": 1.0}),
        simulator(models.eight_schools(parametrisation="centered")),
    )
    means = [draw(seed)[0]["mu"] for seed in range(500)]
    assert np.std(means) == pytest.approx(5, rel=4 / np.sqrt(2 * 500))
    assert set(draw(0)[0]) == set(other(0)[0])
    assert draw(0)[0]["theta"].tolist() == [1.0] * 8


def test_a_fixed_parameter_needs_no_prior_draws() -> None:
    with pm.Model() as model:
        mu = pm.Flat("mu")
        pm.Normal("y", mu, 1.0, observed=np.zeros(3))
    with pytest.raises(UnsupportedModelError, match="improper"):
        simulator(model)
    assert simulator(model, fixed={"mu": 2.0})(0)[0]["mu"] == 2


@pytest.mark.parametrize(("fixed", "told"), [({"nu": 1.0}, "no free variable"), ({"theta": [1.0, 2.0]}, "shape")])
def test_what_cannot_be_fixed_is_refused(fixed: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        simulator(models.eight_schools(parametrisation="centered"), fixed=fixed)


# -- fresh data ------------------------------------------------------------------------------------


def test_a_seed_draws_what_it_has_always_drawn() -> None:
    # The digest of these draws before there was fresh data: studies that were begun then go on with the same data.
    digest = hashlib.sha256()
    for name in ("eight_schools", "jellybeans", "seeds", "negative_binomial", "mixture"):
        draw = simulator(getattr(models, name)())
        again = fresh_data(getattr(models, name)())
        parameters, data = draw(3)
        again(parameters, 3)
        np.testing.assert_equal(draw(3), (parameters, data))
        for values in (*parameters.values(), *data.values()):
            digest.update(" ".join(f"{x:.9e}" for x in np.ravel(values)).encode())
    assert digest.hexdigest() == "829103e07f1658a4438eea0f8676fbb95b06e68919c5d4a16b872421b762e0c6"


@pytest.mark.parametrize("name", models.__all__)
def test_every_template_draws_fresh_data(name: str) -> None:
    template = getattr(models, name)
    parameters, data = template.simulate(seed=2)
    model = template()
    draw = fresh_data(model)
    fresh = draw(parameters, 5)
    assert {key: (v.shape, v.dtype) for key, v in fresh.items()} == {key: (v.shape, v.dtype) for key, v in data.items()}
    assert not data or any((fresh[key] != data[key]).any() for key in data)
    np.testing.assert_equal(draw(parameters, 5), fresh)


def normal_mean() -> None:
    pm.Normal("y", pm.Normal("mu", 0.0, 1.0), 3.0, observed=pm.Data("y_data", np.zeros(5)))


def poisson_rate() -> None:
    pm.Poisson("y", pm.Gamma("mu", 2.0, 1.0), observed=pm.Data("y_data", np.zeros(5, dtype=int)))


def two_normals() -> None:
    mu = pm.Normal("mu", 0.0, 1.0)
    parts = [pm.Normal.dist(mu, 1.0), pm.Normal.dist(mu + 4.0, 2.0)]
    pm.Mixture("y", w=[0.25, 0.75], comp_dists=parts, observed=pm.Data("y_data", np.zeros(5)))


def censored() -> None:
    law = pm.Normal.dist(pm.Normal("mu", 0.0, 1.0), 2.0)
    pm.Censored("y", law, lower=None, upper=1.0, observed=pm.Data("y_data", np.zeros(5)))


def custom() -> None:
    mu = pm.Normal("mu", 0.0, 1.0)
    pm.CustomDist(
        "y",
        mu,
        dist=lambda mu, size: mu + 2.0 * pm.Exponential.dist(1.0, size=size),
        observed=pm.Data("y_data", [1.0] * 5),
    )


def censored_mean(mu: float) -> float:
    z = (1.0 - mu) / 2.0
    return float(mu * stats.norm.cdf(z) - 2.0 * stats.norm.pdf(z) + stats.norm.sf(z))


@pytest.mark.parametrize(
    ("body", "mean", "variance"),
    [
        (normal_mean, lambda mu: mu, 9.0),
        (poisson_rate, lambda mu: mu, 1.5),
        (two_normals, lambda mu: mu + 3.0, 0.25 + 0.75 * 4 + 0.25 * 0.75 * 16),
        (censored, censored_mean, None),
        (custom, lambda mu: mu + 2.0, 4.0),
    ],
)
def test_fresh_data_have_the_law_of_the_model_at_the_parameters(
    body: Any, mean: Callable[[float], float], variance: float | None
) -> None:
    with pm.Model() as model:
        body()
    draw = fresh_data(model)
    y = np.array([draw({"mu": np.array(1.5)}, seed)["y_data"] for seed in range(800)]).ravel()
    assert y.mean() == pytest.approx(mean(1.5), abs=4 * y.std() / np.sqrt(y.size))
    if variance is not None:
        squares = (y - y.mean()) ** 2
        assert squares.mean() == pytest.approx(variance, abs=4 * squares.std() / np.sqrt(y.size))
    else:
        assert y.max() == 1.0
    # Given the parameters they are independent of the data, and of what another seed draws.
    first, second = y[:-5], y[5:]
    assert np.corrcoef(first, second)[0, 1] == pytest.approx(0.0, abs=4 / np.sqrt(first.size))


def test_fresh_data_are_independent_of_the_data_given_the_parameters() -> None:
    with pm.Model() as model:
        normal_mean()
    draw, again = simulator(model), fresh_data(model)
    drawn = [draw(seed) for seed in range(1000)]
    off = np.array([(d["y_data"] - p["mu"]) for p, d in drawn]).ravel()
    other = np.array([(again(p, seed)["y_data"] - p["mu"]) for seed, (p, _) in enumerate(drawn, 10**6)]).ravel()
    assert np.corrcoef(off, other)[0, 1] == pytest.approx(0.0, abs=4 / np.sqrt(off.size))


def test_observed_variables_that_depend_on_each_other_are_drawn_together() -> None:
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0)
        first = pm.Normal("first", mu, 1.0, observed=pm.Data("first_data", np.zeros(4)))
        pm.Normal("second", 2.0 * first, 1e-9, observed=pm.Data("second_data", np.zeros(4)))
    data = fresh_data(model)({"mu": np.array(0.0)}, 1)
    np.testing.assert_allclose(data["second_data"], 2.0 * data["first_data"], atol=1e-7)


def test_fresh_data_need_no_prior_draws_but_a_generative_model() -> None:
    with pm.Model() as model:
        pm.Normal("y", pm.Flat("mu"), 1.0, observed=np.zeros(3))
    assert fresh_data(model)({"mu": np.array(1e6)}, 0)["y"] == pytest.approx(1e6, abs=100)
    with pm.Model() as weighed:
        potential()
    assert fresh_data(weighed)({"x": np.array(0.0)}, 1)["y"].shape == (1,)  # what weighs parameters makes no data
    with pm.Model() as wide:
        pm.Poisson("y", pm.HalfNormal("rate", 1.0), observed=[1])
    with pytest.raises(ModelError, match=r"The draw of fresh data of seed 3 gives no data"):
        fresh_data(wide)({"rate": np.array(1e30)}, 3)

"""The weighted density: its terms against PyMC's and SciPy's, its batches, its maps, its data, its fall-back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import get_mode
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from scipy import stats

from bayescompare.methods.mode import run_map
from bayescompare.model import backends as module
from bayescompare.model import routes
from bayescompare.model.backends import CHUNK, BySize, JaxFunction, without_compiler
from bayescompare.model.density import Density
from bayescompare.model.problem import Problem

X = np.array([-1.0, 0.5, 1.5, 2.0])
Y = np.array([0.3, -1.2, 0.8, 2.1])
K = np.array([1, 2, 0])
ONE = (1.0, 1.0, 1.0)

# PyMC stores a scale of 1.5 as float32 and takes its logarithm there: 6e-8 a constant, of which a model has a few.
# What is exact is held against SciPy, to 1e-12.
SINGLE = 5e-7


def mixed_model(x: Any = X, y: Any = Y, k: Any = K) -> pm.Model:
    """Two observed variables, a Potential, three transforms, data in containers, Deterministics."""
    with pm.Model() as model:
        a = pm.Normal("a", 0.5, 2.0)
        s = pm.HalfNormal("s", 1.5)
        w = pm.Beta("w", 2.0, 3.0, shape=2)
        p = pm.Dirichlet("p", np.array([2.0, 3.0, 4.0]))
        pm.Deterministic("sum", a + w.sum() + p[0])
        pm.Deterministic("table", pt.outer(w, w))
        pm.Normal("y", a * pm.Data("x", x), s, observed=pm.Data("y_data", y))
        pm.Poisson("k", pm.math.exp(a) * w[0], observed=k)
        pm.Potential("penalty", -((s - 1.0) ** 2))
    return model


def scipy_terms(theta: dict[str, Any], x: Any = X, y: Any = Y, k: Any = K) -> dict[str, Any]:
    """The same in SciPy: log likelihoods pointwise, Potential, prior."""
    a, s, w, p = theta["a"], theta["s"], theta["w"], theta["p"]
    return {
        "y": stats.norm(a * x, s).logpdf(y),
        "k": stats.poisson(np.exp(a) * w[0]).logpmf(k),
        "potential": -((s - 1.0) ** 2),
        "prior": stats.norm(0.5, 2.0).logpdf(a)
        + stats.halfnorm(scale=1.5).logpdf(s)
        + stats.beta(2.0, 3.0).logpdf(w).sum()
        + stats.dirichlet([2.0, 3.0, 4.0]).logpdf(p),
    }


@pytest.fixture(scope="module")
def mixed() -> SimpleNamespace:
    model = mixed_model()
    density = Problem(model).density
    u = density.start + np.random.default_rng(1).normal(0, 0.5, density.dimension)
    return SimpleNamespace(model=model, density=density, u=u, theta=unpack(density, u))


def unpack(density: Density, u: np.ndarray) -> dict[str, Any]:
    scalars = density.push(u[None])[0]
    return {"a": scalars[0], "s": scalars[1], "w": scalars[2:4], "p": scalars[4:7]}


def point(density: Density, u: np.ndarray) -> dict[str, np.ndarray]:
    return {b.value_name: u[b.start : b.stop].reshape(b.shape) for b in density.blocks}


def pymc_value(model: pm.Model, at: dict[str, np.ndarray], **kwargs: Any) -> float:
    with without_compiler():
        function = model.compile_logp(mode=get_mode("FAST_COMPILE").including("stabilize"), **kwargs)
    return float(function(at))


# -- weights -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "terms"),
    [
        ((1, 1, 1), {}),
        ((1, 1, 0), {"jacobian": False}),
        ((1, 0, 0), {"vars": "likelihood"}),
        ((0, 1, 1), {"vars": "prior"}),
        ((0, 1, 0), {"vars": "prior", "jacobian": False}),
    ],
)
def test_weights_choose_pymcs_own_terms(
    mixed: SimpleNamespace, weights: tuple[float, ...], terms: dict[str, Any]
) -> None:
    model = mixed.model
    sets = {"likelihood": [*model.observed_RVs, *model.potentials], "prior": model.free_RVs}
    terms = {name: sets.get(value, value) if name == "vars" else value for name, value in terms.items()}
    value, _ = mixed.density(mixed.u, weights)
    assert value == pytest.approx(pymc_value(model, point(mixed.density, mixed.u), **terms), abs=SINGLE)


def test_terms_are_scipys(mixed: SimpleNamespace) -> None:
    expected = scipy_terms(mixed.theta)
    likelihood, prior = mixed.density(mixed.u, (1, 0, 0))[0], mixed.density(mixed.u, (0, 1, 0))[0]
    assert likelihood == pytest.approx(expected["y"].sum() + expected["k"].sum() + expected["potential"], rel=1e-12)
    assert prior == pytest.approx(expected["prior"], rel=1e-12)


def test_jacobian_is_the_determinant_of_the_map(mixed: SimpleNamespace) -> None:
    """Of the map from u to the free scalars that are independent: a simplex of three has two."""
    density, u, step = mixed.density, mixed.u, 1e-5
    shifts = step * np.eye(len(u))
    matrix = (density.push(u + shifts) - density.push(u - shifts))[:, :6] / (2 * step)
    _, logarithm = np.linalg.slogdet(matrix)
    # Central differences: step² from the third derivative, 1e-16/step from rounding.
    assert density(u, (0, 0, 1))[0] == pytest.approx(logarithm, abs=1e-8)


def test_weights_are_linear(mixed: SimpleNamespace) -> None:
    density, weights = mixed.density, np.array([0.3, 1.7, 0.9])
    parts = [density(mixed.u, row) for row in np.eye(3)]
    value, gradient = density(mixed.u, weights)
    assert value == pytest.approx(weights @ [v for v, _ in parts], rel=1e-12)
    np.testing.assert_allclose(gradient, weights @ np.array([g for _, g in parts]), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("weights", [(1, 1, 1), (1, 1, 0), (1, 0, 0), (0, 1, 1)])
def test_gradient_is_that_of_differences(mixed: SimpleNamespace, weights: tuple[float, ...]) -> None:
    density, u, step = mixed.density, mixed.u, 1e-5
    slopes = [(density(u + h, weights)[0] - density(u - h, weights)[0]) / (2 * step) for h in step * np.eye(len(u))]
    # |value| ~ 20: rounding 20 · 1e-16 / 1e-5, truncation third derivative · 1e-10 / 6.
    np.testing.assert_allclose(density(u, weights)[1], slopes, rtol=0, atol=1e-8)


def test_density_zero_is_minus_infinity_and_weight_zero_leaves_no_trace_of_it() -> None:
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Uniform("y", x, x + 1.0, observed=np.array([0.5, 0.7]))
    density = Problem(model).density
    outside = np.array([3.0])
    value, gradient = density(outside, ONE)
    assert value == -np.inf
    assert gradient.tolist() == [0.0]
    assert density(outside, (0, 1, 1))[0] == pytest.approx(stats.norm.logpdf(3.0), rel=1e-14)
    assert density(outside, ONE, np.zeros(2))[0] == pytest.approx(stats.norm.logpdf(3.0), rel=1e-14)
    values, gradients = density.batch(np.array([[3.0], [0.2]]), ONE)
    assert values[0] == -np.inf
    assert values[1] == pytest.approx(stats.norm.logpdf(0.2), rel=1e-14)
    np.testing.assert_allclose(gradients, [[0.0], [-0.2]], rtol=1e-14)


def test_constants_have_double_precision() -> None:
    """PyMC writes 0.5 as float32: log Γ(0.5) is then off by 2e-8, in JAX also where it multiplies an integer."""
    with pm.Model() as model:
        x = pm.Gamma("x", 0.5, 1.0)
        pm.Potential("p", 0.0 * x)
    u = np.array([0.3])
    expected = stats.gamma(0.5).logpdf(np.exp(u)).item()
    density = Problem(model).density
    assert density(u, (0, 1, 0))[0] == pytest.approx(expected, rel=1e-14)
    assert density.second_opinion(u, (0, 1, 0))[0] == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64])
def test_whole_numbers_of_the_data_have_double_precision(dtype: type) -> None:
    """PyMC narrows whole numbers, and JAX takes log Γ of narrow ones in single precision."""
    n, y = np.array([127, 53, 90], dtype), np.array([40, 18, 31], dtype)
    with pm.Model() as model:
        p = pm.Beta("p", 2.0, 2.0)
        pm.Binomial("y", n=pm.Data("n", n), p=p, observed=pm.Data("y_data", y))
    expected = stats.binom.logpmf(y.astype(float), n.astype(float), 1.0 / (1.0 + np.exp(-0.3))).sum()
    problem = Problem(model)
    assert problem.density(np.array([0.3]), (1, 0, 0))[0] == pytest.approx(expected, rel=1e-14)
    assert problem.density.batch(np.full((100, 1), 0.3), (1, 0, 0))[0][99] == pytest.approx(expected, rel=1e-14)


# -- observations ------------------------------------------------------------------------------------


def test_observation_weights_multiply_pointwise_terms_in_the_models_order(mixed: SimpleNamespace) -> None:
    weights = np.array([0.0, 2.0, 0.5, 1.0, 3.0, 0.0, 0.25])
    expected = scipy_terms(mixed.theta)
    value, _ = mixed.density(mixed.u, (1, 0, 0), weights)
    pointwise = np.concatenate([expected["y"], expected["k"]])
    assert mixed.density.sizes == [4, 3]
    assert mixed.density.observations == 7
    assert value == pytest.approx(weights @ pointwise + expected["potential"], rel=1e-12)


@pytest.mark.parametrize("left_out", [1, 5])
def test_weight_zero_is_the_model_without_that_observation(mixed: SimpleNamespace, left_out: int) -> None:
    weights = np.ones(7)
    weights[left_out] = 0.0
    if left_out < 4:
        fresh = mixed_model(np.delete(X, left_out), np.delete(Y, left_out))
    else:
        fresh = mixed_model(k=np.delete(K, left_out - 4))
    value, _ = mixed.density(mixed.u, ONE, weights)
    assert value == pytest.approx(pymc_value(fresh, point(mixed.density, mixed.u)), abs=SINGLE)


def test_a_weighted_density_needs_no_weights_said(mixed: SimpleNamespace) -> None:
    weights = np.array([0.0, 2.0, 0.5, 1.0, 3.0, 0.0, 0.25])
    fresh = Problem(mixed.model)
    fresh.density(mixed.u, ONE)
    weighted = fresh.weighted(weights).density
    expected, gradient = fresh.density(mixed.u, ONE, weights)
    for value, slope in (weighted(mixed.u, ONE), weighted.second_opinion(mixed.u, ONE)):
        assert value == pytest.approx(expected, rel=1e-13)
        np.testing.assert_allclose(slope, gradient, rtol=1e-11, atol=1e-12)
    assert (weighted.evaluations, fresh.density.evaluations) == (1, 2)
    assert fresh.density(mixed.u, ONE)[0] != pytest.approx(expected, rel=1e-3)


def test_one_term_an_event_of_a_multivariate_likelihood() -> None:
    y = np.array([[0.3, -1.2], [0.8, 2.1], [0.0, 0.4]])
    cov = np.array([[1.0, 0.3], [0.3, 2.0]])
    with pm.Model() as model:
        m = pm.Normal("m", 0.0, 1.0, shape=2)
        pm.MvNormal("y", m, cov=cov, observed=pm.Data("d", y))
    density = Problem(model).density
    u, weights = np.array([0.2, -0.1]), np.array([1.0, 0.0, 2.0])
    expected = weights @ stats.multivariate_normal(u, cov).logpdf(y)
    assert density.sizes == [3]
    assert density(u, (1, 0, 0), weights)[0] == pytest.approx(expected, rel=1e-12)


# -- batches -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [5, CHUNK + 2])
def test_a_batch_is_its_rows(mixed: SimpleNamespace, rows: int) -> None:
    density = mixed.density
    points = mixed.u + np.random.default_rng(rows).normal(0, 0.3, (rows, density.dimension))
    before = density.evaluations
    values, gradients = density.batch(points, ONE)
    assert density.evaluations - before == rows
    assert values.shape == (rows,)
    assert gradients.shape == points.shape
    for i in {0, rows // 2, rows - 1}:
        value, gradient = density(points[i], ONE)
        assert values[i] == pytest.approx(value, rel=1e-13)
        np.testing.assert_allclose(gradients[i], gradient, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("rows", [5, CHUNK + 2])
def test_a_batch_with_weights_of_its_own_in_each_row(mixed: SimpleNamespace, rows: int) -> None:
    density = mixed.density
    points = mixed.u + np.random.default_rng(3).normal(0, 0.3, (rows, density.dimension))
    weights = np.random.default_rng(4).integers(0, 3, (rows, 7)).astype(float)
    values, gradients = density.batch(points, ONE, weights)
    for row in {0, rows // 2, rows - 1}:
        value, gradient = density(points[row], ONE, weights[row])
        assert values[row] == pytest.approx(value, rel=1e-13)
        np.testing.assert_allclose(gradients[row], gradient, rtol=1e-11, atol=1e-12)


def test_large_rows_go_fewer_at_a_time(mixed: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    points = mixed.u + np.arange(CHUNK + 2.0)[:, None] / 500
    expected, _ = mixed.density.batch(points, ONE)
    monkeypatch.setattr(module, "BATCH_BYTES", 5 * 8 * (1 + mixed.density.dimension))
    narrow = Problem(mixed.model).density
    values, gradients = narrow.batch(points, ONE)
    assert gradients.shape == points.shape
    np.testing.assert_allclose(values, expected, rtol=1e-13)
    compiled = narrow.through_jax()
    assert compiled is not None
    assert list(compiled._rows_at_once.values()) == [4]


def test_the_jacobian_of_named_variables_counts_whatever_its_weight() -> None:
    with pm.Model() as model:
        x = pm.LogNormal("x")
        s = pm.HalfNormal("s")
        pm.Normal("y", x, s, observed=[0.3, 1.2])
    density = Problem(model).density
    u = np.array([0.4, -0.7])
    value = density.through_jax(("x",))
    assert value is not None
    found, slope = value(u, np.array([1.0, 1.0, 0.0]), *density.arguments(value))
    plain, gradient = density(u, (1.0, 1.0, 0.0))
    assert found - plain == pytest.approx(u[0], rel=1e-12)  # log x, the Jacobian of the logarithm
    np.testing.assert_allclose(slope - gradient, [1.0, 0.0], atol=1e-12)


def test_the_second_opinion_agrees(mixed: SimpleNamespace) -> None:
    value, gradient = mixed.density(mixed.u, ONE)
    second, slope = mixed.density.second_opinion(mixed.u, ONE)
    assert second == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(slope, gradient, rtol=1e-11, atol=1e-12)


# -- routes ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dear() -> SimpleNamespace:
    """The same model, taken for a large one: everything through JAX."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(routes, "AFFORDABLE", 0.0)
        density = Problem(mixed_model()).density
        density(density.start, ONE)
    return SimpleNamespace(density=density)


def test_a_small_model_goes_by_pytensor_and_a_large_one_through_jax(
    mixed: SimpleNamespace, dear: SimpleNamespace
) -> None:
    assert (mixed.density.backend, dear.density.backend) == ("pytensor", "jax")
    assert isinstance(mixed.density._compiled["value"], BySize)
    assert isinstance(dear.density._compiled["value"], JaxFunction)


@pytest.mark.parametrize("weights", [(1, 1, 1), (1, 1, 0), (0, 1, 1)])
def test_both_routes_give_the_same_to_rounding(
    mixed: SimpleNamespace, dear: SimpleNamespace, weights: tuple[float, ...]
) -> None:
    for shift in (-0.7, 0.0, 1.3):
        u = mixed.u + shift
        for one, other in (
            (mixed.density(u, weights), dear.density(u, weights)),
            (mixed.density(u, weights), dear.density.second_opinion(u, weights)),
            (mixed.density.second_opinion(u, weights), dear.density(u, weights)),
        ):
            assert one[0] == pytest.approx(other[0], rel=1e-12)
            np.testing.assert_allclose(one[1], other[1], rtol=1e-10, atol=1e-11)
        np.testing.assert_allclose(mixed.density.push(u[None]), dear.density.push(u[None]), rtol=1e-13)


def test_a_long_search_goes_on_through_jax_and_the_next_begins_anew(mixed: SimpleNamespace) -> None:
    density = Problem(mixed.model).density
    density.begin_search()
    usual = density._usual_evaluations
    assert density._value_now().backend == "pytensor"
    density.evaluations += routes.PATIENCE * usual + 1
    assert density._value_now().backend == "jax"
    long, _ = density(mixed.u, ONE)
    density.begin_search()
    assert density._value_now().backend == "pytensor"
    assert density(mixed.u, ONE)[0] == pytest.approx(long, rel=1e-13)


# -- the maps ----------------------------------------------------------------------------------------


def test_push_is_pymcs_transforms(mixed: SimpleNamespace) -> None:
    model, density = mixed.model, mixed.density
    points = mixed.u + np.random.default_rng(0).normal(0, 1, (6, density.dimension))
    wanted = [*model.free_RVs, *model.deterministics]
    with without_compiler():
        function = model.compile_fn(
            model.replace_rvs_by_values(wanted), inputs=model.value_vars, point_fn=False, on_unused_input="ignore"
        )
    pushed = density.push(points)
    for row, u in zip(pushed, points, strict=True):
        values = point(density, u)
        expected = function(*(values[v.name] for v in model.value_vars))
        np.testing.assert_allclose(row, np.concatenate([np.ravel(e) for e in expected]), rtol=1e-12, atol=1e-14)


def test_pull_is_the_inverse_of_push(mixed: SimpleNamespace) -> None:
    density = mixed.density
    points = np.random.default_rng(2).normal(0, 1.5, (6, density.dimension))
    free = density.push(points)[:, :7]
    # log(x / (1 − x)) loses what 1 − x loses: e^|u| · 1e-16, with |u| < 6 here.
    np.testing.assert_allclose(density.pull(free), points, rtol=0, atol=1e-12)


# -- data --------------------------------------------------------------------------------------------

NEW = {"x": np.array([3.0, 1.0, -2.0, 0.1]), "y_data": np.array([5.0, 1.5, -3.0, 0.0])}


def test_other_data_are_the_model_built_anew(mixed: SimpleNamespace) -> None:
    swapped = mixed.density.with_data(NEW)
    fresh = mixed_model(NEW["x"], NEW["y_data"])
    at = point(mixed.density, mixed.u)
    assert swapped(mixed.u, ONE)[0] == pytest.approx(pymc_value(fresh, at), abs=SINGLE)
    assert mixed.density(mixed.u, ONE)[0] == pytest.approx(pymc_value(mixed.model, at), abs=SINGLE)
    np.testing.assert_array_equal(swapped.observed()[0], NEW["y_data"])
    np.testing.assert_array_equal(mixed.density.observed()[0], Y)


def test_other_data_compile_nothing(mixed: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    density, points = mixed.density, mixed.u + np.arange(CHUNK + 2.0)[:, None] / 200
    density(mixed.u, ONE), density.batch(points, ONE), density.push(points)

    def refuse(*_: Any) -> None:
        raise AssertionError("something was compiled")

    monkeypatch.setattr(module.JaxFunction, "__init__", refuse)
    monkeypatch.setattr(module.PyTensorFunction, "__init__", refuse)
    value = density.through_jax()
    assert value is not None
    traced = [value._function, *value._batched.values()]
    before, seconds = [f._cache_size() for f in traced], density.compile_seconds
    swapped = density.with_data(NEW)
    swapped(mixed.u, ONE), swapped.batch(points, ONE), swapped.push(points)
    assert min(before) > 0
    assert [f._cache_size() for f in traced] == before
    assert swapped.compile_seconds == seconds
    assert swapped.evaluations == CHUNK + 3


def test_data_of_another_length(mixed: SimpleNamespace) -> None:
    longer = {"x": np.arange(6.0), "y_data": np.arange(6.0) / 2}
    swapped = mixed.density.with_data(longer)
    fresh = mixed_model(longer["x"], longer["y_data"])
    assert swapped.sizes == [6, 3]
    assert swapped(mixed.u, ONE)[0] == pytest.approx(pymc_value(fresh, point(mixed.density, mixed.u)), abs=SINGLE)


def test_integer_observations_of_a_real_likelihood_are_counted_anew() -> None:
    """PyMC puts a cast between container and value, so the value has no name of its own."""
    with pm.Model() as model:
        a = pm.Normal("a", 0.0, 1.0)
        pm.Normal("y", a, 1.0, observed=pm.Data("d", np.array([1, 2, 3])))
    density = Problem(model).density.with_data({"d": np.array([4, 5, 6, 7, 9])})
    assert density.sizes == [5]
    np.testing.assert_array_equal(density.observed()[0], [4, 5, 6, 7, 9])


# -- what has no translation to JAX ----------------------------------------------------------------


class BlackBox(Op):
    """x ↦ x⁴, with a gradient but no way to JAX: a solver of the user's own."""

    def make_node(self, x: Any) -> Apply:
        x = pt.as_tensor(x)
        return Apply(self, [x], [x.type()])

    def perform(self, node: Apply, inputs: list[Any], outputs: list[Any]) -> None:
        outputs[0][0] = np.asarray(inputs[0] ** 4)

    def pullback(self, inputs: list[Any], outputs: list[Any], cotangents: list[Any]) -> list[Any]:
        return [cotangents[0] * 4.0 * inputs[0] ** 3]


@pytest.fixture(scope="module")
def boxed() -> Problem:
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0)
        s = pm.HalfNormal("s", 1.0)
        pm.Deterministic("box", BlackBox()(x))
        pm.Normal("y", BlackBox()(x), s - 0.01, observed=pm.Data("d", Y))
    return Problem(model)


def test_an_untranslatable_operation_falls_back_by_name(boxed: Problem) -> None:
    density, u = boxed.density, np.array([0.8, 0.1])
    value, gradient = density(u, ONE)
    assert density.backend == "pytensor"
    assert density.through_jax() is None
    assert density.fallback == "BlackBox has no translation"
    s = np.exp(0.1)
    expected = stats.norm(0.8**4, s - 0.01).logpdf(Y).sum() + stats.norm.logpdf(0.8) + stats.halfnorm.logpdf(s) + 0.1
    assert value == pytest.approx(expected, rel=1e-13)
    step = 1e-5 * np.eye(2)
    slope = [(density(u + h, ONE)[0] - density(u - h, ONE)[0]) / 2e-5 for h in step]
    np.testing.assert_allclose(gradient, slope, rtol=0, atol=1e-8)


def test_the_fall_back_does_all_that_jax_does(boxed: Problem) -> None:
    density, points = boxed.density, np.array([[0.8, 0.1], [0.3, -9.0], [-0.2, 0.4]])
    values, gradients = density.batch(points, ONE)
    # s = e⁻⁹ < 0.01: a negative scale raises in PyTensor, and is density zero here as in JAX.
    assert np.isfinite(values).tolist() == [True, False, True]
    assert gradients[1].tolist() == [0.0, 0.0]
    assert values[2] == density(points[2], ONE)[0]
    weights = np.array([np.ones(4), np.ones(4), [0.0, 1.0, 0.0, 2.0]])
    assert density.batch(points, ONE, weights)[0][2] == density(points[2], ONE, weights[2])[0]
    np.testing.assert_allclose(density.push(points)[:, 2], points[:, 0] ** 4, rtol=1e-14)
    np.testing.assert_allclose(density.pull(density.push(points)[:, :2]), points, rtol=1e-12)
    swapped = density.with_data({"d": Y[:2]})
    pair = stats.norm(0.8**4, np.exp(0.1) - 0.01).logpdf(Y[:2]).sum()
    assert swapped(points[0], (1, 0, 0))[0] == pytest.approx(pair, rel=1e-13)


def test_a_first_evaluation_outside_the_support_is_density_zero(boxed: Problem) -> None:
    density = Problem(boxed.model).density
    assert density(np.array([0.3, -9.0]), ONE)[0] == -np.inf
    assert density.second_opinion(np.array([0.3, -9.0]), ONE)[0] == -np.inf


def test_an_array_that_its_owner_changes_later_changes_no_density() -> None:
    """What depends on the data alone is computed once: it must not be half of the old data and half of the new."""
    with pm.Model() as model:
        x = pm.Data("x", np.ones(3))
        b = pm.Normal("b", 0.0, 1.0)
        pm.Normal("y", pt.exp(x) * b + x, 1.0, observed=pm.Data("y_data", np.zeros(3)))
    given = np.array([0.1, 0.2, 0.3])
    density = Problem(model).density.with_data({"x": given})
    before = density(np.array([0.5]), (1.0, 1.0, 0.0))
    given[:] = 7.0
    after = density(np.array([0.5]), (1.0, 1.0, 0.0))
    assert before[0] == after[0]
    assert before[1] == after[1]


def test_sums_of_more_terms_than_numpy_takes_at_once() -> None:
    """Forty priors, forty addends and forty factors; the second opinion runs them as they are."""
    with pm.Model() as model:
        b = [pm.Normal(f"b{i}") for i in range(40)]
        many = b[0]
        product = pm.math.exp(b[0])
        for each in b[1:]:
            many = many + each
            product = product * pm.math.exp(each)
        pm.Deterministic("product", product)
        pm.Normal("y", many + product, 1.0, observed=Y)
    problem = Problem(model)
    u = np.random.default_rng(3).normal(0.0, 0.3, 40)
    mean = u.sum() + np.exp(u.sum())
    expected = stats.norm().logpdf(u).sum() + stats.norm(mean, 1.0).logpdf(Y).sum()
    assert problem.density(u, ONE)[0] == pytest.approx(expected, rel=1e-12)
    assert problem.density.second_opinion(u, ONE)[0] == pytest.approx(expected, rel=1e-12)
    assert problem.density.push(u[None])[0, -1] == pytest.approx(np.exp(u.sum()), rel=1e-12)


def test_areas_that_are_one_event_count_once() -> None:
    """``pm.CAR`` with scalar parameters sums over an axis that tau lacks, and gives one event a term of length one."""
    adjacent = np.array([[0.0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0]])
    areas = np.array([0.2, 1.1, 0.6, -0.3])
    with pm.Model() as model:
        alpha = pm.Uniform("alpha", 0.0, 1.0)
        pm.CAR("y", mu=np.zeros(4), W=adjacent, alpha=alpha, tau=2.0, observed=areas)
    density = Problem(model).density
    assert density.observations == 1
    precision = 2.0 * (np.diag(adjacent.sum(axis=0)) - 0.5 * adjacent)
    # PyMC leaves out the constants: log 2π and the determinant of the numbers of neighbours.
    expected = stats.multivariate_normal(np.zeros(4), np.linalg.inv(precision)).logpdf(areas)
    constants = 0.5 * np.log(adjacent.sum(axis=0)).sum() - 2 * np.log(2 * np.pi)
    value, _ = density(np.zeros(1), (1.0, 0.0, 0.0))
    assert value == pytest.approx(expected - constants, abs=1e-9)


def test_lengths_that_the_graph_does_not_tell_are_computed() -> None:
    """Of a dim and an ordered transform."""
    with pm.Model(coords={"i": ["a", "b", "c"]}) as model:
        x = pm.Normal("x", dims="i", transform=pm.distributions.transforms.ordered, initval=[-1.0, 0.0, 1.0])
        pm.Normal("y", x, 1.0, observed=np.array([-1.0, 0.5, 1.0]))
    problem = Problem(model)
    assert problem.density.shapes == [(3,)]
    assert run_map(problem).estimate == pytest.approx([-0.5, 0.25, 0.5], abs=1e-6)

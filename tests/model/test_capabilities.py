"""What a model's graphs can do, by name, before anything is compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from pymc.logprob.abstract import _logprob
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.tensor.random.op import RandomVariable

from bayescompare.errors import UnsupportedModelError
from bayescompare.model.problem import Problem

X = np.linspace(0.0, 1.0, 20)
Y = 1.0 + 2.0 * X


class Square(Op):
    """A user's operation on one scalar, without a gradient."""

    def make_node(self, x: Any) -> Apply:
        return Apply(self, [pt.as_tensor(x)], [pt.dscalar()])

    def perform(self, node: Apply, inputs: Any, outputs: Any) -> None:
        outputs[0][0] = np.asarray(inputs[0] ** 2)


class SmoothSquare(Square):
    """The same with one."""

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        return [2 * inputs[0] * cotangents[0]]


class TreesRV(RandomVariable):
    """A variable that only a sampler of its own moves."""

    name = "trees"
    signature = "()->()"
    dtype = "float64"

    @classmethod
    def rng_fn(cls, rng: np.random.Generator, mean: Any, size: Any) -> Any:
        return np.full(size or (), mean)


class BARTRV(TreesRV):
    """By the name that pymc-bart gives its own."""


@_logprob.register(TreesRV)
def _of_trees(op: Any, value: Any, *inputs: Any, **kwargs: Any) -> Any:
    return pt.zeros_like(value)


class Trees(pm.Continuous):
    rv_op = TreesRV()

    @classmethod
    def dist(cls, mean: float, **kwargs: Any) -> Any:
        return super().dist([pt.as_tensor(mean)], **kwargs)


class Bart(Trees):
    rv_op = BARTRV()


def minibatch() -> None:
    x, y = pm.Minibatch(X, Y, batch_size=5)
    b = pm.Normal("b", 0.0, 10.0)
    pm.Normal("y", b * x, 1.0, observed=y, total_size=len(X))


def minibatch_in_a_potential() -> None:
    x, y = pm.Minibatch(X, Y, batch_size=5)
    b = pm.Normal("b", 0.0, 10.0)
    pm.Potential("y", pm.logp(pm.Normal.dist(b * x, 1.0), y).sum())


def simulator() -> None:
    a = pm.Normal("a", 0.0, 1.0)
    pm.Simulator("s", lambda rng, a, size=None: rng.normal(a, 1.0, size=size), a, epsilon=1.0, observed=Y)


def product() -> None:
    x = pm.Normal("x", 0.0, 1.0)
    pm.Deterministic("total", pm.Exponential.dist(x**2 + 1.0, shape=5).prod())


def trees() -> None:
    mu = Trees("mu", 0.0, shape=len(Y))
    pm.Normal("y", mu, 1.0, observed=Y)


def bart() -> None:
    mu = Bart("mu", 0.0, shape=len(Y))
    pm.Normal("y", mu, 1.0, observed=Y)


REFUSED = {
    minibatch: ("'y'", "pm.Minibatch", "all the data"),
    minibatch_in_a_potential: ("'y'", "pm.Minibatch"),
    simulator: ("'s'", "pm.Simulator", "pm.sample_smc"),
    product: ("'total'", "Prod of random variables", "pm.CustomDist"),
    trees: ("'mu'", "Trees", "no log density"),
    bart: ("'mu'", "BART", "no log density"),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # PyMC's own Simulator uses what PyTensor deprecates
@pytest.mark.parametrize("build", REFUSED, ids=lambda build: build.__name__)
def test_a_density_that_does_not_exist_is_refused_by_name(build: Callable[[], None]) -> None:
    with pm.Model() as model:
        build()
    if build is product:
        model = pm.observe(model, {"total": 2.0})
    with pytest.raises(UnsupportedModelError) as caught:
        _ = Problem(model).density
    for words in REFUSED[build]:
        assert words in str(caught.value)


def test_what_is_improper_on_purpose_has_a_density() -> None:
    with pm.Model() as model:
        flat = pm.Flat("flat") + pm.HalfFlat("half")
        own = pm.CustomDist("own", 0.0, logp=lambda value, m: pt.zeros_like(value))
        pm.Normal("y", flat + own + pm.Uniform("u", 0.0, 1.0), 1.0, observed=Y)
    assert np.isfinite(Problem(model).density(np.zeros(Problem(model).dimension), (1.0, 1.0, 1.0))[0])


def test_a_scaled_likelihood_of_all_data_is_not_random() -> None:
    with pm.Model() as model:
        b = pm.Normal("b", 0.0, 1.0)
        pm.Normal("y", b * X, 1.0, observed=Y, total_size=100)
    assert np.isfinite(Problem(model).density(np.zeros(Problem(model).dimension), (1.0, 1.0, 1.0))[0])


def wrapped() -> Any:
    def cube(x: Any) -> Any:
        return np.asarray(x**3)

    return pytensor.wrap_py(itypes=[pt.dscalar], otypes=[pt.dscalar])(cube)


def rounded(x: Any) -> Any:
    """A gradient of zero is one."""
    return pt.floor(x)


def in_a_scan(x: Any) -> Any:
    found: Any = pytensor.scan(
        lambda total, x: total + Square()(x),
        outputs_info=[pt.constant(0.0, dtype="float64")],
        non_sequences=[x],
        n_steps=3,
        return_updates=False,
    )
    return found[-1]


OPERATIONS = {
    "Square": (lambda x: Square()(x), ("Square",)),
    "SmoothSquare": (lambda x: SmoothSquare()(x), ()),
    "cube": (lambda x: wrapped()(x), ("cube",)),
    "both": (lambda x: Square()(x) + wrapped()(x), ("Square", "cube")),
    "floor": (rounded, ()),
    "scan": (in_a_scan, ("Square",)),
    "of data alone": (lambda x: x + Square()(2.0), ()),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_without_a_gradient_are_named(name: str) -> None:
    operation, lacking = OPERATIONS[name]
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Potential("term", operation(x))
    assert set(Problem(model).density.no_gradient) == set(lacking)


def test_operations_without_a_translation_are_named() -> None:
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Normal("y", SmoothSquare()(x), 1.0, observed=Y)
    density = Problem(model).density
    assert density.through_jax() is None
    assert "SmoothSquare" in str(density.fallback)
    assert density.graphs.own == ("SmoothSquare",)
    with pm.Model() as plain:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Normal("y", pt.exp(x), 1.0, observed=Y)
    density = Problem(plain).density
    assert density.through_jax() is not None
    assert density.graphs.own == ()

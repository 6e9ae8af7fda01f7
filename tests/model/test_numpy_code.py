"""Straight NumPy code against PyTensor's own way of running a graph: the same bits, and a cost that tells size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode, get_mode
from pytensor.graph.fg import FunctionGraph
from pytensor.tensor.elemwise import Elemwise
from pytensor.tensor.math import exp

from bayescompare.model.backends import PyTensorFunction, without_compiler
from bayescompare.model.numpy_code import Straight, can_be_straight
from bayescompare.model.problem import Problem
from tests.model.test_density import mixed_model

X = np.array([[-1.3, 0.2, 2.5], [0.7, -0.1, 4.0]])


def straight(inputs: list[Any], outputs: list[Any]) -> Straight:
    return Straight(FunctionGraph(inputs, outputs, clone=True))


def by_pytensor(inputs: list[Any], outputs: list[Any], mode: Any = None) -> Any:
    mode = mode or Mode("vm", None)  # nothing rewritten
    with without_compiler():
        return pytensor.function(inputs, outputs, mode=mode, on_unused_input="ignore")


@pytest.mark.parametrize(
    "made",
    [
        lambda x: x + x * 2.0 + pt.exp(x),
        lambda x: pt.add(x, x, x, 1.0),
        lambda x: pt.switch(x > 0, x, np.float32(0.5)),
        lambda x: pt.log(pt.constant(np.int8(2))) + x,  # NumPy alone would take this logarithm in half precision
        lambda x: pt.cast(x, "int8") + np.int8(100),
        lambda x: x.dimshuffle(1, "x", 0),
        lambda x: x.dimshuffle("x", 0, "x", 1),
        lambda x: pt.softplus(x) + pt.gammaln(pt.abs(x)) + pt.erf(x),
        lambda x: x[:, ::2].sum(axis=0),
        lambda x: pt.max(x) + x[0, 1],
        lambda x: pt.linalg.cholesky(pt.eye(2) + x.dot(x.T)),
        lambda x: pt.set_subtensor(x[0], 1.0),
        lambda x: pt.logsumexp(x, axis=1),
        lambda x: pt.constant(3.0) + 0.0,
        lambda x: x,
    ],
)
def test_operations_give_the_same_bits(made: Any) -> None:
    x = pt.matrix("x", dtype="float64")
    out = made(x)
    (expected,) = by_pytensor([x], [out])(X) if out is not x else [X]
    (found,) = straight([x], [out])(X)
    assert found.dtype == expected.dtype == out.dtype
    np.testing.assert_array_equal(found, expected)


def test_a_scalar_stays_one_through_every_kind_of_step() -> None:
    x = pt.dscalar("x")
    out = pt.stack([x[None].sum(), pt.exp(x) * 2.0, x.dimshuffle("x", "x")[0, 0]])
    np.testing.assert_array_equal(straight([x], [out])(0.3)[0], by_pytensor([x], [out])(0.3)[0])


def test_what_it_returns_is_not_what_it_was_given() -> None:
    x = pt.vector("x", dtype="float64")
    given = np.ones(3)
    (found,) = straight([x], [x])(given)
    found[:] = 7.0
    assert given.tolist() == [1.0, 1.0, 1.0]


def test_what_depends_on_the_data_alone_follows_them() -> None:
    """It is computed once for the same arrays, and again for others, whichever of them is another."""
    x, y, z = (pt.vector(name, dtype="float64") for name in "xyz")
    out = x * pt.exp(y) + pt.log(z).sum() + y.sum()
    function, plain = straight([x, y, z], [out, y]), by_pytensor([x, y, z], [out, y])
    a, b, c = (np.arange(3.0) + i for i in (1, 2, 3))
    for args in ((a, b, c), (c, b, c), (c, a, c), (c, a, b), (c, a, b), (a, a, b.copy())):
        for found, expected in zip(function(*args), plain(*args), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_a_models_density_and_gradient_have_pytensors_bits() -> None:
    density = Problem(mixed_model()).density
    inputs, outputs, _ = density._gradient_graph
    expected = by_pytensor(inputs, outputs, get_mode("FAST_COMPILE").including("stabilize"))
    found = PyTensorFunction(inputs, outputs)
    assert isinstance(found._function, Straight)
    for shift in (0.0, 0.4, -2.0):
        arguments = (density.start + shift, np.array([1.0, 0.5, 2.0]), *density._arguments)
        for one, other in zip(found(*arguments), expected(*arguments), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("lower", [True, False])
def test_rows_with_one_triangular_matrix_are_solved_by_one_call(lower: bool) -> None:
    """By hand, row by row; a matrix without an inverse gives NaN, as with PyTensor; and it costs no loop."""
    matrix, rows = pt.tensor("matrix", shape=(1, 3, 3)), pt.matrix("rows")
    solved = pt.linalg.solve_triangular(matrix, rows, lower=lower, b_ndim=1)
    function, slow = straight([matrix, rows], [solved]), by_pytensor([matrix, rows], [solved])
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(1, 3, 3)) + 3 * np.eye(3), rng.normal(size=(50, 3))
    (found,) = function(a, b)
    np.testing.assert_allclose(found, np.linalg.solve((np.tril if lower else np.triu)(a[0]), b.T).T, rtol=1e-12)
    np.testing.assert_allclose(found, slow(a, b)[0], rtol=1e-14)
    a[0, 1, 1] = 0.0
    assert np.isnan(function(a, b)[0]).all()
    assert function.cost(a, b) < 10


def test_what_overwrites_its_input_is_left_to_pytensor() -> None:
    x = pt.vector("x", dtype="float64")
    assert can_be_straight(FunctionGraph([x], [x * 2.0], clone=True), [x])
    overwriting = Elemwise(exp.scalar_op, inplace_pattern={0: 0})(x * 2.0)
    assert not can_be_straight(FunctionGraph([x], [overwriting], clone=True), [x])


def test_a_wider_array_costs_more_and_a_scan_is_never_cheap() -> None:
    x = pt.vector("x", dtype="float64")
    summed = straight([x], [pt.exp(x).sum()])
    assert summed.cost(np.ones(10)) < summed.cost(np.ones(10**6)) < np.inf
    steps = pytensor.scan(lambda total: total * 1.1, outputs_info=x[0], n_steps=3, return_updates=False)
    with without_compiler():
        assert straight([x], [steps[-1]]).cost(np.ones(1)) == np.inf


def test_a_search_of_a_small_model_needs_no_jax() -> None:
    from tests.test_architecture import run_python

    code = """
import sys
import numpy as np, pymc as pm
import bayescompare as bc
with pm.Model() as model:
    scale = pm.HalfCauchy("scale", 2.0)
    pm.Normal("y", pm.Normal("x", 0.0, 1.0), scale, observed=np.array([0.3, 0.8, -1.1]))
print(bc.fit(model, "map").status, sorted({"jax", "scipy.stats", "arviz_stats", "setuptools"} & set(sys.modules)))
"""
    assert run_python(code) == "ok []"

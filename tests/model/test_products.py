"""Sums of products become matrix products, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.graph.fg import FunctionGraph
from pytensor.tensor.math import Dot

from bayescompare.model.problem import Problem
from bayescompare.model.products import sums_of_products

rng = np.random.default_rng(3)
X = rng.normal(size=(7, 3))
V, W = rng.normal(size=3), rng.normal(size=7)

x, v, w = pt.dmatrix("x"), pt.dvector("v"), pt.dvector("w")
whole = pt.matrix("whole", dtype="int64")


def rewritten(output: Any) -> FunctionGraph:
    graph = FunctionGraph(outputs=[output], clone=True)
    sums_of_products().rewrite(graph)
    return graph


def products(graph: FunctionGraph) -> int:
    return sum(isinstance(node.op, Dot) for node in graph.apply_nodes)


@pytest.mark.parametrize(
    ("output", "exact"),
    [
        ((x * v).sum(axis=-1), X @ V),
        ((v * x).sum(axis=1), X @ V),
        ((x * w[:, None]).sum(axis=0), W @ X),
        (pt.mul(w[:, None], x, (w**2)[:, None]).sum(axis=0), W**3 @ X),
        (pt.mul(x, v[None], pt.as_tensor([[2.0]])).sum(axis=1), 2 * X @ V),
    ],
)
def test_what_is_a_matrix_product_becomes_one(output: Any, exact: np.ndarray) -> None:
    graph = rewritten(output)
    assert products(graph) == 1
    given = {"x": X, "v": V, "w": W}
    found = pytensor.function(graph.inputs, graph.outputs, mode="FAST_COMPILE")(*[given[i.name] for i in graph.inputs])
    np.testing.assert_allclose(found[0], exact, rtol=1e-13)


@pytest.mark.parametrize(
    "output",
    [
        (x * v).sum(),  # of all
        (x * v).sum(axis=0),  # along what the vector does not vary with
        (x * w[:, None]).sum(axis=1),
        (x * x).sum(axis=1),
        (x * v * w[:, None]).sum(axis=1),
        (whole * v).sum(axis=1),  # NumPy's product of mixed types is none of BLAS'
        (x + v).sum(axis=1),
        (x * pt.as_tensor(2.0)).sum(axis=1),
    ],
)
def test_what_is_none_stays(output: Any) -> None:
    assert products(rewritten(output)) == 0


def regression(product: Callable[[Any], Any]) -> Problem:
    with pm.Model() as model:
        beta = pm.Normal("beta", 0.0, 1.0, shape=3)
        pm.Normal("y", product(beta), 1.0, observed=W)
    return Problem(model)


def test_a_density_is_the_same_written_either_way() -> None:
    u = rng.normal(size=3)
    by_sum, by_dot = (regression(p).density(u, (1, 1, 0)) for p in (lambda b: (X * b).sum(-1), lambda b: X @ b))
    assert by_sum[0] == pytest.approx(by_dot[0], rel=1e-14)
    np.testing.assert_allclose(by_sum[1], by_dot[1], rtol=1e-12)

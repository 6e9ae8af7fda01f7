"""Sums of products as matrix products.

A model that writes ``(X * beta).sum(-1)`` spares itself what numba takes to compile a matrix product. NumPy and XLA
make an array of all the products there, which takes up to ten times as long.
"""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def sums_of_products() -> Any:
    """PyTensor's rewriter of a whole graph for Σⱼ xᵢⱼ vⱼ and Σᵢ vᵢ xᵢⱼ in double precision."""
    from pytensor.graph.rewriting.basic import dfs_rewriter, node_rewriter
    from pytensor.scalar.basic import Mul
    from pytensor.tensor.elemwise import Elemwise
    from pytensor.tensor.math import Sum, dot, mul

    def sum_of_products(_: Any, node: Any) -> list[Any] | None:
        products = node.inputs[0].owner
        if products is None or node.inputs[0].type.ndim != 2 or node.op.axis not in ((0,), (1,)):
            return None
        if not (isinstance(products.op, Elemwise) and isinstance(products.op.scalar_op, Mul)):
            return None
        (axis,) = node.op.axis
        factors = products.inputs
        if {f.type.dtype for f in (*factors, node.outputs[0])} != {"float64"}:
            return None
        matrices = [f for f in factors if not any(f.type.broadcastable)]
        others = [f for f in factors if f.type.broadcastable[1 - axis]]
        if len(matrices) != 1 or len(others) != len(factors) - 1 or all(f.type.broadcastable[axis] for f in others):
            return None
        vector = (mul(*others) if len(others) > 1 else others[0]).squeeze(1 - axis)
        return [dot(matrices[0], vector) if axis == 1 else dot(vector, matrices[0])]

    return dfs_rewriter(node_rewriter([Sum])(sum_of_products))

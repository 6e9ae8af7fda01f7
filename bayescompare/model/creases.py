"""Creases: where a density's graph may be continuous and not smooth, and the smooth pieces between them.

An ``abs``, a ``maximum``, a ``switch`` on values, a ``clip`` or a ``sign`` divides the parameters' space where its
argument is 0. With the sign of each argument an input of its own, the graph is smooth: one piece of the density,
continued beyond its creases. Nothing is compiled here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .graphs import Graphs
from .pymc_internals import constant_index

#: What a rewritten node's types may not allow.
UNWRITABLE = (NotImplementedError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True, eq=False)
class Creases:
    """The creases of a weighted log density, symbolic.

    Attributes
    ----------
    arguments : tuple of TensorVariable
        Each array's elements are 0 on the creases of one operation.
    signs : tuple of TensorVariable
        Of the same shapes: which side of each crease the piece is from, ±1.
    piece : TensorVariable
        The density with these signs in place of the arguments' own.
    reached : frozenset of int
        Coordinates of ``u`` that the arguments depend on.
    vague : frozenset of int
        Coordinates of ``u`` that reach an operation that may not be smooth and names no argument: a black box, a loop,
        a rounding.
    """

    arguments: tuple[Any, ...]
    signs: tuple[Any, ...]
    piece: Any
    reached: frozenset[int]
    vague: frozenset[int]


def find(graphs: Graphs) -> Creases:
    """The creases that a model's log density has by its graph."""
    from pytensor.graph.rewriting.utils import rewrite_graph

    density = rewrite_graph(graphs.log_density(), include=("merge",), clone=True)  # one argument is one variable
    walk = _Walk([density], [graphs.u])
    try:
        piece = walk.rebuilt(density)
    except UNWRITABLE:
        return Creases((), (), density, frozenset(), _coordinates([density], graphs.u))
    reached, vague = (_coordinates(found, graphs.u) for found in (walk.arguments, walk.vague))
    return Creases(tuple(walk.arguments), tuple(walk.signs), piece, reached, vague)


class _Walk:
    """One walk through a graph, from some of its inputs on, that rewrites what depends on them."""

    def __init__(self, outputs: list[Any], inputs: list[Any]) -> None:
        from pytensor.graph.traversal import toposort

        depends = set(inputs)
        self.nodes = []
        for node in toposort(outputs):
            if not depends.isdisjoint(node.inputs):
                depends.update(node.outputs)
                self.nodes.append(node)
        self.depends = depends
        self.arguments: list[Any] = []
        self.signs: list[Any] = []
        self.vague: list[Any] = []
        self._of: dict[Any, Any] = {}
        self._new: dict[Any, Any] = {}
        self._soft: dict[Any, Any] = {}

    def rebuilt(self, output: Any) -> Any:
        """The output over the creases' signs."""
        for node in self.nodes:
            given = [self._new.get(inp, inp) for inp in node.inputs]
            replaced = self._replaced(node, given)
            if replaced is not None:
                self._new[node.outputs[0]] = replaced
                continue
            if self._folds_unseen(node):
                self.vague.append(node.outputs[0])
            if _is_arithmetic(node):  # a comparison as a number
                given = [self._soft.get(inp, new) for inp, new in zip(node.inputs, given, strict=True)]
            if any(new is not old for new, old in zip(given, node.inputs, strict=True)):
                made = node.op.make_node(*given)
                self._new.update(zip(node.outputs, made.outputs, strict=True))
        return self._new.get(output, output)

    def _replaced(self, node: Any, given: list[Any]) -> Any | None:
        """The node's output with signs in place of its argument's; None where it has no crease."""
        import pytensor.scalar.basic as scalar
        import pytensor.tensor as pt

        kind = _scalar_op(node)
        inputs = node.inputs
        if isinstance(kind, scalar.Abs):
            return self._sign(inputs[0]) * given[0]
        if isinstance(kind, scalar.Sign):
            return self._sign(inputs[0])
        if isinstance(kind, scalar.Maximum | scalar.Minimum):
            above = self._sign(*inputs) > 0
            upper, lower = given if isinstance(kind, scalar.Maximum) else given[::-1]
            return pt.switch(above, upper, lower)
        if isinstance(kind, scalar.Clip) and inputs[0] in self.depends:
            value, low, high = given
            below, above = self._sign(inputs[0], inputs[1]) < 0, self._sign(inputs[0], inputs[2]) > 0
            return pt.switch(below, low, pt.switch(above, high, value))
        if isinstance(kind, scalar.LT | scalar.LE | scalar.GT | scalar.GE):
            self._compared(node, isinstance(kind, scalar.GT | scalar.GE))
        if isinstance(kind, scalar.Switch) and inputs[0] in self._soft and not any(map(_is_no_number, inputs[1:])):
            return pt.switch(self._soft[inputs[0]] > 0.5, *given[1:])
        return None

    def _compared(self, node: Any, upwards: bool) -> None:
        """A comparison's truth, by its crease's sign; only made where something but a check of the support asks."""
        import pytensor.tensor as pt

        asked = [(user, i) for user in self.nodes for i, inp in enumerate(user.inputs) if inp is node.outputs[0]]
        if any(_asks_for_a_value(user, i) for user, i in asked):
            sign = self._sign(*node.inputs)
            self._soft[node.outputs[0]] = pt.switch(sign > 0 if upwards else sign < 0, 1.0, 0.0)

    def _sign(self, x: Any, y: Any = None) -> Any:
        """The input that stands for the sign of x − y: one for each argument."""
        if y is not None and _is_zero(y):
            y = None
        elif y is not None and _is_zero(x):
            return -self._sign(y)
        if (y, x) in self._of:
            return -self._of[y, x]
        if (x, y) not in self._of:
            argument = (x if y is None else x - y).astype("float64")
            self._of[x, y] = argument.type(name=f"side_{len(self.signs)}")
            self.arguments.append(argument)
            self.signs.append(self._of[x, y])
        return self._of[x, y]

    def _folds_unseen(self, node: Any) -> bool:
        """Whether it may not be smooth, and has no argument that says where."""
        import pytensor.scalar.basic as scalar
        from pytensor.graph.op import HasInnerGraph
        from pytensor.raise_op import CheckAndRaise
        from pytensor.tensor.math import Max
        from pytensor.tensor.sort import SortOp

        kind = _scalar_op(node)
        jumps = scalar.Floor | scalar.Ceil | scalar.Trunc | scalar.RoundHalfToEven | scalar.RoundHalfAwayFromZero
        if kind is not None:
            return isinstance(kind, jumps | scalar.IntDiv | scalar.Mod) or self._is_chosen_by_values(node)
        if isinstance(node.op, HasInnerGraph):
            return _folds_within(node.op.fgraph)
        ours = type(node.op).__module__.startswith("pytensor.") or isinstance(node.op, CheckAndRaise)
        return not ours or isinstance(node.op, SortOp) or (isinstance(node.op, Max) and not self._is_shift(node))

    def _is_chosen_by_values(self, node: Any) -> bool:
        """A switch by several comparisons of values at once."""
        import pytensor.scalar.basic as scalar

        chosen = isinstance(_scalar_op(node), scalar.Switch)
        return chosen and self._is_wide(node.inputs[0]) and not any(map(_is_no_number, node.inputs[1:]))

    def _is_wide(self, condition: Any) -> bool:
        """Whether it changes with the parameters other than at single values, as an equality or a NaN does."""
        import pytensor.scalar.basic as scalar

        if condition not in self.depends or condition.owner is None:
            return False
        kind, inputs = _scalar_op(condition.owner), condition.owner.inputs
        if isinstance(kind, scalar.AND):
            own = [inp for inp in inputs if inp in self.depends]
            return all(map(self._is_wide, own))
        if isinstance(kind, scalar.OR | scalar.XOR | scalar.Invert):
            return any(map(self._is_wide, inputs))
        return isinstance(kind, scalar.LT | scalar.LE | scalar.GT | scalar.GE)

    def _is_shift(self, node: Any) -> bool:
        """A maximum that is taken off the values that it is of, as in a log of a sum of exponentials: it cancels."""
        import pytensor.scalar.basic as scalar
        from pytensor.graph.traversal import ancestors

        values, top = node.inputs[0], node.outputs[0]
        taken = [n for n in self.nodes if isinstance(_scalar_op(n), scalar.Sub) and n.inputs[0] is values]
        return any(top in set(ancestors([n.inputs[1]])) for n in taken)


def _folds_within(graph: Any) -> bool:
    """Whether the graph of an operation has a crease."""
    walk = _Walk(list(graph.outputs), list(graph.inputs))
    try:
        for output in graph.outputs:
            walk.rebuilt(output)
    except UNWRITABLE:
        return True
    return bool(walk.arguments or walk.vague)


def _coordinates(variables: list[Any], u: Any) -> frozenset[int]:
    """Coordinates of ``u`` that these depend on."""
    from pytensor.graph.traversal import ancestors

    found: set[int] = set()
    for var in ancestors(variables):
        if var.owner is not None and u in var.owner.inputs:
            found |= _part(var.owner, u.type.shape[0])
    return frozenset(found)


def _part(node: Any, dimension: int) -> set[int]:
    """Which elements of ``u`` a node takes: all, unless it is a slice with constant ends."""
    from pytensor.tensor.subtensor import Subtensor

    if not isinstance(node.op, Subtensor):
        return set(range(dimension))
    try:
        index = constant_index(node)
        return set(np.atleast_1d(np.arange(dimension)[tuple(_plain_index(i) for i in index)]).tolist())
    except UNWRITABLE:
        return set(range(dimension))


def _plain_index(index: Any) -> Any:
    """A constant index as Python's own."""
    if isinstance(index, slice):
        return slice(*(None if part is None else int(part) for part in (index.start, index.stop, index.step)))
    return int(index)


def _scalar_op(node: Any) -> Any:
    from pytensor.tensor.elemwise import Elemwise

    return node.op.scalar_op if isinstance(node.op, Elemwise) else None


def _is_arithmetic(node: Any) -> bool:
    import pytensor.scalar.basic as scalar

    kinds = (scalar.Mul, scalar.Add, scalar.Sub, scalar.TrueDiv, scalar.Cast, scalar.Pow)
    kind = _scalar_op(node)
    return isinstance(kind, kinds) and not str(node.outputs[0].type.dtype).startswith("bool")


def _asks_for_a_value(user: Any, place: int) -> bool:
    """Whether a comparison chooses between two finite values, or is itself one."""
    import pytensor.scalar.basic as scalar

    if isinstance(_scalar_op(user), scalar.Switch):
        return place == 0 and not any(map(_is_no_number, user.inputs[1:]))
    return _is_arithmetic(user)


def _constant(variable: Any) -> Any:
    """What a variable holds everywhere, where that is one constant behind axes, casts and fills; or None."""
    from pytensor.graph.basic import Constant
    from pytensor.tensor.basic import Alloc
    from pytensor.tensor.elemwise import DimShuffle

    while variable.owner is not None and isinstance(variable.owner.op, DimShuffle | Alloc):
        variable = variable.owner.inputs[0]
    return np.asarray(variable.data) if isinstance(variable, Constant) else None


def _is_zero(variable: Any) -> bool:
    data = _constant(variable)
    return data is not None and data.dtype.kind in "biuf" and data.size > 0 and not data.any()


def _is_no_number(variable: Any) -> bool:
    """A branch that is infinite or NaN marks the end of a support: an edge, no crease."""
    data = _constant(variable)
    return data is not None and data.dtype.kind == "f" and data.size > 0 and not np.isfinite(data).any()

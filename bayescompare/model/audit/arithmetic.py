"""Integer constants that overflow, and what a model becomes of it.

PyTensor stores 36 as int8, and 36 ** 2 in int8 is 16 (PyTensor issue 1073). Every sampler converges happily on that
model. The parts of a graph that depend on constants and data alone are computed twice here, as they stand and in
float64. Only where a result differs are densities derived anew, from the right numbers, and compared with the model's
own: PyTensor's rewrites mend some overflows (``x * (100 * 2)``), and those are no fault. The body of a scan is not
looked into.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...formatting import plain
from ..backends import PyTensorFunction, without_compiler
from ..pymc_internals import log_densities
from .checks import without_checks
from .finding import Finding, Severity
from .prior_draws import points

if TYPE_CHECKING:
    from ..backends import Array
    from ..problem import Problem

    type Data = Sequence[tuple[Any, Array]]

#: Types in which a number may not fit: all but float64 (and bool, which holds none).
NARROW = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32")

#: Relative difference, and the absolute one of a float32, that is more than rounding: PyTensor takes the log of an int8
#: in single precision, and a difference of two such logs may hold nothing but rounding.
RELATIVE, ABSOLUTE = 1e-3, 0.1

#: Difference of a term, relative and in nats, that counts.
EFFECT = 1e-5

_SYMBOLS = {"Pow": "**", "Mul": "*", "Add": "+", "Sub": "-", "TrueDiv": "/", "IntDiv": "//", "Mod": "%"}


@dataclass(frozen=True)
class Overflow:
    """One operation on constants and data whose result does not fit.

    Attributes
    ----------
    variable, exact : TensorVariable
        Its result in the graph, and the same in float64.
    text : str
        The operation with its operands: ``36 ** 2``.
    wrong, right : float
        The result as it stands and in float64, at the first element that differs.
    """

    variable: Any
    exact: Any
    text: str
    wrong: float
    right: float

    @property
    def sentence(self) -> str:
        """What PyTensor computes."""
        if np.isnan(self.wrong):
            return f"PyTensor cannot compute {self.text} in {self.variable.dtype}, where {plain(self.right)} is right"
        gets, right = plain(self.wrong), plain(self.right)
        return f"PyTensor computes {self.text} in {self.variable.dtype}: {gets} instead of {right}"


@dataclass(frozen=True)
class Term:
    """One of a model's terms as it is computed and as it should be, over the unconstrained vector.

    Attributes
    ----------
    variable : TensorVariable
        The model's variable.
    kind : str
        What the term is of it.
    actual, correct : TensorVariable
    overflow : Overflow
        The first behind it.
    """

    variable: Any
    kind: str
    actual: Any
    correct: Any
    overflow: Overflow


def findings(problem: Problem, seed: int) -> list[Finding]:
    """An error for each variable whose density (or value, for a Deterministic) an overflow changes.

    Densities are compared at prior draws and around the initial point.
    """
    terms = _overflowing_terms(problem)
    if not terms:  # before anything is drawn
        return []
    actual, correct = _sums(problem, terms, points(problem, seed).rows)
    found = []
    for term, wrong, right in zip(terms, actual.T, correct.T, strict=True):
        differs = np.isfinite(right) & ~np.isclose(wrong, right, rtol=EFFECT, atol=EFFECT)
        if differs.any():
            gap = np.where(differs, np.nan_to_num(np.abs(wrong - right), nan=np.inf), -1.0)
            found.append(_finding(term, float(wrong[gap.argmax()]), float(right[gap.argmax()])))
    return found


def _finding(term: Term, wrong: float, right: float) -> Finding:
    name = term.variable.name
    what = f"{term.overflow.sentence}. So the {term.kind} of {name} is, for example, {_apart(wrong, right)}."
    return Finding("integer_overflow", Severity.ERROR, name, what, _instead(term))


# -- where it overflows --------------------------------------------------------------------------------------------


def overflows(outputs: Sequence[Any], data: Data) -> list[Overflow]:
    """The first operations, on every way from constants and data to the outputs, whose result differs from float64's.

    Parameters
    ----------
    outputs : sequence of TensorVariable
    data : sequence of (TensorVariable, ndarray)
        Inputs whose value is known.
    """
    exact = _in_float64(outputs, [inp for inp, _ in data])
    if not exact:
        return []
    values = _values(exact, data)
    found: list[Overflow] = []
    tainted: set[Any] = set()
    for variable, wide in exact.items():  # in the order of computation
        if tainted & set(variable.owner.inputs):
            tainted.add(variable)
            continue
        wrong, right = np.broadcast_arrays(*values[variable])
        least = ABSOLUTE if variable.dtype.startswith("float") else 0.0
        off = np.isfinite(right) & ~np.isclose(wrong, right, rtol=RELATIVE, atol=least)
        if off.any():
            tainted.add(variable)
            at = tuple(np.argwhere(off)[0])
            text = _text(variable.owner, values, dict(data), at)
            found.append(Overflow(variable, wide, text, float(wrong[at]), float(right[at])))
    return found


def _in_float64(outputs: Sequence[Any], data: Sequence[Any]) -> dict[Any, Any]:
    """Results that depend on constants and data alone and are not in float64, each with the same in float64."""
    from pytensor.graph.basic import Constant
    from pytensor.graph.traversal import toposort
    from pytensor.tensor.type import TensorType

    known = set(data)
    exact: dict[Any, Any] = {}
    for node in toposort(outputs):
        if not all(isinstance(i, Constant) or i in known for i in node.inputs):
            continue
        known.update(node.outputs)
        out = node.outputs[0]
        if len(node.outputs) == 1 and isinstance(out.type, TensorType) and out.type.dtype in NARROW:
            wide = _widened(node, exact)
            if wide is not None:
                exact[out] = wide
    return exact


def _widened(node: Any, exact: Mapping[Any, Any]) -> Any:
    """The node's result from inputs in float64; None where it insists on whole numbers (an index, a shape, a cast)."""
    from pytensor.scalar import Cast
    from pytensor.tensor.type import TensorType

    def wide(variable: Any) -> Any:
        if variable in exact:
            return exact[variable]
        narrow = isinstance(variable.type, TensorType) and variable.type.dtype in NARROW
        return variable.astype("float64") if narrow else variable

    if not node.inputs or isinstance(getattr(node.op, "scalar_op", None), Cast):
        return None
    # All operands; or the first alone, where the others are shapes, axes or indices.
    for inputs in ([wide(i) for i in node.inputs], [wide(node.inputs[0]), *node.inputs[1:]]):
        try:
            out = node.op.make_node(*inputs).outputs[0]
        except (TypeError, ValueError, IndexError, NotImplementedError, AttributeError, AssertionError):
            continue
        if out.type.dtype == "float64":
            return out
    return None


def _values(exact: Mapping[Any, Any], data: Data) -> dict[Any, tuple[Array, Array]]:
    """Each result as it stands and in float64; NaN where it cannot be computed (NumPy refuses 2 ** -1 in integers)."""
    import pytensor
    from pytensor.compile.mode import Mode

    inputs, arrays = [inp for inp, _ in data], [value for _, value in data]

    def evaluate(outputs: Sequence[Any]) -> list[Array]:
        with without_compiler(), np.errstate(all="ignore"):
            mode = Mode(linker="py", optimizer=None)
            function = pytensor.function(inputs, list(outputs), mode=mode, on_unused_input="ignore")
            try:
                return [np.asarray(out, dtype=float) for out in function(*arrays)]
            except (ValueError, TypeError, IndexError):
                return [np.array(np.nan)] if len(outputs) == 1 else [evaluate([out])[0] for out in outputs]

    wrong, right = evaluate(list(exact)), evaluate(list(exact.values()))
    return dict(zip(exact, zip(wrong, right, strict=True), strict=True))


# -- what becomes of it --------------------------------------------------------------------------------------------


def _overflowing_terms(problem: Problem) -> list[Term]:
    """Terms with an overflow behind them; correct ones are derived only where there is one."""
    from pytensor.graph.replace import clone_replace

    model, graphs = problem.model, problem.density.graphs
    data = [(inp, problem.density.data[name]) for name, (_, inp) in graphs.data.items()]
    # Parameters as they were written: PyMC folds them, in int8, before it derives a density.
    written = clone_replace(model.basic_RVs, dict(graphs.data.values()))
    in_parameters = overflows(written, data)
    terms = []
    if in_parameters or overflows([*graphs.prior, *graphs.likelihood], data):
        actual = graphs.explicit(_log_densities(problem, model.basic_RVs))
        correct = graphs.explicit(_log_densities(problem, _replaced(written, in_parameters)))
        in_densities = overflows(correct, data)
        mended = _replaced(correct, in_densities)
        for rv, copy, before, after, last in zip(model.basic_RVs, written, actual, correct, mended, strict=True):
            cause = _first(in_parameters, copy.owner.inputs) or _first(in_densities, [after])
            if cause is not None:
                terms.append(Term(rv, "log density", before, last, cause))
    others = [*model.potentials, *model.deterministics]
    values = [*graphs.potentials, *graphs.outputs[len(model.free_RVs) :]]
    in_values = overflows(values, data)
    for var, before, after in zip(others, values, _replaced(values, in_values), strict=True):
        cause = _first(in_values, [before])
        if cause is not None:
            terms.append(Term(var, "value", before, after, cause))
    return terms


def _log_densities(problem: Problem, variables: Sequence[Any]) -> list[Any]:
    """Terms of the model's random variables, or of copies of them in the same order."""
    model = problem.model
    pairs = list(zip(variables, model.basic_RVs, strict=True))
    values = {var: model.rvs_to_values[rv] for var, rv in pairs}
    return log_densities(variables, values, {var: model.rvs_to_transforms[rv] for var, rv in pairs})


def _replaced(outputs: Sequence[Any], found: Sequence[Overflow]) -> list[Any]:
    from pytensor.graph.replace import clone_replace

    exact = {overflow.variable: overflow.exact for overflow in found}
    replaced: list[Any] = clone_replace(list(outputs), exact, rebuild_strict=False)
    return replaced


def _first(found: Sequence[Overflow], outputs: Sequence[Any]) -> Overflow | None:
    from pytensor.graph.traversal import ancestors

    behind = set(ancestors(outputs))
    return next((overflow for overflow in found if overflow.variable in behind), None)


def _sums(problem: Problem, terms: Sequence[Term], rows: Array) -> tuple[Array, Array]:
    """Sum of each term at each point, as it is and as it should be: two arrays (n, terms)."""
    import pytensor.tensor as pt

    graphs, data = problem.density.graphs, list(problem.density.data.values())
    inputs = [graphs.u, *(inp for _, inp in graphs.data.values())]

    def evaluate(each: list[Any]) -> Array:
        sums = [pt.sum(term).astype("float64") for term in without_checks(each)]
        function = PyTensorFunction(inputs, sums)
        return np.array([[float(value) for value in function(u, *data)] for u in rows])

    correct = evaluate([term.correct for term in terms])
    try:
        return evaluate([term.actual for term in terms]), correct
    except ValueError:  # 2 ** -1 again
        return np.full_like(correct, np.nan), correct


# -- words -------------------------------------------------------------------------------------------------------------


def _text(node: Any, values: Mapping[Any, tuple[Array, Array]], data: Mapping[Any, Array], at: tuple[int, ...]) -> str:
    """The operation as one writes it, with the operands' values at one element."""
    operands = [_operand(i, values, data, at) for i in node.inputs]
    name = type(getattr(node.op, "scalar_op", node.op)).__name__
    if name in _SYMBOLS:
        return f" {_SYMBOLS[name]} ".join(operands)
    return f"{name.lower()}({', '.join(operands)})"


def _operand(
    variable: Any, values: Mapping[Any, tuple[Array, Array]], data: Mapping[Any, Array], at: tuple[int, ...]
) -> str:
    from pytensor.graph.basic import Constant

    if isinstance(variable, Constant):
        array: Array | None = np.asarray(variable.data)
    elif variable in data:
        array = data[variable]
    else:
        array = values[variable][0] if variable in values else None
    if array is None or array.ndim > len(at):
        return variable.name or "…"
    index = tuple(0 if n == 1 else k for n, k in zip(array.shape, at[len(at) - array.ndim :], strict=True))
    return plain(float(array[index]), 12)


def _instead(term: Term) -> str:
    """The user's own constants and containers that led there, as floats."""
    from pytensor.graph.basic import Constant
    from pytensor.graph.traversal import ancestors

    name, owner = term.variable.name, term.variable.owner
    behind = list(ancestors([term.overflow.variable]))
    containers = sorted({v.name for v in behind if v.owner is None and not isinstance(v, Constant) and v.name})
    if containers:
        return f"Store {', '.join(containers)} as floats: pm.Data(name, values.astype(float))."
    own = set(ancestors(owner.inputs)) if owner is not None else set()
    whole = [v for v in behind if v in own and isinstance(v, Constant) and str(getattr(v.type, "dtype", "")) in NARROW]
    numbers = sorted({int(v.data) for v in whole if v.data.ndim == 0 and v.data % 1 == 0})
    if numbers and all(v.data.ndim == 0 for v in whole):
        return f"Write floats in {name}: {', '.join(f'{n}.0 for {n}' for n in numbers)}."
    return f"Write the constants of {name} as floats: 36.0, not 36, and arrays as values.astype(float)."


def _apart(wrong: float, right: float) -> str:
    """Two numbers with as many digits as it takes to tell them apart."""
    if np.isnan(wrong):
        return f"NaN where {plain(right, 4)} is right"
    digits = next((n for n in range(4, 12) if plain(wrong, n) != plain(right, n)), 12)
    return f"{plain(wrong, digits)} where {plain(right, digits)} is right"

"""Constant columns, and columns that are multiples of one another, whose coefficients the likelihood cannot tell apart.

Columns are found in products of data with free variables. Whether one matters is then measured, not guessed: a and b
make up for each other if ∂ log L/∂a = c · ∂ log L/∂b at every point, with c the column's constant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...formatting import plain
from ..backends import without_compiler
from .finding import Finding, Severity

if TYPE_CHECKING:
    from ..backends import Array
    from ..problem import Problem

#: Points, N(0, 1) around the initial point, at which gradients are compared, and their largest relative difference.
POINTS, TOLERANCE = 4, 1e-8


@dataclass(frozen=True)
class Constant:
    """One column (or row, or vector) that holds one value.

    Attributes
    ----------
    data : str
        Name of the array; empty where it has none.
    value : float
    position, of : int
        Which of how many slices it is.
    partners : frozenset of str
        Free variables that it is multiplied with.
    """

    data: str
    value: float
    position: int
    of: int
    partners: frozenset[str]


@dataclass(frozen=True)
class Twin:
    """A column that is ``ratio`` times another: their positions among ``of`` columns of ``data``."""

    data: str
    ratio: float
    position: int
    other: int
    of: int
    partners: frozenset[str]


def findings(problem: Problem, seed: int) -> list[Finding]:
    """A warning for each pair of scalars that the likelihood cannot tell apart on account of their columns."""
    operands = list(_operands(problem))
    constants = [each for operand in operands for each in _slices(*operand)]
    twins = [each for operand in operands for each in _twins(*operand)]
    if not constants and not twins:
        return []
    density = problem.density
    rng = np.random.default_rng(seed)
    rows = density.start + rng.standard_normal((POINTS, problem.dimension))
    gradients = np.array([density(u, (1.0, 0.0, 0.0))[1] for u in rows])
    blocks = {block.name: block for block in density.blocks if block.transform is None}
    own = np.array([i for block in blocks.values() for i in range(block.start, block.stop)], dtype=int)
    names = _scalar_names(problem)
    found: dict[frozenset[int], Finding] = {}
    for constant in constants:
        # Against an intercept, and against the other constant columns of the same array.
        others = [c.value for c in constants if c.data == constant.data]
        ratios = {constant.value} | {constant.value / other for other in others}
        for block in (blocks[name] for name in sorted(constant.partners) if name in blocks):
            if block.size % constant.of:  # slices of another axis
                continue
            at = [block.start + constant.position] if block.size == constant.of else range(block.start, block.stop)
            for i in at:
                for k in own[_proportional(gradients[:, i], gradients[:, own], ratios)]:
                    if k != i:
                        found.setdefault(frozenset((i, int(k))), _ridge(_constant(constant), names[i], names[int(k)]))
    for twin in twins:
        for block in (
            blocks[name] for name in sorted(twin.partners) if name in blocks and blocks[name].size == twin.of
        ):
            i, k = block.start + twin.position, block.start + twin.other
            if _proportional(gradients[:, i], gradients[:, [k]], {twin.ratio}).all():
                found.setdefault(frozenset((i, k)), _ridge(_multiple(twin), names[i], names[k]))
    return list(found.values())


def _operands(problem: Problem) -> Iterator[tuple[str, Array, frozenset[str]]]:
    """Name and value of data that are multiplied with free variables, and the names of those."""
    from pytensor.graph.traversal import ancestors

    model = problem.model
    free = set(model.free_RVs)
    for var in ancestors([*model.observed_RVs, *model.potentials]):
        if var.owner is None or var in free or not _is_product(var.owner.op):
            continue
        behind = [free & set(ancestors([i])) for i in var.owner.inputs]
        partners = frozenset(rv.name for names in behind for rv in names)
        for operand, names in zip(var.owner.inputs, behind, strict=True):
            if partners and not names and operand.type.ndim:
                yield _name(operand), _value(operand, problem), partners


def _is_product(op: Any) -> bool:
    from pytensor.scalar import Mul
    from pytensor.tensor.blockwise import Blockwise
    from pytensor.tensor.math import Dot

    return isinstance(getattr(op, "scalar_op", None), Mul) or isinstance(
        op.core_op if isinstance(op, Blockwise) else op, Dot
    )


def _value(operand: Any, problem: Problem) -> Array:
    """Value of a part of the graph that no random variable enters."""
    if hasattr(operand, "get_value"):
        return np.asarray(problem.density.data.get(operand.name, operand.get_value()), dtype=float)
    with without_compiler():
        return np.asarray(operand.eval(), dtype=float)


def _slices(data: str, array: Array, partners: frozenset[str]) -> Iterator[Constant]:
    """Columns, then rows, that hold one value other than 0."""
    for axis, length in enumerate(array.shape):
        if length > 1:
            lowest = np.ravel(array.min(axis=axis))
            same = (lowest == np.ravel(array.max(axis=axis))) & (lowest != 0)
            for i in np.flatnonzero(same):
                yield Constant(data, float(lowest[i]), int(i), len(lowest), partners)


def _twins(data: str, array: Array, partners: frozenset[str]) -> Iterator[Twin]:
    """Columns that are a multiple of one before them, neither of them constant."""
    if array.ndim != 2 or len(array) < 2:
        return
    first: dict[bytes, int] = {}
    for i, column in enumerate(array.T):
        size = column[np.argmax(np.abs(column))]
        if size != 0 and np.ptp(column):
            before = first.setdefault((np.round(column / size, 12) + 0.0).tobytes(), i)
            if before != i:
                ratio = float(size / array[np.argmax(np.abs(array[:, before])), before])
                yield Twin(data, ratio, i, before, array.shape[1], partners)


def _proportional(one: Array, others: Array, ratios: set[float]) -> Array:
    """Which columns of ``others``, times one of the ratios, are ``one``; where ``one`` is 0 throughout, none."""
    scale = np.abs(one).max()
    if scale == 0:
        return np.zeros(others.shape[1], dtype=bool)
    off = [np.abs(one[:, None] - ratio * others).max(axis=0) for ratio in ratios]
    same: Array = np.min(off, axis=0) <= TOLERANCE * scale
    return same


def _constant(constant: Constant) -> str:
    if constant.of > 1:
        column = f"Column {constant.position} of {constant.data or 'the design matrix'}"
    else:
        column = constant.data or "A covariate"
    return f"{column} is {plain(constant.value)} in every row"


def _multiple(twin: Twin) -> str:
    of = twin.data or "the design matrix"
    return f"Column {twin.position} of {of} is {plain(twin.ratio)} times column {twin.other}"


def _ridge(columns: str, one: str, other: str) -> Finding:
    return Finding(
        "constant_column",
        Severity.WARNING,
        one,
        f"{columns}, and the likelihood cannot tell {one} from {other}: only a "
        "combination of the two is learned, and under flat priors there is no mode.",
        f"Take out that column with {one}, or take out {other}.",
    )


def _name(operand: Any) -> str:
    from pytensor.graph.traversal import ancestors

    return next((str(var.name) for var in ancestors([operand]) if var.owner is None and var.name), "")


def _scalar_names(problem: Problem) -> list[str]:
    """Names by position on the unconstrained scale, for variables without a transform."""
    scalars, names = problem.scalars, [""] * problem.dimension
    for block in problem.density.blocks:
        start, stop, *_ = scalars.variables[block.name]
        if stop - start == block.size:
            names[block.start : block.stop] = scalars.names[start:stop]
    return names

"""Dependences as boolean sparse matrices, rows the entries of an array and columns the inputs, and what has them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

#: Entries of a dependence above which the whole is called dense.
MOST = 20_000_000


class DenseError(Exception):
    """The dependence has so many entries that it is to be taken as dense."""


@dataclass
class Value:
    """What is known of an array of the program.

    Attributes
    ----------
    shape : tuple of int
    deps : csr_array of shape (size, inputs) or None
        None: it depends on no input.
    make : callable or None
        Its value, computed when it is asked for; None where it depends on an input, smoothly or not.
    """

    shape: tuple[int, ...]
    deps: Any = None
    make: Callable[[], np.ndarray] | None = None

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def value(self) -> np.ndarray | None:
        if self.make is None:
            return None
        found = np.asarray(self.make())
        self.make = lambda: found
        return found


def all_of(values: list[Value], size: int) -> Any:
    """Every entry depends on all that goes in."""
    found = [value.deps for value in values if value.deps is not None]
    if not found:
        return None
    union = sum(sums(np.zeros(deps.shape[0], dtype=int), 1) @ deps for deps in found)
    if union.nnz * size > MOST:
        raise DenseError
    return rows(sparse.csr_array(union), np.zeros(size, dtype=int))


def stack(values: list[Value]) -> tuple[Any, list[np.ndarray]]:
    """One matrix of all values' dependences, and where each value's entries are in it."""
    columns = next(value.deps.shape[1] for value in values if value.deps is not None)
    full = [empty(value.size, columns) if value.deps is None else value.deps for value in values]
    starts = np.cumsum([0, *(value.size for value in values)])
    places = [
        np.arange(start, start + value.size).reshape(value.shape) for start, value in zip(starts, values, strict=False)
    ]
    return sparse.vstack(full, format="csr") if len(full) > 1 else full[0], places


def rows(deps: Any, places: np.ndarray) -> Any:
    """Some rows, in this order."""
    counts = np.diff(deps.indptr)[places]
    if counts.sum() > MOST:
        raise DenseError
    return deps[places]


def kept(inside: np.ndarray) -> Any:
    """The diagonal matrix that keeps some rows and empties the others."""
    places = np.flatnonzero(inside)
    ones = np.ones(len(places), dtype=bool)
    return sparse.csr_array((ones, (places, places)), shape=(len(inside), len(inside)))


def sums(groups: np.ndarray, count: int) -> Any:
    """The matrix that adds entries up by group; entries of no group (negative) are left out."""
    inside = np.flatnonzero((groups >= 0) & (groups < count))
    ones = np.ones(len(inside), dtype=bool)
    return sparse.csr_array((ones, (groups[inside], inside)), shape=(count, len(groups)))


def times(left: Any, right: Any) -> Any:
    """Their product, which is not made where it is dense."""
    each = np.diff(right.indptr)
    if (left.astype(np.int64) @ each).sum() > 4 * MOST:
        raise DenseError
    return left @ right


def kron(*factors: Any) -> Any:
    """Their Kronecker product, which is not made where it is dense."""
    total: Any = None
    for factor in factors:
        own = sparse.csr_array(factor)
        if total is not None and total.nnz * own.nnz > 4 * MOST:
            raise DenseError
        total = own if total is None else sparse.kron(total, own, format="csr")
    return total.astype(bool)


def along(blocks: list[Any]) -> Any:
    """Blocks along the diagonal."""
    return blocks[0] if len(blocks) == 1 else sparse.block_diag(blocks, format="csr")


def eye(size: int) -> Any:
    """Each entry depends on the input of its own place."""
    return sparse.eye_array(size, dtype=bool, format="csr")


def empty(rows: int, columns: int) -> Any:
    """No entry depends on anything."""
    return sparse.csr_array((rows, columns), dtype=bool)


def checked(deps: Any) -> Any:
    """The same, unless it is to be taken as dense."""
    if deps is not None and deps.nnz > MOST:
        raise DenseError
    return deps

"""The sparsity of the latent block's Hessian, and the few products that hold all of it: one a colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Index = NDArray[np.intp]

#: Share of all entries above which nothing is gained by colouring.
FULL = 0.3

#: Most coordinates with a product of their own before the others are coloured.
BORDER = 64


@dataclass(frozen=True)
class Pattern:
    """Entries of the Hessian that can differ from 0, and where each stands among the products.

    Attributes
    ----------
    size : int
        n.
    rows, columns : ndarray of shape (entries,)
        Both triangles and the whole diagonal.
    colours : ndarray of shape (n,)
        Product c is the Hessian times the sum of the unit vectors of colour c.
    count : int
        Number of colours.
    product, place : ndarray of shape (entries,)
        Entry k is coordinate ``place[k]`` of product ``product[k]``.
    """

    size: int
    rows: Index
    columns: Index
    colours: Index
    count: int
    product: Index
    place: Index

    @property
    def seeds(self) -> NDArray[np.float64]:
        """The sums of unit vectors, (colours, n)."""
        found = np.zeros((self.count, self.size))
        found[self.colours, np.arange(self.size)] = 1.0
        return found

    @property
    def diagonal(self) -> Index:
        """Which entry is each coordinate's own, (n,)."""
        own = np.flatnonzero(self.rows == self.columns)
        return own[np.argsort(self.rows[own])]

    def matrix(self) -> Any:
        """The pattern as a sparse boolean matrix."""
        ones = np.ones(len(self.rows), dtype=bool)
        return sparse.csr_array((ones, (self.rows, self.columns)), shape=(self.size, self.size))


def pattern_of(matrix: Any) -> Pattern:
    """Colour a symmetric pattern (its diagonal is added), so that every entry can be read from one product."""
    n = matrix.shape[0]
    full = ((matrix + matrix.T).astype(bool) + sparse.eye_array(n, dtype=bool)).tocsr()
    full.sort_indices()
    rows, columns = full.nonzero()
    if full.nnz > FULL * n * n:
        return _read(n, rows, columns, np.arange(n), np.zeros(n, dtype=bool))
    border = _border(np.diff(full.indptr))
    inner = np.flatnonzero(~border)
    colours = np.empty(n, dtype=np.intp)
    colours[inner] = _greedy(full[inner][:, inner])
    colours[border] = colours[inner].max(initial=-1) + 1 + np.arange(border.sum())
    return _read(n, rows, columns, colours, border)


def dense(n: int) -> Pattern:
    """The pattern with all entries."""
    return pattern_of(sparse.csr_array(np.ones((n, n), dtype=bool)))


def _border(degrees: Index) -> NDArray[np.bool_]:
    """The coordinates of highest degree, as many as save more products than they cost."""
    order = np.argsort(-degrees, kind="stable")
    most = min(BORDER, len(degrees) - 1)
    count = int(np.argmin(np.arange(most + 1) + degrees[order[: most + 1]]))
    border = np.zeros(len(degrees), dtype=bool)
    border[order[:count]] = True
    return border


def _greedy(full: Any) -> Index:
    """Colours such that no two columns of one colour share a row."""
    n = full.shape[0]
    near = full.astype(np.int32) @ full.astype(np.int32)
    colours = np.full(n, -1, dtype=np.intp)
    if near.nnz == n:
        return np.zeros(n, dtype=np.intp)
    for j in range(n):
        taken = colours[near.indices[near.indptr[j] : near.indptr[j + 1]]]
        free = np.ones(len(taken) + 1, dtype=bool)
        free[taken[(taken >= 0) & (taken < len(free))]] = False
        colours[j] = int(np.argmax(free))
    return colours


def _read(n: int, rows: Index, columns: Index, colours: Index, border: NDArray[np.bool_]) -> Pattern:
    # An entry in a border's row is read from the border's own product: there the others of a column's colour meet.
    swapped = border[rows] & ~border[columns]
    product = colours[np.where(swapped, rows, columns)]
    place = np.where(swapped, columns, rows)
    return Pattern(n, rows, columns, colours, int(colours.max(initial=-1)) + 1, product, place)

"""The sparsity of the latent block's Hessian, and the few products that hold all of it: one a colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse

Index = NDArray[np.intp]

#: Share of all entries above which nothing is gained by colouring.
FULL = 0.3

#: Steps that a colouring may take which reads an entry from either of its two products.
MOST_STEPS = 200_000_000

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
    """Colours of which two columns share one only where each entry can be read, as it is or from its mirror.

    The largest degrees first; a star colouring (Gebremedhin, Manne and Pothen 2005), or where that takes long, one in
    which no two columns of a colour share a row.
    """
    degrees = np.diff(full.indptr)
    order = np.argsort(-degrees, kind="stable")
    near = full.astype(np.int64) @ degrees
    star = bool((full.astype(np.int64) @ near).sum() <= MOST_STEPS)
    found: Index = _coloured(full.indptr, full.indices, order, star)
    return found


@njit(cache=True)  # type: ignore[misc,untyped-decorator,unused-ignore]
def _coloured(starts: Any, indices: Any, order: Any, star: bool) -> Any:
    """Colour columns in an order; pattern with its diagonal."""
    n = len(order)
    colours, forbidden = np.full(n, -1), np.full(n + 1, -1)
    for v in order:
        for p in range(starts[v], starts[v + 1]):
            w = indices[p]
            if colours[w] >= 0:
                forbidden[colours[w]] = v
            for q in range(starts[w], starts[w + 1]):
                x = indices[q]
                if x == v or colours[x] < 0 or forbidden[colours[x]] == v:
                    continue
                if not star or w == v or colours[w] < 0:
                    forbidden[colours[x]] = v
                    continue
                for r in range(starts[x], starts[x + 1]):
                    y = indices[r]
                    if y != w and colours[y] == colours[w]:
                        forbidden[colours[x]] = v
        colour = 0
        while forbidden[colour] == v:
            colour += 1
        colours[v] = colour
    return colours


def _read(n: int, rows: Index, columns: Index, colours: Index, border: NDArray[np.bool_]) -> Pattern:
    # Where others of the column's colour meet in a row, as they do in a border's, its mirror is read.
    inner = ~border[rows] & ~border[columns]
    own, count = np.flatnonzero(inner), int(colours.max(initial=-1)) + 1
    met = sparse.csr_array((np.ones(len(own)), (rows[own], colours[columns[own]])), shape=(n, count))
    swapped = border[rows] & ~border[columns]
    swapped[own] = met[rows[own], colours[columns[own]]] > 1
    product = colours[np.where(swapped, rows, columns)]
    place = np.where(swapped, columns, rows)
    return Pattern(n, rows, columns, colours, count, product, place)

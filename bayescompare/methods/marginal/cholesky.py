"""Sparse Cholesky factors L Lᵀ of a matrix in a fill-reducing order, and its inverse where L has entries.

Row by row (Davis 2006, ch. 4), but for the last columns, which fill: these are a dense triangle, in panels. The inverse
is Takahashi, Fagan and Chin's (1973).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import solve_triangular
from scipy.sparse.linalg import spilu

Array = NDArray[np.float64]
Index = NDArray[np.intp]

#: Share of entries from which on the last columns are kept as a full triangle.
FILLED = 0.7

#: Columns of a panel of that triangle.
PANEL = 128


@dataclass(frozen=True)
class Symbolic:
    """Where L has entries.

    Attributes
    ----------
    place : ndarray of shape (n,)
        Of each coordinate, in the order of elimination.
    starts, indices : ndarray
        L's columns, the diagonal first.
    row_starts, row_columns, row_entries : ndarray
        L's rows without the diagonal, and where their entries stand among those of the columns.
    tail : int
        First column of the full triangle.
    """

    place: Index
    starts: Index
    indices: Index
    row_starts: Index
    row_columns: Index
    row_entries: Index
    tail: int

    @classmethod
    def of(cls, matrix: Any) -> Symbolic:
        """Of a symmetric pattern with its diagonal."""
        n = matrix.shape[0]
        place = _order(matrix)
        rows, columns = (place[at] for at in matrix.nonzero())
        below = rows > columns
        lower = sparse.csr_array((np.ones(below.sum()), (rows[below], columns[below])), shape=(n, n))
        parent, counts = _tree(lower.indptr, lower.indices)
        left = np.arange(n, 0, -1)
        filled = np.cumsum(counts[::-1])[::-1] >= FILLED * left * (left + 1) / 2
        tail = int(np.argmax(filled))
        counts[tail:] = left[tail:]
        starts = np.concatenate([[0], np.cumsum(counts)])
        indices = _columns(lower.indptr, lower.indices, parent, starts, tail)
        by_rows = sparse.csc_array((np.arange(len(indices)), indices, starts), shape=(n, n)).tocsr()
        by_rows.sort_indices()
        off = np.flatnonzero(by_rows.indices != np.repeat(np.arange(n), np.diff(by_rows.indptr)))
        row_starts = by_rows.indptr - np.arange(n + 1)
        return cls(place, starts, indices, row_starts, by_rows.indices[off], by_rows.data[off], tail)

    def entries(self, rows: Index, columns: Index) -> Index:
        """Where entries of the matrix, from either of its triangles, stand in L."""
        own = self.place[rows], self.place[columns]
        found: Index = _found(self.starts, self.indices, np.maximum(*own), np.minimum(*own))
        return found

    def factor(self, values: Array) -> bool:
        """Turn the matrix, in L's entries, into L; False where it is not positive definite."""
        if not _leading(
            self.starts, self.indices, self.row_starts, self.row_columns, self.row_entries, self.tail, values
        ):
            return False
        panels = self._panels(values)
        try:
            for k, (start, own) in enumerate(panels):
                width = own.shape[1]
                own[:width] = np.linalg.cholesky(own[:width])
                own[width:] = solve_triangular(own[:width], own[width:].T, lower=True, check_finite=False).T
                for at, other in panels[k + 1 :]:
                    other -= own[at - start :] @ own[at - start : at - start + other.shape[1]].T
        except np.linalg.LinAlgError:
            return False
        self._put(values, panels)
        return bool(np.all(np.isfinite(values[self.starts[:-1]])))

    def solve(self, values: Array, right: Array) -> Array:
        """H⁻¹ r."""
        found = np.empty_like(right)
        found[self.place] = right
        _forward(self.starts, self.indices, values, found)
        _backward(self.starts, self.indices, values, found)
        solution: Array = found[self.place]
        return solution

    def draw(self, values: Array, z: Array) -> Array:
        """L⁻ᵀ z."""
        found = z.copy()
        _backward(self.starts, self.indices, values, found)
        drawn: Array = found[self.place]
        return drawn

    def inverse(self, values: Array) -> Array:
        """H⁻¹ in L's entries."""
        inverse = np.empty_like(values)
        panels = self._panels(values)
        done: list[tuple[int, Array]] = []
        for start, own in reversed(panels):
            width = own.shape[1]
            root = np.linalg.inv(np.tril(own[:width]))
            scaled = own[width:] @ root
            below = np.zeros_like(scaled)
            for at, other in done:
                first, last = at - start - width, at - start - width + other.shape[1]
                below[first:] -= other @ scaled[first:last]
                below[first:last] -= other[last - first :].T @ scaled[last:]
            done.append((start, np.concatenate([root.T @ root - scaled.T @ below, below])))
        self._put(inverse, done)
        _takahashi(self.starts, self.indices, values, self.tail, inverse)
        return inverse

    def _panels(self, values: Array) -> list[tuple[int, Array]]:
        """First columns, and copies of the panels of the full triangle."""
        size = len(self.place) - self.tail
        return [
            (start, _panel(self.starts[self.tail :], values, start, min(start + PANEL, size), size))
            for start in range(0, size, PANEL)
        ]

    def _put(self, values: Array, panels: list[tuple[int, Array]]) -> None:
        for start, own in panels:
            _put_panel(self.starts[self.tail :], values, start, own)


def _order(matrix: Any) -> Index:
    """Each coordinate's place by minimum degree, which SuperLU knows: it tells it with a factor that keeps nothing."""
    n = matrix.shape[0]
    plain = sparse.csc_array(matrix, dtype=float)
    plain.data[:] = -1.0
    plain.setdiag(n + 1.0)
    told = spilu(
        plain,
        drop_tol=1.0,
        fill_factor=1.0,
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True, "Equil": False},
    )
    return np.asarray(told.perm_c, dtype=np.intp)


@njit(cache=True)  # type: ignore[misc,untyped-decorator,unused-ignore]
def _tree(starts: Any, columns: Any) -> Any:
    """The elimination tree, and the entries of each column of L with its diagonal."""
    n = len(starts) - 1
    parent, counts, seen = np.full(n, -1), np.ones(n, dtype=np.int64), np.full(n, -1)
    for i in range(n):
        seen[i] = i
        for p in range(starts[i], starts[i + 1]):
            k = columns[p]
            while seen[k] != i:
                if parent[k] == -1:
                    parent[k] = i
                counts[k] += 1
                seen[k] = i
                k = parent[k]
    return parent, counts


@njit(cache=True)  # type: ignore[misc,untyped-decorator,unused-ignore]
def _columns(row_starts: Any, columns: Any, parent: Any, starts: Any, tail: Any) -> Any:
    """Rows of L's entries by column; those from ``tail`` on are full."""
    n = len(parent)
    indices, filled, seen = np.empty(starts[n], dtype=np.int64), starts[:n].copy(), np.full(n, -1)
    for i in range(n):
        seen[i] = i
        indices[filled[i]] = i
        filled[i] += 1
        for p in range(row_starts[i], row_starts[i + 1]):
            k = columns[p]
            while k < tail and seen[k] != i:
                indices[filled[k]] = i
                filled[k] += 1
                seen[k] = i
                k = parent[k]
    for j in range(tail, n):
        for i in range(j, n):
            indices[starts[j] + i - j] = i
    return indices


@njit(cache=True)  # type: ignore[misc,untyped-decorator,unused-ignore]
def _found(starts: Any, indices: Any, rows: Any, columns: Any) -> Any:
    found = np.empty(len(rows), dtype=np.int64)
    for p in range(len(rows)):
        low, high = starts[columns[p]], starts[columns[p] + 1]
        found[p] = low + np.searchsorted(indices[low:high], rows[p])
    return found


@njit(cache=True)  # type: ignore[misc,untyped-decorator,unused-ignore]
def _leading(
    starts: Any, indices: Any, row_starts: Any, row_columns: Any, row_entries: Any, tail: Any, values: Any
) -> Any:
    """L's columns before ``tail``, and what they leave of the matrix in the others."""
    n = len(starts) - 1
    x = np.zeros(n)
    for i in range(n):
        first, last = row_starts[i], row_starts[i + 1]
        for p in range(first, last):
            x[row_columns[p]] = values[row_entries[p]]
        corner = values[starts[i]]
        for p in range(first, last):
            k, entry = row_columns[p], row_entries[p]
            own = x[k]
            x[k] = 0.0
            if k < tail:
                own /= values[starts[k]]
                corner -= own * own
                for q in range(starts[k] + 1, entry):
                    x[indices[q]] -= values[q] * own
            values[entry] = own
        if i >= tail:
            values[starts[i]] = corner
        elif corner > 0.0 and np.isfinite(corner):
            values[starts[i]] = np.sqrt(corner)
        else:
            return False
    return True


@njit(cache=True)  # type: ignore[misc,untyped-decorator,unused-ignore]
def _forward(starts: Any, indices: Any, values: Any, x: Any) -> None:
    for j in range(len(x)):
        x[j] /= values[starts[j]]
        for p in range(starts[j] + 1, starts[j + 1]):
            x[indices[p]] -= values[p] * x[j]


@njit(cache=True)  # type: ignore[misc,untyped-decorator,unused-ignore]
def _backward(starts: Any, indices: Any, values: Any, x: Any) -> None:
    for j in range(len(x) - 1, -1, -1):
        for p in range(starts[j] + 1, starts[j + 1]):
            x[j] -= values[p] * x[indices[p]]
        x[j] /= values[starts[j]]


@njit(cache=True)  # type: ignore[misc,untyped-decorator,unused-ignore]
def _takahashi(starts: Any, indices: Any, values: Any, tail: Any, inverse: Any) -> None:
    """Z from column ``tail`` back: Z_ij = −Σ_k Z_ik L_kj / L_jj, k over L's column j, and 1/L_jj² more at Z_jj."""
    total = np.zeros(len(starts) - 1)
    for j in range(tail - 1, -1, -1):
        first, last = starts[j] + 1, starts[j + 1]
        corner = values[starts[j]]
        for p in range(first, last):
            k, own = indices[p], values[p] / corner
            at = starts[k]
            for r in range(p, last):
                if k >= tail:
                    at = starts[k] + indices[r] - k
                while indices[at] < indices[r]:
                    at += 1
                total[r - first] += inverse[at] * own
                if r > p:
                    total[p - first] += inverse[at] * values[r] / corner
        left = 1.0 / corner**2
        for p in range(first, last):
            inverse[p] = -total[p - first]
            left += total[p - first] * values[p] / corner
            total[p - first] = 0.0
        inverse[starts[j]] = left


@njit(cache=True)  # type: ignore[misc,untyped-decorator,unused-ignore]
def _panel(starts: Any, values: Any, first: Any, last: Any, size: Any) -> Any:
    panel = np.zeros((size - first, last - first))
    for j in range(first, last):
        for i in range(j, size):
            panel[i - first, j - first] = values[starts[j] + i - j]
    return panel


@njit(cache=True)  # type: ignore[misc,untyped-decorator,unused-ignore]
def _put_panel(starts: Any, values: Any, first: Any, panel: Any) -> None:
    for j in range(panel.shape[1]):
        for i in range(j, panel.shape[0]):
            values[starts[first + j] + i - j] = panel[i, j]

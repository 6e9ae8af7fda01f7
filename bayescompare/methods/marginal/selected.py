"""Entries of the inverse of a sparse matrix where its factor has entries, without the rest.

Takahashi, Fagan and Chin (1973).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]


def selected_inverse(lower: Any, diagonal: Array, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Array:
    """(L D Lᵀ)⁻¹ at (rows, columns), which must be entries of L or of its transpose; NaN where they are not.

    Parameters
    ----------
    lower : csc_array
        L, with its unit diagonal.
    diagonal : ndarray of shape (n,)
    """
    lower.sort_indices()
    inverse = _columns(lower.indptr, lower.indices, lower.data, diagonal)
    found: Array = _entries(lower.indptr, lower.indices, inverse, np.minimum(rows, columns), np.maximum(rows, columns))
    return found


@njit(cache=True)  # type: ignore[misc,untyped-decorator,unused-ignore]
def _columns(starts: Any, indices: Any, values: Any, diagonal: Any) -> Any:
    """Z from its last column back: Z_ij = −Σ_k Z_ik L_kj and Z_jj = 1/d_j − Σ_k Z_kj L_kj, k over L's column j."""
    n = len(diagonal)
    inverse = np.zeros(len(values))
    total, weight = np.zeros(n), np.zeros(n)
    for j in range(n - 1, -1, -1):
        first, last = starts[j] + 1, starts[j + 1]
        for p in range(first, last):
            weight[indices[p]] = values[p]
        for p in range(first, last):
            k = indices[p]
            total[k] += inverse[starts[k]] * values[p]
            for q in range(starts[k] + 1, starts[k + 1]):
                i = indices[q]
                total[i] += inverse[q] * values[p]
                total[k] += inverse[q] * weight[i]
        corner = 1.0 / diagonal[j]
        for p in range(first, last):
            inverse[p] = -total[indices[p]]
            corner -= inverse[p] * values[p]
        for p in range(first, last):
            k = indices[p]
            weight[k] = 0.0
            total[k] = 0.0
            for q in range(starts[k] + 1, starts[k + 1]):
                total[indices[q]] = 0.0
        inverse[starts[j]] = corner
    return inverse


@njit(cache=True)  # type: ignore[misc,untyped-decorator,unused-ignore]
def _entries(starts: Any, indices: Any, values: Any, columns: Any, rows: Any) -> Any:
    found = np.full(len(rows), np.nan)
    for p in range(len(rows)):
        low, high = starts[columns[p]], starts[columns[p] + 1]
        while low < high:
            middle = (low + high) // 2
            if indices[middle] < rows[p]:
                low = middle + 1
            else:
                high = middle
        if low < starts[columns[p] + 1] and indices[low] == rows[p]:
            found[p] = values[low]
    return found

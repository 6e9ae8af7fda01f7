"""One compiled density over many data sets at once: replicates are an axis of every call.

Every call is over a chunk of replicates of one size, the last one filled up with copies, so that a row's arithmetic is
the same whatever stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..methods.modes.scales import scales
from ..methods.modes.surface import Index
from ..model.backends import Array, JaxFunction
from ..model.density import Density
from .batch_search import search

Weights = tuple[float, float, float]

#: Most replicates of a chunk.
CHUNK = 256

#: Bytes that are worked on at a time, so that they stay in the processor's cache.
CACHE = 1 << 21

#: Most replicates of a group, which is what is computed together.
GROUP = 8

#: Bytes of a chunk's data and curvatures.
BYTES = 1 << 26


@dataclass(frozen=True)
class Functions:
    """Functions of JAX over a chunk of B replicates: which of them are asked for, points, weights, and the data.

    Attributes
    ----------
    search : starts (B, S, d), most evaluations, weights, units (d,) -> ends (B, S, d), values (B, S)
    local : points (B, d), steps (B, d), weights -> values (B,), gradients (B, d), curvatures (B, d, d)
    values : points (B, P, d), weights -> values (B, P)
    push : points (B, P, d) -> scalars (B, P, k)
    predictive : points (B, P, d), logarithms of their shares in W ways (B, W, P) -> Σ_i log Σ_s share_s p(y_i | u_s),
        (B, W); or None where it was not asked for
    """

    search: Callable[..., Any]
    local: Callable[..., Any]
    values: Callable[..., Any]
    push: Callable[..., Any]
    predictive: Callable[..., Any] | None = None


def functions(density: Density, swapped: tuple[str, ...], *, predictive: bool = False) -> Functions | None:
    """Compiled for this density, once for all its data of one shape; None where PyTensor cannot translate it to JAX.

    Those of ``swapped`` have rows, one a replicate.
    """
    value = density.through_jax()
    push = density.once("batch push", lambda: density.translated([density.graphs.scalars()], density.start))
    if value is None or not isinstance(push, JaxFunction):
        return None
    key = f"batch {swapped} {[array.shape for array in density.data.values()]}"
    made: Functions = density.once(key, lambda: _functions(density, value, push, swapped))
    if not predictive:
        return made
    terms = density.once("batch terms", lambda: density.translated(density.graphs.likelihood, density.start))
    if not isinstance(terms, JaxFunction):
        return None
    further = density.once(f"{key} predictive", lambda: _predictive(density, terms, swapped))
    return replace(made, predictive=further)


def _functions(density: Density, value: JaxFunction, push: JaxFunction, swapped: tuple[str, ...]) -> Functions:
    import jax.numpy as jnp

    packed = value.packed()
    ones = [np.ones(size) for size in density.sizes]

    def height(u: Any, weights: Any, *data: Any) -> Any:
        """Value and gradient; −∞ and zeros where either is not finite, as a call of the density has it."""
        out = packed(u, weights, *ones, *data)
        finite = jnp.isfinite(out).all()
        return jnp.where(finite, out[0], -jnp.inf), jnp.where(finite, out[1:], 0.0)

    def alone(u: Any, weights: Any, *data: Any) -> Any:
        found = packed(u, weights, *ones, *data)[0]
        return jnp.where(jnp.isfinite(found), found, -jnp.inf)

    return over_replicates(density, (height, alone, push.packed()), swapped)


def over_replicates(density: Density, of_one: tuple[Callable[..., Any], ...], swapped: tuple[str, ...]) -> Functions:
    """Functions over replicates, from those of one: height with gradient, height alone, scalars."""
    import jax
    import jax.numpy as jnp

    height, alone, pushed = of_one

    def climb(starts: Any, most: Any, weights: Any, unit: Any, *data: Any) -> Any:
        def scaled(v: Any) -> Any:
            value, gradient = height(v * unit, weights, *data)
            return value, gradient * unit

        ends, values = jax.vmap(lambda v: search(scaled, v, most, density.transformed))(starts / unit)
        return ends * unit, values

    def local(u: Any, steps: Any, weights: Any, *data: Any) -> tuple[Any, Any, Any]:
        """Central differences of the exact gradient: a compiled Hessian was silently wrong on some models."""
        shifts = jnp.diag(steps)
        points = jnp.concatenate([u[None], u + shifts, u - shifts])
        values, gradients = over(lambda v: height(v, weights, *data), points)
        d = len(u)
        h = (gradients[1 + d :] - gradients[1 : 1 + d]) / (2 * steps[:, None])
        outside = ~jnp.isfinite(values[1:]).reshape(2, d).all(axis=0)
        return values[0], gradients[0], jnp.where(outside[:, None] | outside, jnp.nan, (h + h.T) / 2)

    def values(points: Any, weights: Any, *data: Any) -> Any:
        return over(lambda v: alone(v, weights, *data), points)

    def scalars(points: Any, *data: Any) -> Any:
        return over(lambda v: pushed(v, *data), points)

    def over(function: Callable[..., Any], points: Any) -> Any:
        size = _at_once(density, 1, len(points))
        return jax.lax.map(function, points, batch_size=size) if size < len(points) else jax.vmap(function)(points)

    return Functions(
        mapped(density, swapped, climb, True, False, False, False),
        mapped(density, swapped, local, True, True, False),
        mapped(density, swapped, values, True, False),
        mapped(density, swapped, scalars, True),
    )


def _predictive(density: Density, terms: JaxFunction, swapped: tuple[str, ...]) -> Callable[..., Any]:
    import jax
    import jax.numpy as jnp

    pointwise = terms.packed()

    def predictive(points: Any, log_shares: Any, *data: Any) -> Any:
        """Blocks of points, one after the other, so that their terms are never all there at once."""
        size = _at_once(density, 1, len(points))
        lacking = -len(points) % size
        points = jnp.concatenate([points, jnp.repeat(points[-1:], lacking, axis=0)])
        log_shares = jnp.pad(log_shares, ((0, 0), (0, lacking)), constant_values=-jnp.inf)
        ways = len(log_shares)

        def add(total: Any, block: tuple[Any, Any]) -> tuple[Any, None]:
            u, shares = block
            found = jax.vmap(lambda v: pointwise(v, *data))(u)
            # NaN at a finite point: a parameter out of its range, so no density. At a limit it is not known.
            found = jnp.where(jnp.isnan(found) & jnp.isfinite(u).all(axis=1)[:, None], -jnp.inf, found)
            found = jnp.where(jnp.isneginf(shares)[:, :, None], -jnp.inf, found + shares[:, :, None])
            return jnp.logaddexp(total, jax.nn.logsumexp(found, axis=1)), None

        blocks = points.reshape(-1, size, density.dimension), log_shares.reshape(ways, -1, size).swapaxes(0, 1)
        return jax.lax.scan(add, jnp.full((ways, density.observations), -jnp.inf), blocks)[0].sum(axis=1)

    return mapped(density, swapped, predictive, True, True)


def mapped(density: Density, swapped: tuple[str, ...], function: Callable[..., Any], *over: bool) -> Callable[..., Any]:
    """The function of one replicate over groups of them; a group that nobody asks for costs nothing, and is 0."""
    import jax
    import jax.numpy as jnp

    axes = [0 if is_mapped else None for is_mapped in (*over, *(name in swapped for name in density.data))]

    def all_of_them(asked: Any, *args: Any) -> Any:
        first = args[0]
        points = first.shape[1] if first.ndim == 3 else 2 * density.dimension + 1
        size = _at_once(density, points, min(len(first), GROUP))
        of_group = jax.vmap(function, in_axes=axes)

        def group(own: tuple[Any, list[Any]]) -> Any:
            rows = iter(own[1])
            inputs = [arg if axis is None else next(rows) for arg, axis in zip(args, axes, strict=True)]
            shapes = jax.eval_shape(of_group, *inputs)
            nothing = jax.tree.map(lambda out: jnp.zeros(out.shape, out.dtype), shapes)
            return jax.lax.cond(own[0].any(), lambda: of_group(*inputs), lambda: nothing)

        rows = [arg for arg, axis in zip(args, axes, strict=True) if axis == 0]
        grouped = jax.tree.map(lambda a: a.reshape(-1, size, *a.shape[1:]), (asked, rows))
        return jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), jax.lax.map(group, grouped))

    jitted: Callable[..., Any] = jax.jit(all_of_them)
    return jitted


def _at_once(density: Density, points: int, most: int) -> int:
    """Of ``most`` replicates, or points, those evaluated together: a power of two, or all, from the shapes alone."""
    each = 8 * points * (density.dimension + density.observations + sum(a.size for a in density.data.values()))
    fitting = max(CACHE // each, 1)
    return most if fitting >= most else 1 << (fitting.bit_length() - 1)


class Chunk:
    """The density over the data of one chunk of B replicates; every call is of n ≥ 1 of its rows.

    Parameters
    ----------
    density : Density
    compiled : Functions
    swapped : Mapping of str to ndarray of shape (B, ...)
        Rows of the data that are swapped.
    size : int
        B.

    Attributes
    ----------
    weights : tuple of float
        Of likelihood, prior and Jacobian: 1 but for :meth:`under` others.
    """

    weights: Weights = (1.0, 1.0, 1.0)

    def __init__(self, density: Density, compiled: Functions, swapped: Mapping[str, NDArray[Any]], size: int) -> None:
        self.density, self.size, self.swapped = density, size, swapped
        self._compiled = compiled
        self._last: tuple[bytes, list[Any]] = (b"none", [])

    def part(self, rows: Index) -> Chunk:
        """The density over the data of these rows."""
        swapped = {name: array[rows] for name, array in self.swapped.items()}
        return Chunk(self.density, self._compiled, swapped, len(rows))

    def under(self, weights: Weights) -> Chunk:
        """The density under these weights."""
        other = copy(self)
        other.weights = weights
        return other

    def search(self, starts: Array, most: int, rows: Index) -> tuple[Array, Array]:
        """Ends (n, S, d) of first-order searches from ``starts`` (n, S, d), and their heights (n, S)."""
        shared = np.array(most), np.array(self.weights), scales(self.density, self.weights)
        ends, values = self._over(self._compiled.search, rows, [starts], *shared)
        return ends, values

    def local(self, u: Array, steps: Array, rows: Index, least: Array) -> tuple[Array, Array, Array]:
        """Heights (n,), gradients (n, d) and −∇² (n, d, d), as any surface has them."""
        value, gradient, h = self._over(self._compiled.local, rows, [u, steps], np.array(self.weights))
        return value, gradient, h

    def values(self, points: Array, rows: Index) -> Array:
        """Heights (n, P) at ``points`` (n, P, d)."""
        return self._over(self._compiled.values, rows, [points], np.array(self.weights))[0]

    def push(self, points: Array, rows: Index) -> Array:
        """All scalars (n, P, k) at ``points`` (n, P, d), in the model's coordinates."""
        return self._over(self._compiled.push, rows, [points])[0]

    def predictive(self, points: Array, log_shares: Array, rows: Index) -> Array:
        """Σ_i log Σ_s share_s p(y_i | u_s), nats, (n, W): points (n, P, d), logarithms of their shares (n, W, P).

        NaN where a point at a limit (an infinite coordinate) has no likelihood that is known.
        """
        if self._compiled.predictive is None:
            raise ValueError("the functions were compiled without it")
        return self._over(self._compiled.predictive, rows, [points, log_shares])[0]

    def _over(self, function: Callable[..., Any], rows: Index, inputs: list[Array], *shared: Array) -> list[Array]:
        """The function of n ``rows`` of the chunk, side by side, so that few groups of them are computed."""
        filled = np.concatenate([rows, np.repeat(rows[-1:], self.size - len(rows))])
        if self._last[0] != filled.tobytes():
            data = [
                self.swapped[name][filled] if name in self.swapped else old for name, old in self.density.data.items()
            ]
            self._last = filled.tobytes(), data
        padded = [np.concatenate([array, np.repeat(array[-1:], self.size - len(rows), axis=0)]) for array in inputs]
        outputs = function(np.arange(self.size) < len(rows), *padded, *shared, *self._last[1])
        return [
            np.array(np.asarray(out)[: len(rows)]) for out in (outputs if isinstance(outputs, tuple) else (outputs,))
        ]


def chunk_size(density: Density) -> int:
    """Replicates of a chunk, so that their data and curvatures fit into memory: a power of two, by the shapes alone."""
    each = 8 * (density.dimension**2 + sum(array.size for array in density.data.values()))
    return int(min(CHUNK, 1 << (max(BYTES // each, 1).bit_length() - 1)))

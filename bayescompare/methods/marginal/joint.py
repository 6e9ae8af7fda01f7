"""The joint density of latent block and hyperparameters through JAX: what the marginal one is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from ...errors import UnsupportedModelError, first_line
from ...model.backends import UNTRANSLATABLE, Array, JaxFunction, padded
from ...model.density import Density
from .boolean import DenseError
from .cuts import MOST_CUT, Cuts, Place, factors, with_cuts
from .dependence import called, dependence
from .factor import DENSE, MOST_DENSE, Layout, layout_of
from .latent import Latent
from .low_rank import LowRank
from .pattern import FULL, Index, Pattern, dense, pattern_of

#: Bytes of one call's products of the Hessian with vectors, and what they pass through; more go one after the other.
BYTES = 1 << 26

#: Inputs on which an array of few entries depends where it is held: shares of all, the first that leaves a symmetric
#: and sparse rest is taken.
WIDE = (0.2, 0.02, 0.0)


@dataclass(frozen=True)
class Joint:
    """Compiled functions of u, in which x is the latent block and φ the rest.

    ``weights`` are of likelihood, prior and φ's Jacobian; that of x always counts.

    Attributes
    ----------
    latent, outer : ndarray of int
        Coordinates of x, shape (n,), and of φ, shape (m,).
    pattern : Pattern
        Of the Hessian in x.
    layout : Layout
        How that is factorised.
    local : points (B, d), weights -> values (B,), gradients (B, d), entries (B, entries) of −∂² log p_w / ∂x²
        As the layout takes them.
    product : point (d,), vector (d,), weights -> Hessian in u times the vector, (d,)
    slope : point (d,), loads (entries,), weights -> gradient, (d,), of −Σ loads · entries
    """

    latent: Index
    outer: Index
    pattern: Pattern
    layout: Layout
    local: Callable[..., tuple[Array, Array, Array]]
    product: Callable[..., Array]
    slope: Callable[..., Array]


def joint(density: Density, latent: Latent) -> Joint:
    """Compile for this density and its data.

    Raises
    ------
    UnsupportedModelError
        If PyTensor cannot translate the density to JAX, or the latent block is too large for a dense Hessian and has no
        other.
    """
    names = tuple(block.name for block in latent.blocks)
    always = tuple(block.name for block in latent.blocks if block.transform is not None)
    value = density.through_jax(always)
    if value is None:
        lacking = ", ".join(density.no_gradient)
        why = f"{lacking} has no gradient" if lacking else density.fallback
        raise UnsupportedModelError(
            f"The marginal mode needs the density through JAX, and this one has no translation: {why}. "
            "The joint mode and NUTS do not need it."
        )
    shapes = [array.shape for array in density.data.values()]
    structure = density.once(f"marginal pattern {names} {_digest(density)}", lambda: _structure(density, value, latent))
    key = f"marginal {names} {shapes} {_digest(density)}"
    made = density.once(key, lambda: _Functions(density, value, latent, structure))
    rest = density.arguments(value)
    density.once(f"{key} traced", lambda: made.check(density.start, rest))
    return Joint(
        latent.coordinates,
        latent.others,
        structure.pattern,
        structure.layout,
        lambda points, weights: made.rows(points, weights, rest),
        lambda point, vector, weights: np.asarray(made.product(point, vector, weights, *rest)),
        lambda point, loads, weights: made.loaded(point, loads, weights, rest),
    )


def _digest(density: Density) -> str:
    from hashlib import sha256

    digest = sha256()
    for array in density.data.values():
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class _Structure:
    """The pattern, its factorisation, and the traced program of the gradient in x with the sums that are held."""

    pattern: Pattern
    layout: Layout
    closed: Any
    cuts: dict[Place, int]


def _structure(density: Density, value: JaxFunction, latent: Latent) -> _Structure:
    """The pattern as the traced program has it; dense where it cannot be told and is small enough."""
    n = len(latent.coordinates)
    closed = _traced(density, value, latent)
    found = _found(density, closed, latent, None)
    if n > DENSE and (found is None or len(found.rows) > FULL * n * n):
        for share in WIDE:
            cuts = Cuts(n, max(int(share * n), 2))
            rest = _found(density, closed, latent, cuts)
            if rest is not None and len(rest.rows) <= FULL * n * n:
                return _Structure(rest, LowRank(rest, layout_of(rest), cuts.total), closed, cuts.sizes)
    if n > MOST_DENSE and (found is None or len(found.rows) > FULL * n * n):
        raise UnsupportedModelError(
            f"Every coordinate of the latent block ({', '.join(b.name for b in latent.blocks)}: {n:,}) depends on "
            f"every other, and a dense Hessian is made up to {MOST_DENSE:,} only. Where the effects are cumulated, "
            "write their own prior instead (a random walk, an AR process)."
        )
    found = found or dense(n)
    return _Structure(found, layout_of(found), closed, {})


def _traced(density: Density, value: JaxFunction, latent: Latent) -> Any:
    """The program of the gradient in x, of u, weights and data."""
    import jax

    def gradient(u: Any, weights: Any, *rest: Any) -> Any:
        return value.traced(u, weights, *rest)[1][latent.coordinates]

    return jax.make_jaxpr(gradient)(density.start, np.ones(3), *density.arguments(None))


def _found(density: Density, closed: Any, latent: Latent, cuts: Cuts | None) -> Pattern | None:
    """The pattern of the gradient's derivative, with sums held; None where that is dense, or not symmetric."""
    n = len(latent.coordinates)
    columns = n + (MOST_CUT if cuts else 0)
    inputs = sparse.csr_array(
        (np.ones(n, dtype=bool), (latent.coordinates, np.arange(n))), shape=(density.dimension, columns)
    )
    rest = [np.ones(3), *(np.asarray(argument) for argument in density.arguments(None))]
    try:
        deps = dependence(closed, inputs, rest, cuts)
    except DenseError:
        return None
    own = deps[:, :n]
    if cuts:
        cuts.sizes = cuts.used(deps)
        if (own != own.T).nnz:
            return None
    return pattern_of(own)


class _Functions:
    """JAX's functions of points, weights and data."""

    def __init__(self, density: Density, value: JaxFunction, latent: Latent, structure: _Structure) -> None:
        import jax
        import jax.numpy as jnp

        x, pattern = latent.coordinates, structure.pattern
        wide = np.zeros((pattern.count, density.dimension))
        wide[pattern.colours, x] = 1.0
        self.seeds = jnp.asarray(wide)  # an argument: XLA would fold a constant of this size for minutes
        each = 8 * (density.dimension + density.observations + sum(a.size for a in density.data.values()))
        together = int(max(min(BYTES // each, pattern.count), 1))
        self.pattern = pattern
        self.batch = int(max(min(BYTES // (each * pattern.count), 256), 1))

        def product(u: Any, vector: Any, weights: Any, *rest: Any) -> Any:
            return jax.jvp(lambda v: value.traced(v, weights, *rest)[1], (u,), (vector,))[1]

        cut = with_cuts(structure.closed, structure.cuts, called)
        rank = sum(structure.cuts.values())

        def held(u: Any, weights: Any, *rest: Any) -> Callable[[Any], Any]:
            """The gradient in x, as a function of a point, with sums as they are at u."""
            if not rank:
                return lambda v: value.traced(v, weights, *rest)[1][x]
            sums = cut(None, u, weights, *rest)[1]
            return lambda v: cut(sums, v, weights, *rest)[0]

        def coloured(u: Any, seeds: Any, weights: Any, *rest: Any) -> Any:
            def of_colour(seed: Any) -> Any:
                return jax.jvp(held(u, weights, *rest), (u,), (seed,))[1]

            if pattern.count <= together:
                return jax.vmap(of_colour)(seeds)
            return jax.lax.map(of_colour, seeds, batch_size=together)

        def of_sums(u: Any, weights: Any, *rest: Any) -> Any:
            return jnp.stack(factors(cut, x, u, weights, *rest)) if rank else jnp.zeros((2, 0, len(x)))

        def local(points: Any, seeds: Any, weights: Any, *rest: Any) -> Any:
            def one(u: Any) -> Any:
                height, slope = value.traced(u, weights, *rest)
                return height, slope, coloured(u, seeds, weights, *rest), of_sums(u, weights, *rest)

            return jax.vmap(one)(points)

        def slope(u: Any, loads: Any, low: Any, seeds: Any, weights: Any, *rest: Any) -> Any:
            def loaded(v: Any) -> Any:
                total = jnp.sum(low * of_sums(v, weights, *rest))
                if pattern.count <= together:
                    return total + jnp.sum(loads * coloured(v, seeds, weights, *rest))

                def of_colour(seed: Any, load: Any) -> Any:
                    return load @ jax.jvp(held(v, weights, *rest), (v,), (seed,))[1]

                each = jax.checkpoint(of_colour)
                return jax.lax.scan(lambda total, pair: (total + each(*pair), None), total, (seeds, loads))[0]

            return jax.grad(loaded)(u)

        self.local, self.product, self.slope = jax.jit(local), jax.jit(product), jax.jit(slope)
        self.rank, self.x = rank, x

    def check(self, u: Array, rest: list[Any]) -> None:
        """Trace all three, so that what JAX cannot differentiate so often is told before anything runs."""
        import jax

        seeds, (loads, low) = self.seeds, self._loads(np.zeros(self.entries))
        try:
            for function, args in (
                (self.local, (u[None], seeds)),
                (self.product, (u, u)),
                (self.slope, (u, loads, low, seeds)),
            ):
                jax.eval_shape(function, *args, np.ones(3), *rest)
        except UNTRANSLATABLE as error:
            raise UnsupportedModelError(
                f"The marginal mode needs three derivatives, and JAX has not all of them (no translation: "
                f"{first_line(error)}). The joint mode and NUTS do not need them."
            ) from error
        if self.rank:
            self._check_sums(u, rest)

    def _check_sums(self, u: Array, rest: list[Any]) -> None:
        """The Hessian without and with its part of low rank: the former symmetric, the latter the whole program's."""
        pattern, weights = self.pattern, np.ones(3)
        entries = self.rows(u[None], weights, rest)[2][0]
        own = sparse.csr_array((entries[: len(pattern.rows)], (pattern.rows, pattern.columns)))
        left, right = entries[len(pattern.rows) :].reshape(2, self.rank, pattern.size)
        vector = np.cos(np.arange(pattern.size))
        along = np.zeros_like(u)
        along[self.x] = vector
        whole = -np.asarray(self.product(u, along, weights, *rest))[self.x]
        gaps = own @ vector - own.T @ vector, own @ vector + left.T @ (right @ vector) - whole
        if not all(np.abs(gap).max() <= 1e-8 * np.abs(whole).max() for gap in gaps):
            raise UnsupportedModelError(
                "The latent block's coordinates depend on each other through sums, and its Hessian could not be taken "
                "apart into a sparse part and one of low rank. The joint mode and NUTS do not need that."
            )

    def rows(self, points: Array, weights: Array, rest: list[Any]) -> tuple[Array, Array, Array]:
        """``local`` of any number of points: one of them, or as many as were compiled for at a time."""
        size = 1 if len(points) == 1 else self.batch
        pieces = []
        for start in range(0, len(points), size):
            block = points if len(points) == size else padded(points, start, size)
            out = self.local(block, self.seeds, weights, *rest)
            pieces.append([np.asarray(part)[: len(points) - start] for part in out])
        value, gradient, products, low = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
        low[:, 0] *= -1
        read = -products[:, self.pattern.product, self.pattern.place]
        return value, gradient, np.concatenate([read, low.reshape(len(low), -1)], axis=1) if self.rank else read

    @property
    def entries(self) -> int:
        """Of the Hessian as the layout takes them: those of the pattern, U and C."""
        return len(self.pattern.rows) + 2 * self.rank * self.pattern.size

    def loaded(self, point: Array, loads: Array, weights: Array, rest: list[Any]) -> Array:
        """``slope`` of loads in the order of the entries."""
        return np.asarray(self.slope(point, *self._loads(loads), self.seeds, weights, *rest))

    def _loads(self, loads: Array) -> tuple[Array, Array]:
        """What −entries are multiplied by, for the products and for U and C."""
        pattern = self.pattern
        own, low = np.split(loads, [len(pattern.rows)])
        by_product = np.zeros((pattern.count, pattern.size))
        np.add.at(by_product, (pattern.product, pattern.place), own)
        signs = np.array([1.0, -1.0])[:, None, None]
        return by_product, signs * low.reshape(2, self.rank, pattern.size)

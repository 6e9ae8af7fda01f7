"""The marginal density of a small latent block as one function of JAX, to be mapped over hyperparameters and data."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import UnsupportedModelError
from ...model.backends import Array, JaxFunction
from ...model.problem import Problem
from .factor import DENSE
from .inner import DAMPING, DECREMENT, MOST_DAMPING, NOISE, SETTLED, STEPS
from .laplace import Proposed, probes, proposed, student, symmetric_root, widths
from .latent import latent_block
from .outer import OuterProblem


@dataclass(frozen=True)
class Traced:
    """Functions of JAX of one data set: hyperparameters φ (m,), weights, and the data in the density's order.

    Attributes
    ----------
    problem : OuterProblem
        Of the hyperparameters alone.
    height : φ, weights, data -> ℓ and its gradient, (m,); −∞ and zeros where the latent block has no mode
    push : φ, data -> the hyperparameters' scalars in the model's coordinates
    at : φ, weights, data -> u (d,), the block at its mode, and L (n, n), its precision being L Lᵀ
    errors : φ, covariance of φ (m, m), weights, data -> standard errors of all scalars of the model, (k,)
    draw : φ, z (n,), weights, data -> u (d,), a draw of the block from its Gaussian by standard normal z, and the log
        ratio of the exact joint density to ℓ(φ) N(x; x*, H⁻¹)
    """

    problem: OuterProblem
    height: Callable[..., tuple[Any, Any]]
    push: Callable[..., Any]
    at: Callable[..., tuple[Any, Any]]
    errors: Callable[..., Any]
    draw: Callable[..., tuple[Any, Any]]


def traced(problem: Problem, latent: Sequence[str] = ()) -> Traced:
    """Trace the marginal density of a model.

    Parameters
    ----------
    problem : Problem
    latent : sequence of str, optional
        The block by name; all Gaussian vectors otherwise.

    Raises
    ------
    UnsupportedModelError
        If there is no such block, it has more than ``DENSE`` coordinates, or the density has no translation to JAX.
    """
    import jax
    import jax.numpy as jnp
    from jax.scipy.linalg import cho_solve, solve_triangular

    outer = OuterProblem.of(problem, latent_block(problem, latent))
    marginal = outer.marginal
    whole, x, others = marginal.whole, marginal.latent.coordinates, marginal.latent.others
    pattern, n = marginal.joint.pattern, len(x)
    if n > DENSE:
        raise UnsupportedModelError(f"The latent block has {n:,} coordinates; in a batch there may be {DENSE}.")
    always = tuple(block.name for block in marginal.latent.blocks if block.transform is not None)
    value = whole.through_jax(always)
    push = whole.translated([whole.graphs.scalars()], whole.start)
    if value is None or not isinstance(push, JaxFunction):
        raise UnsupportedModelError("The marginal mode of many data sets needs the model through JAX.")
    joint, pushed = value.packed(), push.packed()
    ones = [np.ones(size) for size in whole.sizes]
    origin, seeds = whole.start[x], pattern_seeds(whole.dimension, x, pattern.seeds)

    def joined(phi: Any, block: Any) -> Any:
        return jnp.zeros(whole.dimension).at[others].set(phi).at[x].set(block)

    def gradient(u: Any, weights: Any, *data: Any) -> Any:
        return joint(u, weights, *ones, *data)[1:]

    def products(u: Any, weights: Any, *data: Any) -> Any:
        """The Hessian's entries, by colour."""

        def of_colour(seed: Any) -> Any:
            return jax.jvp(lambda v: gradient(v, weights, *data), (u,), (seed,))[1][x]

        return jax.vmap(of_colour)(seeds)[pattern.product, pattern.place]

    def local(phi: Any, block: Any, weights: Any, *data: Any) -> Any:
        u = joined(phi, block)
        out = joint(u, weights, *ones, *data)
        h = jnp.zeros((n, n)).at[pattern.rows, pattern.columns].set(-products(u, weights, *data))
        return out[0], out[1:][x], h

    def inner(phi: Any, weights: Any, *data: Any) -> tuple[Any, Any, Any, Any, Any]:
        """The block's mode, its height, what rounding left of its slope, the root of its precision, and whether it is
        a mode."""
        local_at = lambda block: local(phi, block, weights, *data)  # noqa: E731
        block, height, rest, h, decrement = climb(local_at, origin)
        root = jnp.linalg.cholesky(h)
        found = (decrement <= DECREMENT) & jnp.isfinite(root).all() & jnp.isfinite(height)
        return block, height, rest, root, found

    def marginal_height(phi: Any, weights: Any, *data: Any) -> tuple[Any, Any]:
        block, top, rest, root, found = inner(phi, weights, *data)
        u = joined(phi, block)
        inverse = cho_solve((root, True), jnp.eye(n))[pattern.rows, pattern.columns]
        slope = jax.grad(lambda v: inverse @ products(v, weights, *data))(u)
        along = joined(jnp.zeros(len(others)), cho_solve((root, True), 0.5 * slope[x] + rest))
        own, moved = jax.jvp(lambda v: gradient(v, weights, *data), (u,), (along,))
        total = (own + 0.5 * slope + moved)[others]
        height = top + n / 2 * math.log(2 * math.pi) - jnp.log(jnp.diagonal(root)).sum()
        found &= jnp.isfinite(total).all()
        return jnp.where(found, height, -jnp.inf), jnp.where(found, total, 0.0)

    def at(phi: Any, weights: Any, *data: Any) -> tuple[Any, Any]:
        block, _, _, root, _ = inner(phi, weights, *data)
        return joined(phi, block), root

    def errors(phi: Any, covariance: Any, weights: Any, *data: Any) -> Any:
        u, root = at(phi, weights, *data)

        def along(function: Callable[[Any], Any], ways: Any) -> Any:
            return jax.vmap(lambda way: jax.jvp(function, (u,), (way,))[1])(ways)

        units = jnp.zeros((len(others), whole.dimension)).at[jnp.arange(len(others)), others].set(1.0)
        mixed = along(lambda v: gradient(v, weights, *data), units)[:, x]
        response = units.at[:, x].set(cho_solve((root, True), mixed.T).T)
        own = jnp.zeros((n, whole.dimension)).at[:, x].set(solve_triangular(root, jnp.eye(n), lower=True))
        of_phi, of_x = (along(lambda v: pushed(v, *data), ways) for ways in (response, own))
        return jnp.sqrt((of_phi * (covariance @ of_phi)).sum(axis=0) + (of_x**2).sum(axis=0))

    def draw(phi: Any, z: Any, weights: Any, *data: Any) -> tuple[Any, Any]:
        block, top, _, root, _ = inner(phi, weights, *data)
        u = joined(phi, block + solve_triangular(root, z, lower=True, trans="T"))
        height = joint(u, weights, *ones, *data)[0]
        return u, jnp.where(jnp.isfinite(height), height, -jnp.inf) - top + 0.5 * z @ z

    columns = marginal.columns
    return Traced(
        outer,
        marginal_height,
        lambda phi, *data: pushed(joined(phi, origin), *data)[columns],
        at,
        errors,
        draw,
    )


def pattern_seeds(dimension: int, x: Any, seeds: Array) -> Array:
    """The sums of unit vectors in the latent block, in u."""
    wide = np.zeros((len(seeds), dimension))
    wide[:, x] = seeds
    return wide


def climb(local: Callable[[Any], Any], start: Any) -> Any:
    """Newton's steps with damping while a step loses height: place, height, gradient, −∇², and the last decrement."""
    import jax
    import jax.numpy as jnp
    from jax.scipy.linalg import cho_solve

    def step(state: Any) -> Any:
        block, height, slope, h, last, damping, _, count = state
        scale = jnp.maximum(jnp.abs(jnp.diagonal(h)), 1e-8 * jnp.maximum(jnp.abs(h).max(), 1e-8))
        move = cho_solve((jnp.linalg.cholesky(h + jnp.diag(damping * scale)), True), slope)
        decrement = 0.5 * move @ slope
        trial, (new, new_slope, new_h) = block + move, local(block + move)
        better = jnp.isfinite(new_h).all() & (new >= height - NOISE * jnp.maximum(1.0, jnp.abs(height)))
        plain = (damping == 0) & jnp.isfinite(decrement)
        arrived = plain & ((decrement <= SETTLED) | ((decrement <= DECREMENT) & (decrement >= 0.1 * last)))
        moved = better & ~arrived & jnp.isfinite(decrement)
        less = jnp.where(damping > DAMPING, damping / 10, 0.0)
        damping = jnp.where(moved, less, jnp.maximum(10 * damping, DAMPING))
        chosen = [jnp.where(moved, a, b) for a, b in ((trial, block), (new, height), (new_slope, slope), (new_h, h))]
        known = jnp.where(plain, decrement, last)
        return (*chosen, known, damping, arrived | (damping > MOST_DAMPING), count + 1)

    first = local(start)
    state = (start, *first, jnp.inf, jnp.array(0.0), ~jnp.isfinite(first[0]), 0)
    return jax.lax.while_loop(lambda s: ~s[6] & (s[7] < STEPS), step, state)[:5]


def hyperparameters(
    values: Callable[[Array], Array], modes: tuple[Array, Array], seeds: Sequence[int], draws: int
) -> tuple[Array, list[Proposed]]:
    """Draws of the hyperparameters of B data sets from ℓ, by importance sampling from skewed t's at its modes.

    Parameters
    ----------
    values : callable
        ℓ at points (B, P, m), with the weights of the unconstrained mode: (B, P).
    modes : tuple of ndarray
        φ, (B, m), and −∇² ℓ there, (B, m, m).
    seeds : sequence of int, B of them
    draws : int

    Returns
    -------
    points, proposed
        (B, draws, m), and of each data set the log evidence, k-hat and effective draws.
    """
    phi, h = modes
    roots = [symmetric_root(np.linalg.inv(own)) for own in h]
    heights = values(np.stack([probes(*pair) for pair in zip(phi, roots, strict=True)]))
    rngs = [np.random.default_rng(seed) for seed in seeds]
    drawn = [
        student(centre, root, widths(own), draws, rng)
        for centre, root, own, rng in zip(phi, roots, heights, rngs, strict=True)
    ]
    points = np.stack([own for own, _ in drawn])
    heights = values(points)
    told = [proposed(own - log_t, draws, rng) for own, (_, log_t), rng in zip(heights, drawn, rngs, strict=True)]
    return np.stack([own[each.chosen] for own, each in zip(points, told, strict=True)]), told

"""A first-order search that JAX can run for many starts and data sets at once: L-BFGS with backtracking.

Every step of the loop is one evaluation of the density, for whichever start; a start that has ended stands still while
others go on, so that its end does not depend on theirs. Newton's steps do the rest (:mod:`.batch_modes`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..methods.modes.search import RUNAWAY

#: Pairs of steps and gradient changes that are remembered.
MEMORY = 8

#: Gain in nats, over max(1, |log p|), at which a search ends; Newton's steps go on from there.
GAIN = 1e-9


class _State(NamedTuple):
    """Where one start is; the objective is −log p."""

    count: Any
    done: Any
    u: Any
    value: Any
    gradient: Any
    direction: Any
    length: Any
    steps: Any
    changes: Any


def search(
    height: Callable[[Any], tuple[Any, Any]], start: Any, most: Any, transformed: NDArray[np.bool_]
) -> tuple[Any, Any]:
    """Climb from one start, (d,); returns the end and its height, −∞ where the density is 0 at the start.

    Parameters
    ----------
    height : callable
        log density (−∞ where it is 0) and gradient at a point.
    start : array of shape (d,)
    most : int
        Evaluations.
    transformed : ndarray of bool of shape (d,)
        Coordinates that may run away: the search ends where one is too far out.
    """
    import jax
    import jax.numpy as jnp

    value, gradient = height(start)
    memory = jnp.zeros((MEMORY, len(start)))
    state = _State(
        jnp.array(0),
        ~jnp.isfinite(value),
        start,
        -value,
        -gradient,
        gradient,
        1 / jnp.maximum(jnp.linalg.norm(gradient), 1.0),
        memory,
        memory,
    )

    def step(state: _State) -> Any:
        trial = state.u + state.length * state.direction
        value, gradient = height(trial)
        value, gradient = -value, -gradient
        slope = state.gradient @ state.direction
        accepted = value <= state.value + 1e-4 * state.length * slope
        moved = _accept(state, trial, value, gradient, slope, transformed)
        # The parabola through both heights and the slope, within bounds; half a step where the height is infinite.
        bend = value - state.value - state.length * slope
        share = jnp.where(jnp.isfinite(bend), -0.5 * state.length * slope / bend, 0.1)
        length = state.length * jnp.clip(share, 0.1, 0.5)
        tiny = length * jnp.abs(slope) < 1e-14 * jnp.maximum(1.0, jnp.abs(state.value))
        back = state._replace(length=length, done=state.done | tiny)
        chosen = jax.tree.map(lambda yes, no: jnp.where(accepted, yes, no), moved, back)
        return jax.tree.map(lambda old, new: jnp.where(state.done, old, new), state, chosen)._replace(
            count=state.count + 1
        )

    def goes_on(state: _State) -> Any:
        return ~state.done & (state.count < most)

    ended = jax.lax.while_loop(goes_on, step, state)
    return ended.u, -ended.value


def _accept(state: _State, u: Any, value: Any, gradient: Any, slope: Any, transformed: NDArray[np.bool_]) -> _State:
    """The state after a step that gained height."""
    import jax.numpy as jnp

    change, moved = gradient - state.gradient, u - state.u
    curved = change @ moved > 1e-10 * (change @ change)
    steps = jnp.where(curved, jnp.roll(state.steps, -1, axis=0).at[-1].set(moved), state.steps)
    changes = jnp.where(curved, jnp.roll(state.changes, -1, axis=0).at[-1].set(change), state.changes)
    direction = _quasi_newton(gradient, steps, changes)
    # Where it falls as steeply as before, the step was too short for the curvature that is known.
    steep = gradient @ state.direction < 0.9 * slope
    length = jnp.where(steep, 2 * state.length, 1.0)
    direction = jnp.where(steep, state.direction, direction)
    gain = state.value - value
    far = jnp.any(jnp.abs(jnp.where(transformed, u, 0.0)) > RUNAWAY)
    flat = jnp.max(jnp.abs(gradient)) <= 1e-7
    ended = ~steep & (gain <= GAIN * jnp.maximum(1.0, jnp.abs(value))) | far | flat
    return _State(state.count, ended, u, value, gradient, direction, length, steps, changes)


def _quasi_newton(gradient: Any, steps: Any, changes: Any) -> Any:
    """−H g by the two-loop recursion; pairs that are 0 are not there yet."""
    import jax.numpy as jnp

    q, shares = gradient, []
    products = (steps * changes).sum(axis=1)
    inverse = jnp.where(products > 0, 1 / jnp.where(products > 0, products, 1.0), 0.0)
    for i in reversed(range(MEMORY)):
        share = inverse[i] * (steps[i] @ q)
        q = q - share * changes[i]
        shares.append(share)
    last = changes[-1] @ changes[-1]
    norm = jnp.maximum(jnp.linalg.norm(gradient), 1.0)
    q = q * jnp.where(last > 0, products[-1] / jnp.where(last > 0, last, 1.0), 1 / norm)
    for i, share in zip(range(MEMORY), reversed(shares), strict=True):
        q = q + steps[i] * (share - inverse[i] * (changes[i] @ q))
    return -q

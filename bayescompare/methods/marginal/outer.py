"""The marginal density ℓ(φ) with its exact gradient, in the shape of a model's density.

So the search for modes and their audit see no difference.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...errors import TimeLimitError
from ...model.backends import Array
from ...model.creases import Creases
from ...model.density import Density
from ...model.problem import Problem, Scalars
from .factor import Factor
from .inner import Inner, inner_modes
from .joint import Joint, joint
from .latent import Latent

#: Jittered starts of the inner problem where it has no mode to be found from the last one.
RETRIES = 3


@dataclass(frozen=True)
class Terms:
    """What searches and audits ask of a model's graphs: the hyperparameters' values, what likelihoods reach, and which
    operations are the user's own."""

    outputs: list[Any]
    reached: frozenset[str]
    own: Any


@dataclass(frozen=True)
class At:
    """The marginal density at one φ.

    Attributes
    ----------
    inner : Inner
        Of one row.
    factor : Factor
    value : float
        ℓ(φ), nats.
    """

    inner: Inner
    factor: Factor
    value: float

    @property
    def point(self) -> Array:
        """u, with x at its mode."""
        return np.asarray(self.inner.points[0])


class Marginal(Density):
    """ℓ_w(φ) = log p_w(φ, x*) + n/2 log 2π − ½ log det H(φ): the density with the latent block integrated out by
    Laplace's approximation.

    Parameters
    ----------
    problem : Problem
        The whole model.
    latent : Latent
    deadline : float
        On ``time.perf_counter``'s clock, after which evaluations raise FitError.
    """

    def __init__(self, problem: Problem, latent: Latent, deadline: float = math.inf) -> None:
        whole = problem.density
        self.whole, self.latent, self.deadline = whole, latent, deadline
        self.joint: Joint = joint(whole, latent)
        self.blocks, start = [], 0
        outputs = []
        for block, output in zip(whole.blocks, whole.graphs.outputs, strict=False):
            if block not in latent.blocks:
                self.blocks.append(replace(block, start=start))
                outputs.append(output)
                start += block.size
        self.dimension = start
        self.terms = Terms(outputs, whole.graphs.reached, whole.graphs.own)
        self.transformed, self.circular = whole.transformed[latent.others], whole.circular[latent.others]
        self.start = whole.start[latent.others]
        self.data, self.sizes = whole.data, whole.sizes
        self.evaluations = self._began = 0
        self.scales: dict[tuple[float, ...], Array] = {}
        self.inner_steps = 0
        self.columns = np.concatenate([np.arange(*problem.scalars.variables[b.name][:2]) for b in self.blocks])
        self._jitter = np.random.default_rng(0).uniform(-1, 1, (RETRIES, len(latent.coordinates)))
        self._x = whole.start[latent.coordinates]
        self._last: tuple[bytes, At | None] = (b"", None)

    @property
    def compile_seconds(self) -> float:  # type: ignore[override]
        """Wall time spent compiling for the whole model."""
        return self.whole.compile_seconds

    @property
    def graphs(self) -> Any:  # type: ignore[override]
        """What the audit asks of the graphs."""
        return self.terms

    @property
    def backend(self) -> str:
        return "jax"

    def once[Kept](self, key: str, make: Callable[[], Kept]) -> Kept:
        """Kept with the whole model's density."""
        return self.whole.once(f"{key}, without {', '.join(self.latent.names)}", make)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Of the hyperparameters, in the model's coordinates."""
        pairs = zip(self.whole.blocks, self.whole.shapes, strict=True)
        return [shape for block, shape in pairs if block not in self.latent.blocks]

    @property
    def creases(self) -> Creases:
        """None: with the latent block integrated out, what is known of the joint density's kinks tells of no place."""
        return Creases((), (), None, frozenset(), frozenset())

    def values(self, points: Array, weights: Sequence[float]) -> Array:
        """The values alone, (n,)."""
        found = [self.at(row, weights) for row in points]
        return np.array([-math.inf if at is None else at.value for at in found])

    @property
    def no_gradient(self) -> tuple[str, ...]:
        return ()

    @property
    def raised(self) -> str | None:
        return None

    # -- ℓ and its gradient ------------------------------------------------------------------

    def __call__(
        self, u: Array, weights: Sequence[float], observation_weights: Array | None = None
    ) -> tuple[float, Array]:
        self.evaluations += 1
        at = self.at(u, weights)
        if at is None:
            return -math.inf, np.zeros(self.dimension)
        gradient = self._gradient(at, np.asarray(weights, dtype=float))
        if not np.all(np.isfinite(gradient)):
            return -math.inf, np.zeros(self.dimension)
        return at.value, gradient

    def batch(
        self, points: Array, weights: Sequence[float], observation_weights: Array | None = None
    ) -> tuple[Array, Array]:
        found = [self(row, weights) for row in points]
        return np.array([value for value, _ in found]), np.array([gradient for _, gradient in found])

    def at(self, u: Array, weights: Sequence[float]) -> At | None:
        """The inner mode and ℓ at ``u``; None where there is no such mode. It begins where the last one ended."""
        key = np.append(u, weights).tobytes()
        if self._last[0] != key:
            self._last = key, self._at(u, np.asarray(weights, dtype=float))
        return self._last[1]

    def in_time(self) -> None:
        """Raise TimeLimitError where the deadline has passed; what was compiled since does not count."""
        if time.perf_counter() - self.whole.compile_seconds > self.deadline:
            raise TimeLimitError("It took longer than it was given.")

    def _at(self, u: Array, weights: Array) -> At | None:
        self.in_time()
        origin = self.whole.start[self.latent.coordinates]
        for x in (self._x, origin, *(origin + shift for shift in self._jitter)):
            inner = inner_modes(self.joint, self.joined(u[None], x), weights)
            self.inner_steps += inner.steps
            if inner.found[0]:
                factor = self.joint.layout.factor(inner.entries)
                self._x = inner.points[0, self.latent.coordinates]
                return At(inner, factor, float(inner.value[0] + self.volume(factor)[0]))
        return None

    def volume(self, factor: Factor) -> Array:
        """n/2 log 2π − ½ log det H: what the integral over x adds to the height of its mode."""
        return len(self.latent.coordinates) / 2 * math.log(2 * math.pi) - 0.5 * factor.log_determinant

    def joined(self, phi: Array, x: Array) -> Array:
        """u of rows of φ, (B, m), and of x, (n,) or (B, n)."""
        points = np.empty((len(phi), self.whole.dimension))
        points[:, self.latent.others], points[:, self.latent.coordinates] = phi, x
        return points

    def _gradient(self, at: At, weights: Array) -> Array:
        """∂ℓ/∂φ: x* moves with φ, which changes log det H, and log p by what rounding left of its slope in x.

        Effects about a mean, of a scale near 0, are that mean to rounding, and this slope carries the data's pull.
        """
        x = self.latent.coordinates
        slope = self.joint.slope(at.point, at.factor.inverse()[0], weights)
        along = np.zeros(self.whole.dimension)
        along[x] = at.factor.solve((0.5 * slope + at.inner.gradient[0])[None, x])[0]
        total: Array = at.inner.gradient[0] + 0.5 * slope + self.joint.product(at.point, along, weights)
        return total[self.latent.others]

    def response(self, at: At, weights: Sequence[float]) -> Array:
        """∂x*/∂φ, (n, m)."""
        weighting = np.asarray(weights, dtype=float)
        units = np.zeros((self.dimension, self.whole.dimension))
        units[np.arange(self.dimension), self.latent.others] = 1.0
        mixed = np.stack([self.joint.product(at.point, unit, weighting)[self.latent.coordinates] for unit in units])
        return at.factor.solve(mixed).T

    # -- the rest of a density ---------------------------------------------------------------

    def second_opinion(self, u: Array, weights: Sequence[float]) -> tuple[float, Array]:
        """ℓ and its gradient with the joint density's by another route than JAX."""
        value, gradient = self(u, weights)
        at = self.at(u, weights)
        if at is None:
            return value, gradient
        counted = (weights[0], weights[1], 1.0)
        mine, my_gradient, _ = self.joint.local(at.inner.points, np.array(counted))
        other, other_gradient = self.whole.second_opinion(at.point, counted)
        return value + other - float(mine[0]), gradient + (other_gradient - my_gradient[0])[self.latent.others]

    def sampler_function(self) -> Callable[[Array], tuple[float, Array]]:
        """ℓ and its gradient, φ's Jacobian included."""
        return lambda u: self(u, (1.0, 1.0, 1.0))

    def push(self, points: Array) -> Array:
        """The hyperparameters' scalars, (n, k_φ)."""
        return self.whole.push(self.joined(points, self._x))[:, self.columns]


class OuterProblem(Problem):
    """The problem of the hyperparameters alone, as the search for modes and their audit take it."""

    whole: Problem

    @classmethod
    def of(cls, problem: Problem, latent: Latent, deadline: float = math.inf) -> OuterProblem:
        """The problem with the latent block integrated out."""
        outer = object.__new__(cls)
        outer.__dict__.update(problem.__dict__)
        density = Marginal(problem, latent, deadline)
        names: list[str] = []
        places = {}
        for block in density.blocks:
            start, stop, shape, dims = problem.scalars.variables[block.name]
            places[block.name] = (len(names), len(names) + stop - start, shape, dims)
            names.extend(problem.scalars.names[start:stop])
        outer.__dict__.update(
            whole=problem,
            density=density,
            scalars=Scalars(tuple(names), places, len(names)),
            group_parents={},
        )
        return outer

    @property
    def marginal(self) -> Marginal:
        """Its density, by its own type."""
        density = self.density
        if not isinstance(density, Marginal):
            raise TypeError("not a marginal density")
        return density

    def prior_points(self, draws: int, seed: int) -> Array | None:
        """Draws of the hyperparameters from the prior."""
        points = self.whole.prior_points(draws, seed)
        return None if points is None else points[:, self.marginal.latent.others]

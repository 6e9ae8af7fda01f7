"""Answers that bayescompare has no part in: SciPy's densities, its optimisers, and importance sampling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pymc as pm
import pytest
from numpy.typing import NDArray
from scipy import optimize, special

from bayescompare.fit.result import Fit

Array = NDArray[np.float64]
Point = dict[str, Any]


def check_density(
    model: pm.Model, expected: Callable[[Point], float], *, spread: float = 0.3, rel: float = 1e-8
) -> None:
    """The model's log density, without Jacobian, equals ``expected`` at its initial point and around it.

    The gradient is finite there too. ``expected`` is given values in the model's own coordinates.
    """
    logp = model.compile_logp(jacobian=False, mode="FAST_COMPILE")
    gradient = model.compile_dlogp(mode="FAST_COMPILE")
    start = model.initial_point()
    rng = np.random.default_rng(1)
    points = [start, *({k: v + rng.normal(0, spread, np.shape(v)) for k, v in start.items()} for _ in range(3))]
    for point in points:
        # PyTensor takes the log of a prior's literal constants in single precision; the sum is a constant of 1e-6 nats.
        assert float(logp(point)) == pytest.approx(expected(natural(model, point)), rel=rel, abs=1e-5)
        assert np.isfinite(gradient(point)).all()


def natural(model: pm.Model, point: Mapping[str, Any]) -> Point:
    """A point of the unconstrained space in the model's own coordinates."""
    values = {}
    for rv in model.free_RVs:
        value = np.asarray(point[model.rvs_to_values[rv].name], dtype=float)
        transform = model.rvs_to_transforms[rv]
        if transform is not None:
            value = np.asarray(transform.backward(value, *rv.owner.inputs).eval(mode="FAST_COMPILE"))
        values[rv.name] = value
    return values


def check_shape(model: pm.Model, parameters: int, observations: int) -> None:
    """Sizes are as the template says, and every array has named dims."""
    assert sum(np.size(value) for value in model.initial_point().values()) == parameters
    assert model.compile_fn(sum(rv.size for rv in model.observed_RVs), mode="FAST_COMPILE")({}) == observations
    unnamed = [v.name for v in model.named_vars.values() if v.ndim and v.name not in model.named_vars_to_dims]
    assert [name for name in unnamed if not name.endswith("__")] == []
    assert {rv.dtype for rv in model.free_RVs} == {"float64"}


class Weighted(NamedTuple):
    """Points with weights that add up to 1: a posterior by quadrature or by importance sampling."""

    points: Array  # (n, k)
    weights: Array  # (n,)

    def mean(self, values: Array | None = None) -> Array:
        result: Array = self.weights @ (self.points if values is None else values)
        return result

    def sd(self, values: Array | None = None) -> Array:
        x = self.points if values is None else values
        result: Array = np.sqrt(self.weights @ (x - self.weights @ x) ** 2)
        return result

    def quantile(self, values: Array, probability: float) -> float:
        order = np.argsort(values)
        below = np.cumsum(self.weights[order]) - self.weights[order] / 2
        return float(np.interp(probability, below, values[order]))

    @property
    def effective(self) -> float:
        """Effective number of points: 1 over the sum of squared weights."""
        return float(1 / np.sum(self.weights**2))


def quadrature(logp: Callable[[Array], Array], *axes: Array) -> Weighted:
    """A density on a grid of evenly spaced points; ``logp`` takes an array of shape (n, k) and gives (n,)."""
    points = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=-1)
    return Weighted(points, special.softmax(logp(points)))


def maximum(logp: Callable[[Array], float], start: Array) -> Array:
    """The mode by SciPy's BFGS, close enough to put :func:`importance` there."""
    found: Array = optimize.minimize(lambda z: -logp(z), np.asarray(start, dtype=float), method="BFGS").x
    return found


def importance(logp: Callable[[Array], Array], mode: Array, *, draws: int = 100_000, seed: int = 0) -> Weighted:
    """Draws of a multivariate t (5 degrees of freedom) at ``mode``, weighted; ``logp`` takes (n, k) and gives (n,)."""
    k, steps = len(mode), 1e-4 * np.maximum(1.0, np.abs(mode))
    hessian = np.empty((k, k))
    for i in range(k):
        for j in range(k):
            corners = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]], dtype=float)
            shifts = np.zeros((4, k))
            shifts[:, i] += corners[:, 0] * steps[i]
            shifts[:, j] += corners[:, 1] * steps[j]
            hessian[i, j] = logp(mode + shifts) @ np.array([1.0, -1.0, -1.0, 1.0]) / (4 * steps[i] * steps[j])
    factor = np.linalg.cholesky(np.linalg.inv(-hessian))
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((draws, k)) / np.sqrt(rng.chisquare(5, (draws, 1)) / 5)
    proposal = -(5 + k) / 2 * np.log1p((z**2).sum(axis=1) / 5)
    points = mode + z @ factor.T
    return Weighted(points, special.softmax(logp(points) - proposal))


def check_means(fit: Fit, expected: Mapping[str, tuple[float, float, float]]) -> None:
    """Means of a sampled fit against means known otherwise.

    Parameters
    ----------
    fit : Fit
        With draws.
    expected : Mapping of str to (mean, sd, effective)
        The other answer's mean and sd, and its effective number of draws (infinite for a quadrature).
    """
    import arviz as az

    assert fit.draws is not None
    for name, (mean, sd, effective) in expected.items():
        draws = fit.draws[..., fit.names.index(name)]
        error = np.hypot(draws.std() / np.sqrt(float(az.ess(draws, method="mean"))), sd / np.sqrt(effective))
        assert abs(draws.mean() - mean) < 5 * error, f"{name}: {draws.mean():.4g}, not {mean:.4g} ± {error:.2g}"
        assert draws.std() == pytest.approx(sd, rel=0.15), name

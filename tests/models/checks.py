"""What the templates' own tests share: what each must hold, and answers that bayescompare has no part in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from bayescompare.errors import DataError, UsageError
from bayescompare.metrics.losses import parse
from bayescompare.templates import Template

Array = NDArray[np.float64]
Point = dict[str, Any]


def assert_builds(
    template: Template,
    logp: Callable[[Point], float] | None = None,
    *,
    parameters: int | None = None,
    spread: float = 0.3,
    rel: float = 1e-8,
    **options: Any,
) -> pm.Model:
    """Sizes as declared; named dims; double precision; finite density and gradient, equal to ``logp`` where given.

    Parameters
    ----------
    template : Template
    logp : callable, optional
        An independent log density without Jacobian, of all variables by name, in the model's own coordinates.
    parameters : int, optional
        Under options: how many there are, on as many observations as declared. Without it sizes are not looked at.
    spread : float
        Sd of the random steps from the initial point to the other point that is tried.
    rel : float
        Relative tolerance of the density.
    **options
        The template's.
    """
    model = template(**options)
    start = model.initial_point()
    expected = parameters if options else template.parameters
    if not options:
        assert_known(template, model)
    if expected is not None:
        assert sum(np.size(value) for value in start.values()) == expected
        observations = sum(int(rv.size.eval(mode="FAST_COMPILE")) for rv in model.observed_RVs)
        assert observations == template.observations
    unnamed = [v.name for v in model.named_vars.values() if v.ndim and v.name not in model.named_vars_to_dims]
    assert [name for name in unnamed if not name.endswith("__")] == []
    assert {v.dtype for v in model.free_RVs} == {"float64"}

    density = model.compile_logp(jacobian=False, mode="FAST_COMPILE")
    gradient = model.compile_dlogp(mode="FAST_COMPILE")
    values = model.compile_fn(model.unobserved_value_vars, mode="FAST_COMPILE")
    rng = np.random.default_rng(1)
    for point in (start, {key: value + rng.normal(0, spread, np.shape(value)) for key, value in start.items()}):
        found = float(density(point))
        assert np.isfinite(found)
        assert np.isfinite(gradient(point)).all()
        if logp is not None:
            named = dict(zip((v.name for v in model.unobserved_value_vars), values(point), strict=True))
            # PyTensor takes the log of a prior's literal scale in single precision: a constant of 1e-8 to 1e-7 nats a
            # term, of which there are up to some hundred.
            assert found == pytest.approx(logp(named), rel=rel, abs=1e-5)
    return model


def assert_known(template: Template, model: pm.Model) -> None:
    """What the template's question asks for, and what its losses rest on, is in the model as it is built by default."""
    unobserved = {rv.name for rv in (*model.free_RVs, *model.deterministics)}
    for name in (*template.focus, *(target for loss in template.losses for target in parse(loss).targets)):
        variable, _, label = name.removesuffix("]").partition("[")
        assert variable in unobserved
        (dim,) = model.named_vars_to_dims.get(variable, (None,)) if label else (None,)
        assert not label or label in map(str, model.coords[dim])


def assert_refuses(template: Template, options: Mapping[str, Any], *phrases: str) -> None:
    """These options are refused, by the template's name and with every phrase."""
    with pytest.raises(UsageError) as caught:
        template(**options)
    _says(caught.value, template, phrases)


def assert_refuses_data(template: Template, data: Any, *phrases: str) -> None:
    """These data are refused, by the template's name and with every phrase."""
    with pytest.raises(DataError) as caught:
        template(data)
    _says(caught.value, template, phrases)


def _says(error: Exception, template: Template, phrases: tuple[str, ...]) -> None:
    assert str(error).startswith(f"{template.name}: ")
    for phrase in phrases:
        assert phrase in str(error)


def known(names: Sequence[str], mean: ArrayLike, sd: ArrayLike, effective: ArrayLike = np.inf) -> pd.DataFrame:
    """Figures for :func:`assert_posterior`: of a quadrature, or of so many effective draws of a near-normal law."""
    figures = pd.DataFrame({"mean": mean, "sd": sd}, index=list(names))
    figures["mean_error"] = figures["sd"] / np.sqrt(effective)
    figures["sd_error"] = figures["mean_error"] / np.sqrt(2)
    return figures


def assert_posterior(table: pd.DataFrame, known: pd.DataFrame, errors: float = 5.0) -> None:
    """Means and sds of the draws within ``errors`` Monte-Carlo errors of the known ones.

    ``known`` has the scalars' names as its index and the columns ``mean`` and ``sd``; with columns ``mean_error`` and
    ``sd_error``, where the known figures are themselves estimates, those count too.
    """
    rows = table.loc[known.index]
    for figure in ("mean", "sd"):
        own = known.get(f"{figure}_error", 0.0)
        gap = (rows[figure] - known[figure]).abs() / np.hypot(rows[f"mcse_{figure}"], own)
        far = gap[~(gap <= errors)]  # NaN too
        assert far.empty, f"{figure}, in Monte-Carlo errors: {far.to_dict()}"


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

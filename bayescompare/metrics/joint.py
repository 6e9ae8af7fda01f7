"""How a mode sits in the joint posterior: typicality, highest-density level, distance from the mean, basins.

All in the unconstrained coordinates u and on the density with likelihood, prior and Jacobian (weights 1, 1, 1). Plain
arrays in, figures out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.special import gammaincinv

from ..reasons import Code, Reason
from . import diagnostics as mc
from .estimates import mean, proportion, share
from .figure import Figure

Array = NDArray[np.float64]

#: A draw counts as above the mode from so many nats on: rounding of two evaluations is not a better mode.
ABOVE = 1e-6

LEVELS = (np.arange(200) + 0.5) / 200

NOTHING = np.empty(0)

NO_POINT = Reason(Code.NO_COORDINATES)


@dataclass(frozen=True)
class Typicality:
    """How far below the mode the draws lie: T = 2(lp(u*) − lp(u)), which a Gaussian posterior makes χ² with d degrees.

    Attributes
    ----------
    mean_ratio : Figure
        mean(T)/d: 1 for a Gaussian, whose draws sit d/2 nats below the mode.
    above : int
        Draws with a higher density than the mode: any of them means that the mode is not global.
    levels, quantiles, chi2 : ndarray of shape (200,)
        Probabilities; T's quantiles there, in half nats, and those of χ²_d. Empty where T was not computed.
    """

    mean_ratio: Figure
    above: int
    levels: Array
    quantiles: Array
    chi2: Array


@dataclass(frozen=True)
class Distance:
    """Mahalanobis distance of a point from the posterior mean, in posterior sd.

    Attributes
    ----------
    distance : Figure
        ≥ 0; corrected for what the noise of d means and d(d + 1)/2 covariances adds.
    percentile : Figure
        Share of the draws that lie nearer to the mean, each measured from the others, 0 to 1.
    """

    distance: Figure
    percentile: Figure


@dataclass(frozen=True)
class Basins:
    """The distinct modes.

    Attributes
    ----------
    masses : tuple of Figure
        Laplace mass of each mode, as a share of all of them.
    shares : tuple of Figure
        Share of the posterior's draws in each basin.
    outside : Figure
        Share of the draws outside of the first basin, the MAP's.
    """

    masses: tuple[Figure, ...]
    shares: tuple[Figure, ...]
    outside: Figure


def typicality(lp: Array, lp_mode: float, dimension: int) -> Typicality:
    """Distance of the draws below the unconstrained mode, in log density.

    Parameters
    ----------
    lp : ndarray of shape (chains, draws)
        Log density of the posterior's draws, nats.
    lp_mode : float
        Of the unconstrained mode; not finite where there is none.
    dimension : int
        Length d of u.
    """
    if not math.isfinite(lp_mode):
        return Typicality(Figure.missing(Reason(Code.NO_UNCONSTRAINED_MAP)), 0, *[NOTHING] * 3)
    above = int((lp > lp_mode + ABOVE).sum())
    if not np.isfinite(lp).all():
        return Typicality(Figure.missing(Reason(Code.HEIGHT_NOT_FINITE)), above, *[NOTHING] * 3)
    t = 2 * (lp_mode - lp)
    return Typicality(
        mean(t / dimension), above, LEVELS, np.quantile(t, LEVELS), 2 * gammaincinv(dimension / 2, LEVELS)
    )


def joint_level(lp: Array, lp_map: float) -> Figure:
    """Share of draws denser than the MAP: the highest-density region (in u) on whose edge it lies.

    Parameters
    ----------
    lp : ndarray of shape (chains, draws)
        Log density of the posterior's draws, nats.
    lp_map : float
        The same density at the MAP; not finite where the MAP lies on the boundary of its support.
    """
    if not math.isfinite(lp_map):
        return Figure.missing(NO_POINT)
    return share((lp > lp_map) + 0.5 * (lp == lp_map), lp)


def mahalanobis(u: Array, at: Array) -> Distance:
    """Distance of a point from the posterior mean in the posterior's own metric.

    Means and covariance come from n effective draws. The squared distance is therefore multiplied by
    (n − d − 2)/(n − 1) and lowered by the noise of the mean, d/n, which makes it unbiased for independent normal draws;
    so a MAP at the mean has a distance near 0 also where d is 1,000 and n is 4,000. Draws are compared by their
    distances from the mean and in the covariance of all others.

    Parameters
    ----------
    u : ndarray of shape (chains, draws, d)
        Posterior draws.
    at : ndarray of shape (d,)
        The MAP in u; not finite on the boundary of its support.
    """
    chains, draws, d = u.shape
    if not np.isfinite(at).all():
        return _no_distance(NO_POINT)
    flat = u.reshape(-1, d)
    if not np.isfinite(flat).all():
        return _no_distance(Reason(Code.SOME_NOT_FINITE))
    n = len(flat)
    whitened = _whiten(flat, at)
    if whitened is None:
        return _no_distance(Reason(Code.DRAWS_DO_NOT_SPAN, figures={"draws": n, "dimensions": d}))
    v, delta = whitened
    # Whitening by so few draws that d counts among them whitens their autocorrelation away: the coordinates keep it.
    size = min(float(n), *(mc.ess_jointly(x.T.reshape(d, chains, draws)) for x in (v, flat / flat.std(axis=0))))
    if size <= d + 2:
        return _no_distance(Reason(Code.FEW_FOR_COVARIANCE, figures={"draws": size, "dimensions": d}))
    raw, shrink = float(delta @ delta), (size - d - 2) / (size - 1)
    squared = max(shrink * raw - d / size, 0.0)
    along = (v @ delta).reshape(chains, draws)
    # D² changes by −2δᵀΣ⁻¹e − (δᵀΣ⁻¹e)² + D² with a draw at mean + e; beside it stands the noise of the mean, χ²_d/n.
    first = float(mc.mcse_of_mean(shrink * (-2 * along - along**2)[None])[0])
    error = math.sqrt(first**2 + 2 * d / size**2)
    distance = math.sqrt(squared)
    error /= distance + math.sqrt(squared + error)  # s/2D far from the mean, √s at it
    h = (v**2).sum(axis=1) / (n - 1)
    others = np.sqrt((n - 2) * h / (1 - n / (n - 1) * h)).reshape(chains, draws) * n / (n - 1)
    return Distance(Figure(distance, error), _percentile(others, math.sqrt(raw), error))


def _percentile(distances: Array, at: float, error: float) -> Figure:
    """Share of the draws nearer than ``at``, with what an error of ``at`` adds to its own."""
    found = share((distances < at) + 0.5 * (distances == at), distances)
    slope = float(((distances < at + error).mean() - (distances < at - error).mean()) / 2)
    return Figure(found.value, math.hypot(found.mcse or 0.0, slope))


def basins(log_masses: Array, assigned: NDArray[np.intp]) -> Basins:
    """Masses of the distinct modes and where the posterior's draws lie.

    Parameters
    ----------
    log_masses : ndarray of shape (b,)
        Laplace log mass of each mode, the MAP's first: log density + d/2·log 2π − ½ log det H; NaN where the curvature
        is not positive definite, and then no mass is computed.
    assigned : ndarray of int of shape (chains, m)
        The basin to which each of a sample of draws descends; −1 for none of them.
    """
    count = len(log_masses)
    if np.isfinite(log_masses).all():
        weights = np.exp(log_masses - log_masses.max())
        masses = tuple(Figure(float(w)) for w in weights / weights.sum())
    else:
        masses = (Figure.missing(Reason(Code.NOT_POSITIVE_DEFINITE)),) * count
    shares = tuple(_binomial(assigned == b) for b in range(count))
    return Basins(masses, shares, _binomial(assigned != 0))


def _binomial(inside: NDArray[np.bool_]) -> Figure:
    """Share with a binomial error of as many draws as chains that hardly change basin are worth."""
    size = float(inside.size)
    if 0 < inside.sum() < inside.size:
        ess = float(mc.ess_mean(inside[None].astype(float))[0])
        size = min(size, ess) if math.isfinite(ess) else size
    return proportion(float(inside.mean()) * size, size)


def _whiten(flat: Array, at: Array) -> tuple[Array, Array] | None:
    """Draws (n, d) and point, centred and in coordinates of unit covariance; None where the covariance is singular."""
    n, d = flat.shape
    if n <= d + 2:
        return None
    centre, scale = flat.mean(axis=0), flat.std(axis=0, ddof=1)
    if not np.all(scale > 0):
        return None
    scaled = (flat - centre) / scale
    try:
        factor = np.linalg.cholesky(scaled.T @ scaled / (n - 1))
    except np.linalg.LinAlgError:
        return None
    v = solve_triangular(factor, scaled.T, lower=True).T
    return v, solve_triangular(factor, (at - centre) / scale, lower=True)


def _no_distance(reason: Reason) -> Distance:
    return Distance(Figure.missing(reason), Figure.missing(reason))

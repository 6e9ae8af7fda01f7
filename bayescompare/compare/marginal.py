"""The table: every per-scalar figure of how a point estimate sits in its marginal posterior, and its Monte-Carlo error.

Plain arrays in, plain arrays out; no PyMC, no input or output.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import differential_entropy

from . import density
from . import diagnostics as mc

Array = NDArray[np.float64]
Columns = dict[str, Array]

#: Scalars worked on at once: bounds the memory, not the result.
BLOCK = 256

#: Blocks of each chain in a block jackknife.
JACKKNIFE = 5

#: Interquartile ranges beyond the quartiles where the grid of a density ends; only heavy tails reach so far.
REACH = 8.0


@dataclass(frozen=True)
class Marginals:
    """What the table is computed from.

    Attributes
    ----------
    draws : ndarray of shape (chains, draws, k)
        Posterior draws in the model's coordinates.
    map, map_unconstrained, mle : ndarray of shape (k,)
        Points; NaN where there is none.
    laplace : ndarray of shape (n, k) or None
        Draws of the Laplace approximation, pushed back.
    prior : ndarray of shape (n, k) or None
        Draws of the prior.
    interval : float
        Probability of ETI and HDI.
    """

    draws: Array
    map: Array
    map_unconstrained: Array
    mle: Array
    laplace: Array | None
    prior: Array | None
    interval: float = 0.94


def table(m: Marginals) -> tuple[Columns, list[str]]:
    """Every column, and for each scalar the reason why something of it is NaN (or an empty string).

    Columns (unit; sign)
    --------------------
    map, map_unconstrained, mle : the points, in x's unit.
    mean, median, sd, eti_lb, eti_ub, eti50_lb, eti50_ub, hdi_lb, hdi_ub : of the draws, in x's unit (ArviZ's
    definitions).
    mcse_mean, mcse_sd, ess_bulk, ess_tail, r_hat : ArviZ's definitions.
    z : (map − mean)/sd, posterior sd; negative where the MAP lies below the mean. z_mcse: first-order error, the
        covariance of mean and sd included.
    rank : P(x < map) + ½P(x = map), 0 to 1.
    hdi_level : mass of the smallest highest-density region that reaches the MAP, 0 to 1; biased upwards near a mode
        (normal, 4,000 draws: 0.07 ± 0.05 where 0 is true).
    laplace_mean, laplace_sd, laplace_lb, laplace_ub : of the Laplace draws.
    sd_ratio : laplace_sd/sd; below 1 the cheap interval is too narrow.
    w1 : Wasserstein-1 distance of Laplace and posterior marginals, posterior sd. w1_null: what two samples of one law
        of these sizes give on average.
    quadratic_regret : z². absolute_regret : E|x − map|/E|x − median| − 1.
    sign_probability : P(x has the MAP's sign). skewness, entropy (nats), width = exp(entropy).
    contraction : 1 − Var_posterior/Var_prior.
    shift_coordinates, shift_pushforward, shift_shape : posterior sd; they add up to −z.
    """
    k = m.draws.shape[-1]
    pieces = [_block(_rows(m, slice(start, start + BLOCK))) for start in range(0, k, BLOCK)]
    columns = {name: np.concatenate([piece[name] for piece, _ in pieces]) for name in pieces[0][0]}
    return columns, [reason for _, reasons in pieces for reason in reasons]


@dataclass(frozen=True)
class _Rows:
    """A block of scalars, rows first."""

    x: Array  # (k, chains, draws)
    map: Array
    map_unconstrained: Array
    mle: Array
    laplace: Array | None  # (k, n)
    prior: Array | None
    interval: float


def _rows(m: Marginals, part: slice) -> _Rows:
    def rows(a: Array | None) -> Array | None:
        return None if a is None else np.ascontiguousarray(a[:, part].T)

    x = np.ascontiguousarray(np.moveaxis(m.draws[..., part], -1, 0), dtype=float)
    return _Rows(x, m.map[part], m.map_unconstrained[part], m.mle[part], rows(m.laplace), rows(m.prior), m.interval)


def _block(r: _Rows) -> tuple[Columns, list[str]]:
    flat = r.x.reshape(len(r.x), -1)
    ordered = np.sort(flat, axis=1)
    finite = np.isfinite(flat).all(axis=1)
    with np.errstate(all="ignore"):
        columns: Columns = {"map": r.map, "map_unconstrained": r.map_unconstrained, "mle": r.mle}
        columns |= _summary(r, ordered)
        columns |= _location(r, columns)
        columns |= _rank(r, columns)
        columns |= _hdi_level(r, ordered)
        columns |= _laplace(r, ordered, columns)
        columns |= _losses(r, columns)
        columns |= _shape(ordered, columns)
        columns |= _contraction(r, columns)
        columns |= _shifts(columns)
    reasons = _mask(r, columns, ordered, finite)
    return columns, reasons


def _summary(r: _Rows, ordered: Array) -> Columns:
    flat = r.x.reshape(len(r.x), -1)
    mean, sd = flat.mean(axis=1), flat.std(axis=1, ddof=1)
    tail = (1 - r.interval) / 2
    quantiles = _quantiles(ordered, np.array([tail, 1 - tail, 0.25, 0.75, 0.5, 0.05, 0.95]))
    hdi = _hdi(ordered, r.interval)
    return {
        "mean": mean,
        "median": quantiles[4],
        "sd": sd,
        "eti_lb": quantiles[0],
        "eti_ub": quantiles[1],
        "eti50_lb": quantiles[2],
        "eti50_ub": quantiles[3],
        "hdi_lb": hdi[0],
        "hdi_ub": hdi[1],
        "mcse_mean": mc.mcse_of_mean(r.x),
        "mcse_sd": _mcse_sd(r.x),
        "ess_bulk": mc.ess_bulk(r.x),
        "ess_tail": mc.ess_tail(r.x, quantiles[5], quantiles[6]),
        "r_hat": mc.r_hat(r.x),
    }


def _quantiles(ordered: Array, probabilities: Array) -> Array:
    """Linear interpolation of sorted rows (NumPy's default), shape (len(probabilities), k)."""
    position = probabilities * (ordered.shape[1] - 1)
    below = np.floor(position).astype(int)
    above = np.minimum(below + 1, ordered.shape[1] - 1)
    share = position - below
    result: Array = (ordered[:, below] * (1 - share) + ordered[:, above] * share).T
    return result


def _hdi(ordered: Array, probability: float) -> Array:
    """Narrowest interval of sorted rows that holds ``probability``, shape (2, k)."""
    n = ordered.shape[1]
    inside = min(int(np.floor(probability * n)), n - 1)
    widths = ordered[:, inside:] - ordered[:, : n - inside]
    first = np.argmin(np.where(np.isnan(widths), np.inf, widths), axis=1)
    rows = np.arange(len(ordered))
    return np.stack([ordered[rows, first], ordered[rows, first + inside]])


def _mcse_sd(x: Array) -> Array:
    squares = (x - x.mean(axis=(1, 2), keepdims=True)) ** 2
    variance = squares.mean(axis=(1, 2))
    of_variance = ((squares**2).mean(axis=(1, 2)) - variance**2) / mc.ess_mean(squares)
    return np.asarray(np.sqrt(of_variance / variance / 4))


def _location(r: _Rows, c: Columns) -> Columns:
    z = (c["map"] - c["mean"]) / c["sd"]
    v = (r.x - c["mean"][:, None, None]) / c["sd"][:, None, None]
    # d z = −d mean/sd − z d sd/sd, so the influence of one draw is −(v + z(v² − 1)/2).
    z_mcse = mc.mcse_of_mean(v + z[:, None, None] * (v**2 - 1) / 2)
    return {"z": z, "z_mcse": z_mcse, "quadratic_regret": z**2, "quadratic_regret_mcse": 2 * np.abs(z) * z_mcse}


def _rank(r: _Rows, c: Columns) -> Columns:
    m = r.map[:, None, None]
    indicator = (r.x < m) + 0.5 * (r.x == m)
    rank = indicator.mean(axis=(1, 2))
    error = mc.mcse_of_mean(indicator)
    # No draw on one side: the error is not 0 but what one draw in so many effective ones can hide.
    p = (c["ess_tail"] * rank + 0.5) / (c["ess_tail"] + 1)
    at_end = (rank == 0) | (rank == 1)
    error = np.where(at_end, np.sqrt(p * (1 - p) / c["ess_tail"]), error)
    missing = np.isnan(r.map)
    return {"rank": np.where(missing, np.nan, rank), "rank_mcse": np.where(missing, np.nan, error)}


def _hdi_level(r: _Rows, ordered: Array) -> Columns:
    k, chains, _ = r.x.shape
    # A grid over outliers would leave the bulk of a heavy-tailed marginal in one cell.
    quartiles = _quantiles(ordered, np.array([0.25, 0.75]))
    spread = np.where(quartiles[1] > quartiles[0], quartiles[1] - quartiles[0], np.inf)
    first, last = quartiles[0] - REACH * spread, quartiles[1] + REACH * spread
    lower = np.fmin(np.fmax(ordered[:, 0], first), r.map)
    upper = np.fmax(np.fmin(ordered[:, -1], last), r.map)
    # Nor may outliers widen the kernel: the widest that any density of this quartile range needs (Terrell 1990).
    widest = 1.144 * spread / 1.349 * ordered.shape[1] ** -0.2
    usable = np.isfinite(lower) & np.isfinite(upper) & (upper > lower) & np.isfinite(r.map)
    level, error = np.full(k, np.nan), np.full(k, np.nan)
    if usable.any():
        rows = np.flatnonzero(usable)
        low, high, x = lower[rows], upper[rows], r.x[rows].reshape(len(rows), -1)
        blocks = chains * JACKKNIFE
        outside = (x < low[:, None]) | (x > high[:, None])
        index = np.where(outside, density.GRID, density.bins(x, low, high))
        cells = density.counts(index, density.GRID + 1, blocks)[..., :-1]
        whole, inside = cells.sum(axis=1), 1 - outside.mean(axis=1)
        bandwidth = np.minimum(density.bandwidths(ordered[rows]), widest[rows]) / (high - low) * density.GRID
        at = (r.map[rows] - low) / (high - low) * density.GRID - 0.5
        beyond = (r.map[rows] < first[rows]) | (r.map[rows] > last[rows])  # the other tail is denser than the MAP
        level[rows] = _mass_above(density.smooth(whole, bandwidth), at) * inside + beyond * (1 - inside)
        left_out = density.smooth(whole[:, None] - cells, np.repeat(bandwidth[:, None], blocks, axis=1))
        error[rows] = mc.jackknife_error(_mass_above(left_out, at[:, None])) * inside
    return {"hdi_level": level, "hdi_level_mcse": error}


def _mass_above(probability: Array, at: Array) -> Array:
    """Mass of the cells denser than the density at position ``at`` (in cells, from the first one's centre)."""
    size = probability.shape[-1]
    at = np.broadcast_to(np.clip(at, 0, size - 1), probability.shape[:-1])
    below = np.floor(at).astype(int)
    above = np.minimum(below + 1, size - 1)
    share = at - below
    first = np.take_along_axis(probability, below[..., None], -1)[..., 0]
    second = np.take_along_axis(probability, above[..., None], -1)[..., 0]
    height = first * (1 - share) + second * share
    mass: Array = np.where(probability > height[..., None], probability, 0.0).sum(axis=-1)
    return mass


def _laplace(r: _Rows, ordered: Array, c: Columns) -> Columns:
    names: tuple[str, ...] = ("laplace_mean", "laplace_sd", "laplace_lb", "laplace_ub")
    names += ("sd_ratio", "sd_ratio_mcse", "w1", "w1_mcse", "w1_null")
    if r.laplace is None:
        return {name: np.full(len(r.x), np.nan) for name in names}
    sorted_laplace = np.sort(r.laplace, axis=1)
    sd = r.laplace.std(axis=1, ddof=1)
    tail = (1 - r.interval) / 2
    lower, upper = _quantiles(sorted_laplace, np.array([tail, 1 - tail]))
    ratio = sd / c["sd"]
    w1, w1_error = _wasserstein(r, ordered, sorted_laplace)
    n = ordered.shape[1]
    f = (np.arange(1, n) / n) * (1 - np.arange(1, n) / n)
    # E|B(F)| of a Brownian bridge, integrated over x: what sampling alone makes of two equal laws.
    noise = np.sqrt(2 / np.pi) * (np.sqrt(f) * np.diff(ordered, axis=1)).sum(axis=1)
    null = noise * np.sqrt(1 / c["ess_bulk"] + 1 / r.laplace.shape[1]) / c["sd"]
    values = (r.laplace.mean(axis=1), sd, lower, upper, ratio, ratio * c["mcse_sd"] / c["sd"])
    return dict(zip(names, (*values, w1, w1_error, null), strict=True))


def _wasserstein(r: _Rows, ordered: Array, laplace: Array) -> tuple[Array, Array]:
    """Distance in posterior sd, and its block-jackknife error (of the ratio: the sd has an error too)."""
    k, chains, n = r.x.shape
    total, blocks = chains * n, chains * JACKKNIFE
    distance = np.abs(ordered - _resample(laplace, total)).mean(axis=1) / ordered.std(axis=1, ddof=1)
    order = np.argsort(r.x.reshape(k, -1), axis=1)
    block = (np.arange(total) * blocks // total)[order]
    left_out = np.empty((k, blocks))
    for b in range(blocks):
        keep = block != b
        rest = ordered[keep].reshape(k, -1)
        left_out[:, b] = np.abs(rest - _resample(laplace, rest.shape[1])).mean(axis=1) / rest.std(axis=1, ddof=1)
    return distance, mc.jackknife_error(left_out)


def _resample(ordered: Array, size: int) -> Array:
    """Sorted rows at ``size`` evenly spaced quantiles; unchanged where the size is theirs."""
    n = ordered.shape[1]
    if n == size:
        return ordered
    position = np.clip((np.arange(size) + 0.5) / size * n - 0.5, 0, n - 1)
    below = np.floor(position).astype(int)
    above = np.minimum(below + 1, n - 1)
    share = position - below
    result: Array = ordered[:, below] * (1 - share) + ordered[:, above] * share
    return result


def _losses(r: _Rows, c: Columns) -> Columns:
    from_map = np.abs(r.x - r.map[:, None, None])
    from_median = np.abs(r.x - c["median"][:, None, None])
    best = from_median.mean(axis=(1, 2))
    ratio = from_map.mean(axis=(1, 2)) / best
    influence = (from_map - ratio[:, None, None] * from_median) / best[:, None, None]
    agree = (np.sign(r.x) == np.sign(r.map)[:, None, None]).astype(float)
    signless = np.isnan(r.map) | (r.map == 0)
    return {
        "absolute_regret": ratio - 1,
        "absolute_regret_mcse": mc.mcse_of_mean(influence),
        "sign_probability": np.where(signless, np.nan, agree.mean(axis=(1, 2))),
        "sign_probability_mcse": np.where(signless, np.nan, mc.mcse_of_mean(agree)),
    }


def _shape(ordered: Array, c: Columns) -> Columns:
    v = (ordered - c["mean"][:, None]) / c["sd"][:, None]
    # SciPy's estimator needs windows of two spacings, so five draws.
    entropy = differential_entropy(ordered, axis=1) if ordered.shape[1] > 4 else np.full(len(ordered), np.nan)
    return {"skewness": (v**3).mean(axis=1), "entropy": entropy, "width": np.exp(entropy)}


def _contraction(r: _Rows, c: Columns) -> Columns:
    if r.prior is None:
        return {"contraction": np.full(len(r.x), np.nan), "contraction_mcse": np.full(len(r.x), np.nan)}
    variance = r.prior.var(axis=1, ddof=1)
    v = (r.prior - r.prior.mean(axis=1, keepdims=True)) / np.sqrt(variance)[:, None]
    kurtosis = (v**4).mean(axis=1)
    ratio = c["sd"] ** 2 / variance
    relative = np.sqrt((2 * c["mcse_sd"] / c["sd"]) ** 2 + (kurtosis - 1) / r.prior.shape[1])
    heavy = ~np.isfinite(variance) | (variance == 0) | (mc.tail_index(r.prior, kurtosis) >= 0.5)
    return {
        "contraction": np.where(heavy, np.nan, 1 - ratio),
        "contraction_mcse": np.where(heavy, np.nan, ratio * relative),
    }


def _shifts(c: Columns) -> Columns:
    return {
        "shift_coordinates": (c["map_unconstrained"] - c["map"]) / c["sd"],
        "shift_pushforward": (c["laplace_mean"] - c["map_unconstrained"]) / c["sd"],
        "shift_shape": (c["mean"] - c["laplace_mean"]) / c["sd"],
        "shift_shape_mcse": c["mcse_mean"] / c["sd"],
    }


# -- what does not exist ---------------------------------------------------------------------------

_IN_SD = (
    *("z", "z_mcse", "quadratic_regret", "quadratic_regret_mcse", "contraction", "contraction_mcse", "w1", "w1_mcse"),
    *("w1_null", "sd_ratio", "sd_ratio_mcse", "shift_coordinates", "shift_pushforward", "shift_shape"),
    *("shift_shape_mcse", "skewness"),
)


def _mask(r: _Rows, c: Columns, ordered: Array, finite: NDArray[np.bool_]) -> list[str]:
    """Set to NaN what has no value, and say why."""
    k = len(r.x)
    constant = ordered[:, 0] == ordered[:, -1]
    with np.errstate(all="ignore"):
        v = (ordered - c["mean"][:, None]) / c["sd"][:, None]
        index = mc.tail_index(ordered, (v**4).mean(axis=1))
    no_variance = (index >= 0.5) & ~constant & finite
    no_mean = (index >= 1) & ~constant & finite
    # Rounding of the mean must not leave a constant an sd of 1e-16.
    c["mean"], c["sd"] = np.where(constant, ordered[:, 0], c["mean"]), np.where(constant, 0.0, c["sd"])
    _blank(c, _IN_SD, constant | no_variance | ~finite)
    _blank(c, ("sd", "mcse_sd"), no_variance | ~finite)
    _blank(c, ("mean", "mcse_mean", "absolute_regret", "absolute_regret_mcse"), no_mean | ~finite)
    _blank(c, ("ess_bulk", "ess_tail", "r_hat", "rank_mcse", "entropy", "width"), constant | ~finite)
    _blank(c, ("absolute_regret", "absolute_regret_mcse", "mcse_mean", "mcse_sd"), constant)
    reasons = []
    for i in range(k):
        if not finite[i]:
            reasons.append("some draws are not finite")
        elif constant[i]:
            reasons.append("constant in every draw")
        elif no_mean[i]:
            reasons.append(f"a tail's Pareto k-hat is {index[i]:.2f} or more after its error: no mean, no variance")
        elif no_variance[i]:
            reasons.append(f"a tail's Pareto k-hat is {index[i]:.2f} or more after its error: no variance")
        elif np.isnan(r.map[i]):
            reasons.append("no MAP")
        else:
            reasons.append("")
    return reasons


def _blank(c: Columns, names: tuple[str, ...], where: NDArray[np.bool_]) -> None:
    if where.any():
        for name in names:
            c[name] = np.where(where, np.nan, c[name])

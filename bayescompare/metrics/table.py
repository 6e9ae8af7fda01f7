"""The table: every per-scalar figure of how a point estimate sits in its marginal posterior, and its Monte-Carlo error.

Plain arrays in, plain arrays out; no PyMC, no input or output.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..reasons import Reason
from . import diagnostics as mc
from .hdi_level import hdi_level
from .thresholds import INTERVAL
from .undefined import Columns, undefined

Array = NDArray[np.float64]

#: Scalars worked on at once: their arrays fit into a processor's cache. It bounds the memory too, not the result.
BLOCK = 64

#: Blocks of each chain in a block jackknife.
JACKKNIFE = 5


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
    winding : ndarray of bool of shape (k,), optional
        Angles whose draws go all round the circle: they have no mean, no sd, no interval.
    """

    draws: Array
    map: Array
    map_unconstrained: Array
    mle: Array
    laplace: Array | None
    prior: Array | None
    interval: float = INTERVAL
    winding: NDArray[np.bool_] | None = None


def table(m: Marginals) -> tuple[Columns, list[Reason | None]]:
    """Every column, and for each scalar the reason why something of it is NaN, if something is.

    Columns (unit; sign)
    --------------------
    map, map_unconstrained, mle : the points, in x's unit.
    mean, median, sd, eti_lb, eti_ub, eti50_lb, eti50_ub, hdi_lb, hdi_ub : of the draws, in x's unit (ArviZ's
    definitions).
    eti_lb_mcse, eti_ub_mcse, mcse_mean, mcse_sd, ess_bulk, ess_tail, r_hat : ArviZ's definitions.
    z : (map − mean)/sd, posterior sd; negative where the MAP lies below the mean. z_mcse: first-order error, the
        covariance of mean and sd included.
    rank : P(x < map) + ½P(x = map), 0 to 1.
    hdi_level : mass of the smallest highest-density region that reaches the MAP, 0 to 1; biased upwards near a mode
        (normal, 4,000 draws: 0.07 ± 0.05 where 0 is true).
    laplace_mean, laplace_sd, laplace_lb, laplace_ub : of the Laplace draws.
    sd_ratio : laplace_sd/sd; below 1 the cheap interval is too narrow. sd_ratio_mcse: of the posterior's sd, and of
        the Laplace draws' own as far as their tails are heavier than a normal law's.
    w1 : Wasserstein-1 distance of Laplace and posterior marginals, posterior sd. w1_null: what two samples of one law
        of these sizes give on average.
    quadratic_regret : z². absolute_regret : E|x − map|/E|x − median| − 1.
    sign_probability : P(x has the MAP's sign). skewness, entropy (nats; NaN where many draws share one value, for
        then there is no density), width = exp(entropy).
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
    winding: NDArray[np.bool_]

    @cached_property
    def flat(self) -> Array:
        return self.x.reshape(len(self.x), -1)

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """What sorts each row: the one sort of the draws."""
        return np.argsort(self.flat, axis=1)

    @cached_property
    def ordered(self) -> Array:
        return mc.take(self.flat, self.order)

    @cached_property
    def mean(self) -> Array:
        return np.asarray(self.flat.mean(axis=1))

    @cached_property
    def sd(self) -> Array:
        return np.sqrt(mc.variance(self.x))

    @cached_property
    def v(self) -> Array:
        """Standardised draws."""
        return np.asarray((self.flat - self.mean[:, None]) / self.sd[:, None])

    @cached_property
    def squares(self) -> Array:
        return np.asarray(self.v * self.v)

    @cached_property
    def kurtosis(self) -> Array:
        return np.asarray(np.vecdot(self.squares, self.squares) / self.flat.shape[1])

    def error(self, terms: Array) -> Array:
        """Monte-Carlo error of the mean of something of every draw."""
        return mc.mcse_of_mean(terms.reshape(self.x.shape))


def _rows(m: Marginals, part: slice) -> _Rows:
    def rows(a: Array | None) -> Array | None:
        return None if a is None else np.ascontiguousarray(a[:, part].T, dtype=float)

    x = np.ascontiguousarray(np.moveaxis(m.draws[..., part], -1, 0), dtype=float)
    winding = np.zeros(len(x), dtype=bool) if m.winding is None else m.winding[part]
    points = (m.map[part], m.map_unconstrained[part], m.mle[part])
    return _Rows(x, *points, rows(m.laplace), rows(m.prior), m.interval, winding)


def _block(r: _Rows) -> tuple[Columns, list[Reason | None]]:
    finite = np.isfinite(r.flat).all(axis=1)
    with np.errstate(all="ignore"):
        columns: Columns = {"map": r.map, "map_unconstrained": r.map_unconstrained, "mle": r.mle}
        columns |= _summary(r)
        columns |= _location(r, columns)
        columns |= _rank(r, columns)
        columns["hdi_level"], columns["hdi_level_mcse"] = hdi_level(r.flat, r.ordered, r.map, _jackknife(r))
        columns |= _laplace(r, columns)
        columns |= _losses(r, columns)
        columns |= _shape(r)
        columns |= _contraction(r, columns)
        columns |= _shifts(columns)
        reasons = undefined(columns, (r.ordered, r.kurtosis, r.map), r.winding, finite)
    return columns, reasons


def _jackknife(r: _Rows) -> int:
    chains: int = r.x.shape[1]
    return chains * JACKKNIFE


def _summary(r: _Rows) -> Columns:
    tail = (1 - r.interval) / 2
    quantiles = mc.quantiles(r.ordered, np.array([tail, 1 - tail, 0.25, 0.75, 0.5, 0.05, 0.95]))
    hdi = _hdi(r.ordered, r.interval)
    ess_bulk, r_hat = mc.convergence(r.x, r.order, r.ordered)
    tails = mc.ess_tail(r.x, quantiles[5], quantiles[6])
    return {
        "mean": r.mean,
        "median": quantiles[4],
        "sd": r.sd,
        "eti_lb": quantiles[0],
        "eti_ub": quantiles[1],
        "eti_lb_mcse": mc.mcse_of_quantile(r.ordered, tail, tails),
        "eti_ub_mcse": mc.mcse_of_quantile(r.ordered, 1 - tail, tails),
        "eti50_lb": quantiles[2],
        "eti50_ub": quantiles[3],
        "hdi_lb": hdi[0],
        "hdi_ub": hdi[1],
        "mcse_mean": mc.mcse_of_mean(r.x),
        "mcse_sd": _mcse_sd(r),
        "ess_bulk": ess_bulk,
        "ess_tail": tails,
        "r_hat": r_hat,
    }


def _hdi(ordered: Array, probability: float) -> Array:
    """Narrowest interval of sorted rows that holds ``probability``, shape (2, k)."""
    n = ordered.shape[1]
    inside = min(int(np.floor(probability * n)), n - 1)
    widths = ordered[:, inside:] - ordered[:, : n - inside]
    first = np.argmin(np.where(np.isnan(widths), np.inf, widths), axis=1)
    rows = np.arange(len(ordered))
    return np.stack([ordered[rows, first], ordered[rows, first + inside]])


def _mcse_sd(r: _Rows) -> Array:
    variance = r.squares.mean(axis=1)
    of_variance = (r.kurtosis - variance**2) / mc.ess_mean(r.squares.reshape(r.x.shape))
    return np.asarray(r.sd * np.sqrt(of_variance / variance / 4))


def _location(r: _Rows, c: Columns) -> Columns:
    z = (c["map"] - c["mean"]) / c["sd"]
    # d z = −d mean/sd − z d sd/sd, so the influence of one draw is −(v + z(v² − 1)/2).
    z_mcse = r.error(r.v + z[:, None] / 2 * (r.squares - 1))
    return {"z": z, "z_mcse": z_mcse, "quadratic_regret": z**2, "quadratic_regret_mcse": 2 * np.abs(z) * z_mcse}


def _rank(r: _Rows, c: Columns) -> Columns:
    m = r.map[:, None]
    indicator = (r.flat < m) + 0.5 * (r.flat == m)
    rank = indicator.mean(axis=1)
    # No draw on one side: the error is not 0 but what one draw in so many effective ones can hide.
    p = (c["ess_tail"] * rank + 0.5) / (c["ess_tail"] + 1)
    at_end = (rank == 0) | (rank == 1)
    error = np.where(at_end, np.sqrt(p * (1 - p) / c["ess_tail"]), r.error(indicator))
    missing = np.isnan(r.map)
    return {"rank": np.where(missing, np.nan, rank), "rank_mcse": np.where(missing, np.nan, error)}


def _laplace(r: _Rows, c: Columns) -> Columns:
    names: tuple[str, ...] = ("laplace_mean", "laplace_sd", "laplace_lb", "laplace_ub")
    names += ("sd_ratio", "sd_ratio_mcse", "w1", "w1_mcse", "w1_null")
    if r.laplace is None:
        return {name: np.full(len(r.x), np.nan) for name in names}
    sorted_laplace = np.sort(r.laplace, axis=1)
    sd = np.sqrt(mc.variance(r.laplace))
    tail = (1 - r.interval) / 2
    lower, upper = mc.quantiles(sorted_laplace, np.array([tail, 1 - tail]))
    ratio = sd / c["sd"]
    gaps = np.diff(r.ordered, axis=1)
    w1, w1_error = _wasserstein(r, gaps, sorted_laplace)
    n = r.flat.shape[1]
    share = np.arange(1, n) / n
    # E|B(F)| of a Brownian bridge, integrated over x: what sampling alone makes of two equal laws.
    noise = np.sqrt(2 / np.pi) * np.vecdot(gaps, np.sqrt(share * (1 - share)))
    null = noise * np.sqrt(1 / c["ess_bulk"] + 1 / r.laplace.shape[1]) / c["sd"]
    error = ratio * np.hypot(c["mcse_sd"] / c["sd"], _matched_sd_error(r.laplace))
    values = (r.laplace.mean(axis=1), sd, lower, upper, ratio, error)
    return dict(zip(names, (*values, w1, w1_error, null), strict=True))


def _matched_sd_error(laplace: Array) -> Array:
    """Relative error of the sd of n Laplace draws: √((κ − 3)/4n), κ their kurtosis; 0 where that is below 3.

    Of independent draws it is √((κ − 1)/4n); Laplace's z have mean 0 and covariance 1 exactly, which takes the normal
    law's part away.
    """
    squares = (laplace - laplace.mean(axis=1, keepdims=True)) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        kurtosis = (squares**2).mean(axis=1) / squares.mean(axis=1) ** 2
    result: Array = np.sqrt(np.fmax(kurtosis - 3, 0) / (4 * laplace.shape[1]))
    return result


def _wasserstein(r: _Rows, gaps: Array, laplace: Array) -> tuple[Array, Array]:
    """Distance in posterior sd, and its block-jackknife error, to first order (of the ratio: the sd has an error too).

    ∫|F − G|dx grows by ∫ sign(F⁻¹ − G⁻¹)(p − 1(x ≤ F⁻¹(p))) dF⁻¹ with the share of a draw at x: one sum over the gaps
    between sorted draws, those above x taken off, instead of a sort and a distance for each block.
    """
    k, n = r.flat.shape
    apart = r.ordered - _resample(laplace, n)
    distance = np.abs(apart).mean(axis=1) / r.sd
    signs = np.sign(apart)
    signed = gaps * (signs[:, 1:] + signs[:, :-1]) / 2
    upwards = np.zeros((k, n))  # the sum of the signed gaps below each sorted draw
    np.cumsum(signed, axis=1, out=upwards[:, 1:])
    # Constants are left out: an error needs deviations only.
    blocks = min(_jackknife(r), n)
    block = np.arange(n) * blocks // n
    code = np.arange(k)[:, None] * blocks + block[r.order]
    sums = np.bincount(code.ravel(), upwards.ravel(), k * blocks).reshape(k, blocks) / r.sd[:, None]
    starts = np.searchsorted(block, np.arange(blocks))
    sums -= distance[:, None] / 2 * np.add.reduceat(r.squares, starts, axis=1)
    means = sums / np.diff(np.append(starts, n))
    return distance, np.sqrt(means.var(axis=1, ddof=1) / blocks)


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
    from_map = np.abs(r.flat - r.map[:, None])
    from_median = np.abs(r.flat - c["median"][:, None])
    best = from_median.mean(axis=1)
    ratio = from_map.mean(axis=1) / best
    signless = np.isnan(r.map) | (r.map == 0)
    sign, error = _sign_probability(r)
    return {
        "absolute_regret": ratio - 1,
        "absolute_regret_mcse": r.error((from_map - ratio[:, None] * from_median) / best[:, None]),
        "sign_probability": np.where(signless, np.nan, sign),
        "sign_probability_mcse": np.where(signless, np.nan, error),
    }


def _sign_probability(r: _Rows) -> tuple[Array, Array]:
    """Share of the draws with the MAP's sign; most scalars have one sign only, and no error then."""
    lowest, highest, sign = np.sign(r.ordered[:, 0]), np.sign(r.ordered[:, -1]), np.sign(r.map)
    probability, error = (lowest == sign).astype(float), np.zeros(len(r.x))
    mixed = np.flatnonzero(lowest != highest)
    if mixed.size:
        agree = (np.sign(r.x[mixed]) == sign[mixed, None, None]).astype(float)
        probability[mixed], error[mixed] = agree.mean(axis=(1, 2)), mc.mcse_of_mean(agree)
    return probability, error


def _shape(r: _Rows) -> Columns:
    entropy = _entropy(r.ordered)
    return {"skewness": np.vecdot(r.squares, r.v) / r.flat.shape[1], "entropy": entropy, "width": np.exp(entropy)}


def _entropy(ordered: Array) -> Array:
    """SciPy's estimator, which above 1,000 draws is Vasicek's: written out, for SciPy sorts and counts anew."""
    n = ordered.shape[1]
    if n < 5:  # windows of two spacings need so many
        return np.full(len(ordered), np.nan)
    if n <= 1000:
        from scipy.stats import differential_entropy  # a third of a second to import, for few draws alone

        return np.asarray(differential_entropy(ordered, axis=1))
    m = int(np.floor(np.sqrt(n) + 0.5))
    spacings = np.empty_like(ordered)
    spacings[:, m:-m] = ordered[:, 2 * m :] - ordered[:, : -2 * m]
    spacings[:, :m] = ordered[:, m : 2 * m] - ordered[:, :1]
    spacings[:, -m:] = ordered[:, -1:] - ordered[:, -2 * m : -m]
    return np.asarray(np.log(spacings).mean(axis=1) + np.log(n / (2 * m)))


def _contraction(r: _Rows, c: Columns) -> Columns:
    if r.prior is None:
        return {"contraction": np.full(len(r.x), np.nan), "contraction_mcse": np.full(len(r.x), np.nan)}
    variance = mc.variance(r.prior)
    squares = (r.prior - r.prior.mean(axis=1, keepdims=True)) ** 2 / variance[:, None]
    kurtosis = np.vecdot(squares, squares) / r.prior.shape[1]
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

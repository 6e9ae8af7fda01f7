"""Two sets of draws of the same scalars: how far apart, and by more than Monte-Carlo error? Chains are respected.

The first set is the reference: differences are the second's less the first's, in the first's sd.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from ..reasons import Code, Reason
from . import diagnostics as mc
from .estimates import shortfall
from .figure import Figure
from .table import Marginals, table
from .undefined import Columns
from .verdict import Figures, Margins

Array = NDArray[np.float64]

#: Draws of each set that the energy distance looks at, and permutations of their blocks.
ENERGY_DRAWS, PERMUTATIONS = 1000, 999

#: Blocks of a set: at most, at least, and effective draws that one must hold.
MOST_BLOCKS, FEWEST_BLOCKS, EFFECTIVE = 20, 6, 10

#: Relative difference of constants that is rounding.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Sample:
    """Draws of shape (chains, draws, k), and the columns of their table (``mean``, ``sd``, their errors, ...).

    ``reasons`` says for each scalar what its draws lack: a variance, a finite value.
    """

    draws: Array
    columns: Columns
    reasons: tuple[Reason | None, ...]

    @property
    def rows(self) -> Array:
        """The draws, scalars first."""
        return np.ascontiguousarray(np.moveaxis(self.draws, -1, 0), dtype=float)


def sample(draws: Array) -> Sample:
    """Summarise draws of shape (chains, draws, k)."""
    none = np.full(draws.shape[-1], np.nan)
    columns, reasons = table(Marginals(draws, none, none, none, None, None))
    told = (None if one is None or one.code is Code.NO_MAP else one for one in reasons)
    return Sample(draws, columns, tuple(told))


def differences(a: Sample, b: Sample) -> Columns:
    """Figures of every scalar, each of shape (k,), from draws that are finite; NaN where there is none.

    Columns (unit; sign)
    --------------------
    shift : (mean_b − mean_a)/sd_a; shift_mcse : first-order error, of both sets.
    log_sd_ratio : log(sd_b/sd_a), positive where b is wider; log_sd_ratio_mcse.
    rank : P(a < median of b) + ½P(=), where a scalar has no sd to divide by; rank_mcse.
    greater : P(b > a) + ½P(=) of one draw of each; greater_mcse.
    r_hat : of the union of both sets' chains, cut to one length.
    w1 : Wasserstein-1 distance in sd_a; w1_null : what two samples of one law of these sizes give on average.
    """
    x, y = a.rows, b.rows
    with np.errstate(all="ignore"):
        found = shifts(a, b.columns["mean"], b.columns["mcse_mean"])
        found["log_sd_ratio"] = np.log(b.columns["sd"] / a.columns["sd"])
        found["log_sd_ratio"][~np.isfinite(found["log_sd_ratio"])] = np.nan
        relative = [side.columns["mcse_sd"] / side.columns["sd"] for side in (a, b)]
        found["log_sd_ratio_mcse"] = np.hypot(*relative)
        found |= _ranks(x, y, b.columns["median"], np.flatnonzero(~np.isfinite(found["shift"])))
        found |= _greater(x, y)
        found |= _distance(x, y, a.columns, b.columns)
    length = min(x.shape[2], y.shape[2])
    found["r_hat"] = mc.r_hat(np.concatenate([x[..., :length], y[..., :length]], axis=1))
    found["r_hat"][(a.columns["sd"] == 0) & (b.columns["sd"] == 0)] = np.nan
    return found


def shifts(a: Sample, points: Array, mcse: Array) -> Columns:
    """``shift`` and ``shift_mcse`` of points, whose errors are ``mcse`` (0 for a point estimate), from the draws."""
    mean, sd = a.columns["mean"], a.columns["sd"]
    with np.errstate(all="ignore"):
        shift = np.where(sd > 0, (points - mean) / sd, np.nan)
        v = (a.rows - mean[:, None, None]) / sd[:, None, None]
        # As the table's z_mcse: the covariance of mean and sd is in it.
        error = mc.mcse_of_mean(v + shift[:, None, None] / 2 * (v * v - 1))
        return {"shift": shift, "shift_mcse": np.hypot(error, mcse / sd)}


def location_figures(names: tuple[str, ...], c: Columns, margins: Margins) -> Figures:
    """``|shift|`` of each scalar, or ``|rank − ½|`` where there is no sd."""
    has_sd = np.isfinite(c["shift"]) & np.isfinite(c["shift_mcse"])
    return Figures(
        names,
        np.where(has_sd, np.abs(c["shift"]), np.abs(c["rank"] - 0.5)),
        np.where(has_sd, c["shift_mcse"], c["rank_mcse"]),
        np.where(has_sd, margins.location, margins.rank),
    )


def spread_figures(names: tuple[str, ...], c: Columns, margins: Margins) -> Figures:
    """``|log_sd_ratio|`` of each scalar."""
    return Figures(names, np.abs(c["log_sd_ratio"]), c["log_sd_ratio_mcse"], np.full(len(names), margins.spread))


def _ranks(x: Array, y: Array, median: Array, needed: NDArray[np.intp]) -> Columns:
    """Where b's median lies in a; its error is that of both ranks. Constants that differ by rounding are one."""
    found = {name: np.full(len(x), np.nan) for name in ("rank", "rank_mcse")}
    if not needed.size:
        return found
    x, y, median = x[needed], y[needed], median[needed]
    scale = np.maximum(np.abs(median), np.abs(x).max(axis=(1, 2)))
    at = np.where(np.ptp(x, axis=(1, 2)) == 0, x[:, 0, 0], median)
    median = np.where(np.abs(at - median) <= ROUNDING * scale, at, median)
    below = [(z < median[:, None, None]) + 0.5 * (z == median[:, None, None]) for z in (x, y)]
    rank, error = below[0].mean(axis=(1, 2)), np.hypot(*(mc.mcse_of_mean(each) for each in below))
    ends = [shortfall(float(p), float(n)) if p in (0, 1) else 0.0 for p, n in zip(rank, mc.ess_bulk(x), strict=True)]
    found["rank"][needed], found["rank_mcse"][needed] = rank, np.fmax(error, ends)
    return found


def _greater(x: Array, y: Array) -> Columns:
    """P(b > a): each draw's rank among the other set's, averaged."""
    k = len(x)
    value, error = np.empty(k), np.empty(k)
    for i in range(k):
        shares = []
        for own, other in ((y[i], np.sort(x[i], axis=None)), (x[i], np.sort(y[i], axis=None))):
            places = [np.searchsorted(other, own, side=side) for side in ("left", "right")]
            shares.append(np.asarray((places[0] + places[1]) / (2 * other.size)))
        value[i] = shares[0].mean()
        error[i] = math.hypot(*(float(mc.mcse_of_mean(share[None])[0]) for share in shares))
    return {"greater": value, "greater_mcse": error}


def _distance(x: Array, y: Array, a: Columns, b: Columns) -> Columns:
    """Wasserstein-1 in sd_a, and E|B(F)| of a Brownian bridge, what sampling alone makes of two equal laws."""
    n = max(x[0].size, y[0].size)
    at = (np.arange(n) + 0.5) / n
    ordered = [np.sort(z.reshape(len(z), -1), axis=1) for z in (x, y)]
    first, second = (mc.quantiles(each, at).T for each in ordered)
    share = np.arange(1, n) / n
    noise = math.sqrt(2 / math.pi) * np.diff(first, axis=1) @ np.sqrt(share * (1 - share))
    null = noise * np.sqrt(1 / a["ess_bulk"] + 1 / b["ess_bulk"]) / a["sd"]
    w1 = np.abs(first - second).mean(axis=1) / a["sd"]
    return {"w1": np.where(np.isfinite(w1), w1, np.nan), "w1_null": np.where(np.isfinite(null), null, np.nan)}


# -- jointly ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Energy:
    """Energy distance of two sets over all scalars together, of the normal scores of their ranks in the union.

    Attributes
    ----------
    distance : Figure
        2E|X − Y| − E|X − X'| − E|Y − Y'|, which is 0 for one law; pairs of one block are left out. Its error is a
        jackknife over blocks.
    p_value : float
        Of one law, by permutation of blocks of the chains.
    margin : float
        The distance of the first set from itself with one scalar moved by the margin of location, mean over scalars.
    """

    distance: Figure
    p_value: float
    margin: float


def energy(a: Sample, b: Sample, margins: Margins, seed: int = 0) -> Energy:
    """Compare two sets jointly: whole blocks of chains are permuted, so that autocorrelation makes no difference."""
    chosen = np.isfinite(a.draws).all(axis=(0, 1)) & np.isfinite(b.draws).all(axis=(0, 1))
    chosen &= (a.columns["sd"] != 0) | (b.columns["sd"] != 0)  # constants may differ by rounding
    counts = [_blocks(side, chosen) for side in (a, b)]
    if not chosen.any() or min(counts) == 0:
        return Energy(Figure.missing(Reason(Code.FEW_EFFECTIVE_DRAWS)), math.nan, math.nan)
    cut = [_cut(side.draws[..., chosen], count) for side, count in zip((a, b), counts, strict=True)]
    size = min(part.shape[1] for part in cut)
    blocks = [part[:, np.linspace(0, part.shape[1] - 1, size).astype(int)] for part in cut]
    scores = mc.z_scale(np.concatenate(blocks).reshape(1, -1, blocks[0].shape[-1]).transpose(2, 0, 1))[:, 0].T
    means = _block_means(cdist(scores, scores), size)
    first = np.arange(len(means)) < len(blocks[0])
    value = float(_energy(means, first[None])[0])
    rng = np.random.default_rng(seed)
    shuffled = np.stack([rng.permutation(first) for _ in range(PERMUTATIONS)])
    p = (1 + int((_energy(means, shuffled) >= value).sum())) / (PERMUTATIONS + 1)
    error = math.hypot(*(_jackknife(means, first, side) for side in (first, ~first)))
    own = scores[: len(blocks[0]) * size]
    return Energy(Figure(value, error), p, _moved(own, size, margins.location))


def _blocks(side: Sample, chosen: NDArray[np.bool_]) -> int:
    """Blocks of each chain; 0 where the draws are too few for :data:`FEWEST_BLOCKS` in all."""
    chains, draws, _ = side.draws.shape
    ess = side.columns["ess_bulk"][chosen & (side.columns["sd"] != 0)]
    size = float(np.nanmin(ess)) if np.isfinite(ess).any() else float(chains * draws)
    allowed = min(MOST_BLOCKS, int(size // EFFECTIVE))
    each = min(max(allowed // chains, 1), draws)
    return each if min(allowed, each * chains) >= FEWEST_BLOCKS else 0


def _cut(draws: Array, each: int) -> Array:
    """Chains cut into so many blocks, and these thinned: (blocks, draws of a block, k)."""
    chains, n, k = draws.shape
    length = n // each
    blocks = draws[:, : each * length].reshape(chains * each, length, k)
    wanted = min(length, max(ENERGY_DRAWS // (chains * each), 2))
    return blocks[:, np.linspace(0, length - 1, wanted).astype(int)]


def _block_means(distances: Array, size: int) -> Array:
    """Mean distance between the draws of two blocks; 0 within one."""
    count = len(distances) // size
    means = distances.reshape(count, size, count, size).mean(axis=(1, 3))
    np.fill_diagonal(means, 0)
    return np.asarray(means)


def _energy(means: Array, first: NDArray[np.bool_]) -> Array:
    """Energy distance of the blocks that are marked from the others, for each row of marks."""
    p, q = first.astype(float), (~first).astype(float)
    n, m = p.sum(axis=1), q.sum(axis=1)
    across, one, other = ((u @ means * v).sum(axis=1) for u, v in ((p, q), (p, p), (q, q)))
    return np.asarray(2 * across / (n * m) - one / (n * (n - 1)) - other / (m * (m - 1)))


def _jackknife(means: Array, first: NDArray[np.bool_], side: NDArray[np.bool_]) -> float:
    """Error from leaving out each block of one side in turn."""
    left = []
    for i in np.flatnonzero(side):
        kept = np.arange(len(means)) != i
        left.append(_energy(means[np.ix_(kept, kept)], first[kept][None])[0])
    return float(mc.jackknife_error(np.array(left)))


def _moved(scores: Array, size: int, shift: float) -> float:
    """Energy distance of scores from themselves with one coordinate moved, each pair's another one."""
    n, k = scores.shape
    block = np.arange(n) // size
    row, column = np.nonzero(block[:, None] != block[None])
    apart = cdist(scores, scores)[row, column]
    along = (row * 31 + column * 17) % k
    moved = np.sqrt(apart**2 + 2 * shift * (scores[row, along] - scores[column, along]) + shift**2)
    return float(2 * (moved - apart).mean())

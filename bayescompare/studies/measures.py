"""Measures of an estimator over replicates, each with its Monte-Carlo error. Plain arrays; no PyMC.

Every function takes values of R replicates in which the fit gave a number; who calls counts the others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, chi2, wilcoxon

from ..metrics.estimates import proportion
from ..metrics.figure import Figure
from ..reasons import Code, Reason

Array = NDArray[np.float64]

#: Simulations behind the simultaneous test of rank uniformity, and the points at which the ECDF is looked at, at most.
SIMULATIONS, LOOKED_AT = 4000, 100

#: Bins of the chi-squared test of rank uniformity: as many as leave ten ranks in each, and no more than so many.
BINS = 20


def mean(x: Array) -> Figure:
    """Mean of independent values; its error is sd/√R."""
    if len(x) == 0:
        return Figure.missing(Reason(Code.NO_REPLICATE))
    if len(x) == 1:
        return Figure(float(x[0]), None, Reason(Code.ONE_REPLICATE))
    return Figure(float(x.mean()), float(x.std(ddof=1) / math.sqrt(len(x))))


def median(x: Array) -> Figure:
    """Median of independent values; its error is that of a normal law with the values' median absolute deviation."""
    if len(x) == 0:
        return Figure.missing(Reason(Code.NO_REPLICATE))
    value = float(np.median(x))
    spread = 1.4826 * float(np.median(np.abs(x - value)))
    return Figure(value, spread * math.sqrt(math.pi / 2 / len(x)))


def rmse(error: Array) -> Figure:
    """Root of the mean squared error; its own error by the delta method."""
    squared = mean(error**2)
    if not squared.known:
        return squared
    value = math.sqrt(squared.value)
    if squared.mcse is None or value == 0:
        return Figure(value, squared.mcse, squared.reason)
    return Figure(value, squared.mcse / (2 * value))


def share(indicator: NDArray[np.bool_]) -> Figure:
    """Share of replicates; the error is Jeffreys', never 0."""
    return proportion(float(indicator.sum()), float(len(indicator)))


# -- ranks -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Uniformity:
    """Whether ranks (PIT values) are uniform.

    Attributes
    ----------
    distance : Figure
        Largest |ECDF − uniform| over the points looked at, 0 to 1; the error is that of the ECDF there.
    p : Figure
        Of the simultaneous test: probability that uniform ranks leave their pointwise bands as far as these, by
        simulation (Säilynoja, Bürkner and Vehtari 2022, doi:10.1007/s11222-022-10090-6).
    chi2 : Figure
        χ² per degree of freedom of equal bins, 1 if uniform; the error is that of a χ².
    chi2_p : float
    """

    distance: Figure
    p: Figure
    chi2: Figure
    chi2_p: float


def uniformity(ranks: Array) -> Uniformity:
    """Test ranks in [0, 1] against the uniform distribution.

    Parameters
    ----------
    ranks : ndarray of shape (R,)
        Finite.
    """
    n = len(ranks)
    if n < 10:
        nothing = Figure.missing(Reason(Code.FEW_RANKS, figures={"ranks": n}))
        return Uniformity(nothing, nothing, nothing, math.nan)
    z, counts = _points(n), _counts(ranks)
    ecdf = counts / n
    worst = int(np.argmax(np.abs(ecdf - z)))
    at = float(ecdf[worst])
    null = _null(n)
    p = float(np.mean(null <= _statistic(counts[None], n)[0] * (1 + 1e-9)))
    bins = min(BINS, max(n // 10, 2))
    observed = np.histogram(ranks, bins=bins, range=(0, 1))[0]
    statistic = float(((observed - n / bins) ** 2).sum() / (n / bins))
    return Uniformity(
        Figure(abs(at - float(z[worst])), math.sqrt(max(at * (1 - at), 1 / n) / n)),
        Figure(p, math.sqrt(max(p * (1 - p), 1 / SIMULATIONS) / SIMULATIONS)),
        Figure(statistic / (bins - 1), math.sqrt(2 / (bins - 1))),
        float(chi2.sf(statistic, bins - 1)),
    )


def asymmetry(ranks: Array) -> float:
    """The p value of Wilcoxon's signed-rank test that ranks are symmetric about ½; NaN of fewer than ten."""
    return float(wilcoxon(ranks - 0.5).pvalue) if len(ranks) >= 10 else math.nan


def ecdf(ranks: Array, probability: float = 0.95) -> dict[str, Array]:
    """The ECDF of ranks and the band that uniform ranks stay within, all of it at once.

    Returns
    -------
    dict of str to ndarray of shape (K,)
        ``z``, the points; ``ecdf``; ``lower`` and ``upper``, of the simultaneous band.
    """
    n = len(ranks)
    z = _points(n)
    tail = float(np.quantile(_null(n), 1 - probability, method="lower")) / 2
    lower, upper = binom.ppf(tail, n, z), binom.ppf(1 - tail, n, z)
    return {"z": z, "ecdf": _counts(ranks) / n, "lower": lower / n, "upper": upper / n}


def _points(n: int) -> Array:
    k = min(n, LOOKED_AT)
    return np.arange(1, k) / k


def _counts(ranks: Array) -> NDArray[np.intp]:
    """Ranks up to each point."""
    return np.searchsorted(np.sort(ranks), _points(len(ranks)), side="right")


def _statistic(counts: NDArray[np.intp], n: int) -> Array:
    """Twice the smallest pointwise tail probability of an ECDF: small where it leaves its bands."""
    z = _points(n)
    below, above = _tails(n)
    columns = np.arange(len(z))
    return np.asarray(2 * np.minimum(below[columns, counts], above[columns, counts]).min(axis=1))


@lru_cache(maxsize=8)
def _tails(n: int) -> tuple[Array, Array]:
    """P(Bin(n, z) ≤ c) and P(Bin(n, z) ≥ c) for each point z and count c."""
    counts, z = np.arange(n + 1), _points(n)[:, None]
    return binom.cdf(counts, n, z), binom.sf(counts - 1, n, z)


@lru_cache(maxsize=32)
def _null(n: int) -> Array:
    """The statistic of uniform ranks, simulated: the counts between neighbouring points are multinomial."""
    rng = np.random.default_rng(n)
    k = len(_points(n)) + 1
    between = rng.multinomial(n, np.full(k, 1 / k), size=SIMULATIONS)
    return _statistic(between.cumsum(axis=1)[:, :-1], n)

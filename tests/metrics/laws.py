"""Laws whose marginal figures are known exactly, and draws from them: independent, or with autocorrelation."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.integrate import quad
from scipy.signal import lfilter
from scipy.special import ndtr
from scipy.stats import beta, expon, gamma, logistic, lognorm, norm

from bayescompare.metrics.table import Marginals, table
from bayescompare.metrics.undefined import Columns

Array = np.ndarray
LEVELS = (np.arange(200_000) + 0.5) / 200_000


@dataclass(frozen=True)
class Case:
    """A posterior's marginal, its modes with and without the Jacobian, its Laplace approximation, its prior."""

    name: str
    law: Any
    map: float
    map_unconstrained: float
    laplace: Any  # anything with ppf
    prior: Any

    def expect(self, function: Any) -> float:
        """Integral of a function under the law, in pieces, for integrands with a kink."""
        law = self.law
        ends = law.ppf([0, 1e-12, 0.01, law.cdf(self.map), 0.5, 0.99, 1 - 1e-12, 1])
        ends = np.unique(ends[np.isfinite(ends)])
        return sum(quad(lambda x: function(x) * law.pdf(x), a, b, epsabs=1e-13)[0] for a, b in itertools.pairwise(ends))

    @cached_property
    def sd(self) -> float:
        return float(self.law.std())

    def quantile_error(self, p: float) -> float:
        """Asymptotic sd of the p-quantile of one draw; divide by √n."""
        return float(np.sqrt(p * (1 - p)) / self.law.pdf(self.law.ppf(p)))

    def hdi_level(self, m: float, bandwidth: float = 0.0) -> float:
        """Mass of the points denser than ``m``, of the law or of it smoothed by a normal kernel with reflection."""
        x, step, density = self.smoothed(bandwidth)
        return float(density[density > np.interp(m, x, density)].sum() * step)

    def smoothed(self, bandwidth: float) -> tuple[Array, float, Array]:
        lower, upper = self.law.ppf(0), self.law.ppf(1)
        left = lower if np.isfinite(lower) else self.law.ppf(1e-7)
        right = upper if np.isfinite(upper) else self.law.ppf(1 - 1e-7)
        edges = np.linspace(left, right, 20_001)
        x, step = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
        mass = np.diff(self.law.cdf(edges))
        if bandwidth:
            reach = int(np.ceil(6 * bandwidth / step))
            kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * step / bandwidth) ** 2)
            padded = np.concatenate([mass[:reach][::-1], mass, mass[::-1][:reach]])
            mass = np.convolve(padded, kernel / kernel.sum(), mode="same")[reach : reach + len(x)]
        return x, step, mass / step

    @cached_property
    def w1(self) -> float:
        """∫|F⁻¹ − G⁻¹| dp in sd of the law."""
        return float(np.abs(self.law.ppf(LEVELS) - self.laplace.ppf(LEVELS)).mean() / self.sd)


@dataclass(frozen=True)
class LogitNormal:
    """1/(1 + exp(−u)), u normal."""

    u: Any

    def ppf(self, p: Array) -> Array:
        return logistic.cdf(self.u.ppf(p))


def conjugate_normal(m: float, s: float) -> Case:
    return Case("normal", norm(m, s), m, m, norm(m, s), norm(0, 10))


def conjugate_gamma(a: float, b: float) -> Case:
    """MAP (a − 1)/b; on the log scale the mode is log(a/b) and the curvature a."""
    return Case(
        "gamma", gamma(a, scale=1 / b), (a - 1) / b, a / b, lognorm(a**-0.5, scale=a / b), gamma(1.5, scale=2.0)
    )


def conjugate_beta(a: float, b: float) -> Case:
    """MAP (a − 1)/(a + b − 2); on the logit scale the mode is log(a/b) and the curvature ab/(a + b)."""
    u = norm(np.log(a / b), np.sqrt((a + b) / (a * b)))
    return Case("beta", beta(a, b), (a - 1) / (a + b - 2), a / (a + b), LogitNormal(u), beta(1, 1))


def exponential() -> Case:
    """MAP on the boundary at 0, unconstrained MAP 1, Laplace a unit normal in log x."""
    return Case("exponential", expon(), 0.0, 1.0, lognorm(1.0), gamma(1.5, scale=2.0))


CASES = {case.name: case for case in (conjugate_normal(2.0, 3.0), conjugate_gamma(3.5, 2.0), conjugate_beta(2.5, 6.0))}


def draw(law: Any, shape: tuple[int, int, int], rng: np.random.Generator, rho: float = 0.0) -> Array:
    """Draws of shape (chains, draws, k), with autocorrelation ``rho`` of their normal scores."""
    chains, draws, k = shape
    if rho == 0:
        return np.asarray(law.ppf(rng.random(shape)))
    burn = 100
    noise = rng.standard_normal((chains, draws + burn, k))
    scores = lfilter([1.0], [1.0, -rho], noise, axis=1)[:, burn:] * np.sqrt(1 - rho**2)
    return np.asarray(law.ppf(ndtr(scores)))


def full(k: int, value: float) -> Array:
    return np.full(k, value)


def figures(
    x: Array, m: float | Array, *, laplace: Array | None = None, prior: Array | None = None, interval: float = 0.94
) -> tuple[Columns, list[str]]:
    """The table of draws (chains, draws, k) with one MAP for all scalars or one each; no other points."""
    k = x.shape[-1]
    points = np.broadcast_to(np.asarray(m, dtype=float), (k,)).copy()
    return table(Marginals(x, points, full(k, np.nan), full(k, np.nan), laplace, prior, interval))


def replicates(case: Case, k: int, draws: int, seed: int, rho: float = 0.0, at: float | None = None) -> Columns:
    """The table of k independent replications of a case, one scalar each, 4 chains of so many draws.

    The Laplace draws are the law's quantiles, so that they bring no noise of their own.
    """
    rng = np.random.default_rng(seed)
    x = draw(case.law, (4, draws, k), rng, rho)
    laplace = case.laplace.ppf((np.arange(4 * draws) + 0.5) / (4 * draws))
    m = case.map if at is None else at
    columns, reasons = table(
        Marginals(
            x,
            full(k, m),
            full(k, case.map_unconstrained),
            full(k, np.nan),
            np.repeat(np.asarray(laplace)[:, None], k, axis=1),
            draw(case.prior, (1, 1000, k), rng)[0],
        )
    )
    assert reasons == [None] * k
    return columns

"""What sampling by NUTS will cost, from what is known before it: numbers in, seconds out."""

from __future__ import annotations

import math
from dataclasses import dataclass

#: log of the gradients a draw: a constant, and what log condition number, log dimension, log(0.2 / (1 − target
#: acceptance)) and k-hat above ½ add. Least squares over the 42 templates (benchmarks/price.py).
COEFFICIENTS = (1.22, 0.14, 0.10, 0.56, 0.11)

#: Beyond, neither tells more: the metric adapts to scales, and weights without a variance are all alike.
LARGEST_CONDITION, LARGEST_K_HAT = 1e4, 3.0

#: Gradients of a draw of tuning over those of a draw that is kept.
TUNING = 1.3

#: The time lies within this factor of what is said, either way, in nine of ten models (docs/measurements.md).
FACTOR = 2.5


@dataclass(frozen=True)
class Price:
    """What a run of NUTS will take, in seconds of wall time.

    Attributes
    ----------
    seconds, lower, upper : float
        What is expected, compiling among it, and the interval that holds in nine of ten models.
    longer : float
        Of ten times the draws.
    compile_seconds : float
        Where nothing is cached; the lower end leaves it out.
    gradients : float
        Expected gradients a draw.
    gradient_seconds : float
        Of one of them, measured.
    """

    seconds: float
    lower: float
    upper: float
    longer: float
    compile_seconds: float
    gradients: float
    gradient_seconds: float


@dataclass(frozen=True)
class Basis:
    """What a price is made of.

    Attributes
    ----------
    gradients, gradient_seconds, compile_seconds : float
        As in :class:`Price`.
    chains, cores : int
        Chains that run side by side, as many as there are cores.
    compiled : float
        Seconds of compiling that are spent already.
    """

    gradients: float
    gradient_seconds: float
    compile_seconds: float
    chains: int
    cores: int
    compiled: float = 0.0

    def price(self, draws: int, tune: int) -> Price:
        """Of so many draws a chain, after so many of tuning."""
        once, longer = (self._sampling(kept, tune) for kept in (draws, 10 * draws))
        compiling = self.compile_seconds
        return Price(
            compiling + once,
            once / FACTOR,
            compiling + once * FACTOR,
            compiling + longer,
            compiling,
            self.gradients,
            self.gradient_seconds,
        )

    def _sampling(self, draws: int, tune: int) -> float:
        rounds = math.ceil(self.chains / self.cores)  # the last chains may leave cores idle
        return rounds * (draws + TUNING * tune) * self.gradients * self.gradient_seconds


def gradients_a_draw(dimension: int, condition: float, k_hat: float, target_accept: float) -> float:
    """Gradients that a draw takes.

    Parameters
    ----------
    dimension : int
    condition : float
        Of the curvature at the mode, scaled to unit diagonal; NaN where there is none.
    k_hat : float
        Of the Laplace draws; NaN where there are none: as if the posterior were far from Gaussian.
    target_accept : float
    """
    spread = min(condition, LARGEST_CONDITION) if condition >= 1 else 1.0
    tails = LARGEST_K_HAT if math.isnan(k_hat) else min(max(k_hat, 0.5), LARGEST_K_HAT)
    terms = (1.0, math.log(spread), math.log(dimension), math.log(0.2 / (1 - target_accept)), tails - 0.5)
    return max(math.exp(sum(c * term for c, term in zip(COEFFICIENTS, terms, strict=True))), 1.0)

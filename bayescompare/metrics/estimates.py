"""Estimates from draws as figures: means and shares, with their errors."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..reasons import Code, Reason
from . import diagnostics as mc
from .figure import Figure

Array = NDArray[np.float64]


def mean(x: Array) -> Figure:
    """Mean of draws (chains, draws)."""
    return Figure(float(x.mean()), float(mc.mcse_of_mean(x[None])[0]))


def share(indicator: Array, of: Array) -> Figure:
    """Share of draws, 0 to 1; its error is never 0.

    Parameters
    ----------
    indicator : ndarray of shape (chains, draws)
        1 where a draw counts, ½ for a tie.
    of : ndarray of shape (chains, draws)
        What the indicator is about: where no draw or every draw counts, its tail ESS says what so many draws can hide.
    """
    value = float(indicator.mean())
    if 0 < value < 1:
        return Figure(value, float(mc.mcse_of_mean(np.asarray(indicator, dtype=float)[None])[0]))
    lower, upper = np.quantile(of, [0.05, 0.95])
    size = float(mc.ess_tail(of[None], np.array([lower]), np.array([upper]))[0])
    return Figure(value, shortfall(value, size))


def shortfall(value: float, size: float) -> float:
    """Error of a share of 0 or 1 seen in ``size`` effective draws: a binomial one with half a success more."""
    p = (size * value + 0.5) / (size + 1)
    return math.sqrt(p * (1 - p) / size)


def proportion(count: float, size: float) -> Figure:
    """``count`` of ``size`` independent draws; the error is the sd of Jeffreys' Beta(count + ½, size − count + ½)."""
    if size <= 0:
        return Figure.missing(Reason(Code.NO_DRAWS))
    a, b = count + 0.5, size - count + 0.5
    return Figure(count / size, math.sqrt(a * b / ((a + b) ** 2 * (a + b + 1))))

"""A change point: sum out the discrete parameter, and MAP has something to stand on; but one year is not the answer.

When did British coal mining become safer? The year is a whole number, and neither a gradient nor NUTS can move it. But
it can be summed out: for given rates each year's likelihood is a product of Poisson terms, and their sum is a smooth
density of the two rates alone. On that density MAP does well: 3.04 and 0.91 disasters a year by MAP, 3.06 and 0.92 by
the posterior mean, 0.1 posterior sd apart, and the Laplace widths agree.

The year comes back as a probability for each, given the rates. The likeliest first year of the lower rate is 1892, with
a probability of 0.245: whoever reports the mode of the year, 1892, is wrong three times out of four. Nine years from
1887 to 1895 are needed to hold 94 %. Plugging the MAP rates in sharpens the year's probabilities (0.264 for 1892), for
it leaves out that the rates are uncertain too. :func:`year_probabilities` gives them exactly.

Question
--------
In which year did disasters in British coal mines become rarer, and from what rate to what?

Data
----
``year`` and ``disasters``: explosions in British coal mines that killed ten or more, 191 of them from 1851 to 1962.
Jarrett (1979), correcting Maguire, Pearson and Wynn (1952); counted by year from the dates in R's ``boot::coal``.

Model
-----
::

    early, late  ~ Exponential(1)                   disasters a year
    first        ~ uniform over all years but the first         first year of the late rate; summed out
    disasters_t  ~ Poisson(early) before it, Poisson(late) from it on
    when          = mean of ``first``, given the rates

What MAP does, and why
----------------------
The sum over years is a mixture, which could have several modes; here one pair of rates outweighs the rest. Were the
year maximised along with the rates instead of summed out, the rates would be much the same, and the year would look
known.

Options
-------
rate : mean of the rates' exponential prior, in events a year (1)

References
----------
Jarrett, R. G. (1979). A note on the intervals between coal-mining disasters. Biometrika 66, 191-193.
Carlin, B. P., Gelfand, A. E., and Smith, A. F. M. (1992). Hierarchical Bayesian analysis of changepoint problems.
Applied Statistics 41, 389-405.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import scipy.special
from numpy.typing import ArrayLike

from bayescompare.errors import DataError
from bayescompare.templates import template
from bayescompare.templates.data import Array, columns, load, whole_numbers
from bayescompare.templates.options import positive


@template(
    title="Coal-mining disasters",
    question="In which year did disasters in British coal mines become rarer?",
    finding="With the year summed out MAP's rates agree; the year's own mode is usually the wrong year.",
    tags=("time-series", "discrete", "closed-form", "real-data"),
    parameters=2,
    observations=112,
    focus=("when",),
)
def change_point(data: Any = None, *, rate: float = 1.0) -> pm.Model:
    """Poisson counts with one change of rate; the year of the change is summed out.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Columns ``year`` (whole numbers, rising) and ``disasters`` (whole numbers, 0 or above).
    rate : float
        Mean of the rates' exponential prior.
    """
    scale = positive("change_point", "rate", rate)
    table = columns(
        "change_point", load("coal") if data is None else data, {"year": "real", "disasters": "nonnegative"}
    )
    years = whole_numbers("change_point", "year", table["year"])
    counts = whole_numbers("change_point", "disasters", table["disasters"])
    if len(years) < 2 or (np.diff(years) <= 0).any():
        raise DataError("change_point: column 'year' must rise from row to row, over two rows or more. Sort the rows.")

    with pm.Model(coords={"year": years}) as model:
        observed = pm.Data("disasters_data", counts, dims="year")
        early = pm.Exponential("early", scale=scale)
        late = pm.Exponential("late", scale=scale)
        pm.CustomDist(
            "disasters",
            early,
            late,
            dist=lambda early, late, size: _series(early, late, len(years), size),
            logp=lambda value, early, late: pt.logsumexp(_by_year(value, early, late)) - np.log(len(years) - 1.0),
            signature="(),()->(n)",
            observed=observed,
            dims="year",
        )
        pm.Deterministic("when", (pm.math.softmax(_by_year(observed, early, late)) * years[1:]).sum())
    return model


def _series(early: Any, late: Any, length: int, size: Any) -> Any:
    """Draws of the counts, for predictions."""
    batch = pt.broadcast_shape(early, late) if pm.distributions.shape_utils.rv_size_is_none(size) else size
    first = pm.DiscreteUniform.dist(1, length - 1, size=batch)
    is_early = pt.arange(length) < pt.expand_dims(first, -1)
    return pm.Poisson.dist(pt.where(is_early, pt.expand_dims(early, -1), pt.expand_dims(late, -1)))


def _by_year(counts: Any, early: Any, late: Any) -> Any:
    """Log likelihood for each first year of the late rate: sums up to it and from it on, shape (n - 1,)."""
    before = pt.cumsum(pm.logp(pm.Poisson.dist(early), counts))[:-1]
    after = pt.cumsum(pm.logp(pm.Poisson.dist(late), counts)[::-1])[::-1][1:]
    return before + after


def year_probabilities(counts: ArrayLike, rate: float = 1.0) -> Array:
    """Posterior probability of each first year of the late rate, exactly: the rates integrate out as gammas.

    Parameters
    ----------
    counts : array_like of shape (n,)
        Events in successive years.
    rate : float
        Mean of the rates' exponential prior.

    Returns
    -------
    ndarray of shape (n - 1,)
        Of the second year to the last.
    """
    y = np.asarray(counts, dtype=float)
    before, years = y.cumsum()[:-1], np.arange(1.0, len(y))
    after, rest = y.sum() - before, len(y) - years
    early = scipy.special.gammaln(1 + before) - (1 + before) * np.log(1 / rate + years)
    late = scipy.special.gammaln(1 + after) - (1 + after) * np.log(1 / rate + rest)
    probabilities: Array = scipy.special.softmax(early + late)
    return probabilities

"""Measurement error in both variables: the line is right, and the error bars come out nearly half as wide as they are.

Ten points with errors in x and in y. The true x of each point is unknown, so each adds a parameter, and MAP estimates
all ten along with the line. The line comes out well: its slope, -0.4805, is the published one (York 1966), and the
posterior mean is -0.47. But ask whether the stated error bars are right, by a common ``factor``, and MAP says they are
a quarter too wide (0.76), while the posterior says that they are too narrow (mean 1.3): below MAP lies 1 % of it.

Neyman and Scott (1948) found why. Each true x is fitted to its own point and takes up half of what is wrong with it;
MAP still divides the remaining squares by all 20 measurements, as if nothing had been spent. With more points it gets
no better, because each brings its own parameter. The posterior integrates over the true x, and so counts what they
cost.

Question
--------
Which line lies behind the points, and are their error bars right?

Data
----
Pearson's (1901) ten points ``x``, ``y`` with the weights ``weight_x``, ``weight_y`` (one over the variance) that York
(1966) gave them: the standard test of fits with errors in both variables.

Model
-----
::

    level     ~ Normal(mean of y, 10 sd of y)          the line's height at the mean of x
    slope     ~ Normal(0, 10 sd of y / sd of x)
    factor    ~ LogNormal(0, factor_sd)                   by which the error bars are too narrow
    x_true_i  ~ Normal(mean of x, 10 sd of x)
    x_i       ~ Normal(x_true_i, factor / sqrt(weight_x_i))
    y_i       ~ Normal(level + slope * (x_true_i - mean of x), factor / sqrt(weight_y_i))
    intercept = level - slope * mean of x

What MAP does, and why
----------------------
For the line it is what ``scipy.odr`` and York's iteration compute: least squares of both distances, of which S = 11.9
is left. MAP takes ``factor**2`` to be nearly S / 20, the posterior nearly S / 8: ten points, less two for the line. In
the posterior the slope is drawn a little to 0 in addition, by the determinant of each point's variance, which a mode
leaves out.

Options
-------
factor_sd : sd of the logarithm of ``factor`` in its prior (1)

References
----------
Pearson, K. (1901). On lines and planes of closest fit to systems of points in space. Philosophical Magazine 2, 559-572.
York, D. (1966). Least-squares fitting of a straight line. Canadian Journal of Physics 44, 1079-1086.
Neyman, J., and Scott, E. L. (1948). Consistent estimates based on partially consistent observations. Econometrica 16,
1-32.
"""

from __future__ import annotations

from typing import Any

import pymc as pm

from bayescompare.errors import DataError
from bayescompare.templates import template
from bayescompare.templates.data import columns, load
from bayescompare.templates.options import positive


@template(
    title="Errors in both variables",
    question="Which line lies behind ten points with errors in x and in y, and are the error bars right?",
    finding="MAP calls the error bars too wide; the posterior calls them too narrow.",
    tags=("regression", "latent-variables", "real-data"),
    parameters=13,
    observations=20,
    focus=("slope", "intercept", "factor"),
    sampler={"target_accept": 0.95, "draws": 2000},  # the slope hangs on the true x of the last point
)
def measurement_error(data: Any = None, *, factor_sd: float = 1.0) -> pm.Model:
    """A line through points whose true x are unknown.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Columns ``x``, ``y`` and the weights ``weight_x``, ``weight_y`` (one over the variance, above 0).
    factor_sd : float
        Sd of the logarithm of ``factor`` in its prior.
    """
    spread = positive("measurement_error", "factor_sd", factor_sd)
    points = columns(
        "measurement_error",
        load("pearson_york") if data is None else data,
        {"x": "real", "y": "real", "weight_x": "positive", "weight_y": "positive"},
    )
    x, y = points["x"], points["y"]
    if x.min() == x.max():
        raise DataError("measurement_error: column 'x' has the same value in every row, so no line can be drawn.")

    with pm.Model(coords={"point": range(1, len(x) + 1)}) as model:
        observed_x = pm.Data("x_data", x, dims="point")
        observed_y = pm.Data("y_data", y, dims="point")
        sd_x = pm.Data("sd_x", points["weight_x"] ** -0.5, dims="point")
        sd_y = pm.Data("sd_y", points["weight_y"] ** -0.5, dims="point")

        level = pm.Normal("level", y.mean(), 10 * y.std())
        slope = pm.Normal("slope", 0.0, 10 * y.std() / x.std())
        factor = pm.LogNormal("factor", 0.0, spread)
        pm.Deterministic("intercept", level - slope * x.mean())
        # From the prior's mean, where all true x are equal, chains can end in a poor line and stay there.
        x_true = pm.Normal("x_true", x.mean(), 10 * x.std(), initval=x, dims="point")
        pm.Normal("x", x_true, factor * sd_x, observed=observed_x, dims="point")
        pm.Normal("y", level + slope * (x_true - x.mean()), factor * sd_y, observed=observed_y, dims="point")
    return model

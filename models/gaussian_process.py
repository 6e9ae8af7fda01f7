"""A Gaussian process: hyperparameters by the mode against full Bayes.

Hyperparameters of a Gaussian process are nearly always set to their mode ("type-II maximum likelihood"), because the
function itself is integrated out exactly and three numbers are left. With eleven points the three are not known well.
MAP takes an amplitude ``alpha`` of 2.08 where the posterior mean is 2.44, and a noise variance ``sigma`` of 1.66 where
it is 1.83: 0.4 posterior sd too small, both, because their posteriors are skewed to the right.

Too little noise and too little amplitude make the predictions too sure, most of all where the data end. Two spacings
beyond the last point (x = 14) the sd of the function is 1.41 by the mode and 1.65 by the posterior: 14 % of it are
missing; amid the points 7 % are.

Question
--------
What smooth function lies behind the points, and how sure is it, by its own scales?

Data
----
Eleven points ``x``, ``y``, simulated: posteriordb's ``gp_pois_regr`` (BSD-3-Clause).

Model
-----
::

    rho    ~ Gamma(rho_shape, rho_rate)      length-scale, in units of x
    alpha  ~ HalfNormal(2)                   sd of the function
    sigma  ~ HalfNormal(1)                   variance of the noise
    y      ~ MvNormal(0, K),   K_ij = alpha² exp(-(x_i - x_j)² / (2 rho²)) + sigma [i = j]

posteriordb's ``gp_regr``, whose ``sigma`` stands on the diagonal and so is a variance.

What MAP does, and why
----------------------
The function is integrated out, so this is a mode of few parameters with nothing hidden in it: the best case for MAP,
and still off by 0.4 posterior sd. Where a mode of the function *and* its scales is taken at once, nothing sound is left
(see ``local_level``).

The prior of ``rho`` is strong (6.25 ± 1.25), as it should be where points are few: without it there is no mode at all,
for the likelihood rises as the length-scale goes to infinity, where the function is a constant. Options set it.

Options
-------
rho_shape, rho_rate : of the length-scale's Gamma prior (25, 4)

References
----------
Rasmussen, C. E., and Williams, C. K. I. (2006). Gaussian Processes for Machine Learning, chapter 5. MIT Press.
Lalchand, V., and Rasmussen, C. E. (2020). Approximate inference for fully Bayesian Gaussian process regression.
Proceedings of Machine Learning Research 118.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm

from bayescompare.templates import template
from bayescompare.templates.data import columns, load
from bayescompare.templates.options import positive


@template(
    title="A Gaussian process",
    question="What smooth function lies behind eleven points, and how sure is it, by its own scales?",
    finding="Amplitude and noise by the mode are below their posterior means, so predictions are too sure.",
    tags=("gaussian-process", "simulated-data"),
    parameters=3,
    observations=11,
    focus=("rho", "alpha", "sigma"),
)
def gaussian_process(data: Any = None, *, rho_shape: float = 25.0, rho_rate: float = 4.0) -> pm.Model:
    """Regression by a Gaussian process with an exponentiated quadratic kernel.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Columns ``x`` and ``y``.
    rho_shape, rho_rate : float
        Of the length-scale's Gamma prior.
    """
    shape = positive("gaussian_process", "rho_shape", rho_shape)
    rate = positive("gaussian_process", "rho_rate", rho_rate)
    points = columns("gaussian_process", load("gp_regression") if data is None else data, {"x": "real", "y": "real"})
    x = points["x"]

    with pm.Model(coords={"point": range(1, len(x) + 1), "other": range(1, len(x) + 1)}) as model:
        squared_distance = pm.Data("squared_distance", (x[:, None] - x) ** 2, dims=("point", "other"))
        observed = pm.Data("y_data", points["y"], dims="point")

        rho = pm.Gamma("rho", shape, rate)
        alpha = pm.HalfNormal("alpha", 2.0)
        sigma = pm.HalfNormal("sigma", 1.0)
        covariance = alpha**2 * pm.math.exp(-squared_distance / (2 * rho**2)) + sigma * np.eye(len(x))
        pm.MvNormal("y", np.zeros(len(x)), cov=covariance, observed=observed, dims="point")
    return model

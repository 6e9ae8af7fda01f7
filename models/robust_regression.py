"""Robust regression: the point resists outliers, the interval at the mode does not.

Student-t errors keep one bad day of a chemical plant from bending the regression, and MAP is enough to get that: this
is what robust-regression software does, and its coefficients are within 0.4 posterior sd of the posterior means here.

But the curvature at the mode is that of the days which fit well. With ``nu=4`` the Laplace intervals of the
coefficients have 76 to 82 % of the posterior's sd, and with ``nu=1`` (Cauchy errors) about half: the interval for
``air_flow`` is then 0.48 times as wide as it should be. A t likelihood is not log-concave: which days are outliers is
itself uncertain, the posterior averages over it, and a single mode has decided. The error scale ``sigma`` is decided
along with it, 0.9 posterior sd too small.

Question
--------
How much ammonia does a plant lose, depending on air flow, water temperature and acid?

Data
----
21 days of a plant that makes nitric acid from ammonia: ``loss`` (unabsorbed ammonia, in 0.1 %), ``air_flow``,
``water_temperature`` (°C) and ``acid`` (concentration). Brownlee (1965), section 13.12: the stack-loss data on which
robust methods have been tried ever since; days 1, 3, 4 and 21 are its well known outliers. As shipped with R
(``datasets::stackloss``) and statsmodels.

Model
-----
::

    intercept, beta_k ~ Normal(0, 100)
    sigma             ~ HalfNormal(50)
    loss_i            ~ StudentT(nu, intercept + x_i · beta, sigma)          nu known

Predictors are standardised (mean 0, sd 1), so a coefficient is what one sd does.

What MAP does, and why
----------------------
As the priors are wide, MAP is the maximum-likelihood fit of a t regression: that of statsmodels' ``TLinearModel``.
``nu`` is held fixed because the likelihood has no maximum when it is free: let the plane pass through four of the days
exactly, and for ``nu`` below 4 / 17 the density grows without bound as ``sigma`` goes to 0.

Options
-------
nu : degrees of freedom of the errors, known (4); 1 is Cauchy, 30 nearly normal

References
----------
Brownlee, K. A. (1965). Statistical Theory and Methodology in Science and Engineering, second edition. Wiley.
Lange, K. L., Little, R. J. A., and Taylor, J. M. G. (1989). Robust statistical modeling using the t distribution.
Journal of the American Statistical Association 84, 881-896.
Fernández, C., and Steel, M. F. J. (1999). Multivariate Student-t regression models: pitfalls and inference. Biometrika
86, 153-167.
"""

from __future__ import annotations

from typing import Any

import pymc as pm

from bayescompare.templates import template
from bayescompare.templates.data import load
from bayescompare.templates.options import positive
from bayescompare.templates.predictors import predictors, standardised


@template(
    title="Robust regression",
    question="How much ammonia does a plant lose, when some of its days are outliers?",
    finding="Coefficients are robust, but the curvature at the mode makes their intervals too narrow.",
    tags=("regression", "robust", "real-data"),
    parameters=5,
    observations=21,
    focus=("intercept", "beta"),
)
def robust_regression(data: Any = None, *, nu: float = 4.0) -> pm.Model:
    """Linear regression with Student-t errors.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Column ``loss``; every other column is a predictor. They are standardised by their own mean and sd.
    nu : float
        Degrees of freedom, known.
    """
    df = positive("robust_regression", "nu", nu)
    names, raw, loss = predictors("robust_regression", load("stackloss") if data is None else data, "loss", "real")

    with pm.Model(coords={"predictor": names, "day": range(1, len(raw) + 1)}) as model:
        X = pm.Data("X", standardised(raw), dims=("day", "predictor"))
        observed = pm.Data("loss_data", loss, dims="day")

        intercept = pm.Normal("intercept", 0.0, 100.0)
        beta = pm.Normal("beta", 0.0, 100.0, dims="predictor")
        sigma = pm.HalfNormal("sigma", 50.0)
        # Not X @ beta: PyTensor compiles its matrix product for 40 s, once on each machine.
        expected = intercept + (X * beta).sum(-1)
        pm.StudentT("loss", df, mu=expected, sigma=sigma, observed=observed, dims="day")
    return model

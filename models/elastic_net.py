"""Elastic net: two penalties are one prior, which knows how often it would see a zero. Never.

The penalty ``|b| / s + b² / (2 t²)`` is minus the log of a proper density: a Normal(-t²/s, t) cut off at 0, with a
coin's sign. So the elastic net is a MAP estimate like ridge and lasso, and its prior can be drawn from. No draw is
ever 0, and no draw of the posterior either, yet MAP puts the coefficient of plant density at exactly 0. Its posterior
mean is 0.023, its sd 0.042, and it is positive with probability 0.70: small, perhaps, but not absent.

The normal part was added to the lasso so that twins share. The two diameters of a bush (correlation 0.87 in logs) get
0.24 and 0.42, where the lasso gives 0.20 and 0.49. That division is a property of the prior; the data mostly speak of
the sum. Its posterior is 0.65 with an sd of 0.070, while each of the two alone has an sd of 0.088.

Question
--------
Which measures of a mesquite bush foretell how many grams of leaves it carries?

Data
----
46 bushes in two groups measured at different times of year: leaf ``weight`` in grams, two diameters of the canopy
(``diam1`` the longer), canopy and total height, all in metres, plant ``density`` (stems per bush) and ``group``.
Gelman and Hill (2007), section 4.6; by way of posteriordb (BSD-3-Clause). All but the group in logs; predictors
standardised, log weight centred.

Model
-----
::

    beta_k  ~ p(b) ∝ exp(-|b| / laplace_scale - b² / (2 normal_scale²))     log grams per sd of the predictor
    y_i     ~ Normal(x_i · beta, noise)                                     noise known

Completing the square, ``-|b|/s - b²/(2t²)`` is ``-(|b| + t²/s)²/(2t²)`` and a constant. That gives the prior's draws
and its normalising constant, which matters as soon as one of the scales is to be learned.

What MAP does, and why
----------------------
It equals scikit-learn's ``ElasticNet(alpha=a + r, l1_ratio=a / (a + r), fit_intercept=False)`` with ``a = noise² / (n
laplace_scale)`` and ``r = noise² / (n normal_scale²)``, zeros included, which a test holds to 1e-6. A coefficient that
is 0 at the mode has all of its probability beside 0: MAP's error there has a direction (here 0.55 posterior sd below
the mean). Zou and Hastie scale the coefficients up again, against the double shrinkage; a posterior needs no such
mending, for its prior says what it means.

Options
-------
laplace_scale : scale of the prior's Laplace part (0.05)
normal_scale : sd of its normal part (0.2)
noise : sd of y around the regression, known (0.33, about the residual sd of least squares)

References
----------
Zou, H., and Hastie, T. (2005). Regularization and variable selection via the elastic net. JRSS B 67, 301-320.
Li, Q., and Lin, N. (2010). The Bayesian elastic net. Bayesian Analysis 5, 151-170.
Gelman, A., and Hill, J. (2007). Data Analysis Using Regression and Multilevel/Hierarchical Models, section 4.6.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm

from bayescompare.templates import template
from bayescompare.templates.data import Array, load
from bayescompare.templates.options import positive
from bayescompare.templates.predictors import predictors, standardised


@template(
    title="Elastic net",
    question="Which measures of a mesquite bush foretell the weight of its leaves?",
    finding="MAP drops plant density at exactly 0; its posterior is above 0 more likely than not.",
    tags=("regression", "sparsity", "real-data"),
    parameters=6,
    observations=46,
    focus=("beta",),
)
def elastic_net(
    data: Any = None, *, laplace_scale: float = 0.05, normal_scale: float = 0.2, noise: float = 0.33
) -> pm.Model:
    """Linear regression with the elastic net's prior on standardised coefficients.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Column ``y``; every other column is a predictor. They are standardised by their own mean and sd.
    laplace_scale, normal_scale : float
        Scale of the prior's Laplace part, sd of its normal part, in units of ``y`` per sd of the predictor.
    noise : float
        Sd of ``y`` around the regression, known.
    """
    b, tau = (
        positive("elastic_net", "laplace_scale", laplace_scale),
        positive("elastic_net", "normal_scale", normal_scale),
    )
    sigma = positive("elastic_net", "noise", noise)
    names, raw, y = predictors("elastic_net", _bushes() if data is None else data)

    with pm.Model(coords={"predictor": names, "row": range(1, len(y) + 1)}) as model:
        X = pm.Data("X", standardised(raw), dims=("row", "predictor"))
        observed = pm.Data("y_data", y - y.mean(), dims="row")
        beta = pm.CustomDist("beta", b, tau, logp=_logp, random=_random, dims="predictor")
        # Not X @ beta: PyTensor compiles its matrix product for 40 s, once on each machine; a sum compiles at once,
        # and is as fast while X is small.
        pm.Normal("y", (X * beta).sum(-1), sigma, observed=observed, dims="row")
    return model


def _logp(value: Any, b: Any, tau: Any) -> Any:
    """Log density of the elastic net's prior; without the constant it would not be a density in b and tau."""
    constant = np.log(2) + pm.math.log(tau) + 0.5 * np.log(2 * np.pi) + tau**2 / (2 * b**2) + _log_cdf(-tau / b)
    return -abs(value) / b - value**2 / (2 * tau**2) - constant


def _log_cdf(x: Any) -> Any:
    return pm.logcdf(pm.Normal.dist(0.0, 1.0), x)


def _random(b: float, tau: float, rng: np.random.Generator | None = None, size: Any = None) -> Array:
    """Completing the square: |beta| is a Normal(-tau²/b, tau) cut off at 0, and its sign is a coin's."""
    import scipy.stats as stats

    rng = rng or np.random.default_rng()
    size_of = stats.truncnorm.rvs(tau / b, np.inf, loc=-(tau**2) / b, scale=tau, size=size, random_state=rng)
    return np.asarray(size_of * rng.choice([-1.0, 1.0], size=size))


def _bushes() -> dict[str, Array]:
    raw = {name: np.array(column, dtype=float) for name, column in load("mesquite").items()}
    logs = {f"log_{name}": np.log(column) for name, column in raw.items() if name not in ("weight", "group")}
    return {"y": np.log(raw["weight"]), **logs, "group": raw["group"]}

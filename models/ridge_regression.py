"""Ridge regression: the most used MAP estimate of all, most often without the name.

The penalty of ridge regression *is* a prior. Minimising ``|y - X b|² + alpha |b|²`` is maximising the posterior under
``b ~ Normal(0, tau)`` with noise ``sigma``, where ``alpha = sigma² / tau²``. Whoever picks alpha picks a prior.

With both scales known the posterior is normal, so MAP is its mean, exactly: as a point, ridge loses nothing. What it
drops is the width, and here that matters. The blood serum measurements overlap so much that the coefficient of total
cholesterol (``s1``) is -13.7 with a posterior sd of 11.6, and without the prior -37.7 with 19.8. A table of ridge
coefficients shows -13.7 alone.

Question
--------
Which of ten measurements of a diabetes patient foretell how far the disease has gone a year later?

Data
----
442 patients, ten baseline variables (age, sex, body mass index, blood pressure, six blood serum measurements) and a
measure of disease progression ``y`` after a year: Efron, Hastie, Johnstone and Tibshirani (2004), as scikit-learn
ships them, in raw units. Every predictor is standardised here (mean 0, sd 1), and ``y`` is centred.

Model
-----
::

    beta_k  ~ Normal(0, prior_scale)          points of progression per sd of the predictor
    y_i     ~ Normal(x_i · beta, noise)       noise known

No intercept is needed: with ``y`` and all predictors centred, a flat intercept's mode is 0 and it is independent of the
coefficients. Add the mean of ``y`` back to predict; the intercept's own posterior sd, noise / √442 = 2.6, is left out.

What MAP does, and why
----------------------
It equals scikit-learn's ``Ridge(alpha=noise**2 / prior_scale**2)`` (alpha = 7.29), which a test holds to 1e-6. For
fitting it is all one needs; for saying which measurements matter it is not.

Options
-------
prior_scale : sd of the coefficients' prior, in units of ``y`` per sd of a predictor (20)
noise : sd of y around the regression, known (54, about the residual sd of least squares)

References
----------
Efron, B., Hastie, T., Johnstone, I., and Tibshirani, R. (2004). Least angle regression. Annals of Statistics 32,
407-499.
Hoerl, A. E., and Kennard, R. W. (1970). Ridge regression. Technometrics 12, 55-67.
"""

from __future__ import annotations

from typing import Any

import pymc as pm

from bayescompare.templates import template
from bayescompare.templates.data import load
from bayescompare.templates.options import positive
from bayescompare.templates.predictors import predictors, standardised


@template(
    title="Ridge regression",
    question="Which of ten baseline measurements foretell the progression of diabetes?",
    finding="Ridge is MAP, and here exactly the posterior mean; it hides how little some coefficients are known.",
    tags=("regression", "conjugate", "closed-form", "real-data"),
    parameters=10,
    observations=442,
    focus=("beta",),
)
def ridge_regression(data: Any = None, *, prior_scale: float = 20.0, noise: float = 54.0) -> pm.Model:
    """Linear regression with a normal prior on standardised coefficients.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Column ``y``; every other column is a predictor. They are standardised by their own mean and sd.
    prior_scale : float
        Sd of each coefficient's prior, in units of ``y`` per sd of the predictor.
    noise : float
        Sd of ``y`` around the regression, known.
    """
    tau, sigma = positive("ridge_regression", "prior_scale", prior_scale), positive("ridge_regression", "noise", noise)
    names, raw, y = predictors("ridge_regression", load("diabetes") if data is None else data)

    with pm.Model(coords={"predictor": names, "row": range(1, len(y) + 1)}) as model:
        X = pm.Data("X", standardised(raw), dims=("row", "predictor"))
        observed = pm.Data("y_data", y - y.mean(), dims="row")
        beta = pm.Normal("beta", 0.0, tau, dims="predictor")
        # Not X @ beta: PyTensor compiles its matrix product for 40 s, once on each machine; a sum compiles at once,
        # and is as fast while X is small.
        pm.Normal("y", (X * beta).sum(-1), sigma, observed=observed, dims="row")
    return model

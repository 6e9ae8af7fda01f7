"""Lasso: MAP is sparse, the posterior never is, and a zero may mean "absent" or "unknown".

The lasso's penalty is a prior too: ``b ~ Laplace(0, scale)``. Its density has a kink at 0, so the mode can lie exactly
there, and here MAP sets two of ten coefficients to 0: age and ``s2``. No draw of the posterior has a 0 in it. The
sparsity is a property of the mode, not of what the data say.

The two zeros do not mean the same. Age: posterior mean -0.2, sd 2.6 points, so it matters little. ``s2``: mean 0.3, sd
7.1, with 94 % between -12 and 15: wider than for ``s6``, which MAP keeps (sd 2.9). The serum measurements overlap, and
the mode lets some of them speak for all. Whoever reads a lasso's zeros as "no effect" drops a variable about which the
data are silent.

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

    beta_k  ~ Laplace(0, prior_scale)         points of progression per sd of the predictor
    y_i     ~ Normal(x_i · beta, noise)       noise known

The same as ``ridge_regression`` but for the prior. Park and Casella (2008) let the prior's scale follow the noise, as
noise / lambda, and take lambda = 0.237 for predictors of unit length: that is a scale of 54 / (0.237 √442) = 10.8
here.

What MAP does, and why
----------------------
It equals scikit-learn's ``Lasso(alpha=noise**2 / (n * prior_scale))`` (alpha = 0.60), zeros included, which a test
holds to 1e-6. At a kink the density has no curvature: there is no standard error to be had from it, and no Laplace
approximation. The posterior integrates over all that the mode decides: the means of the large coefficients hardly
move, those of the overlapping ones do (``s4``: 2.6 at the mode, 4.7 on average).

Options
-------
prior_scale : scale of the coefficients' prior, in units of ``y`` per sd of a predictor (11)
noise : sd of y around the regression, known (54, about the residual sd of least squares)

References
----------
Tibshirani, R. (1996). Regression shrinkage and selection via the lasso. JRSS B 58, 267-288.
Park, T., and Casella, G. (2008). The Bayesian lasso. JASA 103, 681-686.
Efron, B., Hastie, T., Johnstone, I., and Tibshirani, R. (2004). Least angle regression. Annals of Statistics 32,
407-499.
"""

from __future__ import annotations

from typing import Any

import pymc as pm

from bayescompare.templates import template
from bayescompare.templates.data import load
from bayescompare.templates.options import positive
from bayescompare.templates.predictors import predictors, standardised


@template(
    title="Lasso regression",
    question="Which of ten baseline measurements foretell the progression of diabetes?",
    finding="MAP sets coefficients to exactly 0; no draw of the posterior has a zero.",
    tags=("regression", "sparsity", "real-data"),
    parameters=10,
    observations=442,
    focus=("beta",),
)
def lasso_regression(data: Any = None, *, prior_scale: float = 11.0, noise: float = 54.0) -> pm.Model:
    """Linear regression with a Laplace prior on standardised coefficients.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Column ``y``; every other column is a predictor. They are standardised by their own mean and sd.
    prior_scale : float
        Scale of each coefficient's prior (its sd is √2 times that), in units of ``y`` per sd of the predictor.
    noise : float
        Sd of ``y`` around the regression, known.
    """
    scale, sigma = (
        positive("lasso_regression", "prior_scale", prior_scale),
        positive("lasso_regression", "noise", noise),
    )
    names, raw, y = predictors("lasso_regression", load("diabetes") if data is None else data)

    with pm.Model(coords={"predictor": names, "row": range(1, len(y) + 1)}) as model:
        X = pm.Data("X", standardised(raw), dims=("row", "predictor"))
        observed = pm.Data("y_data", y - y.mean(), dims="row")
        beta = pm.Laplace("beta", 0.0, scale, dims="predictor")
        # Not X @ beta: PyTensor compiles its matrix product for 40 s, once on each machine; a sum compiles at once,
        # and is as fast while X is small.
        pm.Normal("y", (X * beta).sum(-1), sigma, observed=observed, dims="row")
    return model

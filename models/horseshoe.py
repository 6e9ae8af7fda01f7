"""Horseshoe: a prior made to shrink, and a mode that does not.

The horseshoe gives each coefficient a scale of its own, ``lam``, half-Cauchy, times a common one, ``tau``, which says
how few coefficients matter. Its posterior pulls what is noise to near 0 and leaves what is signal alone: of ten
predictors of diabetes, total cholesterol (s1) comes out at -0.11 ± 0.12. MAP says -0.35, two posterior sd further
out, on the way to least squares' -0.49. It puts tau at 1.13, where the posterior has 0.14 ± 0.08.

MAP does set one coefficient, s3, to exactly 0, by its scale at the edge: so it looks sparse. But it shrinks the
others far less than the posterior does. The shrinkage of a horseshoe is an average over many scales, most of them
small; a mode picks one set of scales, and the densest is one that fits.

Question
--------
Which of ten baseline measurements foretell the progression of diabetes, if perhaps only a few do?

Data
----
As in ``ridge_regression``: 442 patients, ten predictors and ``y``, disease progression after a year (Efron et al.,
2004), as scikit-learn ships them. Predictors and ``y`` are standardised here (mean 0, sd 1).

Model
-----
::

    tau      ~ HalfCauchy(tau_scale)           how large coefficients are, all in all
    lam_k    ~ HalfCauchy(1)                   which of them are larger
    beta_k   ~ Normal(0, tau * lam_k)
    sigma    ~ HalfCauchy(1)
    y_i      ~ Normal(x_i · beta, sigma)

with ``beta`` written non-centred, by ``z ~ Normal(0, 1)``.

What MAP does, and why
----------------------
Where ``beta = tau * lam * z`` is given, z is likeliest when small, so tau or lam is to be large, and only their
heavy-tailed priors hold them. Where data leave a coefficient near 0, it costs little to put its lam at 0, where the
half-Cauchy density is highest. Centred, there is no mode: the density grows without bound as a lam goes to 0 with its
beta.

Options
-------
tau_scale : of the half-Cauchy prior of tau, in sd of y per sd of a predictor (0.1)

References
----------
Carvalho, C. M., Polson, N. G., and Scott, J. G. (2010). The horseshoe estimator for sparse signals. Biometrika 97,
465-480.
Piironen, J., and Vehtari, A. (2017). Sparsity information and regularization in the horseshoe and other shrinkage
priors. Electronic Journal of Statistics 11, 5018-5051.
Makalic, E., and Schmidt, D. F. (2016). A simple sampler for the horseshoe estimator. IEEE Signal Processing Letters
23.
"""

from __future__ import annotations

from typing import Any

import pymc as pm

from bayescompare.errors import DataError
from bayescompare.templates import template
from bayescompare.templates.data import load
from bayescompare.templates.options import positive
from bayescompare.templates.predictors import predictors, standardised


@template(
    title="Horseshoe regression",
    question="Which of ten measurements foretell the progression of diabetes, if perhaps only a few do?",
    finding="MAP shrinks too little: coefficients that the horseshoe's posterior pulls to 0 stay away from it.",
    tags=("regression", "sparsity", "geometry", "real-data"),
    parameters=22,
    observations=442,
    focus=("beta",),
    sampler={"target_accept": 0.998},  # half-Cauchy tails and narrow necks
)
def horseshoe(data: Any = None, *, tau_scale: float = 0.1) -> pm.Model:
    """Linear regression with a horseshoe prior on standardised coefficients.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Column ``y``; every other column is a predictor. All are standardised by their own mean and sd.
    tau_scale : float
        Of the half-Cauchy prior of tau, in sd of ``y`` per sd of a predictor.
    """
    scale = positive("horseshoe", "tau_scale", tau_scale)
    names, raw, y = predictors("horseshoe", load("diabetes") if data is None else data)
    if y.min() == y.max():
        raise DataError("horseshoe: column 'y' has the same value in every row and cannot be standardised.")

    coords = {"predictor": names, "row": range(1, len(y) + 1)}
    with pm.Model(coords=coords) as model:
        X = pm.Data("X", standardised(raw), dims=("row", "predictor"))
        observed = pm.Data("y_data", standardised(y), dims="row")
        tau = pm.HalfCauchy("tau", scale)
        lam = pm.HalfCauchy("lam", 1.0, dims="predictor")
        z = pm.Normal("z", 0.0, 1.0, dims="predictor")
        beta = pm.Deterministic("beta", tau * lam * z, dims="predictor")
        sigma = pm.HalfCauchy("sigma", 1.0)
        # Not X @ beta: PyTensor compiles its matrix product for 40 s, once on each machine.
        pm.Normal("y", (X * beta).sum(-1), sigma, observed=observed, dims="row")
    return model

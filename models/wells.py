"""Wells in Bangladesh: a regression where MAP is all you need.

Four coefficients, 3,020 households: the posterior is so nearly normal that its mode, mean and median agree to a few
hundredths of a posterior sd, and the curvature at the mode gives the right widths too. With many observations for
each parameter, no parameter on an edge and no scale to be learned, MAP with its Laplace approximation may stand for
the posterior. This template is here to be the honest counterexample to eight schools.

MAP is also what software calls *regularised logistic regression*: a Normal(0, tau) prior on the coefficients is an L2
penalty with ``C = tau²`` in scikit-learn's terms.

Question
--------
Many wells in Bangladesh carry arsenic. Told that theirs was unsafe, which households switched to another well?

Data
----
3,020 households of Araihazar with an unsafe well: ``switched`` (1 if they did), ``dist`` (metres to the nearest safe
well), ``arsenic`` (in their own, in units of 100 µg/L), ``educ`` (years of schooling of the head of household). Gelman
and Hill (2007), section 5.4, after van Geen et al. (2003); by way of posteriordb (BSD-3-Clause).

Model
-----
::

    beta_k      ~ Normal(0, prior_scale)          on the logit scale
    switched_i  ~ Bernoulli(logit⁻¹(beta_intercept + beta_dist100 * dist_i / 100
                                    + beta_arsenic * arsenic_i + beta_educ4 * educ_i / 4))

Distance is in units of 100 m and schooling of 4 years, so that a coefficient is what one natural step does. The
intercept has the same weak prior as the rest.

What MAP does, and why
----------------------
It equals scikit-learn's ``LogisticRegression(C=prior_scale**2, fit_intercept=False)`` with the intercept as a column of
ones, which a test holds to 1e-5. (Use its solver "newton-cholesky" with a small ``tol``: the default stops earlier.)

Options
-------
prior_scale : sd of the coefficients' prior, on the logit scale (2.5)

References
----------
Gelman, A., and Hill, J. (2007). Data Analysis Using Regression and Multilevel/Hierarchical Models, section 5.4.
van Geen, A., et al. (2003). Spatial variability of arsenic in 6000 tube wells in a 25 km² area of Bangladesh. Water
Resources Research 39, 1140.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm

from bayescompare.templates import template
from bayescompare.templates.data import columns, load
from bayescompare.templates.options import positive


@template(
    title="Wells in Bangladesh",
    question="Which households switched to another well when told that theirs carries arsenic?",
    finding="With 3,020 households and 4 coefficients MAP agrees with the posterior mean.",
    tags=("classification", "regression", "real-data"),
    parameters=4,
    observations=3020,
    focus=("beta",),
)
def wells(data: Any = None, *, prior_scale: float = 2.5) -> pm.Model:
    """Logistic regression with a weak normal prior.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Columns ``switched`` (0 or 1), ``dist`` (metres), ``arsenic`` (100 µg/L) and ``educ`` (years).
    prior_scale : float
        Sd of each coefficient's prior, on the logit scale.
    """
    tau = positive("wells", "prior_scale", prior_scale)
    household = columns(
        "wells",
        load("wells") if data is None else data,
        {"switched": "binary", "dist": "nonnegative", "arsenic": "nonnegative", "educ": "nonnegative"},
    )
    design = {
        "intercept": np.ones_like(household["dist"]),
        "dist100": household["dist"] / 100,
        "arsenic": household["arsenic"],
        "educ4": household["educ"] / 4,
    }

    with pm.Model(coords={"coefficient": list(design), "household": range(1, len(household["dist"]) + 1)}) as model:
        X = pm.Data("X", np.column_stack(list(design.values())), dims=("household", "coefficient"))
        observed = pm.Data("switched_data", household["switched"].astype(int), dims="household")
        beta = pm.Normal("beta", 0.0, tau, dims="coefficient")
        # Not X @ beta: PyTensor compiles its matrix product for 40 s, once on each machine; a sum compiles at once,
        # and is as fast while X is small.
        pm.Bernoulli("switched", logit_p=(X * beta).sum(-1), observed=observed, dims="household")
    return model

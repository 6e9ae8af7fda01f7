"""Models of the shipped studies that no template has: sizes and priors that a grid can vary.

A study takes any function that builds a model: ``FILE.py:NAME``, with the function's keyword arguments as options.
"""

from __future__ import annotations

import numpy as np
import pymc as pm
from bayescompare.templates.library.jellybeans import jellybeans

from bayescompare.errors import UsageError

FORMS = ("joint", "marginal", "marginal, gamma prior")


def logistic(*, n: int = 100, coefficients: int = 4) -> pm.Model:
    """Logistic regression on simulated standard normal predictors, with a Normal(0, 1.5) prior on each coefficient."""
    X = np.random.default_rng(1).standard_normal((n, coefficients))
    X[:, 0] = 1.0
    with pm.Model(coords={"coefficient": range(coefficients), "row": range(n)}) as model:
        predictors = pm.Data("X", X, dims=("row", "coefficient"))
        observed = pm.Data("y_data", np.zeros(n, dtype=int), dims="row")
        beta = pm.Normal("beta", 0.0, 1.5, dims="coefficient")
        pm.Bernoulli("y", logit_p=(predictors * beta).sum(-1), observed=observed, dims="row")
    return model


def groups(*, groups: int = 8, form: str = "joint") -> pm.Model:
    """Groups' means, each measured with sd 1, around a common mean: as eight schools, with as many as are asked for.

    Parameters
    ----------
    groups : int
    form : {"joint", "marginal", "marginal, gamma prior"}
        With the groups' own effects as parameters (non-centred), or with them integrated out; and then with the
        boundary-avoiding Gamma(2, 0.1) prior of Chung et al. (2013) on their sd in the place of a HalfNormal(5).
    """
    if form not in FORMS:
        raise UsageError(f"groups: form is {form!r}, but only {' or '.join(map(repr, FORMS))} can be chosen.")
    with pm.Model(coords={"group": range(groups)}) as model:
        observed = pm.Data("y_data", np.zeros(groups), dims="group")
        mu = pm.Normal("mu", 0.0, 5.0)
        tau = pm.Gamma("tau", 2.0, 0.1) if form == FORMS[2] else pm.HalfNormal("tau", 5.0)
        if form == "joint":
            theta_t = pm.Normal("theta_t", 0.0, 1.0, dims="group")
            pm.Normal("y", mu + tau * theta_t, 1.0, observed=observed, dims="group")
        else:
            pm.Normal("y", mu, pm.math.sqrt(1.0 + tau**2), observed=observed, dims="group")
    return model


PRIORS = ("half-normal", "gamma")


def effects(*, groups: int = 8, prior: str = "half-normal") -> pm.Model:
    """The groups' means with their own effects as parameters, under one of two priors on the effects' sd.

    Parameters
    ----------
    groups : int
    prior : {"half-normal", "gamma"}
        HalfNormal(5), or the boundary-avoiding Gamma(2, 0.1) of Chung et al. (2013).
    """
    if prior not in PRIORS:
        raise UsageError(f"effects: prior is {prior!r}, but only {' or '.join(map(repr, PRIORS))} can be chosen.")
    with pm.Model(coords={"group": range(groups)}) as model:
        observed = pm.Data("y_data", np.zeros(groups), dims="group")
        mu = pm.Normal("mu", 0.0, 5.0)
        tau = pm.HalfNormal("tau", 5.0) if prior == "half-normal" else pm.Gamma("tau", 2.0, 0.1)
        theta_t = pm.Normal("theta_t", 0.0, 1.0, dims="group")
        pm.Normal("y", mu + tau * theta_t, 1.0, observed=observed, dims="group")
    return model


def jellybeans_of(*, prior_sd: float = 50.0, n: int = 10) -> pm.Model:
    """The jellybeans' template by its prior's sd: the prior mean is 300."""
    reach = 1.959963984540054 * prior_sd
    return jellybeans(n=n, low=300.0 - reach, high=300.0 + reach)

"""Too many zeros: MLE says that none is extra, MAP that a quarter are, and the posterior that the data do not know.

A foetal lamb did not move in 182 of 240 intervals. Either some intervals are of a kind where it cannot move (extra
zeros), or the counts are just overdispersed. A zero-inflated negative binomial has a parameter for each, and they can
stand in for one another. The likelihood is highest at ``zero`` = 0, on the edge: not one extra zero. MAP, with a flat
prior on ``zero``, says 26 %: what moved it is the prior of *another* parameter, the dispersion. The posterior mean is
26 % as well, but the 94 % run from 2 % to 54 %. Take the dispersion out (``counts="poisson"``), and all three agree
on 56 to 58 %, within a posterior sd of 7: sure of it, since there is no other explanation left.

A mode reports the best explanation; how much weaker the other one is, it cannot say.

Question
--------
Are there intervals in which the lamb cannot move, or does it just move irregularly?

Data
----
``movements`` of a foetal lamb in 240 intervals of five seconds: 182 with none, 41 with one, 12, 2, 2 with 2 to 4, and
one with 7. Leroux and Puterman (1992), from Wittmann, Rurak and Taylor (1984). Their order in time is not used.

Model
-----
::

    zero         ~ Uniform(0, 1)             share of intervals that are always 0
    mu           ~ Exponential(1)            mean of the others
    dispersion   ~ Exponential(1)            variance of the others: mu + dispersion * mu²; absent for "poisson"
    movements_i  ~ 0 with probability zero, else NegativeBinomial(mu, shape = 1 / dispersion)

What MAP does, and why
----------------------
``zero`` and ``dispersion`` lie on a ridge: from all extra zeros and Poisson counts to no extra zero and a dispersion of
1.9. Along it the likelihood falls by 3.8 nats in all, so a prior of a few tenths of a nat decides where the mode lies.

Options
-------
counts : "negative binomial" (default) or "poisson"

References
----------
Leroux, B. G., and Puterman, M. L. (1992). Maximum-penalized-likelihood estimation for independent and Markov-dependent
mixture models. Biometrics 48, 545-558.
Angers, J.-F., and Biswas, A. (2003). A Bayesian analysis of zero-inflated generalized Poisson model. Computational
Statistics & Data Analysis 42, 37-46.
Lambert, D. (1992). Zero-inflated Poisson regression. Technometrics 34, 1-14.
"""

from __future__ import annotations

from typing import Any

import pymc as pm

from bayescompare.templates import template
from bayescompare.templates.data import columns, load, whole_numbers
from bayescompare.templates.options import choice


@template(
    title="Too many zeros",
    question="Are there intervals in which a foetal lamb cannot move, or does it just move irregularly?",
    finding="MLE says no extra zeros, MAP says some; the posterior shows that the data cannot tell.",
    tags=("counts", "mixture", "boundary", "real-data"),
    parameters=3,
    observations=240,
    focus=("zero",),
    sampler={"draws": 4000},  # dispersion has a long tail that is seldom visited: an ESS of 1 in 12
)
def zero_inflated(data: Any = None, *, counts: str = "negative binomial") -> pm.Model:
    """Counts with extra zeros.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Column ``movements`` (whole numbers, 0 or above).
    counts : {"negative binomial", "poisson"}
        The law of the counts that are not extra zeros.
    """
    law = choice("zero_inflated", "counts", counts, ("negative binomial", "poisson"))
    table = columns("zero_inflated", load("lamb") if data is None else data, {"movements": "nonnegative"})
    movements = whole_numbers("zero_inflated", "movements", table["movements"])

    with pm.Model(coords={"interval": range(1, len(movements) + 1)}) as model:
        observed = pm.Data("movements_data", movements, dims="interval")

        zero = pm.Uniform("zero", 0.0, 1.0)
        mu = pm.Exponential("mu", 1.0)
        # PyMC's psi is the share of the other kind.
        if law == "poisson":
            pm.ZeroInflatedPoisson("movements", psi=1 - zero, mu=mu, observed=observed, dims="interval")
        else:
            shape = 1 / pm.Exponential("dispersion", 1.0)
            pm.ZeroInflatedNegativeBinomial(
                "movements", psi=1 - zero, mu=mu, alpha=shape, observed=observed, dims="interval"
            )
    return model

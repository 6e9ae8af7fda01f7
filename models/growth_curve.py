"""Growth of dugongs: what the curvature at the mode leaves out of a non-linear curve, and a noise that is too small.

Three parameters bend a curve through 27 points, and MAP finds the best curve well: full length 2.66 m by MAP and 2.65 m
by the posterior mean. What it gets wrong is how sure one may be. The Laplace interval of the age at which an animal has
95 % of its full length has four fifths of the posterior's sd, and misses its long tail: MAP says 14 years, and 94 % of
the posterior lie between 9 and 22. Few old animals were caught, so a later, longer growth is hard to rule out.

The noise is a second lesson, and an old one. MAP puts ``sigma`` at 0.090, the posterior mean is 0.100, and only 27 % of
the posterior lie below MAP. It is the sum of squares divided by n = 27, as in maximum likelihood: the mode does not
know that three parameters were spent on the curve. Each regression by MAP has this fault; it fades with n.

Question
--------
How long does a dugong (sea cow) grow, and how long does that take?

Data
----
``age`` (years) and ``length`` (metres) of 27 dugongs caught near Townsville, Queensland: Ratkowsky (1983), after
Marsh; the BUGS example "Dugongs" of Carlin and Gelfand (1991). By way of posteriordb (BSD-3-Clause).

Model
-----
::

    alpha     ~ HalfNormal(10)                   full length, m
    beta      ~ HalfNormal(10)                   what is missing of it at birth, m
    gamma     ~ Uniform(0.5, 1)                  share of the missing length that is left after a year
    sigma     ~ HalfNormal(1)                    m
    length_i  ~ Normal(alpha - beta * gamma**age_i, sigma)
    age95 = log(0.05 * alpha / beta) / log(gamma)     where the curve reaches 95 % of alpha

The curve is Carlin and Gelfand's, with proper priors that are as wide in place of theirs.

What MAP does, and why
----------------------
``alpha`` and ``gamma`` lie on a curved ridge: a longer animal that grows more slowly fits as well. The mode sits on the
ridge's top, and the Laplace approximation lays a straight ellipsoid along it, shorter than the ridge. Leave the oldest
animals out and the ridge gets longer: with ``oldest=10`` the Laplace sd of ``alpha`` is 0.4 of the posterior's.

Options
-------
oldest : leave out the shipped animals older than this, in years (35: none). Your own data are always used whole.

References
----------
Ratkowsky, D. A. (1983). Nonlinear Regression Modeling. Dekker.
Carlin, B. P., and Gelfand, A. E. (1991). An iterative Monte Carlo method for nonconjugate Bayesian analysis.
Statistics and Computing 1, 119-128.
"""

from __future__ import annotations

from itertools import compress
from typing import Any

import pymc as pm

from bayescompare.errors import UsageError
from bayescompare.templates import template
from bayescompare.templates.data import columns, load
from bayescompare.templates.options import number


@template(
    title="Growth of dugongs",
    question="How long does a dugong grow, and how long does that take?",
    finding="The curve is right, but MAP's noise is too small and Laplace misses the late growth's long tail.",
    tags=("regression", "non-linear", "real-data"),
    parameters=4,
    observations=27,
    focus=("alpha", "age95"),
    sampler={"target_accept": 0.95, "draws": 2000},  # alpha and gamma lie on a curved ridge
)
def growth_curve(data: Any = None, *, oldest: float = 35.0) -> pm.Model:
    """A curve that levels off.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Columns ``age`` (0 or above) and ``length`` (above 0).
    oldest : float
        Leave out the shipped animals that are older, in years (5 to 35); your own data are used whole.
    """
    limit = number("growth_curve", "oldest", oldest)
    if not 5 <= limit <= 35:
        raise UsageError(f"growth_curve: oldest is {oldest!r}, but must be from 5 to 35 years.")
    if data is None:
        shipped = load("dugongs")
        kept = [age <= limit for age in shipped["age"]]
        data = {name: list(compress(column, kept)) for name, column in shipped.items()}
    animals = columns("growth_curve", data, {"age": "nonnegative", "length": "positive"})

    with pm.Model(coords={"animal": range(1, len(animals["age"]) + 1)}) as model:
        age = pm.Data("age", animals["age"], dims="animal")
        observed = pm.Data("length_data", animals["length"], dims="animal")

        alpha = pm.HalfNormal("alpha", 10.0)
        beta = pm.HalfNormal("beta", 10.0)
        gamma = pm.Uniform("gamma", 0.5, 1.0)
        sigma = pm.HalfNormal("sigma", 1.0)
        pm.Deterministic("age95", pm.math.log(0.05 * alpha / beta) / pm.math.log(gamma))
        pm.Normal("length", alpha - beta * gamma**age, sigma, observed=observed, dims="animal")
    return model

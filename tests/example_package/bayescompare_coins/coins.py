"""Coins: MAP and the posterior mean of a proportion.

With a Beta(a, b) prior MAP is (heads + a - 1) / (tosses + a + b - 2) and the posterior mean is (heads + a) / (tosses +
a + b): after few tosses they differ, after many they do not.
"""

from __future__ import annotations

from typing import Any

import pymc as pm

from bayescompare import template

from .checks import counts

DATA = {"heads": [2, 70], "tosses": [3, 100]}


@template(
    title="Coins",
    question="How often does each of two coins come up heads?",
    finding="MAP is the mode of a Beta, and nearer to an end than the mean while there are few tosses.",
    tags=("conjugate", "closed-form", "example"),
    parameters=2,
    observations=2,
)
def coins(data: Any = None, *, a: float = 2.0, b: float = 2.0) -> pm.Model:
    """Proportions with a Beta prior.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Columns ``heads`` and ``tosses``.
    a, b : float
        Of the Beta prior.
    """
    table = DATA if data is None else data
    heads, tosses = counts(table, "heads"), counts(table, "tosses")
    with pm.Model(coords={"coin": range(1, len(heads) + 1)}) as model:
        n = pm.Data("tosses", tosses, dims="coin").astype("int64")
        observed = pm.Data("heads_data", heads, dims="coin")
        bias = pm.Beta("bias", float(a), float(b), dims="coin")
        pm.Binomial("heads", n=n, p=bias, observed=observed, dims="coin")
    return model

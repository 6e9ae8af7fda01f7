"""Germinating seeds: the nuisance scale runs off, and takes the coefficients with it.

Twenty-one plates of seeds, two kinds of seed, two root extracts. Plates differ by more than chance, so each gets an
effect of its own, with a spread ``sigma`` that nobody is interested in. MAP puts it at 1.53, where the posterior has
0.34 ± 0.14.

The price is paid by what one *is* interested in. With plates free to be anything, a plate of 4 seeds weighs nearly as
much as one of 81, and the coefficients are averages over plates instead of over seeds: the effect of the second kind
of seed is -0.36 by MAP and 0.03 ± 0.33 in the posterior; that of kind and extract together -0.44, and -0.76 ± 0.45. A
wrong scale is more than a nuisance.

Question
--------
How do the kind of seed and the root extract change the share of seeds that germinate?

Data
----
Crowder (1978), table 3: ``germinated`` of ``seeds`` on each of 21 plates; ``aegyptiaca_73`` is 1 for seeds of Orobanche
aegyptiaca 73 and 0 for 75, ``cucumber`` is 1 for extract of cucumber roots and 0 for bean. As in Breslow and Clayton
(1993) and the BUGS examples; by way of posteriordb (BSD-3-Clause).

Model
-----
::

    beta_k         ~ Normal(0, 2)                 intercept, kind, extract, both; on the logit scale
    sigma          ~ HalfNormal(prior_scale)      how much plates differ
    plate_i        ~ Normal(0, sigma)
    germinated_i   ~ Binomial(seeds_i, logit⁻¹(x_i · beta + plate_i))

with ``plate`` written non-centred, by ``plate_t ~ Normal(0, 1)``.

What MAP does, and why
----------------------
As in ``radon``: small ``plate_t`` are likely, a large ``sigma`` makes them small, and the joint mode does not see
that fewer of them fit. Centred, there is no mode: the density grows without bound as sigma goes to 0. The marginal
likelihood, with the plates integrated out, has its maximum at sigma = 0.236 (Breslow and Clayton's table; a test
finds it anew).

Options
-------
prior_scale : of the half-normal prior of sigma, on the logit scale (1)

References
----------
Crowder, M. J. (1978). Beta-binomial ANOVA for proportions. Applied Statistics 27, 34-37.
Breslow, N. E., and Clayton, D. G. (1993). Approximate inference in generalized linear mixed models. Journal of the
American Statistical Association 88, 9-25.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm

from bayescompare.templates import template
from bayescompare.templates.data import columns, equally_long, events_in_trials, load
from bayescompare.templates.options import positive


@template(
    title="Germinating seeds",
    question="How do the kind of seed and the root extract change the share of seeds that germinate?",
    finding="MAP inflates the plates' spread several times, which moves the coefficients too.",
    tags=("hierarchical", "overdispersion", "regression", "real-data"),
    parameters=26,
    observations=21,
    focus=("beta",),
    sampler={"target_accept": 0.9},
)
def seeds(data: Any = None, *, prior_scale: float = 1.0) -> pm.Model:
    """A factorial experiment on proportions, with an effect for each plate.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Columns ``germinated``, ``seeds``, ``aegyptiaca_73`` and ``cucumber`` (both 0 or 1).
    prior_scale : float
        Of the half-normal prior of the plates' spread, on the logit scale.
    """
    scale = positive("seeds", "prior_scale", prior_scale)
    table = load("seeds") if data is None else data
    germinated, sown = events_in_trials("seeds", table, "germinated", "seeds")
    factor = columns("seeds", table, {"aegyptiaca_73": "binary", "cucumber": "binary"})
    equally_long("seeds", {"germinated": len(germinated), "aegyptiaca_73": len(factor["cucumber"])})
    kind, extract = factor["aegyptiaca_73"], factor["cucumber"]
    design = {"intercept": np.ones_like(kind), "kind": kind, "extract": extract, "both": kind * extract}

    with pm.Model(coords={"coefficient": list(design), "plate": range(1, len(sown) + 1)}) as model:
        X = pm.Data("X", np.column_stack(list(design.values())), dims=("plate", "coefficient"))
        observed = pm.Data("germinated_data", germinated, dims="plate")
        n = pm.Data("seeds", sown, dims="plate").astype("int64")  # 32 bits lose digits in JAX
        beta = pm.Normal("beta", 0.0, 2.0, dims="coefficient")
        sigma = pm.HalfNormal("sigma", scale)
        plate_t = pm.Normal("plate_t", 0.0, 1.0, dims="plate")
        # Not X @ beta: PyTensor compiles its matrix product for 40 s, once on each machine.
        logit = (X * beta).sum(-1) + sigma * plate_t
        pm.Binomial("germinated", n=n, logit_p=logit, observed=observed, dims="plate")
    return model

"""Two normals: where a mode is good, where there are two of them, and where there is none.

A thousand points from two well-separated normals. With the means ordered, MAP is within 0.13 posterior sd of the mean
and Laplace is right: nothing is lost. Leave the order out (``ordered=False``), and each labelling is a mode, of exactly
the same height: whoever finds one has found half the posterior. The posterior's mean puts both components in the same
place, where no data are. NUTS is caught too: each chain stays with one labelling, which R-hat tells, and there is no
verdict. Nothing that is symmetric in the labels (a density, a prediction) is touched by any of this.

And the highest point is neither. Put one mean on a datum and let its sd go to 0: the density of that datum, and with it
the posterior's, grows without limit. With ``n=30`` such a spike is higher than the mode from an sd of 2e-10 on. What an
optimiser returns for a mixture is a local mode, and that is the good one.

Question
--------
Which two groups are in the data?

Data
----
Simulated, by posteriordb (``low_dim_gauss_mix``, BSD-3-Clause), which does not say the seed: 1,000 values ``y``.

Model
-----
::

    mu_k     ~ Normal(0, 2), mu_low < mu_high          if ordered
    sigma_k  ~ HalfNormal(2)
    theta    ~ Beta(5, 5)                              share of the first component
    y_i      ~ theta Normal(mu_1, sigma_1) + (1 - theta) Normal(mu_2, sigma_2)

What MAP does, and why
----------------------
A permutation of the labels leaves prior and likelihood as they are, so modes come in pairs. Ordering removes the pair,
not the spikes: one for each datum and component. The prior of sigma has a finite density at 0, so it does not help; one
that vanishes there, such as a Gamma(2, 1), would.

Options
-------
ordered : whether mu_low < mu_high is asked for (True)
n : how many of the shipped values to use, 10 to 1000 (1000). Your own data are always used whole.

References
----------
Redner, R. A., and Walker, H. F. (1984). Mixture densities, maximum likelihood and the EM algorithm. SIAM Review 26,
195-239.
Stephens, M. (2000). Dealing with label switching in mixture models. Journal of the Royal Statistical Society B 62,
795-809.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayescompare.errors import UsageError
from bayescompare.templates import template
from bayescompare.templates.data import columns, load
from bayescompare.templates.options import whole


@template(
    title="Mixture of two normals",
    question="Which two groups are in the data?",
    finding="Ordered, MAP is close to the posterior mean; unordered, it is one of two equal modes.",
    tags=("geometry", "multimodal", "posteriordb", "simulated-data"),
    parameters=5,
    observations=1000,
    focus=("mu", "sigma", "theta"),
)
def mixture(data: Any = None, *, ordered: bool = True, n: int = 1000) -> pm.Model:
    """Two normal components with free means, sds and shares.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Column ``y``.
    ordered : bool
        Whether the first component is the one with the lower mean.
    n : int
        How many of the shipped values to use; your own data are used whole.
    """
    if not isinstance(ordered, bool):
        raise UsageError(f"mixture: ordered is {ordered!r}, but must be True or False.")
    if data is None:
        shipped = load("mixture")["y"]
        data = {"y": shipped[: whole("mixture", "n", n, 10, len(shipped))]}
    y = columns("mixture", data, {"y": "real"})["y"]

    components = ["low", "high"] if ordered else [1, 2]
    with pm.Model(coords={"component": components, "row": range(1, len(y) + 1)}) as model:
        observed = pm.Data("y_data", y, dims="row")
        if ordered:
            order = pm.distributions.transforms.ordered
            start = np.quantile(y, [0.25, 0.75])  # the order needs a start that has one
            mu = pm.Normal("mu", 0.0, 2.0, dims="component", transform=order, initval=start)
        else:
            mu = pm.Normal("mu", 0.0, 2.0, dims="component")
        sigma = pm.HalfNormal("sigma", 2.0, dims="component")
        theta = pm.Beta("theta", 5.0, 5.0)
        pm.NormalMixture("y", w=pt.stack([theta, 1.0 - theta]), mu=mu, sigma=sigma, observed=observed, dims="row")
    return model

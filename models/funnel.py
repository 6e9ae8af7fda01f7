"""Neal's funnel: the mode is where no probability is, until the same model is written another way.

``v`` is Normal(0, 3), and nine ``x`` are Normal(0, exp(v / 2)). There are no data, so everything is known: v has mean 0
and sd 3. In these, the centred, coordinates (``parametrisation="centered"``) MAP says v = -40.5, which is 13.5 sd away,
with all x equal to 0. At that point the density is 91 nats (a factor of 10^39) higher than at v = 0: nine densities of
``x`` grow like ``exp(-v / 2)`` each as v falls, and the prior of v stops them only there. The volume around it is
smaller by a larger factor still, so no draw comes near.

Write ``x = exp(v / 2) * z`` with ``z`` standard normal, and MAP says v = 0: the mean, exactly. The distribution is the
same; only the coordinates differ. A hierarchical model has such a funnel for each of its scales (v is the log of a
variance), and what MAP says of a scale depends on how the model was written down.

Question
--------
What does MAP say of a scale about which nothing is known?

Data
----
None. The funnel is a density in its own right, from Neal (2003), section 8; it is what a hierarchical model looks like
where the data say little of its scale.

Model
-----
::

    v    ~ Normal(0, 3)
    x_i  ~ Normal(0, exp(v / 2))        i = 1, ..., n

A Potential of 0 stands for the data that there are none of.

What MAP does, and why
----------------------
Centred: ``log p(v, x = 0) = -v² / 18 - n v / 2`` plus a constant, highest at ``v = -9 n / 2``. Non-centred: v and z
are independent and normal, and MAP is their mean. NUTS has its trouble with the centred form too: it cannot enter the
funnel's neck, which it tells by divergences; then there is no verdict.

Options
-------
parametrisation : "noncentered" (default) or "centered"
n : how many x, 1 to 100 (9)

References
----------
Neal, R. M. (2003). Slice sampling. Annals of Statistics 31, 705-767.
Betancourt, M., and Girolami, M. (2015). Hamiltonian Monte Carlo for hierarchical models. arXiv:1312.0906.
"""

from __future__ import annotations

from typing import Any

import pymc as pm
import pytensor.tensor as pt

from bayescompare.errors import DataError
from bayescompare.templates import template
from bayescompare.templates.options import choice, whole


@template(
    title="Neal's funnel",
    question="What does MAP say of a scale about which nothing is known?",
    finding="Centred, MAP runs down the neck, far below the mean; non-centred, it is the mean. One posterior.",
    tags=("geometry", "coordinates", "closed-form", "no-data"),
    parameters=10,
    observations=0,
    focus=("v",),
)
def funnel(data: Any = None, *, parametrisation: str = "noncentered", n: int = 9) -> pm.Model:
    """The funnel, in one of two coordinates.

    Parameters
    ----------
    data : None
        There are none to give.
    parametrisation : {"noncentered", "centered"}
    n : int
        How many x.
    """
    chosen = choice("funnel", "parametrisation", parametrisation, ("noncentered", "centered"))
    n = whole("funnel", "n", n, 1, 100)
    if data is not None:
        raise DataError("funnel: this model has no data, so none can be given. Leave them out.")

    with pm.Model(coords={"i": range(1, n + 1)}) as model:
        v = pm.Normal("v", 0.0, 3.0)
        if chosen == "centered":
            pm.Normal("x", 0.0, pm.math.exp(v / 2.0), dims="i")
        else:
            # x = exp(v / 2) * z is left out of the table: with a kurtosis of 3 e^9 no sample tells its sd.
            pm.Normal("z", 0.0, 1.0, dims="i")
        pm.Potential("no_data", pt.zeros(()))
    return model

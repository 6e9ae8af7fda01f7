"""Darwin's first pot: a posterior with three modes, of which MAP is the highest.

Three pairs of maize grew in it, and the cross-fertilised plant was taller by 6.1, -8.4 and 1.0 inches. With Cauchy
errors, which let any observation be an outlier, each of the three may be the good one: the posterior of the location
has a hill at each. MAP reports the highest, at 1.08 inches, and the curvature there says ± 0.73. The posterior sd is
3.5, and with probability 0.30 the location lies on one of the other two hills.

Which hill is highest hangs on little. From the first two pairs alone, MAP says 6.0 inches, though the hill at -8.3 is
only 0.16 nats lower; with the third, it jumps to 1.1. The posterior mean goes from -0.6 to 1.5. A mode is an argmax,
and an argmax jumps; an average moves.

Question
--------
By how many inches are cross-fertilised plants taller than self-fertilised ones?

Data
----
Darwin (1876), table 97: heights of 15 pairs of maize (Zea mays) in four pots, in eighths of an inch; ``difference`` is
crossed minus self-fertilised, in inches, in the table's order. The first three pairs are pot 1. Fisher (1935), chapter
3, made them famous.

Model
-----
::

    location       ~ Normal(0, prior_scale)
    difference_i   ~ Cauchy(location, scale)        scale known

What MAP does, and why
----------------------
The likelihood is a product of Cauchy densities, each with one hill at
its own datum. Where data lie further apart than about two scales the hills stay apart, up to one for each datum. With
all 15 pairs the posterior has one mode, and MAP is 0.06 posterior sd from the mean.

Options
-------
n : how many of the 15 pairs to use, 1 to 15 (3: pot 1). Your own data are always used whole.
scale : half-width of the errors at half their height, known, in inches (1)
prior_scale : sd of the location's prior, in inches (10)

References
----------
Darwin, C. (1876). The Effects of Cross and Self Fertilisation in the Vegetable Kingdom, chapter VI. John Murray.
Fisher, R. A. (1935). The Design of Experiments, chapter 3. Oliver and Boyd.
Barnett, V. D. (1966). Evaluation of the maximum-likelihood estimator where the likelihood equation has multiple roots.
Biometrika 53, 151-165.
"""

from __future__ import annotations

from typing import Any

import pymc as pm

from bayescompare.templates import template
from bayescompare.templates.data import columns, load
from bayescompare.templates.options import positive, whole


@template(
    title="Darwin's maize, Cauchy errors",
    question="By how many inches are cross-fertilised plants taller than self-fertilised ones?",
    finding="Three modes: MAP is the highest, and says nothing of the share of the posterior on the others.",
    tags=("geometry", "multimodal", "quadrature", "real-data"),
    parameters=1,
    observations=3,
    focus=("location",),
    sampler={"draws": 8000},  # a chain goes from hill to hill, but not often: an ESS of 1 in 10
)
def cauchy_location(data: Any = None, *, n: int = 3, scale: float = 1.0, prior_scale: float = 10.0) -> pm.Model:
    """The location of a few Cauchy observations of known scale.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Column ``difference``.
    n : int
        How many of the shipped differences to use; your own data are used whole.
    scale : float
        Half-width of the errors at half their height, in inches.
    prior_scale : float
        Sd of the location's prior, in inches.
    """
    gamma = positive("cauchy_location", "scale", scale)
    tau = positive("cauchy_location", "prior_scale", prior_scale)
    if data is None:
        shipped = load("darwin_maize")["difference"]
        data = {"difference": shipped[: whole("cauchy_location", "n", n, 1, len(shipped))]}
    difference = columns("cauchy_location", data, {"difference": "real"})["difference"]

    with pm.Model(coords={"pair": range(1, len(difference) + 1)}) as model:
        observed = pm.Data("difference_data", difference, dims="pair")
        location = pm.Normal("location", 0.0, tau)
        pm.Cauchy("difference", location, gamma, observed=observed, dims="pair")
    return model

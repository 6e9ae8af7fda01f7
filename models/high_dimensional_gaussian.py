"""A hundred Gaussians: the MAP is the mean of every parameter, and unlike anything that is probable.

Each of 100 effects is measured once. The posterior is Gaussian, so MAP is its mean, its median and its mode in every
coordinate: rank 0.5, a hundred times. Yet draws of the posterior lie at a distance of 7.1 ± 0.5 from it, one in 140,000
within 5, and the density there is 50 nats lower. The mode is the most probable *point*; but the shell at distance r has
an area that grows as ``r**99``, and in a hundred dimensions volume wins: that shell is the *typical set*.

One sees it as soon as one asks for anything but a coordinate. How large are the effects? The mean of their squares is
0.55 at the MAP and 1.05 ± 0.13 in the posterior, with probability 0.001 below 0.7: MAP's effects are all shrunk towards
0, each rightly so by itself, and together half as large as they must be. A point estimate of a vector is no typical
vector, and plugging it into a function does not give a typical value of the function.

Question
--------
How large are the effects, taken one by one and taken together?

Data
----
Simulated from the model itself with ``prior_scale = 1``: 100 measurements (``y``), by NumPy's ``default_rng(2026)``, to
three decimals.

Model
-----
::

    theta_i  ~ Normal(0, prior_scale)
    y_i      ~ Normal(theta_i, 1)

    mean_square = mean(theta_i²)
    distance    = |theta - E(theta | y)|, how far a draw is from the MAP

What MAP does, and why
----------------------
``theta_i | y ~ Normal(w y_i, sqrt(w))`` with ``w = prior_scale² / (prior_scale² + 1)``. So ``distance / sqrt(w)`` has
a chi distribution with n degrees of freedom, and ``n mean_square / w`` a non-central chi-squared one
(:func:`closed_form`). The gap in the mean square is ``w`` whatever n is, while its posterior sd falls as ``1/√n``: with
more dimensions, MAP's plug-in value is further and further out.

Options
-------
n : how many of the shipped measurements to use, 1 to 100 (100). Your own data are always used whole.
prior_scale : sd of the effects' prior, in sd of a measurement (1)

References
----------
Betancourt, M. (2017). A conceptual introduction to Hamiltonian Monte Carlo. arXiv:1701.02434.
MacKay, D. J. C. (2003). Information Theory, Inference, and Learning Algorithms, chapter 29. Cambridge.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pymc as pm
from numpy.typing import ArrayLike

from bayescompare.templates import template
from bayescompare.templates.data import columns, load
from bayescompare.templates.options import positive, whole


@template(
    title="A hundred Gaussians",
    question="How large are a hundred effects, one by one and taken together?",
    finding="MAP is the mean of each of 100 effects, yet no draw comes near it: their mean square is too small.",
    tags=("geometry", "conjugate", "closed-form", "simulated-data"),
    parameters=100,
    observations=100,
    focus=("theta", "mean_square"),
)
def high_dimensional_gaussian(data: Any = None, *, n: int = 100, prior_scale: float = 1.0) -> pm.Model:
    """Independent effects, each with a normal prior and one measurement.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Column ``y``: measurements, in units of their sd.
    n : int
        How many of the shipped measurements to use; your own data are used whole.
    prior_scale : float
        Sd of the effects' prior, in sd of a measurement.
    """
    tau = positive("high_dimensional_gaussian", "prior_scale", prior_scale)
    if data is None:
        shipped = load("high_dimensional_gaussian")["y"]
        data = {"y": shipped[: whole("high_dimensional_gaussian", "n", n, 1, len(shipped))]}
    y = columns("high_dimensional_gaussian", data, {"y": "real"})["y"]

    with pm.Model(coords={"effect": range(1, len(y) + 1)}) as model:
        observed = pm.Data("y_data", y, dims="effect")
        theta = pm.Normal("theta", 0.0, tau, dims="effect")
        pm.Normal("y", theta, 1.0, observed=observed, dims="effect")
        pm.Deterministic("mean_square", (theta**2).mean())
        weight = tau**2 / (tau**2 + 1.0)
        pm.Deterministic("distance", pm.math.sqrt(((theta - weight * observed) ** 2).sum()))
    return model


class ClosedForm(NamedTuple):
    """What is known exactly: of the effects (shape (n,)), and of two functions of them all.

    ``distance_law`` and ``mean_square_law`` are SciPy distributions; ``mean_square_at_map`` is the plug-in value.
    """

    map: np.ndarray
    sd: float
    mean_square_at_map: float
    mean_square_law: Any
    distance_law: Any


def closed_form(y: ArrayLike, prior_scale: float = 1.0) -> ClosedForm:
    """MAP, posterior sd, and the laws of the mean square and of the distance from the MAP."""
    from scipy import stats

    values = np.asarray(y, dtype=float)
    n = len(values)
    tau = float(positive("high_dimensional_gaussian", "prior_scale", prior_scale))
    weight = tau**2 / (tau**2 + 1)
    mode = weight * values
    return ClosedForm(
        map=mode,
        sd=float(np.sqrt(weight)),
        mean_square_at_map=float((mode**2).mean()),
        mean_square_law=stats.ncx2(n, (mode**2).sum() / weight, scale=weight / n),
        distance_law=stats.chi(n, scale=np.sqrt(weight)),
    )

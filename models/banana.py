"""The banana: MAP sits at its tip, and all of the fruit lies to one side.

What is measured is ``level + amplitude²``, 25 times; it comes out near 0. So ``level`` is minus the square of
``amplitude``, nearly, and the posterior is a thin curved ridge. Its top is at ``level = -0.06, amplitude = 0``, where
the ridge bends. MAP says that there is no amplitude. The posterior says that the level lies below MAP's with
probability 0.86 (mean -0.87), and the amplitude is 0.76 ± 0.50 in size: the ridge runs down both sides from its top,
and the long way down holds more than the top.

The curvature at the top knows nothing of the bend. The Laplace approximation is a straight ellipse that lies across it:
its interval for the level is 4.8 times too narrow, and that for the amplitude 2.1 times too wide, in one and the
same model. No scaling of its covariance mends that.

Question
--------
A measurement responds to a level and to the square of an amplitude. What are they?

Data
----
Simulated: 25 measurements (``y``) from ``Normal(-1 + 1², 1)``, level -1 and amplitude 1, by NumPy's
``default_rng(2026)``, to two decimals.

Model
-----
::

    level      ~ Normal(0, prior_scale)
    amplitude  ~ Normal(0, prior_scale)
    y_i        ~ Normal(level + amplitude², noise)        noise known

    size = |amplitude|

What MAP does, and why
----------------------
On the ridge, where ``level = mean(y) - amplitude²``, the prior alone speaks, and it is highest nearest to 0: at
``amplitude = 0`` as long as ``mean(y)`` is below one half; beyond that the top splits into two, one for each sign. The
posterior of the amplitude is symmetric about 0, so its mean says nothing; ``size`` does.

Options
-------
prior_scale : sd of both priors (2)
noise : sd of a measurement, known (1)

References
----------
Haario, H., Saksman, E., and Tamminen, J. (1999). Adaptive proposal distribution for random walk Metropolis algorithm.
Computational Statistics 14, 375-395.
Girolami, M., and Calderhead, B. (2011). Riemann manifold Langevin and Hamiltonian Monte Carlo methods. Journal of the
Royal Statistical Society B 73, 123-214.
"""

from __future__ import annotations

from typing import Any

import pymc as pm

from bayescompare.templates import template
from bayescompare.templates.data import columns, load
from bayescompare.templates.options import positive


@template(
    title="Banana",
    question="What are the level and the amplitude behind a measurement of level + amplitude²?",
    finding="MAP sits at the tip of a bent ridge, with most of the level's posterior below it.",
    tags=("geometry", "quadrature", "simulated-data"),
    parameters=2,
    observations=25,
    focus=("level", "size"),
    sampler={"draws": 4000, "tune": 2000, "target_accept": 0.95},  # the ridge is thin and bends
)
def banana(data: Any = None, *, prior_scale: float = 2.0, noise: float = 1.0) -> pm.Model:
    """Two parameters of which only one combination is measured.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Column ``y``.
    prior_scale : float
        Sd of both priors.
    noise : float
        Sd of a measurement, known.
    """
    tau, sigma = positive("banana", "prior_scale", prior_scale), positive("banana", "noise", noise)
    y = columns("banana", load("banana") if data is None else data, {"y": "real"})["y"]

    with pm.Model(coords={"measurement": range(1, len(y) + 1)}) as model:
        observed = pm.Data("y_data", y, dims="measurement")
        level = pm.Normal("level", 0.0, tau)
        amplitude = pm.Normal("amplitude", 0.0, tau)
        pm.Normal("y", level + amplitude**2, sigma, observed=observed, dims="measurement")
        pm.Deterministic("size", abs(amplitude))
    return model

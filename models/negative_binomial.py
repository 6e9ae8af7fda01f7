"""Overdispersed counts: one model, one posterior, and MAP says "exactly Poisson" or not, by the name of a parameter.

Are deaths by horse kick in the Prussian cavalry more variable than Poisson? Ask a negative binomial for its
``dispersion`` (variance = mu + dispersion * mu²) and MAP answers 0, the edge: exactly Poisson. Write the same model by
the ``shape`` = 1 / dispersion, as PyMC and most software do, with the same prior carried over, and MAP answers 3.7, a
dispersion of 0.27: one sixth more variance than Poisson. Posterior and data are the same to the last digit: dispersion
0.16 in the mean, 94 % from 0.01 to 0.47.

A density changes its height where its coordinate is stretched, so its top moves; probabilities of ranges do not change.
The mode of a parameter is no property of the model.

Question
--------
Did all corps of the Prussian army have the same risk of a death by horse kick, year in, year out?

Data
----
``deaths`` by horse kick in each of ten corps (``corps``) and 20 years (``year``, 1875 to 1894): 200 corps-years with
122 deaths. von Bortkiewicz (1898), without the guards and the corps I, VI and XI, which were organised otherwise, as he
and Fisher (1925) did; from R's ``pscl::prussian``.

Model
-----
::

    intercept    ~ Normal(0, 2.5)                    log of deaths per corps-year
    beta_k       ~ Normal(0, 1)
    dispersion   ~ Exponential(1), or the same by  shape ~ InverseGamma(1, 1)
    deaths_i     ~ NegativeBinomial(exp(intercept + x_i · beta), shape = 1 / dispersion)

Predictors are standardised (mean 0, sd 1); here there is one, ``year``. ``corps`` is left out of the model.

What MAP does, and why
----------------------
The variance of the 200 counts is 0.608 and their mean 0.610: under-dispersed, if anything. The likelihood falls from
``dispersion`` = 0 on, so that the maximum-likelihood estimate is on the edge, and MAP with it. In terms of the shape
the edge is at infinity, where the density of the shape must vanish, so its mode lies inside.

Options
-------
parametrisation : "dispersion" (default) or "shape"

References
----------
von Bortkiewicz, L. (1898). Das Gesetz der kleinen Zahlen. Teubner.
Fisher, R. A. (1925). Statistical Methods for Research Workers. Oliver and Boyd.
Cameron, A. C., and Trivedi, P. K. (2013). Regression Analysis of Count Data, second edition. Cambridge.
"""

from __future__ import annotations

from typing import Any

import pymc as pm
import pytensor.tensor as pt

from bayescompare.templates import template
from bayescompare.templates.data import load, whole_numbers
from bayescompare.templates.options import choice
from bayescompare.templates.predictors import predictors, standardised


@template(
    title="Deaths by horse kick",
    question="Are deaths by horse kick in the Prussian cavalry more variable than Poisson?",
    finding="MAP says exactly Poisson in one coordinate and more variance in another; the posterior is one.",
    tags=("counts", "regression", "boundary", "coordinates", "real-data"),
    parameters=3,
    observations=200,
    focus=("dispersion",),
)
def negative_binomial(data: Any = None, *, parametrisation: str = "dispersion") -> pm.Model:
    """Negative-binomial regression.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Column ``deaths`` (whole numbers, 0 or above); every other column but ``corps`` is a predictor.
    parametrisation : {"dispersion", "shape"}
    """
    chosen = choice("negative_binomial", "parametrisation", parametrisation, ("dispersion", "shape"))
    table = load("horse_kicks") if data is None else data
    names, raw, deaths = predictors("negative_binomial", table, "deaths", "nonnegative", other=("corps",))
    counts = whole_numbers("negative_binomial", "deaths", deaths)

    with pm.Model(coords={"predictor": names, "row": range(1, len(raw) + 1)}) as model:
        X = pm.Data("X", standardised(raw), dims=("row", "predictor"))
        observed = pm.Data("deaths_data", counts, dims="row")

        intercept = pm.Normal("intercept", 0.0, 2.5)
        beta = pm.Normal("beta", 0.0, 1.0, dims="predictor")
        if chosen == "dispersion":
            dispersion = pm.Exponential("dispersion", 1.0)
        else:
            dispersion = pm.Deterministic("dispersion", 1 / pm.InverseGamma("shape", 1.0, 1.0))
        mu = pm.math.exp(intercept + (X * beta).sum(-1))
        pm.CustomDist("deaths", mu, dispersion, dist=_draw, logp=_logp, observed=observed, dims="row")
    return model


def _draw(mu: Any, dispersion: Any, size: Any) -> Any:
    # At a dispersion of 0, where MAP lies, NumPy draws nothing but zeros; at 1e-9 no sample could tell it from Poisson.
    return pm.NegativeBinomial.dist(mu=mu, alpha=1 / pt.maximum(dispersion, 1e-9), size=size)


def _logp(counts: Any, mu: Any, dispersion: Any) -> Any:
    """What ``pm.NegativeBinomial`` computes, without noise where the dispersion nears 0.

    log Γ(y + 1/d) - log Γ(1/d) is a difference of two numbers of 1e10 where d is 1e-9: it leaves noise of 1e-3 nats
    just where this model has its mode. With d^y it is the product of (1 + j d) over j < y, whose logarithm is a short
    series.
    """
    pairs = counts * (counts - 1.0) / 2
    squares = pairs * (2 * counts - 1.0) / 3
    series = dispersion * pairs - dispersion**2 * squares / 2 + dispersion**3 * pairs**2 / 3
    exact = pt.gammaln(counts + 1 / dispersion) - pt.gammaln(1 / dispersion) + counts * pt.log(dispersion)
    rising = pt.where(dispersion < 1e-5, series, exact)
    tail = (counts + 1 / dispersion) * pt.log1p(dispersion * mu)
    return rising + counts * pt.log(mu) - tail - pt.gammaln(counts + 1.0)

"""Lynx and hare: MAP is fine, if you find it. A second mode, 44 nats lower, looks as good to an optimiser.

An orbit of predator and prey, six parameters of an ordinary differential equation and two of noise, 20 years of pelts.
At the right mode the rates and the first populations are within 0.25 posterior sd of their posterior means; only the
noise is 0.75 sd too small, as it is wherever a mode has spent six parameters on 42 observations.

But the density has a second mode with an orbit of 6 years in place of 10, rates nearly twice as high and a noise of
0.55 in place of 0.22. There the gradient is 0, the curvature negative, and the optimiser reports success. Of 66
searches from starts around the data's own scale and from prior draws 42 found the right mode; 13 ended at the second,
44.5 nats below, and 11 lower still. One search from one start is no search. NUTS is no better off: a chain that starts
there can stay.

Question
--------
How fast do hares breed, lynx starve, and each suffer or profit from the other?

Data
----
``hare`` and ``lynx``: pelts received by the Hudson's Bay Company, in thousands, ``year`` 1900 to 1920. Hewitt (1921),
as in Howard (2009); by way of posteriordb (BSD-3-Clause).

Model
-----
::

    hare' = (hare_birth - hare_death * lynx) * hare
    lynx' = (lynx_birth * hare - lynx_death) * lynx
    hare_birth, lynx_death  ~ Normal(1, 0.5), above 0              per year
    hare_death, lynx_birth  ~ Normal(0.05, 0.05), above 0          per year and thousand of the other
    initial_s               ~ LogNormal(log 10, 1)                 thousands, in the first year
    sigma_s                 ~ LogNormal(-1, 1)
    pelts_ts                ~ LogNormal(log of the solution, sigma_s)

posteriordb's ``lotka_volterra``. The equation is solved by the classical Runge-Kutta method with ``substeps`` steps a
year: with 10 the solution is right to five digits.

What MAP does, and why
----------------------
An orbit out of phase with the data predicts worse than a flat line. So between a wrong period and the right one lies a
barrier, and a search that starts behind it stays there: it lets the noise explain what the orbit does not. The starting
values in this file are near the data for that reason; from the prior's means PyMC's own jittered starts mostly end in
the second mode.

Options
-------
substeps : Runge-Kutta steps a year (10)

References
----------
Hewitt, C. G. (1921). The Conservation of the Wild Life of Canada. Scribner.
Howard, P. (2009). Modeling basics. Lecture notes, Texas A&M University.
Carpenter, B. (2018). Predator-prey population dynamics: the Lotka-Volterra model in Stan. Stan case studies 5.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt

from bayescompare.errors import DataError
from bayescompare.templates import template
from bayescompare.templates.data import columns, load
from bayescompare.templates.options import whole


@template(
    title="Lynx and hare",
    question="How fast do hares breed and lynx starve, and what does each take from the other?",
    finding="At the right mode MAP's rates are near the posterior's; many searches end in a far lower one.",
    tags=("ode", "time-series", "multimodal", "real-data"),
    parameters=8,
    observations=42,
    focus=("theta",),
    sampler={"target_accept": 0.9, "draws": 2000},
)
def lotka_volterra(data: Any = None, *, substeps: int = 10) -> pm.Model:
    """Predators and prey by an ordinary differential equation, with log-normal noise.

    Parameters
    ----------
    data : dict or pandas.DataFrame, optional
        Columns ``year`` (rising by 1), ``hare`` and ``lynx`` (above 0).
    substeps : int
        Runge-Kutta steps a year, 1 to 100.
    """
    steps = whole("lotka_volterra", "substeps", substeps, 1, 100)
    table = columns(
        "lotka_volterra",
        load("lynx_hare") if data is None else data,
        {"year": "real", "hare": "positive", "lynx": "positive"},
    )
    year = table["year"]
    if len(year) < 2 or (np.diff(year) != 1).any():
        raise DataError(
            "lotka_volterra: column 'year' must rise by 1 from row to row, over two rows or more, for the equation is "
            "solved from year to year. Sort the rows, and fill in what is missing."
        )

    coords = {
        "rate": ["hare_birth", "hare_death", "lynx_death", "lynx_birth"],
        "species": ["hare", "lynx"],
        "year": year.astype(int),
    }
    with pm.Model(coords=coords) as model:
        pelts = np.column_stack([table["hare"], table["lynx"]])
        observed = pm.Data("pelts_data", pelts, dims=("year", "species"))

        scale = np.array([0.5, 0.05, 0.5, 0.05])
        # Chains that start at the prior's mean can stay in the lower mode.
        theta = pm.TruncatedNormal(
            "theta",
            np.array([1.0, 0.05, 1.0, 0.05]),
            scale,
            lower=0.0,
            initval=np.array([0.5, 0.025, 0.8, 0.025]),
            dims="rate",
        )
        initial = pm.LogNormal("initial", np.log(10.0), 1.0, initval=pelts[0], dims="species")
        sigma = pm.LogNormal("sigma", -1.0, 1.0, dims="species")
        population = _solve(theta, initial, len(year) - 1, steps)
        pm.LogNormal("pelts", pt.log(population), sigma, observed=observed, dims=("year", "species"))
    return model


def _solve(theta: Any, initial: Any, years: int, steps: int) -> Any:
    """Populations at the start and after each year, shape (years + 1, 2)."""
    h = 1.0 / steps

    def slope(hare: Any, lynx: Any, rates: Any) -> tuple[Any, Any]:
        return (rates[0] - rates[1] * lynx) * hare, (rates[3] * hare - rates[2]) * lynx

    def step(hare: Any, lynx: Any, rates: Any) -> list[Any]:
        a = slope(hare, lynx, rates)
        b = slope(hare + h / 2 * a[0], lynx + h / 2 * a[1], rates)
        c = slope(hare + h / 2 * b[0], lynx + h / 2 * b[1], rates)
        d = slope(hare + h * c[0], lynx + h * c[1], rates)
        return [now + h / 6 * (a[i] + 2 * b[i] + 2 * c[i] + d[i]) for i, now in enumerate((hare, lynx))]

    hare, lynx = pytensor.scan(
        step,
        outputs_info=[initial[0], initial[1]],
        non_sequences=[theta],
        n_steps=years * steps,
        return_updates=False,
    )
    later = pt.stack([hare[steps - 1 :: steps], lynx[steps - 1 :: steps]], axis=1)
    return pt.concatenate([initial[None, :], later])

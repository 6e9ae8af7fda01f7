"""The museum of silent failures: reported failures of point estimates, each as the smallest model that shows it.

What is true of a model is computed here without bayescompare: a closed form, or SciPy on the density written out in
NumPy. ``benchmarks/museum.py`` runs other tools on the same models.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from scipy import optimize, stats

Array = np.ndarray


def github(repository: str, *numbers: int) -> dict[str, str]:
    """Links to threads, by their short names. GitHub sends an issue's address on to a pull request of that number."""
    short = repository.rpartition("/")[2]
    return {f"{short} #{n}": f"https://github.com/{repository}/issues/{n}" for n in numbers}


@dataclass(frozen=True)
class Exhibit:
    """One reported failure.

    Attributes
    ----------
    name : str
    reports : Mapping of str to str
        Short name of the thread to its address; empty where no thread was found and the failure was measured here.
    reported : str
        One sentence: what users saw.
    build : callable
        The smallest model that shows it.
    truth : Mapping of str to Mapping of str to float
        By method, the values of scalars; a method is missing where it has no answer.
    errors : Mapping of str to float
        Standard errors at the MAP, where the exhibit is about them; NaN where there is none. For ``gamma_poisson`` the
        Laplace sd of log rate.
    """

    name: str
    reports: Mapping[str, str]
    reported: str
    build: Callable[[], pm.Model]
    truth: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    errors: Mapping[str, float] = field(default_factory=dict)


def stationary(gradient: Callable[[Array], Array], start: Array) -> Array:
    """Where a gradient written out by hand is zero, near ``start``; to rounding, so far below 1e-9 posterior sd."""
    found = optimize.root(gradient, start, tol=1e-14)
    if np.max(np.abs(found.fun)) > 1e-7:
        raise ValueError(f"no root near {start}: {found.message}")
    return found.x


def named(names: tuple[str, ...], values: Array) -> dict[str, float]:
    return dict(zip(names, map(float, values), strict=True))


# -- the search -------------------------------------------------------------------------------------------------------

BEACONS = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
RANGES = np.array([5.1, 7.9, 6.8, 9.2])


def beacon_at_the_start() -> pm.Model:
    """A position from its distances to beacons, one of which stands where every search begins: √ has no slope at 0."""
    with pm.Model() as model:
        position = pm.Normal("position", 0.0, 10.0, shape=2)
        distance = pt.sqrt(((position - BEACONS) ** 2).sum(axis=-1))
        pm.Normal("range", distance, 0.5, observed=RANGES)
    return model


def _position() -> dict[str, float]:
    def gradient(p: Array) -> Array:
        away = p - BEACONS
        distance = np.hypot(*away.T)
        return -p / 100 + ((RANGES - distance) / distance / 0.25) @ away

    return named(("position[0]", "position[1]"), stationary(gradient, np.array([3.0, 4.0])))


DAYS = np.arange(0.0, 60.0, 4.0)
CASES = np.round(3.0 * np.exp(0.12 * DAYS))


def epidemic_from_a_bad_start() -> pm.Model:
    """Exponential growth whose search begins at a daily rate of 1: e⁵⁶ times too many cases on the last day."""
    with pm.Model() as model:
        start = pm.Normal("log_first", 0.0, 3.0, initval=5.0)
        rate = pm.Normal("rate", 0.0, 1.0, initval=1.0)
        pm.Poisson("cases", pt.exp(start + rate * DAYS), observed=CASES)
    return model


def _growth() -> dict[str, float]:
    """The score equations, prior included."""
    columns = np.column_stack([np.ones_like(DAYS), DAYS])

    def gradient(x: Array) -> Array:
        return columns.T @ (CASES - np.exp(columns @ x)) - x / np.array([9.0, 1.0])

    return named(("log_first", "rate"), stationary(gradient, np.array([1.1, 0.12])))


PEOPLE = np.arange(50.0)
HEIGHT_CM = 155.0 + 0.8 * PEOPLE + 3.0 * np.sin(5.0 * PEOPLE)
YEAR = 1950.0 + 40.0 * np.sin(3.0 * PEOPLE) ** 2
EARNINGS = 300.0 * HEIGHT_CM - 20.0 * (YEAR - 1970.0) - 20_000.0 + 9_000.0 * np.sin(7.0 * PEOPLE)
COLUMNS = np.column_stack([np.ones(50), HEIGHT_CM, YEAR])


def raw_columns() -> pm.Model:
    """Least squares on columns as they come: height in cm, year of birth."""
    with pm.Model() as model:
        b = pm.Flat("b", shape=3)
        sigma = pm.HalfFlat("sigma")
        pm.Normal("earnings", (COLUMNS * b).sum(axis=-1), sigma, observed=EARNINGS)
    return model


def _least_squares() -> dict[str, float]:
    b, residual, *_ = np.linalg.lstsq(COLUMNS, EARNINGS, rcond=None)
    return {**{f"b[{i}]": float(x) for i, x in enumerate(b)}, "sigma": math.sqrt(residual[0] / len(EARNINGS))}


def factor() -> pm.Model:
    """A factor times its loading: both start at zero, where every slope is zero."""
    with pm.Model() as model:
        w = pm.Normal("w", 0.0, 1.0)
        z = pm.Normal("z", 0.0, 1.0)
        pm.Normal("y", w * z, 0.1, observed=1.0)
    return model


CLUSTERS = np.array([-2.3, -1.9, -2.1, -1.6, -2.4, 1.4, 2.2, 1.9, 2.6, 2.0, 1.7])


def unordered_mixture() -> pm.Model:
    """Two components that nothing tells apart, started at the same place: they move together for ever."""
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 3.0, shape=2)
        pm.NormalMixture("y", w=np.array([0.5, 0.5]), mu=mu, sigma=0.7, observed=CLUSTERS)
    return model


def _two_means() -> dict[str, float]:
    """Each mean is the mean of the observations weighted by how likely they are its own."""

    def gradient(mu: Array) -> Array:
        each = stats.norm(mu[:, None], 0.7).pdf(CLUSTERS)
        return (each / each.sum(axis=0) * (CLUSTERS - mu[:, None])).sum(axis=1) / 0.49 - mu / 9

    return named(("mu[0]", "mu[1]"), stationary(gradient, np.array([-2.0, 2.0])))


SENSORS = np.array([-1.4, -1.0, -0.6, 11.6, 11.9, 12.1, 12.4, 12.8])


def two_hills() -> pm.Model:
    """A robust location whose start lies on the lower of two hills."""
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 20.0)
        pm.StudentT("y", nu=2.0, mu=x, sigma=0.5, observed=SENSORS)
    return model


def _higher_hill() -> dict[str, float]:
    """The highest point of a grid, refined where the slope is zero."""

    def density(x: float) -> float:
        return float(stats.norm(0, 20).logpdf(x) + stats.t(2, x, 0.5).logpdf(SENSORS).sum())

    def gradient(x: Array) -> Array:
        off = SENSORS - x
        return -x / 400 + (3 * off / (0.5 + off**2)).sum(keepdims=True)

    grid = np.linspace(-30, 30, 601)
    return named(("x",), stationary(gradient, grid[[int(np.argmax([density(x) for x in grid]))]]))


RESPONSE_TIMES = 0.3 + np.exp(-1.0 + 0.8 * stats.norm.ppf((np.arange(50) + 0.5) / 50))


def shifted_lognormal() -> pm.Model:
    """Response times with an onset that is known only to lie before the fastest of them."""
    with pm.Model() as model:
        nu = pm.Normal("nu", -1.0, 2.0)
        sigma = pm.TruncatedNormal("sigma", 0.8, 2.0, lower=0.0)
        tau = pm.Uniform("tau", 0.0, RESPONSE_TIMES.min())
        pm.Potential("rt", pm.logp(pm.LogNormal.dist(nu, sigma), RESPONSE_TIMES - tau).sum())
    return model


def _onset() -> dict[str, float]:
    def gradient(x: Array) -> Array:
        nu, sigma, tau = x
        after = RESPONSE_TIMES - tau
        z = (np.log(after) - nu) / sigma
        return np.array(
            [
                (-1 - nu) / 4 + z.sum() / sigma,
                (0.8 - sigma) / 4 + ((z**2 - 1) / sigma).sum(),
                ((1 + z / sigma) / after).sum(),
            ]
        )

    return named(("nu", "sigma", "tau"), stationary(gradient, np.array([-1.0, 0.8, 0.3])))


# -- no mode, or one on the boundary ----------------------------------------------------------------------------------

COUNTIES = np.repeat(np.arange(6), 3)
LOG_RADON = 1.3 + 0.3 * np.sin(2.0 * COUNTIES) + 0.7 * np.sin(5.0 * np.arange(18.0))


def hierarchy() -> pm.Model:
    """County means around a common one, centred: the density grows without limit as their spread vanishes."""
    with pm.Model() as model:
        gamma = pm.Normal("gamma", 0.0, 10.0)
        sigma_a = pm.HalfNormal("sigma_a", 10.0)
        sigma_y = pm.HalfNormal("sigma_y", 10.0)
        alpha = pm.Normal("alpha", gamma, sigma_a, shape=6)
        pm.Normal("y", alpha[COUNTIES], sigma_y, observed=LOG_RADON)
    return model


def _aside() -> None:
    """An observation that says nothing, for a model that is all prior."""
    pm.Normal("aside", 0.0, 1.0, observed=0.0)


def gamma_one() -> pm.Model:
    with pm.Model() as model:
        pm.Gamma("x", 1.0, 1.0)
        _aside()
    return model


def gamma_half() -> pm.Model:
    with pm.Model() as model:
        pm.Gamma("x", 0.5, 1.0)
        _aside()
    return model


def beta_spike() -> pm.Model:
    with pm.Model() as model:
        pm.Beta("B", alpha=0.2, beta=0.00002)
        _aside()
    return model


def all_successes() -> pm.Model:
    """Jeffreys' prior and five successes of five: the posterior Beta(5.5, 0.5) is infinite at 1."""
    with pm.Model() as model:
        p = pm.Beta("p", 0.5, 0.5)
        pm.Binomial("y", n=5, p=p, observed=5)
    return model


# -- coordinates ------------------------------------------------------------------------------------------------------


def exponential() -> pm.Model:
    with pm.Model() as model:
        pm.Exponential("x", 1.0)
        _aside()
    return model


def uniform_prior() -> pm.Model:
    """A flat prior between 9 and 12, one observation at 10: the mode is 10, whatever the transform."""
    with pm.Model() as model:
        mu = pm.Uniform("mu", 9.0, 12.0)
        pm.Normal("x", mu, 1.0, observed=10.0)
    return model


def _uniform_unconstrained() -> dict[str, float]:
    """Where (10 − μ) + 1/(μ − 9) − 1/(12 − μ) = 0: the interval's transform adds log (μ − 9)(12 − μ)."""
    root = optimize.brentq(lambda m: (10 - m) + 1 / (m - 9) - 1 / (12 - m), 9.01, 11.99, xtol=1e-14)
    return {"mu": float(root)}


COUNTS = np.array([3, 1, 4])


def gamma_poisson() -> pm.Model:
    """Posterior Gamma(10.5, 4.5)."""
    with pm.Model() as model:
        rate = pm.Gamma("rate", 2.5, 1.5)
        pm.Poisson("k", rate, observed=COUNTS)
    return model


# -- standard errors --------------------------------------------------------------------------------------------------

PAIR = np.array([0.3, 1.2, 0.8, 2.1])


def ridge() -> pm.Model:
    """Only the sum of a and b is in the likelihood, and no prior tells them apart."""
    with pm.Model() as model:
        a = pm.Flat("a")
        b = pm.Flat("b")
        pm.Normal("y", a + b, 1.0, observed=PAIR)
    return model


#: Prior sd of a and b, and the noise, of the nearly singular models.
WEAK = {"weakly_identified": (1_000.0, 1.0), "stiff": (10.0, 2e-3)}


def _sum_of_two(prior: float, noise: float) -> pm.Model:
    with pm.Model() as model:
        a = pm.Normal("a", 0.0, prior)
        b = pm.Normal("b", 0.0, prior)
        pm.Normal("y", a + b, noise, observed=PAIR)
    return model


def weakly_identified() -> pm.Model:
    """The same with weak priors: a and b are each known to ±707 and no better."""
    return _sum_of_two(*WEAK["weakly_identified"])


def stiff() -> pm.Model:
    """A sum known to ±0.001, each part to ±7: in 32 bits the Hessian is singular."""
    return _sum_of_two(*WEAK["stiff"])


def _sum_of_two_exactly(name: str) -> tuple[float, float]:
    """Mean and sd of a (and of b) in the models above, which are Gaussian."""
    prior, noise = WEAK[name]
    n, p = len(PAIR) / noise**2, 1 / prior**2
    return float(PAIR.mean()) * n / (2 * n + p), math.sqrt(0.5 / (2 * n + p) + 0.5 / p)


def _sum_mode(name: str) -> dict[str, dict[str, float]]:
    mean, _ = _sum_of_two_exactly(name)
    return {"map": {"a": mean, "b": mean}}


def _sum_errors(name: str) -> dict[str, float]:
    _, sd = _sum_of_two_exactly(name)
    return {"a": sd, "b": sd}


ADULTS = np.arange(60.0)
WEIGHT = 45.0 + 6.0 * np.sin(2.0 * ADULTS)
ADULT_HEIGHT = 154.6 + 0.9 * (WEIGHT - WEIGHT.mean()) + 5.0 * np.sin(11.0 * ADULTS)


def heights() -> pm.Model:
    """A line with a positive slope and a bounded noise."""
    with pm.Model() as model:
        alpha = pm.Normal("alpha", 178.0, 20.0)
        beta = pm.LogNormal("beta", 0.0, 1.0)
        sigma = pm.Uniform("sigma", 0.0, 50.0)
        pm.Normal("height", alpha + beta * (WEIGHT - WEIGHT.mean()), sigma, observed=ADULT_HEIGHT)
    return model


def line_gradient(theta: Array, x: Array, y: Array, prior: tuple[float, float]) -> Array:
    """Of the log posterior density of a line: α ~ N(prior), β ~ LogNormal(0, 1), σ uniform; in these coordinates."""
    alpha, beta, sigma = theta
    off = y - alpha - beta * x
    return np.array(
        [
            (prior[0] - alpha) / prior[1] ** 2 + off.sum() / sigma**2,
            -(1 + math.log(beta)) / beta + (x * off).sum() / sigma**2,
            -len(y) / sigma + (off**2).sum() / sigma**3,
        ]
    )


def heights_gradient(theta: Array) -> Array:
    return line_gradient(theta, WEIGHT - WEIGHT.mean(), ADULT_HEIGHT, (178.0, 20.0))


def _heights_errors() -> dict[str, float]:
    """From the inverse Hessian in the model's own coordinates.

    At a mode of the density without the Jacobian the delta method gives just that, whatever the transforms.
    """
    at = np.array(list(_heights().values()))
    steps = np.diag(1e-5 * at)
    rows = [(heights_gradient(at + e) - heights_gradient(at - e)) / (2 * e.sum()) for e in steps]
    return named(("alpha", "beta", "sigma"), np.sqrt(np.diag(np.linalg.inv(-np.array(rows)))))


def _heights() -> dict[str, float]:
    return named(("alpha", "beta", "sigma"), stationary(heights_gradient, np.array([154.0, 0.9, 4.0])))


# -- the density itself -----------------------------------------------------------------------------------------------

STUDENTS = np.arange(100.0)
STUDENT_HEIGHT = 130.0 + 40.0 * (STUDENTS + 0.5) / 100
STUDENT_WEIGHT = 30.0 + 0.3 * (STUDENT_HEIGHT - STUDENT_HEIGHT.mean()) + 5.0 * math.sqrt(2) * np.sin(3.0 * STUDENTS)


def misaligned() -> pm.Model:
    """Weight on height, the prior mean of the intercept 4 posterior sd of the noise off: variables in another order."""
    with pm.Model() as model:
        alpha = pm.Normal("alpha", 50.0, 10.0)
        beta = pm.LogNormal("beta", 0.0, 1.0)
        sigma = pm.Uniform("sigma", 0.0, 10.0)
        mu = alpha + beta * (STUDENT_HEIGHT - STUDENT_HEIGHT.mean())
        pm.Normal("weight", mu, sigma, observed=STUDENT_WEIGHT)
    return model


def _students() -> dict[str, float]:
    x = STUDENT_HEIGHT - STUDENT_HEIGHT.mean()
    found = stationary(lambda t: line_gradient(t, x, STUDENT_WEIGHT, (50.0, 10.0)), np.array([30.0, 0.3, 5.0]))
    return named(("alpha", "beta", "sigma"), found)


SPREAD = np.array([-41.0, 18.0, 55.0, -12.0, 30.0])


def integer_prior() -> pm.Model:
    """A scale's prior written with integers, which PyTensor stores in eight bits."""
    with pm.Model() as model:
        tau = pm.HalfStudentT("tau", nu=3, sigma=36)
        pm.Normal("y", 0.0, tau, observed=SPREAD)
    return model


def float_prior() -> pm.Model:
    """The same prior, written as it should be."""
    with pm.Model() as model:
        tau = pm.HalfStudentT("tau", nu=3.0, sigma=36.0)
        pm.Normal("y", 0.0, tau, observed=SPREAD)
    return model


def _spread() -> dict[str, float]:
    def gradient(tau: Array) -> Array:
        return -4 * tau / (3 * 36**2 + tau**2) - len(SPREAD) / tau + (SPREAD**2).sum() / tau**3

    return named(("tau",), stationary(gradient, np.array([30.0])))


# -- the collection ---------------------------------------------------------------------------------------------------

HSSM, PYMC, EXTRAS = "lnccbrown/HSSM", "pymc-devs/pymc", "pymc-devs/pymc-extras"
STAN, TURING, NOLIMITS = "stan-dev/stan", "TuringLang/Turing.jl", "manuhuth/NoLimits.jl"
A, B = 2.5 + float(COUNTS.sum()), 1.5 + len(COUNTS)

EXHIBITS = {
    exhibit.name: exhibit
    for exhibit in [
        Exhibit(
            "beacon_at_the_start",
            github(HSSM, 1218) | github(PYMC, 162, 5848) | github(STAN, 3306),
            "The gradient is not finite at the start, the search ends where it began, and that is returned as the MAP.",
            beacon_at_the_start,
            {"map": _position()},
        ),
        Exhibit(
            "epidemic_from_a_bad_start",
            github(PYMC, 4771),
            "From a bad start the convergence test gives up after a handful of iterations.",
            epidemic_from_a_bad_start,
            {"map": _growth()},
        ),
        Exhibit(
            "raw_columns",
            {},
            "On raw columns the search stops on its relative tolerance, far from the mode, and reports success.",
            raw_columns,
            {"map": _least_squares(), "mle": _least_squares()},
        ),
        Exhibit(
            "factor",
            github(EXTRAS, 687),
            "A factor model stays at the zero where it starts, which is a saddle.",
            factor,
            {"map": {"w": math.sqrt(0.99), "z": math.sqrt(0.99)}},
        ),
        Exhibit(
            "unordered_mixture",
            {},
            "Components that start together stay together: a saddle between two mirrored modes.",
            unordered_mixture,
            {"map": _two_means()},
        ),
        Exhibit(
            "two_hills",
            github("CobayaSampler/cobaya", 277),
            "A minimiser ends in a local optimum without a warning; run again from there, it finds a better one.",
            two_hills,
            {"map": _higher_hill()},
        ),
        Exhibit(
            "shifted_lognormal",
            github(TURING, 2279),
            "MLE and MAP of response times return a local maximum, another one at another start.",
            shifted_lognormal,
            {"map": _onset()},
        ),
        Exhibit(
            "hierarchy",
            github(PYMC, 6138) | github("stan-dev/rstanarm", 475),
            "find_MAP of a hierarchical model ends at an infinite log density; rstanarm offers none, as it would fail.",
            hierarchy,
        ),
        Exhibit(
            "gamma_one",
            github(PYMC, 334),
            "The MAP of Gamma(1, 1), whose mode is 0, comes out negative.",
            gamma_one,
            {"map": {"x": 0.0}, "unconstrained_map": {"x": 1.0}},
        ),
        Exhibit(
            "gamma_half",
            github(PYMC, 334),
            "So does that of any Gamma with a shape below 1, which has no mode at all.",
            gamma_half,
            {"unconstrained_map": {"x": 0.5}},
        ),
        Exhibit(
            "beta_spike",
            github(PYMC, 2618),
            "The MAP of Beta(0.2, 0.00002) comes out as 1, the edge, where the log density is not finite.",
            beta_spike,
            {"unconstrained_map": {"B": 0.2 / 0.20002}},
        ),
        Exhibit(
            "all_successes",
            github(NOLIMITS, 165),
            "A density that is infinite at a bound is climbed to it, and Success is reported.",
            all_successes,
            {"unconstrained_map": {"p": 5.5 / 6.0}},
        ),
        Exhibit(
            "exponential",
            github(STAN, 2079, 2473),
            "The mode of Exponential(1) is 0 or 1, as the transform's Jacobian is left out or kept.",
            exponential,
            {"map": {"x": 0.0}, "unconstrained_map": {"x": 1.0}},
        ),
        Exhibit(
            "uniform_prior",
            github(PYMC, 2482) | github(EXTRAS, 641),
            "Under a uniform prior the MAP is not the MLE: the Jacobian of the transform was in the density.",
            uniform_prior,
            {"map": {"mu": 10.0}, "mle": {"mu": 10.0}, "unconstrained_map": _uniform_unconstrained()},
        ),
        Exhibit(
            "gamma_poisson",
            {"pymc-extras fit_laplace": "https://github.com/pymc-devs/pymc-extras/pull/641"},
            "fit_laplace takes mode and curvature without the Jacobian (so its source), yet draws where it belongs.",
            gamma_poisson,
            {"map": {"rate": (A - 1) / B}, "unconstrained_map": {"rate": A / B}},
            {"log rate": 1 / math.sqrt(A)},
        ),
        Exhibit(
            "ridge",
            github("IRIS-Solutions-Team/IRIS-Toolbox", 331) | github(NOLIMITS, 306),
            "Where the Hessian cannot be inverted, a filler (4 or 4 times the estimate) or 0 is the standard error.",
            ridge,
            errors={"a": math.nan, "b": math.nan},
        ),
        Exhibit(
            "weakly_identified",
            github(NOLIMITS, 306, 173),
            "A direction that is hardly identified gets a standard error that is nine orders of magnitude too small.",
            weakly_identified,
            _sum_mode("weakly_identified"),
            _sum_errors("weakly_identified"),
        ),
        Exhibit(
            "stiff",
            github("pyro-ppl/numpyro", 399) | github("fehiepsi/rethinking-numpyro", 32),
            "Where the Hessian is singular every Laplace draw is the mode itself.",
            stiff,
            _sum_mode("stiff"),
            _sum_errors("stiff"),
        ),
        Exhibit(
            "heights",
            github(TURING, 1597, 2471, 2048),
            "The inverse Hessian at the optimum is not positive definite, so some variances are negative.",
            heights,
            {"map": _heights()},
            _heights_errors(),
        ),
        Exhibit(
            "misaligned",
            github(PYMC, 5923),
            "Density and gradient took the variables in different orders: slope and noise came out as 0.",
            misaligned,
            {"map": _students()},
        ),
        Exhibit(
            "integer_prior",
            github("pymc-devs/pytensor", 1073) | github(PYMC, 7566),
            "Integer constants overflow in eight bits; here that leaves a prior of scale 4 where 36 is written.",
            integer_prior,
            {"map": _spread()},
        ),
    ]
}

"""Programs of posteriordb in PyMC: each takes the posterior's data and gives the model.

Stan's ``real x;`` without a prior is ``pm.Flat``, ``real<lower=0> s;`` without one ``pm.HalfFlat`` (flat on the scale).
Starts are PyMC's own, but where its prior mean lies outside of the support.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pymc.distributions.transforms import Chain, log, ordered

Data = Mapping[str, Any]
Build = Callable[[Data], pm.Model]

MODELS: dict[str, Build] = {}


def posterior[Made: Build](name: str) -> Callable[[Made], Made]:
    def keep(build: Made) -> Made:
        MODELS[name] = build
        return build

    return keep


def arrays(data: Data, *keys: str) -> list[np.ndarray]:
    return [np.asarray(data[key], dtype=float) for key in keys]


def columns(*parts: Any) -> np.ndarray:
    n = max(np.size(part) for part in parts)
    return np.column_stack([np.broadcast_to(np.asarray(part, dtype=float), (n,)) for part in parts])


def product(X: np.ndarray, beta: Any) -> Any:
    """X · beta as a sum: a product of matrices takes PyTensor 40 s to compile where its cache is empty."""
    return (X * beta).sum(-1)


def standardised(x: np.ndarray, by: float = 1.0) -> np.ndarray:
    return (x - x.mean()) / (by * x.std(ddof=1))


def regression(y: np.ndarray, X: np.ndarray, cauchy: bool = False) -> pm.Model:
    """Flat coefficients; the noise's scale flat or half-Cauchy(2.5)."""
    with pm.Model() as model:
        beta = pm.Flat("beta", shape=X.shape[1])
        sigma = pm.HalfCauchy("sigma", beta=2.5) if cauchy else pm.HalfFlat("sigma")
        pm.Normal("y", product(X, beta), sigma, observed=y)
    return model


@posterior("earnings-earn_height")
def earnings(data: Data) -> pm.Model:
    earn, height = arrays(data, "earn", "height")
    return regression(earn, columns(1, height))


@posterior("earnings-log10earn_height")
def earnings_log10(data: Data) -> pm.Model:
    earn, height = arrays(data, "earn", "height")
    return regression(np.log10(earn), columns(1, height))


@posterior("earnings-logearn_height")
def earnings_log(data: Data) -> pm.Model:
    earn, height = arrays(data, "earn", "height")
    return regression(np.log(earn), columns(1, height))


@posterior("earnings-logearn_interaction_z")
def earnings_interaction(data: Data) -> pm.Model:
    earn, height, male = arrays(data, "earn", "height", "male")
    z = standardised(height)
    return regression(np.log(earn), columns(1, z, male, z * male))


@posterior("kidiq-kidscore_momhs")
def kidiq_momhs(data: Data) -> pm.Model:
    score, school = arrays(data, "kid_score", "mom_hs")
    return regression(score, columns(1, school), cauchy=True)


@posterior("kidiq-kidscore_momiq")
def kidiq_momiq(data: Data) -> pm.Model:
    score, iq = arrays(data, "kid_score", "mom_iq")
    return regression(score, columns(1, iq), cauchy=True)


@posterior("kidiq-kidscore_interaction")
def kidiq_interaction(data: Data) -> pm.Model:
    score, school, iq = arrays(data, "kid_score", "mom_hs", "mom_iq")
    return regression(score, columns(1, school, iq, school * iq), cauchy=True)


@posterior("kidiq_with_mom_work-kidscore_interaction_c")
def kidiq_centred(data: Data) -> pm.Model:
    score, school, iq = arrays(data, "kid_score", "mom_hs", "mom_iq")
    a, b = school - school.mean(), iq - iq.mean()
    return regression(score, columns(1, a, b, a * b))


@posterior("kidiq_with_mom_work-kidscore_interaction_z")
def kidiq_standardised(data: Data) -> pm.Model:
    score, school, iq = arrays(data, "kid_score", "mom_hs", "mom_iq")
    a, b = standardised(school, by=2.0), standardised(iq, by=2.0)
    return regression(score, columns(1, a, b, a * b))


def bushes(data: Data) -> list[np.ndarray]:
    """Logarithms of the mesquite bushes' weight, two diameters, canopy height, total height, density; and the group."""
    measured = arrays(data, "weight", "diam1", "diam2", "canopy_height", "total_height", "density")
    return [*np.log(measured), *arrays(data, "group")]


@posterior("mesquite-logmesquite")
def mesquite(data: Data) -> pm.Model:
    weight, d1, d2, canopy, total, density, group = bushes(data)
    return regression(weight, columns(1, d1, d2, canopy, total, density, group))


@posterior("mesquite-logmesquite_logva")
def mesquite_logva(data: Data) -> pm.Model:
    weight, d1, d2, canopy, _, _, group = bushes(data)
    return regression(weight, columns(1, d1 + d2 + canopy, d1 + d2, group))


@posterior("mesquite-logmesquite_logvas")
def mesquite_logvas(data: Data) -> pm.Model:
    weight, d1, d2, canopy, total, density, group = bushes(data)
    return regression(weight, columns(1, d1 + d2 + canopy, d1 + d2, d1 - d2, total, density, group))


@posterior("mesquite-logmesquite_logvolume")
def mesquite_logvolume(data: Data) -> pm.Model:
    weight, d1, d2, canopy, *_ = bushes(data)
    return regression(weight, columns(1, d1 + d2 + canopy))


@posterior("nes1972-nes")
@posterior("nes1976-nes")
@posterior("nes1984-nes")
@posterior("nes1988-nes")
@posterior("nes1996-nes")
def nes(data: Data) -> pm.Model:
    y, ideology, race, educ, gender, income = arrays(
        data, "partyid7", "real_ideo", "race_adj", "educ1", "gender", "income"
    )
    age = np.asarray(data["age_discrete"])
    return regression(y, columns(1, ideology, race, age == 2, age == 3, age == 4, educ, gender, income))


@posterior("sblri-blr")
def blr(data: Data) -> pm.Model:
    X, y = arrays(data, "X", "y")
    with pm.Model() as model:
        beta = pm.Normal("beta", 0.0, 10.0, shape=X.shape[1])
        sigma = pm.HalfNormal("sigma", 10.0)
        pm.Normal("y", product(X, beta), sigma, observed=y)
    return model


@posterior("diamonds-diamonds")
def diamonds(data: Data) -> pm.Model:
    """The logarithm of the price on 24 centred columns: sizes, contrasts of the grades, and carat times the sizes."""
    price, carat = arrays(data, "price", "carat")
    sizes = np.log(np.column_stack(arrays(data, "x", "y", "z")))
    grades = [np.array(data["contrasts"][grade])[data[grade]] for grade in ("cut", "color", "clarity")]
    X = np.column_stack([carat, sizes, *grades, carat[:, None] * sizes])
    X = X - X.mean(axis=0)
    with pm.Model() as model:
        b = pm.Normal("b", 0.0, 1.0, shape=X.shape[1])
        intercept = pm.StudentT("Intercept", nu=3.0, mu=8.0, sigma=10.0)
        sigma = pm.HalfStudentT("sigma", nu=3.0, sigma=10.0)
        pm.Normal("y", intercept + product(X, b), sigma, observed=np.log(price))
    return model


@posterior("eight_schools-eight_schools_noncentered")
def eight_schools(data: Data) -> pm.Model:
    y, sigma = arrays(data, "y", "sigma")
    with pm.Model() as model:
        theta_t = pm.Normal("theta_trans", 0.0, 1.0, shape=len(y))
        mu = pm.Normal("mu", 0.0, 5.0)
        tau = pm.HalfCauchy("tau", 5.0)
        theta = pm.Deterministic("theta", mu + tau * theta_t)
        pm.Normal("y", theta, sigma, observed=y)
    return model


@posterior("arma-arma11")
def arma(data: Data) -> pm.Model:
    (y,) = arrays(data, "y")
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 10.0)
        phi = pm.Normal("phi", 0.0, 2.0)
        theta = pm.Normal("theta", 0.0, 2.0)
        sigma = pm.HalfCauchy("sigma", 2.5)
        first = y[0] - mu - phi * mu
        later = pytensor.scan(
            lambda residual, error, theta: residual - theta * error,
            sequences=[pt.as_tensor(y[1:]) - mu - phi * y[:-1]],
            outputs_info=[first],
            non_sequences=[theta],
            return_updates=False,
        )
        errors = pt.concatenate([first[None], later])
        pm.Potential("likelihood", pm.logp(pm.Normal.dist(0.0, sigma), errors).sum())
    return model


@posterior("garch-garch11")
def garch(data: Data) -> pm.Model:
    (y,) = arrays(data, "y")
    with pm.Model() as model:
        mu = pm.Flat("mu")
        alpha0 = pm.HalfFlat("alpha0")
        alpha1 = pm.Uniform("alpha1", 0.0, 1.0)
        beta1 = pm.Uniform("beta1", 0.0, 1.0 - alpha1)
        # Stan's prior is flat on the triangle; the uniform above brings 1 / (1 - alpha1).
        pm.Potential("flat_on_the_triangle", pt.log1p(-alpha1))
        first = pt.as_tensor(np.float64(data["sigma1"]) ** 2)
        later = pytensor.scan(
            lambda y, v, mu, a0, a1, b1: a0 + a1 * (y - mu) ** 2 + b1 * v,
            sequences=[pt.as_tensor(y[:-1])],
            outputs_info=[first],
            non_sequences=[mu, alpha0, alpha1, beta1],
            return_updates=False,
        )
        pm.Normal("y", mu, pt.sqrt(pt.concatenate([first[None], later])), observed=y)
    return model


@posterior("gp_pois_regr-gp_regr")
def gp(data: Data) -> pm.Model:
    """The noise on the diagonal is sigma itself, a variance, as in the Stan program."""
    x, y = arrays(data, "x", "y")
    with pm.Model() as model:
        rho = pm.Gamma("rho", alpha=25.0, beta=4.0)
        alpha = pm.HalfNormal("alpha", 2.0)
        sigma = pm.HalfNormal("sigma", 1.0)
        squares = (x[:, None] - x) ** 2
        covariance = alpha**2 * pt.exp(-0.5 * squares / rho**2) + sigma * pt.eye(len(y))
        pm.MvNormal("y", mu=np.zeros(len(y)), chol=pt.linalg.cholesky(covariance), observed=y)
    return model


@posterior("low_dim_gauss_mix-low_dim_gauss_mix")
def mixture(data: Data) -> pm.Model:
    (y,) = arrays(data, "y")
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 2.0, shape=2, transform=ordered, initval=np.array([-1.0, 1.0]))
        sigma = pm.HalfNormal("sigma", 2.0, shape=2)
        theta = pm.Beta("theta", 5.0, 5.0)
        pm.NormalMixture("y", w=pt.stack([theta, 1 - theta]), mu=mu, sigma=sigma, observed=y)
    return model


def forward(log_emission: Any, theta: Any) -> Any:
    """Log likelihood of a hidden Markov chain: log_emission (N, K), theta (K, K); every first state has weight 1."""
    log_theta = pt.log(theta)
    steps = pytensor.scan(
        lambda emission, state, log_theta: pt.logsumexp(state[:, None] + log_theta, axis=0) + emission,
        sequences=[log_emission[1:]],
        outputs_info=[log_emission[0]],
        non_sequences=[log_theta],
        return_updates=False,
    )
    return pt.logsumexp(steps[-1])


@posterior("hmm_example-hmm_example")
def hmm(data: Data) -> pm.Model:
    (y,) = arrays(data, "y")
    with pm.Model() as model:
        theta1 = pm.Dirichlet("theta1", np.ones(2))
        theta2 = pm.Dirichlet("theta2", np.ones(2))
        mu = pm.Normal("mu", np.array([3.0, 10.0]), 1.0, shape=2, transform=Chain([log, ordered]))
        emission = pm.logp(pm.Normal.dist(mu[None, :], 1.0), y[:, None])
        pm.Potential("likelihood", forward(emission, pt.stack([theta1, theta2])))
    return model


@posterior("bball_drive_event_0-hmm_drive_0")
def hmm_drive(data: Data) -> pm.Model:
    """Exponential emissions; starts above 0, for the prior mean 0 of the first rates lies outside of the support."""
    u, v, alpha = arrays(data, "u", "v", "alpha")
    rates: dict[str, Any] = {
        "mu": np.array([0.0, 3.0]),
        "sigma": 1.0,
        "shape": 2,
        "transform": Chain([log, ordered]),
        "initval": np.array([0.5, 3.0]),
    }
    with pm.Model() as model:
        theta1 = pm.Dirichlet("theta1", alpha[0])
        theta2 = pm.Dirichlet("theta2", alpha[1])
        phi = pm.Normal("phi", **rates)
        lam = pm.Normal("lambda", **rates)
        emission = pt.log(phi) - phi * u[:, None] + pt.log(lam) - lam * v[:, None]
        pm.Potential("likelihood", forward(emission, pt.stack([theta1, theta2])))
    return model


@posterior("hudson_lynx_hare-lotka_volterra")
def lotka_volterra(data: Data, near: bool = False) -> pm.Model:
    """Classical Runge-Kutta steps. From prior means, chains stay in a mode 44 nats below; ``near``: from the data."""
    times, y_init, y = arrays(data, "ts", "y_init", "y")
    substeps = 10
    h = 1.0 / substeps
    starts = {"theta": np.array([0.5, 0.025, 0.8, 0.025]), "z_init": y_init, "sigma": np.array([0.3, 0.3])}
    initval = starts.get if near else lambda name: None
    with pm.Model() as model:
        theta = pm.TruncatedNormal(
            "theta",
            mu=np.array([1.0, 0.05, 1.0, 0.05]),
            sigma=np.array([0.5, 0.05, 0.5, 0.05]),
            lower=0.0,
            shape=4,
            initval=initval("theta"),
        )
        z_init = pm.LogNormal("z_init", np.log(10.0), 1.0, shape=2, initval=initval("z_init"))
        sigma = pm.LogNormal("sigma", -1.0, 1.0, shape=2, initval=initval("sigma"))

        def slope(u: Any, v: Any, th: Any) -> tuple[Any, Any]:
            return (th[0] - th[1] * v) * u, (-th[2] + th[3] * u) * v

        def step(u: Any, v: Any, th: Any) -> list[Any]:
            a = slope(u, v, th)
            b = slope(u + h / 2 * a[0], v + h / 2 * a[1], th)
            c = slope(u + h / 2 * b[0], v + h / 2 * b[1], th)
            d = slope(u + h * c[0], v + h * c[1], th)
            return [s + h / 6 * (a[i] + 2 * b[i] + 2 * c[i] + d[i]) for i, s in enumerate((u, v))]

        u, v = pytensor.scan(
            step,
            outputs_info=[z_init[0], z_init[1]],
            non_sequences=[theta],
            n_steps=len(times) * substeps,
            return_updates=False,
        )
        z = pt.stack([u[substeps - 1 :: substeps], v[substeps - 1 :: substeps]], axis=1)
        pm.LogNormal("y_init", pt.log(z_init), sigma, observed=y_init)
        pm.LogNormal("y", pt.log(z), sigma, observed=y)
    return model

"""Time series, processes, differential equations."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt

from .registry import animal

STEPS = np.array([0.1, 0.4, 0.2, 0.7, 0.9, 0.6, 1.1, 1.4])
RETURNS = np.array([0.3, -0.5, 0.2, 1.1, -0.9, 0.4, 0.1, -0.2, 0.6, -0.7])
PLANE = np.column_stack([STEPS, STEPS[::-1]])
HALVES = np.linspace(0.0, 2.0, 8)


@animal("GaussianRandomWalk")
def gaussian_random_walk_free() -> pm.Model:
    """A level that wanders under noise."""
    with pm.Model() as model:
        level = pm.GaussianRandomWalk("level", sigma=0.3, init_dist=pm.Normal.dist(0.0, 1.0), steps=7)
        pm.Normal("y", level, 0.3, observed=STEPS)
    return model


@animal("GaussianRandomWalk")
def gaussian_random_walk_observed() -> pm.Model:
    """The walk itself as data, with a drift."""
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 0.5)
        s = pm.HalfNormal("s")
        pm.GaussianRandomWalk("y", mu=mu, sigma=s, init_dist=pm.Normal.dist(0.0, 1.0), observed=STEPS)
    return model


@animal("MvGaussianRandomWalk")
def mv_gaussian_random_walk_free() -> pm.Model:
    """Two levels that wander together."""
    with pm.Model() as model:
        level = pm.MvGaussianRandomWalk(
            "level", np.zeros(2), cov=np.eye(2) * 0.1, init_dist=pm.MvNormal.dist(np.zeros(2), np.eye(2)), shape=(8, 2)
        )
        pm.Normal("y", level, 0.3, observed=PLANE)
    return model


@animal("MvGaussianRandomWalk")
def mv_gaussian_random_walk_observed() -> pm.Model:
    """The same as data."""
    with pm.Model() as model:
        mu = pm.Normal("mu", shape=2)
        start = pm.MvNormal.dist(np.zeros(2), np.eye(2))
        pm.MvGaussianRandomWalk("y", mu, cov=np.eye(2) * 0.1, init_dist=start, observed=PLANE)
    return model


@animal("MvStudentTRandomWalk")
def mv_student_random_walk_free() -> pm.Model:
    """With jumps."""
    with pm.Model() as model:
        start = pm.MvNormal.dist(np.zeros(2), np.eye(2))
        level = pm.MvStudentTRandomWalk(
            "level", nu=5, mu=np.zeros(2), scale=np.eye(2) * 0.1, init_dist=start, shape=(8, 2)
        )
        pm.Normal("y", level, 0.3, observed=PLANE)
    return model


@animal("RandomWalk")
def random_walk_free() -> pm.Model:
    """Innovations of any family."""
    with pm.Model() as model:
        level = pm.RandomWalk(
            "level", init_dist=pm.Normal.dist(0.0, 1.0), innovation_dist=pm.Laplace.dist(0.0, 0.3), steps=7
        )
        pm.Normal("y", level, 0.3, observed=STEPS)
    return model


@animal("RandomWalk")
def random_walk_observed() -> pm.Model:
    """Logistic innovations as data."""
    with pm.Model() as model:
        s = pm.HalfNormal("s")
        pm.RandomWalk("y", init_dist=pm.Normal.dist(0.0, 1.0), innovation_dist=pm.Logistic.dist(0.0, s), observed=STEPS)
    return model


@animal("AR")
def ar_observed() -> pm.Model:
    """An autoregression of order two with a constant."""
    with pm.Model() as model:
        rho = pm.Normal("rho", 0.0, 0.5, shape=3)
        start = pm.Normal.dist(0.0, 1.0, shape=2)
        pm.AR("y", rho, sigma=0.5, constant=True, init_dist=start, observed=STEPS)
    return model


@animal("AR")
def ar_free() -> pm.Model:
    """A latent autoregression."""
    with pm.Model() as model:
        level = pm.AR("level", rho=[0.8], sigma=0.3, init_dist=pm.Normal.dist(0.0, 1.0), steps=7)
        pm.Normal("y", level, 0.3, observed=STEPS)
    return model


@animal("GARCH11")
def garch_observed() -> pm.Model:
    """Volatility that clusters."""
    with pm.Model() as model:
        omega = pm.HalfNormal("omega", 0.5)
        alpha = pm.Beta("alpha", 2.0, 5.0)
        pm.GARCH11("y", omega=omega, alpha_1=alpha, beta_1=0.4, initial_vol=0.5, observed=RETURNS)
    return model


@animal("GARCH11")
def garch_free() -> pm.Model:
    """Latent returns."""
    with pm.Model() as model:
        x = pm.GARCH11("x", omega=0.2, alpha_1=0.2, beta_1=0.4, initial_vol=0.5, shape=(8,))
        pm.Normal("y", x, 0.5, observed=STEPS)
    return model


def _decay(x: pt.TensorVariable, rate: pt.TensorVariable) -> tuple[pt.TensorVariable, pt.TensorVariable]:
    return -rate * x, 0.3


@animal("EulerMaruyama")
def euler_maruyama_observed() -> pm.Model:
    """A stochastic differential equation, observed."""
    with pm.Model() as model:
        rate = pm.LogNormal("rate", 0.0, 0.5)
        pm.EulerMaruyama(
            "y", dt=0.25, sde_fn=_decay, sde_pars=[rate], init_dist=pm.Normal.dist(0.0, 1.0), observed=STEPS
        )
    return model


@animal("EulerMaruyama")
def euler_maruyama_free() -> pm.Model:
    """The same, latent."""
    with pm.Model() as model:
        x = pm.EulerMaruyama(
            "x", dt=0.25, sde_fn=_decay, sde_pars=[pt.constant(1.0)], init_dist=pm.Normal.dist(0.0, 1.0), shape=(8,)
        )
        pm.Normal("y", x, 0.3, observed=STEPS)
    return model


@animal()
def ode_decay() -> pm.Model:
    """An ordinary differential equation by pm.ode."""
    decay = pm.ode.DifferentialEquation(
        func=lambda y, t, p: -p[0] * y[0], times=HALVES[1:], n_states=1, n_theta=1, t0=0.0
    )
    with pm.Model() as model:
        rate = pm.LogNormal("rate", 0.0, 0.5)
        pm.Normal("y", decay(y0=[1.0], theta=[rate]), 0.1, observed=np.exp(-0.8 * HALVES[1:])[:, None])
    return model


@animal()
def scan_loop() -> pm.Model:
    """A recursion by pytensor.scan."""
    with pm.Model() as model:
        rate = pm.Beta("rate", 2.0, 2.0)
        levels = pytensor.scan(
            lambda previous, r: previous * r,
            outputs_info=[pt.ones(())],
            non_sequences=[rate],
            n_steps=6,
            return_updates=False,
        )
        pm.Normal("y", levels, 0.1, observed=0.7 ** np.arange(1, 7))
    return model


@animal()
def gp_marginal() -> pm.Model:
    """A Gaussian process whose values are integrated out."""
    with pm.Model() as model:
        length = pm.Gamma("length", 3.0, 3.0)
        gp = pm.gp.Marginal(cov_func=pm.gp.cov.ExpQuad(1, length))
        gp.marginal_likelihood("y", X=HALVES[:, None], y=STEPS, sigma=0.2)
    return model


@animal()
def gp_latent() -> pm.Model:
    """A Gaussian process under counts."""
    with pm.Model() as model:
        gp = pm.gp.Latent(cov_func=pm.gp.cov.Matern52(1, 0.5))
        f = gp.prior("f", X=HALVES[:, None])
        pm.Poisson("y", pt.exp(f), observed=[1, 0, 2, 1, 3, 2, 4, 3])
    return model


@animal()
def gp_latent_centred() -> pm.Model:
    """The same, centred."""
    with pm.Model() as model:
        gp = pm.gp.Latent(cov_func=pm.gp.cov.Matern52(1, 0.5))
        f = gp.prior("f", X=HALVES[:, None], reparameterize=False)
        pm.Poisson("y", pt.exp(f), observed=[1, 0, 2, 1, 3, 2, 4, 3])
    return model


@animal()
def gp_hilbert_space() -> pm.Model:
    """A Gaussian process by basis functions."""
    with pm.Model() as model:
        length = pm.Gamma("length", 3.0, 3.0)
        gp = pm.gp.HSGP(m=[5], c=1.5, cov_func=pm.gp.cov.ExpQuad(1, length))
        f = gp.prior("f", X=HALVES[:, None])
        pm.Normal("y", f, 0.3, observed=STEPS)
    return model


@animal()
def gp_student() -> pm.Model:
    """A Student-t process."""
    with pm.Model() as model:
        gp = pm.gp.TP(scale_func=pm.gp.cov.ExpQuad(1, 0.5), nu=5)
        f = gp.prior("f", X=HALVES[:, None])
        pm.Normal("y", f, 0.3, observed=STEPS)
    return model


@animal()
def gp_sparse() -> pm.Model:
    """A Gaussian process by inducing points."""
    with pm.Model() as model:
        length = pm.Gamma("length", 3.0, 3.0)
        gp = pm.gp.MarginalApprox(cov_func=pm.gp.cov.ExpQuad(1, length), approx="VFE")
        gp.marginal_likelihood("y", X=HALVES[:, None], Xu=HALVES[::3, None], y=STEPS, sigma=0.2)
    return model


@animal()
def gp_kronecker() -> pm.Model:
    """A Gaussian process on a grid."""
    with pm.Model() as model:
        length = pm.Gamma("length", 3.0, 3.0)
        gp = pm.gp.MarginalKron(cov_funcs=[pm.gp.cov.ExpQuad(1, length), pm.gp.cov.ExpQuad(1, 1.0)])
        gp.marginal_likelihood("y", Xs=[HALVES[:4, None], HALVES[:2, None]], y=STEPS, sigma=0.2)
    return model

"""Multivariate distributions, mixtures, censoring and truncation."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayescompare.errors import UnsupportedModelError

from .registry import animal

ROWS = np.array([[0.1, 1.2], [-0.4, 0.3], [0.9, 1.6], [0.3, 0.2], [-0.6, 0.8]])
COV = np.array([[1.0, 0.3], [0.3, 2.0]])
SHARES = np.array([[0.2, 0.5, 0.3], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4]])
TABLE = np.array([[2, 5, 3], [1, 6, 3], [3, 3, 4]])
ADJACENT = np.array([[0.0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0]])
AREAS = np.array([0.2, 1.1, 0.6, -0.3])
WAITS = np.array([0.4, 0.9, 1.7, 0.6, 2.6])


def conjugate_mean(rows: np.ndarray, cov: np.ndarray) -> dict[str, float]:
    """Posterior mean of a standard normal prior's mean vector."""
    precision = np.eye(2) + len(rows) * np.linalg.inv(cov)
    mean = np.linalg.solve(precision, np.linalg.inv(cov) @ rows.sum(axis=0))
    return {f"mu[{i}]": float(x) for i, x in enumerate(mean)}


@animal("Dirichlet", "Multinomial", mode={"p[0]": 7 / 32, "p[1]": 15 / 32}, mean={"p[0]": 8 / 35, "p[1]": 16 / 35})
def dirichlet_scalar() -> pm.Model:
    """A simplex under counts: conjugate, Dirichlet(8, 16, 11)."""
    with pm.Model() as model:
        p = pm.Dirichlet("p", np.array([2.0, 2.0, 1.0]))
        pm.Multinomial("y", n=10, p=p, observed=TABLE)
    return model


@animal("Dirichlet", "Multinomial")
def dirichlet_vector() -> pm.Model:
    """A simplex a row."""
    with pm.Model() as model:
        p = pm.Dirichlet("p", np.array([2.0, 2.0, 2.0]), shape=(3, 3))
        pm.Multinomial("y", n=10, p=p, observed=TABLE)
    return model


@animal("Dirichlet")
def dirichlet_observed() -> pm.Model:
    """Shares as data."""
    with pm.Model() as model:
        a = pm.LogNormal("a", 1.0, 0.5, shape=3)
        pm.Dirichlet("y", a, observed=SHARES)
    return model


@animal("Multinomial", refused=UnsupportedModelError, names=("x",))
def multinomial_free() -> pm.Model:
    """Counts that nobody saw."""
    with pm.Model() as model:
        x = pm.Multinomial("x", n=3, p=np.array([0.2, 0.5, 0.3]))
        pm.Normal("y", x, 0.5, observed=[0.8, 1.2, 1.0])
    return model


@animal("DirichletMultinomial")
def dirichlet_multinomial_observed() -> pm.Model:
    """Overdispersed tables."""
    with pm.Model() as model:
        a = pm.LogNormal("a", 1.0, 0.5, shape=3)
        pm.DirichletMultinomial("y", n=10, a=a, observed=TABLE)
    return model


@animal("DirichletMultinomial")
def dirichlet_multinomial_row() -> pm.Model:
    """A single table."""
    with pm.Model() as model:
        a = pm.LogNormal("a", 1.0, 0.5, shape=3)
        pm.DirichletMultinomial("y", n=10, a=a, observed=TABLE[0])
    return model


@animal("OrderedMultinomial")
def ordered_multinomial_observed() -> pm.Model:
    """Counts of ordered categories."""
    with pm.Model() as model:
        eta = pm.Normal("eta")
        pm.OrderedMultinomial("y", eta=eta, cutpoints=np.array([-1.0, 1.0]), n=10, observed=TABLE[0])
    return model


@animal("OrderedLogistic")
def ordered_logistic_regression() -> pm.Model:
    """Free cutpoints by an ordered transform."""
    with pm.Model() as model:
        cut = pm.Normal("cut", 0.0, 2.0, shape=2, transform=pm.distributions.transforms.ordered, initval=[-1.0, 1.0])
        slope = pm.Normal("slope")
        pm.OrderedLogistic("y", slope * np.linspace(-1, 1, 8), cut, observed=[0, 0, 1, 0, 1, 2, 2, 1], compute_p=False)
    return model


@animal("OrderedProbit")
def ordered_probit_regression() -> pm.Model:
    """With the probabilities that PyMC adds as a Deterministic."""
    with pm.Model() as model:
        slope = pm.Normal("slope")
        pm.OrderedProbit("y", slope * np.linspace(-1, 1, 6), [-0.5, 0.7], observed=[0, 0, 1, 1, 2, 2])
    return model


@animal("MvNormal", mean=conjugate_mean(ROWS, COV), mode=conjugate_mean(ROWS, COV))
def mvnormal_observed() -> pm.Model:
    """Rows, by their covariance: conjugate."""
    with pm.Model() as model:
        mu = pm.Normal("mu", shape=2)
        pm.MvNormal("y", mu, COV, observed=ROWS)
    return model


@animal("MvNormal", mode=conjugate_mean(ROWS, COV))
def mvnormal_chol() -> pm.Model:
    """The same by a Cholesky factor."""
    with pm.Model() as model:
        mu = pm.Normal("mu", shape=2)
        pm.MvNormal("y", mu, chol=np.linalg.cholesky(COV), observed=ROWS)
    return model


@animal("MvNormal", mode=conjugate_mean(ROWS, COV))
def mvnormal_tau() -> pm.Model:
    """The same by a precision matrix."""
    with pm.Model() as model:
        mu = pm.Normal("mu", shape=2)
        pm.MvNormal("y", mu, tau=np.linalg.inv(COV), observed=ROWS)
    return model


@animal("MvNormal", mode=conjugate_mean(ROWS[:1], COV))
def mvnormal_row() -> pm.Model:
    """One row, as a vector."""
    with pm.Model() as model:
        mu = pm.Normal("mu", shape=2)
        pm.MvNormal("y", mu, COV, observed=ROWS[0])
    return model


@animal("MvNormal")
def mvnormal_free() -> pm.Model:
    """As a prior: a scalar event and a batch."""
    with pm.Model() as model:
        x = pm.MvNormal("x", np.zeros(2), COV)
        v = pm.MvNormal("v", np.zeros(2), chol=np.linalg.cholesky(COV), shape=(3, 2))
        pm.Normal("y", x.sum() + v.sum(axis=-1), 0.5, observed=[0.2, 0.5, -0.1])
    return model


def _with_holes(*holes: tuple[int, int]) -> np.ma.MaskedArray:
    rows = np.ma.masked_array(ROWS, np.zeros(ROWS.shape, bool))
    for hole in holes:
        rows[hole] = np.ma.masked
    return rows


@animal("MvNormal")
def mvnormal_holes() -> pm.Model:
    """Rows that are missing in part."""
    with pm.Model() as model:
        mu = pm.Normal("mu", shape=2)
        pm.MvNormal("y", mu, COV, observed=_with_holes((1, 0), (3, 1)))
    return model


@animal("MvNormal")
def mvnormal_row_missing() -> pm.Model:
    """A whole row that is missing."""
    with pm.Model() as model:
        mu = pm.Normal("mu", shape=2)
        pm.MvNormal("y", mu, COV, observed=_with_holes((2, 0), (2, 1)))
    return model


@animal("MvStudentT")
def mvstudentt_observed() -> pm.Model:
    """Heavy-tailed rows."""
    with pm.Model() as model:
        mu = pm.Normal("mu", shape=2)
        pm.MvStudentT("y", nu=5, mu=mu, scale=COV, observed=ROWS)
    return model


@animal("MvStudentT")
def mvstudentt_free() -> pm.Model:
    """As a prior."""
    with pm.Model() as model:
        x = pm.MvStudentT("x", nu=5, mu=np.zeros(2), scale=COV)
        pm.Normal("y", x, 0.5, observed=ROWS)
    return model


@animal("MatrixNormal")
def matrixnormal_free() -> pm.Model:
    """A matrix with covariances of rows and columns."""
    with pm.Model() as model:
        x = pm.MatrixNormal("x", mu=np.zeros((2, 2)), rowcov=COV, colcov=np.eye(2))
        pm.Normal("y", x, 0.5, observed=ROWS[:2])
    return model


@animal("MatrixNormal")
def matrixnormal_observed() -> pm.Model:
    """A matrix as data."""
    with pm.Model() as model:
        s = pm.HalfNormal("s")
        pm.MatrixNormal("y", mu=np.zeros((5, 2)), rowcov=s * np.eye(5), colcov=COV, observed=ROWS)
    return model


@animal("KroneckerNormal")
def kroneckernormal_observed() -> pm.Model:
    """A covariance that is a Kronecker product."""
    with pm.Model() as model:
        s = pm.HalfNormal("s")
        pm.KroneckerNormal("y", mu=np.zeros(4), covs=[COV, np.eye(2)], sigma=s, observed=AREAS)
    return model


@animal("KroneckerNormal")
def kroneckernormal_free() -> pm.Model:
    """As a prior."""
    with pm.Model() as model:
        x = pm.KroneckerNormal("x", mu=np.zeros(4), covs=[COV, np.eye(2)], sigma=0.3)
        pm.Normal("y", x, 0.5, observed=AREAS)
    return model


@animal("LKJCorr")
def lkjcorr_free() -> pm.Model:
    """A correlation matrix as a prior."""
    with pm.Model() as model:
        corr = pm.LKJCorr("corr", n=2, eta=2.0)
        matrix = corr if corr.ndim == 2 else pt.eye(2) + (pt.ones((2, 2)) - pt.eye(2)) * corr[0]
        pm.MvNormal("y", np.zeros(2), matrix, observed=ROWS)
    return model


@animal("LKJCorr")
def lkjcorr_three() -> pm.Model:
    """The same in three dimensions, rows as data."""
    rows = np.random.default_rng(1).normal(size=(8, 3))
    with pm.Model() as model:
        corr = pm.LKJCorr("corr", n=3, eta=2.0)
        if corr.ndim == 1:
            upper = pt.set_subtensor(pt.zeros((3, 3))[np.triu_indices(3, 1)], corr)
            corr = upper + upper.T + pt.eye(3)
        pm.MvNormal("y", np.zeros(3), corr, observed=rows)
    return model


@animal("LKJCholeskyCov")
def lkjcholeskycov_free() -> pm.Model:
    """A covariance matrix by its Cholesky factor, with PyMC's Deterministics."""
    with pm.Model() as model:
        chol, _, _ = pm.LKJCholeskyCov("chol", n=2, eta=2.0, sd_dist=pm.Exponential.dist(1.0))
        pm.MvNormal("y", np.zeros(2), chol=chol, observed=ROWS)
    return model


@animal("Wishart")
def wishart_observed() -> pm.Model:
    """A scatter matrix as data."""
    with pm.Model() as model:
        s = pm.LogNormal("s", 0.0, 0.5)
        pm.Wishart("y", nu=6, V=s * np.eye(2), observed=np.array([[4.0, 1.0], [1.0, 6.0]]))
    return model


@animal("Wishart")
def wishart_free() -> pm.Model:
    """As a prior, which nothing keeps positive definite."""
    with pm.Model() as model:
        precision = pm.Wishart("precision", nu=6, V=np.eye(2) / 6, initval=np.eye(2))
        pm.MvNormal("y", np.zeros(2), tau=precision, observed=ROWS)
    return model


@animal("WishartBartlett")
def wishart_bartlett_free() -> pm.Model:
    """By Bartlett's decomposition."""
    with pm.Model() as model:
        precision = pm.WishartBartlett("precision", S=np.eye(2) / 6, nu=6)
        pm.MvNormal("y", np.zeros(2), tau=precision, observed=ROWS)
    return model


@animal("StickBreakingWeights")
def stickbreaking_free() -> pm.Model:
    """Weights of a truncated Dirichlet process."""
    with pm.Model() as model:
        w = pm.StickBreakingWeights("w", alpha=1.5, K=2)
        pm.Multinomial("y", n=10, p=w, observed=TABLE)
    return model


@animal("StickBreakingWeights")
def stickbreaking_observed() -> pm.Model:
    """Weights as data."""
    with pm.Model() as model:
        alpha = pm.LogNormal("alpha", 0.0, 0.5)
        pm.StickBreakingWeights("y", alpha=alpha, K=2, observed=SHARES)
    return model


@animal("CAR")
def car_free() -> pm.Model:
    """Areas that resemble their neighbours."""
    with pm.Model() as model:
        x = pm.CAR("x", mu=np.zeros(4), W=ADJACENT, alpha=0.7, tau=1.0)
        pm.Normal("y", x, 0.5, observed=AREAS)
    return model


@animal("CAR")
def car_observed() -> pm.Model:
    """Areas as data."""
    with pm.Model() as model:
        alpha = pm.Beta("alpha", 2.0, 2.0)
        pm.CAR("y", mu=np.zeros(4), W=ADJACENT, alpha=alpha, tau=1.0, observed=AREAS)
    return model


@animal("ICAR")
def icar_free() -> pm.Model:
    """The intrinsic form."""
    with pm.Model() as model:
        x = pm.ICAR("x", W=ADJACENT)
        pm.Normal("y", x, 0.5, observed=AREAS)
    return model


@animal("ZeroSumNormal")
def zerosum_free() -> pm.Model:
    """Effects that sum to zero."""
    with pm.Model(coords={"group": ["a", "b", "c"]}) as model:
        x = pm.ZeroSumNormal("x", 1.0, dims="group")
        pm.Normal("y", x, 0.5, observed=np.array([[0.2, 0.5, -0.8]] * 2))
    return model


@animal("ZeroSumNormal")
def zerosum_two_axes() -> pm.Model:
    """Zero along both axes."""
    with pm.Model() as model:
        x = pm.ZeroSumNormal("x", 1.0, n_zerosum_axes=2, shape=(2, 3))
        pm.Normal("y", x, 0.5, observed=np.arange(6.0).reshape(2, 3) / 3)
    return model


@animal("ZeroSumNormal")
def zerosum_observed() -> pm.Model:
    """Centred data."""
    with pm.Model() as model:
        s = pm.HalfNormal("s")
        pm.ZeroSumNormal("y", s, observed=np.array([0.5, -0.2, -0.3]))
    return model


# -- mixtures, censoring, truncation -----------------------------------------------------------------------------------


@animal("Mixture")
def mixture_of_list() -> pm.Model:
    """Components of two families."""
    with pm.Model() as model:
        w = pm.Dirichlet("w", np.ones(2) * 2)
        parts = [pm.Normal.dist(0.0, 1.0), pm.StudentT.dist(nu=4, mu=2.0, sigma=1.0)]
        pm.Mixture("y", w=w, comp_dists=parts, observed=WAITS)
    return model


@animal("Mixture")
def mixture_of_batch() -> pm.Model:
    """One batched component."""
    with pm.Model() as model:
        mu = pm.Normal("mu", [0.0, 3.0], 0.5, shape=2)
        pm.Mixture("y", w=[0.4, 0.6], comp_dists=pm.Normal.dist(mu, 1.0, shape=2), observed=WAITS)
    return model


@animal("Mixture")
def mixture_free() -> pm.Model:
    """A mixture as a prior."""
    with pm.Model() as model:
        x = pm.Mixture("x", w=[0.3, 0.7], comp_dists=[pm.Normal.dist(-1.0, 1.0), pm.Normal.dist(1.0, 1.0)])
        pm.Normal("y", x, 0.5, observed=WAITS)
    return model


@animal("Mixture")
def mixture_of_rows() -> pm.Model:
    """Components that are vectors."""
    with pm.Model() as model:
        w = pm.Dirichlet("w", np.ones(2) * 2)
        parts = [pm.MvNormal.dist(np.zeros(2), COV), pm.MvNormal.dist(np.ones(2), np.eye(2))]
        pm.Mixture("y", w=w, comp_dists=parts, observed=ROWS)
    return model


@animal("Mixture", "DiracDelta")
def mixture_with_point_mass() -> pm.Model:
    """Zero inflation by hand."""
    with pm.Model() as model:
        psi = pm.Beta("psi", 2.0, 2.0)
        parts = [pm.DiracDelta.dist(0), pm.Poisson.dist(2.0)]
        pm.Mixture("y", w=pt.stack([1 - psi, psi]), comp_dists=parts, observed=[0, 0, 0, 2, 3, 1])
    return model


@animal("NormalMixture")
def normal_mixture_observed() -> pm.Model:
    """Two normal components apart."""
    with pm.Model() as model:
        mu = pm.Normal("mu", [-2.0, 2.0], 0.5, shape=2)
        pm.NormalMixture("y", w=np.array([0.5, 0.5]), mu=mu, sigma=0.7, observed=[-2.3, -1.9, 2.1, 1.6])
    return model


@animal("NormalMixture")
def normal_mixture_free() -> pm.Model:
    """As a prior."""
    with pm.Model() as model:
        x = pm.NormalMixture("x", w=np.array([0.5, 0.5]), mu=[-1.0, 1.0], sigma=1.0)
        pm.Normal("y", x, 0.5, observed=WAITS)
    return model


@animal("Censored")
def censored_observed() -> pm.Model:
    """Waiting times that end at two."""
    with pm.Model() as model:
        rate = pm.LogNormal("rate", 0.0, 0.5)
        times = pm.Exponential.dist(rate)
        pm.Censored("y", times, lower=None, upper=2.0, observed=np.minimum(WAITS, 2.0))
    return model


@animal("Censored")
def censored_by_row() -> pm.Model:
    """Limits of their own for each, on both sides, of counts."""
    with pm.Model() as model:
        mu = pm.LogNormal("mu", 0.5, 0.5)
        upper = np.array([2, 5, 5, 3, 9])
        pm.Censored("y", pm.Poisson.dist(mu), lower=1, upper=upper, observed=[1, 2, 5, 3, 4])
    return model


@animal("Truncated")
def truncated_observed() -> pm.Model:
    """A generic truncation."""
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.5, 1.0)
        pm.Truncated("y", pm.Logistic.dist(mu, 1.0), lower=0.0, upper=4.0, observed=WAITS)
    return model


@animal("Truncated")
def truncated_counts() -> pm.Model:
    """Counts without zeros."""
    with pm.Model() as model:
        mu = pm.LogNormal("mu", 0.5, 0.5)
        pm.Truncated("y", pm.Poisson.dist(mu), lower=1, observed=[1, 2, 2, 4, 1])
    return model


@animal("Truncated")
def truncated_free() -> pm.Model:
    """As a prior."""
    with pm.Model() as model:
        x = pm.Truncated("x", pm.Gumbel.dist(0.0, 1.0), lower=-1.0, upper=3.0)
        pm.Normal("y", x, 0.5, observed=WAITS)
    return model


@animal("DiracDelta", refused=UnsupportedModelError, names=("x",))
def diracdelta_free() -> pm.Model:
    """A whole number that is known."""
    with pm.Model() as model:
        x = pm.DiracDelta("x", 2)
        pm.Normal("y", x, 0.5, observed=WAITS)
    return model

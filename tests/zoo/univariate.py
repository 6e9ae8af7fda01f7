"""Every univariate distribution of PyMC: as a free scalar, as a free vector, and as what is observed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm

from bayescompare.errors import UnsupportedModelError

from .registry import Animal, register

#: Priors of the parameter that is free where a distribution is observed.
PRIORS: Mapping[str, Callable[[str], Any]] = {
    "real": lambda name: pm.Normal(name, 0.5, 1.0),
    "positive": lambda name: pm.LogNormal(name, 0.3, 0.5),
    "unit": lambda name: pm.Beta(name, 2.0, 3.0),
    "simplex": lambda name: pm.Dirichlet(name, np.array([2.0, 3.0, 2.5])),
}

HALVES = (0.4, 0.9, 1.7, 0.6, 2.6)
REALS = (-0.7, 0.2, 1.1, 0.5, 1.9)
SHARES = (0.15, 0.3, 0.62, 0.4, 0.22)
GRID = np.linspace(-3, 3, 13)
COUNTS = (0, 2, 1, 4, 3, 2)
POSITIVE_COUNTS = (1, 2, 1, 4, 3, 2)


@dataclass(frozen=True)
class Kind:
    """One distribution: its parameters, which of them is free where it is observed, and values that it may take."""

    name: str
    fixed: Mapping[str, Any]
    data: Sequence[float]
    of: str = ""
    prior: str = "real"
    label: str = ""

    @property
    def slug(self) -> str:
        return self.label or self.name.lower()


CONTINUOUS = (
    Kind("AsymmetricLaplace", {"kappa": 1.5, "mu": 0.0, "b": 1.0}, REALS, "b", "positive"),
    Kind("Beta", {"alpha": 2.0, "beta": 3.0}, SHARES, "alpha", "positive"),
    Kind("Cauchy", {"alpha": 0.0, "beta": 1.0}, REALS, "alpha"),
    Kind("ChiSquared", {"nu": 4.0}, HALVES, "nu", "positive"),
    Kind("ExGaussian", {"mu": 0.0, "sigma": 1.0, "nu": 1.0}, REALS, "mu"),
    Kind("Exponential", {"lam": 1.0}, HALVES, "lam", "positive"),
    Kind("Flat", {}, REALS),
    Kind("Gamma", {"alpha": 2.0, "beta": 1.5}, HALVES, "beta", "positive"),
    Kind("Gumbel", {"mu": 0.0, "beta": 1.0}, REALS, "mu"),
    Kind("HalfCauchy", {"beta": 1.0}, HALVES, "beta", "positive"),
    Kind("HalfFlat", {}, HALVES),
    Kind("HalfNormal", {"sigma": 1.0}, HALVES, "sigma", "positive"),
    Kind("HalfStudentT", {"nu": 4.0, "sigma": 1.0}, HALVES, "sigma", "positive"),
    Kind(
        "Interpolated",
        {"x_points": np.linspace(-3, 3, 13), "pdf_points": np.exp(-(np.linspace(-3, 3, 13) ** 2))},
        REALS,
    ),
    Kind("InverseGamma", {"alpha": 3.0, "beta": 2.0}, HALVES, "beta", "positive"),
    Kind("Kumaraswamy", {"a": 2.0, "b": 3.0}, SHARES, "a", "positive"),
    Kind("Laplace", {"mu": 0.0, "b": 1.0}, REALS, "b", "positive"),
    Kind("LogNormal", {"mu": 0.0, "sigma": 1.0}, HALVES, "mu"),
    Kind("Lognormal", {"mu": 0.0, "sigma": 1.0}, HALVES, "sigma", "positive", "lognormal_alias"),
    Kind("Logistic", {"mu": 0.0, "s": 1.0}, REALS, "mu"),
    Kind("LogitNormal", {"mu": 0.0, "sigma": 1.0}, SHARES, "mu"),
    Kind("Moyal", {"mu": 0.0, "sigma": 1.0}, REALS, "mu"),
    Kind("Normal", {"mu": 0.0, "sigma": 1.0}, REALS, "mu"),
    Kind("Pareto", {"alpha": 2.0, "m": 0.3}, HALVES, "alpha", "positive"),
    Kind("Rice", {"nu": 1.0, "sigma": 1.0}, HALVES, "nu", "positive"),
    Kind("SkewNormal", {"mu": 0.0, "sigma": 1.0, "alpha": 2.0}, REALS, "mu"),
    Kind("SkewStudentT", {"a": 2.0, "b": 3.0, "mu": 0.0, "sigma": 1.0}, REALS, "mu"),
    Kind("StudentT", {"nu": 4, "mu": 0, "sigma": 1.0}, REALS, "mu"),
    Kind("Triangular", {"lower": 0.0, "upper": 1.0, "c": 0.4}, SHARES, "c", "unit"),
    Kind("TruncatedNormal", {"mu": 0.5, "sigma": 1.0, "lower": 0.0}, HALVES, "mu"),
    Kind("Uniform", {"lower": 0.0, "upper": 3.0}, HALVES, "lower"),
    Kind("VonMises", {"mu": 0.0, "kappa": 2.0}, REALS, "mu"),
    Kind("Wald", {"mu": 1.0, "lam": 2.0}, HALVES, "mu", "positive"),
    Kind("Weibull", {"alpha": 1.5, "beta": 1.0}, HALVES, "beta", "positive"),
)

#: Families with a mass at zero whose other values are continuous: observed only.
MIXED = (
    Kind("HurdleGamma", {"psi": 0.6, "alpha": 2.0, "beta": 1.0}, (0.0, *HALVES), "psi", "unit"),
    Kind("HurdleLogNormal", {"psi": 0.6, "mu": 0.0, "sigma": 1.0}, (0.0, 0.0, *HALVES), "mu"),
)

DISCRETE = (
    Kind("Bernoulli", {"p": 0.4}, (0, 1, 1, 0, 1), "p", "unit"),
    Kind("BetaBinomial", {"n": 5, "alpha": 2.0, "beta": 3.0}, COUNTS, "alpha", "positive"),
    Kind("Binomial", {"n": 5, "p": 0.4}, COUNTS, "p", "unit"),
    Kind("Categorical", {"p": np.array([0.2, 0.5, 0.3])}, (0, 2, 1, 1, 2), "p", "simplex"),
    Kind("DiscreteUniform", {"lower": 0, "upper": 5}, COUNTS),
    Kind("DiscreteWeibull", {"q": 0.7, "beta": 1.2}, COUNTS, "q", "unit"),
    Kind("Geometric", {"p": 0.4}, POSITIVE_COUNTS, "p", "unit"),
    Kind("HurdleNegativeBinomial", {"psi": 0.8, "mu": 2.0, "alpha": 2.0}, COUNTS, "mu", "positive"),
    Kind("HurdlePoisson", {"psi": 0.8, "mu": 2.0}, COUNTS, "psi", "unit"),
    Kind("HyperGeometric", {"N": 20, "k": 8, "n": 5}, COUNTS),
    Kind("NegativeBinomial", {"mu": 2.0, "alpha": 2.0}, COUNTS, "alpha", "positive"),
    Kind("OrderedLogistic", {"eta": 0.2, "cutpoints": np.array([-1.0, 1.0])}, (0, 2, 1, 1, 2), "eta"),
    Kind("OrderedProbit", {"eta": 0.2, "cutpoints": np.array([-1.0, 1.0])}, (0, 2, 1, 1, 2), "eta"),
    Kind("Poisson", {"mu": 2.0}, COUNTS, "mu", "positive"),
    Kind("ZeroInflatedBinomial", {"psi": 0.8, "n": 5, "p": 0.5}, (0, 0, *COUNTS), "p", "unit"),
    Kind("ZeroInflatedNegativeBinomial", {"psi": 0.8, "mu": 2.0, "alpha": 2.0}, (0, 0, *COUNTS), "psi", "unit"),
    Kind("ZeroInflatedPoisson", {"psi": 0.8, "mu": 2.0}, (0, 0, *COUNTS), "mu", "positive"),
)


def free(kind: Kind, shape: int | None) -> Callable[[], pm.Model]:
    """The distribution as a prior, and measurements of it."""
    near = kind.data[1] if shape is None else np.array(kind.data[:shape])

    def build() -> pm.Model:
        with pm.Model() as model:
            x = getattr(pm, kind.name)("x", **kind.fixed, shape=shape or ())
            pm.Normal("y", x, 0.5, observed=near + np.zeros((4, shape) if shape else 4))
        return model

    return build


def observed(kind: Kind) -> Callable[[], pm.Model]:
    """One of the parameters is free, and values of the distribution are observed."""

    def build() -> pm.Model:
        with pm.Model() as model:
            parameter = PRIORS[kind.prior]("parameter")
            parameters = {**kind.fixed, kind.of: parameter} if kind.of else kind.fixed
            getattr(pm, kind.name)("y", **parameters, observed=np.array(kind.data))
            if not kind.of:
                pm.Normal("z", parameter, 1.0, observed=[0.5, 1.0])
        return model

    return build


def enter() -> None:
    for kind in CONTINUOUS:
        register(Animal(f"{kind.slug}_scalar", free(kind, None), (kind.name,)))
        register(Animal(f"{kind.slug}_vector", free(kind, 3), (kind.name,)))
    for kind in DISCRETE:
        register(
            Animal(f"{kind.slug}_free", free(kind, None), (kind.name,), refused=UnsupportedModelError, names=("x",))
        )
    for kind in (*CONTINUOUS, *MIXED, *DISCRETE):
        register(Animal(f"{kind.slug}_observed", observed(kind), (kind.name,)))


enter()

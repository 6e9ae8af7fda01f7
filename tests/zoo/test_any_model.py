"""Models put together at random from the zoo's parts: a result or an error of ours, and PyMC's density."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from pymc.distributions import transforms as tr

import bayescompare as bc
from bayescompare.errors import BayesCompareError
from tests.zoo.looked_at import LIBRARIES, same_density

pytestmark = [pytest.mark.filterwarnings(each) for each in LIBRARIES]

OPTIONS = bc.CompareOptions(sampler=bc.SamplerOptions(draws=50, tune=100, chains=2, backend="jax"))

Y = np.array([0.4, 0.9, 1.7, 0.6])

REAL: Mapping[str, Callable[..., Any]] = {
    "normal": lambda name, **k: pm.Normal(name, 0, 1, **k),
    "student": lambda name, **k: pm.StudentT(name, nu=4, mu=0, sigma=1, **k),
    "laplace": lambda name, **k: pm.Laplace(name, 0.1, 1.0, **k),
    "logistic": lambda name, **k: pm.Logistic(name, 0.0, 1, **k),
    "uniform": lambda name, **k: pm.Uniform(name, -3, 3, **k),
    "flat": lambda name, **k: pm.Flat(name, **k),
    "truncated": lambda name, **k: pm.TruncatedNormal(name, 0.5, 1.0, lower=-1, **k),
    "angle": lambda name, **k: pm.VonMises(name, 0.0, 2.0, **k),
    "gumbel": lambda name, **k: pm.Gumbel(name, 0.0, 1.0, **k),
    "custom": lambda name, **k: pm.CustomDist(name, 1.0, logp=lambda value, s: -0.5 * (value / s) ** 2, **k),
}

POSITIVE: Mapping[str, Callable[..., Any]] = {
    "halfnormal": lambda name, **k: pm.HalfNormal(name, 1, **k),
    "lognormal": lambda name, **k: pm.LogNormal(name, 0.0, 0.5, **k),
    "exponential": lambda name, **k: pm.Exponential(name, 1, **k),
    "gamma": lambda name, **k: pm.Gamma(name, 2, 2, **k),
    "inversegamma": lambda name, **k: pm.InverseGamma(name, 3, 2.0, **k),
    "halfcauchy": lambda name, **k: pm.HalfCauchy(name, 1.0, **k),
    "halfflat": lambda name, **k: pm.HalfFlat(name, **k),
    "beta": lambda name, **k: pm.Beta(name, 2, 3, **k),
}

#: Of a variable on the real line; those of vectors come with a shape of 4 alone.
TRANSFORMS: Mapping[str, Any] = {
    "default": None,
    "interval": tr.Interval(-4.0, 4.0),
    "ordered": tr.ordered,
    "zero_sum": tr.ZeroSumTransform([-1]),
}

LIKELIHOODS: Mapping[str, Callable[..., Any]] = {
    "normal": lambda mu, s, y: pm.Normal("y", mu, s, observed=y),
    "student": lambda mu, s, y: pm.StudentT("y", nu=4, mu=mu, sigma=s, observed=y),
    "poisson": lambda mu, s, y: pm.Poisson("y", s * pt.exp(pt.clip(mu, -5, 5)), observed=_counts(y)),
    "negative_binomial": lambda mu, s, y: pm.NegativeBinomial("y", mu=pt.exp(mu), alpha=s, observed=_counts(y)),
    "bernoulli": lambda mu, s, y: pm.Bernoulli("y", logit_p=mu * s, observed=_counts(y) > 0),
    "gamma": lambda mu, s, y: pm.Gamma("y", mu=pt.exp(mu), sigma=s, observed=y),
    "censored": lambda mu, s, y: pm.Censored("y", pm.Normal.dist(mu, s), None, 1.7, observed=y),
    "truncated": lambda mu, s, y: pm.Truncated("y", pm.Normal.dist(mu, s), lower=-1, observed=y),
    "inflated": lambda mu, s, y: pm.ZeroInflatedPoisson("y", psi=0.7, mu=s * pt.exp(mu), observed=_counts(y)),
    "mixture": lambda mu, s, y: pm.Mixture(
        "y", w=[0.3, 0.7], comp_dists=[pm.Normal.dist(mu, s), pm.Normal.dist(0, 2)], observed=y
    ),
    "rows": lambda mu, s, y: pm.MvNormal("y", mu + np.zeros(4), s * np.eye(4), observed=y),
    "potential": lambda mu, s, y: pm.Potential("y", pm.logp(pm.Normal.dist(mu, s), np.asarray(Y))),
    "custom": lambda mu, s, y: pm.CustomDist(
        "y", mu, dist=lambda m, size: m + pm.Logistic.dist(0, 1, size=size), observed=y
    ),
}

DATA: Mapping[str, Callable[[], Any]] = {
    "array": lambda: Y,
    "list": lambda: list(Y),
    "series": lambda: pd.Series(Y, index=pd.date_range("2020-01-01", periods=4)),
    "container": lambda: pm.Data("values", Y),
    "masked": lambda: np.ma.masked_array(Y, [False, True, False, False]),
    "nan": lambda: np.array([0.4, np.nan, 1.7, 0.6]),
    "integers": lambda: np.array([1, 2, 0, 1]),
    "float32": lambda: Y.astype("float32"),
}


def _counts(y: Any) -> Any:
    """Whole numbers of the same kind of data."""
    if isinstance(y, pt.TensorVariable):
        return pt.floor(y).astype("int64")
    if isinstance(y, np.ma.MaskedArray):
        return np.ma.masked_array(np.floor(y.data).astype(int), y.mask)
    return np.floor(np.asarray(y, dtype=float)) if np.isnan(np.asarray(y, float)).any() else np.floor(y).astype(int)


@dataclass(frozen=True)
class Recipe:
    """Which parts a model is made of."""

    location: str
    scale: str
    transform: str
    vector: bool
    likelihood: str
    data: str
    hierarchy: bool

    def build(self) -> pm.Model:
        vector = self.vector or self.transform in ("ordered", "zero_sum")
        more: dict[str, Any] = {"dims": "i"} if vector else {}
        if self.transform != "default":
            more["transform"] = TRANSFORMS[self.transform]
        if self.transform == "ordered":
            more["initval"] = np.linspace(-0.5, 0.5, 4)
        elif self.transform == "zero_sum":
            more["initval"] = np.zeros(4)
        with pm.Model(coords={"i": ["a", "b", "c", "d"]}) as model:
            mu, s = REAL[self.location]("mu", **more), POSITIVE[self.scale]("s")
            if self.hierarchy:
                mu = mu + pm.Normal("effect", 0.0, s, dims="i")
            LIKELIHOODS[self.likelihood](mu, s, DATA[self.data]())
            pm.Deterministic("twice", 2 * mu)
        return model


recipes = st.builds(
    Recipe,
    st.sampled_from(sorted(REAL)),
    st.sampled_from(sorted(POSITIVE)),
    st.sampled_from(sorted(TRANSFORMS)),
    st.booleans(),
    st.sampled_from(sorted(LIKELIHOODS)),
    st.sampled_from(sorted(DATA)),
    st.booleans(),
)


def built(recipe: Recipe) -> pm.Model | None:
    """The model, or None where PyMC itself does not build it (a transform that a prior does not take, for example)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return recipe.build()
        except (ValueError, TypeError, NotImplementedError):
            return None


def looked_at(recipe: Recipe, *, whole: bool) -> None:
    """A result or one of our errors; PyMC's density where there is a result."""
    model = built(recipe)
    if model is None:
        return
    try:
        bc.check(model)
        problem = bc.Problem(model)
        problem.density(problem.density.start, (1.0, 1.0, 1.0))
        if whole:
            bc.fit(model, "map")
            bc.triage(model)
            bc.compare(model, options=OPTIONS)
    except BayesCompareError:
        return
    assert same_density(problem, 10) > 0 or not whole


@seed(1)
@settings(max_examples=10, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(recipes)
def test_any_model_has_pymcs_density_or_an_error_of_ours(recipe: Recipe) -> None:
    looked_at(recipe, whole=False)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(60))
def test_any_model_is_compared_or_refused(part: int) -> None:
    """Three hundred models, in parts that a share of the slow suite can take."""

    @seed(100 + part)
    @settings(max_examples=5, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(recipes)
    def whole(recipe: Recipe) -> None:
        looked_at(recipe, whole=True)

    whole()

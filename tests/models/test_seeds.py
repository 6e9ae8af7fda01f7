"""Germinating seeds: against an independent marginal likelihood (quadrature over each plate), published and sampled."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from bayescompare.templates.library.seeds import seeds
from scipy import optimize, special, stats

import bayescompare as bc
from bayescompare.templates.data import load
from tests.models.checks import (
    Point,
    assert_builds,
    assert_posterior,
    assert_refuses,
    assert_refuses_data,
)

DATA = {name: np.array(column) for name, column in load("seeds").items()}
KIND, EXTRACT = DATA["aegyptiaca_73"], DATA["cucumber"]
X = np.column_stack([np.ones(21), KIND, EXTRACT, KIND * EXTRACT])
GERMINATED, SEEDS = DATA["germinated"], DATA["seeds"]
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(40)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
NAMES = [*(f"beta[{name}]" for name in ("intercept", "kind", "extract", "both")), "sigma"]


def logp(p: Point) -> float:
    logit = X @ p["beta"] + p["sigma"] * p["plate_t"]
    return float(
        stats.norm(0, 2).logpdf(p["beta"]).sum()
        + stats.halfnorm.logpdf(p["sigma"])
        + stats.norm.logpdf(p["plate_t"]).sum()
        + stats.binom(SEEDS, special.expit(logit)).logpmf(GERMINATED).sum()
    )


def marginal_likelihood(x: np.ndarray) -> np.ndarray:
    """Log likelihood with the plates integrated out, up to a constant; ``x`` holds rows of beta and log sigma."""
    logit = (x[:, :4] @ X.T)[:, :, None] + np.exp(x[:, 4])[:, None, None] * NODES
    each = GERMINATED[:, None] * logit - SEEDS[:, None] * np.logaddexp(0, logit)
    return special.logsumexp(each, axis=2, b=WEIGHTS).sum(axis=1)


def marginal_posterior(x: np.ndarray) -> np.ndarray:
    """The same with the priors, in beta and log sigma (Jacobian included)."""
    prior = stats.norm(0, 2).logpdf(x[:, :4]).sum(axis=1) + stats.halfnorm.logpdf(np.exp(x[:, 4])) + x[:, 4]
    return marginal_likelihood(x) + prior


def covariance(at: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """Inverse of the curvature of the marginal posterior, by differences: BFGS's own is another on each machine."""
    shift = step * np.eye(len(at))
    first, second = shift[:, None], shift[None]
    signs = [(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)]
    corners = [sign * marginal_posterior((at + i * first + j * second).reshape(-1, len(at))) for i, j, sign in signs]
    return np.linalg.inv(-sum(corners).reshape(len(at), len(at)) / (4 * step**2))


def exact(draws: int = 40_000) -> pd.DataFrame:
    """Posterior figures by importance sampling from a Student t at the marginal mode, with their own errors."""
    found = optimize.minimize(lambda x: -marginal_posterior(x[None])[0], np.r_[-0.5, 0, 1.3, -0.8, -1.2], method="BFGS")
    # Sigma has more mass near 0, at log sigma far below the mode, than a symmetric law: hence heavy tails, and wide.
    proposal = stats.multivariate_t(found.x, 1.5 * covariance(found.x), df=4, seed=np.random.default_rng(3))
    x = proposal.rvs(draws)
    log_weight = np.concatenate([marginal_posterior(piece) for piece in np.array_split(x, 40)]) - proposal.logpdf(x)
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    values = np.column_stack([x[:, :4], np.exp(x[:, 4])])
    mean = weight @ values
    square = (values - mean) ** 2
    variance = weight @ square
    mean_error = np.sqrt(weight**2 @ square)
    sd_error = np.sqrt(weight**2 @ (square - variance) ** 2) / (2 * np.sqrt(variance))
    columns = {"mean": mean, "sd": np.sqrt(variance), "mean_error": mean_error, "sd_error": sd_error}
    return pd.DataFrame(columns, index=NAMES)


def test_builds() -> None:
    model = assert_builds(seeds, logp)
    assert model.named_vars_to_dims["beta"] == ("coefficient",)
    assert model.named_vars_to_dims["plate_t"] == ("plate",)
    assert model.coords["coefficient"] == ("intercept", "kind", "extract", "both")


def test_options_and_data_that_do_not_fit() -> None:
    assert_refuses(seeds, {"prior_scale": -1}, "above 0")
    right = {"germinated": [3, 4], "seeds": [9, 9], "aegyptiaca_73": [0, 1], "cucumber": [1, 0]}
    assert seeds(right).coords["plate"] == (1, 2)
    assert_refuses_data(seeds, {**right, "cucumber": [2, 0]}, "'cucumber' are not 0 or 1")
    assert_refuses_data(seeds, {**right, "germinated": [10, 4]}, "more 'germinated' than 'seeds'", "10 in 9")
    factors = {"aegyptiaca_73": [0, 1, 1], "cucumber": [1, 0, 0]}
    assert_refuses_data(seeds, {**right, **factors}, "germinated 2, aegyptiaca_73 3")


def test_the_independent_likelihood_is_the_published_one() -> None:
    """Breslow and Clayton (1993), as cited in the BUGS examples (Seeds): maximum likelihood and its standard errors."""
    start = np.r_[-0.5, 0.1, 1.3, -0.8, -1.4]
    found = optimize.minimize(lambda x: -marginal_likelihood(x[None])[0], start, method="BFGS", options={"gtol": 1e-4})
    np.testing.assert_allclose(found.x[:4], [-0.548, 0.097, 1.337, -0.811], atol=0.002)
    assert np.exp(found.x[4]) == pytest.approx(0.236, abs=0.002)


def test_map_is_scipys() -> None:
    def objective(x: np.ndarray) -> float:
        return -logp({"beta": x[:4], "sigma": np.exp(x[4]), "plate_t": x[5:]})

    found = optimize.minimize(objective, np.zeros(26), method="BFGS", options={"gtol": 1e-5, "maxiter": 2000})
    fit = bc.fit(seeds, "map")
    assert fit.ok
    expected = [*found.x[:4], np.exp(found.x[4])]
    np.testing.assert_allclose([fit.values[name] for name in NAMES], expected, atol=1e-4)


def test_the_docstring_is_true() -> None:
    figures = exact()
    for name, said in {"sigma": (0.34, 0.14), "beta[kind]": (0.03, 0.33), "beta[both]": (-0.76, 0.45)}.items():
        mean, sd, mean_error, sd_error = figures.loc[name]
        assert abs(mean - said[0]) < 0.005 + 3 * mean_error  # rounding, and the sampler's own error
        assert abs(sd - said[1]) < 0.005 + 3 * sd_error
    mode = bc.fit(seeds, "map").values
    assert [round(mode[name], 2) for name in ("beta[kind]", "beta[both]", "sigma")] == [-0.36, -0.44, 1.53]
    z = {name: (mode[name] - figures.loc[name, "mean"]) / figures.loc[name, "sd"] for name in NAMES[:4]}
    assert round(max(map(abs, z.values())), 1) == 1.2


@pytest.mark.slow
def test_full_run() -> None:
    result = bc.compare(seeds, random_seed=1)
    assert_posterior(result.table, exact())
    assert result.table.loc["sigma", "rank"] == 1
    kind, both = result.table.loc["beta[kind]"], result.table.loc["beta[both]"]
    assert kind["map"] < 0 < kind["mean"]
    assert kind["z"] < -1
    assert both["z"] > 0.5
    assert str(result.verdict.layers["location"].state) == "differs"

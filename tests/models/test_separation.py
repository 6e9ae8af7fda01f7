"""Separation: no MLE (by linear programming), MAP against scikit-learn, posteriors against importance sampling."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats
from sklearn.linear_model import LogisticRegression

import bayescompare as bc
from bayescompare import models
from bayescompare.errors import DataError, UsageError
from bayescompare.templates.data import load
from tests.models.checks import Array, Point, assert_builds, assert_posterior, importance, known

DATA = {name: np.array(column, dtype=float) for name, column in load("endometrial").items()}
Y = DATA["HG"]
X = np.column_stack([DATA["NV"], stats.zscore(DATA["PI"]), stats.zscore(DATA["EH"])])


def logp(p: Point, prior: str = "normal") -> float:
    law = stats.norm(0, 2.5) if prior == "normal" else stats.cauchy(0, 2.5)
    logit = p["intercept"] + X @ p["beta"]
    log_lik = -np.logaddexp(0, np.where(Y == 1, -logit, logit)).sum()
    return float(stats.norm(0, 10).logpdf(p["intercept"]) + law.logpdf(p["beta"]).sum() + log_lik)


@pytest.mark.parametrize("prior", ["normal", "cauchy"])
def test_density_and_sizes(prior: str) -> None:
    model = assert_builds(
        models.separation, lambda p: logp(p, prior), parameters=models.separation.parameters, prior=prior
    )
    assert model.coords["predictor"] == ("NV", "PI", "EH")


def test_the_outcomes_are_separated() -> None:
    """Albert and Anderson (1984): a direction along which no outcome's fit gets worse, and some get better."""
    signed = np.where(Y == 1, 1.0, -1.0)[:, None] * np.column_stack([np.ones(len(Y)), X])
    program = optimize.linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(Y)), bounds=[(-1, 1)] * 4)
    assert program.status == 0
    assert -program.fun > 1  # 0 if there were none
    np.testing.assert_allclose(program.x, [0, 1, 0, 0], atol=1e-9)  # NV alone
    assert Y[DATA["NV"] == 1].all()


def test_map_is_scikit_learns() -> None:
    # The intercept is penalised here less than the rest, so it enters as a column in units of its own prior's sd.
    design = np.column_stack([np.full(len(Y), 10 / 2.5), X])
    regression = LogisticRegression(C=2.5**2, fit_intercept=False, solver="newton-cholesky", tol=1e-12).fit(design, Y)
    expected = regression.coef_[0] * [10 / 2.5, 1, 1, 1]

    fit = bc.fit(models.separation(), "map")

    assert fit.status == "ok"
    np.testing.assert_allclose(fit.estimate, expected, rtol=1e-5)


def test_options_and_data() -> None:
    with pytest.raises(UsageError, match="separation: prior is 'flat'"):
        models.separation(prior="flat")
    with pytest.raises(DataError, match="separation: there is no column beside 'HG'"):
        models.separation({"HG": [0, 1]})
    with pytest.raises(DataError, match=r"separation: column 'NV' has the same value in every row"):
        models.separation({"HG": [0, 1], "NV": [1, 1]})


@pytest.mark.slow
def test_finding() -> None:
    def density(z: Array) -> Array:
        logit = z[:, :1] + z[:, 1:] @ X.T
        return np.asarray(
            -np.logaddexp(0, np.where(Y == 1, -logit, logit)).sum(axis=1)
            - z[:, 0] ** 2 / 200
            - (z[:, 1:] ** 2).sum(axis=1) / 12.5
        )

    result = bc.compare(models.separation, random_seed=1)
    exact = importance(density, result.fits["map"].estimate)
    names = result.fits["map"].names
    assert_posterior(result.table, known(names, exact.mean(), exact.sd(), exact.effective))
    assert result.table.loc["beta[NV]", "map"] == pytest.approx(2.892, abs=0.001)
    assert result.table.loc["beta[NV]", "mean"] == pytest.approx(3.47, abs=0.1)
    row = result.table.loc["beta[NV]"]
    i = names.index("beta[NV]")
    assert row["z"] == pytest.approx((row["map"] - exact.mean()[i]) / exact.sd()[i], abs=4 * row["z_mcse"])


@pytest.mark.slow
def test_with_a_cauchy_prior_the_tail_is_the_priors() -> None:
    model = models.separation(prior="cauchy")
    mode = bc.fit(model, "map")
    assert mode.values["beta[NV]"] == pytest.approx(3.095, abs=0.001)
    nuts = bc.fit(model, "nuts", random_seed=1, options=bc.SamplerOptions(draws=4000))
    assert nuts.draws is not None
    draws = nuts.draws[..., nuts.names.index("beta[NV]")]
    # The likelihood is flat there, so of what lies above 20 the share above 40 is the prior's.
    share = (draws > 40).mean() / (draws > 20).mean()
    prior = stats.cauchy(0, 2.5)
    assert share == pytest.approx(prior.sf(40) / prior.sf(20), abs=0.15)
    assert np.median(draws) > 5

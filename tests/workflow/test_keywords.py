"""PyMC's and ArviZ's words on what users call: the same result as by options, old names with a warning, no clashes."""

from __future__ import annotations

import contextlib
import inspect
from typing import Any

import numpy as np
import pymc as pm
import pytest

import bayescompare as bc
from bayescompare.errors import UsageError
from bayescompare.templates import template
from bayescompare.workflow.keywords import LARGEST_SEED, folded, whole_seed

QUICK = {"draws": 60, "tune": 120, "chains": 2}


def coin() -> pm.Model:
    with pm.Model() as model:
        p = pm.Beta("p", 2.0, 2.0)
        pm.Binomial("y", n=10, p=p, observed=9)
    return model


@template(
    title="A coin",
    question="How fair is it?",
    finding="nothing",
    tags=("tiny",),
    parameters=1,
    observations=1,
    sampler={"target_accept": 0.95, "draws": 50},
)
def patient_coin(data: object = None) -> pm.Model:
    """A coin whose sampler has settings of its own."""
    return coin()


def test_keywords_fill_what_a_template_leaves_open_as_options_do() -> None:
    by_keyword = bc.compare(patient_coin, tune=100, chains=2, ci_prob=0.8, random_seed=3)
    sampler = bc.SamplerOptions(draws=50, tune=100, chains=2, target_accept=0.95)
    by_option = bc.compare(patient_coin, random_seed=3, options=bc.CompareOptions(sampler=sampler, interval=0.8))
    assert by_keyword.to_dict(reproducible=True) == by_option.to_dict(reproducible=True)
    assert by_keyword.settings["interval"] == 0.8
    assert by_keyword.posterior.sizes == {"chain": 2, "draw": 50}


def test_within_a_model_block_it_is_that_model() -> None:
    with coin():
        assert bc.fit(method="map").values["p"] == pytest.approx(10 / 12)
        assert bc.triage().name == "model"
        assert bc.check() == ()
    with pytest.raises(UsageError, match="with model:"):
        bc.fit()


@pytest.mark.parametrize("function", [bc.compare, bc.fit, bc.triage, bc.check])
def test_old_names_work_and_say_the_new_one(function: Any) -> None:
    nothing = {"draws": 0} if function is bc.compare else {}
    with (
        contextlib.suppress(UsageError),
        pytest.warns(DeprecationWarning, match=f"{function.__name__}.random_seed=") as caught,
    ):
        function(coin(), **nothing, seed=1)
    assert caught[0].filename == __file__
    with pytest.raises(UsageError, match="give random_seed alone"):
        function(coin(), seed=1, random_seed=1)
    assert "seed" not in inspect.signature(function).parameters


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"draws": 10, "options": bc.CompareOptions(sampler=bc.SamplerOptions(draws=20))}, "draws=10 and .*draws=20"),
        ({"ci_prob": 0.5, "options": bc.CompareOptions(interval=0.8)}, "ci_prob=0.5 and .*interval=0.8"),
        ({"ci_prob": 1.5}, "between 0 and 1"),
        ({"draws": 0}, "at least 1"),
        ({"nuts_sampler": "gibbs"}, "gibbs"),
        ({"random_seed": -1}, "random_seed must lie"),
        ({"random_seed": "one"}, "random_seed must be a whole number"),
        ({"posterior": {"p": np.full((2, 10), 0.5)}, "draws": 10}, "nothing is sampled, so draws cannot"),
    ],
)
def test_what_contradicts_itself_is_refused(keywords: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        bc.compare(coin(), **keywords)


def test_a_method_takes_what_it_has() -> None:
    assert bc.fit(coin(), "laplace", draws=50).draws.shape == (1, 50, 1)
    assert bc.fit(coin(), "nuts", **QUICK).draws.shape == (2, 60, 1)
    with pytest.raises(UsageError, match="tune is no option here: LaplaceOptions has draws"):
        bc.fit(coin(), "laplace", tune=10)
    with pytest.raises(UsageError, match="LaplaceOptions"):
        bc.fit(coin(), "laplace", options=bc.SamplerOptions())


def test_what_options_say_by_default_a_keyword_may_say_otherwise() -> None:
    options = bc.SamplerOptions(target_accept=0.9)
    assert folded(bc.SamplerOptions, options, {"draws": 7}, {}) == bc.SamplerOptions(draws=7, target_accept=0.9)
    assert folded(bc.SamplerOptions, None, {"draws": None}, {"draws": 5}) is None


def test_seeds_are_whole() -> None:
    assert whole_seed(np.int64(7)) == 7
    assert whole_seed(np.random.default_rng(5)) == whole_seed(np.random.default_rng(5))
    seeds = {whole_seed(None) for _ in range(20)}
    assert len(seeds) == 20
    assert all(0 <= seed <= LARGEST_SEED for seed in seeds)


def test_progress_is_told_on_stderr_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    bc.fit(coin(), "map")
    assert capsys.readouterr() == ("", "")
    bc.fit(coin(), "map", progressbar=True)
    assert capsys.readouterr().out == ""

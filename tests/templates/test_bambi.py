"""Models of Bambi as targets."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest

import bayescompare as bc
from bayescompare.errors import DataError, ModelFileError, UsageError
from bayescompare.templates.bambi import as_pymc, is_model
from bayescompare.templates.loading import load_target


class Model:
    """What Bambi's class has of a model that is not built: the same attributes, and a group effect's odd names."""

    def __init__(self, *, fails: bool = False) -> None:
        self.built, self.backend, self.fails = False, None, fails

    def build(self) -> None:
        if self.fails:
            raise ValueError("no such family")
        with pm.Model(coords={"g__factor_dim": ["a", "b"]}) as model:
            pm.Normal("1|g", dims="g__factor_dim")
            pm.Normal("y", model["1|g"], observed=[0.5, -1.0])
        self.built, self.backend = True, SimpleNamespace(model=model)


@pytest.fixture(autouse=True)
def its_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its class is one of the module ``bambi.models``."""
    monkeypatch.setattr(Model, "__module__", "bambi.models")
    module: Any = ModuleType("bambi_like")
    module.Model = Model
    monkeypatch.setitem(sys.modules, "bambi_like", module)


def test_it_is_told_by_its_class() -> None:
    assert is_model(Model())
    assert is_model(type("Mine", (Model,), {})())
    assert not is_model(pm.Model())
    assert not is_model(type("Model", (), {"__module__": "bambino"})())
    assert as_pymc(3) == 3


def test_it_is_built_once_and_its_names_stay() -> None:
    model = Model()
    fit = bc.fit(model, "map")
    np.testing.assert_allclose(fit.estimate, [0.25, -0.5], atol=1e-6)
    assert fit.names == ("1|g[a]", "1|g[b]")
    assert load_target(model).model is model.backend.model  # type: ignore[attr-defined]
    assert bc.check(model) == ()


@pytest.mark.parametrize("target", ["m.py", "m.py:fitted", "m.py:model"])
def test_in_a_file(tmp_path: Path, target: str) -> None:
    text = "from bambi_like import Model\n"
    text += "def model():\n    return Model()\n" if target == "m.py:model" else "fitted = Model()\n"
    (tmp_path / "m.py").write_text(text, encoding="utf-8")
    found = load_target(str(tmp_path / target))
    assert [rv.name for rv in found.model.free_RVs] == ["1|g"]


def test_what_bambi_cannot_build_is_said() -> None:
    with pytest.raises(ModelFileError, match="no such family"):
        load_target(Model(fails=True))


def test_draws_without_the_offsets_are_refused_with_what_to_do() -> None:
    """Bambi keeps the effects and drops the offsets that they are made of."""
    with pm.Model(coords={"g": ["a", "b"]}) as model:
        offset = pm.Normal("1|g_offset", dims="g")
        sigma = pm.HalfNormal("1|g_sigma")
        pm.Normal("y", pm.Deterministic("1|g", offset * sigma, dims="g"), observed=[0.5, -1.0])
    draws = {"1|g": np.zeros((2, 10, 2)), "1|g_sigma": np.ones((2, 10))}
    with pytest.raises(DataError, match="omit_offsets=False"):
        bc.compare(model, posterior=draws)


def test_centred_predictors_are_refused_as_held_out_data() -> None:
    later = Model()
    later.center_predictors = True  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="center_predictors=False"):
        bc.compare(Model(), holdout=later)


@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")  # formulae's own
def test_bambis_own() -> None:
    """The MAP of a regression by Bambi is that of its PyMC model, written out: ridge with Bambi's default priors."""
    bambi = pytest.importorskip("bambi")
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"x": rng.normal(size=40), "g": np.repeat(list("abcd"), 10)})
    data["y"] = 1.0 + 0.5 * data["x"] + np.repeat(rng.normal(size=4), 10) + rng.normal(size=40)
    model = bambi.Model("y ~ x + (1|g)", data)
    fit = bc.fit(model, "laplace")
    assert {"Intercept", "x", "sigma", "1|g_sigma", "1|g[a]", "1|g[d]"} <= set(fit.names)
    slope = bambi.Model("y ~ x", data)
    slope.set_priors({"sigma": bambi.Prior("Exponential", lam=1.0)})
    priors = slope.parameters["mu"].common_terms["x"]
    assert priors is not None
    at = bc.fit(slope, "map").values
    centred = data["x"] - data["x"].mean()
    width = float(priors.prior.args["sigma"])
    assert at["x"] == pytest.approx(centred @ data["y"] / (centred @ centred + at["sigma"] ** 2 / width**2), rel=1e-4)

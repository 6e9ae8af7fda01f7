"""Studies of users' own models: at hand or in a file, with data and with other numbers of rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest

import bayescompare as bc
from bayescompare.errors import PlanError, UnsupportedModelError, UsageError
from bayescompare.studies import rows_anew
from tests.studies import plain_models as own

pytestmark = pytest.mark.filterwarnings("ignore:Data in y contains missing values")

FILE = own.__file__
ASKED: dict[str, Any] = {"replicates": 3, "methods": ("map_laplace",), "executor": "serial"}


def estimates(result: bc.StudyResult) -> np.ndarray:
    assert result.failed == 0, result.reasons()
    return result.cells()["estimate"].to_numpy()


@pytest.mark.parametrize("name", ["contained", "built", "missing", "standardised"])
def test_a_model_of_a_file_is_studied_as_it_is(name: str) -> None:
    assert np.isfinite(estimates(bc.study(f"{FILE}:{name}", **ASKED))).all()


def test_a_model_at_hand_is_that_of_its_file(tmp_path: Path) -> None:
    of_file = estimates(bc.study(own.contained, **ASKED))
    at_hand = bc.study(own.built, store=tmp_path / "a.study", **ASKED)
    np.testing.assert_array_equal(estimates(at_hand), of_file)
    with own.contained():
        again = bc.study(store=tmp_path / "a.study", **ASKED)  # the same model, made anew: the study goes on
    assert again.done == 3
    with pytest.raises(PlanError, match="keeps another model"):
        bc.study(own.missing(), store=tmp_path / "a.study", **ASKED)


def test_a_closure_and_its_data_are_kept() -> None:
    def inner(data: pd.DataFrame, sd: float = 1.0) -> pm.Model:
        return own.of_data(data, sd=sd)

    data = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [0.5, 1.0, 2.0]})
    asked = ASKED | {"grid": {"sd": (0.5, 2.0), "n": (2, 9)}}
    kept = estimates(bc.study(inner, data=data, **asked))
    np.testing.assert_array_equal(kept, estimates(bc.study(own.of_data, data=data, **asked)))


def test_data_come_from_a_file(tmp_path: Path) -> None:
    data = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [0.5, 1.0, 2.0]})
    data.to_csv(tmp_path / "d.csv", index=False)
    of_file = bc.study(own.of_data, data=tmp_path / "d.csv", **ASKED)
    assert bc.Plan.from_toml(of_file.plan.to_toml()) == of_file.plan
    np.testing.assert_array_equal(estimates(of_file), estimates(bc.study(own.of_data, data=data, **ASKED)))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("soft", "Potential soft weighs draws but makes none"),
        ("custom", r"CustomDist y has no random method\. Give it one"),
    ],
)
def test_what_cannot_be_drawn_is_refused_at_once(name: str, told: str) -> None:
    with pytest.raises(UnsupportedModelError, match=told):
        bc.study(f"{FILE}:{name}", **ASKED)


def test_a_plan_says_all_itself() -> None:
    with pytest.raises(UsageError, match="put replicates into it"):
        bc.study(bc.Plan("jellybeans"), replicates=3)


@pytest.mark.parametrize("name", ["contained", "arrays", "standardised"])
def test_rows_of_a_model_are_its_own_drawn_with_replacement(name: str) -> None:
    n = 40
    model = rows_anew.of_model(getattr(own, name)(), n, np.random.default_rng(1))
    (rv,) = model.observed_RVs
    places = np.random.default_rng(1).integers(own.ROWS, size=n)
    expected = (own.Y - own.Y.mean()) / own.Y.std() if name == "standardised" else own.Y
    np.testing.assert_allclose(model.rvs_to_values[rv].eval(), expected[places])
    point = {name: np.full_like(value, 0.3) for name, value in model.initial_point().items()}
    mean = np.full(n, 0.3) if name == "standardised" else 0.3 + 0.3 * own.X[places].sum(-1)
    sd = 1.0 if name == "standardised" else 0.5
    exact = pm.logp(pm.Normal.dist(mean, sd), expected[places]).eval().sum()
    np.testing.assert_allclose(model.compile_logp(vars=[rv])(point), exact)


def test_rows_of_data() -> None:
    places = np.random.default_rng(1).integers(3, size=7)
    data = {"x": [1.0, 2.0, 3.0], "y": [4.0, 5.0, 6.0], "size": 3, "levels": [1, 2]}
    found = rows_anew.of_data(data, 7, np.random.default_rng(1))
    np.testing.assert_array_equal(found["y"], np.array([4.0, 5.0, 6.0])[places])
    assert (found["size"], found["levels"]) == (3, [1, 2])
    table = rows_anew.of_data(pd.DataFrame({"x": [1.0, 2.0, 3.0]}), 7, np.random.default_rng(1))
    np.testing.assert_array_equal(table["x"], np.array([1.0, 2.0, 3.0])[places])


@pytest.mark.parametrize(
    ("name", "told"), [("two_lengths", "12 in y, 5 in z"), ("by_row", "free variable mu has 12 values itself")]
)
def test_a_model_without_rows_of_its_own_is_refused(name: str, told: str) -> None:
    with pytest.raises(UnsupportedModelError, match=rf"{told}.*function of n"):
        bc.study(f"{FILE}:{name}", grid={"n": (5,)}, **ASKED)


def test_n_is_a_number_of_rows() -> None:
    with pytest.raises(UsageError, match="whole number of at least 1, not 0"):
        bc.study(own.contained, grid={"n": (0,)}, **ASKED)

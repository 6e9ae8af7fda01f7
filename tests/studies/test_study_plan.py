"""Plans: what is refused, what round-trips, and what a cell's seed depends on."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bayescompare as bc
from bayescompare import models
from bayescompare.errors import MissingFileError, ModelError, UnknownNameError, UsageError
from bayescompare.studies import cells
from bayescompare.studies.plan import BLOCKS, METHODS

HERE = Path(__file__).parent

names = st.text(min_size=1, max_size=8)
scalars = st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | names
values = scalars | st.lists(st.floats(allow_nan=False), max_size=3)


@given(
    grid=st.dictionaries(names, st.lists(values, min_size=1, max_size=3, unique_by=repr), max_size=3),
    truth=st.just("prior") | st.dictionaries(names.map("p_{}".format), values, max_size=2),
    options=st.dictionaries(names.map("o_{}".format), values, max_size=2),
    methods=st.sets(st.sampled_from(METHODS), min_size=1),
    parameters=st.none() | st.lists(names, min_size=1, max_size=3),
)
def test_toml_round_trips(grid, truth, options, methods, parameters) -> None:  # type: ignore[no-untyped-def]
    grid = {f"g_{name}": tuple(some) for name, some in grid.items()}
    plan = bc.Plan("jellybeans", grid, 7, tuple(methods), truth, 3, (0.25, 0.9), parameters, options)
    again = bc.Plan.from_toml(plan.to_toml())
    assert again == plan
    assert list(again.grid) == list(plan.grid)
    assert again.to_toml() == plan.to_toml()


def test_elpd_is_in_a_plan_only_where_it_is_asked_for() -> None:
    # Fingerprints of plans, and so studies, from before there was elpd stay valid.
    without, asked = bc.Plan("jellybeans", {"n": (5, 10)}, 7), bc.Plan("jellybeans", {"n": (5, 10)}, 7, elpd=True)
    assert "elpd" not in without.to_toml()
    assert hashlib.sha256(without.to_toml().encode()).hexdigest() == without.identity()["plan"]
    assert without.identity()["plan"] == "8441f9a82f5d09aa5daeae90d2d78574e3c27006360849d9c5bb242832449945"
    assert asked.identity()["plan"] != without.identity()["plan"]
    for plan in (without, asked):
        assert bc.Plan.from_toml(plan.to_toml()) == plan
    assert not bc.Plan.from_toml('target = "wells"').elpd
    with pytest.raises(UsageError, match="elpd is true or false"):
        bc.Plan.from_toml('target = "wells"\nelpd = "yes"')


def test_a_joint_likelihood_has_no_elpd() -> None:
    with pytest.raises(UsageError, match="no elpd at the only grid point: y: its MultivariateNormal is one joint"):
        bc.Plan(f"{HERE / 'conjugate.py'}:joint", elpd=True).check()
    bc.Plan(f"{HERE / 'conjugate.py'}:joint").check()
    bc.Plan(f"{HERE / 'conjugate.py'}:normal", {"n": (2, 3), "truth.mu": (0.0, 1.0)}, elpd=True).check()


def test_toml_from_a_file_and_the_sampler(tmp_path: Path) -> None:
    plan = bc.Plan("wells", sampler=bc.SamplerOptions(draws=7, target_accept=0.9))
    path = tmp_path / "plan.toml"
    path.write_text(plan.to_toml(), encoding="utf-8")
    assert bc.Plan.from_toml(path) == plan
    with pytest.raises(MissingFileError, match=r"no plan .*other\.toml"):
        bc.Plan.from_toml(tmp_path / "other.toml")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("target = ", "not TOML"),
        ("replicates = 3", "names no target"),
        ('target = "wells"\nreplicate = 3', "no key 'replicate'"),
        ('target = "wells"\n[sampler]\ndrawz = 3', "drawz"),
        ('target = "wells"\ngrid = 3', "cannot be read"),
    ],
)
def test_faulty_toml_is_told(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        bc.Plan.from_toml(text)


@pytest.mark.parametrize(
    ("given_", "error", "told"),
    [
        ({"methods": ("map",)}, UnknownNameError, "Unknown method 'map'. There are: mle_wald"),
        ({"methods": ()}, UnknownNameError, "needs a method"),
        ({"replicates": 0}, UsageError, "replicates"),
        ({"seed": -1}, UsageError, "seed"),
        ({"levels": (1.0,)}, UsageError, "levels"),
        ({"levels": ()}, UsageError, "levels"),
        ({"draws": 3}, UsageError, "draws"),
        ({"truth": "likelihood"}, UsageError, "truth"),
        ({"grid": {"n": ()}}, UsageError, "'n'"),
        ({"grid": {"n": (5, 5)}}, UsageError, "each once"),
        ({"grid": {"n": 5}}, UsageError, "must be a list"),
        ({"grid": {"n": "abc"}}, UsageError, "must be a list"),
        ({"grid": {"n": ({},)}}, UsageError, "numbers, texts"),
        ({"grid": {"n": (5,)}, "options": {"n": 6}}, UsageError, "both set and varied"),
        ({"grid": {"truth.mu": (5,)}, "truth": {"mu": 6}}, UsageError, "both fixed and varied"),
    ],
)
def test_what_is_out_of_range_is_refused(given_, error, told: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=told):
        bc.Plan("jellybeans", **given_)


def test_options_are_checked_against_the_template() -> None:
    bc.Plan("jellybeans", {"n": (5, 10)}).check()
    with pytest.raises(UnknownNameError, match="no option 'm'"):
        bc.Plan("jellybeans", {"m": (5, 10)}).check()
    with pytest.raises(UsageError, match="whole number from 1 to"):
        bc.Plan("jellybeans", {"n": (5, 10**6)}).check()
    with pytest.raises(UnknownNameError, match="Did you mean"):
        bc.Plan("jellybean").check()


FILE = """
import pymc as pm

def build(fault=0):
    if fault == 2:
        raise RuntimeError("no such model")
    with pm.Model() as model:
        y = pm.Data("y_data", [1.0, 2.0])
        pm.Normal("y", pm.Normal("mu", 0.0, 1.0), 1.0, observed=y)
    return model
"""


def test_a_model_that_fails_at_some_points_is_no_fault_of_the_plan(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(FILE, encoding="utf-8")
    bc.Plan(f"{path}:build", {"fault": (1, 2)}).check()
    with pytest.raises(ModelError, match="no such model"):
        bc.Plan(f"{path}:build", {"fault": (2,)}).check()


def test_templates_and_functions_become_names() -> None:
    assert bc.Plan(models.jellybeans).target == "jellybeans"
    assert (
        bc.Plan(test_templates_and_functions_become_names).target
        == f"{__file__}:test_templates_and_functions_become_names"
    )
    with pytest.raises(UsageError, match="defined in a file"):
        bc.Plan(models.jellybeans())
    assert bc.Plan("some/file.py:name").absolute().target == f"{Path('some/file.py').resolve()}:name"


def test_counts() -> None:
    plan = bc.Plan("jellybeans", {"n": (5, 10), "truth.count": (1, 2, 3)}, replicates=140)
    assert (plan.cells, plan.fits, plan.graphs) == (6 * 140, 6 * 140 * 4, 2)
    assert [p.values for p in plan.points[:2]] == [{"n": 5, "truth.count": 1}, {"n": 5, "truth.count": 2}]
    tasks = list(cells.tasks(plan))
    for arm in ("cheap", "nuts"):
        for point in plan.points:
            covered = [i for t in tasks if t.arm == arm and t.point == point.index for i in t.replicates]
            assert covered == list(range(140))
    assert max(len(t.replicates) for t in tasks) == BLOCKS["cheap"]


def test_seeds_belong_to_the_cell() -> None:
    plan = bc.Plan("jellybeans", {"n": (5, 10), "guess_sd": (1.0, 2.0)}, replicates=3)
    found = {(p.content, r): cells.seeds(plan, p, r) for p in plan.points for r in range(3)}
    assert len({(s.data, s.cheap, s.nuts) for s in found.values()}) == len(found)
    # Neither the order of the grid, nor its other values, nor the number of replicates touches a cell.
    other = bc.Plan("jellybeans", {"guess_sd": (3.0, 2.0, 1.0), "n": (10, 5)}, replicates=2)
    again = {(p.content, r): cells.seeds(other, p, r) for p in other.points for r in range(2)}
    assert all(found[key] == seeds for key, seeds in again.items() if key in found)
    assert len(set(found) & set(again)) == 8
    reseeded = replace(plan, seed=1)
    assert cells.seeds(reseeded, plan.points[0], 0) != cells.seeds(plan, plan.points[0], 0)


def test_identity_follows_plan_and_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(FILE, encoding="utf-8")
    plan = bc.Plan(f"{path}:build")
    before = plan.identity()
    assert before["numpy"] == np.__version__
    assert replace(plan, seed=1).identity() != before
    path.write_text(FILE + "\n", encoding="utf-8")
    after = plan.identity()
    assert [key for key in before if before[key] != after[key]] == ["the model's file"]

"""A model's problem, kept with the model until the model or its data change."""

from __future__ import annotations

import copy
from typing import Any

import cloudpickle
import numpy as np
import pymc as pm
import pytensor
import pytest

import bayescompare as bc
from bayescompare.model.cache import NAME, problem_of

Y = np.array([0.3, -1.2, 0.8])


def regression() -> pm.Model:
    with pm.Model(coords={"row": range(3)}) as model:
        x = pm.Data("x", np.array([1.0, 2.0, 4.0]), dims="row")
        outside = pytensor.shared(np.array(0.5), name="outside")
        b = pm.Normal("b", 0.0, 1.0)
        pm.Normal("y", b * x + outside, 1.0, observed=pm.Data("d", Y, dims="row"), dims="row")
    return model


def compiled(model: pm.Model) -> bc.Problem:
    problem = problem_of(model)
    problem.density(problem.density.start, (1.0, 1.0, 1.0))
    return problem


def test_two_calls_share_one_problem() -> None:
    model = regression()
    first = compiled(model)
    assert problem_of(model) is first
    bc.fit(model, "map")
    assert problem_of(model) is first


def add_a_variable(model: pm.Model) -> None:
    with model:
        pm.Normal("z", 0.0, 1.0)


def add_a_potential(model: pm.Model) -> None:
    with model:
        pm.Potential("p", -(model["b"] ** 2))


def add_a_deterministic(model: pm.Model) -> None:
    with model:
        pm.Deterministic("twice", 2.0 * model["b"])


def set_outside(model: pm.Model) -> None:
    shared = next(v for v in problem_of(model).density.graphs.data.values() if v[0].name == "outside")[0]
    shared.set_value(np.array(-3.0))


@pytest.mark.parametrize(
    "change",
    [
        add_a_variable,
        add_a_potential,
        add_a_deterministic,
        set_outside,
        lambda model: model.set_data("d", Y + 1.0),
        lambda model: model.set_data("x", np.array([1.0, 2.0, 5.0])),
        lambda model: model.set_initval(model["b"], 0.7),
        lambda model: model.rvs_to_transforms.update({model["b"]: pm.distributions.transforms.log}),
    ],
)
def test_a_change_of_the_model_or_its_data_is_seen(change: Any) -> None:
    model = regression()
    first = compiled(model)
    change(model)
    assert problem_of(model) is not first


def test_new_data_give_the_new_mode() -> None:
    """b ~ N(0, 1), y ~ N(bx + ½, 1): the mode is Σx(y − ½)/(1 + Σx²)."""
    model = regression()
    x = model["x"].get_value()
    for data in (Y, Y + 3.0, Y):
        model.set_data("d", data)
        found = bc.fit(model, "map").values["b"]
        assert found == pytest.approx(x @ (data - 0.5) / (1 + x @ x), rel=1e-9)


def test_other_labels_of_a_coordinate_are_seen() -> None:
    with pm.Model(coords={"g": ["a", "b"]}) as model:
        pm.Normal("y", pm.Normal("b", 0.0, 1.0, dims="g"), 1.0, observed=np.zeros(2))
    assert bc.fit(model, "map").names == ("b[a]", "b[b]")
    model.set_dim("g", 2, coord_values=("c", "d"))
    assert bc.fit(model, "map").names == ("b[c]", "b[d]")


def test_nothing_compiled_goes_with_a_copy() -> None:
    model = regression()
    compiled(model)
    again = cloudpickle.loads(cloudpickle.dumps(model))
    assert getattr(again, NAME).problem is None
    assert problem_of(again) is not problem_of(model)
    assert copy.copy(getattr(model, NAME)).problem is None

"""What the verdict is about: the scalars that were named, and no others."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytest

import bayescompare as bc
from bayescompare.errors import UnknownNameError, UsageError
from bayescompare.templates.loading import Target
from bayescompare.workflow import focus
from bayescompare.workflow.options import Asked

NAMES = ("mu", "theta[a]", "theta[b]", "tau")


def test_variables_and_scalars_are_taken_in_the_order_of_the_table() -> None:
    assert focus.focal((), NAMES) == NAMES
    assert focus.focal(("tau", "theta"), NAMES) == ("theta[a]", "theta[b]", "tau")
    assert focus.focal(("theta[b]",), NAMES) == ("theta[b]",)


def test_a_name_that_is_not_there_is_told_before_anything_runs() -> None:
    with pytest.raises(UnknownNameError, match=r"there is no 'thea' in this model\. There are theta"):
        focus.check(("thea",), NAMES)
    with pytest.raises(UsageError, match=r"\('tau',\)"):
        focus.check("tau", NAMES)


def target(**own: tuple[str, ...]) -> Target:
    return Target(pm.Model(), "mine", **own)  # type: ignore[arg-type]


def test_where_nothing_is_named_it_is_the_quantities_or_what_the_template_asks() -> None:
    own = target(focus=("theta", "when"), losses=("best of theta", "squared on when"))

    def named(asked: Asked) -> tuple[str, ...]:
        return tuple(focus.resolved(asked, own, NAMES).var_names or ())

    assert named(Asked()) == ("theta",)
    assert named(Asked(quantities={"odds": lambda p: p["mu"]})) == ("odds",)
    assert named(Asked(quantities={"odds": lambda p: p["mu"]}, var_names=("odds", "tau"))) == ("odds", "tau")
    assert named(Asked(var_names=())) == ()


def test_where_no_loss_is_named_it_is_the_template_s() -> None:
    own = target(losses=("best of theta", "squared on when"))

    def told(asked: Asked) -> list[str]:
        return [str(loss) for loss in focus.resolved(asked, own, NAMES).losses or ()]

    assert told(Asked()) == ["best of theta"]
    assert told(Asked(losses=("absolute on mu",))) == ["absolute on mu"]
    assert told(Asked(losses=())) == []


def test_the_verdict_and_the_ladder_are_about_what_was_named() -> None:
    with pm.Model() as model:
        pm.Normal("y", pm.Normal("flat", 0.0, 1.0), 1.0, observed=np.array([0.3, -0.2, 0.6]))
        pm.Gamma("skew", 1.5, 1.0)
    options = bc.CompareOptions(sampler=bc.SamplerOptions(draws=1000, tune=500, chains=4, backend="jax"))
    whole, one = (bc.compare(model, var_names=names, options=options) for names in (None, ["flat"]))
    assert whole.verdict.layers["location"].state == "differs"
    assert whole.verdict.layers["location"].scalar == "skew"
    location = one.verdict.layers["location"]
    assert (location.state, location.scalar, location.scalars) == ("same", "flat", 1)
    assert one.settings["focus"] == ["flat"]
    assert list(one.table.index) == list(whole.table.index)
    assert [result.ladder.loc["laplace", "enough"] for result in (whole, one)] == ["differs", "same"]

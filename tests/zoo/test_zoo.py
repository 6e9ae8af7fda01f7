"""Every animal of the zoo: it runs and is right, or it is refused by the right error. Nothing is unforeseen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pymc as pm
import pytensor
import pytest
from scipy import optimize

import bayescompare as bc
from bayescompare.errors import BayesCompareError
from bayescompare.methods import METHODS
from tests.zoo import features, multivariate, series, univariate  # noqa: F401
from tests.zoo.failing import DENSITY
from tests.zoo.looked_at import LIBRARIES, posterior_means, pymc_density, same_density
from tests.zoo.registry import ANIMALS, Animal

#: Names in ``pm.distributions`` that are no distribution, or that need what is not installed.
NOT_SHOWN = {
    "Continuous": "a base class",
    "Discrete": "a base class",
    "Distribution": "a base class",
    "SymbolicRandomVariable": "a base class",
    "PolyaGamma": "needs the package polyagamma",
}

#: Draws of a comparison: few, as a hundred models are run.
OPTIONS = bc.CompareOptions(sampler=bc.SamplerOptions(draws=200, tune=300, chains=2, backend="jax"))

#: Methods that many models have no use for, and that refuse those.
OF_SOME_MODELS = {method for method in METHODS if method.startswith("marginal")}

pytestmark = [pytest.mark.filterwarnings(each) for each in LIBRARIES]


#: Beginnings and ends of the names of animals whose density another has as well, as a vector or under other names.
ALIKE = (("coordinate_", "name_"), "_scalar")


@pytest.fixture(autouse=True)
def without_traces() -> Iterator[None]:
    """PyTensor notes for every variable where it was made: a tenth of the time."""
    with pytensor.config.change_flags(traceback__limit=0):
        yield


def cases(failing: dict[str, str], *, quick: bool = False) -> list[object]:
    """Every animal; what fails today is expected to. Where they are ``quick``, those like another are slow tests."""
    return [pytest.param(a, id=name, marks=_marks(name, failing, quick)) for name, a in sorted(ANIMALS.items())]


def _marks(name: str, failing: dict[str, str], quick: bool) -> list[pytest.MarkDecorator]:
    fails = [pytest.mark.xfail(reason=failing[name], strict=True)] if name in failing else []
    alike = quick and (name.startswith(ALIKE[0]) or name.endswith(ALIKE[1]))
    return [*fails, pytest.mark.slow] if alike else fails


def test_every_distribution_of_pymc_is_in_the_zoo() -> None:
    shown = {name for a in ANIMALS.values() for name in a.shows}
    assert set(pm.distributions.__all__) - set(NOT_SHOWN) == shown


def test_what_fails_is_an_animal() -> None:
    assert set(DENSITY) <= set(ANIMALS)


def rightly_refused(animal: Animal, error: BayesCompareError) -> None:
    """The refusal is the expected one, and names what it must."""
    assert animal.refused is not None, f"refused: {type(error).__name__}: {error}"
    assert isinstance(error, animal.refused), f"{type(error).__name__}: {error}"
    assert all(name in str(error) for name in animal.names), error


@pytest.mark.parametrize("animal", cases(DENSITY, quick=True))
def test_the_density_is_pymcs_own(animal: Animal) -> None:
    """At several points; or the model is refused."""
    try:
        problem = bc.Problem(animal.model())
        problem.density(problem.density.start, (1.0, 1.0, 1.0))
    except BayesCompareError as error:
        rightly_refused(animal, error)
        return
    assert same_density(problem, 5) > 0


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("animal", cases({}))
def test_everything_is_asked_of_it(animal: Animal, tmp_path: Path) -> None:
    """``check``, every method, ``triage``, ``compare``, report, save, open, JSON."""
    model = animal.model()
    refusals = []
    for method in ("check", *METHODS):
        try:
            bc.check(model) if method == "check" else bc.fit(model, method, options=_of(method))
        except BayesCompareError as error:
            refusals += [error] if method not in {*OF_SOME_MODELS, *animal.without} else []
    try:
        bc.triage(model)
        found = bc.compare(model, options=OPTIONS)
    except BayesCompareError as error:
        rightly_refused(animal, error)
        return
    assert animal.refused is None, "it should have been refused"
    assert not refusals, refusals
    right(animal, model, found)
    kept(found, tmp_path)


def _of(method: str) -> bc.SamplerOptions | None:
    return OPTIONS.sampler if method == "nuts" else None


def right(animal: Animal, model: pm.Model, found: bc.Comparison) -> None:
    """Modes and means are those of closed forms, of quadrature, and of a search that is not ours."""
    best, table = found.fits["map"], found.table
    for name, value in animal.mode.items():
        assert best.values[name] == pytest.approx(value, rel=1e-5, abs=1e-6), name
    problem = bc.Problem(model)
    if best.ok and np.isfinite(best.unconstrained).all():
        nothing_higher(problem, best)
    for name, value in {**posterior_means(problem), **animal.mean}.items():
        error = 6 * np.nan_to_num(table.loc[name, "mcse_mean"]) + 1e-6  # none of a constant
        assert abs(table.loc[name, "mean"] - value) < error, (name, table.loc[name, "mean"], value, error)


def nothing_higher(problem: bc.Problem, best: bc.Fit) -> None:
    """From the MAP a search without derivatives, of PyMC's own density, goes nowhere."""
    density = pymc_density(problem, jacobian=False)
    start = best.unconstrained
    found = optimize.minimize(
        lambda u: -density(u) if np.isfinite(density(u)) else 1e300,
        start,
        method="Nelder-Mead",
        options={"maxfev": 400, "xatol": 1e-10, "fatol": 1e-10},
    )
    assert -found.fun - density(start) < 1e-4, (start, found.x)


def kept(found: bc.Comparison, folder: Path) -> None:
    """Report, file and JSON hold the same."""
    found.to_html(folder / "report.html")
    found.save(folder / "saved.nc")
    again = bc.open(folder / "saved.nc")
    assert list(again.table.index) == list(found.table.index)
    np.testing.assert_array_equal(again.table["mean"], found.table["mean"])
    assert again.verdict.overall.opening == found.verdict.overall.opening
    assert json.dumps(again.to_dict()["table"]) == json.dumps(found.to_dict()["table"])
    json.dumps(found.to_dict(), allow_nan=False)

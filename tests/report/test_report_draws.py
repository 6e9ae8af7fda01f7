"""Two sets of draws: how they are matched, what is said of them, and the page."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import bayescompare as bc
from bayescompare.errors import DataError, MissingFileError, UnknownNameError
from bayescompare.metrics.verdict import Margins, State
from bayescompare.report import draws_to_html
from bayescompare.report.draws import ROWS
from tests.report.factory import make
from tests.report.test_report_difference import checked
from tests.report.test_report_html import HOSTILE

CITIES = ("Ghent", "Oslo", "Lima")


def dataset(seed: int, cities: tuple[str, ...] = CITIES, **moved: float) -> xr.Dataset:
    """``mu``, and ``theta`` whose mean is the place of its city in :data:`CITIES`, 10 apart."""
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=(4, 300, len(cities))) + [10.0 * CITIES.index(city) for city in cities]
    mu = rng.normal(size=(4, 300)) + moved.get("mu", 0.0)
    variables = {"mu": (("chain", "draw"), mu), "theta": (("chain", "draw", "city"), theta)}
    return xr.Dataset(variables, coords={"city": list(cities)})


def test_entries_are_found_by_their_labels() -> None:
    found = bc.compare_draws(dataset(1), dataset(2, ("Lima", "Ghent", "Oslo")))
    assert found.state is State.SAME
    assert list(found.table.index) == ["mu", "theta[Ghent]", "theta[Oslo]", "theta[Lima]"]
    assert found.opening == "The same."


def test_a_tree_a_dict_and_files_are_the_same_draws(tmp_path: Path) -> None:
    tree = xr.DataTree.from_dict({"posterior": dataset(1), "sample_stats": xr.Dataset()})
    tree.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    tree.to_zarr(tmp_path / "a.zarr", consolidated=False)
    arrays = {str(name): array.values for name, array in dataset(1).data_vars.items()}
    for other in (tree, arrays, tmp_path / "a.nc", str(tmp_path / "a.zarr"), dataset(1)):
        found = bc.compare_draws(dataset(1), other)
        assert found.table["shift"].abs().max() == 0, other
        assert len(found.table) == 4


def test_statistics_beside_the_draws_are_none_of_them() -> None:
    given = {
        "mu": np.random.default_rng(1).normal(size=(4, 200)),
        "lp__": np.ones((4, 200)),
        "step_size": np.ones((4, 200)),
    }
    assert list(bc.compare_draws(given, given).table.index) == ["mu"]


@pytest.mark.parametrize(
    ("other", "error", "said"),
    [
        (dataset(2).rename(mu="nu", theta="eta"), DataError, "no variable in common: the first has mu, theta"),
        (dataset(2).isel(city=[0, 1]), DataError, "theta has 3 entries along city in the first"),
        (dataset(2).assign_coords(city=["Ghent", "Oslo", "Rome"]), DataError, "no theta for city Lima"),
        (dataset(2)[["mu"]].mean("draw"), DataError, "no draws"),
        (dataset(2).where(dataset(2)["mu"] > -1), DataError, "not finite in the second posterior alone"),
        ("none.nc", MissingFileError, "no file"),
        ("report.html", DataError, "a report, and holds no draws"),
        (3, DataError, "is a int"),
    ],
)
def test_what_cannot_be_matched_is_said(other: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        bc.compare_draws(dataset(1), other)


def test_var_names_chooses_and_is_checked() -> None:
    found = bc.compare_draws(dataset(1), dataset(2, mu=1.0), var_names="theta")
    assert (found.state, len(found.table)) == (State.SAME, 3)
    with pytest.raises(UnknownNameError, match="no variable 'nu'; it has mu, theta"):
        bc.compare_draws(dataset(1), dataset(2), var_names=["mu", "nu"])


def test_what_is_in_one_alone_and_what_is_not_finite_in_both_is_named() -> None:
    a, b = dataset(1), dataset(2)
    a["theta"][..., 1] = b["theta"][..., 1] = np.nan
    found = bc.compare_draws(a.assign(zeta=a["mu"]), b)
    assert found.only_a == ("zeta",)
    assert found.not_finite == ("theta[Oslo]",)
    text = checked(draws_to_html(found, ("one", "other")))
    assert "In one alone: zeta." in text
    assert "Not finite in both, and left out: theta[Oslo]." in text


def test_chains_that_disagree_are_told_of() -> None:
    stuck = dataset(2)
    stuck["mu"][0] += 5.0
    found = bc.compare_draws(dataset(1), stuck)
    assert [str(fault.code) for fault in found.faults["b"]] == ["r_hat", "ess"]
    assert found.faults["a"] == ()
    assert "other: R-hat" in checked(draws_to_html(found, ("one", "other")))


def test_the_sentence_and_the_document_hold_the_worst_scalar() -> None:
    found = bc.compare_draws(dataset(1), dataset(2, mu=1.0), margins=Margins(location=0.3))
    assert found.state is State.DIFFERS
    assert found.sentence.startswith("mu: the second’s mean is")
    assert found.sentence.endswith("sd higher, beyond the margin of 0.3.")
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert document["layers"]["location"]["scalar"] == "mu"
    assert document["table"][0]["name"] == "mu"
    assert document["table"][0]["shift"] == found.table.loc["mu", "shift"]


def test_a_comparison_gives_its_draws() -> None:
    comparison = make("differs", 5)
    layout = {"variables": {n: {"shape": [], "dims": []} for n in comparison.fits["nuts"].names}, "coords": {}}
    comparison = dataclasses.replace(comparison, layout=layout)
    found = bc.compare_draws(comparison, comparison)
    assert found.state is not State.DIFFERS
    assert set(found.table.index) <= set(comparison.table.index)


def test_the_page_says_it_and_shows_the_worst_first(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    a, b = ({"x": rng.normal(size=(4, 50, ROWS + 5))} for _ in range(2))
    b["x"][..., 7] += 3.0
    found = bc.compare_draws(a, b)
    found.to_html(tmp_path / "d.html", names=("a.nc", "b.nc"))
    page = (tmp_path / "d.html").read_text(encoding="utf-8")
    text = checked(page)
    assert "They differ." in text
    assert text.index("x[7]", text.index("Scalar by scalar")) < text.index("x[8]", text.index("Scalar by scalar"))
    assert "5 scalars less apart" in text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_text(text: str) -> None:
    a = dataset(1).rename(mu=text or "m").assign_coords(city=[text, "b", "c"])
    rendered = draws_to_html(bc.compare_draws(a, a), (text, text))
    checked(rendered)
    assert "\u202e" not in rendered
    assert "\x1b" not in rendered

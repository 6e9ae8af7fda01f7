"""The section on predictions at new inputs: plug-in and posterior, a row an input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...formatting import count, plain
from ..parts import Column, Part, Prose, Row, Section, Table
from ..words import Words, name
from .phrases import columns

if TYPE_CHECKING:
    import xarray as xr

    from ...results.comparison import Comparison

#: Inputs that are shown of each term.
ROWS = 30


def section(comparison: Comparison) -> Section | None:
    """Build the section; nothing where no inputs were given."""
    found = comparison.new_inputs
    if found is None:
        return None
    share = 100 * float(comparison.settings.get("interval", 0.94))
    how = (
        f"Mean of a new observation, and its {plain(share, 4)} % interval; all figures are in the saved comparison.",
    )
    parts: list[Part] = []
    for term in found["term"].values:
        parts += [Prose(("New observations of ", name(str(term)), "."), small=True), _table(found, str(term))]
    if found.sizes["new"] > ROWS:
        parts.append(Prose((f"And {count(found.sizes['new'] - ROWS)} inputs more.",), small=True))
    return Section("new-inputs", "New inputs", how, _wider(found), tuple(parts))


def _wider(found: xr.Dataset) -> Words:
    """How wide the plug-in's intervals are beside the posterior's."""
    if "plug-in" not in found["arm"].values:
        return ("There is no MAP to predict from; the posterior's predictions stand.",)
    ends = found["prediction"].sel(statistic="ub") - found["prediction"].sel(statistic="lb")
    ratio = float((ends.sel(arm="plug-in") / ends.sel(arm="posterior")).median())
    return (f"At the new inputs the plug-in's intervals are {plain(ratio, 2)} times as wide as the posterior's.",)


def _table(found: xr.Dataset, term: str) -> Table:
    arms = [str(arm) for arm in found["arm"].values]
    header: tuple[Column, ...] = columns("input", *(part for arm in arms for part in (f"{arm}, mean", "interval")))
    rows = []
    for i in range(min(found.sizes["new"], ROWS)):
        inputs = zip(found["column"].values, found["input"][i].values, strict=True)
        told = (f"{column} = {plain(float(x), 4)}" for column, x in inputs)
        cells = []
        for arm in arms:
            mean, lower, upper = (float(x) for x in found["prediction"].sel(term=term, arm=arm).isel(new=i).values)
            cells += [plain(mean, 4), f"{plain(lower, 3)} to {plain(upper, 3)}"]
        rows.append(Row((", ".join(told),), tuple(cells)))
    return Table(f"Predictions of {term} at new inputs", header, tuple(rows))

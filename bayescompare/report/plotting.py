"""The main figures for a notebook or a paper, through arviz-plots: what :meth:`Comparison.plot` opens.

The report draws its own figures and needs none of this. Here every figure is a ``PlotCollection``, so it takes what
ArviZ's own figures take: another backend, ``pc.map`` for what is to be added, ``pc.savefig``. Each hue is one estimand,
as in the report: blue the posterior, orange the MAP, purple the Laplace approximation.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import UnknownNameError, UsageError
from ..formatting import plain
from ..metrics.thresholds import INTERVAL
from .comparison.phrases import evenly
from .comparison.predicted_figures import DRAWN, VALUES
from .svg.colours import LIGHT

if TYPE_CHECKING:
    import xarray as xr

    from ..results.comparison import Comparison

REACH = 3.5
"""The forest's axis runs to so many posterior sd: it never stretches for a mode or for a Laplace interval."""

ASIDE = 0.2
"""What lies below the posterior, or beside it, does so by this share of the step from one line to the next."""

INSTALL = "Install it with: pip install 'bayescompare[plots]'"
NAN = math.nan


def plot(
    comparison: Comparison,
    kind: str = "forest",
    *,
    scalars: int | Sequence[str] = 9,
    ci: tuple[str, float | None] = ("eti", None),
    backend: str | None = None,
) -> Any:
    """Draw one of the main figures.

    Parameters
    ----------
    comparison : Comparison
    kind : {"forest", "marginals", "prediction"}
        ``forest``: posterior intervals (50 % and the comparison's own), MAP and Laplace intervals, in posterior sd from
        the posterior mean. ``marginals``: posterior densities with MAP and Laplace, each scalar in its unit.
        ``prediction``: 80 and 95 % predictive intervals of both arms on the data, by predicted median.
    scalars : int or sequence of str
        How many scalars, those that the MAP is furthest from first; or names of scalars and variables. Not used by
        ``prediction``.
    ci : tuple of ({"eti", "hdi"}, float or None)
        Kind and probability of intervals; None: the comparison's own. Not used by ``prediction``.
    backend : {"matplotlib", "bokeh", "plotly", "none"}, optional
        Default: ArviZ's own, ``rcParams["plot.backend"]``.

    Returns
    -------
    arviz_plots.PlotCollection

    Raises
    ------
    UnknownNameError
        If there is no such kind or scalar.
    UsageError
        If arviz-plots, or every plotting library, is missing; if there is nothing to draw.
    """
    if kind not in KINDS:
        raise UnknownNameError(f"There is no figure {kind!r}. These are there: {', '.join(KINDS)}.")
    form, share = ci[0], float(comparison.settings.get("interval", INTERVAL)) if ci[1] is None else ci[1]
    if form not in ("eti", "hdi"):
        raise UsageError(f"ci_kind must be eti or hdi, not {form!r}.")
    if not 0 < share < 1:
        raise UsageError(f"ci_prob must lie between 0 and 1, not {share}.")
    return KINDS[kind](comparison, scalars, (form, share), _backend(backend))


def _backend(asked: str | None) -> str:
    """The plotting library that draws; arviz-plots falls back on none at all without a word."""
    for package in ("arviz_plots", *((asked,) if asked not in (None, "none") else ())):
        if importlib.util.find_spec(package) is None:
            raise UsageError(
                f"plot() needs the package {package.replace('_', '-')}, which is not installed. {INSTALL}."
            )
    if asked is not None:
        return asked
    from arviz_base import rcParams

    found = str(rcParams["plot.backend"])
    if found == "none":
        raise UsageError(f"plot() needs matplotlib (or bokeh, or plotly), and none is installed. {INSTALL}.")
    return found


def _forest(comparison: Comparison, scalars: int | Sequence[str], ci: tuple[str, float], backend: str) -> Any:
    """Intervals and modes in posterior sd, a line for each scalar."""
    import xarray as xr
    from arviz_plots import plot_forest, visuals

    names = _chosen(comparison, scalars, drawn=True)
    table = comparison.table.loc[names]
    centre, sd = (table[key].to_numpy(dtype=float) for key in ("mean", "sd"))
    labels = {"scalar": names}
    drawn = xr.DataArray((_draws(comparison, names) - centre) / sd, dims=("chain", "draw", "scalar"), coords=labels)
    found = plot_forest(
        xr.Dataset({"z": drawn}),
        combined=True,
        ci_kind=ci[0],
        ci_probs=(0.5, ci[1]),
        point_estimate="mean",
        labels=["scalar"],
        backend=backend,
        visuals={key: {"color": LIGHT["post"]} for key in ("trunk", "twig", "point_estimate")},
    )
    found.coords = {"column": "forest"}
    modes = (table["map"].to_numpy(dtype=float) - centre) / sd
    ends = (_laplace_ends(comparison, names, ci) - centre) / sd
    inside = xr.DataArray(np.where(np.abs(modes) <= REACH, modes, NAN), dims="scalar", coords=labels)
    laplace = xr.DataArray(np.clip(ends, -REACH, REACH), dims=("end", "scalar"), coords=labels)
    found.map(
        _lower,
        "laplace",
        data=_named(laplace, "z"),
        linestyle=_dashed(backend),
        color=LIGHT["lap"],
        ignore_aes={"overlay"},
    )
    for label, marker, where in (
        ("map", "|", inside),
        ("map_below", "<", xr.full_like(inside, -REACH).where(modes < -REACH)),
        ("map_above", ">", xr.full_like(inside, REACH).where(modes > REACH)),
    ):
        if bool(where.notnull().any()):
            found.map(
                visuals.scatter_x,
                label,
                data=_named(where, "z"),
                marker=marker if backend == "matplotlib" else "C6",
                color=LIGHT["map"],
                ignore_aes={"overlay"},
            )
    found.map(visuals.set_xlim, limits=(-1.05 * REACH, 1.05 * REACH), ignore_aes="all", store_artist=False)
    found.map(visuals.labelled_x, "xlabel", text="posterior sd from the posterior mean", ignore_aes="all")
    found.coords = None
    found.add_title(f"Blue: posterior, 50 and {plain(100 * ci[1], 3)} %. Orange: MAP. Purple: Laplace.")
    return found


def _marginals(comparison: Comparison, scalars: int | Sequence[str], ci: tuple[str, float], backend: str) -> Any:
    """Posterior densities with the MAP and the Laplace approximation's density."""
    import xarray as xr
    from arviz_base.labels import NoVarLabeller
    from arviz_plots import plot_dist, visuals

    names = _chosen(comparison, scalars, drawn=False)
    labels = {"scalar": names}
    drawn = xr.DataArray(_draws(comparison, names), dims=("chain", "draw", "scalar"), coords=labels)
    found = plot_dist(
        xr.Dataset({"x": drawn}),
        kind="kde",
        ci_kind=ci[0],
        ci_prob=ci[1],
        point_estimate="mean",
        labeller=NoVarLabeller(),
        backend=backend,
        col_wrap=3,
        figure_kwargs=_apart(backend),
        visuals={key: {"color": LIGHT["post"]} for key in ("dist", "credible_interval", "point_estimate")},
    )
    lines = xr.DataArray(
        _laplace_curves(comparison, names),
        dims=("scalar", "plot_axis", "grid"),
        coords=labels | {"plot_axis": ["x", "y"]},
    )
    if bool(lines.notnull().any()):
        look = {"linestyle": _dashed(backend), "color": LIGHT["lap"]}
        found.map(visuals.line_xy, "laplace", data=_named(lines, "x"), **look)
    modes = xr.DataArray(_column(comparison.table.loc[names], "map"), dims="scalar", coords=labels)
    if bool(modes.notnull().any()):
        found.map(visuals.vline, "map", data=_named(modes, "x"), color=LIGHT["map"])
    found.add_title("Blue: posterior. Orange: MAP. Purple: Laplace.")
    return found


def _prediction(comparison: Comparison, scalars: int | Sequence[str], ci: tuple[str, float], backend: str) -> Any:
    """Predictive intervals of both arms with what was observed, for each likelihood term."""
    import xarray as xr
    from arviz_plots import PlotCollection, visuals

    terms = {term: _thinned(arrays) for term, arrays in comparison.pointwise.items() if _has_bands(arrays)}
    if not terms:
        raise UsageError("No likelihood term has predictive intervals to draw, or each takes too few values for them.")
    intervals = {
        f"{arm}_{level}": (prefix, lower, upper, aside)
        for arm, prefix, aside in (("posterior", "", -ASIDE), ("plugin", "plugin_", ASIDE))
        for level, lower, upper in (("95", "q2.5", "q97.5"), ("80", "q10", "q90"))
    }
    seen = xr.Dataset({term: _placed(term, arrays, {"y": "observed"}) for term, arrays in terms.items()})
    wide = {"figsize": (9.0, 4.5), "figsize_units": "inches"}
    found = PlotCollection.wrap(seen, cols=["__variable__"], col_wrap=1, backend=backend, figure_kwargs=wide)
    for label, (prefix, lower, upper, aside) in intervals.items():
        bounds = {"y_bottom": f"{prefix}{lower}", "y_top": f"{prefix}{upper}"}
        data = {
            term: _placed(term, arrays, bounds, aside) for term, arrays in terms.items() if bounds["y_top"] in arrays
        }
        for term, one in data.items():
            found.map(
                visuals.ci_line_y,
                f"{label}_{term}",
                data=_named(one, term),
                color=LIGHT["map" if prefix else "post"],
                alpha=1.0 if label.endswith("80") else 0.5,
            )
    found.map(visuals.scatter_xy, "observed", data=seen, color=LIGHT["ink"], size=5)
    found.map(visuals.labelled_x, "xlabel", data=seen, text="observation, by predicted median", ignore_aes="all")
    found.map(visuals.labelled_title, "title", data=seen, subset_info=True, labeller=_Labels(), ignore_aes="all")
    found.add_title("Predictive intervals, 80 and 95 %. Blue: posterior. Orange: plug-in MAP.")
    return found


KINDS: Mapping[str, Callable[[Any, int | Sequence[str], tuple[str, float], str], Any]] = {
    "forest": _forest,
    "marginals": _marginals,
    "prediction": _prediction,
}


class _Labels:
    """Labels of a figure with a variable each: its name."""

    def make_label_vert(self, var_name: str, sel: object, isel: object) -> str:
        return var_name


def _placed(term: str, arrays: Mapping[str, Any], of: Mapping[str, str], aside: float = 0.0) -> xr.DataArray:
    """Values over the observations."""
    import xarray as xr

    values = np.stack([arrays["place"] + aside, *(arrays[key] for key in of.values())])
    return xr.DataArray(values, dims=("plot_axis", f"{term}_obs"), coords={"plot_axis": ["x", *of]})


def _has_bands(arrays: Mapping[str, Any]) -> bool:
    return "q2.5" in arrays and len(np.unique(arrays["observed"])) >= min(VALUES, len(arrays["observed"]))


def _thinned(arrays: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Observations in the order of the posterior's median, evenly chosen where they are many; ``place`` is theirs."""
    order = np.argsort(arrays["q50"], kind="stable")
    kept = evenly(len(order), DRAWN)
    found = {key: np.asarray(array, dtype=float)[order[kept]] for key, array in arrays.items()}
    return found | {"place": np.asarray(kept, dtype=float) + 1.0}


def _chosen(comparison: Comparison, scalars: int | Sequence[str], *, drawn: bool) -> list[str]:
    """Names of the scalars to draw; ``drawn`` in posterior sd, which not every scalar has."""
    table = comparison.table
    if not isinstance(scalars, int):
        found: dict[str, None] = {}
        for name in [scalars] if isinstance(scalars, str) else scalars:
            rows = [row for row in table.index if name in (row, row.partition("[")[0])]
            if not rows:
                raise UnknownNameError(f"There is no scalar {name!r} in this comparison; its table names them all.")
            found |= dict.fromkeys(rows)
        return list(found)
    size = table["z"].abs().fillna(-1.0) if "z" in table else -table["sd"]
    order = size.sort_values(ascending=False, kind="stable").index
    known = [str(name) for name in order if not drawn or table.loc[name, "sd"] > 0]
    if not known or scalars < 1:
        raise UsageError("There is no scalar to draw: none has a posterior sd, or none was asked for.")
    return known[:scalars]


def _draws(comparison: Comparison, names: Sequence[str]) -> np.ndarray:
    """Draws of shape (chains, draws, len(names))."""
    nuts = comparison.fits.get("nuts")
    if nuts is None or nuts.draws is None:
        raise UsageError("This comparison holds no draws to draw from.")
    place = {name: i for i, name in enumerate(nuts.names)}
    missing = [name for name in names if name not in place]
    if missing:
        raise UsageError(f"{missing[0]} is a quantity of interest: its draws are not kept. Name other scalars.")
    found: np.ndarray = nuts.draws[:, :, [place[name] for name in names]]
    return found


def _laplace_ends(comparison: Comparison, names: Sequence[str], ci: tuple[str, float]) -> np.ndarray:
    """Ends of the Laplace intervals, shape (2, len(names)); NaN where there are none."""
    if ci == ("eti", comparison.settings.get("interval", INTERVAL)):
        return np.stack([_column(comparison.table.loc[names], key) for key in ("laplace_lb", "laplace_ub")])
    from arviz_stats.base import array_stats

    laplace, ends = comparison.fits["laplace"], np.full((2, len(names)), NAN)
    for i, name in enumerate(names):
        if laplace.draws is not None and name in laplace.names:
            draws = laplace.draws[..., laplace.names.index(name)].ravel()
            ends[:, i] = (array_stats.eti if ci[0] == "eti" else array_stats.hdi)(draws, prob=ci[1])
    return ends


def _column(table: Any, key: str) -> np.ndarray:
    return np.asarray(table[key], dtype=float) if key in table else np.full(len(table), NAN)


def _lower(values: xr.DataArray, target: Any, y: Any, **look: Any) -> Any:
    """A line along x, a little below the posterior's."""
    from arviz_plots import visuals

    return visuals.line_x(values, target, y=y - ASIDE, **look)


def _laplace_curves(comparison: Comparison, names: Sequence[str]) -> np.ndarray:
    """Grid and Laplace density of each scalar, shape (len(names), 2, G); NaN where there is none."""
    curves = comparison.curves
    place = {name: i for i, name in enumerate(curves.names)}
    missing = np.full(curves.x.shape[1] if curves.x.ndim == 2 else 0, NAN)
    return np.stack(
        [
            np.stack([curves.x[place[name]], curves.laplace[place[name]]]) if name in place else [missing, missing]
            for name in names
        ]
    )


def _named(values: xr.DataArray, name: str) -> xr.Dataset:
    return values.rename(name).to_dataset()


def _apart(backend: str) -> dict[str, str]:
    """Matplotlib lets titles run into the axis above, unless it is told to lay the figure out."""
    return {"layout": "constrained"} if backend == "matplotlib" else {}


def _dashed(backend: str) -> str:
    """A dashed line, as the backend calls it."""
    return {"matplotlib": "--", "bokeh": "dashed", "plotly": "dash"}.get(backend, "C1")

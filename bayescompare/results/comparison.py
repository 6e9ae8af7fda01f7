"""The labelled result of a comparison: what was asked, what each method found, the table, the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..metrics.verdict import Verdict

if TYPE_CHECKING:
    import os

    import numpy as np
    import pandas as pd
    import xarray as xr

    from .fit import Fit

#: Of the JSON document and of saved files.
SCHEMA = "bayescompare/2"

#: Schemas that can be read: version 1 has its reasons as sentences.
READABLE = ("bayescompare/1", SCHEMA)

#: What :func:`Comparison.to_dict` leaves out to be reproducible: figures that differ from run to run.
VOLATILE = ("started", "seconds", "compile_seconds", "command", "platform", "cost")


@dataclass(frozen=True)
class ModelInfo:
    """What a reader of the report is told about the model.

    Attributes
    ----------
    name : str
        A template's name, ``FILE.py:NAME``, or the model's own name.
    title, question, description : str
        From the template; for other models the title is the name, the others may be empty.
        ``description`` is plain text with blank lines between paragraphs.
    finding : str
        One line: what MAP does here, by the template's author; may be empty.
    code : str
        Source of the function that builds the model; empty where it cannot be had.
    formulas : tuple of (str, str, str)
        One row a variable: left side, right side, kind (``"free"``, ``"observed"``, ``"deterministic"``,
        ``"potential"``):
        ``("mu", "Normal(0, 5)", "free")``.
    free : tuple of str
        Names of the free variables.
    parameters : int
        Dimension d of the unconstrained space.
    observations : int
        Number of observed scalars.
    fingerprint : str
        Of graph, data and coordinates; equal in every process, different when any of them differs.
    graph : tuple of (str, str, str, tuple of str)
        One row a variable: name, kind (as in ``formulas``), plate (``"school (8)"``, empty for a scalar), and the
        variables that it is made of.
    """

    name: str
    title: str
    question: str
    description: str
    finding: str
    code: str
    formulas: tuple[tuple[str, str, str], ...]
    free: tuple[str, ...]
    parameters: int
    observations: int
    fingerprint: str
    graph: tuple[tuple[str, str, str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class Curves:
    """Density curves of marginals, made when the comparison was made.

    Attributes
    ----------
    names : tuple of str
        The scalars that have curves: all where there are few, else the most severe.
    x : ndarray of shape (len(names), G)
        Grid, in the scalar's unit.
    posterior, laplace, prior : ndarray of shape (len(names), G)
        Densities on that grid; NaN where there is none.
    """

    names: tuple[str, ...]
    x: np.ndarray
    posterior: np.ndarray
    laplace: np.ndarray
    prior: np.ndarray


@dataclass(frozen=True)
class Comparison:
    """How the point estimate sits within the posterior.

    Attributes
    ----------
    model : ModelInfo
    fits : Mapping of str to Fit
        ``mle``, ``map``, ``unconstrained_map``, ``laplace``, ``nuts``, and further methods that were run.
    table : pandas.DataFrame
        A row per scalar, indexed by its name, columns as documented in :func:`bayescompare.metrics.table.columns`.
    verdict : Verdict
    curves : Curves
    data : xarray.Dataset
        The observed data, by name, with their dims and coordinates.
    settings : Mapping
        What was asked for, JSON-ready: seed, interval, margins, sampler.
    provenance : Mapping
        Versions, platform, command, start, seconds; JSON-ready.
    layout : Mapping
        ``variables``: name to ``shape`` and ``dims``, in the order of the scalars; ``coords``: dim to labels.
        JSON-ready.
    findings : tuple of Mapping
        What the audit of the model itself said: ``code``, ``severity``, ``variable``, ``what``, ``instead``.
    joint : Mapping
        The joint figures, JSON-ready, each ``{value, mcse, reason}``.
    prediction : Mapping
        What a plug-in prediction throws away, in total and by likelihood term; JSON-ready, figures as above.
    pointwise : Mapping of str to Mapping of str to ndarray
        By likelihood term, arrays over its observations: ``observed``, ``mean``, quantiles, ``elpd_loo``, ...
    decisions : tuple of Mapping
        One for each loss that was named; JSON-ready.
    sensitivity : Mapping
        To the power of ``prior`` and ``likelihood``, by scalar; JSON-ready.
    groups : tuple of Mapping
        A line for each vector variable; JSON-ready.
    path : Mapping
        From the MLE to the MAP: ``powers`` of the prior, ``values`` of the scalars at each; empty where not followed.
    display : Mapping
        What a report shows beyond these, see :func:`bayescompare.results.display.displayed`; JSON-ready.
    rungs : tuple of Mapping
        A row a method, against the posterior, whose own is the last: ``method``, ``status``, ``reasons``, ``location``
        and ``spread`` (layers, or None), ``k_hat``, ``seconds``, ``compile_seconds``, ``gradients``, ``enough`` (a
        state: *same* where location and spread are); JSON-ready.
    prior : ndarray of shape (n, k), optional
        Draws of the prior, where it can be drawn from.
    log_likelihood : xarray.Dataset, optional
        Of each observation at the draws of the posterior (thinned where they are many), nats, in single precision; dims
        ``chain``, ``draw`` and those of the data. None where terms do not factorise, or data were held out.
    """

    model: ModelInfo
    fits: Mapping[str, Fit]
    table: pd.DataFrame
    verdict: Verdict
    curves: Curves
    data: xr.Dataset
    settings: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    layout: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Mapping[str, str], ...] = ()
    joint: Mapping[str, Any] = field(default_factory=dict)
    prediction: Mapping[str, Any] = field(default_factory=dict)
    pointwise: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    decisions: tuple[Mapping[str, Any], ...] = ()
    sensitivity: Mapping[str, Any] = field(default_factory=dict)
    groups: tuple[Mapping[str, Any], ...] = ()
    path: Mapping[str, Any] = field(default_factory=dict)
    display: Mapping[str, Any] = field(default_factory=dict)
    rungs: tuple[Mapping[str, Any], ...] = ()
    prior: np.ndarray | None = None
    log_likelihood: xr.Dataset | None = None
    new_inputs: xr.Dataset | None = None

    @property
    def ladder(self) -> pd.DataFrame:
        """The methods against the posterior: see :func:`bayescompare.results.ladder.frame`."""
        from .ladder import frame

        return frame(self.rungs)

    @property
    def posterior(self) -> xr.Dataset:
        """The NUTS draws as ArviZ has them: a variable each, with dims ``chain``, ``draw`` and its own."""
        import xarray as xr

        return self.to_datatree()["posterior"].to_dataset() if self.fits["nuts"].draws is not None else xr.Dataset()

    def to_datatree(self) -> xr.DataTree:
        """What ArviZ works on: ``az.summary``, ``az.plot_*``, ``az.loo`` take it, and what :meth:`save` wrote, too.

        Returns
        -------
        xarray.DataTree
            Groups ``posterior`` and ``sample_stats`` (NUTS), ``laplace``, ``marginal`` (marginal Laplace), ``prior``,
            ``log_likelihood``, ``observed_data``, as far as there are such, with the attributes of ArviZ's schema.

        Examples
        --------
        >>> az.summary(result.to_datatree(), group="laplace", kind="stats")  # doctest: +SKIP
        """
        import xarray as xr

        from .datatree import of_comparison

        return xr.DataTree.from_dict(of_comparison(self))

    def to_dict(self, *, reproducible: bool = False) -> dict[str, Any]:
        """The whole result as JSON-ready data (schema ``bayescompare/2``): numbers unrounded, NaN and infinity as None.

        Parameters
        ----------
        reproducible : bool
            Leave out times, platform and command, so that the same seed gives the same document.
        """
        document = {
            "schema": SCHEMA,
            "model": {
                "name": self.model.name,
                "title": self.model.title,
                "parameters": self.model.parameters,
                "observations": self.model.observations,
                "fingerprint": self.model.fingerprint,
            },
            "fits": {name: fit_to_dict(fit, reproducible=reproducible) for name, fit in self.fits.items()},
            "table": [{"name": name, **row} for name, row in zip(self.table.index, rows(self.table), strict=True)],
            "findings": [dict(finding) for finding in self.findings],
            "joint": dict(self.joint),
            "prediction": dict(self.prediction),
            "pointwise": {term: dict(arrays) for term, arrays in self.pointwise.items()},
            "decisions": list(self.decisions),
            "sensitivity": dict(self.sensitivity),
            "groups": list(self.groups),
            "verdict": {
                "overall": asdict(self.verdict.overall),
                "layers": {name: layer.to_json() for name, layer in self.verdict.layers.items()},
                "cause": self.display.get("cause"),
            },
            "path": dict(self.path),
            "new_inputs": None if self.new_inputs is None else self.new_inputs.to_dict(),
            "ladder": [_without(row, VOLATILE if reproducible else ()) for row in self.rungs],
            "settings": dict(self.settings),
            "provenance": _without(self.provenance, VOLATILE if reproducible else ()),
        }
        ready: dict[str, Any] = plain(document)
        return ready

    def to_html(self, path: str | os.PathLike[str], *, reproducible: bool = False) -> None:
        """Write the report: one self-contained HTML file.

        Parameters
        ----------
        path : path-like
        reproducible : bool
            Leave out times, platform and command.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        from ..report import to_html
        from .storage import write_text

        write_text(Path(path), to_html(self, reproducible=reproducible))

    def plot(
        self,
        kind: str = "forest",
        *,
        var_names: str | Sequence[str] | None = None,
        scalars: int | Sequence[str] = 9,
        ci_prob: float | None = None,
        ci_kind: str = "eti",
        backend: str | None = None,
    ) -> Any:
        """Draw one of the main figures with arviz-plots: ``forest``, ``marginals`` or ``prediction``.

        Parameters
        ----------
        kind : {"forest", "marginals", "prediction"}
        var_names : str or sequence of str, optional
            Variables (``"theta"``) and scalars (``"theta[Choate]"``) to draw, in place of the most shifted ones.
        scalars : int or sequence of str
            How many scalars, the most shifted first; or their names.
        ci_prob : float, optional
            Probability of intervals; by default the comparison's own.
        ci_kind : {"eti", "hdi"}
        backend : {"matplotlib", "bokeh", "plotly"}, optional
            Default: ArviZ's own.

        Returns
        -------
        arviz_plots.PlotCollection
            ``.savefig(path)`` writes it.

        Raises
        ------
        UsageError
            If a package that it needs is not installed; ``UnknownNameError`` if there is no such kind or scalar.
        """
        from ..report.plotting import plot

        chosen = scalars if var_names is None else var_names
        return plot(self, kind, scalars=chosen, ci=(ci_kind, ci_prob), backend=backend)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save everything, draws included, as one DataTree: netCDF, or Zarr where the name ends in ``.zarr``.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        from .storage import save

        save(self, Path(path))

    def _repr_html_(self) -> str:
        from ..report import fragment

        return fragment(self)

    def __repr__(self) -> str:
        overall = self.verdict.overall
        return f"<Comparison of {self.model.name}: {overall.opening} {overall.sentence}>"


def fit_to_dict(fit: Fit, *, reproducible: bool = False) -> dict[str, Any]:
    """One fit as JSON-ready data: status, reasons, values and diagnostics; no draws."""
    point = {"mean" if fit.draws is not None else "values": fit.values} if fit.method != "nuts" else {}
    document = {
        "status": str(fit.status),
        "reasons": [reason.to_json() for reason in fit.reasons],
        "log_density": fit.log_density,
        **point,
        **fit.diagnostics,
        "seconds": fit.seconds,
        "compile_seconds": fit.compile_seconds,
        "evaluations": fit.evaluations,
    }
    ready: dict[str, Any] = plain(_without(document, VOLATILE if reproducible else ()))
    return ready


def _without(document: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in keys}


def plain(value: Any) -> Any:
    """Data made of dict, list, str, int, float, bool and None only."""
    import numpy as np

    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str) and type(value) is not str:
        return str(value)
    return value


def rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    # Not to_json: it writes 15 decimals, which leaves five digits of 1e-10.
    return [{str(name): value for name, value in row.items()} for row in table.to_dict(orient="records")]

"""``bayescompare fit``: one method alone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import FitError
from ..reasons import Code, Reason, joined
from . import debug_option, pass_terminal
from .options import FILE, SAMPLER, STDOUT, file_of, load, model_options, sampler, sampler_options
from .terminal import Line, Terminal

if TYPE_CHECKING:
    from ..methods.marginal import MarginalOptions
    from ..results.fit import Fit

MARGINAL = ("marginal_map", "marginal_laplace")

#: Rows that are printed.
SCALARS = 10


@click.command("fit", short_help="Fit a model by one method alone.")
@model_options
@click.option(
    "--method",
    required=True,
    metavar="NAME",
    help="map, unconstrained_map, mle, laplace, marginal_map, marginal_laplace, advi, fullrank_advi, pathfinder, nuts.",
)
@click.option(
    "--latent", metavar="A,B", help="Free variables that the marginal methods integrate out.  [default: found]"
)
@click.option("--json", "json_", type=FILE, metavar="OUT.json", help="Write the fit as JSON, even if it failed.")
@sampler_options
@click.option("--quiet", is_flag=True, help="Show the result and errors only.")
@debug_option
@pass_terminal
def command(terminal: Terminal, /, target: str, **asked: Any) -> None:
    """Fit TARGET by one method, and print what it found.

    TARGET is a template's name (see `bayescompare models`) or FILE.py:NAME, where NAME is a pm.Model or a function
    that returns one. A fit that failed is exit code 4.
    """
    from . import outputs
    from .interrupt import interruptible

    terminal.quiet = asked["quiet"]
    out: Path | None = asked["json_"]
    files = [] if out is None or out == STDOUT else [out]
    outputs.check(files, inputs=[file_of(target), asked["data"]])
    with interruptible():
        model, fit = _run(terminal, target, asked)
    for path in files:
        with outputs.replacing(path) as draft:
            draft.write_text(_json(model, fit), encoding="utf-8")
    if out == STDOUT:
        terminal.text(_json(model, fit))
    else:
        terminal.show(lines(model["name"], fit))
    if fit.status in ("failed", "not_run"):
        raise FitError(f"{fit.method} of {model['name']}: {joined(fit.reasons) or fit.status}.", fit)


def _run(terminal: Terminal, target: str, asked: dict[str, Any]) -> tuple[dict[str, Any], Fit]:
    """Build the model and fit it; a fit that failed comes back as one, so that it can be written."""
    import contextlib
    import sys

    name = asked["method"]
    with terminal.stage("Loading PyMC"):
        from ..methods import method
        from ..methods.enumeration import discrete
        from ..methods.nuts import check_engine
        from ..model.problem import Problem
        from ..workflow import fitting

        method(name)
        check_engine(asked["engine"] or "nutpie")
        loaded = load(target, asked["data"], asked["pairs"])
        problem = None if discrete(loaded.model) else Problem(loaded.model)
    options = sampler(asked, loaded.sampler) if name == "nuts" else _marginal(name, asked)
    unused = [key for key in _unused(name) if asked[key] is not None]
    if unused:
        told = ", ".join(f"--{key.replace('_', '-')}" for key in unused)
        terminal.warn(f"{told} changes nothing for {name}.")
    with contextlib.redirect_stdout(sys.stderr):
        try:
            fit = fitting.fit(
                problem or loaded.model, name, random_seed=asked["seed"], options=options, progressbar=terminal
            )
        except FitError as error:
            fit = _failed(name, error)
        finally:
            terminal.clear()
    model: dict[str, Any] = {"name": loaded.name}
    if problem is not None:
        model |= {
            "parameters": problem.dimension,
            "observations": problem.density.observations,
            "fingerprint": problem.fingerprint,
        }
    return model, fit


def _marginal(name: str, asked: dict[str, Any]) -> MarginalOptions | None:
    """Options of the marginal methods, or None where nothing is asked of them."""
    from ..methods.marginal import MarginalOptions

    if name not in MARGINAL:
        return None
    latent = tuple(part.strip() for part in (asked["latent"] or "").split(",") if part.strip())
    draws = {} if asked["draws"] is None else {"draws": asked["draws"]}
    return MarginalOptions(latent=latent, **draws)


def _unused(name: str) -> tuple[str, ...]:
    """Options that this method does not look at."""
    if name == "nuts":
        return ("latent",)
    used = {"marginal_map": ("latent",), "marginal_laplace": ("latent", "draws")}.get(name, ())
    return tuple(key for key in (*SAMPLER, "latent") if key not in used)


def _failed(method: str, error: FitError) -> Fit:
    import numpy as np

    from ..results.fit import Fit, Status

    if isinstance(error.fit, Fit):
        return error.fit
    reason = Reason(Code.ERROR, figures={"message": str(error)})
    return Fit(method, Status.FAILED, (reason,), (), np.empty(0))


def _json(model: dict[str, Any], fit: Fit) -> str:
    import json

    from ..results.comparison import SCHEMA, fit_to_dict

    document = {"schema": SCHEMA, "model": model, "fits": {fit.method: fit_to_dict(fit)}}
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def lines(name: str, fit: Fit) -> list[Line]:
    """What is printed: status, reasons, and the first scalars' values with the sd where there are draws."""
    from ..formatting import count, plain
    from .summary import MARK_OF_FIT, align

    mark, style = MARK_OF_FIT[fit.status]
    found: list[Line] = [((f"{mark} ", style), (f"{name}, {fit.method}: ", "bold"), (str(fit.status), style))]
    found += [((f"  {reason}", ""),) for reason in fit.reasons]
    if fit.status in ("failed", "not_run"):
        return found
    header: tuple[str, ...] = ("scalar", "estimate")
    shown = fit.names[:SCALARS]
    spread = ("standard error", fit.diagnostics.get("standard_errors", {}))
    if fit.draws is not None:
        sd = fit.draws[..., : len(shown)].reshape(-1, len(shown)).std(axis=0, ddof=1)
        header, spread = ("scalar", "mean"), ("sd", dict(zip(shown, sd, strict=True)))
    width = [float(spread[1].get(name, math.nan)) for name in shown]
    # What is rounding beside its own width is 0.
    values = [0.0 if abs(x) <= 1e-9 * w else float(x) for x, w in zip(fit.estimate, width, strict=False)]
    rows: list[tuple[str, ...]] = [(name, plain(x, 5)) for name, x in zip(shown, values, strict=True)]
    if any(map(math.isfinite, width)):
        header = (*header, spread[0])
        rows = [(*row, plain(w, 3)) for row, w in zip(rows, width, strict=True)]
    more = len(fit.names) - len(shown)
    rest: list[Line] = [((f"and {count(more)} more; --json writes all", "dim"),)] if more else []
    return [*found, (("", ""),), *align([header, *rows]), *rest]

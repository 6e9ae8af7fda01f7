"""``bayescompare compare``: can the MAP stand in for the posterior, for this model and these data?"""

from __future__ import annotations

import math
import re
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import OutputError, UsageError
from . import debug_option, pass_terminal
from .options import FILE, STDOUT, Share, file_of, load, model_options, sampler, sampler_options
from .terminal import Terminal

if TYPE_CHECKING:
    from ..results.comparison import Comparison


@click.command("compare", short_help="Compare the MAP with the full posterior.")
@model_options
@click.option("--report", type=FILE, metavar="OUT.html", help="Write the report, one HTML file.")
@click.option("--json", "json_", type=FILE, metavar="OUT.json", help="Write all numbers as JSON; - is stdout.")
@click.option("--save", type=FILE, metavar="OUT.nc", help="Save the whole comparison, draws included.")
@sampler_options
@click.option(
    "--laplace-draws",
    type=click.IntRange(min=2),
    metavar="N",
    help="Draws of the Laplace approximation.  [default: 4000]",
)
@click.option("--interval", type=Share(), metavar="P", help="Probability of intervals.  [default: 0.94]")
@click.option("--margin", "pairs_", multiple=True, metavar="LAYER=X", help="How large a gap is still the same.")
@click.option("--loss", "losses", multiple=True, metavar="'NAME(ARGS) on SCALAR'", help="A decision to judge.")
@click.option(
    "--holdout", type=FILE, metavar="FILE", help="Data that were not seen, to predict: .json, .csv, .parquet."
)
@click.option("--predictors", type=FILE, metavar="FILE", help="New inputs to predict at: .json, .csv, .parquet.")
@click.option(
    "--posterior", type=FILE, metavar="FILE", help="Draws made elsewhere (netCDF or Zarr): nothing is sampled."
)
@click.option(
    "--others", "others_", multiple=True, metavar="NAME=FILE", help="Draws of a further method (netCDF or Zarr)."
)
@click.option("--methods", metavar="A,B", help="Which methods run besides MAP, Laplace and NUTS.")
@click.option("--var-names", metavar="A,B", help="What the verdict is about; '' is all.  [default: the model's focus]")
@click.option("--until-settled", is_flag=True, help="Go on sampling until no layer is undecided.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help="Time for what follows the sampling.  [default: as NUTS needs]",
)
@click.option("--budget", metavar="TIME", help="Time for the whole, as 60s or 5min: what does not fit is left out.")
@click.option("--reproducible", is_flag=True, help="Leave out times: the same seed gives the same bytes.")
@click.option("--quiet", is_flag=True, help="Show the result and errors only.")
@debug_option
@pass_terminal
def command(terminal: Terminal, /, target: str, **asked: Any) -> None:
    """Find the mode of TARGET, sample its posterior, and say whether the mode can stand in for it.

    TARGET is a template's name (see `bayescompare models`) or FILE.py:NAME, where NAME is a pm.Model or a function
    that returns one.
    """
    from ..metrics.verdict import Margins
    from . import inputs, outputs
    from .interrupt import interruptible

    terminal.quiet = asked["quiet"]
    margins = inputs.margins(asked["pairs_"], tuple(Margins.__dataclass_fields__))
    written = {name: asked[name] for name in ("report", "json_", "save")}
    if STDOUT in (written["report"], written["save"]):
        raise OutputError("Only --json can be written to standard output (-).")
    files = [path for path in written.values() if path is not None and path != STDOUT]
    read = [asked[key] for key in ("data", "holdout", "predictors", "posterior")]
    outputs.check(files, inputs=[file_of(target), *read])
    with interruptible():
        result = _run(terminal, target, asked, Margins(**margins))
    with ExitStack() as drafts:  # all files, or none
        for name, path in written.items():
            if path is not None and path != STDOUT:
                _write(result, name, drafts.enter_context(outputs.replacing(path)), asked["reproducible"])
    if asked["json_"] == STDOUT:
        terminal.text(_json(result, asked["reproducible"]))
        return
    _show(terminal, result, written["report"])
    for path in files:
        if path != written["report"]:
            terminal.note(f"Written: {path}")


def _run(terminal: Terminal, target: str, asked: dict[str, Any], margins: Any) -> Comparison:
    """Build the model and compare; nothing but results may reach stdout."""
    import contextlib
    import sys

    from . import inputs

    with terminal.stage("Loading PyMC"):
        from ..methods.nuts import check_engine

        check_engine(asked["engine"] or "nutpie")
        loaded = load(target, asked["data"], asked["pairs"])
        held_out = None if asked["holdout"] is None else load(target, asked["holdout"], asked["pairs"]).model
        from ..templates.data_files import read_data
        from ..workflow import compare as workflow
        from ..workflow.options import Asked, CompareOptions
        from ..workflow.within import parse

    settings = sampler(asked, loaded.sampler)
    given = {key: asked[key] for key in ("interval", "laplace_draws", "seconds") if asked[key] is not None}
    if asked["budget"] is not None:
        if asked["reproducible"]:
            raise UsageError("--reproducible and --budget contradict each other: what fits depends on the machine.")
        given["whole"] = parse(asked["budget"])
    if asked["reproducible"]:  # what there is time for depends on the machine
        given.setdefault("seconds", math.inf)
    if asked["methods"] is not None:
        given["methods"] = _listed(asked["methods"])
    options = CompareOptions(sampler=settings, margins=margins, until_settled=asked["until_settled"], **given)
    beyond = Asked(
        predictors=None if asked["predictors"] is None else read_data(asked["predictors"]),
        posterior=asked["posterior"],
        losses=asked["losses"] or None,
        others=inputs.files(asked["others_"], "--others"),
        held_out=held_out,
        var_names=None if asked["var_names"] is None else _listed(asked["var_names"]),
    )
    with contextlib.redirect_stdout(sys.stderr):
        try:
            return workflow.run(loaded, asked=beyond, seed=asked["seed"], options=options, progress=terminal)
        finally:
            terminal.clear()


def _listed(text: str) -> tuple[str, ...]:
    """Names that commas separate; not those within brackets, as in ``beta[a, b]``."""
    return tuple(name.strip() for name in re.split(r",(?![^\[]*\])", text) if name.strip())


def _write(result: Comparison, name: str, path: Path, reproducible: bool) -> None:
    if name == "report":
        result.to_html(path, reproducible=reproducible)
    elif name == "save":
        result.save(path)
    else:
        path.write_text(_json(result, reproducible), encoding="utf-8")


def _json(result: Comparison, reproducible: bool) -> str:
    import json

    return json.dumps(result.to_dict(reproducible=reproducible), indent=2, allow_nan=False) + "\n"


def _show(terminal: Terminal, result: Comparison, report: Path | None) -> None:
    from .summary import summary

    terminal.show(summary(result))
    if report is not None:
        terminal.show([(("Report: ", "dim"), (str(report), ""))])
    else:
        terminal.note("The whole picture: --report OUT.html")

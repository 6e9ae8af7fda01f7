"""``bayescompare triage``: is NUTS worth its price?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import debug_option, pass_terminal
from .options import FILE, LARGEST_SEED, STDOUT, file_of, load, model_options
from .terminal import Line, Terminal

if TYPE_CHECKING:
    from ..workflow.triage import Triage

SCALARS = 9


@click.command("triage", short_help="Is NUTS worth its price for this model?")
@model_options
@click.option("--json", "json_", type=FILE, metavar="OUT.json", help="Write all numbers as JSON; - is stdout.")
@click.option("--seed", type=click.IntRange(0, LARGEST_SEED), default=0, metavar="N", help="Random seed.  [default: 0]")
@click.option("--margin", "pairs_", multiple=True, metavar="LAYER=X", help="How large a gap is still the same.")
@click.option("--quiet", is_flag=True, help="Show the result and errors only.")
@debug_option
@pass_terminal
def command(terminal: Terminal, /, target: str, **asked: Any) -> None:
    """Find the modes of TARGET, approximate its posterior by Laplace, and say whether NUTS would change the answer.

    TARGET is a template's name (see `bayescompare models`) or FILE.py:NAME, where NAME is a pm.Model or a function
    that returns one.
    """
    import json

    from ..metrics.verdict import Margins
    from . import inputs, outputs
    from .interrupt import interruptible

    terminal.quiet = asked["quiet"]
    margins = inputs.margins(asked["pairs_"], tuple(Margins.__dataclass_fields__))
    out: Path | None = asked["json_"]
    files = [] if out is None or out == STDOUT else [out]
    outputs.check(files, inputs=[file_of(target), asked["data"]])
    with interruptible():
        found = _run(terminal, target, asked, Margins(**margins))
    text = json.dumps(found.to_dict(), indent=2, allow_nan=False) + "\n"
    for path in files:
        with outputs.replacing(path) as draft:
            draft.write_text(text, encoding="utf-8")
    if out == STDOUT:
        terminal.text(text)
    else:
        terminal.show(lines(found))


def _run(terminal: Terminal, target: str, asked: dict[str, Any], margins: Any) -> Triage:
    import contextlib
    import sys

    with terminal.stage("Loading PyMC"):
        from ..workflow import triage
        from ..workflow.options import CompareOptions

        loaded = load(target, asked["data"], asked["pairs"])
    options = CompareOptions(margins=margins)
    with contextlib.redirect_stdout(sys.stderr):
        try:
            return triage.run(loaded, seed=asked["seed"], options=options, progress=terminal)
        finally:
            terminal.clear()


def lines(found: Triage) -> list[Line]:
    """What is printed: the answer, what decided, the criteria, flags, findings, and the scalars most off."""
    from ..formatting import count
    from ..workflow.price import told
    from ..workflow.triage import WORDS
    from .summary import MARKS, align

    style = {"will_not_change": "green", "will_change": "bold red", "cannot_say": "bold yellow"}[found.answer]
    shown: list[Line] = [((found.name, "bold"),), ((WORDS[found.answer], style), (f" {'; '.join(found.reasons)}.", ""))]
    shown.append((("", ""),))
    absent = [name for name, layer in found.criteria.items() if layer.state == "not_computed"]
    for name, layer in found.criteria.items():
        mark, colour = MARKS[layer.state]
        if name not in absent:
            state = f"{layer.state:<9}"
            shown.append(((f"{mark} ", colour), (f"{name:<8}  ", ""), (state, colour), (f"  {layer.reason}", "")))
    if absent:
        shown.append(((f"◌ not computed: {', '.join(absent)} ({found.criteria[absent[0]].reason})", "dim"),))
    if found.price is not None:
        shown.append(((f"NUTS would take {told(found.price)}.", ""),))
    shown += [((f"  {flag}", "dim"),) for flag in found.flags]
    shown += [((f"  {f['variable']}: {f['what']}", "dim"),) for f in found.findings if f["severity"] != "note"]
    if found.fits["map"].status == "failed":
        return shown
    rows = _rows(found)
    more = len(found.table) - SCALARS
    rest: list[Line] = [((f"and {count(more)} more", "dim"),)] if more > 0 else []
    return [*shown, (("", ""),), *align(rows), *rest]


def _rows(found: Triage) -> list[list[str]]:
    """The scalars whose MAP lies furthest from the posterior mean, as far as importance sampling tells."""
    import math

    from ..formatting import figure, plain

    table = found.table
    # Rounding, of a mode or of a distance, is 0.
    near = 1e-9 * table["laplace_sd"].fillna(0.0)
    table = table.assign(
        **{key: table[key].where(~(table[key].abs() <= near), 0.0) for key in ("map", "mean", "mean_mcse")}
    )
    gaps = [abs(z) if math.isfinite(z) else -1.0 for z in table["z"]]
    order = sorted(range(len(table)), key=lambda i: -gaps[i])[:SCALARS]
    rows = [["scalar", "MAP", "PSIS mean", "PSIS sd", "Laplace sd", "z"]]
    for i in order:
        row = table.iloc[i]
        mean = str(figure(row["mean"], row["mean_mcse"]))
        sds = [plain(float(row[key]), 3) for key in ("sd", "laplace_sd")]
        rows.append(
            [str(table.index[i]), plain(float(row["map"]), 4), mean, *sds, str(figure(row["z"], row["z_mcse"]))]
        )
    return rows

"""What each engine showed and what is required of it; the section on diagnostics."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...formatting import NO_BREAK, NONE, THIN, count, fixed, plain
from ...results.sentence import by_nuts
from ..figures import Ranks
from ..parts import Cell, Column, Heading, Part, Prose, Row, Section, State, Table
from ..words import Name, Words, listed, mark, name, visible
from . import overview
from .scalars import NAN

if TYPE_CHECKING:
    from ...results.comparison import Comparison
    from ...results.fit import Fit

GATES = ("optimiser", "sampler")
#: Newton decrement below which its digits say nothing, nats.
ROUNDING = 1e-12
MODES = {"map": "MAP", "unconstrained_map": "unconstrained MAP", "mle": "MLE", "laplace": "Laplace"}
MODES |= {"marginal_map": "marginal MAP", "marginal_laplace": "marginal Laplace"}


@dataclass(frozen=True)
class Check:
    """One figure of an engine, with what is required of it."""

    name: str
    label: str
    shown: str
    unit: str
    required: str
    held: bool


def number(source: Mapping[str, Any], key: str) -> float:
    """A number out of diagnostics, NaN where it is missing or is none."""
    x = source.get(key)
    return float(x) if isinstance(x, int | float | np.number) and not isinstance(x, bool) else NAN


def sampler_checks(comparison: Comparison) -> list[Check]:
    """The sampler's figures that have a requirement, those that failed first; what is missing is left out."""
    return _checks(comparison, "sampler")


def optimiser_checks(comparison: Comparison) -> list[Check]:
    """The figures of the MAP's audit that have a requirement, those that failed first."""
    return _checks(comparison, "optimiser")


def _checks(comparison: Comparison, gate: str) -> list[Check]:
    found = {one["name"]: one for one in comparison.display.get("checks", {}).get(gate, ())}
    known = [(name, found[name]) for name in WRITTEN if name in found and not math.isnan(found[name]["figure"])]
    return sorted((Check(name, *WRITTEN[name](one), one["held"]) for name, one in known), key=lambda check: check.held)


#: Of each check its label, its figure, the unit, and what is required, in the order of the table.
WRITTEN: Mapping[str, Callable[[Mapping[str, Any]], tuple[str, str, str, str]]] = {
    "divergences": lambda c: (
        "Divergences",
        count(c["figure"]),
        f"of {count(c['total'])}" if c["total"] else "",
        f"at most {plain(100 * c['limit'])}{NO_BREAK}%",
    ),
    "r_hat": lambda c: ("Worst R-hat", fixed(c["figure"], 3), "", f"at most {c['limit']}"),
    "ess": lambda c: ("Smallest ESS", count(c["figure"]), "", f"at least {plain(c['limit'])}"),
    "e_bfmi": lambda c: ("Smallest E-BFMI", fixed(c["figure"], 2), "", f"at least {c['limit']}"),
    "starts": lambda c: (
        "Starts that agree",
        count(c["figure"]),
        f"of {count(c['total'])}",
        f"at least {count(c['limit'])}",
    ),
    "decrement": lambda c: ("Newton decrement", plain(c["figure"], 2), "nats", f"at most {plain(c['limit'])}"),
}


def agreement(fit: Fit) -> tuple[int, int]:
    """How many starts reached the mode, and how many there were; (0, 0) where it is not recorded."""
    starts = fit.diagnostics.get("starts")
    if isinstance(starts, Sequence) and starts and all(isinstance(s, Mapping) for s in starts):
        if any("same_mode" in s for s in starts):
            return sum(bool(s.get("same_mode")) for s in starts), len(starts)
        agree = number(fit.diagnostics, "starts_agree")
        return (0 if math.isnan(agree) else int(agree)), len(starts)
    return 0, 0


def section(comparison: Comparison, *, reproducible: bool) -> Section:
    """Build the section on the diagnostics of both engines."""
    fits = comparison.fits
    parts: list[Part] = []
    modes = {key: fits[key] for key in MODES if key in fits}
    if modes:
        parts += [Heading(("The modes",)), _modes(comparison, modes, reproducible)]
        parts += _starts(modes)
    nuts = fits.get("nuts")
    if nuts is not None:
        parts += [Heading(("The sampler",)), _sampler(comparison, nuts, reproducible)]
        if nuts.reasons:
            parts.append(Prose(_reasons(nuts), small=True))
        parts += _ranks(comparison)
    if not reproducible:
        parts += overview.cost(comparison)
    return Section(
        "diagnostics",
        "Diagnostics of both engines",
        (
            "There is a verdict only if the search for the MAP and the sampler pass every check. Each other mode has "
            "its own state: a Laplace approximation is sound where its Pareto k-hat is.",
        ),
        _finding(comparison),
        tuple(parts),
        link="Diagnostics",
    )


def _unchecked(comparison: Comparison) -> tuple[str, ...]:
    """What of the sampler could not be checked."""
    gate = comparison.verdict.layers.get("sampler")
    return () if gate is None else gate.unchecked


def _finding(comparison: Comparison) -> Words:
    gates = [layer for layer in comparison.verdict.layers.values() if layer.name in GATES]
    failed = [layer.name for layer in gates if str(layer.state) == "failed"]
    unchecked = _unchecked(comparison)
    if failed:
        return ("What failed: ", *listed(f"the {visible(n)}" for n in failed), ". Nothing is compared.")
    if unchecked:
        return (f"The draws came without what shows {' and '.join(unchecked)}; every other check was passed.",)
    if len(gates) < 2:
        return ("Not every check could be made; the table says which.",)
    return ("The search for the MAP and the sampler passed every check.",)


def _modes(comparison: Comparison, modes: Mapping[str, Fit], reproducible: bool) -> Table:
    rows = [
        Row(("state",), tuple(_status(comparison, key, fit) for key, fit in modes.items())),
        Row(("log density, each its own, nats",), tuple(_or_none(fit.log_density, 3) for fit in modes.values())),
        Row(("starts that agree",), tuple(_agreement(fit) for fit in modes.values())),
        Row(("Newton decrement, nats",), tuple(_decrement(fit) for fit in modes.values())),
        Row(
            ("smallest eigenvalue of the scaled Hessian",),
            tuple(_diagnostic(f, "eigenvalue_min") for f in modes.values()),
        ),
        Row(("its condition number",), tuple(_diagnostic(fit, "condition") for fit in modes.values())),
        Row(("on the boundary",), tuple(_names(fit, "boundary") for fit in modes.values())),
        Row(("at a kink",), tuple(_names(fit, "kink") for fit in modes.values())),
        Row(("Pareto k-hat",), tuple(_diagnostic(fit, "k_hat") for fit in modes.values())),
        Row(("optimiser",), tuple(_text(fit, "optimiser") for fit in modes.values())),
        Row(("evaluations with gradient",), tuple(_evaluations(fit) for fit in modes.values())),
    ]
    if not reproducible:
        seconds = tuple(_seconds(fit) for fit in modes.values())
        rows.append(Row(("time, seconds, compiling included",), seconds))
    rows = [row for row in rows if any(cell != NONE for cell in row.cells)]
    columns = (Column(("",)), *(Column((MODES[key],)) for key in modes))
    return Table("Audit of the modes", columns, tuple(rows))


def _starts(modes: Mapping[str, Fit]) -> list[Part]:
    parts: list[Part] = []
    for key, fit in modes.items():
        if fit.reasons:
            parts.append(Prose((f"{MODES[key][0].upper()}{MODES[key][1:]}: ", *_reasons(fit)), small=True))
    return parts


def _reasons(fit: Fit) -> Words:
    names = [str(n) for key in ("boundary", "kink") for n in fit.diagnostics.get(key) or ()]
    text = "; ".join(reason.text.rstrip(".") for reason in fit.reasons)
    return mark(f"{text}.", names)


def _sampler(comparison: Comparison, fit: Fit, reproducible: bool) -> Table:
    found, unchecked = fit.diagnostics, _unchecked(comparison)
    status = (
        State("unchecked", (f": {', '.join(unchecked)}",)) if unchecked and fit.ok else _status(comparison, "nuts", fit)
    )
    rows: list[Row] = [Row(("state",), (status, ""))]
    required = {check.name: check for check in sampler_checks(comparison)}
    for check in (required[key] for key in WRITTEN if key in required):
        label, shown = check.label[0].lower() + check.label[1:], f"{check.shown} {check.unit}".strip()
        if check.name == "e_bfmi":
            label = "E-BFMI, by chain"
            shown = ", ".join(fixed(x, 2) if not math.isnan(x) else NONE for x in _numbers(found.get("e_bfmi")))
        rows.append(Row((label,), (_held(check, shown), check.required)))
    steps = _numbers(found.get("step_size")) or _numbers(found.get("step_sizes"))
    if steps:
        rows.append(Row(("step size, by chain",), (", ".join(plain(x, 3) for x in steps), "")))
    labels = {
        "mean_tree": "tree depth, mean",
        "mean_tree_depth": "tree depth, mean",
        "mean_steps": "leapfrog steps, mean",
        "n_steps_mean": "leapfrog steps, mean",
        "target_accept": "target acceptance",
        "mean_accept": "acceptance, mean",
    }
    for key, label in labels.items():
        x = number(found, key)
        if not math.isnan(x):
            rows.append(Row((label,), (plain(x, 4), "")))
    counts = {"chains": "chains", "draws": "draws, each chain", "tune": "tuning, each chain", "thinning": "thinned by"}
    for key, label in counts.items():
        x = number(found, key)
        if not math.isnan(x) and (key != "thinning" or x > 1):
            rows.append(Row((label,), (count(x), "")))
    engine = [visible(str(found[key])) for key in ("engine", "backend") if found.get(key)]
    if engine:
        rows.append(Row(("engine",), (", ".join(engine), "")))
    if not reproducible:
        rows.append(Row(("time, seconds, compiling included",), (_seconds(fit), "")))
    return Table(
        "Sampler diagnostics",
        (Column(("",)), Column(("NUTS" if by_nuts(fit) else "draws",)), Column(("required",))),
        tuple(rows),
    )


def _ranks(comparison: Comparison) -> list[Part]:
    """Rank histograms and traces of the scalars whose chains agree least."""
    parts: list[Part] = []
    for found in comparison.display.get("ranks", ()):
        shown, counts, expected = name(found["name"]), np.array(found["counts"]), found["expected"]
        caption = (
            f"Above, counts of pooled ranks in {counts.shape[1]} bins, {plain(expected, 4)} expected in each; "
            "95\N{NO-BREAK SPACE}% of the counts fall inside the band if the chains mix. Below, the draws in order, on "
            "one scale: chains that mix look alike and have no trend."
        )
        band = (expected - found["half"], expected + found["half"])
        parts.append(Heading(("Ranks and trace of ", shown)))
        parts.append(Ranks(shown, counts, np.array(found["trace"]), expected, band, (caption,)))
    return parts


def _status(comparison: Comparison, key: str, fit: Fit) -> Cell:
    """The state of a fit, as the comparison has it."""
    state = comparison.display.get("engines", {}).get(key, "unchecked")
    if state == "sound":
        boundary = [name(n) for n in fit.diagnostics.get("boundary") or ()][:3]
        return State(state, (", on the boundary (", *listed(boundary), ")") if boundary else ())
    k_hat = number(fit.diagnostics, "k_hat")
    if state in ("failed", "undecided") and not math.isnan(k_hat):
        return State(state, (f": k-hat {plain(k_hat, 2)}",))
    return State(state)


def _held(check: Check, shown: str) -> Cell:
    return shown if check.held else State("failed", (f": {shown}",))


def _agreement(fit: Fit) -> str:
    agree, starts = agreement(fit)
    return f"{count(agree)} of {count(starts)}" if starts else NONE


def _diagnostic(fit: Fit, key: str) -> str:
    x = number(fit.diagnostics, key)
    return NONE if math.isnan(x) else plain(x, 3)


def _decrement(fit: Fit) -> str:
    """Below rounding its digits say nothing."""
    x = number(fit.diagnostics, "newton_decrement")
    return f"<{THIN}{plain(ROUNDING)}" if 0 <= x < ROUNDING else _diagnostic(fit, "newton_decrement")


def _evaluations(fit: Fit) -> str:
    return count(fit.evaluations) if fit.evaluations else NONE


def _text(fit: Fit, key: str) -> str:
    x = fit.diagnostics.get(key)
    return visible(x) if isinstance(x, str) and x else NONE


def _names(fit: Fit, key: str) -> Cell:
    """Names under a key of the diagnostics, the first eight of them."""
    found = fit.diagnostics.get(key)
    if not isinstance(found, Sequence) or isinstance(found, str) or not found:
        return NONE
    shown: list[str | Name] = [name(n) for n in found[:8]]
    return listed([*shown, f"{len(found) - 8} more"] if len(found) > 8 else shown)


def _numbers(x: object) -> list[float]:
    if isinstance(x, int | float | np.number) and not isinstance(x, bool):
        return [float(x)]
    if isinstance(x, Sequence | np.ndarray) and not isinstance(x, str):
        return [float(y) if isinstance(y, int | float | np.number) else NAN for y in x]
    return []


def _or_none(x: float, places: int) -> str:
    return fixed(x, places) if math.isfinite(x) else NONE


def _seconds(fit: Fit) -> str:
    return f"{fixed(fit.seconds + fit.compile_seconds, 2)}"

"""Method by model: how far each method is from the posterior, by k-hat and by cost, of comparisons that are there.

    python -m benchmarks.atlas [FILE ...] [--html OUT] [--json OUT]

FILE: pages (``reports/*.html`` by default), documents of ``compare --json``, or saved comparisons (``.nc``). Beside
them are posteriordb's posteriors, as ``benchmarks.references`` has kept them; nothing is sampled. Pages that were
written to be reproducible tell no times, their gradients stand. Markdown goes to stdout: how often each method is
enough, then a row for each method of each model; ``--html`` draws the page (``reports/atlas.html``), ``--json`` writes
a mapping of model to its rungs.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bayescompare as bc
from bayescompare.errors import ResultFileError
from bayescompare.formatting import NONE, counted, plain, powers
from bayescompare.metrics.verdict import Margins
from bayescompare.report import page_to_html
from bayescompare.report.figures import Axis, Panels, Plot, Series
from bayescompare.report.parts import Code, Column, Page, Row, Section, Table
from bayescompare.report.words import name as named
from bayescompare.results.ladder import LABELS, label

ROOT = Path(__file__).resolve().parent.parent
REFERENCES = Path(__file__).resolve().parent / "references.json"
STATES = ("same", "undecided", "differs", "not_computed")
type Rungs = Sequence[Mapping[str, Any]]

#: Ends of the figures' axes, as decadic logarithms: |z| in posterior sd, ratio of sds; what lies beyond is at the edge.
Z, RATIO = (-3.0, 2.0), (-0.05, 1.5)
COMMANDS = "python -m benchmarks.references\npython -m benchmarks.atlas --html reports/atlas.html"


@dataclass(frozen=True)
class Atlas:
    """Rungs by model: those of the gallery, and posteriordb's by our draws and by the reference's."""

    models: Mapping[str, Rungs]
    posteriors: Mapping[str, Rungs]
    reference: Mapping[str, Rungs]

    @property
    def everything(self) -> dict[str, Rungs]:
        return {**self.models, **self.posteriors}

    @property
    def methods(self) -> list[str]:
        """All but NUTS, in the order of the ladders."""
        found = dict.fromkeys(str(r["method"]) for rungs in self.everything.values() for r in rungs)
        return sorted((m for m in found if m != "nuts"), key=lambda m: [m.startswith(one) for one in LABELS][::-1])

    def referred(self, model: str, method: str) -> str:
        """What the reference draws say of a rung; nothing where there are none."""
        return next((str(r["enough"]) for r in self.reference.get(model, ()) if r["method"] == method), "")

    def checked(self) -> list[str]:
        """Of the rungs that are enough by our draws, what they are by the reference's."""
        return [
            self.referred(model, str(r["method"]))
            for model, rungs in self.posteriors.items()
            for r in rungs
            if r["method"] != "nuts" and r["enough"] == "same"
        ]


def read(path: Path) -> tuple[str, Rungs] | None:
    """A model's name and its ladder; None where the file is no comparison, or an earlier one without a ladder."""
    try:
        if path.suffix == ".json":
            document = json.loads(path.read_text(encoding="utf-8"))
            name, rungs = document["model"]["name"], document.get("ladder", ())
        else:
            found = bc.open(path)
            name = found.model["name"] if isinstance(found.model, Mapping) else found.model.name
            rungs = found.rungs
    except (ResultFileError, AttributeError, KeyError):
        return None
    return (str(name), rungs) if rungs else None


def gathered(files: Sequence[Path]) -> Atlas:
    kept = json.loads(REFERENCES.read_text(encoding="utf-8"))
    sides = ({name: found[key] for name, found in kept.items() if found[key]} for key in ("rungs", "reference"))
    return Atlas(dict(found for path in files if (found := read(path)) is not None), *sides)


def counts(atlas: Mapping[str, Rungs], methods: Sequence[str]) -> list[tuple[str, list[int]]]:
    """By method, of how many models it is there, and of how many enough, undecided, not enough, not to be judged."""
    found = []
    for method in methods:
        states = [str(r["enough"]) for rungs in atlas.values() for r in rungs if r["method"] == method]
        found.append((label(method), [len(states), *(states.count(state) for state in STATES)]))
    return found


def _figure(rung: Mapping[str, Any], layer: str) -> float:
    found = (rung.get(layer) or {}).get("figure")
    return math.nan if found is None else float(found)


def figures(r: Mapping[str, Any]) -> list[str]:
    """Location, spread, k-hat, elpd lost and gradients, as they are written."""
    lost = (r.get("elpd_loss") or {}).get("value")
    others = [math.nan if x is None else float(x) for x in (r.get("k_hat"), lost, r.get("gradients"))]
    return [plain(x, 2) for x in (_figure(r, "location"), _figure(r, "spread"), *others[:2])] + [plain(others[2], 6)]


def markdown(atlas: Atlas) -> str:
    told = [
        "| method | models | enough | undecided | not enough | a point, or failed |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    told += [f"| {m} | {' | '.join(map(str, n))} |" for m, n in counts(atlas.everything, atlas.methods)]
    told += ["", "| model | method | location, sd | spread, log ratio | k-hat | elpd lost | gradients | enough |"]
    told += ["|---|---|---:|---:|---:|---:|---:|---|"]
    for model, rungs in atlas.everything.items():
        for r in rungs:
            state = str(r["enough"]).replace("_", " ")
            told.append(f"| {model} | {label(str(r['method']))} | {' | '.join(figures(r))} | {state} |")
    return "\n".join(told)


# -- the page ------------------------------------------------------------------------------------


def cheaper(atlas: Atlas) -> list[str]:
    """Models for which a method of fewer gradients than NUTS is enough."""

    def any_of(rungs: Rungs) -> bool:
        most = next(r["gradients"] for r in rungs if r["method"] == "nuts")
        return any(r["enough"] == "same" and (r["gradients"] or 0) < most for r in rungs)

    return [model for model, rungs in atlas.everything.items() if any_of(rungs)]


def page(atlas: Atlas) -> Page:
    total, checked = len(atlas.everything), atlas.checked()
    against = checked.count("differs")
    sure = (
        f"By our NUTS draws {counted(len(checked), 'answer')} for posteriordb’s posteriors "
        f"{'are' if len(checked) != 1 else 'is'} enough; its reference draws contradict {against or 'none'} "
        f"of them, confirm {checked.count('same')}, and leave {checked.count('undecided')} undecided. The rule says "
        "“same” where a figure and two errors lie within the margin: at the margin it errs in about 2.3 of 100."
    )
    held = f"{counted(len(atlas.models), 'template')} of the gallery and {counted(len(atlas.posteriors), 'posterior')}"
    chosen = (
        "The templates were chosen because a MAP can fail on them, so these shares say nothing about models in general."
    )
    return Page(
        "Every method on every model",
        "Which method below NUTS is enough?",
        f"On {len(cheaper(atlas))} of {counted(total, 'model')}, something cheaper than NUTS is enough.",
        ((f"{held} of posteriordb. Cheaper: with fewer gradients of the density.",), (sure,), (chosen,)),
        (
            Section("methods", "Methods", (RULE,), (), (_counted(atlas),)),
            Section("map", "Location and spread", (), (), (_panels(atlas),), full=True),
            Section("table", "Method by model", (HOW,), (), (_table(atlas),), full=True),
            Section("code", "The code", (CODE,), (), (Code("Commands", COMMANDS),)),
        ),
        "Made by benchmarks/atlas.py from the reports beside it, without sampling.",
    )


RULE = (
    "Enough: the same in location and spread, and in the decision where a loss is named, for what the "
    "question asks for. A mode is a point and has no spread to be enough with. Importance weights are used where "
    "k-hat allows it."
)
HOW = (
    "The worst scalar of each: |z|, the distance of the means in posterior sd; the log ratio of the sds; k-hat of "
    "the importance weights; expected log predictive density lost; gradients of the density that it took. The last "
    "column judges by posteriordb’s reference draws, which are not of bayescompare."
)
CODE = "The first runs every method on posteriordb’s posteriors and keeps what it finds, the second makes this page."


def _counted(atlas: Atlas) -> Table:
    texts = ("method", "models", "enough", "undecided", "not enough", "a point, or failed")
    header = tuple(Column((text,), number=i > 0) for i, text in enumerate(texts))
    found = counts(atlas.everything, atlas.methods)
    return Table("Methods, counted", header, tuple(Row((m,), tuple(map(str, n))) for m, n in found))


def _panels(atlas: Atlas) -> Panels:
    drawn = []
    for method in atlas.methods:
        rungs = [r for rungs in atlas.everything.values() for r in rungs if r["method"] == method]
        known = [r for r in rungs if _figure(r, "location") > 0 and math.isfinite(_figure(r, "spread"))]
        if known:
            drawn.append(((label(method),), counted(len(known), "model"), _plot(method, known)))
    margins = Margins()
    said = (
        f"Each model at its worst scalars, on logarithmic axes; what lies beyond an axis stands at its end. The lines "
        f"are the margins, |z| = {plain(margins.location)} and a ratio of {plain(math.exp(margins.spread), 3)}."
    )
    key = (("same", "enough"), ("undecided", "undecided"), ("differs", "not enough"))
    return Panels("Distance from the posterior, by method", tuple(drawn), key, (said,))


def _plot(method: str, rungs: Rungs) -> Plot:
    margins, series = Margins(), []
    corner = math.log10(margins.location), margins.spread / math.log(10)
    series.append(Series("line", "post thin", (Z[0], corner[0], corner[0]), (corner[1], corner[1], RATIO[0])))
    for state in STATES[:3]:
        at = [r for r in rungs if r["enough"] == state]
        x = tuple(min(max(math.log10(_figure(r, "location")), Z[0]), Z[1]) for r in at)
        y = tuple(min(_figure(r, "spread") / math.log(10), RATIO[1]) for r in at)
        series.append(Series("marks", state, x, y))
    return Plot(
        f"Location and spread by {label(method)}",
        f"{counted(len(rungs), 'model')}.",
        Axis(*Z, "largest |z|", tuple(powers(*Z, 6))),
        Axis(*RATIO, "ratio of sds, or its inverse", tuple(powers(*RATIO, 5))),
        tuple(series),
        (),
    )


#: Words for a rung's state; a point, and what failed, has none.
WORDS = {"same": "enough", "undecided": "undecided", "differs": "no", "not_computed": NONE, "": ""}
COLUMNS = (
    "model",
    "method",
    "|z|",
    "log ratio of sds",
    "k-hat",
    "elpd lost",
    "gradients",
    "enough",
    "by the reference",
)


def _table(atlas: Atlas) -> Table:
    header = tuple(Column((text,), number=2 <= i < 7) for i, text in enumerate(COLUMNS))
    found = []
    for model, rungs in atlas.everything.items():
        for r in rungs:
            method = str(r["method"])
            theirs = "" if method == "nuts" else atlas.referred(model, method)
            cells = (label(method).removeprefix("the "), *figures(r), WORDS[str(r["enough"])], WORDS[theirs])
            found.append(Row((named(model),), cells))
    return Table("Every method on every model", header, tuple(found), big=True)


def document(atlas: Atlas) -> dict[str, Any]:
    """The table of the page with six digits of each number."""
    rows = []
    for model, rungs in atlas.everything.items():
        for r in rungs:
            values: list[Any] = [_figure(r, layer) for layer in ("location", "spread")]
            values += [r.get("k_hat"), (r.get("elpd_loss") or {}).get("value")]
            known = [None if x is None or not math.isfinite(x) else float(f"{x:.6g}") for x in values]
            theirs = atlas.referred(model, str(r["method"]))
            rows.append([model, r["method"], *known, r.get("gradients"), r["enough"], theirs])
    return {"table": {"columns": list(COLUMNS), "data": rows}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--html", type=Path)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    atlas = gathered(asked.files or sorted((ROOT / "reports").glob("*.html")))
    if asked.json:
        asked.json.write_text(json.dumps(atlas.everything, indent=1), encoding="utf-8")
    if asked.html:
        asked.html.write_text(page_to_html(page(atlas), document(atlas)), encoding="utf-8")
    print(markdown(atlas))


if __name__ == "__main__":
    main()

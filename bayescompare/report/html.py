"""The report as one HTML file, and its first screen as a fragment for notebooks.

The file loads nothing: its one style sheet and its one script are inside it, and a strict policy admits them by their
hashes alone. So there is no ``style`` attribute anywhere, and nothing that came from a model can become either.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from ..formatting import NO_BREAK, Number
from ..metrics.verdict import Margins
from .comparison.changes import changed
from .comparison.document import build
from .comparison.first_screen import first_screen
from .comparison.full_table import most_severe
from .comparison.scalars import read
from .figures import Sketch
from .parts import Page, State
from .svg import axes as plots
from .svg import colours, graphs, marks
from .svg import primitives as figures
from .svg.atlas import Point, atlas
from .words import Link, Name, plain_text

if TYPE_CHECKING:
    from ..results.comparison import Comparison
    from ..results.difference import Difference
    from ..results.draws import DrawsComparison
    from .gallery.index import Index, Origin
    from .study.rows import Study

#: Observations of a likelihood term up to which the page holds a number for each.
OBSERVATIONS = 200

WORDS = {"not_computed": "not computed", "none": "none exists"}


def to_html(comparison: Comparison, *, reproducible: bool = False, origin: Origin | None = None) -> str:
    """Render a comparison as one self-contained HTML page.

    Parameters
    ----------
    comparison : Comparison
    reproducible : bool
        Leave out times, platform and command, so that two runs with one seed give the same bytes.
    origin : Origin, optional
        The template it was made from: for a page of a gallery.

    Returns
    -------
    str
    """
    style = colours.rules() + _static("first.css") + _static("report.css")
    script = _static("report.js")
    page = _environment().get_template("report.html.j2")
    return page.render(
        report=build(comparison, reproducible=reproducible, origin=origin),
        policy=_policy(style, script),
        # The policy's hash is of the very text between the tags, and there is nothing of a model's in either.
        style=Markup(style),
        script=Markup(script),
        document=Markup(_embedded(comparison, reproducible)),
        origin=None if origin is None else Markup(_json(origin.record)),
    )


def fragment(comparison: Comparison) -> str:
    """Render the first screen for a notebook: without a script, with a style that touches nothing outside of it.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    str
    """
    # A notebook has styles of its own for tables and headings; a class thrice named outweighs them.
    style = colours.rules() + colours.notebook_rules() + _static("first.css").replace(".bc ", ".bc.bc.bc ")
    style = style.replace("@media (max-width", "@container (max-width")  # a cell is narrower than its page
    part = _environment().get_template("fragment.html.j2")
    return part.render(first=first_screen(comparison, read(comparison)), style=Markup(style))


def difference_to_html(found: Difference, names: tuple[str, str]) -> str:
    """Render how two comparisons differ: a page without a script.

    Parameters
    ----------
    found : Difference
    names : tuple of (str, str)
        What the two are called.

    Returns
    -------
    str
    """
    return _without_script("difference.html.j2", changed=changed(found, names))


def draws_to_html(found: DrawsComparison, names: tuple[str, str]) -> str:
    """Render how two sets of draws differ: a page without a script.

    Parameters
    ----------
    found : DrawsComparison
    names : tuple of (str, str)
        What the two are called.

    Returns
    -------
    str
    """
    from .draws import page

    return _without_script("draws.html.j2", page=page(found, names))


def _without_script(template: str, **data: Any) -> str:
    style = colours.rules() + _static("first.css") + _static("report.css")
    policy = _policy(style, "").replace(f"script-src '{_hash('')}'; ", "")
    return _environment().get_template(template).render(policy=policy, style=Markup(style), **data)


def index_to_html(index: Index) -> str:
    """Render the index of a gallery: a page that links its reports, and reads without its script.

    Parameters
    ----------
    index : Index

    Returns
    -------
    str
    """
    style = colours.rules() + _static("first.css") + _static("report.css") + _static("index.css")
    script = _static("index.js")
    page = _environment().get_template("index.html.j2")
    margins = Margins()

    def drawn(points: Sequence[Point]) -> Markup:
        return atlas(points, (margins.location, math.exp(margins.spread)))

    return page.render(
        index=index, atlas=drawn, policy=_policy(style, script), style=Markup(style), script=Markup(script)
    )


def page_to_html(page: Page, document: Mapping[str, Any]) -> str:
    """Render a page of sections, with the numbers that it shows inside it.

    Parameters
    ----------
    page : Page
    document : Mapping
        JSON-ready; its ``table``, of ``columns`` and ``data``, is what the page's buttons copy and save.

    Returns
    -------
    str
    """
    style, script = colours.rules() + _static("first.css") + _static("report.css"), _static("report.js")
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            page=page,
            policy=_policy(style, script),
            style=Markup(style),
            script=Markup(script),
            document=Markup(_json(document)),
        )
    )


def study_to_html(study: Study) -> str:
    """Render a study as one self-contained HTML page.

    Parameters
    ----------
    study : Study

    Returns
    -------
    str
    """
    from .study.downloads import document
    from .study.report import build

    built = build(study)
    style = colours.rules() + _static("first.css") + _static("report.css") + _static("study.css")
    script = _static("report.js")
    data = document(study, built.held, built.title.text, plain_text(built.sentence))
    page = _environment().get_template("study.html.j2")
    return page.render(
        study=built,
        policy=_policy(style, script),
        style=Markup(style),
        script=Markup(script),
        document=Markup(_json(data)),
    )


def _embedded(comparison: Comparison, reproducible: bool) -> str:
    """The comparison as JSON: what the page shows, and how much is left out.

    Where scalars are left out of the table they are left out of the modes' values and of the sensitivity too. The table
    names its columns once, as in pandas' orientation ``split``.
    """
    document: dict[str, Any] = comparison.to_dict(reproducible=reproducible)
    kept = {scalar.name for scalar in most_severe(read(comparison))}
    left_out = len(document["table"]) - len(kept)
    if left_out > 0:
        document["table"] = [row for row in document["table"] if row["name"] in kept]
        document["table_left_out"] = left_out
        document["path"] = {}
        for fit in document["fits"].values():
            for key in ("values", "mean", "sd", "standard_errors", "psis"):
                fit.pop(key, None)
        for part in set(document["sensitivity"]) & {"prior", "likelihood"}:
            document["sensitivity"][part] = {n: x for n, x in document["sensitivity"][part].items() if n in kept}
    columns = list(document["table"][0]) if document["table"] else []
    document["table"] = {"columns": columns, "data": [list(row.values()) for row in document["table"]]}
    for term, arrays in document["pointwise"].items():
        if len(arrays["observed"]) > OBSERVATIONS:
            document["pointwise"][term] = {"left_out": "too many observations for a page: --json and --save hold them"}
    return _json(document)


def _json(document: Mapping[str, Any]) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _policy(style: str, script: str) -> str:
    """Content-Security-Policy of the page: nothing from anywhere but this style and this script."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _static(file: str) -> str:
    return resources.files(__package__).joinpath("static", file).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("bayescompare.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.globals.update(
        figures=figures, graphs=graphs, marks=marks, plots=plots, word=lambda kind: WORDS.get(kind, kind)
    )
    environment.filters.update(words=words, number=number, cell=cell, string_of=plain_text)
    return environment


def words(parts: Any) -> Markup:
    """Render running text: names isolated from its direction, figures unbroken, all of it escaped."""
    if isinstance(parts, tuple):
        return Markup("").join(words(part) for part in parts)
    if isinstance(parts, Name):
        return Markup("<bdi>{}</bdi>").format(parts.text)
    if isinstance(parts, Number):
        return number(parts)
    if isinstance(parts, Link):
        return Markup('<a href="#{}">{}</a>').format(parts.section, words(parts.text))
    return escape(str(parts))


def number(x: Number, unit: str = "") -> Markup:
    """Render a figure with its error, and its unit after both."""
    value, error = escape(x.value), Markup("")
    if x.error:
        error = Markup(' <span class="pm">±{}{}</span>').format(NO_BREAK, x.error)
    if x.power:
        value = Markup("({}").format(value) if x.error else value
        error += Markup('{}<span class="pm">{}{}</span>').format(")" if x.error else "", NO_BREAK, x.power)
    after = Markup('<span class="u">{}{}</span>').format("" if unit == "×" and not x.error else NO_BREAK, unit)
    return value + error + (after if unit else Markup(""))


def cell(content: Any) -> Markup:
    """Render what stands in a cell of a table."""
    if isinstance(content, Sketch):
        return Markup('<span class="sk">{}</span>').format(figures.sketch(content))
    if isinstance(content, State):
        said = WORDS.get(content.kind, content.kind)
        if content.quiet:
            mark = Markup('<span class="gs c-{}">{}<span class="vh">{}: </span></span>')
            return mark.format(content.kind, marks.shape(content.kind), said) + words(content.after)
        mark = Markup('<span class="st {}">{}{}</span>')
        return mark.format(content.kind, marks.shape(content.kind), said) + words(content.after)
    return words(content)

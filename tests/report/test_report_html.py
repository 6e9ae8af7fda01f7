"""The page: self-contained, safe whatever a model's names hold, the same twice, small."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bayescompare.reasons import Code, Reason
from bayescompare.report import fragment, to_html
from bayescompare.report.svg.colours import DARK, LIGHT
from bayescompare.results.comparison import Comparison
from bayescompare.results.fit import Status
from tests.report import further
from tests.report.factory import STATES, Made, make

SECTIONS = [
    "location",
    "marginals",
    "prediction",
    "joint",
    "coordinates",
    "sensitivity",
    "asked",
    "table",
    "diagnostics",
    "methods",
    "glossary",
    "provenance",
]
TAGS = frozenset(
    re.findall(
        r"\w+",
        "html head meta title style body a div main span b p h1 h2 h3 h4 dl dt dd ul ol li table thead tbody tfoot tr "
        "th td svg line rect circle path text desc nav section header figure figcaption details summary pre bdi sup "
        "code footer script",
    )
)
ATTRIBUTES = frozenset(
    re.findall(
        r"[\w-]+",
        "lang charset http-equiv content name class href id aria-label aria-hidden role scope colspan data-l tabindex "
        "width height viewbox preserveaspectratio x y x1 x2 y1 y2 cx cy r d dx overflow type",
    )
)


class Page(HTMLParser):
    """What a parser finds: elements, attributes, the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self.words: list[str] = []
        self.open = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.open = tag
        if tag in self.raw:
            self.raw[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self.open = ""

    def handle_data(self, data: str) -> None:
        if self.open in self.raw:
            self.raw[self.open][-1] += data
        else:
            self.words.append(data)

    @property
    def document(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.raw["script"][0])
        return found

    @property
    def table(self) -> list[dict[str, object]]:
        """The table inside the page, a mapping a row."""
        found: Any = self.document["table"]
        return [dict(zip(found["columns"], row, strict=True)) for row in found["data"]]


def check(text: str) -> Page:
    """Nothing in the page but what we put there, and nothing that loads or runs."""
    page = Page(text)
    assert {tag for tag, _ in page.elements} <= TAGS
    for tag, attributes in page.elements:
        assert set(attributes) <= ATTRIBUTES, (tag, attributes)
        href = attributes.get("href")
        assert href is None or re.fullmatch(r"#[a-z]+(-\d+)?", href)
    assert len(page.raw["script"]) == 2
    assert len(page.raw["style"]) == 1
    return page


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_its_first_screen_and_all_sections(state: str) -> None:
    comparison = make(state)
    page = check(to_html(comparison))
    text = " ".join("".join(page.words).split())
    expected = SECTIONS[state == "no_verdict" :]  # then the forest stands on the first screen
    assert [a["id"] for tag, a in page.elements if tag == "section"] == expected
    assert comparison.model.question in text
    assert comparison.verdict.overall.opening in text
    assert comparison.verdict.overall.advice in text
    for layer in comparison.verdict.layers:
        assert layer in text
    order = [
        text.index(part) for part in (comparison.model.question, comparison.verdict.overall.opening, "What to do.")
    ]
    assert order == sorted(order)


MADE = [
    Made(shift=-1.1, boundary=True, laplace=False),
    Made(shift=-1.1, sd_exists=False),
    Made(shift=float("nan")),
    Made(shift=40.0, ratio=1000.0),
]


@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("k", [1, 2, 9, 10])
def test_odd_tables_render(made: Made, k: int) -> None:
    text = to_html(make("differs", k, made=made))
    check(text)
    assert not re.search(r"\bnan\b|\binf\b", text)


def test_a_boundary_is_written_as_the_bound() -> None:
    text = to_html(make("differs", made=MADE[0]))
    assert re.search(r'<bdi>tau</bdi></th>.*?data-l="MAP">0</td>', text, re.DOTALL)


def test_missing_keys_do_not_matter() -> None:
    comparison = make("same")
    bare = {key: dataclasses.replace(fit, diagnostics={}, draws=None) for key, fit in comparison.fits.items()}
    check(to_html(dataclasses.replace(comparison, fits=bare, settings={}, provenance={})))
    table = comparison.table[["map", "mean", "sd"]]
    check(to_html(dataclasses.replace(comparison, fits={}, table=table)))


def test_empty_data_and_curves_do_not_matter() -> None:
    comparison = make("same")
    none = np.empty((0, 0))
    curves = dataclasses.replace(comparison.curves, names=(), x=none, posterior=none, laplace=none, prior=none)
    page = check(to_html(dataclasses.replace(comparison, curves=curves, data=xr.Dataset())))
    assert "No marginal density could be drawn." in "".join(page.words)


def test_the_policy_admits_this_style_and_this_script_alone() -> None:
    page = check(to_html(make("same")))
    policy = next(a["content"] or "" for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))

    def hashed(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert rules == {
        "default-src": "'none'",
        "style-src": hashed(page.raw["style"][0]),
        "script-src": hashed(page.raw["script"][1]),
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_nothing_is_loaded_and_no_style_is_inline() -> None:
    text = to_html(make("differs"))
    assert "style=" not in text
    assert not re.search(r"https?://|url\(|@import|src=", text)


def test_two_renders_are_the_same_bytes() -> None:
    assert to_html(make("differs")) == to_html(make("differs"))


def test_reproducible_leaves_out_what_changes() -> None:
    comparison = make("differs")
    changed = {
        key: dataclasses.replace(fit, seconds=9.87, compile_seconds=6.54) for key, fit in comparison.fits.items()
    }
    provenance = dict(comparison.provenance) | {"started": "later", "seconds": 99.0, "command": "another"}
    other = dataclasses.replace(comparison, fits=changed, provenance=provenance)
    assert to_html(comparison) != to_html(other)
    text = to_html(comparison, reproducible=True)
    assert text == to_html(other, reproducible=True)
    for gone in ("03:04:05", "bayescompare compare eight", "time, seconds"):
        assert gone not in text


def test_the_page_is_small() -> None:
    assert len(to_html(make("differs", 18)).encode()) < 400_000


def test_a_long_table_is_thinned_by_severity_and_says_so() -> None:
    page = check(to_html(make("differs", 500)))
    text = "".join(page.words)
    assert "400\N{NO-BREAK SPACE}scalars of 500 left out" in text
    assert "theta[School 98]" in text
    assert "theta[School 99]" not in text
    assert page.table[-1]["name"] == "theta[School 98]"
    assert (len(page.table), page.document["table_left_out"]) == (100, 400)


def test_the_json_is_the_comparison() -> None:
    comparison = make("differs")
    page = check(to_html(comparison))
    assert {**page.document, "table": page.table} == json.loads(json.dumps(comparison.to_dict()))


HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "<img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' autofocus onfocus='alert(1)",
    "javascript:alert(1)",
    "</title></style><svg onload=alert(1)>",
    "]]><![CDATA[",
    "{{ 7*7 }}{% raw %}",
    "&lt;b&gt;&amp;",
    "\u202egnirts\u202c",
    "\u2028\u2029\x00\x1b[31m\r\n\t",
    "=HYPERLINK(1)",
    "x" * 400,
]


GROUP = {"count": 3, "known": 3, "worst_z": 0.1, "median": 0.1, "beyond": 0.1, "rms": 0.1}


def hostile(labels: list[str]) -> Comparison:
    """A comparison in which everything that is not ours is one of these strings."""
    comparison = make("differs", labels=labels, losses=True)
    first = labels[0]
    second = labels[-1]
    arrays = further.pointwise()
    total = further.prediction(arrays)
    for key in ("elpd_diff", "variance_discarded"):
        total["terms"]["y"][key] = further.figure(None, None, first)
    predicted = {**total, "terms": {first: total["terms"]["y"], f"{second}y": total["terms"]["y"]}}
    predicted["coverage_difference"] = further.figure(None, None, first)
    model = dataclasses.replace(
        comparison.model,
        name=first,
        title=first,
        question=first,
        description=first,
        finding=first,
        code=first,
        formulas=((first, first, "free"), (first, first, first)),
        fingerprint=first,
    )
    data = xr.Dataset(
        {first: ("dim", np.array([first, "b"])), f"{second}y": ("each", np.arange(8.0))},
        coords={"dim": [first, "c"], "each": [first, *"1234567"]},
    )
    sensitivity = further.sensitivity(labels, modes=False) | {"note": first}
    for one in sensitivity["prior"].values():
        one["mode"] = further.figure(None, None, first)
    joint = further.joint(3) | {"k_hat": further.figure(0.3, 0.01, first)}
    joint["basins"][0]["found_by"] = first
    named = Reason(Code.UNTYPED, (first,), {"text": first})
    path = dict(comparison.path) | {"reasons": [named.to_json()] * 21}
    findings = tuple(dict.fromkeys(("code", "severity", "variable", "what", "instead"), first) for _ in range(2))
    warned = tuple(one | {"severity": "warning"} for one in findings)
    mle = dataclasses.replace(comparison.fits["map"], status=Status.FAILED, reasons=(named,))
    comparison = dataclasses.replace(
        comparison,
        fits=dict(comparison.fits) | {"mle": mle},
        prediction=predicted,
        pointwise={first: arrays, f"{second}y": arrays},
        joint=joint,
        sensitivity=sensitivity,
        path=path,
        findings=(*findings, *warned),
        groups=({**GROUP, "name": first, "worst": second},),
    )
    fits = {
        key: dataclasses.replace(
            fit, reasons=(named,), diagnostics=dict(fit.diagnostics) | {"optimiser": first, "engine": first}
        )
        for key, fit in comparison.fits.items()
    }
    cost = {"arms": {first: {"compile_seconds": 1.0, "seconds": 1.0, "evaluations": None}}}
    provenance: dict[str, Any] = {
        "versions": {first: first},
        "platform": first,
        "command": first,
        "started": first,
        "seconds": 1.0,
    }
    provenance["cost"] = cost
    settings_ = dict(comparison.settings) | {"sampler": {first: first}}
    table = comparison.table.assign(reason=first)
    return dataclasses.replace(
        comparison, model=model, data=data, fits=fits, provenance=provenance, settings=settings_, table=table
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_text(text: str) -> None:
    rendered = to_html(hostile([text, "b", "c"]))
    check(rendered)
    assert "\u202e" not in rendered
    assert "\x1b" not in rendered


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=4, unique=True))
def test_any_names_are_text(labels: list[str]) -> None:
    labels = [label.encode("utf-8", "replace").decode() for label in labels]
    page = check(to_html(hostile(labels)))
    assert page.document["schema"] == "bayescompare/2"


def test_hostile_text_reaches_every_new_place() -> None:
    text = "".join(check(to_html(hostile(["<i>a</i>", "b", "c"]))).words)
    assert text.count("<i>a</i>") > 60


def test_ten_thousand_scalars_fit_and_say_what_was_left_out() -> None:
    comparison = make("differs", 3)
    rows = pd.concat([comparison.table] * 3334, ignore_index=True)[:10_000]
    rows.index = pd.Index([f"x[{i}]" for i in range(10_000)], name="name")
    text = to_html(dataclasses.replace(comparison, table=rows))
    assert len(text.encode()) < 5_000_000
    page = check(text)
    assert len(page.table) == 100
    assert page.document["table_left_out"] == 9_900
    assert "9,900\N{NO-BREAK SPACE}scalars of 10,000 left out" in "".join(page.words)


def test_markup_in_names_is_shown_as_text() -> None:
    page = check(to_html(make("differs", labels=["<b>bold</b>", "mu", "a & b"])))
    assert "<b>bold</b>" in "".join(page.words)
    assert "a & b" in "".join(page.words)


def test_the_fragment_has_no_script_and_a_style_that_stays_inside() -> None:
    text = fragment(make("differs"))
    page = Page(text)
    assert page.raw["script"] == []
    assert "style=" not in text
    assert not [a for _, a in page.elements if "href" in a or "id" in a]
    style = re.sub(r"/\*.*?\*/", "", page.raw["style"][0], flags=re.DOTALL)
    selectors = re.findall(r"(?:^|[{};])\s*([^{};@]+)\{", style)
    assert len(selectors) > 100
    for group in selectors:
        assert all(".bc" in selector for selector in group.split(",")), group


@pytest.mark.parametrize("state", STATES)
def test_fragments_render(state: str) -> None:
    assert make(state).verdict.overall.opening in fragment(make(state))


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_contrast(colours: dict[str, str]) -> None:
    for key, colour in colours.items():
        if key in ("bg", "panel", "rule", "zone", "post-fill"):
            continue
        assert contrast(colour, colours["bg"]) >= (3.0 if key == "axis" else 4.5), key


def test_light_and_dark_have_the_same_colours() -> None:
    assert list(LIGHT) == list(DARK)


def test_importing_the_report_costs_nothing() -> None:
    code = (
        "import sys, bayescompare.report; print([m for m in ('jinja2', 'numpy', 'pandas', 'pymc') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

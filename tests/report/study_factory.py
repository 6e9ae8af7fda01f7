"""Rows of studies made by hand, for every shape of grid that a report has to show.

No model was fitted: figures follow smooth curves with binomial or normal noise of the stated error.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bayescompare.report.study.rows import Asked, Ecdf, Focus, Study
from bayescompare.studies.measures import ecdf
from bayescompare.studies.summary import Measure

METHODS = ("mle_wald", "map_laplace", "psis_laplace", "nuts")
OFF = {"mle_wald": 1.6, "map_laplace": 1.0, "psis_laplace": 0.3, "nuts": 0.0}
GRIDS: dict[str, dict[str, tuple[Any, ...]]] = {
    "one": {"n": (5, 10, 20, 50, 100, 200, 500)},
    "two": {"groups": (3, 5, 10, 20, 50), "form": ("joint", "marginal", "gamma")},
    "words": {"template": ("eight_schools", "jellybeans", "rats", "wells", "seeds")},
    "none": {},
}


def study(
    grid: str | Mapping[str, tuple[Any, ...]] = "one",
    *,
    parameters: Sequence[str] = ("tau", "mu", "beta[x1]", "beta[x2]"),
    replicates: int = 200,
    failing: float = 0.0,
    words: Mapping[str, Any] | None = None,
    seed: int = 1,
    elpd: bool = False,
) -> Study:
    """Make a study; ``failing`` is the share of the first method's fits that failed, ``words`` are fields of Study."""
    varied = GRIDS[grid] if isinstance(grid, str) else grid
    rng = np.random.default_rng(seed)
    cells = [dict(zip(varied, values, strict=True)) for values in itertools.product(*varied.values())]
    rows = [row for i, cell in enumerate(cells) for row in _cell(cell, i, parameters, replicates, failing, rng)]
    rows += [row for i, cell in enumerate(cells) for row in _elpd(cell, i, replicates)] if elpd else []
    fits = len(cells) * len(METHODS) * replicates
    lost = round(failing * replicates) * len(cells)
    plan = Asked(
        target="models.py:regression",
        replicates=replicates,
        methods=METHODS,
        truth="prior",
        levels=(0.5, 0.9),
        seed=7,
        fits=fits,
        done=fits,
        failed=lost,
        toml='target = "models.py:regression"\nreplicates = 200\n',
        sampler={"draws": 500, "tune": 500, "chains": 2, "engine": "nutpie"},
        identity={"plan": "a" * 64, "the model's file": "b" * 64, "bayescompare": "0.1.0", "pymc": "6.4.0"},
        reasons=(("the likelihood has no maximum", lost),) if lost else (),
    )
    curves = tuple(_ecdf(cells[0], m, parameters[0], rng) for m in METHODS) if parameters else ()
    fields: dict[str, Any] = {"focus": None, **(words or {})}
    return Study(tuple(rows), (plan,), ecdfs=curves, **fields)


def size(cell: Mapping[str, Any], index: int) -> float:
    """How much data a made-up grid point has: its first number, else its place."""
    numbers = [v for v in cell.values() if isinstance(v, int | float)]
    return float(numbers[0]) if numbers else 5.0 * (index + 1)


def _cell(
    cell: Mapping[str, Any], index: int, parameters: Sequence[str], r: int, failing: float, rng: np.random.Generator
) -> list[Measure]:
    n = size(cell, index)
    rows = []
    for m in METHODS:
        lost = round(failing * r) if m == METHODS[0] else 0
        good = r - lost

        def add(parameter: str, measure: str, value: float, error: float, *, by: str = m, n: int = good) -> None:
            rows.append(Measure(cell, by, parameter, measure, value, error, n, r - n))

        def share(parameter: str, measure: str, p: float, *, of: int = good) -> None:
            count = int(rng.binomial(of, min(max(p, 0.0), 1.0)))
            a, b = count + 0.5, of - count + 0.5
            add(parameter, measure, count / of, math.sqrt(a * b / ((a + b) ** 2 * (a + b + 1))), n=of)

        for j, name in enumerate(parameters):
            off = OFF[m] / (1 + j) / math.sqrt(n)
            scale = 3.0**j / math.sqrt(n)
            for level in (0.5, 0.9):
                share(name, f"coverage_{100 * level:g}", level - 0.5 * off)
                width = 3.3 * level * scale * (1 - 0.3 * off)
                add(name, f"width_{100 * level:g}", width, 0.02 * width)
            error = scale / math.sqrt(good)
            add(name, "bias", -off * scale + error * float(rng.standard_normal()), error)
            add(name, "rmse", scale * math.sqrt(1 + off**2), 0.7 * error)
            add(name, "sd", scale * (1 - 0.3 * off), 0.02 * scale)
            add(name, "sbc_p", float(rng.uniform()), 0.007)
            add(name, "sbc_distance", 0.1 * off + 0.02, 0.01)
            if m != "nuts":
                add(name, "shift", -off + 0.01 * float(rng.standard_normal()), 0.01)
                add(name, "sd_ratio", math.exp(-0.3 * off), 0.01)
                add(name, "regret_absolute", 0.1 * off * scale, 0.3 * error)
        share("", "failed", 0.0, of=r)
        if m == METHODS[0]:
            rows[-1] = Measure(cell, m, "", "failed", lost / r, 0.01, r, 0)
        share("", "suspect", 0.1 * OFF[m], of=r)
        add("", "seconds", (0.002 if m != "nuts" else 0.5) * math.sqrt(n), 0.001)
        if m != "nuts":
            same = 1 - OFF[m] / math.sqrt(n) / 2
            for layer in ("location", "spread"):
                share("", f"{layer}_same", same)
                share("", f"{layer}_differs", 0.7 * (1 - same))
                share("", f"{layer}_undecided", 0.3 * (1 - same))
    return rows


def _elpd(cell: Mapping[str, Any], index: int, r: int) -> list[Measure]:
    """Elpd of each method, and what it is below that of NUTS."""
    n, rows = size(cell, index), []
    for m in METHODS:
        for measure in ("elpd", "elpd_plugin"):
            if m in {"elpd": METHODS[1:], "elpd_plugin": METHODS[:2]}[measure]:
                lost = OFF[m] / n
                rows.append(Measure(cell, m, "", measure, -1.4 * n - lost, 0.1, r, 0))
                rows += [Measure(cell, m, "", f"{measure}_diff", lost, 0.1 / n, r, 0)] if m != "nuts" else []
    return rows


def _ecdf(cell: Mapping[str, Any], method: str, parameter: str, rng: np.random.Generator) -> Ecdf:
    found = ecdf(rng.beta(1, 1 + 0.5 * OFF[method], 200))
    return Ecdf(cell, method, parameter, *(tuple(map(float, found[k])) for k in ("z", "ecdf", "lower", "upper")))


FOCUSES = (
    Focus("coverage_90", "map_laplace"),
    Focus("location_same", "map_laplace"),
    Focus("sd_ratio", "map_laplace", "tau"),
    Focus("bias", "map_laplace", "tau"),
    Focus("shift", "psis_laplace"),
    Focus("rmse", "nuts", "mu"),
)

"""A comparison made by hand, with all that is hard to store: shapes, coordinates, odd names, NaN, infinity."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from bayescompare.metrics.table import Marginals, table
from bayescompare.metrics.verdict import Layer, Overall, State, Verdict
from bayescompare.reasons import Code, Reason, told
from bayescompare.results.comparison import Comparison, Curves, ModelInfo
from bayescompare.results.fit import Fit, Status

CHAINS, DRAWS = 4, 50
SCHOOLS = ("Ärger/Ost", 'the "best"', "it's")
LAYOUT = {
    "variables": {
        "mu": {"shape": [], "dims": []},
        "σ/noise": {"shape": [], "dims": []},
        "theta": {"shape": [3, 2], "dims": ["school/year", "term"]},
        "free": {"shape": [2], "dims": []},
    },
    "coords": {"school/year": list(SCHOOLS), "term": ["1", "2"], "unused": ["a"]},
}
NAMES = (
    "mu",
    "σ/noise",
    *(f"theta[{school}, {term}]" for school in SCHOOLS for term in (1, 2)),
    "free[0]",
    "free[1]",
)


def make() -> Comparison:
    k = len(NAMES)
    rng = np.random.default_rng(1)
    draws = rng.standard_normal((CHAINS, DRAWS, k))
    draws[..., 2] = 4.0  # a constant
    draws[..., 3] *= 1e-12
    draws[..., 4] *= 1e12
    points = rng.standard_normal(k)
    points[5] = np.nan
    laplace = rng.standard_normal((1, 40, k))
    columns, reasons = table(Marginals(draws, points, 2 * points, np.full(k, np.nan), laplace[0], None))
    frame = pd.DataFrame(
        {
            "kind": np.array(["free"] * (k - 1) + ["derived"], dtype=object),
            "boundary": np.arange(k) == 1,
            **columns,
            "reason": np.array([str(one or "") for one in reasons], dtype=object),
        },
        index=list(NAMES),
    )
    frame.index.name = "name"
    return Comparison(
        model=_model(),
        fits=_fits(points, laplace, draws, rng),
        table=frame,
        verdict=_verdict(),
        curves=Curves(NAMES[:2], rng.random((2, 7)), rng.random((2, 7)), rng.random((2, 7)), np.full((2, 7), np.nan)),
        data=xr.Dataset(
            {"y/obs": (("school/year", "row"), rng.integers(0, 9, (3, 4)))},
            coords={"school/year": np.array(SCHOOLS, dtype=object)},
        ),
        settings={"seed": 1, "interval": 0.94, "margins": {"location": 0.2}, "sampler": {"target_accept": None}},
        provenance={
            "cost": {},
            "versions": {"bayescompare": "0.1.0"},
            "platform": "a platform",
            "command": "a command",
            "started": "2026-01-02T03:04:05Z",
            "seconds": 1.5,
        },
        layout=LAYOUT,
    )


def _model() -> ModelInfo:
    return ModelInfo(
        name="hand-made",
        title="Größe & <Gewicht>",
        question="What\nfor?",
        description="One.\n\nTwo: \\alpha 'quoted' \"twice\".",
        finding="",
        code="def f():\n\treturn '∕'\n",
        formulas=(("mu", "Normal(0, 5)", "free"), ("y/obs", "Normal(mu, σ/noise)", "observed")),
        free=("mu", "σ/noise", "theta"),
        parameters=8,
        observations=12,
        fingerprint="ab12",
    )


def _fits(points: np.ndarray, laplace: np.ndarray, draws: np.ndarray, rng: np.random.Generator) -> dict[str, Fit]:
    unconstrained = points.copy()
    unconstrained[1] = -np.inf
    search = {
        "boundary": ["σ/noise"],
        "starts": [{"kind": "initial", "log_density": -np.inf}],
        "newton_decrement": 1e-17,
    }
    times = {"seconds": 0.5, "compile_seconds": 0.25, "evaluations": 17}
    return {
        "map": Fit(
            "map",
            Status.OK,
            (Reason(Code.ON_BOUNDARY, ("σ/noise",)),),
            NAMES,
            points,
            unconstrained,
            -3.25,
            None,
            None,
            {},
            search,
            **times,
        ),
        "unconstrained_map": Fit(
            "unconstrained_map", Status.FAILED, (Reason(Code.RIDGE, ("tau",)),), NAMES, np.full(len(NAMES), np.nan)
        ),
        "laplace": Fit(
            "laplace",
            Status.OK,
            (),
            NAMES,
            laplace.mean(axis=(0, 1)),
            points,
            -4.0,
            laplace,
            laplace + 1,
            {},
            {"sd": {"mu": 1.0}},
            **times,
        ),
        "nuts": Fit(
            "nuts",
            Status.OK,
            (),
            NAMES,
            draws.mean(axis=(0, 1)),
            None,
            np.nan,
            draws,
            draws - 1,
            {"diverging": rng.random((CHAINS, DRAWS)) < 0.1, "energy": rng.random((CHAINS, DRAWS))},
            {"chains": CHAINS, "draws": DRAWS, "divergences": 3},
            **times,
        ),
    }


def _verdict() -> Verdict:
    layers = {
        "optimiser": Layer("optimiser", State.SOUND, told("best of 16 starts; 16 found it"), 1e-17),
        "sampler": Layer("sampler", State.SOUND, told("R-hat ≤ 1.003"), 1.003, None, 1.01, "mu"),
        "location": Layer("location", State.UNDECIDED, told("mu: z = 0.2"), 0.2, 0.01, 0.2, "mu", 10, 0, 1, None, True),
        "spread": Layer("spread", State.NOT_COMPUTED, told("no Laplace")),
    }
    return Verdict(Overall(State.UNDECIDED, "Cannot tell yet.", "The MAP of mu …", "More draws.", "location"), layers)

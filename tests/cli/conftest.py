"""A library that answers at once, for tests of what the command line does with its answers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner, Result

import bayescompare.workflow.compare
import bayescompare.workflow.fitting
from bayescompare.cli import program
from bayescompare.metrics.verdict import Layer, Overall, State, Verdict
from bayescompare.reasons import told
from bayescompare.results.comparison import Comparison, Curves, ModelInfo
from bayescompare.results.fit import Fit, Status

MODEL = """
import pymc as pm

def model(data=None, *, scale=1.0):
    with pm.Model() as m:
        x = pm.Normal("x", 0.0, scale)
        pm.Normal("y", x, 1.0, observed=[1.0, 2.0] if data is None else data["y"])
    return m
"""


class Answer(Comparison):
    """A comparison whose files are short."""

    def to_html(self, path: Any, *, reproducible: bool = False) -> None:
        Path(path).write_text(f"<!doctype html> {reproducible}", encoding="utf-8")

    def save(self, path: Any) -> None:
        Path(path).write_bytes(b"netcdf")


def answer() -> Answer:
    """What is said of eight schools, cut short."""
    names = ("mu", "tau", "theta[Choate]")
    fit = Fit("map", Status.OK, (), names, np.array([4.6, 0.0, 4.6]), diagnostics={"boundary": ["tau"]})
    table = pd.DataFrame(
        {
            "map": [4.62, 0.0, 4.62],
            "mean": [4.41, 3.624, 6.217],
            "mcse_mean": [0.04, 0.05, np.nan],
            "eti_lb": [-1.76, 0.121, -3.0],
            "eti_ub": [10.6, 10.09, 17.0],
            "z": [0.063, -1.14, np.nan],
            "z_mcse": [0.012, 0.04, np.nan],
            "rank": [0.5, 0.0, 0.45],
        },
        index=list(names),
    )
    empty = np.empty((0, 0))
    return Answer(
        ModelInfo("eight_schools", "Eight schools", "?", "", "", "", (), ("mu", "tau"), 10, 8, "f"),
        {"map": fit, "nuts": replace(fit, method="nuts")},
        table,
        Verdict(
            Overall(State.DIFFERS, "No.", "The MAP sets tau to 0, 1.14 ± 0.04 sd below the mean.", "Report NUTS."),
            {
                "optimiser": Layer("optimiser", State.SOUND, told("16 of 16 starts")),
                "sampler": Layer("sampler", State.SOUND, told("R-hat 1.00")),
                "decision": Layer("decision", State.NOT_COMPUTED, told("no loss named")),
                "location": Layer("location", State.DIFFERS, told("tau: z = −1.14 ± 0.04")),
                "spread": Layer("spread", State.SAME, told("")),
                "coordinates": Layer("coordinates", State.UNDECIDED, told("mu")),
                "joint": Layer("joint", State.NOT_COMPUTED, told("not asked")),
            },
        ),
        Curves((), empty, empty, empty, empty),
        xr.Dataset(),
        {"interval": 0.94, "seed": 0},
        {"seconds": 1.5, "seed": 0},
    )


@dataclass
class Library:
    """Stands in for comparisons and fits; keeps what it was asked."""

    result: Any = None
    asked: list[dict[str, Any]] = field(default_factory=list)

    def run(self, target: Any, **options: Any) -> Any:
        return self._answer(target, options)

    def fit(self, target: Any, method: str, **options: Any) -> Any:
        return self._answer(target, {**options, "method": method})

    def _answer(self, target: Any, options: dict[str, Any]) -> Any:
        print("what a library prints")
        self.asked.append({"target": target, **options})
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    library = Library(answer())
    monkeypatch.setattr(bayescompare.workflow.compare, "run", lambda *given, **named: library.run(*given, **named))
    monkeypatch.setattr(bayescompare.workflow.fitting, "fit", lambda *given, **named: library.fit(*given, **named))
    return library


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A model's file."""
    path = tmp_path / "mine.py"
    path.write_text(MODEL, encoding="utf-8")
    return str(path)


def call(*arguments: object) -> Result:
    """Run the program within this process."""
    return CliRunner().invoke(program, [str(argument) for argument in arguments])


@pytest.fixture
def run() -> Any:
    return call

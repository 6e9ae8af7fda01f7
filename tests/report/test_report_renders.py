"""Rendering computes nothing and judges nothing: a report is made of a saved file, without what computes."""

from __future__ import annotations

import ast
import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import xarray as xr

import bayescompare as bc
import bayescompare.report
from bayescompare.metrics import thresholds
from bayescompare.report import to_html
from bayescompare.results.comparison import Comparison
from bayescompare.results.display import displayed
from tests.block_pymc import BLOCKED
from tests.report.factory import make

COMPUTING = sorted(BLOCKED | {"scipy", "numba", "arviz", "arviz_base", "arviz_stats", "arviz_plots", "sklearn"})

#: Thresholds whose values mean nothing else.
JUDGING = (
    *(thresholds.R_HAT_MAX, thresholds.ESS_MIN, thresholds.DIVERGENCES_MAX, thresholds.DECREMENT_MAX),
    *(thresholds.K_HAT_MAX, thresholds.MOVED),
)


def test_a_saved_comparison_is_rendered_without_what_computes(tmp_path: Path) -> None:
    comparison = make("differs", losses=True)
    u = np.random.default_rng(1).normal(size=(4, 250, 2))
    nuts = dataclasses.replace(comparison.fits["nuts"], unconstrained_draws=u)
    model = dataclasses.replace(comparison.model, parameters=2)
    comparison = displayed(dataclasses.replace(comparison, fits={**comparison.fits, "nuts": nuts}, model=model))
    comparison.save(tmp_path / "saved.nc")
    code = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {COMPUTING}:
            raise ModuleNotFoundError(f"No module named {{name!r}}: it computes", name=name)
sys.meta_path.insert(0, Blocked())
import bayescompare as bc
bc.open({str(tmp_path / "saved.nc")!r}).to_html({str(tmp_path / "page.html")!r})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == to_html(comparison)


def test_a_file_of_an_earlier_version_is_given_what_it_lacks(tmp_path: Path) -> None:
    comparison = make("differs")
    comparison.save(tmp_path / "saved.nc")
    with xr.open_datatree(tmp_path / "saved.nc", engine="h5netcdf") as tree:
        tree.load()
    meta = json.loads(tree.attrs["bayescompare"])
    del meta["display"]
    tree.attrs["bayescompare"] = json.dumps(meta)
    tree.to_netcdf(tmp_path / "earlier.nc", engine="h5netcdf")
    found = bc.open(tmp_path / "earlier.nc")
    assert isinstance(found, Comparison)
    assert found.display == comparison.display
    assert to_html(found) == to_html(comparison)


def test_the_report_has_no_threshold_of_its_own() -> None:
    """Nothing is compared with a fraction that is written there, and no threshold has a second home."""
    root = Path(bayescompare.report.__file__).parent
    wrong = []
    for path in (path for path in sorted(root.rglob("*.py")) if "svg" not in path.parts):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
            compared = {one.value for side in sides for one in ast.walk(side) if isinstance(one, ast.Constant)}
            fractions = {x for x in compared if isinstance(x, float)} - {0.0, 1.0}
            if fractions or (isinstance(node, ast.Constant) and node.value in JUDGING):
                wrong.append(f"{path.relative_to(root)}, line {getattr(node, 'lineno', 0)}: {ast.unparse(node)[:80]}")
    assert wrong == []

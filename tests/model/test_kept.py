"""What compilers keep on disk: where, how much, and the switch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bayescompare.model import kept


def test_the_oldest_go_first_and_others_stay(tmp_path: Path) -> None:
    for age, name in enumerate(["new.nbc", "old.nbc", "other.txt", "oldest.nbc"]):
        (tmp_path / name).write_bytes(bytes(100))
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    kept.trim(tmp_path, "*.nbc", limit=150)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.nbc", "other.txt"]
    kept.trim(tmp_path / "not there", "*", limit=0)


def test_the_switch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("BAYESCOMPARE_CACHE", "0")
    assert (kept.allowed(), kept.folder("jax")) == (False, None)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.delenv("BAYESCOMPARE_CACHE")
    assert kept.folder("jax") is not None


SAMPLED = """
import warnings; warnings.simplefilter("ignore")
import pymc as pm
from bayescompare.methods import machine_code
from bayescompare.model.problem import Problem
with pm.Model() as model:
    pm.Normal("y", pm.Normal("mu"), {sd}, observed=pm.Data("d", {data}))
print(machine_code.compiled(Problem(model).density)[0].cache_hits)
"""


def test_a_second_process_compiles_nothing_for_the_same_graph_and_other_data(tmp_path: Path) -> None:
    def hits(**model: object) -> str:
        flags = {"PYTENSOR_FLAGS": f"base_compiledir={tmp_path}"}
        command = [sys.executable, "-c", SAMPLED.format(**model)]
        done = subprocess.run(command, env={**os.environ, **flags}, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    assert hits(sd=1.0, data=[1.0, 2.0]) == "0"
    assert hits(sd=1.0, data=[5.0, 7.0]) == "1"
    assert hits(sd=2.0, data=[5.0, 7.0]) == "0"
    assert hits(sd=1.0, data=[5.0, 7.0, 9.0]) == "0"

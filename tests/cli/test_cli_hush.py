"""What libraries warn, log or write to the error stream is shown by --debug alone; what we say is always shown."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MODEL = """
import logging, os, warnings
import numpy as np
import pymc as pm

def model():
    warnings.warn("a library warns", UserWarning)
    logging.getLogger("some.library").warning("a library logs")
    os.write(2, b"thread panicked at compiled code\\n")
    with pm.Model() as built:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Normal("y", x, 1.0, observed=np.zeros(3))
    return built
"""
NOISE = ("a library warns", "a library logs", "panicked")


@pytest.mark.parametrize("debug", [False, True])
def test_libraries_are_heard_by_debug_alone(tmp_path: Path, debug: bool) -> None:
    file = tmp_path / "noisy.py"
    file.write_text(MODEL, encoding="utf-8")
    command = [sys.executable, "-m", "bayescompare.cli", "fit", f"{file}:model", "--method", "map", "--draws", "10"]
    done = subprocess.run([*command, *(["--debug"] if debug else [])], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [words in done.stderr for words in NOISE] == [debug] * 3
    assert "--draws changes nothing for map" in done.stderr  # our own warning
    assert "map: ok" in done.stdout


def test_errors_are_told_and_the_stream_comes_back() -> None:
    code = """
import os, sys
from bayescompare.cli import program
try:
    program.main(["fit", "no_such_template", "--method", "map"])
except SystemExit as end:
    os.write(2, f"code {end.code}".encode())
print(" and on", file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "no_such_template" in done.stderr
    assert done.stderr.rstrip().endswith("code 2 and on")

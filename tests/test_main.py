"""``python -m bayescompare`` is the program."""

from __future__ import annotations

import subprocess
import sys

import bayescompare


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bayescompare", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_answers() -> None:
    done = run("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert bayescompare.__version__ in done.stdout


def test_its_exit_code_is_the_programs() -> None:
    done = run("compare", "no_such_template")
    assert done.returncode == 2
    assert "no_such_template" in done.stderr

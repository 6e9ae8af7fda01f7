"""README's examples run, in order, in one folder; what README lists is what there is.

A fenced block is run if it is ``python`` (all of them make one script) or ``console`` (its ``$ bayescompare`` lines).
An HTML comment directly before a block says otherwise: ``<!-- file: NAME -->`` writes it to that file,
``<!-- not run: reason -->`` leaves it out.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(
    r"(?:^<!-- (?P<note>[^\n]*?) -->\n)?^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, the line its text begins on, and the comment before it."""

    language: str
    body: str
    line: int
    note: str


def blocks(text: str) -> list[Block]:
    return [
        Block(m["language"], m["body"], text.count("\n", 0, m.start("body")) + 1, m["note"] or "")
        for m in BLOCK.finditer(text)
    ]


def run(command: list[str], folder: Path) -> str:
    """Standard output of a command that must succeed; the environment's programs come first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "COLUMNS": "120"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def text() -> str:
    return README.read_text(encoding="utf-8")


def test_examples_run(text: str, tmp_path: Path) -> None:
    script = ""
    ran = 0
    for block in blocks(text):
        if block.note.startswith("not run: "):
            continue
        if block.note.startswith("file: "):
            (tmp_path / block.note.removeprefix("file: ")).write_text(block.body, encoding="utf-8")
        elif block.language == "python":
            # Every line stands where it stands in README, so that a traceback names README's lines.
            script += "\n" * (block.line - 1 - script.count("\n")) + block.body
        elif block.language == "console":
            for line in block.body.splitlines():
                if line.startswith("$ bayescompare "):
                    run(["bash", "-c", line.removeprefix("$ ")], tmp_path)
                    ran += 1
    assert ran
    assert script
    (tmp_path / "README.py").write_text(script, encoding="utf-8")
    run([sys.executable, "README.py"], tmp_path)
    for name in re.findall(
        r"--(?:report|json) (\S+)", "".join(b.body for b in blocks(text) if b.language == "console")
    ):
        assert (tmp_path / name).stat().st_size > 0, name


def test_every_block_is_run_or_says_why_not(text: str) -> None:
    silent = [
        f"line {block.line}"
        for block in blocks(text)
        if block.language not in {"python", "console"} and not block.note.startswith(("not run: ", "file: "))
    ]
    assert silent == []
    assert text.count("\n```") == 2 * len(blocks(text))


def test_templates_table_is_the_registry(text: str, tmp_path: Path) -> None:
    table = re.search(r"<!-- templates -->\n((?:\|.*\n)+)", text)
    assert table is not None
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1].splitlines()[2:]]
    registry = json.loads(run(["bayescompare", "models", "--json"], tmp_path))
    assert rows == [
        [f"`{each['name']}`", f"{each['parameters']:,}", f"{each['observations']:,}", each["finding"]]
        for each in registry
    ]


def test_make_targets_exist(text: str) -> None:
    makefile = (README.parent / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"\bmake ([a-z-]+)(?=`|  )", text))
    assert targets >= {"demo", "test"}
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


def test_files_named_exist(text: str) -> None:
    named = re.findall(r"`((?:models|tests|bayescompare|requirements|benchmarks|reports|\.ci)/[\w./-]*)`", text)
    assert [name for name in named if not (README.parent / name).exists()] == []


def test_blocks_are_found_with_line_and_note() -> None:
    sample = "a\n\n<!-- file: b.py -->\n```python\nx = 1\n```\n\n```console\n$ c\n```\n"
    assert blocks(sample) == [Block("python", "x = 1\n", 5, "file: b.py"), Block("console", "$ c\n", 9, "")]

"""The examples of README and docs run, those of a page in order and in one folder; what they list is what there is.

A fenced block is run if it is ``python`` (all of them make one script) or ``console`` (its ``$ bayescompare`` lines).
An HTML comment directly before a block says otherwise: ``<!-- file: NAME -->`` writes it to that file,
``<!-- not run: reason -->`` leaves it out. Directives in braces are the documentation site's.
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

import bayescompare

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"(?:^<!-- (?P<note>[^\n]*?) -->\n)?^```(?P<language>[^\n`]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
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


def examples(page: Path) -> list[Block]:
    """The blocks of a page that are to be run or written to a file."""
    found = blocks(page.read_text(encoding="utf-8"))
    return [block for block in found if not block.note.startswith("not run: ")]


def identifier(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", [page for page in PAGES if examples(page)], ids=identifier)
def test_examples_run(page: Path, tmp_path: Path) -> None:
    script = ""
    for block in examples(page):
        if block.note.startswith("file: "):
            (tmp_path / block.note.removeprefix("file: ")).write_text(block.body, encoding="utf-8")
        elif block.language == "python":
            # Every line stands where it stands in the page, so that a traceback names the page's lines.
            script += "\n" * (block.line - 1 - script.count("\n")) + block.body
    commands = [
        line.removeprefix("$ ")
        for block in examples(page)
        if block.language == "console"
        for line in block.body.splitlines()
        if line.startswith("$ bayescompare ")
    ]
    for command in commands:
        run(["bash", "-c", command], tmp_path)
    (tmp_path / "page.py").write_text(script, encoding="utf-8")
    run([sys.executable, "page.py"], tmp_path)
    for name in re.findall(r"--(?:report|json) (\S+)", "\n".join(commands)):
        assert (tmp_path / name).stat().st_size > 0, name


def test_readme_and_docs_have_examples() -> None:
    assert {identifier(page) for page in PAGES if examples(page)} >= {"README.md", "docs/questions.md"}


@pytest.mark.parametrize("page", PAGES, ids=identifier)
def test_every_block_is_run_or_says_why_not(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    silent = [
        f"line {block.line}"
        for block in blocks(text)
        if block.language not in {"python", "console"}
        and not block.language.startswith("{")  # a directive of the documentation site, whose build runs it
        and not block.note.startswith(("not run: ", "file: "))
    ]
    assert silent == []
    assert text.count("\n```") == 2 * len(blocks(text))


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "tutorials").glob("*.md")), ids=identifier)
def test_tutorials_run(page: Path, tmp_path: Path) -> None:
    cells = [block.body for block in blocks(page.read_text("utf-8")) if block.language == "{code-cell} python"]
    (tmp_path / "page.py").write_text("\n".join(["import matplotlib\nmatplotlib.use('Agg')", *cells]), encoding="utf-8")
    run([sys.executable, "page.py"], tmp_path)


def test_the_reference_has_every_public_name() -> None:
    pages = "\n".join(page.read_text("utf-8") for page in (ROOT / "docs" / "reference").glob("*.md"))
    named = re.findall(r"^\.\. auto(?:function|class):: (\w+)$", pages, re.MULTILINE)
    assert sorted(named) == sorted(bayescompare.__all__)


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 900


def test_templates_table_is_the_registry(tmp_path: Path) -> None:
    table = re.search(
        r"<!-- templates -->\n((?:\|.*\n)+)", (ROOT / "docs" / "templates.md").read_text(encoding="utf-8")
    )
    assert table is not None
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1].splitlines()[2:]]
    registry = json.loads(run(["bayescompare", "models", "--json"], tmp_path))
    assert rows == [
        [f"`{each['name']}`", f"{each['parameters']:,}", f"{each['observations']:,}", each["finding"]]
        for each in registry
    ]


@pytest.mark.parametrize("page", PAGES, ids=identifier)
def test_make_targets_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?:^    |`)make ([a-z-]+)(?=`|  )", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


@pytest.mark.parametrize("page", PAGES, ids=identifier)
def test_files_named_and_linked_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:models|tests|bayescompare|requirements|benchmarks|reports|docs|\.ci)/[\w./-]*)`", text)
    linked = re.findall(r"\]\((?!https?:)([^)#\s]+)", text)
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert [name for name in linked if not (page.parent / name).exists()] == []


def test_blocks_are_found_with_line_and_note() -> None:
    sample = "a\n\n<!-- file: b.py -->\n```python\nx = 1\n```\n\n```console\n$ c\n```\n"
    assert blocks(sample) == [Block("python", "x = 1\n", 5, "file: b.py"), Block("console", "$ c\n", 9, "")]

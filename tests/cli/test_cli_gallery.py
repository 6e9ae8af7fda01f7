"""``bayescompare gallery``: reports of templates and their index, none made again that is current."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bayescompare.errors import FitError
from tests.report.factory import make


@pytest.fixture
def made(library: Any) -> Any:
    """A library whose comparisons have reports."""
    library.result = make("differs", 5)
    return library


def test_it_writes_a_report_and_the_index(run: Any, made: Any, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    done = run("gallery", "eight_schools", "jellybeans", "--out", out)
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in out.iterdir()) == ["eight_schools.html", "index.html", "jellybeans.html"]
    assert done.stdout.splitlines()[0].startswith("◆ eight_schools: No.")
    assert "2 reports" in done.stdout.replace("\N{NO-BREAK SPACE}", " ")
    page = (out / "eight_schools.html").read_text("utf-8")
    assert "def eight_schools(" in page
    assert "models/eight_schools.py" in page
    assert "classic" in (out / "index.html").read_text("utf-8")
    assert [asked["seed"] for asked in made.asked] == [0, 0]


def test_what_is_current_is_not_made_again(run: Any, made: Any, tmp_path: Path) -> None:
    run("gallery", "jellybeans", "--out", tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    done = run("gallery", "jellybeans", "--out", tmp_path)
    assert "jellybeans: current" in done.stdout
    assert len(made.asked) == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    run("gallery", "jellybeans", "--out", tmp_path, "--fresh")
    assert len(made.asked) == 2
    run("gallery", "jellybeans", "--out", tmp_path, "--seed", 1)
    assert len(made.asked) == 3
    assert made.asked[-1]["seed"] == 1


def test_another_version_source_or_setting_makes_it_again(
    run: Any, made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bayescompare

    run("gallery", "jellybeans", "--out", tmp_path)
    monkeypatch.setattr(bayescompare, "__version__", "99.0")
    run("gallery", "jellybeans", "--out", tmp_path)
    assert len(made.asked) == 2


@pytest.mark.parametrize(("error", "code"), [(FitError("no draws"), 4), (ZeroDivisionError("by 0"), 1)])
def test_one_that_fails_is_told_and_the_rest_goes_on(
    run: Any, made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    answer = made.run

    def failing(target: Any, **options: Any) -> Any:
        if target.name == "jellybeans":
            raise error
        return answer(target, **options)

    monkeypatch.setattr(made, "run", failing)
    done = run("gallery", "jellybeans", "eight_schools", "--out", tmp_path)
    assert done.exit_code == code
    assert f"jellybeans: {'' if code == 4 else 'internal error: '}" in done.stderr
    assert str(error) in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["eight_schools.html", "index.html"]


def test_ctrl_c_keeps_what_was_made(run: Any, made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = made.run

    def interrupted(target: Any, **options: Any) -> Any:
        if target.name == "jellybeans":
            raise KeyboardInterrupt
        return answer(target, **options)

    monkeypatch.setattr(made, "run", interrupted)
    done = run("gallery", "eight_schools", "jellybeans", "wells", "--out", tmp_path)
    assert done.exit_code == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == ["eight_schools.html", "index.html"]


def test_the_index_alone_runs_nothing(run: Any, made: Any, tmp_path: Path) -> None:
    run("gallery", "jellybeans", "--out", tmp_path)
    index = (tmp_path / "index.html").read_bytes()
    (tmp_path / "index.html").unlink()
    (tmp_path / "notes.html").write_text("hello", encoding="utf-8")
    done = run("gallery", "--index-only", "--out", tmp_path)
    assert done.exit_code == 0
    assert "notes.html is not a report" in done.stderr
    assert (tmp_path / "index.html").read_bytes() == index
    assert len(made.asked) == 1


def test_what_cannot_be_asked(run: Any, made: Any, tmp_path: Path) -> None:
    assert run("gallery", "--index-only", "jellybeans", "--out", tmp_path).exit_code == 2
    assert run("gallery", "--index-only", "--fresh", "--out", tmp_path).exit_code == 2
    assert run("gallery", "no_such", "--out", tmp_path).exit_code == 2
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert run("gallery", "jellybeans", "--out", tmp_path / "file").exit_code == 2
    (tmp_path / "index.html").write_text("<p>the user's own", encoding="utf-8")
    done = run("gallery", "jellybeans", "--out", tmp_path)
    assert done.exit_code == 2
    assert "bayescompare did not write it" in done.stderr
    assert (tmp_path / "index.html").read_text("utf-8") == "<p>the user's own"
    assert made.asked == []


@pytest.mark.slow
def test_two_runs_give_the_same_bytes(run: Any, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        done = run("gallery", "jellybeans", "--out", tmp_path / folder, "--quiet")
        assert done.exit_code == 0, done.output
    for name in ("jellybeans.html", "index.html"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()

"""The audit of a model before anything is computed from it."""

from __future__ import annotations

from dataclasses import asdict

from ..errors import FaultyModelError
from ..model.audit import Finding, audit
from ..model.problem import Problem


def audited(problem: Problem, seed: int) -> tuple[dict[str, str], ...]:
    """What is to be said of the model itself; one that computes something else than it says is refused."""
    found = audit(problem, seed=seed)
    refuse_wrong(found)
    return tuple({key: str(value) for key, value in asdict(f).items()} for f in found)


def refuse_wrong(found: tuple[Finding, ...]) -> None:
    """Raise where what would be computed is not what the model says."""
    wrong = [f for f in found if f.severity == "error"]
    if wrong:
        told = " ".join(f"{f.variable}: {f.what} {f.instead}" for f in wrong[:3])
        more = f" And {len(wrong) - 3} more: `bayescompare check` lists them." if len(wrong) > 3 else ""
        raise FaultyModelError(f"{told}{more}")

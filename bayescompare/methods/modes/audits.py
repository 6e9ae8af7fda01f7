"""How a search's audit asks about the density: one question after the other, or those of many rows together.

An audit is a generator: it yields a question (a climb, heights, ...) and goes on with the answer. So there is one audit
for single fits and for studies, where the questions of all replicates at a time are answered in one call.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...model.backends import Array
from .end import End
from .options import ModeOptions


@dataclass(frozen=True, eq=False)
class Polish:
    """Where Newton's steps from this end come to: an :class:`End`."""

    end: End
    options: ModeOptions

    @property
    def kind(self) -> tuple[Any, ...]:
        """Questions of one kind are answered together."""
        return Polish, self.options


@dataclass(frozen=True, eq=False)
class Heights:
    """The density at points (P, d): (P,)."""

    points: Array

    @property
    def kind(self) -> tuple[Any, ...]:
        return Heights, len(self.points)


@dataclass(frozen=True, eq=False)
class Scalars:
    """Points (P, d) in the model's coordinates: (P, k)."""

    points: Array

    @property
    def kind(self) -> tuple[Any, ...]:
        return Scalars, len(self.points)


@dataclass(frozen=True, eq=False)
class Curvature:
    """−∇² over an end's free coordinates, by differences over ``scale`` (d,): (f, f)."""

    end: End
    scale: Array

    @property
    def kind(self) -> tuple[Any, ...]:
        return (Curvature,)


type Question = Polish | Heights | Scalars | Curvature
type Audit[T] = Generator[Question, Any, T]

#: The answers to questions of one kind, from their rows.
type Answer = Callable[[list[int], list[Any]], Sequence[Any]]


def together[T](audits: Mapping[int, Audit[T]], answer: Answer) -> dict[int, T]:
    """What audits come to, by row; they go side by side."""
    results: dict[int, T] = {}
    replies: dict[int, Any] = dict.fromkeys(audits)
    while replies:
        asked: dict[tuple[Any, ...], dict[int, Question]] = {}
        for row, reply in replies.items():
            try:
                question = audits[row].send(reply)
            except StopIteration as done:
                results[row] = done.value
            else:
                asked.setdefault(question.kind, {})[row] = question
        replies = {}
        for questions in asked.values():
            replies.update(zip(questions, answer(list(questions), list(questions.values())), strict=True))
    return results

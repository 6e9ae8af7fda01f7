"""Facts as data: why a fit is what it is, as a code with the variables and figures it speaks of.

What decides looks at the code; :mod:`bayescompare.wording` makes the sentence, where one is shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import wording
from .codes import NO_MODE_EXISTS, Code

__all__ = ["NO_MODE_EXISTS", "Code", "Reason", "joined", "not_computed", "told"]


@dataclass(frozen=True)
class Reason:
    """One fact: its code, the names it speaks of, its figures, and the facts that it rests on.

    ``str(reason)`` and ``reason.text`` are the sentence, for people; nothing decides by it.

    Attributes
    ----------
    code : Code
    variables : tuple of str
        Names as in the model.
    figures : Mapping of str to number or str
    causes : tuple of Reason
        Reasons of another fit that this one rests on.

    Examples
    --------
    >>> reason = Reason(Code.ON_BOUNDARY, ("tau",))
    >>> reason.text
    'tau lies on the boundary of its range'
    >>> Reason.from_json(reason.to_json()) == reason
    True
    """

    code: Code
    variables: tuple[str, ...] = ()
    figures: Mapping[str, float | int | str] = field(default_factory=dict, hash=False)
    causes: tuple[Reason, ...] = ()

    @property
    def text(self) -> str:
        """The sentence, without a full stop."""
        return wording.text(self)

    def __str__(self) -> str:
        return self.text

    def to_json(self) -> dict[str, Any]:
        """``code``, ``variables``, ``figures``, ``text``; ``causes`` where there are some."""
        found: dict[str, Any] = {
            "code": str(self.code),
            "variables": list(self.variables),
            "figures": dict(self.figures),
            "text": self.text,
        }
        return {**found, "causes": [cause.to_json() for cause in self.causes]} if self.causes else found

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | str) -> Reason:
        """Read what :meth:`to_json` gives, or a sentence of a file of version 1."""
        if isinstance(data, str):
            return told(data)
        causes = tuple(cls.from_json(cause) for cause in data.get("causes", ()))
        figures = {key: math.nan if x is None else x for key, x in data["figures"].items()}  # JSON has no NaN
        if data["code"] not in set(Code):  # of a later version: its words stay
            return cls(Code.UNTYPED, tuple(data["variables"]), {"text": data["text"]}, causes)
        return cls(Code(data["code"]), tuple(data["variables"]), figures, causes)


def told(text: str) -> Reason:
    """A sentence without a code, as files of version 1 have."""
    return Reason(Code.UNTYPED, figures={"text": text})


def not_computed(message: str) -> Reason:
    """That what a layer is judged by was not computed, and why, in words."""
    return Reason(Code.NOT_COMPUTED, figures={"message": message})


def joined(reasons: Iterable[Reason]) -> str:
    """The sentences of several reasons in one line."""
    return "; ".join(reason.text for reason in reasons)

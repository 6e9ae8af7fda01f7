"""Model templates: the decorator that makes one, the registry, and models from a user's own file."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pymc as pm

ENTRY_POINTS = "bayescompare.models"


@dataclass(frozen=True)
class Template:
    """A model that can be built from its own data or from the user's.

    Calling it builds a new ``pm.Model``.

    Attributes
    ----------
    name : str
        The function's name, and the name on the command line.
    title, question, finding : str
        A heading; the question the model answers; one line on what MAP does here.
    tags : tuple of str
    parameters, observations : int
        Sizes of the model as built with no argument; a test holds them true.
    build : callable
        ``build(data=None, **options) -> pm.Model``.
    sampler : Mapping
        The template's own sampler settings (``{"target_accept": 0.95}``); what a user asks for comes before them.
    """

    name: str
    title: str
    question: str
    finding: str
    tags: tuple[str, ...]
    parameters: int
    observations: int
    build: Callable[..., pm.Model] = field(repr=False)
    sampler: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, data: Any = None, **options: Any) -> pm.Model:
        return self.build(data, **options)

    @property
    def options(self) -> dict[str, Any]:
        """Keyword options of the template with their defaults."""
        parameters = inspect.signature(self.build).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def template(
    *,
    title: str,
    question: str,
    finding: str,
    tags: tuple[str, ...],
    parameters: int,
    observations: int,
    sampler: Mapping[str, Any] | None = None,
) -> Callable[[Callable[..., pm.Model]], Template]:
    """Make a function ``(data=None, *, option=default, ...) -> pm.Model`` a :class:`Template`."""

    def wrap(build: Callable[..., pm.Model]) -> Template:
        return Template(
            build.__name__, title, question, finding, tags, parameters, observations, build, dict(sampler or {})
        )

    return wrap

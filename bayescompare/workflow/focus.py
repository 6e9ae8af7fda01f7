"""What a comparison is asked about: the scalars that verdict and ladder speak of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches

from ..errors import UnknownNameError, UsageError
from ..templates.loading import Target
from .consequences import losses
from .options import Asked


def variable(scalar: str) -> str:
    """Of ``theta[Choate]``: ``theta``."""
    return scalar.partition("[")[0]


def resolved(asked: Asked, target: Target, names: Sequence[str]) -> Asked:
    """What is asked, with what the template asks where nothing is: the user's quantities come before its focus.

    What the template names and the model, under the options that were chosen, has not is passed over.

    Raises
    ------
    UnknownNameError, UsageError
        For a name that is not there, or a loss that cannot be read.
    """
    own = _known(names)
    if asked.var_names is None:
        focal_ = tuple(asked.quantities) or tuple(name for name in target.focus if name in own)
        asked = replace(asked, var_names=focal_)
    else:
        check(asked.var_names, (*names, *asked.quantities))
    if asked.losses is not None:
        return replace(asked, losses=losses(asked.losses))
    return replace(asked, losses=tuple(loss for loss in losses(target.losses) if own.issuperset(loss.targets)))


def _known(names: Iterable[str]) -> set[str]:
    return {each for name in names for each in (name, variable(name))}


def check(asked: Sequence[str], names: Iterable[str]) -> None:
    """Every name is that of a variable, a scalar or a quantity.

    Raises
    ------
    UnknownNameError
        Naming the closest.
    """
    if isinstance(asked, str):
        raise UsageError(f"var_names must be a sequence of names, not one text: ({asked!r},).")
    known = _known(names)
    for name in asked:
        if name not in known:
            close = get_close_matches(name, sorted(known), 3, 0) or sorted(known)[:3]
            raise UnknownNameError(f"var_names: there is no {name!r} in this model. There are {', '.join(close)}, …")


def focal(asked: Sequence[str] | None, names: Sequence[str]) -> tuple[str, ...]:
    """The scalars of these variables, in the order of ``names``; all where nothing was asked."""
    wanted = set(asked or names)
    return tuple(name for name in names if name in wanted or variable(name) in wanted)

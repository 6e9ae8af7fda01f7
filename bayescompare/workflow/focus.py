"""What a comparison is asked about: the scalars that verdict and ladder speak of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from ..errors import UnknownNameError, UsageError


def variable(scalar: str) -> str:
    """Of ``theta[Choate]``: ``theta``."""
    return scalar.partition("[")[0]


def check(asked: Sequence[str], names: Iterable[str]) -> None:
    """Every name is that of a variable, a scalar or a quantity.

    Raises
    ------
    UnknownNameError
        Naming the closest.
    """
    if isinstance(asked, str):
        raise UsageError(f"var_names must be a sequence of names, not one text: ({asked!r},).")
    known = {each for name in names for each in (name, variable(name))}
    for name in asked:
        if name not in known:
            close = get_close_matches(name, sorted(known), 3, 0) or sorted(known)[:3]
            raise UnknownNameError(f"var_names: there is no {name!r} in this model. There are {', '.join(close)}, …")


def focal(asked: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """The scalars of these variables, in the order of ``names``; all where nothing was asked."""
    wanted = set(asked) or set(names)
    return tuple(name for name in names if name in wanted or variable(name) in wanted)

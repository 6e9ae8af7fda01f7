"""Losses: named ones, their text, and the user's own functions."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from ..errors import UnknownNameError, UsageError

Array = NDArray[np.float64]

#: A loss of a number reported or an amount chosen, for each of the values that x may have.
LossFunction = Callable[[float, Array], Array]

#: Named losses and their arguments.
ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "squared": (),
    "absolute": (),
    "pinball": ("q",),
    "linex": ("a",),
    "newsvendor": ("under", "over"),
    "threshold": ("c", "false_positive", "false_negative"),
}

#: Choices of one of several scalars: the largest, or the smallest.
CHOICES = ("best of", "least of")


@dataclass(frozen=True)
class Loss:
    """What a wrong action costs, and on which scalars.

    Attributes
    ----------
    name : str
        ``squared``: (a − x)². ``absolute``: \\|a − x\\|. ``pinball``: q(x − a) where x > a, else (1 − q)(a − x).
        ``linex``: exp(A(a − x)) − A(a − x) − 1, for an argument A above 0 dear where a is too large. ``newsvendor``:
        under·(x − a) where x > a, else over·(a − x). ``threshold``: act or do not; false_positive where one acts and
        x ≤ c, false_negative where one does not and x > c. ``best of``: choose one of several scalars; its loss is
        what the largest of them has more; ``least of``: than the smallest. Any other: the user's function.
    targets : tuple of str
        Names of scalars; one, but for choices, which also take the name of a vector.
    arguments : tuple of float
    function : callable, optional
        loss(action, x), of a number and an array of values; returns one loss for each value.
    actions : tuple of float
        A function's only possible actions; without them any number is one.
    """

    name: str
    targets: tuple[str, ...]
    arguments: tuple[float, ...] = ()
    function: LossFunction | None = field(default=None, compare=False)
    actions: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.function is None:
            _check(self)

    def __str__(self) -> str:
        if self.name in CHOICES:
            return f"{self.name} {', '.join(self.targets)}"
        arguments = f"({', '.join(f'{a:g}' for a in self.arguments)})" if self.arguments else ""
        return f"{self.name}{arguments} on {self.targets[0]}"


def known() -> str:
    """The losses that exist, with their arguments, for a message."""
    named = [f"{name}({', '.join(arguments)})" if arguments else name for name, arguments in ARGUMENTS.items()]
    return f"{', '.join(named)}, each on a scalar ('pinball(0.9) on tau'), and '{' or '.join(CHOICES)} a, b, c'"


def parse(text: str) -> Loss:
    """Read ``'pinball(0.9) on tau'``, ``'newsvendor(under=3, over=1) on demand'`` or ``'best of theta'``.

    Raises
    ------
    UnknownNameError
        For a loss that does not exist; those that do are listed.
    UsageError
        For wrong arguments, or no scalar.
    """
    choice = re.fullmatch(rf"\s*({'|'.join(CHOICES)})\s+(.+?)\s*", text)
    if choice:
        return Loss(choice[1], tuple(_split(choice[2])))
    found = re.fullmatch(r"\s*([^\s()]+)\s*(?:\(([^()]*)\))?\s+on\s+(.+?)\s*", text)
    if not found:
        raise UsageError(f"Loss '{text}' cannot be read. Write one of: {known()}.")
    name, arguments, target = found.groups()
    if name not in ARGUMENTS:
        raise UnknownNameError(f"There is no loss '{name}'. Losses: {known()}.")
    return Loss(name, (target,), _arguments(name, arguments or ""))


def resolve(loss: Loss, names: Sequence[str]) -> list[int]:
    """Positions of a loss's scalars among the names; a vector's name stands for all its elements in a choice.

    Raises
    ------
    UnknownNameError, UsageError
        If there is no such scalar; if a single one was needed, or several, and it is not so.
    """
    found: list[int] = []
    for target in loss.targets:
        exact = [i for i, name in enumerate(names) if name == target]
        elements = exact or [i for i, name in enumerate(names) if name.startswith(f"{target}[")]
        if not elements:
            close = difflib.get_close_matches(target, names, 3, 0.4) or list(names[:3])
            raise UnknownNameError(f"'{loss}': there is no scalar '{target}'. There are {', '.join(close)}, …")
        if loss.name not in CHOICES and len(elements) > 1:
            one = names[elements[0]]
            raise UsageError(f"'{loss}': '{target}' has {len(elements)} elements; name one of them, such as '{one}'.")
        found += [i for i in elements if i not in found]
    if loss.name in CHOICES and len(found) < 2:
        raise UsageError(f"'{loss}' leaves nothing to choose: name two scalars or more, or a vector.")
    return found


def evaluate(loss: Loss, action: float, x: Array) -> Array:
    """Losses of one action at each value of ``x``.

    Raises
    ------
    UsageError
        If the user's function does not return one number for each value.
    """
    if loss.function is None:
        return _NAMED[loss.name](action, x, *loss.arguments)
    losses = np.asarray(loss.function(action, x), dtype=float)
    if losses.shape != x.shape:
        raise UsageError(
            f"'{loss}' must return one loss for each value: for values of shape {x.shape} it returned {losses.shape}."
        )
    return losses


def best_action(loss: Loss, x: Array) -> float:
    """The action of least mean loss over the draws ``x`` of any shape, for named losses of a number."""
    flat = x.ravel()
    if loss.name == "squared":
        return float(flat.mean())
    if loss.name == "linex":
        a = loss.arguments[0]
        return float((math.log(flat.size) - logsumexp(-a * flat)) / a)
    if loss.name == "newsvendor":
        under, over = loss.arguments
        level = under / (under + over)
    else:
        level = loss.arguments[0] if loss.name == "pinball" else 0.5
    # An order statistic: interpolated quantiles do not quite minimise a mean of kinked losses.
    return float(np.quantile(flat, level, method="inverted_cdf"))


# -- helpers ---------------------------------------------------------------------------------------


def _pinball(action: float, x: Array, q: float) -> Array:
    return np.asarray(np.where(x > action, q * (x - action), (1 - q) * (action - x)))


def _linex(action: float, x: Array, a: float) -> Array:
    with np.errstate(over="ignore"):
        return np.asarray(np.expm1(a * (action - x)) - a * (action - x))


def _newsvendor(action: float, x: Array, under: float, over: float) -> Array:
    return np.asarray(np.where(x > action, under * (x - action), over * (action - x)))


def _threshold(action: float, x: Array, c: float, false_positive: float, false_negative: float) -> Array:
    return np.asarray(np.where(x > c, false_negative, 0.0) if action == 0 else np.where(x > c, 0.0, false_positive))


_NAMED: Mapping[str, Callable[..., Array]] = {
    "squared": lambda action, x: (action - x) ** 2,
    "absolute": lambda action, x: np.abs(action - x),
    "pinball": _pinball,
    "linex": _linex,
    "newsvendor": _newsvendor,
    "threshold": _threshold,
}


def _check(loss: Loss) -> None:
    if loss.name in CHOICES:
        if not loss.targets or loss.arguments:
            raise UsageError(f"'{loss.name}' takes the names of scalars, as in '{loss.name} a, b, c'.")
        return
    if loss.name not in ARGUMENTS:
        raise UnknownNameError(f"There is no loss '{loss.name}'. Losses: {known()}.")
    if len(loss.targets) != 1:
        raise UsageError(f"{loss.name} is a loss on one scalar, not on {len(loss.targets)}.")
    wanted = ARGUMENTS[loss.name]
    if len(loss.arguments) != len(wanted):
        takes = ", ".join(wanted) or "no arguments"
        raise UsageError(f"{loss.name} takes {takes}, not {len(loss.arguments)} arguments.")
    for name, value in zip(wanted, loss.arguments, strict=True):
        if not math.isfinite(value):
            raise UsageError(f"{loss.name}: {name} must be a finite number, not {value}.")
        if name == "q" and not 0 < value < 1:
            raise UsageError(f"{loss.name}: q must lie between 0 and 1, not {value:g}.")
        if name == "a" and value == 0:
            raise UsageError(f"{loss.name}: a must not be 0; near 0 the loss is squared.")
        if name in ("under", "over", "false_positive", "false_negative") and value <= 0:
            raise UsageError(f"{loss.name}: {name} is a cost and must be above 0, not {value:g}.")


def _arguments(name: str, text: str) -> tuple[float, ...]:
    """Arguments by place, or by name, but not both."""
    wanted = ARGUMENTS[name]
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    named = [part.partition("=")[0].strip() for part in parts if "=" in part]
    if named and sorted(named) != sorted(wanted):
        raise UsageError(f"{name} takes {', '.join(wanted) or 'no arguments'}, not {text}.")
    values = []
    for part in parts:
        number = part.rpartition("=")[2].strip()
        try:
            values.append(float(number))
        except ValueError:
            raise UsageError(f"{name}: '{number}' is not a number.") from None
    if named:
        values = [values[named.index(argument)] for argument in wanted]
    return tuple(values)


def _split(text: str) -> list[str]:
    """Names apart by commas, but for those within brackets: ``theta[a, b], mu``."""
    return [part.strip() for part in re.split(r",(?![^\[]*\])", text) if part.strip()]

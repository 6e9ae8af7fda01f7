"""What is read from the command line."""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import MissingFileError, UnknownNameError, UsageError


def settings(pairs: Sequence[str]) -> dict[str, Any]:
    """Read ``NAME=VALUE`` pairs: values as Python writes them, true and false in any case, else text.

    >>> settings(["n=8", "scale=2.5", "centred=false", "prior=normal", "at=[1, 2]"])
    {'n': 8, 'scale': 2.5, 'centred': False, 'prior': 'normal', 'at': [1, 2]}
    """
    return {name: _value(text) for name, text in _pairs(pairs, "--set").items()}


def margins(pairs: Sequence[str], known: Sequence[str]) -> dict[str, float]:
    """Read ``LAYER=X`` pairs: positive numbers, for layers that have a margin."""
    found = {}
    for name, text in _pairs(pairs, "--margin").items():
        if name not in known:
            raise UnknownNameError(f"--margin: no layer {name!r} has a margin; these have: {', '.join(known)}.")
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value > 0):
            raise UsageError(f"--margin: {name} must be a positive number, not {text!r}.")
        found[name] = value
    return found


def files(pairs: Sequence[str], option: str) -> dict[str, Path]:
    """Read ``NAME=FILE`` pairs: files or folders that are there."""
    found = {name: Path(text) for name, text in _pairs(pairs, option).items()}
    for name, path in found.items():
        if not path.exists():
            raise MissingFileError(f"{option}: there is no file {path} for {name!r}.")
    return found


def _pairs(pairs: Sequence[str], option: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        name = name.strip()
        if not equals or not name:
            raise UsageError(f"{option} takes NAME=VALUE, not {pair!r}.")
        if name in found:
            raise UsageError(f"{option}: {name} is given twice.")
        found[name] = text.strip()
    return found


def _value(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text

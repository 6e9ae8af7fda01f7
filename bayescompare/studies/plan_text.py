"""Values of a plan as Python and TOML write them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ..errors import UsageError


def plain(value: Any) -> Any:
    """A value as Python and TOML write it."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if not isinstance(value, bool | int | float | str):
        raise UsageError(f"A plan holds numbers, texts, switches and lists of them, not {value!r}.")
    return value


def is_table(value: Any) -> bool:
    """Whether TOML writes it as a table of its own; what is not there is an empty one."""
    return isinstance(value, Mapping) or value is None


def toml_key(name: str) -> str:
    """A key, in quotes where it must be."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml(name)


def toml(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml(item) for item in value)}]"
    return repr(value)

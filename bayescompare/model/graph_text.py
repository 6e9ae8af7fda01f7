"""A graph as text: equal in every process, different where an operation or a constant differs."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

import numpy as np

_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


def graph_text(outputs: list[Any]) -> str:
    """One line an operation, by structure and constants: no names made by chance, no addresses."""
    from pytensor.graph.basic import Constant
    from pytensor.graph.traversal import toposort

    numbers: dict[Any, int] = {}
    lines: list[str] = []

    def number(variable: Any) -> int:
        if variable not in numbers:
            numbers[variable] = len(numbers)
            if isinstance(variable, Constant):
                data = variable.data
                content = (
                    f"{data.dtype} {data.shape} {sha256(np.ascontiguousarray(data).tobytes()).hexdigest()}"
                    if isinstance(data, np.ndarray)
                    else repr(data)
                )
                lines.append(f"{numbers[variable]} constant {_ADDRESS.sub('', content)}")
            else:
                lines.append(f"{numbers[variable]} input {variable.type}")
        return numbers[variable]

    for node in toposort(outputs):
        inputs = [number(i) for i in node.inputs]
        for out in node.outputs:
            numbers[out] = len(numbers)
        inner = getattr(node.op, "fgraph", None)
        text = "" if inner is None else graph_text(list(inner.outputs))
        props = [getattr(node.op, p, None) for p in getattr(node.op, "__props__", None) or ()]
        described = _ADDRESS.sub("", f"{type(node.op).__module__}.{type(node.op).__qualname__} {props}")
        lines.append(f"{[numbers[o] for o in node.outputs]} {described} {inputs} {sha256(text.encode()).hexdigest()}")
    lines.append(repr([number(out) for out in outputs]))
    return "\n".join(lines)

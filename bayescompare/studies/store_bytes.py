"""Arrays and reasons as a study's file keeps them, and back."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def to_bytes(array: Array) -> bytes:
    """Float64, in C order, lowest byte first."""
    return np.ascontiguousarray(array, dtype="<f8").tobytes()


def to_array(data: bytes, shape: tuple[int, ...]) -> Array:
    """The array; NaN where a block that failed as a whole had no scalars."""
    if len(data) == 0 and np.prod(shape):
        return np.full(shape, np.nan)
    return np.frombuffer(data, dtype="<f8").reshape(shape)


def packed(reasons: Sequence[str]) -> str:
    """Reasons by their place; most fits have none."""
    return json.dumps({str(i): reason for i, reason in enumerate(reasons) if reason}, ensure_ascii=False)


def unpacked(text: str, count: int) -> Iterator[str]:
    """Reasons of all places."""
    known: Mapping[str, str] = json.loads(text)
    return (known.get(str(i), "") for i in range(count))


def checksum(parts: Sequence[Any]) -> int:
    """CRC-32 of texts and bytes, one after the other."""
    value = 0
    for part in parts:
        value = zlib.crc32(part.encode() if isinstance(part, str) else part or b"", value)
    return value

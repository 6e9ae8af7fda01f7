"""Running text that holds names, figures and links, as data.

Names come from a model or from data, so they may hold anything: markup, text that runs from right to left, control
characters. They are kept apart from our own words here, and marked as such where they are rendered.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from ..formatting import NO_BREAK, Number

_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


@dataclass(frozen=True)
class Name:
    """A name from the model or its data, made visible."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Link:
    """A link to a section or a figure of the same page."""

    text: str | Name
    section: str

    def __str__(self) -> str:
        return str(self.text)


type Words = tuple[str | Name | Number | Link, ...]


def visible(text: str, keep: str = "") -> str:
    r"""Write what cannot be seen: control, bidirectional and other format characters, as ``\x07`` or ``\u202e``.

    Joiners stay, for scripts that need them; so does what is in ``keep`` (line ends and tabs of code).
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in keep or not _is_hidden(c) else _escaped(c) for c in text)


def name(text: object) -> Name:
    """Mark a name of the model's or the data's."""
    return Name(visible(str(text)) or "(empty)")


def mark(text: str, names: Iterable[str]) -> Words:
    """Split a finished sentence at the names it holds, and keep every figure on one line with its error."""
    known = sorted({n for n in names if n}, key=lambda n: (-len(n), n))
    if not known:
        return (unbroken(visible(text)),)
    pattern = "|".join(rf"(?<![\w\[])(?:{re.escape(n)})(?![\w\[])" for n in known)
    parts: list[str | Name | Number | Link] = []
    last = 0
    for match in re.finditer(pattern, text):
        parts += [unbroken(visible(text[last : match.start()])), name(match.group())]
        last = match.end()
    parts.append(unbroken(visible(text[last:])))
    return tuple(part for part in parts if part != "")


def unbroken(text: str) -> str:
    """Put no-break spaces around every ± between figures."""
    return re.sub(r" ± ?(?=[\d<.])", f"{NO_BREAK}±{NO_BREAK}", text)


def plain_text(words: Words) -> str:
    """The same as a plain string, for a title or a label."""
    return "".join(str(part) for part in words)


def listed(parts: Iterable[str | Name]) -> Words:
    """Write ``a``, ``a and b``, or ``a, b and c``."""
    items = list(parts)
    words: list[str | Name | Number | Link] = []
    for i, item in enumerate(items):
        if i:
            words.append(" and " if i == len(items) - 1 else ", ")
        words.append(item)
    return tuple(words)


def _is_hidden(character: str) -> bool:
    if character in _JOINERS:
        return False
    # U+xxFFFE and U+xxFFFF are not characters, and no parser has to accept them.
    return unicodedata.category(character) in _HIDDEN or (ord(character) & 0xFFFE) == 0xFFFE


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

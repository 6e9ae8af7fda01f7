"""The one object that speaks to the terminal: results to stdout, everything else to stderr.

On a terminal Rich colours and wraps; in a pipe, and where NO_COLOR or TERM=dumb asks for it, the same words are plain
text. What an encoding cannot write is written in ASCII.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

type Line = tuple[tuple[str, str], ...]
"""A line of text: pieces, each with its style (as Rich names them; empty for none)."""

PATIENCE = 5.0
"""Seconds after which a stage that is still running is named where no spinner can turn."""

_ASCII = str.maketrans(
    {
        "●": "*",
        "◆": "#",
        "◐": "?",
        "✕": "x",
        "◌": "-",
        "−": "-",
        "–": "-",
        "—": "-",
        "±": "+/-",
        "×": "x",
        "…": "...",
        "≥": ">=",
        "≤": "<=",
        "∞": "inf",
        "·": ".",
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        **dict(zip("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789", strict=True)),
    }
)


_SPACES = str.maketrans("\N{NO-BREAK SPACE}\N{THIN SPACE}", "  ")
"""Where nothing is wrapped, spaces are spaces: what is printed can be searched for."""


class Progress(Protocol):
    """What a long computation tells while it runs."""

    @property
    def bar(self) -> bool:
        """True if a sampler may draw its own progress bars on stderr."""

    def stage(self, text: str, *, own_bar: bool = False) -> AbstractContextManager[object]:
        """Say what is being waited for, from this call to the end of the ``with`` block, or to the next stage.

        ``own_bar`` says that the stage draws bars itself: it gets a line, and no spinner turns beside the bars.
        """


class Terminal:
    """Speaks to the terminal; a :class:`Progress`.

    Attributes
    ----------
    debug : bool
        Errors come with their traceback.
    quiet : bool
        Results and errors only.
    """

    def __init__(self) -> None:
        self.debug = False
        self.quiet = False
        self._status: Status | None = None
        self._timer: threading.Timer | None = None

    @property
    def bar(self) -> bool:
        """True if a sampler may draw its own progress bars."""
        return not self.quiet and _is_rich(sys.stderr)

    def show(self, lines: Iterable[Line]) -> None:
        """Write a result to stdout."""
        _write(sys.stdout, lines)

    def text(self, text: str) -> None:
        """Write text as it is to stdout: JSON."""
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Tell something on stderr, unless quiet."""
        if not self.quiet:
            _write(sys.stderr, [((text, "dim"),)])

    def warn(self, text: str) -> None:
        """Warn on stderr."""
        _write(sys.stderr, [(("Warning: ", "yellow"), (text, ""))])

    def error(self, text: str, error: BaseException | None = None) -> None:
        """Say on stderr what went wrong, with the traceback if that was asked for."""
        self.clear()
        if error is not None and self.debug:
            import traceback

            traceback.print_exception(error, file=sys.stderr)
        _write(sys.stderr, [((text, "red"),)])

    def stage(self, text: str, *, own_bar: bool = False) -> _Stage:
        """Say what is being waited for: a spinner on a terminal, a line in a pipe if it takes long."""
        self.clear()
        if not self.quiet:
            if own_bar:
                self.note(f"{text} …")
            elif _is_rich(sys.stderr):
                from rich.text import Text

                self._status = _console(sys.stderr).status(Text(text))
                self._status.start()
            else:
                self._timer = threading.Timer(PATIENCE, _write, (sys.stderr, [((f"{text} …", ""),)]))
                self._timer.daemon = True
                self._timer.start()
        return _Stage(self)

    def clear(self) -> None:
        """End the current stage."""
        if self._status is not None:
            self._status.stop()
        if self._timer is not None:
            self._timer.cancel()
        self._status = self._timer = None

    def abandon(self) -> None:
        """Stop writing to a pipe that is closed; Python's own flush at exit would complain."""
        self.clear()
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Stage:
    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def __enter__(self) -> _Stage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._terminal.clear()


def _write(stream: TextIO, lines: Iterable[Line]) -> None:
    if _is_rich(stream):
        from rich.text import Text

        console = _console(stream)
        for line in lines:
            console.print(Text.assemble(*((_written(text, stream), style) for text, style in line)))
    else:
        for line in lines:
            text = "".join(text for text, _ in line).translate(_SPACES)
            stream.write(_written(text, stream).rstrip() + "\n")
    stream.flush()


def _written(text: str, stream: TextIO) -> str:
    """The text in what the stream's encoding has; control characters are made visible."""
    from ..report.words import visible

    text = visible(text, keep="\n")
    encoding = stream.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_SPACES).translate(_ASCII).encode(encoding, "replace").decode(encoding)
    return text


def _is_rich(stream: TextIO) -> bool:
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "").lower() in ("dumb", "unknown")
    return not plain and stream.isatty()


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    return Console(file=stream, highlight=False, markup=False, emoji=False)

"""A terminal that shows what we say: what libraries warn, log or write themselves is shown by ``--debug`` alone."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

#: The file descriptor that compiled code writes its complaints to: Rust's panics, numba's notes.
STDERR = 2


@contextmanager
def hushed(debug: bool) -> Iterator[None]:
    """Warnings, log records and compiled code's own writing, not shown; with ``debug`` all, and our own log."""
    if debug:
        logger = logging.getLogger("bayescompare")
        logger.setLevel(logging.DEBUG)
        logger.addHandler(logging.StreamHandler())
        yield
        return
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), _without_compiled_codes_writing():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextmanager
def _without_compiled_codes_writing() -> Iterator[None]:
    """``sys.stderr`` on a descriptor of its own, and nothing behind the one that compiled code knows.

    On a terminal that one stays: samplers draw their progress bars there.
    """
    own = sys.stderr
    try:
        swap = own.fileno() == STDERR and not own.isatty()
    except (AttributeError, OSError, ValueError):  # no file stands behind it
        swap = False
    if not swap:
        yield
        return
    own.flush()
    kept, nowhere = os.dup(STDERR), os.open(os.devnull, os.O_WRONLY)
    sys.stderr = os.fdopen(os.dup(STDERR), "w", buffering=1, encoding=own.encoding, errors=own.errors, newline=None)
    os.dup2(nowhere, STDERR)
    os.close(nowhere)
    try:
        yield
    finally:
        sys.stderr.close()
        sys.stderr = own
        os.dup2(kept, STDERR)
        os.close(kept)

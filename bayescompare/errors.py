"""Every error that bayescompare raises on purpose, in one tree.

::

    BayesCompareError
    ├── UsageError (2)            what was asked cannot be asked
    │   ├── UnknownNameError          no such template, method, engine or option
    │   ├── MissingFileError          a file that is not there
    │   ├── EngineNotInstalledError   an optional sampler that is not installed
    │   ├── OutputError               a file that cannot be written
    │   └── PlanError                 a study whose store holds another plan
    ├── ModelError (3)            the model cannot be used
    │   ├── ModelFileError            its file does not import, holds no model or several, or raises
    │   ├── DataError                 data that do not fit the model
    │   ├── UnsupportedModelError     a model outside of what the methods can do
    │   ├── FaultyModelError          a model that computes something else than it says
    │   └── NoFiniteStartError        zero or NaN density wherever a search could start
    ├── FitError (4)              a method ran and has no result
    └── ResultFileError (5)       a saved result that is damaged, or not ours

The number is the command line's exit code. 6 is no error: ``diff --fail-if differs`` found a difference.
"""

from __future__ import annotations

#: Exit code of ``diff --fail-if``, where what was named is so.
DIFFERS = 6

#: What PyMC, PyTensor, JAX, nutpie, SciPy and a model's own operations raise where they cannot do what is asked: the
#: errors of arithmetic (``ParameterValueError``, ``LinAlgError``, overflow), of graphs that cannot be built, derived,
#: translated or compiled (``NotImplementedError``, ``NullTypeGradError``, shapes, types), and of engines.
LIBRARY_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)


def first_line(error: BaseException) -> str:
    """What an error of a library says, in one line without a full stop; its kind where it says nothing."""
    text = str(error).strip()
    return text.splitlines()[0].strip().rstrip(".") if text else type(error).__name__


class BayesCompareError(Exception):
    """Base of all errors; its message says what happened, why, and what to do."""

    exit_code = 1


class UsageError(BayesCompareError):
    """What was asked cannot be asked: an option, a name or a value out of range."""

    exit_code = 2


class UnknownNameError(UsageError):
    """No template, method, engine or option has this name."""


class MissingFileError(UsageError):
    """A file that was named is not there."""


class EngineNotInstalledError(UsageError):
    """The sampler is known but its package is not installed."""


class OutputError(UsageError):
    """An output file cannot be written; found out before anything runs."""


class PlanError(UsageError):
    """A study's store holds the cells of another plan."""


class ModelError(BayesCompareError):
    """The model cannot be used."""

    exit_code = 3


class ModelFileError(ModelError):
    """A model's file does not import, holds no model or more than one, or raises."""


class DataError(ModelError):
    """The data do not fit the model: wrong names, shapes or types, or NaN."""


class UnsupportedModelError(ModelError):
    """The model has something that no method here can treat; it is named."""


class FaultyModelError(ModelError):
    """What would be computed is not what the model says: found by its audit, before anything is fitted."""


class NoFiniteStartError(ModelError):
    """The density is zero or NaN at every start."""


class FitError(BayesCompareError):
    """A method ran and has no result.

    Attributes
    ----------
    fit : Fit or None
        What is known of the attempt: its status, reasons and diagnostics.
    """

    exit_code = 4

    def __init__(self, message: str, fit: object | None = None) -> None:
        super().__init__(message)
        self.fit = fit


class TimeLimitError(FitError):
    """A method was given up as it took longer than it was given."""


class ResultFileError(BayesCompareError):
    """A saved result is damaged, or was not written by bayescompare."""

    exit_code = 5

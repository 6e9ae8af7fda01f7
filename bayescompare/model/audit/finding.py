"""What an audit says of a model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters.

    ``error``: what is computed from the model is wrong, or cannot be computed at all. ``warning``: it can be computed,
    and is hardly what was meant. ``note``: worth knowing, nothing is wrong.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing found in a model.

    Attributes
    ----------
    code : str
        Which check found it: ``integer_overflow``, ``outside_support``, ``density_not_finite``,
        ``gradient_not_finite``, ``improper_prior``, ``reaches_no_data``, ``data_not_numbers``, ``data_not_finite``,
        ``data_not_whole``, ``constant_data``, ``constant_column`` or ``duplicate_coordinates``.
    severity : Severity
    variable : str
        The variable of the model, its scalar, or the data container that it is about.
    what : str
        What is wrong, in a sentence, with its figures.
    instead : str
        What to write instead, in a sentence.
    """

    code: str
    severity: Severity
    variable: str
    what: str
    instead: str

"""The one door of a comparison's layers: one that fails is not computed, says why, and ends nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ..errors import LIBRARY_ERRORS, BayesCompareError, FitError, ModelError, first_line

logger = logging.getLogger("bayescompare")


class Layers:
    """Computes layers, and keeps why some were not.

    Attributes
    ----------
    failed : dict of str to str
        By layer, the reason.
    """

    def __init__(self) -> None:
        self.failed: dict[str, str] = {}

    def compute[Found](self, name: str, make: Callable[[], Found], otherwise: Callable[[str], Found]) -> Found:
        """What ``make`` gives; where a library or a fit fails, what ``otherwise`` makes of the reason.

        A usage error (:class:`~bayescompare.UsageError`) is raised as ever.
        """
        self.failed.pop(name, None)
        try:
            return make()
        except (*LIBRARY_ERRORS, FitError, ModelError) as error:
            logger.debug("%s was not computed", name, exc_info=True)
            ours = isinstance(error, BayesCompareError)
            reason = first_line(error) if ours else f"{type(error).__name__}: {first_line(error)}"
            self.failed[name] = reason
            return otherwise(reason)

    def findings(self) -> tuple[dict[str, str], ...]:
        """A finding for each layer that failed."""
        return tuple(
            {
                "code": "not_computed",
                "severity": "warning",
                "variable": name,
                "what": f"It could not be computed: {reason}.",
                "instead": "The other layers stand.",
            }
            for name, reason in self.failed.items()
        )

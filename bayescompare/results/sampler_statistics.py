"""What samplers tell of each draw, under one name whichever engine made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Statistics that are kept, under one name whichever engine made them.
STATISTICS = {
    "diverging": "diverging",
    "energy": "energy",
    "logp": "lp",
    "lp": "lp",
    "n_steps": "n_steps",
    "mean_tree_accept": "acceptance_rate",
    "acceptance_rate": "acceptance_rate",
    "step_size": "step_size",
    "log_q": "log_q",
    "lq": "log_q",
}

#: The same in draws that did not pass through ArviZ: of Stan's files, of NumPyro's and of BlackJAX's own output.
RAW = {
    "divergent__": "diverging",
    "is_divergent": "diverging",
    "energy__": "energy",
    "lp__": "lp",
    "potential_energy": "lp",
    "n_leapfrog__": "n_steps",
    "num_steps": "n_steps",
    "num_integration_steps": "n_steps",
    "accept_stat__": "acceptance_rate",
    "accept_prob": "acceptance_rate",
    "stepsize__": "step_size",
}


def named_statistics(dataset: Any) -> dict[str, Array]:
    """The statistics that are kept, under one name whichever engine made them."""
    return named({name: np.asarray(dataset[name].values, dtype=float) for name in STATISTICS if name in dataset})


def named(statistics: Mapping[str, Array]) -> dict[str, Array]:
    """The same of arrays."""
    found: dict[str, Array] = {}
    for theirs, ours in STATISTICS.items():
        if theirs in statistics and ours not in found:
            found[ours] = statistics[theirs]
    return found

"""What every template's quick test asks of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bayescompare.templates import Template

Point = dict[str, Any]


def natural(point: Point) -> Point:
    """Values in the model's coordinates, by the variables' names; log transforms only."""
    return {
        key.removesuffix("_log__"): np.exp(value) if key.endswith("_log__") else value for key, value in point.items()
    }


def check(template: Template, logp: Callable[[Point], float] | None = None, **options: Any) -> None:
    """Sizes are true, density and gradient are finite at the start and beside it, and equal to SciPy's ``logp``."""
    model = template(**options)
    start = model.initial_point()
    if not options:
        assert sum(np.size(value) for value in start.values()) == template.parameters
        observations = model.compile_fn(sum(rv.size for rv in model.observed_RVs), mode="FAST_COMPILE")({})
        assert observations == template.observations
    unnamed = [v.name for v in model.named_vars.values() if v.ndim and v.name not in model.named_vars_to_dims]
    assert [name for name in unnamed if not name.endswith("__")] == []

    density = model.compile_logp(jacobian=False, mode="FAST_COMPILE")
    gradient = model.compile_dlogp(mode="FAST_COMPILE")
    rng = np.random.default_rng(1)
    for point in (start, {key: value + rng.normal(0, 0.3, np.shape(value)) for key, value in start.items()}):
        value = float(density(point))
        assert np.isfinite(value)
        assert np.isfinite(gradient(point)).all()
        if logp is not None:
            # PyTensor takes the log of a prior's literal scale in single precision: a constant of 1e-7 nats a term.
            assert value == pytest.approx(logp(natural(point)), rel=1e-8, abs=1e-6)

"""What every template must hold, and how a posterior is held against known figures: for the templates' own tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest

from bayescompare.errors import DataError, UsageError
from bayescompare.templates import Template

Point = dict[str, Any]


def assert_builds(template: Template, logp: Callable[[Point], float] | None = None, **options: Any) -> pm.Model:
    """Sizes as declared (with no option); named dims; finite density and gradient, equal to ``logp`` where given.

    ``logp`` is an independent log density without Jacobian, over the free variables' values by name.
    """
    model = template(**options)
    start = model.initial_point()
    if not options:
        observed = sum(int(rv.shape.prod().eval(mode="FAST_COMPILE")) for rv in model.observed_RVs)
        assert sum(np.size(value) for value in start.values()) == template.parameters
        assert observed == template.observations
    unnamed = [v.name for v in model.named_vars.values() if v.ndim and v.name not in model.named_vars_to_dims]
    assert [name for name in unnamed if not name.endswith("__")] == []
    assert {v.dtype for v in model.free_RVs} == {"float64"}

    density = model.compile_logp(jacobian=False, mode="FAST_COMPILE")
    gradient = model.compile_dlogp(mode="FAST_COMPILE")
    values = model.compile_fn(model.unobserved_value_vars, mode="FAST_COMPILE")
    rng = np.random.default_rng(1)
    for point in (start, {key: value + rng.normal(0, 0.3, np.shape(value)) for key, value in start.items()}):
        found = float(density(point))
        assert np.isfinite(found)
        assert np.isfinite(gradient(point)).all()
        if logp is not None:
            named = dict(zip((v.name for v in model.unobserved_value_vars), values(point), strict=True))
            # PyTensor takes the log of a prior's literal scale in single precision; it is a constant of 1e-7 nats.
            assert found == pytest.approx(logp(named), rel=1e-8, abs=1e-6)
    return model


def assert_refuses(template: Template, options: Mapping[str, Any], *phrases: str) -> None:
    """These options are refused, by the template's name and with every phrase."""
    with pytest.raises(UsageError) as caught:
        template(**options)
    _says(caught.value, template, phrases)


def assert_refuses_data(template: Template, data: Any, *phrases: str) -> None:
    """These data are refused, by the template's name and with every phrase."""
    with pytest.raises(DataError) as caught:
        template(data)
    _says(caught.value, template, phrases)


def _says(error: Exception, template: Template, phrases: tuple[str, ...]) -> None:
    assert str(error).startswith(f"{template.name}: ")
    for phrase in phrases:
        assert phrase in str(error)


def assert_posterior(table: pd.DataFrame, known: pd.DataFrame, errors: float = 5.0) -> None:
    """Means and sds of the draws within ``errors`` Monte-Carlo errors of the known ones.

    ``known`` has the scalars' names as its index and the columns ``mean`` and ``sd``; with columns ``mean_error`` and
    ``sd_error``, where the known figures are themselves estimates, those count too.
    """
    rows = table.loc[known.index]
    for figure in ("mean", "sd"):
        own = known.get(f"{figure}_error", 0.0)
        gap = (rows[figure] - known[figure]).abs() / np.hypot(rows[f"mcse_{figure}"], own)
        assert gap.max() <= errors, f"{figure} of {gap.idxmax()}: {gap.max():.1f} Monte-Carlo errors apart"

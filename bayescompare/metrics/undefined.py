"""What of a scalar's row does not exist: no mean in a Cauchy's tail, no sd of a constant, nothing on a circle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..reasons import Code, Reason
from . import diagnostics as mc

Array = NDArray[np.float64]
Columns = dict[str, Array]

#: What is in posterior sd, or needs one.
_IN_SD = (
    *("z", "z_mcse", "quadratic_regret", "quadratic_regret_mcse", "contraction", "contraction_mcse", "w1", "w1_mcse"),
    *("w1_null", "sd_ratio", "sd_ratio_mcse", "shift_coordinates", "shift_pushforward", "shift_shape"),
    *("shift_shape_mcse", "skewness"),
)


#: What has no meaning on a circle without a gap.
_ON_A_LINE = (
    *("mean", "median", "sd", "mcse_mean", "mcse_sd", "eti_lb", "eti_ub", "eti_lb_mcse", "eti_ub_mcse"),
    *(
        "eti50_lb",
        "eti50_ub",
        "hdi_lb",
        "hdi_ub",
        "rank",
        "rank_mcse",
        "hdi_level",
        "hdi_level_mcse",
        "absolute_regret",
        "absolute_regret_mcse",
    ),
    *("sign_probability", "sign_probability_mcse"),
)


def undefined(
    c: Columns, of: tuple[Array, Array, Array], winding: NDArray[np.bool_], finite: NDArray[np.bool_]
) -> list[Reason | None]:
    """Set to NaN what has no value, and say why of each of k scalars.

    Parameters
    ----------
    c : dict of str to ndarray of shape (k,)
        The columns, which are changed.
    of : tuple of ndarray
        Sorted draws of shape (k, n), their kurtosis and the MAP, of shape (k,).
    winding, finite : ndarray of bool of shape (k,)
        Angles whose draws wind round the circle, and scalars whose draws are all finite.
    """
    ordered, kurtosis, point = of
    constant = ordered[:, 0] == ordered[:, -1]
    index = mc.tail_index(ordered, kurtosis)
    no_variance = (index >= 0.5) & ~constant & finite
    no_mean = (index >= 1) & ~constant & finite
    # Rounding of the mean must not leave a constant an sd of 1e-16.
    c["mean"], c["sd"] = np.where(constant, ordered[:, 0], c["mean"]), np.where(constant, 0.0, c["sd"])
    _blank(c, _IN_SD, constant | no_variance | ~finite)
    _blank(c, ("sd", "mcse_sd"), no_variance | ~finite)
    _blank(c, ("mean", "mcse_mean", "absolute_regret", "absolute_regret_mcse"), no_mean | ~finite)
    _blank(c, ("ess_bulk", "ess_tail", "r_hat", "rank_mcse"), constant | ~finite)
    _blank(c, (*_ON_A_LINE, *_IN_SD), winding)
    atom = (c["width"] == 0) & ~constant & finite
    _blank(c, ("entropy", "width"), constant | atom | ~finite)
    _blank(c, ("absolute_regret", "absolute_regret_mcse", "mcse_mean", "mcse_sd"), constant)
    found = (
        (~finite, Code.SOME_NOT_FINITE),
        (constant, Code.ONE_VALUE),
        (winding, Code.WINDS),
        (no_mean, Code.NO_MEAN),
        (no_variance, Code.NO_VARIANCE),
        (np.isnan(point), Code.NO_MAP),
        (atom, Code.TIES),
    )
    return [
        _reason(next((code for mask, code in found if mask[i]), None), float(index[i])) for i in range(len(ordered))
    ]


def _reason(code: Code | None, k_hat: float) -> Reason | None:
    figures = {"k_hat": k_hat} if code in (Code.NO_MEAN, Code.NO_VARIANCE) else {}
    return None if code is None else Reason(code, figures=figures)


def _blank(c: Columns, names: tuple[str, ...], where: NDArray[np.bool_]) -> None:
    if where.any():
        for name in names:
            c[name] = np.where(where, np.nan, c[name])

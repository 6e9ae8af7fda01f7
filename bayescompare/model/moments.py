"""Mean and variance of a distribution, as graphs of its parameters.

PyMC knows means of most distributions and no variances; its ``support_point`` is not a mean in general. Here is one
table of both, by the name of the operation that draws, with its parameters in that operation's own order. A moment is
infinite, or NaN where it has no value at all (a Cauchy mean), at the parameters where the distribution lacks it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .derived import drawn, is_derived, parameters
from .pymc_internals import printed_name

Pair = tuple[Any, Any]

#: The Euler–Mascheroni constant.
EULER = 0.5772156649015329

#: What has no mean by its nature: values that are names, or points on a circle.
NOT_NUMBERS = {
    "CategoricalRV": "labels",
    "VonMisesRV": "angles",
}

#: Distributions on an interval, and the places of those parameters that say which.
INTERVAL: dict[str, tuple[int, ...]] = {
    "BernoulliRV": (),
    "BetaRV": (),
    "KumaraswamyRV": (),
    "DirichletRV": (),
    "BinomialRV": (0,),
    "BetaBinomialRV": (0,),
    "MultinomialRV": (0,),
    "DirichletMultinomialRV": (0,),
    "UniformRV": (0, 1),
    "DiscreteUniformRV": (0, 1),
    "TriangularRV": (0, 2),
}


class NoMomentsError(NotImplementedError):
    """A distribution without moments in closed form; its text says why."""


def moments(rv: Any) -> Pair:
    """Mean and variance of each scalar of a PyMC distribution, given its parameters.

    Parameters
    ----------
    rv : TensorVariable
        What a distribution's ``dist()`` gives.

    Returns
    -------
    (TensorVariable, TensorVariable)
        Mean and variance; of a multivariate distribution, its margins'. Their shapes broadcast to that of ``rv``.

    Raises
    ------
    NoMomentsError
        Where no closed form is known here.
    """
    name = type(rv.owner.op).__name__
    values = not_numbers(rv)
    if values:
        raise NoMomentsError(f"its values are {values}, which have no mean{' on a line' * (values == 'angles')}")
    if name in ("MixtureRV", "_HurdleRV"):
        return _mixture(*rv.owner.inputs[1:])
    if name == "TruncatedRV":
        return _positive_count(rv)
    if name not in _TABLE:
        raise NoMomentsError(f"no closed form of the mean and variance of {distribution_name(rv)} is known here")
    # Small integers are int8 in PyTensor, and their products overflow.
    return _TABLE[name](*(p.astype("float64") for p in parameters(rv)))


def not_numbers(rv: Any) -> str:
    """What its values are, ``labels`` or ``angles``, where they are no numbers on a line; empty where they are."""
    sources = drawn(rv) if is_derived(rv) else [rv.owner.inputs[0] if _is_partial(rv) else rv]
    kinds = (NOT_NUMBERS.get(type(source.owner.op).__name__, "") for source in sources)
    return next(filter(None, kinds), "")


def bounded(rv: Any, u: Any) -> bool:
    """Whether its values lie in an interval that stays whatever ``u`` is, so that averages over ``u`` exist, too."""
    from pytensor.graph.traversal import ancestors

    if _is_partial(rv):
        return bounded(rv.owner.inputs[0], u)
    places = INTERVAL.get(type(rv.owner.op).__name__)
    if places is None:
        return False
    given = parameters(rv)
    return u not in set(ancestors([given[i] for i in places]))


def distribution_name(rv: Any) -> str:
    """The name that a user of PyMC knows it by: ``Normal``, ``TruncatedPoisson``, ``transformed Normal`` (derived)."""
    if _is_partial(rv):
        return distribution_name(rv.owner.inputs[0])
    if is_derived(rv):
        return f"transformed {' and '.join(dict.fromkeys(map(distribution_name, drawn(rv))))}".strip()
    name = printed_name(rv.owner.op)
    return "CustomDist" if name.startswith("CustomDist_") else name  # PyMC appends the variable's own name


def _is_partial(rv: Any) -> bool:
    """True of what is observed of a variable with missing values."""
    return type(rv.owner.op).__name__ == "PartialObservedRV"


def _mixture(weights: Any, *components: Any) -> Pair:
    import pytensor.tensor as pt

    support = components[0].owner.op.ndim_supp
    axis = -1 - support
    pairs = [moments(component) for component in components]
    if len(components) == 1:  # the mixture lies along its last batch dimension
        mean, variance = pairs[0]
    else:
        shapes = pt.broadcast_arrays(*(part for pair in pairs for part in pair))
        mean, variance = pt.stack(shapes[::2], axis=axis), pt.stack(shapes[1::2], axis=axis)
    weights = pt.shape_padright(weights, support)
    centre = (weights * mean).sum(axis=axis, keepdims=True)
    spread = (weights * (variance + (mean - centre) ** 2)).sum(axis=axis)
    return centre.squeeze(axis=axis), spread


def _positive_count(rv: Any) -> Pair:
    """A count given that it is not 0, as in a hurdle; other truncations have no common closed form."""
    import pytensor.tensor as pt
    from pymc import logcdf
    from pytensor.tensor import TensorConstant

    *inputs, lower, upper = rv.owner.inputs
    base = rv.owner.op.base_rv_op.make_node(*inputs).default_output()
    bounds = isinstance(lower, TensorConstant) and isinstance(upper, TensorConstant)
    if not (bounds and base.dtype.startswith("int") and (lower.data == 1).all() and (upper.data == math.inf).all()):
        raise NoMomentsError(f"no closed form of the mean and variance of {distribution_name(rv)} is known here")
    mean, variance = moments(base)
    positive = -pt.expm1(logcdf(base, pt.zeros((), dtype=base.dtype), warn_rvs=False))
    return mean / positive, (variance + mean**2) / positive - (mean / positive) ** 2


def _where(condition: Any, value: Any, otherwise: float) -> Any:
    import pytensor.tensor as pt

    return pt.switch(condition, value, otherwise)


def _student_t(nu: Any, mu: Any, sigma: Any) -> Pair:
    return _where(nu > 1, mu + 0.0 * sigma, math.nan), _where(nu > 2, sigma**2 * nu / (nu - 2), math.inf)


def _half_student_t(nu: Any, sigma: Any) -> Pair:
    import pytensor.tensor as pt

    ratio = pt.exp(pt.gammaln((nu + 1) / 2) - pt.gammaln(nu / 2))
    mean = 2 * sigma * pt.sqrt(nu / math.pi) * ratio / (nu - 1)
    return _where(nu > 1, mean, math.inf), _where(nu > 2, sigma**2 * nu / (nu - 2) - mean**2, math.inf)


def _skew_student_t(a: Any, b: Any, mu: Any, sigma: Any) -> Pair:
    """Jones and Faddy (2003), section 2."""
    import pytensor.tensor as pt

    ratio = pt.exp(pt.gammaln(a - 0.5) - pt.gammaln(a) + pt.gammaln(b - 0.5) - pt.gammaln(b))
    first = (a - b) * pt.sqrt(a + b) * ratio / 2
    second = (a + b) * ((a - b) ** 2 + a + b - 2) / (4 * (a - 1) * (b - 1))
    narrow = pt.minimum(a, b)
    return (
        _where(narrow > 0.5, mu + sigma * first, math.nan),
        _where(narrow > 1, sigma**2 * (second - first**2), math.inf),
    )


def _skew_normal(mu: Any, sigma: Any, alpha: Any) -> Pair:
    square = 2 / math.pi * alpha**2 / (1 + alpha**2)
    return mu + sigma * alpha * (2 / math.pi / (1 + alpha**2)) ** 0.5, sigma**2 * (1 - square)


def _lognormal(mu: Any, sigma: Any) -> Pair:
    import pytensor.tensor as pt

    return pt.exp(mu + sigma**2 / 2), pt.expm1(sigma**2) * pt.exp(2 * mu + sigma**2)


def _inverse_gamma(alpha: Any, beta: Any) -> Pair:
    return (
        _where(alpha > 1, beta / (alpha - 1), math.inf),
        _where(alpha > 2, beta**2 / ((alpha - 1) ** 2 * (alpha - 2)), math.inf),
    )


def _pareto(alpha: Any, m: Any) -> Pair:
    return (
        _where(alpha > 1, alpha * m / (alpha - 1), math.inf),
        _where(alpha > 2, alpha * m**2 / ((alpha - 1) ** 2 * (alpha - 2)), math.inf),
    )


def _weibull(alpha: Any, beta: Any) -> Pair:
    import pytensor.tensor as pt

    first = pt.gammaln(1 + 1 / alpha)
    return beta * pt.exp(first), beta**2 * pt.exp(2 * first) * pt.expm1(pt.gammaln(1 + 2 / alpha) - 2 * first)


def _kumaraswamy(a: Any, b: Any) -> Pair:
    import pytensor.tensor as pt

    def raw(order: int) -> Any:
        return b * pt.exp(pt.gammaln(1 + order / a) + pt.gammaln(b) - pt.gammaln(1 + order / a + b))

    return raw(1), raw(2) - raw(1) ** 2


def _rice(b: Any, sigma: Any) -> Pair:
    """By the Laguerre polynomial of order ½; ``b`` is nu / sigma."""
    from pytensor.tensor.math import ive

    half = b**2 / 4
    mean = sigma * math.sqrt(math.pi / 2) * ((1 + 2 * half) * ive(0.0, half) + 2 * half * ive(1.0, half))
    return mean, sigma**2 * (2 + b**2) - mean**2


def _beta(a: Any, b: Any) -> Pair:
    return a / (a + b), a * b / ((a + b) ** 2 * (a + b + 1))


def _beta_binomial(n: Any, a: Any, b: Any) -> Pair:
    mean, variance = _beta(a, b)
    return n * mean, n * (a + b + n) * variance


def _hypergeometric(good: Any, bad: Any, n: Any) -> Pair:
    total = good + bad
    return n * good / total, n * good * bad * (total - n) / (total**2 * (total - 1))


def _triangular(lower: Any, c: Any, upper: Any) -> Pair:
    squares = lower**2 + c**2 + upper**2 - lower * c - lower * upper - c * upper
    return (lower + c + upper) / 3, squares / 18


def _multinomial(n: Any, p: Any) -> Pair:
    return n[..., None] * p, n[..., None] * p * (1 - p)


def _dirichlet(a: Any) -> Pair:
    total = a.sum(axis=-1, keepdims=True)
    return _beta(a, total - a)


def _dirichlet_multinomial(n: Any, a: Any) -> Pair:
    total = a.sum(axis=-1, keepdims=True)
    return _beta_binomial(n[..., None], a, total - a)


def _mv_normal(mu: Any, cov: Any) -> Pair:
    import pytensor.tensor as pt

    return mu, pt.diagonal(cov, axis1=-2, axis2=-1)


def _mv_student_t(nu: Any, mu: Any, scale: Any) -> Pair:
    import pytensor.tensor as pt

    return _student_t(nu[..., None], mu, pt.sqrt(pt.diagonal(scale, axis1=-2, axis2=-1)))


#: By operation: a function from its parameters to mean and variance.
_TABLE: dict[str, Callable[..., Pair]] = {
    "NormalRV": lambda mu, sigma: (mu, sigma**2),
    "HalfNormalRV": lambda loc, sigma: (loc + sigma * math.sqrt(2 / math.pi), sigma**2 * (1 - 2 / math.pi)),
    "StudentTRV": _student_t,
    "HalfStudentTRV": _half_student_t,
    "SkewStudentTRV": _skew_student_t,
    "CauchyRV": lambda loc, scale: (0.0 * loc + math.nan, 0.0 * scale + math.inf),
    "HalfCauchyRV": lambda scale: (0.0 * scale + math.inf, 0.0 * scale + math.inf),
    "LaplaceRV": lambda mu, b: (mu, 2 * b**2),
    "AsymmetricLaplaceRV": lambda b, kappa, mu: (mu + (1 / kappa - kappa) / b, (1 + kappa**4) / (kappa * b) ** 2),
    "SkewNormalRV": _skew_normal,
    "ExGaussianRV": lambda mu, sigma, nu: (mu + nu, sigma**2 + nu**2),
    "LogisticRV": lambda mu, s: (mu, (math.pi * s) ** 2 / 3),
    "GumbelRV": lambda mu, beta: (mu + EULER * beta, (math.pi * beta) ** 2 / 6),
    "MoyalRV": lambda mu, sigma: (mu + (EULER + math.log(2)) * sigma, (math.pi * sigma) ** 2 / 2),
    "LogNormalRV": _lognormal,
    "GammaRV": lambda alpha, scale: (alpha * scale, alpha * scale**2),
    "InvGammaRV": _inverse_gamma,
    "ExponentialRV": lambda scale: (scale, scale**2),
    "WeibullBetaRV": _weibull,
    "ParetoRV": _pareto,
    "RiceRV": _rice,
    "WaldRV": lambda mu, lam, alpha: (mu + alpha, mu**3 / lam),
    "BetaRV": _beta,
    "KumaraswamyRV": _kumaraswamy,
    "TriangularRV": _triangular,
    "UniformRV": lambda lower, upper: ((lower + upper) / 2, (upper - lower) ** 2 / 12),
    "DiracDeltaRV": lambda c: (c, 0.0 * c),
    "BernoulliRV": lambda p: (p, p * (1 - p)),
    "BinomialRV": lambda n, p: (n * p, n * p * (1 - p)),
    "BetaBinomialRV": _beta_binomial,
    "PoissonRV": lambda mu: (mu, mu),
    "NegBinomialRV": lambda n, p: (n * (1 - p) / p, n * (1 - p) / p**2),
    "GeometricRV": lambda p: (1 / p, (1 - p) / p**2),
    "HyperGeometricRV": _hypergeometric,
    "DiscreteUniformRV": lambda lower, upper: ((lower + upper) / 2, ((upper - lower + 1) ** 2 - 1) / 12),
    "MvNormalRV": _mv_normal,
    "MvStudentTRV": _mv_student_t,
    "DirichletRV": _dirichlet,
    "MultinomialRV": _multinomial,
    "DirichletMultinomialRV": _dirichlet_multinomial,
}

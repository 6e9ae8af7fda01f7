"""Sparsity from the traced program, colouring, and the factorisations, against dense linear algebra."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.stats import halfnorm, multivariate_normal

from bayescompare.methods.marginal.boolean import DenseError
from bayescompare.methods.marginal.cholesky import PANEL
from bayescompare.methods.marginal.dependence import dependence
from bayescompare.methods.marginal.factor import Blocks, NotPositiveError, Sparse, layout_of
from bayescompare.methods.marginal.latent import latent_block
from bayescompare.methods.marginal.low_rank import LowRank
from bayescompare.methods.marginal.outer import OuterProblem
from bayescompare.methods.marginal.pattern import Pattern, dense, pattern_of
from bayescompare.model.problem import Problem

N = 12
RNG = np.random.default_rng(0)
GROUP = np.repeat(np.arange(N), 3)
DESIGN = np.kron(np.eye(4), np.ones((5, 3)))


def traced(function: Callable[[Any], Any], n: int = N) -> np.ndarray:
    import jax

    jax.config.update("jax_enable_x64", True)
    closed = jax.make_jaxpr(function)(np.zeros(n))
    return dependence(closed, sparse.eye_array(n, dtype=bool, format="csr")).toarray()


def loop(x: Any) -> Any:
    import jax

    return jax.lax.scan(lambda carry, own: (0.5 * carry + own, carry - own**2), 0.0, x)[1]


def cumulated(x: Any) -> Any:
    import jax.numpy as jnp

    return jnp.cumsum(x)


def gathered(x: Any) -> Any:
    import jax.numpy as jnp

    return jnp.zeros(N).at[GROUP].add(jnp.exp(x[GROUP]))


def parted(x: Any) -> Any:
    import jax.numpy as jnp

    first, rest = jnp.split(x, [1])
    return jnp.concatenate([first, rest / 2.0])


def exact(function: Callable[[Any], Any]) -> np.ndarray:
    import jax

    return np.asarray(jax.jacfwd(function)(np.linspace(0.3, 1.7, N))) != 0


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x**2,
        lambda x: x[1:] - x[:-1],
        lambda x: x[::-1] * 2.0,
        lambda x: DESIGN @ x,
        lambda x: (DESIGN @ x) @ DESIGN,
        lambda x: x.reshape(3, 4).sum(axis=0),
        lambda x: (x.reshape(3, 4) @ np.ones((4, 2))).ravel(),
        lambda x: x - x.mean(),
        lambda x: np.where(GROUP[:N] % 2 == 0, 1.0, 0.0) * x,
        gathered,
        parted,
        cumulated,
        loop,
    ],
)
def test_dependence_is_that_of_the_derivative(function: Callable[[Any], Any]) -> None:
    np.testing.assert_array_equal(traced(function), exact(function))


def test_an_unknown_operation_depends_on_all_that_goes_in() -> None:
    import jax.numpy as jnp

    assert traced(lambda x: jnp.sort(x[:4])).tolist() == [[i < 4 for i in range(N)]] * 4


def test_a_dependence_that_cannot_be_held_is_dense() -> None:
    import jax.numpy as jnp

    with pytest.raises(DenseError):
        traced(lambda x: jnp.cumsum(x), 10_000)


def matrix(kind: str, n: int = 60) -> np.ndarray:
    """A random positive definite matrix of each shape of sparsity."""
    mask = np.eye(n, dtype=bool)
    if kind == "blocks":
        mask |= np.arange(n)[:, None] // 3 == np.arange(n) // 3
    elif kind == "border":
        mask[:, -2:] = mask[-2:, :] = True
        mask |= np.arange(n)[:, None] // 2 == np.arange(n) // 2
    elif kind == "band":
        mask |= np.abs(np.arange(n)[:, None] - np.arange(n)) <= 2
    elif kind == "crossed":
        rows = RNG.integers(0, n, (2, 2 * n))
        mask[rows[0], rows[1]] = mask[rows[1], rows[0]] = True
    elif kind == "dense":
        mask[:] = True
    own = RNG.normal(size=(n, n)) * mask
    own = own + own.T
    return own + np.diag(np.abs(own).sum(axis=1) + 1.0)


KINDS = ("diagonal", "blocks", "border", "band", "crossed", "dense")


def entries(pattern: Pattern, *matrices: np.ndarray) -> np.ndarray:
    return np.stack([m[pattern.rows, pattern.columns] for m in matrices])


@pytest.mark.parametrize("kind", KINDS)
def test_every_entry_is_read_from_one_product(kind: str) -> None:
    h = matrix(kind)
    pattern = pattern_of(sparse.csr_array(h != 0))
    products = pattern.seeds @ h
    assert_allclose(products[pattern.product, pattern.place], h[pattern.rows, pattern.columns], rtol=1e-12)
    rebuilt = np.zeros_like(h)
    rebuilt[pattern.rows, pattern.columns] = products[pattern.product, pattern.place]
    assert_allclose(rebuilt, h, rtol=1e-12)


@pytest.mark.parametrize(("kind", "most"), [("diagonal", 1), ("blocks", 3), ("border", 4), ("band", 5)])
def test_few_products_hold_a_sparse_hessian(kind: str, most: int) -> None:
    assert pattern_of(sparse.csr_array(matrix(kind) != 0)).count <= most


@pytest.mark.parametrize("general", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_factorisations_are_those_of_the_dense_matrix(kind: str, general: bool) -> None:
    pattern = pattern_of(sparse.csr_array(matrix(kind) != 0))
    two = [matrix(kind) * (pattern.matrix().toarray()) for _ in range(2)]
    layout = Sparse(pattern) if general else layout_of(pattern)
    factor = layout.factor(entries(pattern, *two))
    right = RNG.normal(size=(2, pattern.size))
    assert_allclose(factor.log_determinant, [np.linalg.slogdet(m)[1] for m in two], rtol=1e-10)
    assert_allclose(factor.solve(right), [np.linalg.solve(m, r) for m, r in zip(two, right, strict=True)], atol=1e-10)
    assert_allclose(factor.inverse(), entries(pattern, *(np.linalg.inv(m) for m in two)), atol=1e-10)


@pytest.mark.parametrize("general", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_draws_have_the_inverse_as_their_covariance(kind: str, general: bool) -> None:
    h = matrix(kind, 20)
    pattern = pattern_of(sparse.csr_array(h != 0))
    layout = Sparse(pattern) if general else layout_of(pattern)
    root = np.concatenate([layout.factor(entries(pattern, h)).draw(z[None]) for z in np.eye(20)])
    assert_allclose(root.T @ root, np.linalg.inv(h), atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", [Sparse, layout_of])
def test_a_matrix_that_is_not_positive_definite_is_refused(kind: str, layout: Callable[[Pattern], Any]) -> None:
    h = matrix(kind)
    h[7, 7] = -1.0
    pattern = pattern_of(sparse.csr_array(h != 0))
    with pytest.raises(NotPositiveError):
        layout(pattern).factor(entries(pattern, h))


def test_small_blocks_and_their_border_are_found() -> None:
    def layout(kind: str) -> Blocks:
        found = layout_of(pattern_of(sparse.csr_array(matrix(kind, 600) != 0)))
        assert isinstance(found, Blocks)
        return found

    assert (layout("diagonal").width, len(layout("diagonal").border)) == (1, 0)
    assert (layout("blocks").width, layout("blocks").count) == (3, 200)
    assert len(layout("border").border) == 2
    assert isinstance(layout_of(pattern_of(sparse.csr_array(matrix("band", 600) != 0))), Sparse)
    assert layout_of(dense(50)).kind == "dense"


def test_the_full_columns_of_a_sparse_factor_go_in_panels() -> None:
    h = matrix("crossed", 700)
    pattern = pattern_of(sparse.csr_array(h != 0))
    layout = Sparse(pattern)
    assert PANEL < 700 - layout.symbolic.tail < 700
    factor = layout.factor(entries(pattern, h))
    assert_allclose(factor.log_determinant, np.linalg.slogdet(h)[1], rtol=1e-12)
    assert_allclose(factor.inverse(), entries(pattern, np.linalg.inv(h)), atol=1e-12)
    assert_allclose(h @ factor.solve(np.ones((1, 700)))[0], np.ones(700), atol=1e-10)


# -- sums over the block ---------------------------------------------------------------------------


def laplacian(rows: int, columns: int) -> np.ndarray:
    """Of a grid of areas."""
    at = np.arange(rows * columns).reshape(rows, columns)
    found = np.zeros((at.size, at.size))
    for first, second in ((at[:, 1:], at[:, :-1]), (at[1:], at[:-1])):
        found[first.ravel(), second.ravel()] = found[second.ravel(), first.ravel()] = -1.0
    return found - np.diag(found.sum(axis=1))


def test_a_singular_matrix_with_a_part_of_low_rank_is_factorised() -> None:
    s = laplacian(6, 7)
    pattern = pattern_of(sparse.csr_array(s != 0))
    u = np.stack([np.full(42, 0.3), np.cos(np.arange(42))])
    c = np.stack([np.full(42, 2.0), -0.01 * np.cos(np.arange(42))])
    h = s + u.T @ c
    layout = LowRank(pattern, Sparse(pattern), 2)
    factor = layout.factor(np.concatenate([entries(pattern, s)[0], u.ravel(), c.ravel()])[None])
    inverse = np.linalg.inv(h)
    assert_allclose(factor.log_determinant, np.linalg.slogdet(h)[1], rtol=1e-10)
    assert_allclose(factor.solve(np.eye(42)), inverse, atol=1e-10)
    derivative = np.concatenate([entries(pattern, inverse)[0], (c @ inverse).ravel(), (u @ inverse).ravel()])
    assert_allclose(factor.inverse()[0], derivative, atol=1e-10)
    root = np.concatenate([factor.draw(z[None]) for z in np.eye(42)])
    assert_allclose(root.T @ root, inverse, atol=1e-10)
    with pytest.raises(NotPositiveError):
        layout.factor(np.concatenate([entries(pattern, s)[0], -u.ravel(), c.ravel()])[None])


def penalised(sd: Any, n: int) -> Any:
    return sd * pm.ICAR("x", W=-laplacian(18, n // 18) + np.diag(np.diag(laplacian(18, n // 18))))


def centred(sd: Any, n: int) -> Any:
    x = pm.Normal("x", 0.0, sd, shape=n)
    return x - x.mean()


FORMS: dict[str, tuple[Callable[..., Any], Callable[[int], np.ndarray]]] = {
    "a penalty": (penalised, lambda n: np.linalg.inv(laplacian(18, n // 18) + 1 / (0.001 * n) ** 2)),
    "a mean": (centred, lambda n: np.eye(n) - 1 / n),
    "a constraint": (lambda sd, n: pm.ZeroSumNormal("x", sd, shape=n), lambda n: np.eye(n) - 1 / n),
}


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_block_tied_by_a_sum_has_the_exact_marginal_density_and_no_dense_hessian(form: str) -> None:
    n = 450
    build, covariance = FORMS[form]
    y = np.random.default_rng(0).normal(0.5, 1.3, n)
    with pm.Model() as model:
        sd = pm.HalfNormal("sd", 2.0)
        pm.Normal("y", build(sd, n), 1.0, observed=y)
    problem = Problem(model)
    density = OuterProblem.of(problem, latent_block(problem)).marginal
    assert len(density.joint.pattern.rows) <= 6 * n
    law = covariance(n)

    def exact(phi: float) -> float:
        sd = np.exp(phi)
        height = multivariate_normal(np.zeros(n), np.eye(n) + sd**2 * law).logpdf(y)
        return float(height + halfnorm(scale=2).logpdf(sd))

    weights = (1.0, 1.0, 0.0)
    found = {phi: density(np.array([phi]), weights) for phi in (-1.0, 0.2)}
    # An intrinsic autoregression's density is known up to a constant.
    assert found[0.2][0] - found[-1.0][0] == pytest.approx(exact(0.2) - exact(-1.0), abs=1e-8)
    for phi, (_, gradient) in found.items():
        slope = (8 * (exact(phi + 1e-3) - exact(phi - 1e-3)) - exact(phi + 2e-3) + exact(phi - 2e-3)) / 12e-3
        assert gradient[0] == pytest.approx(slope, rel=1e-7, abs=1e-7)

"""The functions of `keras.ops.linalg` that differ from `jax.numpy.linalg`."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jkeras.core.errors import WrongTypeError, describe
from jkeras.ops import subgradients

if TYPE_CHECKING:
    from jax.typing import ArrayLike

Array = jax.Array


def cholesky(x: Array, upper: bool = False) -> Array:
    """The triangular root of a positive definite matrix: `root @ rootᵀ`, or `rootᵀ @ root`.

    Raises:
      ValueError: the matrix is not positive definite (under `jit` the result is NaN instead).
    """
    _check_square("cholesky", "x", x)
    root = jnp.linalg.cholesky(x, upper=upper)
    if not isinstance(root, jax.core.Tracer) and bool(jnp.isnan(root).any()):
        raise ValueError(
            f"ops.cholesky: expected `x` positive definite, got a matrix of shape {x.shape} "
            "that is not. Add a little to its diagonal: x + 1e-6 * ops.eye(n)."
        )
    return root


def cholesky_inverse(x: Array, upper: bool = False) -> Array:
    """The inverse of each matrix whose triangular root is in `x` (`[..., n, n]`)."""
    _check_square("cholesky_inverse", "x", x)
    identity = jnp.broadcast_to(jnp.eye(x.shape[-1], dtype=x.dtype), x.shape)
    inverse = jax.scipy.linalg.solve_triangular(x, identity, lower=not upper)
    turned = jnp.swapaxes(inverse, -1, -2)
    return inverse @ turned if upper else turned @ inverse


def det(x: Array) -> Array:
    """The determinants of matrices."""
    _check_square("det", "x", x)
    return jnp.linalg.det(x)


def eig(x: Array) -> tuple[Array, Array]:
    """The eigenvalues and eigenvectors of matrices, complex; on the CPU only."""
    _check_square("eig", "x", x)
    values, vectors = jnp.linalg.eig(x)
    return values, vectors


def eigh(x: Array) -> tuple[Array, Array]:
    """The eigenvalues, ascending, and eigenvectors of symmetric matrices."""
    _check_square("eigh", "x", x)
    values, vectors = jnp.linalg.eigh(x)
    return values, vectors


def inv(x: Array) -> Array:
    """The inverses of matrices."""
    _check_square("inv", "x", x)
    return jnp.linalg.inv(x)


def lstsq(a: Array, b: Array, rcond: float | None = None) -> Array:
    """The `x` with the smallest `‖a x - b‖`."""
    return jnp.linalg.lstsq(a, b, rcond=rcond)[0]


def lu_factor(x: Array) -> tuple[Array, Array]:
    """The LU decomposition in one matrix, and the rows that were exchanged."""
    _check_matrices("lu_factor", "x", x)
    factor = jax.scipy.linalg.lu_factor
    for _ in range(x.ndim - 2):
        factor = jax.vmap(factor)
    lu, pivots = factor(x)
    return lu, pivots


def matrix_power(x: Array, n: int) -> Array:
    """The product of `n` times the same matrix; for a negative `n`, of its inverse.

    Args:
      x: `[..., m, m]`.
      n: an integer; 0 gives the identity.

    Raises:
      TypeError: `n` is no integer.
      ValueError: the matrices are not square.

    Source: `numpy.linalg.matrix_power`; new in Keras 3.16.
    """
    _check_square("matrix_power", "x", x)
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise WrongTypeError(f"ops.matrix_power: `n`: expected an integer, got {describe(n)}.")
    return jnp.linalg.matrix_power(x, operator.index(n))


def matrix_rank(x: Array, tol: ArrayLike | None = None) -> Array:
    """The number of singular values above `tol`, as int32."""
    _check_matrices("matrix_rank", "x", x)
    return jnp.linalg.matrix_rank(x, rtol=None if tol is None else tol).astype(jnp.int32)


def norm(
    x: Array,
    ord: Any = None,
    axis: int | tuple[int, ...] | list[int] | None = None,
    keepdims: bool = False,
) -> Array:
    """The norm of vectors or matrices; integers count as floats."""
    x = x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(jnp.float32)
    axis = tuple(axis) if isinstance(axis, list) else axis
    return subgradients.norm(x, ord=ord, axis=axis, keepdims=keepdims)


def qr(x: Array, mode: str = "reduced") -> Any:
    """An orthogonal and an upper triangular matrix with the product `x`."""
    if mode not in ("reduced", "complete"):
        raise ValueError(f"ops.qr: expected `mode` 'reduced' or 'complete', got {mode!r}.")
    _check_matrices("qr", "x", x)
    return jnp.linalg.qr(x, mode=mode)


def solve(a: Array, b: Array) -> Array:
    """The `x` with `a x = b`: for each matrix `[..., n, n]` a vector `[..., n]` or `[..., n, k]`.

    Example:
      >>> a = jnp.stack([jnp.eye(2), 2 * jnp.eye(2)])
      >>> solve(a, jnp.array([[1.0, 2.0], [3.0, 4.0]])).tolist()
      [[1.0, 2.0], [1.5, 2.0]]
    """
    _check_square("solve", "a", a)
    if not 1 <= b.ndim <= a.ndim or b.shape[-1 if b.ndim == a.ndim - 1 else -2] != a.shape[-1]:
        raise ValueError(
            f"ops.solve: expected `b` [..., n] or [..., n, k] beside `a` [..., n, n], got shapes "
            f"{b.shape} and {a.shape}."
        )
    if b.ndim == a.ndim - 1:
        return jnp.linalg.solve(a, b[..., None])[..., 0]
    return jnp.linalg.solve(a, b)


def solve_triangular(a: Array, b: Array, lower: bool = False) -> Array:
    """The same, where `a` is an upper (or lower) triangular matrix."""
    _check_square("solve_triangular", "a", a)
    return jax.scipy.linalg.solve_triangular(a, b, lower=lower)


def _check_matrices(who: str, argument: str, x: Array) -> None:
    if x.ndim < 2:
        raise ValueError(
            f"ops.{who}: expected `{argument}` a matrix or a batch of them, got shape {x.shape}."
        )


def _check_square(who: str, argument: str, x: Array) -> None:
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ValueError(
            f"ops.{who}: expected `{argument}` [..., n, n], square matrices, got shape {x.shape}."
        )

"""The functions of `keras.ops.linalg` that differ from `jax.numpy.linalg`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jkeras.ops import subgradients

if TYPE_CHECKING:
    from jax.typing import ArrayLike

Array = jax.Array


def cholesky(x: Array, upper: bool = False) -> Array:
    """The triangular root of a positive definite matrix: `root @ rootᵀ`, or `rootᵀ @ root`.

    Raises:
      ValueError: the matrix is not positive definite (under `jit` the result is NaN instead).
    """
    root = jnp.linalg.cholesky(x, upper=upper)
    if not isinstance(root, jax.core.Tracer) and bool(jnp.isnan(root).any()):
        raise ValueError(
            f"ops.cholesky: expected `x` positive definite, got a matrix of shape {x.shape} "
            "that is not. Add a little to its diagonal: x + 1e-6 * ops.eye(n)."
        )
    return root


def cholesky_inverse(x: Array, upper: bool = False) -> Array:
    """The inverse of the matrix whose triangular root is `x` (`[n, n]`)."""
    inverse = jax.scipy.linalg.solve_triangular(x, jnp.eye(len(x), dtype=x.dtype), lower=not upper)
    return inverse @ inverse.T if upper else inverse.T @ inverse


def lstsq(a: Array, b: Array, rcond: float | None = None) -> Array:
    """The `x` with the smallest `‖a x - b‖`."""
    return jnp.linalg.lstsq(a, b, rcond=rcond)[0]


def lu_factor(x: Array) -> tuple[Array, Array]:
    """The LU decomposition in one matrix, and the rows that were exchanged."""
    factor = jax.scipy.linalg.lu_factor
    for _ in range(x.ndim - 2):
        factor = jax.vmap(factor)
    lu, pivots = factor(x)
    return lu, pivots


def matrix_rank(x: Array, tol: ArrayLike | None = None) -> Array:
    """The number of singular values above `tol`, as int32."""
    if x.ndim < 2:
        raise ValueError(f"ops.matrix_rank: expected `x` a matrix, got shape {x.shape}.")
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
    return jnp.linalg.qr(x, mode=mode)

"""`to_categorical` and `normalize`: one-hot rows, and vectors of length one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.errors import WrongTypeError, describe

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def to_categorical(x: ArrayLike | jax.Array, num_classes: int | None = None) -> Any:
    """Class ids as one-hot rows.

    Args:
      x: integers in [0, num_classes), any shape; a last axis of size one is dropped.
      num_classes: the number of classes; the largest id plus one when left out, which a compiled
        program cannot know.

    Returns:
      float32 of shape `[..., num_classes]`: a JAX array if `x` is one, else a NumPy array. In a
      compiled program the row of an id out of range is zeros.

    Raises:
      TypeError: `x` holds no numbers.
      ValueError: ids that are negative, not whole, or too large.

    Example:
      >>> to_categorical([0, 2], 3).tolist()
      [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]

    Source: `keras.utils.to_categorical`.
    """
    if isinstance(x, jax.core.Tracer) and num_classes is not None:
        column = x.ndim > 1 and x.shape[-1] == 1
        return jax.nn.one_hot(x[..., 0] if column else x, num_classes, dtype=np.float32)
    values = np.asarray(x)
    if values.dtype.kind not in "buif":
        raise WrongTypeError(f"to_categorical: `x`: expected class ids, got {describe(values)}.")
    with np.errstate(invalid="ignore"):  # NaN and infinity are no whole numbers, and raise below
        ids = values.astype(np.int64)
    whole = bool((values == ids).all())
    if ids.ndim > 1 and ids.shape[-1] == 1:
        ids = ids[..., 0]
    largest = int(ids.max(initial=-1))
    classes = largest + 1 if num_classes is None else num_classes
    if not whole or ids.min(initial=0) < 0 or largest >= classes:
        raise ValueError(
            f"to_categorical: `x`: expected whole numbers from 0 to {classes - 1}, got values from "
            f"{values.min()} to {values.max()}. Set `num_classes` above the largest id."
        )
    rows = np.eye(classes, dtype=np.float32)[ids]
    return jnp.asarray(rows) if isinstance(x, jax.Array) else rows


def normalize(x: ArrayLike, axis: int = -1, order: float = 2) -> Any:
    """Vectors along an axis, divided by their norm; a vector of zeros stays.

    Args:
      x: floating, any shape.
      axis: the axis along which the vectors lie.
      order: the order of the norm: 2 for the Euclidean norm, 1 for the sum of magnitudes, `inf` for
        the largest magnitude.

    Returns:
      A JAX array if `x` is one, else a NumPy array.

    Raises:
      TypeError: `x` holds no numbers.
      ValueError: `x` has no such axis.

    Example:
      >>> normalize(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
      [[0.6, 0.8], [0.0, 0.0]]

    Source: `keras.utils.normalize`.
    """
    numpy: Any = jnp if isinstance(x, jax.Array) else np
    vectors = numpy.asarray(x)
    if vectors.dtype.kind not in "buif" and not jnp.issubdtype(vectors.dtype, jnp.floating):
        raise WrongTypeError(f"normalize: `x`: expected numbers, got {describe(x)}.")
    if not -vectors.ndim <= axis < vectors.ndim:
        raise ValueError(f"normalize: `axis`: expected an axis of {describe(vectors)}, got {axis}.")
    norm = numpy.linalg.norm(vectors, order, axis, keepdims=True)
    return vectors / numpy.where(norm == 0, numpy.ones_like(norm), norm)

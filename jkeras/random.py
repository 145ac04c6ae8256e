"""The functions of `keras.random`: random arrays from a shape and a seed.

A seed is an integer, a JAX key, or a `SeedGenerator`. Laws: the same seed gives the same array, bit
for bit that of Keras on JAX; without a seed every call uses the next seed of the sequence that
`jkeras.utils.set_random_seed` starts; inside a compiled program a seed is required.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike

from jkeras.core.dtype_policy import floatx, requested_dtype
from jkeras.core.errors import WrongTypeError, describe, named_arguments
from jkeras.core.keys import Key
from jkeras.core.seeds import SeedGenerator, key_of

Array = jax.Array
Shape = Sequence[int]
Seed: TypeAlias = int | np.integer | Array | np.ndarray | SeedGenerator | None
"""An integer, a key or its two numbers, or a generator; None for the next default key."""

__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]


@named_arguments
def normal(
    shape: Shape,
    mean: ArrayLike = 0.0,
    stddev: ArrayLike = 1.0,
    dtype: DTypeLike | None = None,
    seed: Seed = None,
) -> Array:
    """Normally distributed numbers.

    Example:
      >>> key = jax.random.key(0)
      >>> bool((normal((2,), seed=key) == normal((2,), seed=key)).all())
      True
    """
    key, shape, dtype = _checked("normal", shape, dtype, seed)
    return jax.random.normal(key, shape, dtype) * stddev + mean


@named_arguments
def truncated_normal(
    shape: Shape,
    mean: ArrayLike = 0.0,
    stddev: ArrayLike = 1.0,
    dtype: DTypeLike | None = None,
    seed: Seed = None,
) -> Array:
    """Normally distributed numbers within two standard deviations of the mean."""
    key, shape, dtype = _checked("truncated_normal", shape, dtype, seed)
    return jax.random.truncated_normal(key, -2.0, 2.0, shape, dtype) * stddev + mean


@named_arguments
def uniform(
    shape: Shape,
    minval: ArrayLike = 0.0,
    maxval: ArrayLike = 1.0,
    dtype: DTypeLike | None = None,
    seed: Seed = None,
) -> Array:
    """Numbers between `minval` (included) and `maxval`, all equally probable.

    Raises:
      ValueError: `dtype` is no floating dtype, here as in all functions but `randint` and
        `categorical`.
    """
    key, shape, dtype = _checked("uniform", shape, dtype, seed)
    return jax.random.uniform(key, shape, dtype, minval, maxval)


@named_arguments
def randint(
    shape: Shape,
    minval: ArrayLike,
    maxval: ArrayLike,
    dtype: DTypeLike = "int32",
    seed: Seed = None,
) -> Array:
    """Integers from `minval` to `maxval - 1`, all equally probable.

    Raises:
      ValueError: `dtype` is no integer dtype.
    """
    key, shape, dtype = _checked("randint", shape, dtype, seed, jnp.integer)
    return jax.random.randint(key, shape, minval, maxval, dtype)


@named_arguments
def gamma(
    shape: Shape, alpha: ArrayLike, dtype: DTypeLike | None = None, seed: Seed = None
) -> Array:
    """Numbers of the gamma distribution with shape `alpha` and scale 1."""
    key, shape, dtype = _checked("gamma", shape, dtype, seed)
    return jax.random.gamma(key, jnp.asarray(alpha), shape, dtype)


@named_arguments
def beta(
    shape: Shape,
    alpha: ArrayLike,
    beta: ArrayLike,
    dtype: DTypeLike | None = None,
    seed: Seed = None,
) -> Array:
    """Numbers of the beta distribution, between 0 and 1."""
    key, shape, dtype = _checked("beta", shape, dtype, seed)
    return jax.random.beta(key, jnp.asarray(alpha), jnp.asarray(beta), shape, dtype)


@named_arguments
def binomial(
    shape: Shape,
    counts: ArrayLike,
    probabilities: ArrayLike,
    dtype: DTypeLike | None = None,
    seed: Seed = None,
) -> Array:
    """The numbers of successes in `counts` trials, as floats."""
    key, shape, dtype = _checked("binomial", shape, dtype, seed)
    trials, chances = jnp.asarray(counts), jnp.asarray(probabilities)
    return jax.random.binomial(key, trials, chances, shape, dtype)


@named_arguments
def categorical(
    logits: ArrayLike, num_samples: int, dtype: DTypeLike = "int32", seed: Seed = None
) -> Array:
    """Class indices `[batch, num_samples]` from the softmax of `logits` `[batch, classes]`.

    Raises:
      ValueError: `logits` is not a matrix.
    """
    logits = jnp.asarray(logits)
    if logits.ndim != 2:
        raise ValueError(
            f"categorical: expected `logits` [batch, classes], got shape {logits.shape}. "
            "For one row: logits[None]."
        )
    key, shape, dtype = _checked(
        "categorical", (logits.shape[0], num_samples), dtype, seed, np.generic
    )
    return jax.random.categorical(key, logits[..., None], axis=1, shape=shape).astype(dtype)


@named_arguments
def dropout(
    inputs: ArrayLike,
    rate: float,
    noise_shape: Sequence[int | None] | None = None,
    seed: Seed = None,
) -> Array:
    """`inputs` with a share `rate` set to 0 and the others divided by `1 - rate`.

    Args:
      inputs: floating.
      rate: the share, from 0 to 1.
      noise_shape: the shape of the mask, which broadcasts; None in it is the size of the inputs.
      seed: an integer, a JAX key, or a `SeedGenerator`.

    Raises:
      ValueError: `rate` is outside [0, 1].
    """
    inputs = jnp.asarray(inputs)
    if not 0 <= rate <= 1:
        raise ValueError(f"dropout: expected `rate` from 0 to 1, got {rate!r}.")
    if rate in (0, 1):
        return inputs if rate == 0 else jnp.zeros_like(inputs)
    sizes = inputs.shape if noise_shape is None else noise_shape
    shape = [size if n is None else n for n, size in zip(sizes, inputs.shape, strict=True)]
    kept = jax.random.bernoulli(key_of("dropout", seed), 1 - rate, shape)
    return jnp.where(kept, inputs / (1 - rate), jnp.zeros_like(inputs))


@named_arguments
def shuffle(x: ArrayLike, axis: int = 0, seed: Seed = None) -> Array:
    """`x` with the entries along `axis` shuffled, independently for each line along the axis."""
    return jax.random.permutation(key_of("shuffle", seed), jnp.asarray(x), axis, independent=True)


def _checked(
    who: str, shape: object, dtype: DTypeLike | None, seed: Seed, kind: type = jnp.floating
) -> tuple[Key, tuple[int, ...], np.dtype]:
    """The key, the shape as a tuple, and the dtype of a kind, `floatx()` for None.

    Raises:
      TypeError: the shape is not a tuple or list of sizes.
      ValueError: the dtype is of another kind.
    """
    sizes = tuple(shape) if isinstance(shape, tuple | list) else shape
    if not isinstance(sizes, tuple) or not all(hasattr(n, "__index__") for n in sizes):
        fix = f" Write ({shape},)." if isinstance(shape, int) else ""
        raise WrongTypeError(
            f"{who}: `shape`: expected a tuple of sizes, got {describe(shape)}.{fix}"
        )
    numbers = requested_dtype(floatx() if dtype is None else dtype)
    if not jnp.issubdtype(numbers, kind):
        expected = "an integer" if kind is jnp.integer else "a floating"
        raise ValueError(f"{who}: expected {expected} `dtype`, got {numbers.name!r}.")
    return key_of(who, seed), sizes, numbers

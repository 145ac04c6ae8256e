"""Random arrays under Keras's names: functions of a shape and a seed.

A seed is an integer, a key of JAX, or a `SeedGenerator`. Laws: the same seed gives the same array,
to the digit Keras's on JAX; without a seed every call draws anew, from the sequence that
`jkeras.utils.set_random_seed` starts; inside a compiled program a seed must be there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core.errors import describe, named_arguments
from jkeras.core.seeds import SeedGenerator, key_of
from jkeras.core.trees import dtype_of

Array = jax.Array
Shape = Sequence[int]

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
    shape: Shape, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
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
    shape: Shape, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
) -> Array:
    """Normally distributed numbers within two standard deviations of the mean."""
    key, shape, dtype = _checked("truncated_normal", shape, dtype, seed)
    return jax.random.truncated_normal(key, -2.0, 2.0, shape, dtype) * stddev + mean


@named_arguments
def uniform(
    shape: Shape, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None
) -> Array:
    """Numbers between `minval` (included) and `maxval`, all equally probable."""
    key, shape, dtype = _checked("uniform", shape, dtype, seed)
    return jax.random.uniform(key, shape, dtype, minval, maxval)


@named_arguments
def randint(
    shape: Shape, minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None
) -> Array:
    """Integers from `minval` to `maxval - 1`, all equally probable."""
    key, shape, dtype = _checked("randint", shape, dtype, seed)
    return jax.random.randint(key, shape, minval, maxval, dtype)


@named_arguments
def gamma(shape: Shape, alpha: Any, dtype: Any = None, seed: Any = None) -> Array:
    """Numbers of the gamma distribution with shape `alpha` and scale 1."""
    key, shape, dtype = _checked("gamma", shape, dtype, seed)
    return jax.random.gamma(key, jnp.asarray(alpha), shape, dtype)


@named_arguments
def beta(shape: Shape, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> Array:
    """Numbers of the beta distribution, between 0 and 1."""
    key, shape, dtype = _checked("beta", shape, dtype, seed)
    return jax.random.beta(key, jnp.asarray(alpha), jnp.asarray(beta), shape, dtype)


@named_arguments
def binomial(
    shape: Shape, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None
) -> Array:
    """How many of `counts` trials succeed, as floats."""
    key, shape, dtype = _checked("binomial", shape, dtype, seed)
    trials, chances = jnp.asarray(counts), jnp.asarray(probabilities)
    return jax.random.binomial(key, trials, chances, shape, dtype)


@named_arguments
def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Array:
    """Class indices `[batch, num_samples]`, drawn by the softmax of `logits` `[batch, classes]`.

    Raises:
      ValueError: `logits` is no matrix.
    """
    logits = jnp.asarray(logits)
    if logits.ndim != 2:
        raise ValueError(
            f"categorical: expected `logits` [batch, classes], got shape {logits.shape}. "
            "For one row: logits[None]."
        )
    shape = (logits.shape[0], num_samples)
    key, shape, dtype = _checked("categorical", shape, dtype, seed)
    return jax.random.categorical(key, logits[..., None], axis=1, shape=shape).astype(dtype)


@named_arguments
def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Array:
    """`inputs` with a share `rate` set to 0 and the others divided by `1 - rate`.

    Args:
      inputs: floating.
      rate: the share, from 0 to 1.
      noise_shape: the shape of what is drawn, which broadcasts; None in it is the inputs' size.
      seed: as everywhere.

    Raises:
      ValueError: `rate` is outside [0, 1].
    """
    inputs = jnp.asarray(inputs)
    if not 0 <= rate <= 1:
        raise ValueError(f"dropout: expected `rate` from 0 to 1, got {rate!r}.")
    if rate in (0, 1):
        return inputs if rate == 0 else jnp.zeros_like(inputs)
    given = inputs.shape if noise_shape is None else noise_shape
    shape = [size if n is None else n for n, size in zip(given, inputs.shape, strict=True)]
    kept = jax.random.bernoulli(key_of("dropout", seed), 1 - rate, shape)
    return jnp.where(kept, inputs / (1 - rate), jnp.zeros_like(inputs))


@named_arguments
def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Array:
    """`x` with the entries of every line along `axis` in another order, each line its own."""
    return jax.random.permutation(key_of("shuffle", seed), jnp.asarray(x), axis, independent=True)


def _checked(who: str, shape: Any, dtype: Any, seed: Any) -> tuple[Any, Any, Any]:
    """The key, the shape as a tuple, and the dtype (float32 for None).

    Raises:
      TypeError: the shape is no tuple or list of sizes.
    """
    sizes = tuple(shape) if isinstance(shape, tuple | list) else shape
    if not isinstance(sizes, tuple) or not all(hasattr(n, "__index__") for n in sizes):
        fix = f" Write ({shape},)." if isinstance(shape, int) else ""
        raise TypeError(f"{who}: `shape`: expected a tuple of sizes, got {describe(shape)}.{fix}")
    return key_of(who, seed), sizes, dtype_of("float32" if dtype is None else dtype)

"""The functions of `keras.ops.nn` about normalization, one-hot codes and attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core.dtype_policy import floatx
from jkeras.core.errors import unexpected_arguments
from jkeras.ops import subgradients
from jkeras.ops.linear import along

Array = jax.Array
DType = Any
Axes = int | Sequence[int]

EPSILON = 1e-7
"""`keras.config.epsilon()`."""


def one_hot(
    x: Array, num_classes: int, axis: int = -1, dtype: DType = None, sparse: bool = False
) -> Array:
    """1 at each class and 0 elsewhere along a new axis; a class outside the range gives zeros."""
    _refuse_sparse("one_hot", sparse)
    x = x if jnp.issubdtype(x.dtype, jnp.integer) else x.astype(jnp.int32)
    return jax.nn.one_hot(x, num_classes, axis=axis, dtype=dtype or floatx())


def multi_hot(
    inputs: Array,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: DType = None,
    sparse: bool = False,
    **kwargs: Any,
) -> Array:
    """1 at each class that occurs: `[batch, n]` class indices to `[batch, num_classes]`."""
    count = kwargs.pop("num_tokens", num_classes) if num_classes is None else num_classes
    error = unexpected_arguments("ops.multi_hot", kwargs, ["inputs", "num_classes", "axis"])
    if error is not None:
        raise error
    if count is None:
        raise ValueError("ops.multi_hot: expected `num_classes`, the number of classes, got None.")
    _refuse_sparse("multi_hot", sparse)
    codes = one_hot(inputs.astype(jnp.int32), count, axis=axis, dtype=dtype)
    return jnp.max(codes, axis=1 if inputs.ndim > 1 else 0)


def moments(
    x: Array, axes: Axes, keepdims: bool = False, synchronized: bool = False
) -> tuple[Array, Array]:
    """Mean and variance over `axes`; of half precision computed in float32."""
    if synchronized:
        raise ValueError(
            "ops.moments: expected `synchronized` False, got True. Inside jax.shard_map take "
            "jax.lax.pmean of the moments."
        )
    axes = tuple(axes) if isinstance(axes, list) else axes
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    mean, variance = jnp.mean(wide, axes, keepdims=keepdims), jnp.var(wide, axes, keepdims=keepdims)
    if x.dtype not in (jnp.float16, jnp.bfloat16):
        return mean, variance
    limit = float(jnp.finfo(jnp.float16).max)
    mean, variance = (jnp.clip(y, -limit, limit).astype(x.dtype) for y in (mean, variance))
    return mean, variance


def batch_normalization(
    x: Array,
    mean: Array,
    variance: Array,
    axis: int,
    offset: Array | None = None,
    scale: Array | None = None,
    epsilon: float = 0.001,
) -> Array:
    """`(x - mean) / √(variance + epsilon) · scale + offset`, along `axis`."""
    weights = {"mean": mean, "variance": variance, "offset": offset, "scale": scale}
    for name, weight in weights.items():
        if weight is not None and weight.shape != (x.shape[axis],):
            raise ValueError(
                f"ops.batch_normalization: expected `{name}` of shape ({x.shape[axis]},), the size "
                f"of axis {axis} of shape {x.shape}, got {weight.shape}."
            )
    factor = jax.lax.rsqrt(variance + epsilon)
    factor = factor if scale is None else factor * scale
    shift = -mean * factor
    shift = shift if offset is None else shift + offset
    return x * along(axis, factor, x.ndim) + along(axis, shift, x.ndim)


def layer_normalization(
    x: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    axis: Axes = -1,
    epsilon: float | None = None,
    **kwargs: Any,
) -> Array:
    """`x` with mean 0 and variance 1 over `axis`, then times `gamma` plus `beta`."""
    error = unexpected_arguments(
        "ops.layer_normalization", kwargs, ["x", "gamma", "beta", "axis", "epsilon"]
    )
    if error is not None:
        raise error
    axes = _sorted_axes(axis, x.ndim)
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    mean, variance = moments(wide, axes, keepdims=True)
    factor = jax.lax.rsqrt(variance + (EPSILON if epsilon is None else epsilon))
    if gamma is not None:
        factor = factor * _over(axes, gamma, wide)
    outputs = (wide - mean) * factor
    if beta is not None:
        outputs = outputs + _over(axes, beta, wide)
    return outputs.astype(x.dtype)


def rms_normalization(
    x: Array, scale: Array | None = None, axis: Axes = -1, epsilon: float | None = None
) -> Array:
    """`x / √(mean(x²) + epsilon) · scale`, the mean over `axis`."""
    axes = _sorted_axes(axis, x.ndim)
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    mean = jnp.mean(jnp.square(wide), axes, keepdims=True)
    outputs = wide * jax.lax.rsqrt(mean + (EPSILON if epsilon is None else epsilon))
    if scale is not None:
        outputs = outputs * _over(axes, scale, wide)
    return outputs.astype(x.dtype)


def normalize(x: Array, axis: Axes = -1, order: int = 2, epsilon: float | None = None) -> Array:
    """`x` divided by its norm of `order` over `axis`; norms below `epsilon` count as that."""
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"ops.normalize: expected `order` an integer from 1 on, got {order!r}.")
    least = EPSILON if epsilon is None else epsilon
    x = jnp.atleast_1d(x)
    if order == 2:
        squares = jnp.sum(jnp.square(x), axis=axis, keepdims=True)
        # Half precision holds no 1e7.
        most = (
            min(1 / least, float(jnp.finfo(squares.dtype).max)) if _floats(squares) else 1 / least
        )
        is_zero = squares == 0  # where the derivative of the root has no value
        factor = jnp.minimum(jax.lax.rsqrt(jnp.where(is_zero, 1, squares)), most)
        return x * jnp.where(is_zero, jnp.asarray(most, factor.dtype), factor)
    norm = subgradients.norm(x, ord=order, axis=axis, keepdims=True)
    return x / jnp.maximum(norm, least)


def polar(abs_: Array, angle: Array) -> Array:
    """Complex numbers from their absolute values and angles."""
    return jax.lax.complex(abs_ * jnp.cos(angle), abs_ * jnp.sin(angle))


def dot_product_attention(
    query: Array,
    key: Array,
    value: Array,
    bias: Array | None = None,
    mask: Array | None = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Array:
    """The values' means, weighed by the softmax of `scale · query · key + bias`.

    Args:
      query: `[batch, queries, heads, features]`.
      key: `[batch, keys, key heads, features]`.
      value: as `key`.
      bias: added to the scores; broadcasts to `[batch, heads, queries, keys]`.
      mask: bool, broadcasts to the same shape: the keys that each query attends to.
      scale: the factor of the products; `1 / √features` for None.
      is_causal: whether query i attends to the keys 0 to i only.
      flash_attention: True for cuDNN's kernel; None for XLA's.
      attn_logits_soft_cap: not supported; must be None.

    Source: Dao et al. 2022, arXiv:2205.14135; `jax.nn.dot_product_attention`.
    """
    if attn_logits_soft_cap is not None:
        raise ValueError(
            "ops.dot_product_attention: expected `attn_logits_soft_cap` None, "
            f"got {attn_logits_soft_cap!r}: Keras has it on TPUs only."
        )
    for name, array in (("query", query), ("key", key), ("value", value)):
        if array.ndim != 4:
            raise ValueError(
                f"ops.dot_product_attention: expected `{name}` [batch, time, heads, features], "
                f"got shape {array.shape}."
            )
    dtype = jnp.result_type(query, key, value)
    return jax.nn.dot_product_attention(
        query.astype(dtype),
        key.astype(dtype),
        value.astype(dtype),
        bias=None if bias is None else bias.astype(dtype),
        mask=mask,
        scale=scale,
        is_causal=is_causal,
        implementation="cudnn" if flash_attention else "xla",
    )


def _floats(x: Array) -> bool:
    return bool(jnp.issubdtype(x.dtype, jnp.floating))


def _refuse_sparse(who: str, sparse: bool) -> None:
    if sparse:
        raise ValueError(f"ops.{who}: expected `sparse` False, got True: arrays here are dense.")


def _sorted_axes(axis: Axes, rank: int) -> tuple[int, ...]:
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    return tuple(sorted(int(a) % rank for a in axes))


def _over(axes: tuple[int, ...], weight: Array, x: Array) -> Array:
    """`weight` (one axis for each of `axes`, or already broadcasting) laid along the axes."""
    weight = weight.astype(x.dtype)
    if weight.ndim != len(axes):
        return weight
    return weight.reshape([x.shape[i] if i in axes else 1 for i in range(x.ndim)])

"""Attention on arrays: the softmax of scores, and the mean of the values weighted by it.

Laws: the scores of a query are a distribution over its unmasked keys; a masked key changes nothing;
heads and examples are independent. Sizes: batch b, queries t, keys s, heads n, key heads k (a
divisor of n), size of a head h.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from jkeras.core.platform import platform

Array = jax.Array


def attend(
    query: Array,
    key: Array,
    value: Array,
    *,
    scale: float,
    mask: Array | None = None,
    causal: bool = False,
    flash: bool = False,
) -> Array:
    """The means of the values, weighted by the softmax of `scale · query · key`.

    This function chooses between implementations. A query without unmasked keys gets the mean of
    all values.

    Args:
      query: `[b, t, n, h]` floating.
      key: `[b, s, k, h]`.
      value: `[b, s, k, h]`.
      scale: the factor of the products.
      mask: bool, `[b, n, t, s]` or 1 instead of a size: the keys that each query attends to.
      causal: whether query i attends to the keys 0 to i only.
      flash: cuDNN's kernel, which never stores the scores, for half precision on an NVIDIA GPU.

    Returns:
      `[b, t, n, h]`.

    Source: Dao et al. 2022, arXiv:2205.14135; `jax.nn.dot_product_attention`.
    """
    dtype = query.dtype
    # The CPU has no product of float16 matrices that adds up in float32.
    if dtype == jnp.float16 and platform() == "cpu":
        query, key, value = (x.astype(jnp.float32) for x in (query, key, value))
    means = jax.nn.dot_product_attention(
        query,
        key,
        value,
        mask=mask,
        scale=scale,
        is_causal=causal,
        implementation="cudnn" if flash else "xla",
    )
    return means.astype(dtype)


def attend_with_scores(
    query: Array,
    key: Array,
    value: Array,
    *,
    scale: float,
    mask: Array | None = None,
    drop_fn: Callable[[Array], Array] | None = None,
) -> tuple[Array, Array]:
    """Like `attend`, with the scores. A query without unmasked keys gets zeros.

    Args:
      query: `[b, t, n, h]` floating.
      key: `[b, s, k, h]`.
      value: `[b, s, k, v]`.
      scale: the factor of the products.
      mask: bool, `[b, n, t, s]` or 1 instead of a size: the keys that each query attends to.
      drop_fn: a function of the scores, such as dropout, before they weight the values.

    Returns:
      The means `[b, t, n, v]`, and the scores `[b, n, t, s]` before `drop_fn`.
    """
    groups = query.shape[2] // key.shape[2]
    query, key, value = (jnp.moveaxis(x, 2, 1) for x in (query * scale, key, value))
    key, value = (jnp.repeat(x, groups, axis=1) if groups > 1 else x for x in (key, value))
    products = lax.dot_general(query, key, (((3,), (3,)), ((0, 1), (0, 1))))
    scores = masked_softmax(products, mask)
    weights = scores if drop_fn is None else drop_fn(scores)
    return jnp.moveaxis(weights @ value, 1, 2), scores


def masked_softmax(products: Array, mask: Array | None) -> Array:
    """The softmax over the last axis of the unmasked entries; zero where `mask` is False."""
    if mask is None:
        return jax.nn.softmax(products)
    lowest = -3e4 if products.dtype == jnp.float16 else -1e9
    return jnp.where(mask, jax.nn.softmax(jnp.where(mask, products, lowest)), 0)

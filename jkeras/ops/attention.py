"""Attention on arrays: the softmax of scores, and the mean of the values weighted by it.

Laws: the scores of a query are a distribution over its unmasked keys; a masked key changes nothing;
heads and examples are independent. Sizes: batch b, queries t, keys s, heads n, key heads k (a
divisor of n), size of a head h.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from jkeras.core.platform import platform

Array = jax.Array

LARGE_SCORES = 32 << 20
"""Bytes of scores from which the CPU attends block by block."""
BLOCK = 128
"""Queries in a block. Measured for 512 to 2,048 positions and 8 heads of 64: forward 0.6 to 0.7 of
the time of all at once, with the gradient 0.75 to 0.85, in a fifth to a tenth of the memory. With
blocks of 64 or 256 queries the gradient is slower."""


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
    if not flash and platform() == "cpu" and _are_large_scores(query, key):
        return _attend_in_blocks(query, key, value, scale, mask, causal).astype(dtype)
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


def _are_large_scores(query: Array, key: Array) -> bool:
    """Whether there are several blocks of queries, and scores that no cache holds."""
    sizes = *query.shape[:3], key.shape[1]
    if not all(isinstance(size, int) for size in sizes):  # symbols of an export
        return False
    return sizes[1] > BLOCK and math.prod(sizes) * query.dtype.itemsize > LARGE_SCORES


def _attend_in_blocks(
    query: Array, key: Array, value: Array, scale: float, mask: Array | None, causal: bool
) -> Array:
    """`attend`, a block of queries after another: only one block's scores exist at a time, and the
    gradient computes them anew. The queries behind the last whole block come last.

    Source: Rabe and Staats 2021, arXiv:2112.05682.
    """
    queries, keys = query.shape[1], key.shape[1]
    whole = queries - queries % BLOCK

    @jax.checkpoint
    def block(start: Array | int, query: Array, mask: Array | None) -> Array:
        if causal:
            first = (start + lax.iota(jnp.int32, query.shape[1]))[:, None]
            past = (lax.iota(jnp.int32, keys)[None] <= first)[None, None]
            mask = past if mask is None else mask & past
        return jax.nn.dot_product_attention(
            query, key, value, mask=mask, scale=scale, implementation="xla"
        )

    def numbered(number: Array) -> Array:
        start = number * BLOCK
        rows = lax.dynamic_slice_in_dim(query, start, BLOCK, axis=1)
        part = mask
        if mask is not None and mask.shape[2] > 1:
            part = lax.dynamic_slice_in_dim(mask, start, BLOCK, axis=2)
        return block(start, rows, part)

    means = jnp.moveaxis(lax.map(numbered, jnp.arange(whole // BLOCK)), 0, 1)
    means = means.reshape(query.shape[0], whole, *means.shape[3:])
    if whole == queries:
        return means
    last = mask if mask is None or mask.shape[2] == 1 else mask[:, :, whole:]
    return jnp.concatenate([means, block(whole, query[:, whole:], last)], axis=1)


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

"""Attention from arrays to arrays: scores, a softmax over them, the mean of the values they weigh.

Laws: the scores of a query are a distribution over the keys that it may look at; a key that is
masked changes nothing; heads and examples do not know of each other. Sizes are named batch b,
queries t, keys s, heads n, key heads k (n is a multiple of it), features of a head h.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

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
    """The values' means, weighed by the softmax of `scale · query · key`: no scores returned.

    This is the one place that chooses between implementations. A query that may look at nothing
    gets the mean of all values.

    Args:
      query: `[b, t, n, h]` floating.
      key: `[b, s, k, h]`.
      value: `[b, s, k, h]`.
      scale: of the products.
      mask: bool, `[b, n, t, s]` or 1 instead of a size: who may look at what.
      causal: whether query i may look at the keys 0 to i only.
      flash: cuDNN's kernel, which never holds the scores, for half precision on an NVIDIA GPU.

    Returns:
      `[b, t, n, h]`.

    Source: Dao et al. 2022, arXiv:2205.14135; `jax.nn.dot_product_attention`.
    """
    wanted = query.dtype
    # The CPU has no product of float16 matrices that adds up in float32.
    if wanted == jnp.float16 and jax.default_backend() == "cpu":
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
    return means.astype(wanted)


def attend_with_scores(
    query: Array,
    key: Array,
    value: Array,
    *,
    scale: float,
    mask: Array | None = None,
    drop_fn: Callable[[Array], Array] | None = None,
) -> tuple[Array, Array]:
    """As `attend`, with the scores. A query that may look at nothing gets zeros.

    Args:
      query: `[b, t, n, h]` floating.
      key: `[b, s, k, h]`.
      value: `[b, s, k, v]`.
      scale: of the products.
      mask: bool, `[b, n, t, s]` or 1 instead of a size: who may look at what.
      drop_fn: what happens to the scores before they weigh the values.

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
    """The softmax over the last axis of what `mask` (bool, broadcasts) allows, zero elsewhere."""
    if mask is None:
        return jax.nn.softmax(products)
    lowest = -3e4 if products.dtype == jnp.float16 else -1e9
    return jnp.where(mask, jax.nn.softmax(jnp.where(mask, products, lowest)), 0)

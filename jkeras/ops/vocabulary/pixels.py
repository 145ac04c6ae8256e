"""The values of pixels: images are computed in floating dtypes, and may be stored in integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from jkeras.ops.vocabulary.control import saturate_cast

if TYPE_CHECKING:
    from jax.typing import DTypeLike


def floating(images: jax.Array) -> jax.Array:
    """Images in float32, or in their own dtype if that is wider."""
    is_floating = jnp.issubdtype(images.dtype, jnp.floating)
    dtype = jnp.promote_types(images.dtype, jnp.float32) if is_floating else jnp.float32
    return images.astype(dtype)


def stored_as(values: jax.Array, dtype: DTypeLike) -> jax.Array:
    """`values` in a dtype: integers are rounded, and cut to what the dtype can hold."""
    whole = jnp.issubdtype(dtype, jnp.integer)
    return saturate_cast(jnp.round(values) if whole else values, dtype)

"""N-dimensional convolution: a kernel slid over the spatial axes of `[batch, *spatial, channels]`.

One function for every rank and layout, which chooses the fastest formulation for a backend. Laws:
linear in the inputs and in the kernel; shifting the inputs shifts the
outputs, away from the borders; "same" padding with stride s leaves ceil(size / s) positions.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax import lax

from jkeras.core.platform import calls_eigen, maps_models, platform
from jkeras.ops.eigen_convolution import convolve_by_eigen
from jkeras.ops.patches import (
    Pads,
    convolve_as_product,
    convolve_channels,
    convolve_groups,
    explicit_pads,
)

if TYPE_CHECKING:
    import numpy as np

_SPATIAL = {1: "W", 2: "HW", 3: "DHW"}
_MANY = 16
"""Channels, and filters, from which Eigen is faster than products of patches."""


def convolve(
    x: jax.Array,
    kernel: jax.Array,
    *,
    strides: Sequence[int],
    padding: str = "valid",
    dilation: Sequence[int],
    groups: int = 1,
    data_format: str = "channels_last",
) -> jax.Array:
    """The correlation of `x` with `kernel` over the spatial axes, summed over a group's channels.

    Args:
      x: `[batch, *spatial, channels]` floating; "channels_first": `[batch, channels, *spatial]`.
      kernel: `[*window, channels // groups, filters]`, dtype of `x`.
      strides: steps between outputs, one per spatial axis.
      padding: "valid" (none), "same" (zeros, the odd one behind), or "causal" (zeros in front).
      dilation: steps between the kernel's entries, one per spatial axis.
      groups: the number of groups of channels with separate filters; divides channels and filters.
      data_format: the position of the channels in `x` and in the result.

    Returns:
      `[batch, *positions, filters]` in the layout of `x`, dtype of `x`.

    Example:
      >>> x, kernel = jnp.arange(5.0).reshape(1, 5, 1), jnp.ones((2, 1, 1))
      >>> convolve(x, kernel, strides=(2,), padding="same", dilation=(1,)).ravel().tolist()
      [1.0, 5.0, 4.0]
    """
    sizes = [x.shape[axis] for axis in spatial_axes(x.ndim, data_format)]
    pads = explicit_pads(padding, sizes, kernel.shape[:-2], strides, dilation)
    return convolve_padded(x, kernel, strides, pads, dilation, groups, data_format)


def convolve_padded(
    x: jax.Array,
    kernel: jax.Array,
    strides: Sequence[int],
    pads: Pads,
    dilation: Sequence[int],
    groups: int = 1,
    data_format: str = "channels_last",
) -> jax.Array:
    """`convolve` with explicit padding: a pair for each spatial axis; negative numbers crop."""
    known = all(isinstance(n, int) for n in x.shape[1:])
    if not ((fast_without_xla() or maps_models()) and known):
        # Patches are reshaped, which JAX does not do for sizes such as n - 2.
        return _convolve_by_xla(x, kernel, strides, pads, dilation, groups, data_format)
    first = data_format == "channels_first"
    # Moving the channels behind and back costs little beside the patches, which are cut there.
    x = jnp.moveaxis(x, 1, -1) if first else x
    static = tuple(strides), tuple(pads), tuple(dilation), groups
    outputs = _convolve_on_cpu(x, kernel, *static)
    return jnp.moveaxis(outputs, -1, 1) if first else outputs


def fast_without_xla() -> bool:
    """Whether the formulations of `ops.patches` are faster than XLA's: on the CPU only.

    On other devices XLA calls the vendor's convolution, which is tuned for the device.
    """
    return platform() == "cpu"


# One program where nothing around is compiled; part of what is around elsewhere.
@functools.partial(jax.jit, static_argnums=(2, 3, 4, 5))
def _convolve_on_cpu(
    x: jax.Array,
    kernel: jax.Array,
    strides: Sequence[int],
    pads: Pads,
    dilation: Sequence[int],
    groups: int,
) -> jax.Array:
    """The formulation for the number of groups: one, as many as channels, or in between."""
    window, (share, filters) = kernel.shape[:-2], kernel.shape[-2:]
    if groups == 1:
        convolve_fn = _fastest(window, share, filters, dilation, x.dtype)
        return convolve_fn(x, kernel, strides, pads, dilation)
    if share > 1:
        return convolve_groups(x, kernel, strides, pads, dilation, groups)
    each = kernel.reshape(*window, groups, filters // groups)
    return convolve_channels(x, each, strides, pads, dilation)


def _fastest(
    window: Sequence[int], channels: int, filters: int, dilation: Sequence[int], dtype: np.dtype
) -> Callable[..., jax.Array]:
    """The formulation without groups. Value and gradients in a loop, two cores, products of patches
    and Eigen's convolution: 32 to 32 channels of 16 by 16 pixels 13.1 and 9.3 ms, 12 to 12 of 28 by
    28 2.0 and 2.4, 3 to 64 of 224 by 224 10.9 and 17.0, three spatial axes 4.3 and 37.
    """
    if math.prod(window) == 1 or len(window) == 3 or filters < _MANY or dtype != jnp.float32:
        return convolve_as_product
    if maps_models():  # see `core.platform`
        return convolve_as_product
    if channels >= _MANY and calls_eigen():
        return convolve_by_eigen
    return convolve_as_product if max(dilation) > 1 else _convolve_forward


# XLA's convolution is faster where nothing is differentiated, and compiled earlier; its derivatives
# are slow.
@functools.partial(jax.custom_jvp, nondiff_argnums=(2, 3, 4))
def _convolve_forward(
    x: jax.Array, kernel: jax.Array, strides: Sequence[int], pads: Pads, dilation: Sequence[int]
) -> jax.Array:
    return _convolve_by_xla(x, kernel, strides, pads, dilation, 1, "channels_last")


@_convolve_forward.defjvp
def _convolve_with_derivative(
    strides: Sequence[int],
    pads: Pads,
    dilation: Sequence[int],
    primals: tuple[jax.Array, jax.Array],
    tangents: tuple[jax.Array, jax.Array],
) -> tuple[jax.Array, jax.Array]:
    def product(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return convolve_as_product(x, kernel, strides, pads, dilation)

    outputs, derivative = jax.jvp(product, primals, tangents)
    return outputs, derivative


def _convolve_by_xla(
    x: jax.Array,
    kernel: jax.Array,
    strides: Sequence[int],
    pads: Pads,
    dilation: Sequence[int],
    groups: int,
    data_format: str,
) -> jax.Array:
    spatial = _SPATIAL[x.ndim - 2]
    layout = f"N{spatial}C" if data_format == "channels_last" else f"NC{spatial}"
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=tuple(strides),
        # Of a symbolic size XLA has to find the zeros itself: they depend on its remainder.
        padding=tuple(pads) if all(isinstance(n, int) for pair in pads for n in pair) else "SAME",
        rhs_dilation=tuple(dilation),
        dimension_numbers=(layout, f"{spatial}IO", layout),
        feature_group_count=groups,
    )


def spatial_axes(rank: int, data_format: str) -> tuple[int, ...]:
    """The axes of an array of this rank (batch and channels included) that are spatial.

    Example:
      >>> spatial_axes(4, "channels_last"), spatial_axes(4, "channels_first")
      ((1, 2), (2, 3))
    """
    first = 1 if data_format == "channels_last" else 2
    return tuple(range(first, first + rank - 2))

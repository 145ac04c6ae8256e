"""N-dimensional convolution: a kernel slid over the spatial axes of `[batch, *spatial, channels]`.

One function for every rank and layout, so that a faster formulation for a backend is chosen here
and nowhere else. Laws: linear in the inputs and in the kernel; shifting the inputs shifts the
outputs, away from the borders; "same" padding with stride s leaves ceil(size / s) positions.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
from jax import lax

from jkeras.ops.patches import convolve_as_product, explicit_pads

_SPATIAL = {1: "W", 2: "HW", 3: "DHW"}


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
      groups: groups of channels that are convolved apart; divides channels and filters.
      data_format: where the channels of `x` and of the result are.

    Returns:
      `[batch, *positions, filters]` in the layout of `x`, dtype of `x`.

    Example:
      >>> import jax.numpy as jnp
      >>> x, kernel = jnp.arange(5.0).reshape(1, 5, 1), jnp.ones((2, 1, 1))
      >>> convolve(x, kernel, strides=(2,), padding="same", dilation=(1,)).ravel().tolist()
      [1.0, 5.0, 4.0]
    """
    if _is_product(x, data_format, groups):
        window = kernel.shape[:-2]
        pads = explicit_pads(padding, x.shape[1:-1], window, strides, dilation)
        return convolve_as_product(x, kernel, strides, pads, dilation)
    spatial = _SPATIAL[x.ndim - 2]
    layout = f"N{spatial}C" if data_format == "channels_last" else f"NC{spatial}"
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=tuple(strides),
        padding=_padding(padding, kernel.shape, dilation),
        rhs_dilation=tuple(dilation),
        dimension_numbers=(layout, f"{spatial}IO", layout),
        feature_group_count=groups,
    )


def _is_product(x: jax.Array, data_format: str, groups: int) -> bool:
    """Whether a matrix product is the faster formulation: on the CPU (figures in `ops.patches`)."""
    return jax.default_backend() == "cpu" and data_format == "channels_last" and groups == 1


def _padding(
    padding: str, window: Sequence[int], dilation: Sequence[int]
) -> str | list[tuple[int, int]]:
    """Padding in the words of `lax`. Causal is all in front: outputs see no later inputs."""
    if padding != "causal":
        return padding.upper()
    return [(step * (size - 1), 0) for size, step in zip(window, dilation, strict=False)]


def spatial_axes(rank: int, data_format: str) -> tuple[int, ...]:
    """The axes of an array of this rank (batch and channels included) that are spatial.

    Example:
      >>> spatial_axes(4, "channels_last"), spatial_axes(4, "channels_first")
      ((1, 2), (2, 3))
    """
    first = 1 if data_format == "channels_last" else 2
    return tuple(range(first, first + rank - 2))

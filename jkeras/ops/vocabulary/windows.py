"""The functions of `keras.ops.nn` that slide windows: convolutions, pooling, patches, blocks.

They stand on this package's own kernels (`ops.convolution`, `ops.transposed`, `ops.pooling`,
`ops.adaptive_pooling`), which are faster than XLA's on the CPU. Arrays are `[batch, *spatial,
channels]`, or `[batch, channels, *spatial]` with `data_format="channels_first"`; an integer stands
for as many as there are spatial axes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jkeras.ops import adaptive_pooling, pooling
from jkeras.ops.convolution import convolve, spatial_axes
from jkeras.ops.transposed import convolve_transposed
from jkeras.ops.vocabulary.arguments import checked_format, one_word, repeated, sizes

Array = jax.Array
Sizes = int | Sequence[int]


def conv(
    inputs: Array,
    kernel: Array,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Array:
    """A convolution in 1, 2 or 3 dimensions.

    Args:
      inputs: `[batch, *spatial, channels]`.
      kernel: `[*window, channels // groups, filters]`: the number of groups follows from it.
      strides: steps between outputs.
      padding: "valid" or "same".
      data_format: "channels_last" or "channels_first"; None for `image_data_format()`.
      dilation_rate: steps between the kernel's entries.
    """
    rank = _rank("conv", inputs, kernel)
    layout = checked_format("conv", data_format)
    channels = inputs.shape[-1 if layout == "channels_last" else 1]
    groups, rest = divmod(channels, kernel.shape[-2])
    if rest or kernel.shape[-1] % max(groups, 1):
        raise ValueError(
            f"ops.conv: expected `kernel` [*window, channels // groups, filters] for {channels} "
            f"channels, got shape {kernel.shape}."
        )
    return convolve(
        *_one_dtype(inputs, kernel),
        strides=sizes("conv", "strides", strides, rank),
        padding=one_word("conv", "padding", padding, "valid", "same"),
        dilation=sizes("conv", "dilation_rate", dilation_rate, rank),
        groups=groups,
        data_format=layout,
    )


def depthwise_conv(
    inputs: Array,
    kernel: Array,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Array:
    """Each channel convolved by itself; `kernel` is `[*window, channels, filters of each]`."""
    _rank("depthwise_conv", inputs, kernel)
    *window, channels, each = kernel.shape
    apart = kernel.reshape(*window, 1, channels * each)
    return conv(inputs, apart, strides, padding, data_format, dilation_rate)


def separable_conv(
    inputs: Array,
    depthwise_kernel: Array,
    pointwise_kernel: Array,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Array:
    """A depthwise convolution, then one with a window of one entry."""
    seen = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(seen, pointwise_kernel, 1, "valid", data_format)


def conv_transpose(
    inputs: Array,
    kernel: Array,
    strides: Sizes = 1,
    padding: str = "valid",
    output_padding: Sizes | None = None,
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Array:
    """The transpose of a convolution; `kernel` is `[*window, filters, channels]`."""
    who = "conv_transpose"
    rank = _rank(who, inputs, kernel)
    extra = None if output_padding is None else repeated(output_padding, rank)
    return convolve_transposed(
        *_one_dtype(inputs, kernel),
        strides=sizes(who, "strides", strides, rank),
        padding=one_word(who, "padding", padding, "valid", "same"),
        output_padding=extra,
        dilation=sizes(who, "dilation_rate", dilation_rate, rank),
        data_format=checked_format(who, data_format),
    )


def max_pool(
    inputs: Array,
    pool_size: Sizes,
    strides: Sizes | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Array:
    """The largest entry of each window; windows lie side by side where `strides` is None."""
    options = _windows("max_pool", inputs, pool_size, strides, padding, data_format)
    return pooling.max_pool(inputs, *options)


def average_pool(
    inputs: Array,
    pool_size: Sizes,
    strides: Sizes | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Array:
    """The mean of each window, padding left out; windows lie side by side without `strides`."""
    options = _windows("average_pool", inputs, pool_size, strides, padding, data_format)
    return pooling.average_pool(inputs, *options)


def adaptive_max_pool(inputs: Array, output_size: Sizes, data_format: str | None = None) -> Array:
    """The largest entry of each of `output_size` windows per axis."""
    counts = _counts("adaptive_max_pool", inputs, output_size, data_format)
    return adaptive_pooling.adaptive_max_pool(inputs, counts)


def adaptive_average_pool(
    inputs: Array, output_size: Sizes, data_format: str | None = None
) -> Array:
    """The mean of each of `output_size` windows per axis."""
    counts = _counts("adaptive_average_pool", inputs, output_size, data_format)
    return adaptive_pooling.adaptive_average_pool(inputs, counts)


def unfold(
    x: Array, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
) -> Array:
    """Every window of images `[batch, channels, height, width]` as a column.

    Returns:
      `[batch, channels * window, windows]`; the entries of one channel lie side by side.
    """
    if x.ndim != 4:
        raise ValueError(
            f"ops.unfold: expected `x` [batch, channels, height, width], got shape {x.shape}."
        )
    around = [(before, before) for before in repeated(padding, 2)]
    columns = jax.lax.conv_general_dilated_patches(
        x,
        filter_shape=sizes("unfold", "kernel_size", kernel_size, 2),
        window_strides=sizes("unfold", "stride", stride, 2),
        padding=around,
        rhs_dilation=sizes("unfold", "dilation", dilation, 2),
    )
    return columns.reshape(*columns.shape[:2], -1)


def fold(
    x: Array,
    output_size: Sizes,
    kernel_size: Sizes,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    stride: Sizes = 1,
) -> Array:
    """The transpose of `unfold`: columns `[batch, channels * window, windows]` added up where
    windows overlap, to images `[batch, channels, *output_size]`.
    """
    if x.ndim != 3:
        raise ValueError(
            f"ops.fold: expected `x` [batch, channels * window, windows], got shape {x.shape}."
        )
    channels = x.shape[1] // math.prod(sizes("fold", "kernel_size", kernel_size, 2))
    size = sizes("fold", "output_size", output_size, 2)
    images = jax.ShapeDtypeStruct((x.shape[0], channels, *size), x.dtype)
    (folded,) = jax.linear_transpose(
        lambda y: unfold(y, kernel_size, dilation, padding, stride), images
    )(x)
    return folded


def depth_to_space(x: Array, block_size: int, data_format: str = "channels_last") -> Array:
    """Channels laid out as blocks: `[n, h, w, c]` to `[n, h·b, w·b, c / b²]`."""
    b, last = block_size, _is_last("depth_to_space", x, block_size, data_format)
    if last:
        n, h, w, c = x.shape
        blocks = x.reshape(n, h, w, b, b, c // b**2).transpose(0, 1, 3, 2, 4, 5)
        return blocks.reshape(n, h * b, w * b, c // b**2)
    n, c, h, w = x.shape
    blocks = x.reshape(n, c // b**2, b, b, h, w).transpose(0, 1, 4, 2, 5, 3)
    return blocks.reshape(n, c // b**2, h * b, w * b)


def space_to_depth(x: Array, block_size: int, data_format: str = "channels_last") -> Array:
    """Blocks laid out as channels: `[n, h, w, c]` to `[n, h / b, w / b, c·b²]`."""
    b, last = block_size, _is_last("space_to_depth", x, block_size, data_format)
    if last:
        n, h, w, c = x.shape
        blocks = x.reshape(n, h // b, b, w // b, b, c).transpose(0, 1, 3, 2, 4, 5)
        return blocks.reshape(n, h // b, w // b, c * b**2)
    n, c, h, w = x.shape
    blocks = x.reshape(n, c, h // b, b, w // b, b).transpose(0, 1, 3, 5, 2, 4)
    return blocks.reshape(n, c * b**2, h // b, w // b)


def _rank(who: str, inputs: Array, kernel: Array) -> int:
    """The number of spatial axes."""
    if inputs.ndim not in (3, 4, 5) or kernel.ndim != inputs.ndim:
        raise ValueError(
            f"ops.{who}: expected `inputs` [batch, *spatial, channels] with 1 to 3 spatial axes "
            f"and a kernel of the same rank, got shapes {inputs.shape} and {kernel.shape}."
        )
    return inputs.ndim - 2


def _one_dtype(inputs: Array, kernel: Array) -> tuple[Array, Array]:
    dtype = jnp.result_type(inputs, kernel)
    return inputs.astype(dtype), kernel.astype(dtype)


def _windows(
    who: str,
    inputs: Array,
    pool_size: Sizes,
    strides: Sizes | None,
    padding: str,
    data_format: str | None,
) -> tuple[list[int], list[int], str]:
    """Window and steps for every axis of `inputs`, and the padding."""
    axes = spatial_axes(inputs.ndim, checked_format(who, data_format))
    window = sizes(who, "pool_size", pool_size, len(axes))
    steps = window if strides is None else sizes(who, "strides", strides, len(axes))
    wide, far = [1] * inputs.ndim, [1] * inputs.ndim
    for axis, width, step in zip(axes, window, steps, strict=True):
        wide[axis], far[axis] = width, step
    return wide, far, one_word(who, "padding", padding, "valid", "same")


def _counts(who: str, inputs: Array, output_size: Sizes, data_format: str | None) -> dict[int, int]:
    axes = spatial_axes(inputs.ndim, checked_format(who, data_format))
    return dict(zip(axes, sizes(who, "output_size", output_size, len(axes)), strict=True))


def _is_last(who: str, x: Array, block_size: int, data_format: str) -> bool:
    """Whether channels are behind; raises unless the blocks fit."""
    last = checked_format(who, data_format) == "channels_last"
    if x.ndim != 4 or block_size < 2:
        raise ValueError(
            f"ops.{who}: expected `x` of rank 4 and `block_size` of at least 2, got shape "
            f"{x.shape} and {block_size}."
        )
    channels = x.shape[-1 if last else 1]
    spatial = x.shape[1:3] if last else x.shape[2:]
    divided = [channels] if who == "depth_to_space" else list(spatial)
    unit = block_size**2 if who == "depth_to_space" else block_size
    if any(size % unit for size in divided):
        what = "channels" if who == "depth_to_space" else "height and width"
        raise ValueError(f"ops.{who}: expected {what} divisible by {unit}, got shape {x.shape}.")
    return last

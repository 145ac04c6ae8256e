"""Convolution as matrix products of patches (im2col) and as sums of shifted slices, for the CPU.

On the CPU, XLA's own convolution is slow to differentiate and several times slower again inside a
loop, where an epoch runs; matrix products and sums of shifted slices are fast in both places.
Measured on two x86-64 cores, one training step of a network with two 3 by 3 convolutions (32 and 64
filters, 28 by 28 inputs, batch 128): in a loop 490 ms with XLA's convolution, 30 ms as here;
outside one 98 ms and 55 ms. On one core, in a loop, value and both gradients of one layer: 8 groups
of 32 channels 9 ms and 1.8 ms, 32 groups of 128 channels 51 ms and 15 ms (16 images of 14 by 14);
each of 32 channels by itself 508 ms and 12 ms (32 images of 28 by 28).

Law: a product has one axis of positions and one of entries (and one of groups). With more, XLA
transposes whole arrays to multiply them in the gradient.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

Pads = Sequence[tuple[int, int]]

_FEW_CHANNELS = 4
"""Below it the windows' entries are laid out one after the other instead of side by side: short
rows of 9 numbers are slow to write and to multiply. With grey images of 28 by 28, 32 filters and
max-pooling behind, 128 of them take 2.8 ms instead of 4.4, gradient included.
"""


def convolve_as_product(
    x: jax.Array, kernel: jax.Array, strides: Sequence[int], pads: Pads, dilation: Sequence[int]
) -> jax.Array:
    """The correlation of `x` with `kernel` over the spatial axes.

    Args:
      x: `[batch, *spatial, channels]` floating.
      kernel: `[*window, channels, filters]`, dtype of `x`.
      strides: steps between outputs, one per spatial axis.
      pads: zeros in front and behind, one pair per spatial axis; negative ones cut off.
      dilation: steps between the kernel's entries, one per spatial axis.

    Returns:
      `[batch, *positions, filters]`, dtype of `x`.

    Example:
      >>> x, kernel = jnp.arange(5.0).reshape(1, 5, 1), jnp.ones((2, 1, 1))
      >>> convolve_as_product(x, kernel, (2,), [(0, 1)], (1,)).ravel().tolist()
      [1.0, 5.0, 4.0]
    """
    window, (channels, filters) = kernel.shape[:-2], kernel.shape[-2:]
    if strides[-1] == 1 and _sums_are_cheaper(window, channels, filters, x.shape[-2]):
        return _convolve_as_sum(x, kernel, strides, pads, dilation)
    matrix = kernel.reshape(math.prod(window) * channels, filters)
    if channels < _FEW_CHANNELS:
        slices = taps(jnp.moveaxis(x, -1, 0), window, strides, pads, dilation, axis=2)
        positions = slices[0].shape[1:]
        entries = jnp.stack(slices).reshape(matrix.shape[0], math.prod(positions))
        outputs = lax.dot_general(entries, matrix, (((0,), (0,)), ((), ())))
    else:
        slices = taps(x, window, strides, pads, dilation, axis=1)
        positions = slices[0].shape[:-1]
        entries = slices[0] if len(slices) == 1 else jnp.concatenate(slices, -1)
        outputs = entries.reshape(math.prod(positions), matrix.shape[0]) @ matrix
    return outputs.reshape(*positions, filters)


def _sums_are_cheaper(window: Sequence[int], channels: int, filters: int, width: int) -> bool:
    """Whether `_convolve_as_sum` moves fewer numbers per position than patches.

    Numbers in patches and in partial sums are written and read, so each counts twice. The sum also
    multiplies at the borders of a row, so a row has to be long, and its matrix is shorter. The rule
    agrees with measurements of 15 shapes, except where both take equally long.
    """
    rest, last = math.prod(window[:-1]), window[-1]
    with_patches = 2 * rest * last * channels + filters
    with_sums = 2 * rest * channels + 2 * last * filters
    return last > 1 and channels >= 16 and width >= 4 * last and with_sums < with_patches


def _convolve_as_sum(
    x: jax.Array, kernel: jax.Array, strides: Sequence[int], pads: Pads, dilation: Sequence[int]
) -> jax.Array:
    """`convolve_as_product` with the window's last axis left out of the patches: the product has
    outputs for each entry of that axis, which are added up, each shifted by its place.

    A third of the patches for a window of three. In a loop, value and both gradients, two cores:
    16 channels and filters, 32 images of 28 by 28, 5.9 to 2.8 ms; 64 of 56 by 56, 8 images, 65 to
    50 ms. Its programs have fewer operations, too, and compile in two thirds of the time.
    """
    window, (channels, filters) = kernel.shape[:-2], kernel.shape[-2:]
    last, spread = window[-1], dilation[-1]
    slices = taps(x, (*window[:-1], 1), strides, pads, dilation, axis=1)
    entries = slices[0] if len(slices) == 1 else jnp.concatenate(slices, -1)
    matrix = jnp.moveaxis(kernel, -3, -2).reshape(math.prod(window[:-1]) * channels, last * filters)
    *positions, length, width = entries.shape
    outputs = entries.reshape(math.prod(positions) * length, width) @ matrix
    outputs = outputs.reshape(*positions, length, last * filters)
    reach = max(length - (last - 1) * spread, 0)

    def shifted(place: int) -> jax.Array:
        start = min(place * spread, length - reach)
        row = lax.slice_in_dim(outputs, start, start + reach, axis=-2)
        return lax.slice_in_dim(row, place * filters, (place + 1) * filters, axis=-1)

    return functools.reduce(operator.add, map(shifted, range(last)))


def convolve_groups(
    x: jax.Array,
    kernel: jax.Array,
    strides: Sequence[int],
    pads: Pads,
    dilation: Sequence[int],
    groups: int,
) -> jax.Array:
    """`convolve_as_product` in groups: each share of the channels has its share of the filters.

    The groups become the first axis, so that one batched product serves all of them; a product for
    each runs no faster and, with 32 groups, takes twenty times as long to compile.

    Args:
      x: `[batch, *spatial, channels]` floating.
      kernel: `[*window, channels // groups, filters]`, dtype of `x`.
      strides, pads, dilation: as for `convolve_as_product`.
      groups: divides channels and filters.

    Returns:
      `[batch, *positions, filters]`, dtype of `x`.

    Example:
      >>> x, kernel = jnp.arange(6.0).reshape(1, 3, 2), jnp.ones((2, 1, 2))
      >>> convolve_groups(x, kernel, (1,), [(0, 0)], (1,), 2).tolist()
      [[[2.0, 4.0], [6.0, 8.0]]]
    """
    window, (channels, filters) = kernel.shape[:-2], kernel.shape[-2:]
    shares = jnp.moveaxis(x.reshape(*x.shape[:-1], groups, channels), -2, 0)
    slices = taps(shares, window, strides, pads, dilation, axis=2)
    positions, length = slices[0].shape[1:-1], math.prod(window) * channels
    entries = jnp.concatenate(slices, -1).reshape(groups, math.prod(positions), length)
    matrices = jnp.moveaxis(kernel.reshape(length, groups, filters // groups), 1, 0)
    outputs = lax.dot_general(entries, matrices, (((2,), (1,)), ((0,), (0,))))
    return jnp.moveaxis(outputs, 0, 1).reshape(*positions, filters)


def convolve_channels(
    x: jax.Array, kernel: jax.Array, strides: Sequence[int], pads: Pads, dilation: Sequence[int]
) -> jax.Array:
    """A depthwise convolution as a sum of shifted slices.

    Args:
      x: `[batch, *spatial, channels]` floating.
      kernel: `[*window, channels, filters of each]`, dtype of `x`.
      strides, pads, dilation: as for `convolve_as_product`.

    Returns:
      `[batch, *positions, channels * filters of each]`, a channel's filters side by side.

    Example:
      >>> x, kernel = jnp.arange(6.0).reshape(1, 3, 2), jnp.array([[[1.0], [0.0]], [[1.0], [2.0]]])
      >>> convolve_channels(x, kernel, (1,), [(0, 0)], (1,)).tolist()
      [[[2.0, 6.0], [6.0, 10.0]]]
    """
    window, (channels, each) = kernel.shape[:-2], kernel.shape[-2:]
    weights = kernel.reshape(math.prod(window), channels, each)
    slices = taps(x, window, strides, pads, dilation, axis=1)
    # One filter at a time: an axis of filters inside, one or two long, is five times slower.
    outputs = [_weighted_sum(slices, weights[:, :, i]) for i in range(each)]
    if each == 1:
        return outputs[0]
    return jnp.stack(outputs, -1).reshape(*outputs[0].shape[:-1], channels * each)


def _weighted_sum(slices: Sequence[jax.Array], weights: jax.Array) -> jax.Array:
    """Σ slices[i] · weights[i]; the weights of one channel lie along the last axis."""
    rank = slices[0].ndim
    rows = [lax.expand_dims(row, range(rank - 1)) for row in weights]
    return functools.reduce(operator.add, map(operator.mul, slices, rows))


def taps(
    x: jax.Array,
    window: Sequence[int],
    strides: Sequence[int],
    pads: Pads,
    dilation: Sequence[int],
    *,
    axis: int,
    fill: float = 0,
) -> list[jax.Array]:
    """For each entry of the window, the slice of `x` under it at every position.

    The spatial axes begin at `axis`. The window's last axis varies fastest, as in a kernel that is
    reshaped to a matrix. `fill` is the value of the padding.
    """
    widths = [(0, 0, 0)] * x.ndim
    begin, end, steps = [0] * x.ndim, list(x.shape), [1] * x.ndim
    spatial = list(range(axis, axis + len(window)))
    for i, (front, behind), step in zip(spatial, pads, strides, strict=True):
        widths[i], steps[i] = (front, behind, 0), step
    x, slices = lax.pad(x, jnp.array(fill, x.dtype), widths), []
    for index in itertools.product(*map(range, window)):
        for i, at, size, spread in zip(spatial, index, window, dilation, strict=True):
            # A window that does not fit has no position: an empty slice.
            end[i] = max(x.shape[i] - (size - 1 - at) * spread, 0)
            begin[i] = min(at * spread, end[i])
        slices.append(lax.slice(x, begin, end, steps))
    return slices


def explicit_pads(
    padding: str,
    sizes: Sequence[int],
    window: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
) -> list[tuple[int, int]]:
    """Zeros in front and behind each spatial axis for "valid", "same" (odd one behind) or
    "causal".
    """
    pads = []
    for size, width, step, spread in zip(sizes, window, strides, dilation, strict=True):
        reach = (width - 1) * spread
        if padding == "same":
            missing = missing_entries(size, reach + 1, step)
            pads.append((missing // 2, missing - missing // 2))
        else:
            pads.append((reach, 0) if padding == "causal" else (0, 0))
    return pads


def missing_entries(size: int, width: int, step: int) -> int:
    """How many zeros "same" padding adds to an axis, for windows that span `width` entries.

    The size may be a symbol, of which it is not known whether one number is larger than another.

    Example:
      >>> missing_entries(5, 2, 2), missing_entries(5, 3, 1), missing_entries(6, 2, 3)
      (1, 2, 0)
    """
    missing = (-(-size // step) - 1) * step + width - size
    if width >= step:
        return missing
    return 0 if width == 1 else max(missing, 0)

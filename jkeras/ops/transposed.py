"""Transposed convolution: the transpose of a convolution as a linear map.

With C the convolution with a kernel, strides and padding, a linear map from large arrays to small
ones, this is Cᵀ, from small arrays to large ones: `jax.linear_transpose` of `ops.convolution`, in
the formulation that it chooses. On the CPU, where that adds many shifted slices, a second
formulation is used.

Laws: ⟨C y, x⟩ = ⟨y, Cᵀ x⟩; n positions become n · stride with "same" padding, and
(n - 1) · stride + max(reach of the window, stride) with "valid", without `output_padding`.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jkeras.ops.convolution import convolve_padded, fast_without_xla, spatial_axes
from jkeras.ops.patches import convolve_as_product


class _Axis(NamedTuple):
    """One spatial axis of C: its large size, and how the window moves over it."""

    small: int
    large: int
    window: int
    step: int
    spread: int
    pads: tuple[int, int]


def convolve_transposed(
    x: jax.Array,
    kernel: jax.Array,
    *,
    strides: Sequence[int],
    padding: str = "valid",
    output_padding: Sequence[int] | None = None,
    dilation: Sequence[int],
    data_format: str = "channels_last",
) -> jax.Array:
    """The transpose of the convolution with `kernel`, applied to `x`.

    Args:
      x: `[batch, *spatial, channels]` floating; "channels_first": `[batch, channels, *spatial]`.
      kernel: `[*window, filters, channels]`, dtype of `x`.
      strides: steps between what neighboring inputs add to, one per spatial axis.
      padding: "valid" (all that the inputs reach) or "same" (`stride` outputs for each input).
      output_padding: outputs behind the last one, one per spatial axis; None for the sizes above.
      dilation: steps between the kernel's entries, one per spatial axis.
      data_format: the position of the channels in `x` and in the result.

    Returns:
      `[batch, *positions, filters]` in the layout of `x`, dtype of `x`.

    Example:
      >>> x, kernel = jnp.array([[[1.0], [2.0]]]), jnp.array([[[1.0]], [[10.0]], [[100.0]]])
      >>> convolve_transposed(x, kernel, strides=(2,), dilation=(1,)).ravel().tolist()
      [1.0, 10.0, 102.0, 20.0, 200.0]

    Source: Zeiler et al. 2010, doi:10.1109/CVPR.2010.5539957; `keras.ops.conv_transpose`.
    """
    small = [x.shape[axis] for axis in spatial_axes(x.ndim, data_format)]
    extra: Sequence[int | None] = output_padding or [None] * len(small)
    rows = zip(small, kernel.shape[:-2], strides, dilation, extra, strict=True)
    axes = tuple(_axis(*row, padding) for row in rows)
    filters, channels = kernel.shape[-2:]
    # By phases the patches hold inputs, by transposition outputs: the fewer the better. Value and
    # gradients, 16 images of 14 by 14 with 32 channels, stride 2, one core, in a loop: 3 by 3 to 64
    # filters 6 ms by phases, 21 by transposition, 135 by XLA; 4 by 4 to 3 filters 3.6, 0.9 and 7.
    if not fast_without_xla() or channels >= 2 * filters:
        return _by_transposition(x, kernel, axes, data_format)
    if data_format == "channels_last":
        return _by_phases(x, kernel, axes)
    return jnp.moveaxis(_by_phases(jnp.moveaxis(x, 1, -1), kernel, axes), -1, 1)


def _axis(size: int, window: int, step: int, spread: int, extra: int | None, padding: str) -> _Axis:
    """The output size for an axis of `size`, and the padding of C that maps it back to `size`.

    Padding behind may be negative: outputs that no input reaches. Rules of Keras: "same" with
    `extra` outputs has (size - 1) · step + reach mod 2 + extra of them; and where the zeros around
    the spread inputs are odd, one more stands in front.
    """
    reach = (window - 1) * spread + 1
    whole = (size - 1) * step + reach
    if padding == "valid":
        large = whole + (max(step - reach, 0) if extra is None else extra)
        return _Axis(size, large, window, step, spread, (0, whole - large))
    large = size * step if extra is None else (size - 1) * step + reach % 2 + extra
    around = large - whole + 2 * (reach - 1)
    front = max(reach - 1 - (around + 1) // 2, 0)
    return _Axis(size, large, window, step, spread, (front, whole - large - front))


@functools.partial(jax.jit, static_argnums=(2, 3))
def _by_transposition(
    x: jax.Array, kernel: jax.Array, axes: tuple[_Axis, ...], data_format: str
) -> jax.Array:
    """Cᵀ by `jax.linear_transpose`: one product, whose overlapping results are added."""
    sizes = [axis.large for axis in axes]
    last = data_format == "channels_last"
    inner = (*sizes, kernel.shape[-2]) if last else (kernel.shape[-2], *sizes)
    steps, spreads = [axis.step for axis in axes], [axis.spread for axis in axes]
    pads = [axis.pads for axis in axes]

    def shrink(y: jax.Array) -> jax.Array:
        return convolve_padded(y, kernel, steps, pads, spreads, 1, data_format)

    large = jax.ShapeDtypeStruct((x.shape[0], *inner), x.dtype)
    (outputs,) = jax.linear_transpose(shrink, large)(x)
    return outputs


class _Phase(NamedTuple):
    """The outputs at one remainder of an axis: the window's entries that reach them."""

    taps: slice
    spread: int
    pads: tuple[int, int]


@functools.partial(jax.jit, static_argnums=2)
def _by_phases(x: jax.Array, kernel: jax.Array, axes: tuple[_Axis, ...]) -> jax.Array:
    """Cᵀ as an ordinary convolution of `x` for each remainder of the outputs' places, interleaved.

    Outputs whose places leave the same remainder by the stride see the same entries of the kernel.
    """
    counts = [-(-axis.large // axis.step) for axis in axes]
    shape = (x.shape[0], *counts, kernel.shape[-2])
    parts = []
    for phases in itertools.product(*map(_phases, axes)):
        if None in phases:
            parts.append(jnp.zeros(shape, x.dtype))
            continue
        reached = [phase for phase in phases if phase is not None]
        part = jnp.flip(kernel[tuple(phase.taps for phase in reached)], range(len(axes)))
        spreads, pads = [phase.spread for phase in reached], [phase.pads for phase in reached]
        ones = (1,) * len(axes)
        parts.append(convolve_as_product(x, jnp.swapaxes(part, -1, -2), ones, pads, spreads))
    return _interleave(parts, axes, shape)


def _phases(axis: _Axis) -> list[_Phase | None]:
    """The phase of each remainder r: output step · a + r depends on input
    a + (r + front - t) / step through entry t of the window, if that is an integer.
    """
    phases: list[_Phase | None] = []
    count, front = -(-axis.large // axis.step), axis.pads[0]
    every = axis.step // math.gcd(axis.step, axis.spread)
    spread = axis.spread // math.gcd(axis.step, axis.spread)
    for remainder in range(axis.step):
        reaching = [
            t for t in range(axis.window) if (t * axis.spread - front - remainder) % axis.step == 0
        ]
        if not reaching:
            phases.append(None)
            continue
        before = (reaching[-1] * axis.spread - front - remainder) // axis.step
        behind = count + (len(reaching) - 1) * spread - axis.small - before
        taps = slice(reaching[0], reaching[-1] + 1, every)
        phases.append(_Phase(taps, spread, (before, behind)))
    return phases


def _interleave(
    parts: Sequence[jax.Array], axes: Sequence[_Axis], shape: tuple[int, ...]
) -> jax.Array:
    """One array from one part per phase: the last axis's phase varies fastest."""
    rank, batch, filters = len(axes), shape[0], shape[-1]
    stacked = jnp.stack(parts).reshape(*(axis.step for axis in axes), *shape)
    pairs = [i for j in range(rank) for i in (rank + 1 + j, j)]
    together = stacked.transpose(rank, *pairs, 2 * rank + 1)
    whole = [n * axis.step for n, axis in zip(shape[1:-1], axes, strict=True)]
    cut = (batch, *(axis.large for axis in axes), filters)
    return lax.slice(together.reshape(batch, *whole, filters), [0] * (rank + 2), cut)

"""Arrays of few bits: quantization by absolute maximum, by groups with zero points, and packing.

    quantized, scale = abs_max_quantize(x, axis=-1)      # x ≈ quantized / scale
    quantized, scale, zero = abs_max_quantize_grouped_with_zero_point(w, 128)
    # w ≈ (quantized - zero) * scale, with one scale and zero for each 128 rows of a column

Source: `keras.quantizers`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np

from jkeras.core.arrays import as_jax
from jkeras.core.errors import WrongTypeError

if TYPE_CHECKING:
    from jax.typing import ArrayLike, DTypeLike

Array = jax.Array
Range = tuple[int, int]
EPSILON = 1e-7

INT8: Range = (-127, 127)
INT4: Range = (-8, 7)


def abs_max_quantize(
    inputs: ArrayLike,
    axis: int | Sequence[int],
    value_range: Sequence[int] = INT8,
    dtype: DTypeLike = "int8",
    epsilon: float = EPSILON,
    to_numpy: bool = False,
) -> tuple[Array, Array]:
    """Whole numbers, and the scale by which the array was multiplied.

    Args:
      inputs: floating.
      axis: the axes over which one scale is shared.
      value_range: the least and the largest whole number.
      dtype: of the whole numbers.
      epsilon: added to the maximum, against a division by zero.
      to_numpy: computes on the host, without memory of the device.

    Returns:
      The whole numbers, and the scale with size 1 on those axes.

    Example:
      >>> quantized, scale = abs_max_quantize(jnp.array([[1.0, -2.0]]), axis=-1)
      >>> quantized.tolist(), scale.tolist()
      ([[64, -127]], [[63.5]])

    Source: `keras.quantizers.abs_max_quantize`.
    """
    lib: Any = np if to_numpy else jnp
    x = np.asarray(inputs) if to_numpy else as_jax(inputs)
    axes = axis if isinstance(axis, int) else tuple(axis)
    low, high = value_range
    largest = lib.max(lib.abs(x), axis=axes, keepdims=True)
    scale = (lib.asarray(high, x.dtype) / (largest + lib.asarray(epsilon, x.dtype))).astype(x.dtype)
    quantized = lib.clip(lib.round(x * scale), low, high).astype(dtype)
    return jnp.asarray(quantized), jnp.asarray(scale)


def abs_max_quantize_grouped_with_zero_point(
    inputs: ArrayLike,
    block_size: int,
    value_range: Sequence[int] = INT4,
    dtype: DTypeLike = "int8",
    epsilon: float = EPSILON,
    to_numpy: bool = False,
) -> tuple[Array, Array, Array]:
    """Whole numbers by groups of rows, each with a scale and a zero point for every column.

    Args:
      inputs: floating `[rows, columns]`.
      block_size: rows in a group; the last group may have fewer.
      value_range: the least and the largest whole number.
      dtype: of the whole numbers.
      epsilon: added to the range of a group, against a division by zero.
      to_numpy: whether ranges of groups are those of Keras's version on the host.

    Returns:
      The whole numbers `[rows, columns]`, scales and zero points `[groups, columns]`.

    Source: `keras.quantizers.abs_max_quantize_grouped_with_zero_point`.
    """
    x = jnp.asarray(np.asarray(inputs)) if to_numpy else as_jax(inputs)
    rows, columns = x.shape
    low, high = value_range
    groups = math.ceil(rows / block_size)
    padded = jnp.pad(x, ((0, groups * block_size - rows), (0, 0)))
    grouped = padded.reshape(groups, block_size, columns)
    least, most = grouped.min(1, keepdims=True), grouped.max(1, keepdims=True)
    if not to_numpy:  # a group of equal numbers gets a range of two
        is_flat = least == most
        least, most = jnp.where(is_flat, least - 1, least), jnp.where(is_flat, most + 1, most)
    scale = (most - least + epsilon) / (high - low)
    zero = jnp.clip(jnp.round(-least / scale) + low, low, high)
    quantized = jnp.clip(jnp.round(grouped / scale) + zero, low, high).astype(dtype)
    whole = quantized.reshape(groups * block_size, columns)[:rows]
    return whole, scale[:, 0].astype(x.dtype), zero[:, 0].astype(jnp.int8)


def dequantize_grouped(
    quantized: Array, scale: Array, zero: Array, group: Array, axis: int
) -> Array:
    """Floating numbers from whole ones in groups: `(quantized - zero) * scale`.

    Args:
      quantized: whole numbers.
      scale, zero: one for each group along `axis`.
      group: the number of the group of each place along `axis`.
      axis: the axis of the groups.
    """
    numbers = group.astype(jnp.int32)
    scales = jnp.take(scale, numbers, axis=axis)
    return (quantized.astype(scales.dtype) - jnp.take(zero, numbers, axis=axis)) * scales


def pack_int4(
    arr: ArrayLike, axis: int = 0, dtype: str = "int8"
) -> tuple[Array, tuple[int, ...], int]:
    """Two numbers of four bits in each byte, the first in the low half.

    Args:
      arr: of `dtype`, from -8 to 7 (0 to 15 for "uint8").
      axis: the axis along which neighbours share a byte; an odd size is filled with a zero.
      dtype: "int8" or "uint8".

    Returns:
      The bytes, their shape, and the size of the axis before.

    Raises:
      ValueError: another `dtype`.
      TypeError: an array of another dtype.

    Example:
      >>> packed, shape, size = pack_int4(jnp.array([[-3, 7], [2, -8], [1, 0]], jnp.int8))
      >>> packed.tolist(), shape, size
      ([[45, -121], [1, 0]], (2, 2), 3)

    Source: `keras.quantizers.pack_int4`.
    """
    _check_byte(dtype)
    array = jnp.moveaxis(as_jax(arr), axis, 0)
    if array.dtype != np.dtype(dtype):
        raise WrongTypeError(f"pack_int4: `arr`: expected {dtype}, got {array.dtype}.")
    size = array.shape[0]
    filled = jnp.concatenate([array, jnp.zeros_like(array[: size % 2])])
    halves = filled.astype(jnp.uint8) & jnp.uint8(0x0F)
    packed = (halves[::2] | jnp.left_shift(halves[1::2], jnp.uint8(4))).astype(dtype)
    packed = jnp.moveaxis(packed, 0, axis)
    return packed, tuple(packed.shape), size


def unpack_int4(packed: ArrayLike, orig_len: int, axis: int = 0, dtype: str = "int8") -> Array:
    """The numbers of four bits in the bytes of `pack_int4`.

    Args:
      packed: int8 or uint8.
      orig_len: the size of the axis before.
      axis: the axis along which neighbours share a byte.
      dtype: "int8" for numbers from -8 to 7, "uint8" for 0 to 15.

    Raises:
      ValueError: another `dtype`.
      TypeError: an array of another dtype.

    Source: `keras.quantizers.unpack_int4`.
    """
    _check_byte(dtype)
    x = as_jax(packed)
    if x.dtype not in (jnp.int8, jnp.uint8):
        raise WrongTypeError(f"unpack_int4: `packed`: expected int8 or uint8, got {x.dtype}.")
    x = jnp.moveaxis(x, axis, 0)
    mask = jnp.asarray(0x0F, x.dtype)
    halves = jnp.stack([x & mask, jnp.right_shift(x, jnp.asarray(4, x.dtype)) & mask], 1)
    numbers = halves.reshape((-1, *x.shape[1:]))[:orig_len].astype(dtype)
    if dtype == "int8":
        eight = jnp.asarray(8, jnp.int8)
        numbers = (numbers ^ eight) - eight
    return jnp.moveaxis(numbers, 0, axis)


def _check_byte(dtype: str) -> None:
    if dtype not in ("int8", "uint8"):
        raise ValueError(f"`dtype`: expected 'int8' or 'uint8', got {dtype!r}.")


# -- training with quantized numbers


def fake_quant_with_min_max_vars(
    inputs: ArrayLike,
    min_vals: ArrayLike,
    max_vals: ArrayLike,
    num_bits: int = 8,
    narrow_range: bool = False,
    axis: int | None = None,
) -> Array:
    """The numbers rounded to the values that `num_bits` can tell apart between two bounds.

    The gradient passes through where an input is between the bounds, and goes to the nearer bound
    elsewhere.

    Args:
      inputs: floating.
      min_vals, max_vals: the bounds, numbers or one for each place of `axis`.
      num_bits: 8 for 256 values.
      narrow_range: one value fewer, so that the range is symmetric.
      axis: the axis of the bounds; None for one pair.

    Source: `keras.quantizers.fake_quant_with_min_max_vars`.
    """
    x = as_jax(inputs)
    low, high = (as_jax(bound) for bound in (min_vals, max_vals))
    place = None if axis is None else axis % x.ndim
    return _fake_quant((int(num_bits), bool(narrow_range), place), x, low, high)


Settings = tuple[int, bool, int | None]


def _nudged(settings: Settings, x: Array, low: Array, high: Array) -> tuple[Array, Array, Array]:
    """The bounds moved so that zero is one of the values, and the distance of neighbours."""
    bits, narrow, axis = settings
    shape = [1] * x.ndim
    if axis is not None:
        shape[axis] = -1
    low, high = (jnp.reshape(bound, shape).astype(jnp.float32) for bound in (low, high))
    most, least = (1 << bits) - 1, int(narrow)
    step = (high - low) / (most - least)
    zero = jnp.round(jnp.clip(least - low / step, least, most))
    return (least - zero) * step, (most - zero) * step, step


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _fake_quant(settings: Settings, x: Array, low: Array, high: Array) -> Array:
    least, most, step = _nudged(settings, x, low, high)
    wide = x.astype(jnp.float32)
    zero = jnp.floor(-least / step + 0.5)
    clamped = jnp.clip(wide, least, most) - least
    return (jnp.floor(clamped / step - zero + 0.5) * step).astype(x.dtype)


def _fake_quant_forward(settings: Settings, x: Array, low: Array, high: Array) -> Any:
    return _fake_quant(settings, x, low, high), (x, low, high)


def _fake_quant_backward(
    settings: Settings, saved: tuple[Array, Array, Array], upstream: Array
) -> Any:
    x, low, high = saved
    least, most, _ = _nudged(settings, x, low, high)
    axes = tuple(i for i in range(x.ndim) if i != settings[2])

    def summed(where: Array, bound: Array) -> Array:
        total = jnp.sum(jnp.where(where, upstream, 0), axes)
        return jnp.reshape(total, bound.shape).astype(bound.dtype)

    inside = jnp.where((x >= least) & (x <= most), upstream, 0)
    return inside, summed(x <= least, low), summed(x >= most, high)


_fake_quant.defvjp(_fake_quant_forward, _fake_quant_backward)


def compute_float8_scale(
    amax: ArrayLike, scale: ArrayLike, dtype_max: ArrayLike, margin: int = 0
) -> Array:
    """The next scale of float8 numbers, by which values are divided.

    Args:
      amax: the largest absolute value of late.
      scale: the present scale, which stays where `amax` is 0 or not finite.
      dtype_max: the largest float8 number.
      margin: bits that are kept free.

    Source: `keras.quantizers.compute_float8_scale`.
    """
    amax, scale = as_jax(amax), as_jax(scale)
    factor = (jnp.asarray(dtype_max) / amax) / 2**margin
    kept = jnp.where((amax > 0) & jnp.isfinite(amax), factor, 1 / scale)
    return 1 / kept


def compute_float8_amax_history(x: ArrayLike, amax_history: ArrayLike) -> Array:
    """The history of largest absolute values, with that of `x` in front.

    Source: `keras.quantizers.compute_float8_amax_history`.
    """
    history = as_jax(amax_history)
    return jnp.roll(history, -1).at[0].set(jnp.max(jnp.abs(as_jax(x))).astype(history.dtype))


def quantize_and_dequantize(
    inputs: ArrayLike, scale: ArrayLike, quantized_dtype: DTypeLike, compute_dtype: DTypeLike
) -> Array:
    """The numbers as float8 can tell them apart.

    Args:
      inputs: floating.
      scale: the number by which they are divided before, and multiplied after.
      quantized_dtype: "float8_e4m3fn" or "float8_e5m2".
      compute_dtype: of the result.

    Source: `keras.quantizers.quantize_and_dequantize`.
    """
    largest = jnp.asarray(float(ml_dtypes.finfo(quantized_dtype).max), compute_dtype)
    factor = as_jax(scale).astype(compute_dtype)
    small = jnp.clip(as_jax(inputs).astype(compute_dtype) / factor, -largest, largest)
    return small.astype(quantized_dtype).astype(compute_dtype) * factor

"""Sizes and padding of transposed convolutions, for the loops that Keras's tests compare with.

The formulas stand here for themselves, apart from those of `jkeras.ops`, which are judged by them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def compute_conv_transpose_output_shape(
    input_shape: Sequence[int],
    kernel_size: Sequence[int],
    filters: int,
    strides: int | Sequence[int],
    padding: str,
    output_padding: int | Sequence[int] | None = None,
    data_format: str = "channels_last",
    dilation_rate: int | Sequence[int] = 1,
) -> list[int]:
    """The shape of the outputs for inputs of a shape."""
    last = data_format == "channels_last"
    spatial = input_shape[1:-1] if last else input_shape[2:]
    rows = _rows(len(spatial), kernel_size, strides, output_padding, dilation_rate)
    sizes = [_size(n, *row, padding) for n, row in zip(spatial, rows, strict=True)]
    return [input_shape[0], *sizes, filters] if last else [input_shape[0], filters, *sizes]


def compute_conv_transpose_padding_args_for_jax(
    input_shape: Sequence[int],
    kernel_shape: Sequence[int],
    strides: int | Sequence[int],
    padding: str,
    output_padding: int | Sequence[int] | None,
    dilation_rate: int | Sequence[int],
) -> list[tuple[int, int]]:
    """For each spatial axis the zeros before and behind the spread inputs."""
    rank = len(input_shape) - 2
    rows = _rows(rank, kernel_shape[:rank], strides, output_padding, dilation_rate)
    return [_zeros(*row, padding) for row in rows]


def _rows(rank: int, window: Sequence[int], strides: Any, extra: Any, dilation: Any) -> Any:
    """(reach of the window, stride, output padding) of each axis."""
    strides, extra, dilation = (
        (each,) * rank if each is None or isinstance(each, int) else each
        for each in (strides, extra, dilation)
    )
    reaches = [(n - 1) * spread + 1 for n, spread in zip(window, dilation, strict=False)]
    return zip(reaches, strides, extra, strict=True)


def _size(n: int, reach: int, stride: int, extra: int | None, padding: str) -> int:
    if extra is None:
        return n * stride + (max(reach - stride, 0) if padding == "valid" else 0)
    cut = 2 * (reach // 2) if padding == "same" else 0
    return (n - 1) * stride + reach - cut + extra


def _zeros(reach: int, stride: int, extra: int | None, padding: str) -> tuple[int, int]:
    if padding == "valid":
        extra = max(stride - reach, 0) if extra is None else extra
        return reach - 1, reach - 1 + extra
    extra = stride - reach % 2 if extra is None else extra
    around = reach + reach % 2 - 2 + extra
    before = min((around + 1) // 2, reach - 1)
    return before, around - before

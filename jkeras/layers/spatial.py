"""Axes, checks and converters of the layers over sequences, images and volumes."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from jkeras.core.errors import describe, value_error
from jkeras.core.layer import Array, Layer, check_rank
from jkeras.ops.convolution import spatial_axes
from jkeras.ops.linear import add_bias

if TYPE_CHECKING:
    from jkeras.core.typing import ArraySpec

_NAMES = {
    1: ("steps",),
    2: ("height", "width"),
    3: ("depth", "height", "width"),
}


def image_axes(rank: int, layout: str) -> str:
    """The axes of a batch with `rank` spatial axes in words, for error messages.

    Example:
      >>> image_axes(2, "channels_last")
      '[batch, height, width, channels]'
    """
    names = ", ".join(_NAMES[rank])
    inner = f"{names}, channels" if layout == "channels_last" else f"channels, {names}"
    return f"[batch, {inner}]"


def channel_axis(layout: str) -> int:
    """The axis of the channels: -1 or 1."""
    return -1 if layout == "channels_last" else 1


def check_image(layer: Layer, inputs: ArraySpec, rank: int, layout: str) -> None:
    """Raises unless `inputs` has a batch axis, `rank` spatial axes and channels."""
    example = "x[..., None]" if layout == "channels_last" else "x[:, None]"
    fix = f"For data without channels add the axis: {example}."
    check_rank(layer, inputs, rank + 2, image_axes(rank, layout), fix=fix)


def check_window(
    layer: Layer, inputs: ArraySpec, window: Sequence[int], argument: str, layout: str
) -> None:
    """Raises if a window without padding is larger than the inputs' spatial axes."""
    spatial = tuple(inputs.shape[axis] for axis in spatial_axes(len(inputs.shape), layout))
    if any(wide > size for wide, size in zip(window, spatial, strict=True)):
        raise value_error(
            who=layer.who,
            expected=f"`{argument}` to fit into the inputs' {spatial}",
            got=f"a window of {tuple(window)}",
            fix="Make it smaller, or pad: padding='same'.",
        )


def check_channels(layer: Layer, x: Array, expected: int, layout: str) -> None:
    """Raises unless the number of channels of `x` is that of the weights."""
    if x.shape[channel_axis(layout)] != expected:
        raise value_error(
            who=layer.who,
            expected=f"`inputs` with {expected} channels, as when its weights were made",
            got=f"shape {x.shape}",
        )


def reach(window: Sequence[int], dilation: Sequence[int]) -> tuple[int, ...]:
    """The number of entries that a window with dilation extends over.

    Example:
      >>> reach((3, 2), (2, 1))
      (5, 2)
    """
    pairs = zip(window, dilation, strict=True)
    return tuple((size - 1) * step + 1 for size, step in pairs)


def finish(layer: Layer, outputs: Array, weights: dict[str, Array]) -> Array:
    """`activation(outputs + bias)`, with the bias along the channels, where there is one."""
    if layer.use_bias:
        outputs = add_bias(outputs, weights["bias"], channel_axis(layer.data_format))
    return layer.activation(outputs)


def count(value: Any) -> int:
    """`value` as an int of at least 0.

    Raises:
      TypeError: it is not an integer.
      ValueError: it is negative.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"expected an integer of at least 0, got {describe(value)}.")
    if operator.index(value) < 0:
        raise ValueError(f"expected an integer of at least 0, got {value!r}.")
    return operator.index(value)


def counts(rank: int) -> Callable[[Any], tuple[int, ...]]:
    """A converter to `rank` integers of at least 0: one integer stands for all of them."""

    def convert(value: Any) -> tuple[int, ...]:
        if not isinstance(value, tuple | list):
            return (count(value),) * rank
        if len(value) != rank:
            raise ValueError(f"expected an integer or {rank} of them, got {value!r}.")
        return tuple(count(item) for item in value)

    return convert

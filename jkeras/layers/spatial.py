"""What the layers over sequences, images and volumes say about their axes."""

from __future__ import annotations

from typing import Any

from jkeras.core.layer import Layer
from jkeras.ops.convolution import spatial_axes

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


def check_window(
    layer: Layer, inputs: Any, window: tuple[int, ...], argument: str, layout: str
) -> None:
    """Raises when a window without padding is larger than the inputs' spatial axes."""
    spatial = tuple(inputs.shape[axis] for axis in spatial_axes(len(inputs.shape), layout))
    if any(wide > size for wide, size in zip(window, spatial, strict=True)):
        raise ValueError(
            f"{layer.who}: expected `{argument}` to fit into the inputs' {spatial}, got a window "
            f"of {window}. Make it smaller, or pad: padding='same'."
        )

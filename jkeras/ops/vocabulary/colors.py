"""The functions of `keras.ops.image` about colors: gray values, hue, saturation and value."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jkeras.core.errors import describe
from jkeras.ops.vocabulary.arguments import checked_format

Array = jax.Array


def rgb_to_grayscale(images: Array, data_format: str | None = None) -> Array:
    """One channel of brightness: 0.2989 red + 0.587 green + 0.114 blue, in the images' dtype."""
    axis = _channel_axis("rgb_to_grayscale", images, data_format, 1, 3)
    if images.shape[axis] == 1:
        return images
    floating = jnp.issubdtype(images.dtype, jnp.inexact)
    wide = images if floating else images.astype(jnp.float32)
    weights = jnp.array([0.2989, 0.587, 0.114], wide.dtype)
    gray = jnp.tensordot(wide, weights, axes=(axis, 0))
    return jnp.expand_dims(gray, axis).astype(images.dtype)


def rgb_to_hsv(images: Array, data_format: str | None = None) -> Array:
    """Red, green and blue in [0, 1] as hue (a share of the circle), saturation and value.

    Source: Smith 1978, doi:10.1145/965139.807361.
    """
    axis = _channel_axis("rgb_to_hsv", images, data_format, 3)
    _check_floating("rgb_to_hsv", images)
    images = jnp.where(jnp.abs(images) < jnp.finfo(images.dtype).eps, 0, images)
    red, green, blue = (jnp.take(images, i, axis) for i in range(3))
    value = jnp.maximum(jnp.maximum(red, green), blue)
    spread = value - jnp.minimum(jnp.minimum(red, green), blue)
    saturation = jnp.where(value > 0, spread / jnp.where(value > 0, value, 1), 0)
    unit = 1 / (6 * jnp.where(spread > 0, spread, 1))
    of_blue = unit * (red - green) + 4 / 6
    of_others = jnp.where(value == green, unit * (blue - red) + 2 / 6, of_blue)
    hue = jnp.where(value == red, unit * (green - blue), of_others)
    hue = jnp.where(spread > 0, hue, 0) + (hue < 0).astype(hue.dtype)
    return jnp.stack([hue, saturation, value], axis)


def hsv_to_rgb(images: Array, data_format: str | None = None) -> Array:
    """The inverse of `rgb_to_hsv`."""
    axis = _channel_axis("hsv_to_rgb", images, data_format, 3)
    _check_floating("hsv_to_rgb", images)
    hue, saturation, value = (jnp.take(images, i, axis) for i in range(3))
    place = jnp.mod(hue, 1) * 6
    shares = (jnp.abs(place - 3) - 1, 2 - jnp.abs(place - 2), 2 - jnp.abs(place - 4))
    parts = [value * (1 - saturation + saturation * jnp.clip(share, 0, 1)) for share in shares]
    return jnp.stack(parts, axis)


def _channel_axis(who: str, images: Array, data_format: str | None, *channels: int) -> int:
    """The axis of the channels, counted from behind; raises unless their number is as expected."""
    axis = -1 if checked_format(f"image.{who}", data_format) == "channels_last" else -3
    if images.ndim not in (3, 4) or images.shape[axis] not in channels:
        listed = " or ".join(map(str, channels))
        raise ValueError(
            f"ops.image.{who}: expected `images` of rank 3 or 4 with {listed} channels, got "
            f"{describe(images)}."
        )
    return axis


def _check_floating(who: str, images: Array) -> None:
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise ValueError(
            f"ops.image.{who}: expected floating `images` in [0, 1], got {describe(images)}. "
            "Divide by 255."
        )

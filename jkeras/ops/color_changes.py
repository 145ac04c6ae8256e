"""Changes of the colors of images: the one table of them.

Images are `[batch, height, width, channels]`, floating, with values in a range (low, high);
amounts are numbers or `[batch, 1, 1, 1]`. What leaves the range is cut to it.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jkeras.ops.smoothing import filtered, gaussian_weights
from jkeras.ops.vocabulary.colors import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv

Array = jax.Array
Range = tuple[float, float]

BYTES: Range = (0, 255)


def in_range(images: Array, source: Range, target: Range) -> Array:
    """Images with the values of one range moved to another."""
    if tuple(source) == tuple(target):
        return images
    shares = (images - source[0]) / (source[1] - source[0])
    return shares * (target[1] - target[0]) + target[0]


def clip(images: Array, value_range: Range) -> Array:
    """Images with values cut to a range."""
    low, high = (jnp.asarray(end, images.dtype) for end in value_range)
    return jnp.clip(images, low, high)


def brightness(images: Array, delta: Array, value_range: Range) -> Array:
    """Images with `delta`, in units of the pixels, added."""
    return clip(images + delta, value_range)


def contrast(images: Array, factor: Array, value_range: Range) -> Array:
    """Images whose differences from the mean of their channel are multiplied by a factor."""
    mean = jnp.mean(images, axis=(1, 2), keepdims=True)
    return clip((images - mean) * factor + mean, value_range)


def grayscale(images: Array) -> Array:
    """Images with the brightness of a pixel in every channel."""
    return jnp.broadcast_to(rgb_to_grayscale(images, "channels_last"), images.shape)


def degenerate(images: Array, share: Array, value_range: Range) -> Array:
    """Images between themselves, at 0, and their gray form, at 1."""
    return clip(images + share * (grayscale(images) - images), value_range)


def hue(images: Array, turn: Array, value_range: Range) -> Array:
    """Images whose hue is moved by a share of the circle."""
    hsv = rgb_to_hsv(in_range(images, value_range, (0, 1)), "channels_last")
    moved = hsv[..., :1] + turn
    moved = jnp.where(moved > 1, moved - 1, moved)
    moved = jnp.where(moved < 0, moved + 1, moved)
    rgb = hsv_to_rgb(jnp.concatenate([moved, hsv[..., 1:]], axis=-1), "channels_last")
    return in_range(jnp.clip(rgb, 0, 1), (0, 1), value_range)


def saturation(images: Array, factor: Array, value_range: Range) -> Array:
    """Images whose saturation is multiplied by a factor, and cut to the range."""
    hsv = rgb_to_hsv(images, "channels_last")
    changed = clip(hsv[..., 1:2] * factor, value_range)
    parts = [hsv[..., :1], changed, hsv[..., 2:]]
    return hsv_to_rgb(jnp.concatenate(parts, axis=-1), "channels_last")


def sharpness(images: Array, factor: Array, value_range: Range) -> Array:
    """Images between their smoothed form, at 0, themselves, at 1, and the opposite, at 2.

    A pixel is smoothed with weight 5/13, and its eight neighbors with 1/13; behind the borders lie
    zeros.
    """
    ones = jnp.ones(3, images.dtype)
    around = filtered(filtered(images, ones, 1, "SAME"), ones, 2, "SAME")
    smooth = (around + 4 * images) / 13
    return clip(images + (1 - factor) * (smooth - images), value_range)


def blur(images: Array, sizes: tuple[int, int], sigma: Array, value_range: Range) -> Array:
    """Images smoothed by a Gaussian window of (width, height) `sizes` and deviations `sigma`."""
    for axis, size, deviation in zip((2, 1), sizes, sigma, strict=True):
        weights = gaussian_weights(size, deviation, images.dtype)
        images = filtered(images, weights, axis, "SAME")
    return clip(images, value_range)


def posterize(images: Array, shift: Array, value_range: Range) -> Array:
    """Images whose bytes have lost their last `shift` bits."""
    whole = in_range(images, value_range, BYTES).astype(jnp.uint8)
    shift = shift.astype(jnp.uint8)
    kept = jnp.left_shift(jnp.right_shift(whole, shift), shift)
    return in_range(kept.astype(images.dtype), BYTES, value_range)


def solarize(images: Array, addition: Array, threshold: Array, value_range: Range) -> Array:
    """Images with `addition` added, in which values from `threshold` on are inverted.

    Both are in units of bytes, 0 to 255.
    """
    values = clip(in_range(images, value_range, BYTES) + addition, BYTES)
    values = jnp.where(values < threshold, values, 255 - values)
    return in_range(values, BYTES, value_range)


def auto_contrast(images: Array, value_range: Range) -> Array:
    """Images of which each channel is stretched over the whole range; a constant one stays."""
    values = in_range(images, value_range, BYTES)
    low = jnp.min(values, axis=(1, 2), keepdims=True)
    high = jnp.max(values, axis=(1, 2), keepdims=True)
    is_flat = high == low
    scale = 255 / jnp.where(is_flat, jnp.ones_like(high), high - low)
    stretched = clip((values - low) * scale, BYTES)
    return jnp.where(is_flat, images, in_range(stretched, BYTES, value_range))


def where(applies: ArrayLike, changed: Array, images: Array) -> Array:
    """The changed form of those images of a batch to which it applies."""
    return jnp.where(jnp.reshape(jnp.asarray(applies), (-1, 1, 1, 1)), changed, images)

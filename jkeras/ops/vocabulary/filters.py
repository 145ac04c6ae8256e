"""The functions of `keras.ops.image` that look around a pixel: blurring, edges, similarity."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jkeras.ops.smoothing import filtered, gaussian_weights
from jkeras.ops.vocabulary.arguments import image_axes, repeated, sizes
from jkeras.ops.vocabulary.pixels import floating, stored_as

Array = jax.Array


def gaussian_blur(
    images: Array,
    kernel_size: Sequence[int] = (3, 3),
    sigma: Sequence[float] = (1.0, 1.0),
    data_format: str | None = None,
) -> Array:
    """Images smoothed by a Gaussian window; behind their borders lie zeros.

    Args:
      images: one image or a batch.
      kernel_size: the window's width and height, in pixels.
      sigma: the Gaussian's standard deviations along width and height, in pixels.
      data_format: "channels_last" or "channels_first"; None for `image_data_format()`.

    Returns:
      The shape and dtype of `images`.
    """
    wide = floating(images)
    axes = reversed(image_axes("gaussian_blur", images, data_format))
    windows = sizes("image.gaussian_blur", "kernel_size", kernel_size, 2)
    for axis, size, deviation in zip(axes, windows, repeated(sigma, 2), strict=True):
        wide = filtered(wide, gaussian_weights(size, deviation, wide.dtype), axis, "SAME")
    return stored_as(wide, images.dtype)


def sobel_edges(images: Array, data_format: str | None = None) -> Array:
    """The vertical and the horizontal derivative by Sobel's windows, along a new last axis.

    Behind the borders lie zeros.
    """
    wide = floating(images)
    rows, columns = image_axes("sobel_edges", images, data_format)
    difference, smooth = (jnp.array(w, wide.dtype) for w in ([-1, 0, 1], [1, 2, 1]))
    dy = filtered(filtered(wide, difference, rows, "SAME"), smooth, columns, "SAME")
    dx = filtered(filtered(wide, smooth, rows, "SAME"), difference, columns, "SAME")
    return stored_as(jnp.stack([dy, dx], axis=-1), images.dtype)


def ssim(
    image1: Array,
    image2: Array,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Array:
    """The structural similarity of two images, 1 for equal ones; one number for each of a batch.

    With means μ, variances σ² and covariance σ₁₂ in a Gaussian window, the mean over all windows of
    (2μ₁μ₂ + c₁)(2σ₁₂ + c₂) / ((μ₁² + μ₂² + c₁)(σ₁² + σ₂² + c₂)), cᵢ = (kᵢ · max_val)².

    Source: Wang et al. 2004, doi:10.1109/TIP.2003.819861.
    """
    if image1.shape != image2.shape:
        raise ValueError(
            "ops.image.ssim: expected `image1` and `image2` of one shape, got "
            f"{image1.shape} and {image2.shape}."
        )
    axes = image_axes("ssim", image1, data_format)
    a, b = floating(image1), floating(image2)
    (size,) = sizes("image.ssim", "filter_size", filter_size, 1)
    window = gaussian_weights(size, filter_sigma, a.dtype)

    def mean(x: Array) -> Array:
        for axis in axes:
            x = filtered(x, window, axis, "VALID")
        return x

    mean_a, mean_b = mean(a), mean(b)
    variances = mean(a * a) - mean_a**2 + mean(b * b) - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    above = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    below = (mean_a**2 + mean_b**2 + c1) * (variances + c2)
    similarity = jnp.mean(above / below, axis=range(image1.ndim - 3, image1.ndim))
    return stored_as(similarity, image1.dtype)

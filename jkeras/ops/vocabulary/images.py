"""The functions of `keras.ops.image`: sizes, borders, patches, coordinates.

Images are `[height, width, channels]` or a batch of them, or with channels in front of the two with
`data_format="channels_first"`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.ops.convolution import convolve
from jkeras.ops.resampling import FILLS
from jkeras.ops.resizing import METHODS as RESIZE_METHODS
from jkeras.ops.resizing import crop_box, margins
from jkeras.ops.vocabulary.arguments import checked_format, image_axes, one_word, sizes
from jkeras.ops.vocabulary.pixels import stored_as

Array = jax.Array

METHODS = (
    *("linear", "bilinear", "trilinear", "cubic", "bicubic", "tricubic", "lanczos3", "lanczos5"),
)


def resize(
    images: Array,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Array:
    """Images of another height and width.

    Args:
      images: one image or a batch.
      size: new height and width.
      interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
      antialias: whether smaller images are smoothed first.
      crop_to_aspect_ratio: cut the images to the new shape's proportions before.
      pad_to_aspect_ratio: fill the images up to them before.
      fill_mode: "constant".
      fill_value: the value of the padding.
      data_format: "channels_last" or "channels_first"; None for `image_data_format()`.

    Returns:
      The dtype of `images`: integers are rounded, and cut to what the dtype can hold.
    """
    height, width = sizes("image.resize", "size", size, 2)
    one_word("image.resize", "interpolation", interpolation, *RESIZE_METHODS)
    one_word("image.resize", "fill_mode", fill_mode, "constant")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(
            "ops.image.resize: expected one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio`, "
            "got both."
        )
    axes = image_axes("resize", images, data_format)
    if crop_to_aspect_ratio:
        images = _cropped(images, axes, (height, width))
    elif pad_to_aspect_ratio:
        images = _padded(images, axes, (height, width), fill_value)
    shape = list(images.shape)
    shape[axes[0]], shape[axes[1]] = height, width
    resized = jax.image.resize(images, shape, method=interpolation, antialias=antialias)
    if resized.dtype == images.dtype:
        return resized
    return stored_as(resized, images.dtype)


def _cropped(images: Array, axes: tuple[int, int], target: tuple[int, int]) -> Array:
    """The middle of the images, with the proportions of `target`."""
    box = crop_box((images.shape[axes[0]], images.shape[axes[1]]), target)
    for axis, part in zip(axes, box, strict=True):
        images = jax.lax.slice_in_dim(images, part.start, part.stop, axis=axis)
    return images


def _padded(
    images: Array, axes: tuple[int, int], target: tuple[int, int], fill_value: float
) -> Array:
    """The images with borders that give them the proportions of `target`."""
    pads = [(0, 0)] * images.ndim
    around = margins((images.shape[axes[0]], images.shape[axes[1]]), target)
    for axis, before in zip(axes, around, strict=True):
        pads[axis] = (before, before)
    return jnp.pad(images, pads, constant_values=fill_value)


Sides = tuple[int | None, int | None, int | None]
"""The arguments of an axis: entries before and behind, and the target size."""


def pad_images(
    images: Array,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Array:
    """Images with zeros around; of three numbers that belong together, give two."""
    rows = (top_padding, bottom_padding, target_height)
    columns = (left_padding, right_padding, target_width)
    pads = [(0, 0)] * images.ndim
    sides = _by_axis("pad_images", images, data_format, "padding", rows, columns)
    for axis, (before, behind, _) in sides.items():
        pads[axis] = (before, behind)
    return jnp.pad(images, pads)


def crop_images(
    images: Array,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Array:
    """Images without some rows and columns; of three numbers that belong together, give two."""
    rows = (top_cropping, bottom_cropping, target_height)
    columns = (left_cropping, right_cropping, target_width)
    sides = _by_axis("crop_images", images, data_format, "cropping", rows, columns, sign=-1)
    for axis, (before, _, kept) in sides.items():
        images = jax.lax.slice_in_dim(images, before, before + kept, axis=axis)
    return images


def _by_axis(
    who: str,
    images: Array,
    data_format: str | None,
    what: str,
    rows: Sides,
    columns: Sides,
    sign: int = 1,
) -> dict[int, tuple[int, int, int]]:
    """For the axes of height and width: entries before, entries behind, and the target size."""
    names = (
        (f"top_{what}", f"bottom_{what}", "target_height"),
        (f"left_{what}", f"right_{what}", "target_width"),
    )
    axes = image_axes(who, images, data_format)
    return {
        axis: _completed(who, sides, words, images.shape[axis], sign=sign)
        for axis, sides, words in zip(axes, (rows, columns), names, strict=True)
    }


def _completed(
    who: str, sides: tuple[Any, Any, Any], names: tuple[str, str, str], size: int, sign: int = 1
) -> tuple[int, int, int]:
    """The three of (before, behind, target) from two of them: target = size ± (before + behind)."""
    before, behind, target = sides
    if sides.count(None) != 1:
        numbers = ", ".join(f"{name}={value}" for name, value in zip(names, sides, strict=True))
        raise ValueError(f"ops.image.{who}: expected exactly two of three numbers, got {numbers}.")
    if target is None:
        target = size + sign * (before + behind)
    elif before is None:
        before = sign * (target - size) - behind
    else:
        behind = sign * (target - size) - before
    if min(before, behind, target) < 0:
        numbers = f"{names[0]}={before}, {names[1]}={behind}, {names[2]}={target}"
        raise ValueError(
            f"ops.image.{who}: expected numbers of at least 0 for a size of {size}, got {numbers}."
        )
    return before, behind, target


def extract_patches(
    images: Array,
    size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    dilation_rate: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Array:
    """Every window of the images, flat, at its place: `[..., rows, columns, window · channels]`.

    Three sizes mean volumes, with one more spatial axis.
    """
    rank = 3 if isinstance(size, tuple | list) and len(size) == 3 else 2
    return _patches(
        "extract_patches", images, rank, size, strides, dilation_rate, padding, data_format
    )


def extract_patches_3d(
    volumes: Array,
    size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    dilation_rate: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Array:
    """Every window of the volumes, flat, at its place."""
    who = "extract_patches_3d"
    return _patches(who, volumes, 3, size, strides, dilation_rate, padding, data_format)


def _patches(
    who: str,
    images: Array,
    rank: int,
    size: int | Sequence[int],
    strides: int | Sequence[int] | None,
    dilation_rate: int | Sequence[int],
    padding: str,
    data_format: str | None,
) -> Array:
    """A convolution with a kernel that copies each entry of the window to its own channel."""
    layout = checked_format(f"image.{who}", data_format)
    window = sizes(f"image.{who}", "size", size, rank)
    steps = window if strides is None else sizes(f"image.{who}", "strides", strides, rank)
    if images.ndim not in (rank + 1, rank + 2):
        raise ValueError(
            f"ops.image.{who}: expected {rank} spatial axes and channels, with or without a batch "
            f"axis, got shape {images.shape}."
        )
    batched = images if images.ndim == rank + 2 else images[None]
    channels = batched.shape[-1 if layout == "channels_last" else 1]
    entries = channels * math.prod(window)
    kernel = jnp.eye(entries, dtype=images.dtype).reshape(*window, channels, entries)
    patches = convolve(
        batched,
        kernel,
        strides=steps,
        padding=padding,
        dilation=sizes(f"image.{who}", "dilation_rate", dilation_rate, rank),
        data_format=layout,
    )
    return patches if images.ndim == rank + 2 else patches[0]


def map_coordinates(
    inputs: Array,
    coordinates: Array,
    order: int,
    fill_mode: str = "constant",
    fill_value: float = 0,
) -> Array:
    """The entries of `inputs` at `coordinates` (first axis: one row per axis of `inputs`).

    `order` 0 takes the nearest entry, 1 interpolates; `fill_mode` says what is outside.
    """
    if coordinates.ndim < 2 or len(coordinates) != inputs.ndim:
        raise ValueError(
            f"ops.image.map_coordinates: expected `coordinates` [{inputs.ndim}, ...], one row per "
            f"axis of `inputs`, got shape {coordinates.shape}."
        )
    if order not in (0, 1):
        raise ValueError(f"ops.image.map_coordinates: expected `order` 0 or 1, got {order!r}.")
    one_word("image.map_coordinates", "fill_mode", fill_mode, *FILLS)
    return jax.scipy.ndimage.map_coordinates(
        inputs, list(coordinates), order, fill_mode, fill_value
    )


def scale_and_translate(
    images: Array,
    output_shape: Sequence[int],
    scale: Array,
    translation: Array,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Array:
    """Images scaled and moved along `spatial_dims`, cut or filled up to `output_shape`."""
    one_word("image.scale_and_translate", "method", method, *METHODS)
    return jax.image.scale_and_translate(
        images, tuple(output_shape), tuple(spatial_dims), scale, translation, method, antialias
    )

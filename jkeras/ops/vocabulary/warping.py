"""The functions of `keras.ops.image` that move pixels: affine, perspective and elastic maps.

A map says for each pixel of the result where in the image its value is read: eight numbers, see
`jkeras.ops.plane_maps`. `jkeras.ops.resampling` reads them.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core.seeds import key_of
from jkeras.ops import plane_maps
from jkeras.ops.resampling import FILLS, INTERPOLATIONS, resample
from jkeras.ops.vocabulary.arguments import checked_format, image_axes, one_word
from jkeras.ops.vocabulary.filters import gaussian_blur
from jkeras.ops.vocabulary.pixels import floating, stored_as

Array = jax.Array
Seed = Any


def affine_transform(
    images: Array,
    transform: Array,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Array:
    """Images whose pixels are read at the places that a map gives.

    Args:
      images: one image or a batch.
      transform: `[8]`, or `[batch, 8]`: the eight numbers of the map.
      interpolation: "bilinear" or "nearest".
      fill_mode: what is outside: "constant", "nearest", "wrap", "mirror" or "reflect".
      fill_value: the value outside in mode "constant".
      data_format: "channels_last" or "channels_first"; None for `image_data_format()`.
    """
    if transform.ndim not in (1, 2) or transform.shape[-1] != 8:
        raise ValueError(
            "ops.image.affine_transform: expected `transform` [8] or [batch, 8], got shape "
            f"{transform.shape}."
        )
    places = _places(images, "affine_transform", transform, data_format)
    return _read(
        "affine_transform", images, places, interpolation, fill_mode, fill_value, data_format
    )


def perspective_transform(
    images: Array,
    start_points: Array,
    end_points: Array,
    interpolation: str = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Array:
    """Images in which four points, and all between them, are moved as in a picture of a plane.

    Args:
      images: one image or a batch.
      start_points: `[4, 2]` or `[batch, 4, 2]`: columns and rows in `images`.
      end_points: the same in the result.
      interpolation: "bilinear" or "nearest".
      fill_value: the value outside.
      data_format: "channels_last" or "channels_first"; None for `image_data_format()`.
    """
    shapes = start_points.shape, end_points.shape
    if shapes[0] != shapes[1] or shapes[0][-2:] != (4, 2) or len(shapes[0]) > 3:
        raise ValueError(
            "ops.image.perspective_transform: expected `start_points` and `end_points` [4, 2] or "
            f"[batch, 4, 2], got shapes {shapes[0]} and {shapes[1]}."
        )
    numbers = plane_maps.homography(floating(start_points), floating(end_points))
    who = "perspective_transform"
    places = _places(images, who, numbers, data_format)
    return _read(who, images, places, interpolation, "constant", fill_value, data_format)


def elastic_transform(
    images: Array,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: Seed = None,
    data_format: str | None = None,
) -> Array:
    """Images whose pixels are moved by smooth random distances.

    Args:
      images: one image or a batch.
      alpha: the factor of the distances.
      sigma: the standard deviation of the noise, and of the Gaussian that smooths it, in pixels.
      interpolation: "bilinear" or "nearest".
      fill_mode: as for `affine_transform`.
      fill_value: the value outside in mode "constant".
      seed: an integer, a `SeedGenerator`, a key, or None.
      data_format: "channels_last" or "channels_first"; None for `image_data_format()`.

    Source: Simard et al. 2003, doi:10.1109/ICDAR.2003.1227801.
    """
    who = "elastic_transform"
    rows, columns = (images.shape[axis] for axis in image_axes(who, images, data_format))
    shape = (2, *images.shape[: images.ndim - 3], rows, columns)
    noise = sigma * jax.random.normal(key_of("ops.image.elastic_transform", seed), shape)
    size = int(6 * sigma) | 1
    smooth = gaussian_blur(
        noise.reshape(-1, rows, columns, 1), (size, size), (sigma, sigma), "channels_last"
    )
    ends = (jnp.arange(n, dtype=noise.dtype) for n in (rows, columns))
    grid = jnp.stack(jnp.meshgrid(*ends, indexing="ij"))
    grid = grid.reshape(2, *(1,) * (images.ndim - 3), rows, columns)
    places = grid + alpha * smooth.reshape(shape)
    return _read(who, images, places, interpolation, fill_mode, fill_value, data_format)


def _places(images: Array, who: str, numbers: Array, data_format: str | None) -> Array:
    """The rows and columns that a map reads: `[2, (batch,) rows, columns]`."""
    rows, columns = (images.shape[axis] for axis in image_axes(who, images, data_format))
    return jnp.stack(plane_maps.places(jnp.atleast_2d(floating(numbers)), rows, columns))


def _read(
    who: str,
    images: Array,
    places: Array,
    interpolation: str,
    fill_mode: str,
    fill_value: float,
    data_format: str | None,
) -> Array:
    """The values of every channel at places `[2, (batch,) rows, columns]`."""
    one_word(f"image.{who}", "interpolation", interpolation, *INTERPOLATIONS)
    one_word(f"image.{who}", "fill_mode", fill_mode, *FILLS)
    last = checked_format(f"image.{who}", data_format) == "channels_last"
    axis = -1 if last else -3
    batch = jnp.moveaxis(floating(images), axis, -1)
    rows, columns = (x if x.ndim == 3 else x[None] for x in places)
    values = resample(
        batch if images.ndim == 4 else batch[None],
        rows,
        columns,
        interpolation=interpolation.lower(),
        fill_mode=fill_mode.lower(),
        fill_value=fill_value,
    )
    values = values if images.ndim == 4 else values[0]
    return stored_as(jnp.moveaxis(values, -1, axis), images.dtype)

"""Equalization of images: AutoContrast, Equalization, and that of tiles; nothing is drawn."""

from __future__ import annotations

from typing import ClassVar

from jkeras.core.layer import Array, option
from jkeras.layers.augmentation import options
from jkeras.layers.augmentation.base import ImageLayer, Transformation
from jkeras.layers.options import finite_non_negative, positive_int, sizes
from jkeras.ops import color_changes, histograms


class AutoContrast(ImageLayer):
    """Stretches each channel of each image over the whole range, in training and evaluation.

    Args:
      value_range: the range of the pixels.
      data_format: "channels_last" (the default) or "channels_first".

    Example:
      >>> import jax.numpy as jnp
      >>> AutoContrast()(jnp.array([10.0, 15.0, 20.0]).reshape(1, 3, 1)).ravel().tolist()
      [0.0, 127.5, 255.0]

    Source: `keras.layers.AutoContrast`.
    """

    is_random: ClassVar[bool] = False
    is_always_active: ClassVar[bool] = True

    value_range: options.Factor = options.value_range()
    data_format: str | None = options.layout(kw_only=True)

    def change_images(self, images: Array, transformation: Transformation) -> Array:
        del transformation
        return color_changes.auto_contrast(images, self.value_range)


class Equalization(ImageLayer):
    """Spreads the values of each channel of each image evenly, while training.

    Args:
      value_range: the range of the pixels.
      bins: how many values a histogram tells apart.
      data_format: "channels_last" (the default) or "channels_first".

    Source: `keras.layers.Equalization`.
    """

    is_random: ClassVar[bool] = False

    value_range: options.Factor = options.value_range()
    bins: int = option(default=256, convert=positive_int)
    data_format: str | None = options.layout()

    def change_images(self, images: Array, transformation: Transformation) -> Array:
        del transformation
        values = color_changes.in_range(images, self.value_range, color_changes.BYTES)
        equalized = histograms.equalize(values, self.bins)
        return color_changes.in_range(equalized, color_changes.BYTES, self.value_range)


class ContrastLimitedAdaptiveHistogramEqualization(ImageLayer):
    """Spreads the values around each pixel evenly, tile by tile, in training and evaluation.

    Args:
      value_range: the range of the pixels.
      clip_limit: how often a value may count in a tile, in units of the mean; 0 for no limit.
      tile_grid_size: the number of tiles along height and width.
      data_format: "channels_last" (the default) or "channels_first".

    Source: Zuiderveld 1994, Graphics Gems IV;
    `keras.layers.ContrastLimitedAdaptiveHistogramEqualization`.
    """

    is_random: ClassVar[bool] = False
    is_always_active: ClassVar[bool] = True

    value_range: options.Factor = options.value_range()
    clip_limit: float = option(default=4.0, convert=finite_non_negative)
    tile_grid_size: tuple[int, int] = option(default=(8, 8), convert=sizes(2, positive_int))
    data_format: str | None = options.layout()

    def change_images(self, images: Array, transformation: Transformation) -> Array:
        del transformation
        values = color_changes.in_range(images, self.value_range, color_changes.BYTES)
        equalized = histograms.equalize_tiles(values, self.tile_grid_size, self.clip_limit)
        return color_changes.in_range(equalized, color_changes.BYTES, self.value_range)

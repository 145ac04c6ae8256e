"""Random perspectives, elastic distortions and crops of images."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import lax

from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, option
from jkeras.core.seeds import key_of
from jkeras.layers.augmentation import options
from jkeras.layers.augmentation.base import ImageLayer, Sizes, Transformation
from jkeras.layers.augmentation.geometry import MappedImages, uniform
from jkeras.layers.options import finite, one_of, positive_int, rate
from jkeras.ops import box_formats, color_changes, plane_maps
from jkeras.ops.resampling import FILLS, resample_apart
from jkeras.ops.resizing import crop_box
from jkeras.ops.smoothing import filtered, gaussian_weights


def applies(key: Key, batch: int, factor: options.Pair) -> Array:
    """For each image of a batch, whether it is changed: with a probability drawn from a range."""
    probability, threshold = uniform(key, batch, factor, (0, 1))
    return threshold < probability


class RandomPerspective(MappedImages):
    """Shows images as in a picture of a plane, with moved corners, while training.

    Args:
      factor: the probability that an image is changed: f for 0 to f, or (lower, upper), from which
        each image draws its own.
      scale: how far corners move at most, as a share of twice the image's size, from 0 to 1.
      interpolation: "bilinear" or "nearest".
      fill_value: the value outside of the image.
      seed: folded into the key.
      data_format: "channels_last" (the default) or "channels_first".
      bounding_box_format: the format of boxes in a dict, such as "xyxy".

    Source: `keras.layers.RandomPerspective`.
    """

    has_perspective: ClassVar[bool] = True

    factor: options.Factor = option(default=1.0, convert=options.factor(0, 1))
    scale: float = option(default=1.0, convert=rate)
    interpolation: str = options.interpolation()
    fill_value: float = option(default=0.0, convert=finite)
    seed: int | None = options.seed()
    data_format: str | None = options.layout()

    def draw(self, key: Key, sizes: Sizes) -> Transformation:
        batch, height, width, _ = sizes
        ends = [(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)]
        start = jnp.broadcast_to(jnp.asarray(ends, jnp.float32), (batch, 4, 2))
        half = 0.5 * self.scale
        moves = jax.random.uniform(child(key, "corners"), (batch, 4, 2), minval=-half, maxval=half)
        return {
            "apply_perspective": applies(key, batch, self.factor),
            "start_points": start,
            "end_points": start + start * moves,
        }

    def maps(self, transformation: Transformation, height: int, width: int) -> Array:
        del height, width
        points = (transformation["start_points"], transformation["end_points"])
        start, end = (jnp.asarray(each, jnp.float32) for each in points)
        same = jnp.asarray([[1, 0, 0, 0, 1, 0, 0, 0]], jnp.float32)
        applied = jnp.reshape(jnp.asarray(transformation["apply_perspective"]), (-1, 1))
        return jnp.where(applied, plane_maps.homography(start, end), same)


class RandomElasticTransform(ImageLayer):
    """Moves pixels by smooth random distances while training.

    Args:
      factor: the probability that an image is changed: f for 0 to f, or (lower, upper).
      scale: the strength: f for 0 to f, or (lower, upper), drawn once for a batch. At 1, distances
        are those of noise smoothed over 5 % of the image, times 10 % of its size.
      interpolation: "bilinear" or "nearest".
      fill_mode: what is outside: "constant", "nearest", "wrap", "mirror" or "reflect".
      fill_value: the value outside in mode "constant".
      value_range: the range of the pixels, to which results are cut.
      seed: folded into the key.
      data_format: "channels_last" (the default) or "channels_first".

    Source: Simard et al. 2003, doi:10.1109/ICDAR.2003.1227801;
    `keras.layers.RandomElasticTransform`.
    """

    moves_pixels: ClassVar[bool] = True

    factor: options.Factor = option(default=1.0, convert=options.factor(0, 1))
    scale: options.Factor = option(default=1.0, convert=options.factor(0, 1))
    interpolation: str = options.interpolation()
    fill_mode: str = option(default="reflect", convert=one_of(*FILLS))
    fill_value: float = option(default=0.0, convert=finite)
    value_range: options.Factor = options.value_range()
    seed: int | None = options.seed()
    data_format: str | None = options.layout()

    def draw(self, key: Key, sizes: Sizes) -> Transformation | None:
        if self.scale[1] == 0 or self.factor[1] == 0:
            return None
        ((strength,),) = uniform(child(key, "scale"), 1, self.scale)
        return {
            "apply_transform": applies(key, sizes[0], self.factor),
            "distortion_factor": strength,
            "seed": child(key, "distances"),
        }

    def change_images(self, images: Array, transformation: Transformation) -> Array:
        moved = self._moved(images, transformation, self.interpolation)
        return color_changes.clip(moved, self.value_range)

    def change_masks(self, masks: Array, transformation: Transformation) -> Array:
        return self._moved(masks, transformation, "nearest")

    def _moved(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        batch, height, width, _ = images.shape
        strength = jnp.asarray(transformation["distortion_factor"], jnp.float32)
        alpha, sigma = max(height, width) * 0.1 * strength, min(height, width) * 0.05 * strength
        # The window has int(6 sigma) entries or one more, which is known when the program runs: it
        # is as wide as for the greatest strength, and its ends are zero.
        size = int(6 * min(height, width) * 0.05 * self.scale[1]) | 1
        radius = jnp.floor(jnp.floor(6 * sigma) / 2)
        weights = gaussian_weights(size, sigma, jnp.float32, radius)
        key = key_of(self.who, transformation["seed"])
        noise = sigma * jax.random.normal(key, (2, batch, height, width))
        smooth = filtered(filtered(noise, weights, 2, "SAME"), weights, 3, "SAME")
        rows = jnp.arange(height, dtype=jnp.float32)[None, :, None] + alpha * smooth[0]
        columns = jnp.arange(width, dtype=jnp.float32)[None, None] + alpha * smooth[1]
        moved = resample_apart(
            images,
            rows,
            columns,
            interpolation=interpolation,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
        )
        return color_changes.where(transformation["apply_transform"], moved, images)

    def change_boxes(
        self, boxes: Array, transformation: Transformation, height: int, width: int
    ) -> Array:
        raise NotImplementedError(f"{self.who}: boxes do not follow an elastic distortion.")


class RandomCrop(ImageLayer):
    """Cuts a part of `height` and `width` out of images: at random while training, else the middle.

    One place is drawn for a batch. Outside of training, and where an image is smaller than the
    part, the largest part in the middle with the same proportions is stretched to the size.

    Args:
      height, width: the size of the outputs.
      seed: folded into the key.
      data_format: "channels_last" (the default) or "channels_first".
      bounding_box_format: the format of boxes in a dict, such as "xyxy"; labels stay.

    Example:
      >>> RandomCrop(24, 24)(jnp.zeros((8, 32, 28, 3))).shape
      (8, 24, 24, 3)

    Source: `keras.layers.RandomCrop`.
    """

    moves_pixels: ClassVar[bool] = True
    is_always_active: ClassVar[bool] = True

    height: int = option(convert=positive_int)
    width: int = option(convert=positive_int)
    seed: int | None = options.seed()
    data_format: str | None = options.layout()

    def draw(self, key: Key, sizes: Sizes) -> Transformation:
        _, height, width, _ = sizes
        if key is None or height < self.height or width < self.width:
            return {"start": None}
        free = (height - self.height + 1, width - self.width + 1)
        numbers = jax.random.uniform(key, (2,))
        places = [jnp.floor(u * n).astype(jnp.int32) for u, n in zip(numbers, free, strict=True)]
        return {"start": (places[0], places[1])}

    def change_images(self, images: Array, transformation: Transformation) -> Array:
        return self._cut(images, transformation, "linear")

    def change_masks(self, masks: Array, transformation: Transformation) -> Array:
        return self._cut(masks, transformation, "nearest")

    def _cut(self, images: Array, transformation: Transformation, method: str) -> Array:
        start = transformation["start"]
        if start is None:
            return self._middle(images, method)
        begin = (0, start[0], start[1], 0)
        shape = (len(images), self.height, self.width, images.shape[3])
        return lax.dynamic_slice(images, [jnp.asarray(x, jnp.int32) for x in begin], shape)

    def _middle(self, images: Array, method: str) -> Array:
        batch, height, width, channels = images.shape
        rows, columns = crop_box((height, width), (self.height, self.width))
        shape = (batch, self.height, self.width, channels)
        return jax.image.resize(images[:, rows, columns], shape, method, antialias=False)

    def change_boxes(
        self, boxes: Array, transformation: Transformation, height: int, width: int
    ) -> Array:
        start = transformation["start"]
        if start is not None:
            return box_formats.shifted(boxes, -start[1], -start[0])
        rows, columns = crop_box((int(height), int(width)), (self.height, self.width))
        x = self.width / (columns.stop - columns.start)
        y = self.height / (rows.stop - rows.start)
        first = jnp.asarray([[[columns.start, rows.start] * 2]], boxes.dtype)
        return (boxes - first) * jnp.asarray([[[x, y, x, y]]], boxes.dtype)

    def labels_of_moved(self, boxes: Array, labels: Array) -> Array:
        """The labels as they are, as in Keras: a box that is gone has no area."""
        del boxes
        return labels

    def target_size(self, height: int, width: int) -> tuple[Any, Any]:
        return self.height, self.width

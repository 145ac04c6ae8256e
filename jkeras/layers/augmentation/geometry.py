"""Random flips, rotations, zooms, translations and shears of images.

Flips reverse axes. The others are maps of the plane, read by one resampler: a layer says which
numbers it draws, and which map they are; boxes move by the inverse map.
"""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from jkeras.core.keys import Key
from jkeras.core.layer import Array, option
from jkeras.layers.augmentation import options
from jkeras.layers.augmentation.base import ImageLayer, Sizes, Transformation
from jkeras.layers.options import finite, one_of
from jkeras.ops import box_formats, color_changes, plane_maps
from jkeras.ops.resampling import resample_apart


def uniform(key: Key, batch: int, *ranges: tuple[float, float]) -> list[Array]:
    """For each range, one number for each image of a batch, uniform in it: `[batch]` each."""
    drawn = jax.random.uniform(key, (len(ranges), batch))
    return [low + (high - low) * row for row, (low, high) in zip(drawn, ranges, strict=True)]


class RandomFlip(ImageLayer):
    """Flips half of the images while training.

    Args:
      mode: "horizontal" (left and right), "vertical", or "horizontal_and_vertical", which flips an
        image both ways at once, as in Keras.
      seed: folded into the key.
      data_format: "channels_last" (the default) or "channels_first".
      bounding_box_format: the format of boxes in a dict, such as "xyxy".

    Example:
      >>> images = jnp.arange(3.0).reshape(1, 1, 3, 1)
      >>> rows = {tuple(RandomFlip("horizontal")(images).ravel().tolist()) for _ in range(20)}
      >>> sorted(rows)
      [(0.0, 1.0, 2.0), (2.0, 1.0, 0.0)]

    Source: `keras.layers.RandomFlip`.
    """

    moves_pixels: ClassVar[bool] = True

    mode: str = option(
        default="horizontal_and_vertical",
        convert=one_of("horizontal", "vertical", "horizontal_and_vertical"),
    )
    seed: int | None = options.seed()
    data_format: str | None = options.layout()

    def draw(self, key: Key, sizes: Sizes) -> Transformation:
        (numbers,) = uniform(key, sizes[0], (0, 1))
        return {"flips": (numbers <= 0.5)[:, None, None, None]}

    def change_images(self, images: Array, transformation: Transformation) -> Array:
        axes = [axis for axis, word in ((1, "vertical"), (2, "horizontal")) if word in self.mode]
        return color_changes.where(transformation["flips"], jnp.flip(images, axes), images)

    def change_masks(self, masks: Array, transformation: Transformation) -> Array:
        return self.change_images(masks, transformation)

    def change_boxes(
        self, boxes: Array, transformation: Transformation, height: int, width: int
    ) -> Array:
        x1, y1, x2, y2 = box_formats.numbers(boxes)
        if "horizontal" in self.mode:
            x1, x2 = width - x2, width - x1
        if "vertical" in self.mode:
            y1, y2 = height - y2, height - y1
        flips = jnp.reshape(jnp.asarray(transformation["flips"]), (-1, 1, 1))
        return jnp.where(flips, box_formats.joined(x1, y1, x2, y2), boxes)


class MappedImages(ImageLayer):
    """Base of the layers that read images through maps of the plane, by the method `maps`."""

    moves_pixels: ClassVar[bool] = True

    has_perspective: ClassVar[bool] = False
    """Whether the last two numbers of the maps count."""

    def maps(self, transformation: Transformation, height: int, width: int) -> Array:
        """The maps `[batch, 8]` for the numbers drawn, for images of such a size."""
        raise NotImplementedError(f"{self.who}: expected the class to define `maps`.")

    def change_images(self, images: Array, transformation: Transformation) -> Array:
        return self._read(images, transformation, getattr(self, "interpolation"))  # noqa: B009

    def change_masks(self, masks: Array, transformation: Transformation) -> Array:
        return self._read(masks, transformation, "nearest")

    def _read(self, images: Array, transformation: Transformation, interpolation: str) -> Array:
        height, width = images.shape[1:3]
        rows, columns = plane_maps.places(
            self.maps(transformation, height, width),
            height,
            width,
            perspective=self.has_perspective,
        )
        return resample_apart(
            images,
            rows,
            columns,
            interpolation=interpolation,
            fill_mode=getattr(self, "fill_mode", "constant"),
            fill_value=getattr(self, "fill_value"),  # noqa: B009  # mypy: of subclasses
        )

    def change_boxes(
        self, boxes: Array, transformation: Transformation, height: int, width: int
    ) -> Array:
        maps = self.maps(transformation, height, width)
        moved = box_formats.mapped(boxes, plane_maps.inverse(maps))
        return jnp.nan_to_num(moved, nan=0.0, posinf=0.0, neginf=0.0)  # of a map to one line


class RandomRotation(MappedImages):
    """Turns each image by a random angle while training.

    Args:
      factor: the angle in turns: f for -f to f, or (lower, upper); 0.1 is 36 degrees, and positive
        angles go against the clock.
      fill_mode: what is outside of the image: "reflect", "wrap", "constant" or "nearest".
      interpolation: "bilinear" or "nearest".
      seed: folded into the key.
      fill_value: the value outside in mode "constant".
      data_format: "channels_last" (the default) or "channels_first".
      bounding_box_format: the format of boxes in a dict, such as "xyxy".

    Example:
      >>> image = jnp.arange(4.0).reshape(2, 2, 1)
      >>> RandomRotation((0.5, 0.5))(image).ravel().round().astype(int).tolist()
      [3, 2, 1, 0]

    Source: `keras.layers.RandomRotation`.
    """

    factor: options.Factor = option(convert=options.factor(-1, 1, beyond=True))
    fill_mode: str = options.fill_mode()
    interpolation: str = options.interpolation()
    seed: int | None = options.seed()
    fill_value: float = option(default=0.0, convert=finite)
    data_format: str | None = options.layout()

    def draw(self, key: Key, sizes: Sizes) -> Transformation:
        lower, upper = self.factor
        (angle,) = uniform(key, sizes[0], (lower * 360, upper * 360))
        maps = plane_maps.rotation(angle, sizes[1], sizes[2])
        return {"angle": angle, "rotation_matrix": maps}

    def maps(self, transformation: Transformation, height: int, width: int) -> Array:
        del height, width
        return jnp.atleast_2d(jnp.asarray(transformation["rotation_matrix"], jnp.float32))


class RandomZoom(MappedImages):
    """Makes each image larger or smaller while training, height and width independently.

    Args:
      height_factor: f for -f to f, or (lower, upper), above -1: 0.2 shows the image 20 % smaller,
        -0.2 larger.
      width_factor: the same for the width; left out, proportions stay.
      fill_mode: what is outside of the image: "reflect", "wrap", "constant" or "nearest".
      interpolation: "bilinear" or "nearest".
      seed: folded into the key.
      fill_value: the value outside in mode "constant".
      data_format: "channels_last" (the default) or "channels_first".
      bounding_box_format: the format of boxes in a dict, such as "xyxy".

    Example:
      >>> row = jnp.arange(4.0).reshape(1, 4, 1)
      >>> RandomZoom((0.0, 0.0), (-0.5, -0.5))(row).ravel().tolist()
      [0.75, 1.25, 1.75, 2.25]

    Source: `keras.layers.RandomZoom`.
    """

    height_factor: Any = option(convert=options.span(-1, 1, above=True))
    width_factor: Any = option(
        default=None, convert=lambda v: None if v is None else options.span(-1, 1, above=True)(v)
    )
    fill_mode: str = options.fill_mode()
    interpolation: str = options.interpolation()
    seed: int | None = options.seed()
    fill_value: float = option(default=0.0, convert=finite)
    data_format: str | None = options.layout()

    def draw(self, key: Key, sizes: Sizes) -> Transformation:
        factors = [self.height_factor, self.width_factor]
        ranges = [options.ends(each) for each in factors if each is not None]
        drawn = uniform(key, sizes[0], *((1 + low, 1 + high) for low, high in ranges))
        return {"height_zoom": drawn[0][:, None], "width_zoom": drawn[-1][:, None]}

    def maps(self, transformation: Transformation, height: int, width: int) -> Array:
        x, y = (
            jnp.reshape(jnp.asarray(transformation[name], jnp.float32), (-1,))
            for name in ("width_zoom", "height_zoom")
        )
        return plane_maps.zoom(x, y, height, width)


class RandomTranslation(MappedImages):
    """Moves each image up or down, and left or right, while training.

    Args:
      height_factor: a share of the height: f for -f to f, or (lower, upper); positive is down.
      width_factor: a share of the width; positive is to the right.
      fill_mode: what is outside of the image: "reflect", "wrap", "constant" or "nearest".
      interpolation: "bilinear" or "nearest".
      seed: folded into the key.
      fill_value: the value outside in mode "constant".
      data_format: "channels_last" (the default) or "channels_first".
      bounding_box_format: the format of boxes in a dict, such as "xyxy".

    Example:
      >>> row = jnp.arange(4.0).reshape(1, 4, 1)
      >>> RandomTranslation(0, (0.25, 0.25), fill_mode="wrap")(row).ravel().tolist()
      [3.0, 0.0, 1.0, 2.0]

    Source: `keras.layers.RandomTranslation`.
    """

    height_factor: Any = option(convert=options.span(-1, 1))
    width_factor: Any = option(convert=options.span(-1, 1))
    fill_mode: str = options.fill_mode()
    interpolation: str = options.interpolation()
    seed: int | None = options.seed()
    fill_value: float = option(default=0.0, convert=finite)
    data_format: str | None = options.layout()

    def draw(self, key: Key, sizes: Sizes) -> Transformation:
        batch, height, width, _ = sizes
        vertical, horizontal = options.ends(self.height_factor), options.ends(self.width_factor)
        y, x = uniform(key, batch, vertical, horizontal)
        return {"translations": jnp.stack([x * width, y * height], axis=1)}

    def maps(self, transformation: Transformation, height: int, width: int) -> Array:
        del height, width
        moves = jnp.asarray(transformation["translations"], jnp.float32)
        return plane_maps.translation(moves[:, 0], moves[:, 1])


class RandomShear(MappedImages):
    """Shears each image while training: rows and columns move in proportion to their number.

    Args:
      x_factor: pixels that a row moves for each row above it, at least 0: f for 0 to f either way,
        or (lower, upper), either way.
      y_factor: the same for columns.
      interpolation: "bilinear" or "nearest".
      fill_mode: what is outside of the image: "reflect", "wrap", "constant" or "nearest".
      fill_value: the value outside in mode "constant".
      data_format: "channels_last" (the default) or "channels_first".
      seed: folded into the key.
      bounding_box_format: the format of boxes in a dict, such as "xyxy".

    Source: `keras.layers.RandomShear`.
    """

    x_factor: Any = option(default=0.0, convert=options.span(0, 1))
    y_factor: Any = option(default=0.0, convert=options.span(0, 1))
    interpolation: str = options.interpolation()
    fill_mode: str = options.fill_mode()
    fill_value: float = option(default=0.0, convert=finite)
    data_format: str | None = options.layout()
    seed: int | None = options.seed()

    def draw(self, key: Key, sizes: Sizes) -> Transformation:
        ranges = options.ends(self.y_factor), options.ends(self.x_factor)
        sign, y, x = uniform(key, sizes[0], (0, 1), *ranges)
        factors = jnp.stack([x, y], axis=1)
        return {"shear_factor": jnp.where(sign[:, None] > 0.5, -factors, factors)}

    def maps(self, transformation: Transformation, height: int, width: int) -> Array:
        del height, width
        factors = jnp.asarray(transformation["shear_factor"], jnp.float32)
        return plane_maps.shear(factors[:, 0], factors[:, 1])

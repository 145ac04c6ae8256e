"""MaxNumBoundingBoxes: the same number of boxes for every image."""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp

from jkeras.core.layer import Array, option
from jkeras.layers.augmentation import options
from jkeras.layers.augmentation.base import Boxes, Drawn, ImageLayer, Transformation, checked_boxes
from jkeras.layers.options import integer, positive_int


def _whole(value: object) -> int:
    return integer(value, -(2**31), "an integer")


class MaxNumBoundingBoxes(ImageLayer):
    """Cuts the boxes of each image to a number, or fills them up to it, with their labels.

    Images stay. It acts in training and evaluation.

    Args:
      max_number: how many boxes each image has afterwards.
      fill_value: the value of boxes and labels that are none.
      data_format: "channels_last" (the default) or "channels_first".
      bounding_box_format: the format of boxes in a dict, such as "xyxy".

    Example:
      >>> layer = MaxNumBoundingBoxes(3, bounding_box_format="xyxy")
      >>> boxes = {"boxes": jnp.ones((2, 1, 4)), "labels": jnp.zeros((2, 1), jnp.int32)}
      >>> layer({"images": jnp.zeros((2, 8, 8, 3)), "bounding_boxes": boxes})[
      ...     "bounding_boxes"
      ... ]["labels"].tolist()
      [[0, -1, -1], [0, -1, -1]]

    Source: `keras.layers.MaxNumBoundingBoxes`.
    """

    is_random: ClassVar[bool] = False
    is_always_active: ClassVar[bool] = True

    max_number: int = option(convert=positive_int)
    fill_value: int = option(default=-1, convert=_whole)
    data_format: str | None = options.layout(kw_only=True)

    def change_images(self, images: Array, transformation: Transformation) -> Array:
        del transformation
        return images

    def transform_bounding_boxes(
        self, bounding_boxes: Boxes, transformation: Drawn, training: bool = True
    ) -> dict[str, Any]:
        """Boxes `[batch, max_number, 4]` and labels `[batch, max_number]`."""
        del transformation, training
        boxes, labels = checked_boxes(self, bounding_boxes)
        axis = boxes.ndim - 2
        filled = {"boxes": self._filled(boxes, axis), "labels": self._filled(labels, axis)}
        return {**bounding_boxes, **filled}

    def _filled(self, values: Array, axis: int) -> Array:
        kept = values[(slice(None),) * axis + (slice(self.max_number),)]
        missing = [(0, 0)] * values.ndim
        missing[axis] = (0, self.max_number - kept.shape[axis])
        return jnp.pad(kept, missing, constant_values=self.fill_value)

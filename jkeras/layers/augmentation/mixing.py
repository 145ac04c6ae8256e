"""Images mixed with each other, MixUp and CutMix, with their labels; and images with holes."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jkeras.core.errors import describe
from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, InSlices, PaddedRows, option
from jkeras.layers.augmentation import options
from jkeras.layers.augmentation.base import (
    Boxes,
    Drawn,
    ImageLayer,
    Sizes,
    Transformation,
    checked_boxes,
)
from jkeras.layers.augmentation.geometry import uniform
from jkeras.layers.augmentation.warps import applies
from jkeras.layers.options import finite, finite_non_negative
from jkeras.ops import color_changes


class MixedImages(ImageLayer):
    """Base of the layers that mix each image of a batch with another one of it."""

    in_slices: ClassVar[InSlices] = "never"
    padded_rows: ClassVar[PaddedRows] = "seen"
    mixes_examples: ClassVar[bool] = True
    """Whether labels have to change with the images; `fit` warns where it has them apart."""

    def change_labels(self, labels: Array, transformation: Transformation) -> Array:
        """The labels, mixed as the images: floating, as one-hot vectors or probabilities.

        Raises:
          ValueError: ids of classes, which have no mean.
        """
        if labels.ndim < 2 and not jnp.issubdtype(labels.dtype, jnp.inexact):
            raise self.value_error(
                "'labels' as one-hot vectors or probabilities [batch, classes], which can be mixed",
                describe(labels),
                "Convert them: jkeras.utils.to_categorical(labels).",
            )
        count = len(jnp.asarray(transformation["permutation_order"]))
        if len(labels) != count:
            raise self.value_error(
                f"'labels' for {count} images", f"an array of shape {labels.shape}"
            )
        wide = labels if jnp.issubdtype(labels.dtype, jnp.inexact) else labels.astype(jnp.float32)
        shape = (-1, *(1,) * (labels.ndim - 1))
        weight = jnp.reshape(jnp.asarray(transformation["mix_weight"]), shape).astype(wide.dtype)
        return weight * wide + (1 - weight) * _others(wide, transformation)


def _others(values: Array, transformation: Transformation) -> Array:
    """For each example of a batch the one that it is mixed with."""
    return values[jnp.asarray(transformation["permutation_order"])]


class MixUp(MixedImages):
    """Adds to each image another one of the batch, and to its label the other's, while training.

    With a share w of the image from a Beta(alpha, alpha) distribution, w · image +
    (1 - w) · other, and the same for labels and masks. Boxes of both images are kept. Labels change
    only where they come with the images, in a dict: call the layer in the data set, before `fit`.

    Args:
      alpha: at least 0; small numbers mix little, 1 makes all shares equally likely.
      data_format: "channels_last" (the default) or "channels_first".
      seed: folded into the key.
      bounding_box_format: the format of boxes in a dict, such as "xyxy".

    Example:
      >>> images, labels = jnp.zeros((4, 8, 8, 3)), jnp.eye(4)
      >>> mixed = MixUp(0.4)({"images": images, "labels": labels})
      >>> mixed["labels"].sum(axis=-1).round(5).tolist()
      [1.0, 1.0, 1.0, 1.0]

    Source: Zhang et al. 2018, arXiv:1710.09412; `keras.layers.MixUp`.
    """

    moves_pixels: ClassVar[bool] = True

    alpha: float = option(default=0.2, convert=finite_non_negative)
    data_format: str | None = options.layout()
    seed: int | None = options.seed()

    def draw(self, key: Key, sizes: Sizes) -> Transformation:
        batch = sizes[0]
        alpha = max(self.alpha, 1e-6)
        return {
            "mix_weight": jax.random.beta(child(key, "weight"), alpha, alpha, (batch,)),
            "permutation_order": jax.random.permutation(child(key, "order"), batch),
        }

    def change_images(self, images: Array, transformation: Transformation) -> Array:
        weight = jnp.asarray(transformation["mix_weight"], jnp.float32).reshape(-1, 1, 1, 1)
        return weight * images + (1 - weight) * _others(images, transformation)

    def change_masks(self, masks: Array, transformation: Transformation) -> Array:
        return self.change_images(masks, transformation)

    def transform_segmentation_masks(
        self, segmentation_masks: ArrayLike, transformation: Drawn, training: bool = True
    ) -> Array:
        """Masks, mixed like the images: floating, as shares of both."""
        masks = jnp.asarray(segmentation_masks)
        if not jnp.issubdtype(masks.dtype, jnp.inexact) and training:
            masks = masks.astype(jnp.float32)
        return super().transform_segmentation_masks(masks, transformation, training)

    def transform_bounding_boxes(
        self, bounding_boxes: Boxes, transformation: Drawn, training: bool = True
    ) -> dict[str, Any]:
        """The boxes of both images, one behind the other: `[batch, 2 n, 4]`."""
        boxes, labels = checked_boxes(self, bounding_boxes)
        if training and transformation is not None:
            boxes, labels = (
                jnp.concatenate([x, _others(x, transformation)], axis=min(1, x.ndim - 1))
                for x in (boxes, labels)
            )
        return {**bounding_boxes, "boxes": boxes, "labels": labels}


def box_mask(key: Key, sizes: Sizes, shares: list[Array]) -> tuple[Array, Array]:
    """Random boxes in images: which pixels lie in them, and the area of each as a share.

    Args:
      key: the random key of the places.
      sizes: of the batch.
      shares: the width and the height of each box, `[batch]`, as shares of the image's.

    Returns:
      `[batch, height, width, 1]` bool, and `[batch]`.
    """
    batch, height, width, _ = sizes
    inside = []
    for place, share, size in zip(
        uniform(key, batch, (0, 1), (0, 1)), shares, (width, height), strict=True
    ):
        length = share * size
        start = (place * (size - length))[:, None]
        pixels = jnp.arange(size, dtype=jnp.float32)[None]
        inside.append((pixels >= start) & (pixels < start + length[:, None]))
    mask = inside[1][:, :, None] & inside[0][:, None, :]
    return mask[..., None], shares[0] * shares[1]


class CutMix(MixedImages):
    """Puts a box of another image of the batch into each image, and mixes labels by its area.

    The share of the area that stays is from a Beta(a, a) distribution, with a drawn from `factor`
    once for a batch. Labels change only where they come with the images, in a dict: call the layer
    in the data set, before `fit`.

    Args:
      factor: f for 0 to f, or (lower, upper), from 0 to 1.
      seed: folded into the key.
      data_format: "channels_last" (the default) or "channels_first".

    Source: Yun et al. 2019, arXiv:1905.04899; `keras.layers.CutMix`.
    """

    moves_pixels: ClassVar[bool] = True

    factor: options.Factor = option(default=1.0, convert=options.factor(0, 1))
    seed: int | None = options.seed()
    data_format: str | None = options.layout()

    def draw(self, key: Key, sizes: Sizes) -> Transformation:
        ((alpha,),) = uniform(child(key, "alpha"), 1, self.factor)
        alpha = alpha + 1e-6
        weight = jax.random.beta(child(key, "weight"), alpha, alpha, (sizes[0],))
        side = jnp.sqrt(1 - weight)
        mask, area = box_mask(child(key, "places"), sizes, [side, side])
        return {
            "permutation_order": jax.random.permutation(child(key, "order"), sizes[0]),
            "batch_masks": mask,
            "mix_weight": 1 - area,
        }

    def change_images(self, images: Array, transformation: Transformation) -> Array:
        masks = jnp.asarray(transformation["batch_masks"])
        return jnp.where(masks, _others(images, transformation), images)

    def change_masks(self, masks: Array, transformation: Transformation) -> Array:
        return self.change_images(masks, transformation)

    def change_boxes(
        self, boxes: Array, transformation: Transformation, height: int, width: int
    ) -> Array:
        raise NotImplementedError(
            f"{self.who}: boxes of images with parts of others are not known."
        )


def _fill(value: object) -> Any:
    """None, a number, or one for each of three channels."""
    expected = "None, a finite number or three of them"
    if value is None:
        return None
    if not isinstance(value, tuple | list):
        finite(value, expected)
        return value
    if len(value) != 3:
        raise ValueError(f"expected {expected}, got {value!r}.")
    for each in value:
        finite(each, expected)
    return tuple(value)


class RandomErasing(ImageLayer):
    """Fills a random box of some images while training.

    Args:
      factor: the probability that an image is changed: f for 0 to f, or (lower, upper).
      scale: the squares of the shares of width and height that the box has, each drawn by itself:
        (lower, upper), or s for 0 to s.
      fill_value: a number, one for each of three channels, or None for normal noise of the
        deviation of the upper end of the range.
      value_range: the range of the pixels, to which the filling is cut.
      seed: folded into the key.
      data_format: "channels_last" (the default) or "channels_first".

    Source: Zhong et al. 2020, arXiv:1708.04896; `keras.layers.RandomErasing`.
    """

    factor: options.Factor = option(default=1.0, convert=options.factor(0, 1))
    scale: options.Factor = option(default=(0.02, 0.33), convert=options.factor(0, 1))
    fill_value: Any = option(default=None, convert=_fill)
    value_range: options.Factor = options.value_range()
    seed: int | None = options.seed()
    data_format: str | None = options.layout()

    def draw(self, key: Key, sizes: Sizes) -> Transformation:
        shares = uniform(child(key, "sizes"), sizes[0], self.scale, self.scale)
        mask, _ = box_mask(child(key, "places"), sizes, [jnp.sqrt(share) for share in shares])
        if self.fill_value is None:
            filling = jax.random.normal(child(key, "noise"), sizes) * self.value_range[1]
        else:
            filling = jnp.asarray(self.fill_value, jnp.float32).reshape(1, 1, 1, -1)
        return {
            "apply_erasing": applies(key, sizes[0], self.factor),
            "batch_masks": mask,
            "fill_value": color_changes.clip(filling, self.value_range),
        }

    def change_images(self, images: Array, transformation: Transformation) -> Array:
        filling = jnp.asarray(transformation["fill_value"], images.dtype)
        erased = jnp.where(jnp.asarray(transformation["batch_masks"]), filling, images)
        return color_changes.where(transformation["apply_erasing"], erased, images)

"""The functions of `keras.utils.bounding_boxes`: formats, clipping, deltas, overlaps.

Example:
  >>> from jkeras.utils import bounding_boxes
  >>> boxes = [[10, 20, 30, 40]]
  >>> bounding_boxes.convert_format(boxes, source="xyxy", target="xywh").tolist()
  [[10.0, 20.0, 20.0, 20.0]]
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from jkeras.core.errors import describe
from jkeras.ops import box_formats, plane_maps
from jkeras.ops.box_formats import checked, known_format, numbers

Array = jax.Array

EPSILON = 1e-7
"""Keras's, added to what divides."""

__all__ = [
    "affine_transform",
    "clip_to_image_size",
    "compute_ciou",
    "compute_iou",
    "convert_format",
    "crop",
    "decode_deltas_to_boxes",
    "encode_box_to_deltas",
    "pad",
]


def convert_format(
    boxes: ArrayLike | Mapping[str, Any],
    source: str,
    target: str,
    height: float | None = None,
    width: float | None = None,
    dtype: str = "float32",
) -> Any:
    """Boxes in another format.

    Args:
      boxes: `[..., 4]`, or a dict with them under "boxes".
      source, target: "xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", and with "rel_" in front
        all but the last, in shares of the image.
      height, width: of the image, needed for "rel_" formats.
      dtype: of the result.

    Raises:
      ValueError: an unknown format, another shape, or no size for a "rel_" format.

    Source: `keras.utils.bounding_boxes.convert_format`.
    """
    who = "convert_format"
    if isinstance(boxes, Mapping):
        moved = convert_format(boxes["boxes"], source, target, height, width, dtype)
        return {**boxes, "boxes": moved}
    array = checked(who, boxes, dtype)
    source, target = known_format(who, "source", source), known_format(who, "target", target)
    if "rel_" in source + target and (height is None or width is None):
        raise ValueError(
            f"{who}: expected `height` and `width` of the image for {source!r} to {target!r}, got "
            f"height={height} and width={width}."
        )
    return box_formats.convert(array, source, target, height, width)


def clip_to_image_size(
    bounding_boxes: Mapping[str, Any],
    height: float | None = None,
    width: float | None = None,
    bounding_box_format: str = "xyxy",
) -> dict[str, Any]:
    """Boxes without what lies outside of the image; labels of what is left of none become -1.

    Args:
      bounding_boxes: a dict with "boxes" `[..., n, 4]` and, if there are any, "labels" `[..., n]`.
      height, width: of the image, needed for "xyxy".
      bounding_box_format: "xyxy" or "rel_xyxy".

    Raises:
      ValueError: another format, or no size for "xyxy".

    Source: `keras.utils.bounding_boxes.clip_to_image_size`.
    """
    who = "clip_to_image_size"
    if bounding_box_format == "rel_xyxy":
        height = width = 1.0
    else:
        _only_corners(who, bounding_box_format, "rel_xyxy")
    if height is None or width is None:
        raise ValueError(f"{who}: expected `height` and `width` of the image, got None.")
    boxes = box_formats.clipped(checked(who, bounding_boxes["boxes"]), height, width)
    labels = bounding_boxes.get("labels")
    if labels is None:
        return {**bounding_boxes, "boxes": boxes}
    seen = box_formats.visible_labels(boxes, jnp.asarray(labels))
    return {**bounding_boxes, "boxes": boxes, "labels": seen}


def affine_transform(
    boxes: ArrayLike,
    angle: ArrayLike,
    translate_x: ArrayLike,
    translate_y: ArrayLike,
    scale: ArrayLike,
    shear_x: ArrayLike,
    shear_y: ArrayLike,
    height: float,
    width: float,
    center_x: float | None = None,
    center_y: float | None = None,
    bounding_box_format: str = "xyxy",
) -> Array:
    """The smallest boxes around boxes that are turned, moved, scaled and sheared.

    Args:
      boxes: `[batch, n, 4]`, or `[n, 4]` with arguments of one number.
      angle: degrees, `[batch]`.
      translate_x, translate_y: shares of width and height, `[batch]`.
      scale: factors, `[batch]`.
      shear_x, shear_y: degrees, `[batch]`.
      height, width: of the image.
      center_x, center_y: shares of width and height, the middle when left out.
      bounding_box_format: "xyxy".

    Source: `keras.utils.bounding_boxes.affine_transform`.
    """
    _only_corners("affine_transform", bounding_box_format)
    array = checked("affine_transform", boxes)
    batched = array if array.ndim == 3 else array[None]
    arguments = (angle, translate_x, translate_y, scale, shear_x, shear_y)
    given = [jnp.atleast_1d(jnp.asarray(value, array.dtype)) for value in arguments]
    middle = (0.5 if center_x is None else center_x, 0.5 if center_y is None else center_y)
    maps = _affine_map(given, middle[0] * (width - 1), middle[1] * (height - 1), height, width)
    moved = box_formats.mapped(batched, maps)
    return moved if array.ndim == 3 else moved[0]


def _affine_map(given: Sequence[Array], cx: float, cy: float, height: float, width: float) -> Array:
    """The map of boxes: rotation, scaling and shear around (cx, cy), behind a translation."""
    angle, translate_x, translate_y, scale, shear_x, shear_y = given
    rot, sx, sy = (-x * (math.pi / 180) for x in (angle, shear_x, shear_y))
    a = jnp.cos(rot - sy) / jnp.cos(sy)
    b = a * jnp.tan(sx) + jnp.sin(rot)
    c = -jnp.sin(rot - sy) / jnp.cos(sy)
    d = jnp.cos(rot) - c * jnp.tan(sx)
    x, y = cx - translate_x * (width - 1), cy - translate_y * (height - 1)
    a0, a1, b0, b1 = d * scale, -b * scale, -c * scale, a * scale
    return plane_maps.affine(a0, a1, cx - a0 * x - a1 * y, b0, b1, cy - b0 * x - b1 * y)


def crop(
    boxes: ArrayLike,
    top: float,
    left: float,
    height: float,
    width: float,
    bounding_box_format: str = "xyxy",
) -> Array:
    """Boxes in a part of the image: moved, and cut to it.

    Args:
      boxes: `[..., 4]`.
      top, left: where the part begins.
      height, width: its size.
      bounding_box_format: "xyxy".

    Source: `keras.utils.bounding_boxes.crop`.
    """
    _only_corners("crop", bounding_box_format)
    moved = box_formats.shifted(checked("crop", boxes), -left, -top)
    return box_formats.clipped(moved, height, width)


def pad(
    boxes: ArrayLike,
    top: float,
    left: float,
    height: float | None = None,
    width: float | None = None,
    bounding_box_format: str = "xyxy",
) -> Array:
    """Boxes in an image that got rows on top and columns on the left.

    Args:
      boxes: `[..., 4]`.
      top, left: how many.
      height, width: without effect, as in Keras.
      bounding_box_format: "xyxy".

    Source: `keras.utils.bounding_boxes.pad`.
    """
    del height, width
    _only_corners("pad", bounding_box_format)
    return box_formats.shifted(checked("pad", boxes), left, top)


def encode_box_to_deltas(
    anchors: ArrayLike,
    boxes: ArrayLike,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: ArrayLike | None = None,
    image_shape: Sequence[int] | None = None,
) -> Array:
    """How boxes differ from anchors: (middle - anchor's) / size, and log(size / anchor's).

    Args:
      anchors: `[n, 4]`.
      boxes: `[n, 4]` or `[batch, n, 4]`.
      anchor_format, box_format: their formats.
      encoding_format: "center_xywh" or "center_yxhw", that of the deltas.
      variance: four numbers that divide the deltas.
      image_shape: (height, width, channels), for "rel_" formats.

    Source: `keras.utils.bounding_boxes.encode_box_to_deltas`.
    """
    who = "encode_box_to_deltas"
    factor, (height, width) = _delta_arguments(
        who, "encoding_format", encoding_format, variance, image_shape
    )
    old = convert_format(anchors, anchor_format, encoding_format, height, width)
    new = convert_format(boxes, box_format, encoding_format, height, width)
    old, new, factor = _of_one_rank(old, new, factor)
    sizes, own = (jnp.maximum(x[..., 2:], EPSILON) for x in (old, new))
    middles = (new[..., :2] - old[..., :2]) / sizes
    return jnp.concatenate([middles, jnp.log(own / sizes)], axis=-1) / factor


def decode_deltas_to_boxes(
    anchors: ArrayLike | Mapping[str, Any],
    boxes_delta: ArrayLike | Mapping[str, Any],
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: ArrayLike | None = None,
    image_shape: Sequence[int] | None = None,
) -> Any:
    """The boxes of deltas from anchors: the inverse of `encode_box_to_deltas`.

    Args:
      anchors: `[n, 4]`, or a dict of such by level.
      boxes_delta: `[n, 4]` or `[batch, n, 4]`, or a dict of such by level.
      anchor_format, box_format: the formats of anchors and boxes.
      encoded_format: "center_xywh" or "center_yxhw", that of the deltas.
      variance: four numbers that multiply the deltas.
      image_shape: (height, width, channels), for "rel_" formats.

    Source: `keras.utils.bounding_boxes.decode_deltas_to_boxes`.
    """
    who = "decode_deltas_to_boxes"
    factor, (height, width) = _delta_arguments(
        who, "encoded_format", encoded_format, variance, image_shape
    )

    def decoded(anchor: Any, delta: Any) -> Array:
        anchor = convert_format(anchor, anchor_format, encoded_format, height, width)
        anchor, delta, scale = _of_one_rank(anchor, checked(who, delta), factor)
        delta = delta * scale
        middles = delta[..., :2] * anchor[..., 2:] + anchor[..., :2]
        boxes = jnp.concatenate([middles, jnp.exp(delta[..., 2:]) * anchor[..., 2:]], axis=-1)
        return jnp.asarray(convert_format(boxes, encoded_format, box_format, height, width))

    if isinstance(anchors, Mapping) and isinstance(boxes_delta, Mapping):
        return {level: decoded(anchor, boxes_delta[level]) for level, anchor in anchors.items()}
    return decoded(anchors, boxes_delta)


def compute_iou(
    boxes1: ArrayLike,
    boxes2: ArrayLike,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: Sequence[int] | None = None,
) -> Array:
    """The overlap of every box with every other: intersection over union, `[..., n, m]`.

    Args:
      boxes1: `[n, 4]` or `[batch, n, 4]`.
      boxes2: `[m, 4]` or `[batch, m, 4]`.
      bounding_box_format: of both.
      use_masking: whether boxes whose numbers are all negative count as none.
      mask_val: the value for those.
      image_shape: (height, width, channels), for "rel_" formats.

    Source: `keras.utils.bounding_boxes.compute_iou`.
    """
    who = "compute_iou"
    height, width = _image_size(who, bounding_box_format, image_shape)
    sides = []
    for name, given in (("boxes1", boxes1), ("boxes2", boxes2)):
        array = jnp.asarray(given)
        if array.ndim not in (2, 3):
            raise ValueError(
                f"{who}: `{name}`: expected [n, 4] or [batch, n, 4], got {describe(array)}."
            )
        sides.append(convert_format(array, bounding_box_format, "xyxy", height, width))
    one, other = _of_one_rank(sides[0][..., :, None, :], sides[1][..., None, :, :])
    shared, union = _overlap(one, other)
    overlaps = shared / (union + EPSILON)
    if not use_masking:
        return overlaps
    is_none = (one.max(-1) < 0) | (other.max(-1) < 0)
    return jnp.where(is_none, jnp.asarray(mask_val, overlaps.dtype), overlaps)


def compute_ciou(
    boxes1: ArrayLike,
    boxes2: ArrayLike,
    bounding_box_format: str,
    image_shape: Sequence[int] | None = None,
) -> Array:
    """The complete overlap of boxes, pair by pair: the intersection over the union, less what the
    middles and the shapes differ by.

    Args:
      boxes1, boxes2: `[..., 4]`.
      bounding_box_format: of both.
      image_shape: (height, width, channels), for "rel_" formats.

    Source: Zheng et al. 2020, arXiv:1911.08287; `keras.utils.bounding_boxes.compute_ciou`.
    """
    height, width = _image_size("compute_ciou", bounding_box_format, image_shape)
    a, b = (
        convert_format(boxes, bounding_box_format, "xyxy", height, width)
        for boxes in (boxes1, boxes2)
    )
    shared = jnp.prod(jnp.maximum(jnp.minimum(a, b)[..., 2:] - jnp.maximum(a, b)[..., :2], 0), -1)
    (w1, h1), (w2, h2) = ((x[..., 2] - x[..., 0], x[..., 3] - x[..., 1] + EPSILON) for x in (a, b))
    overlap = shared / (w1 * h1 + w2 * h2 - shared + 2 * EPSILON)
    around = jnp.maximum(a, b)[..., 2:] - jnp.minimum(a, b)[..., :2]
    apart = (a[..., :2] + a[..., 2:]) / 2 - (b[..., :2] + b[..., 2:]) / 2
    distance = jnp.sum(apart**2, -1) / (jnp.sum(around**2, -1) + EPSILON)
    shape = 4 / math.pi**2 * (jnp.arctan(w2 / h2) - jnp.arctan(w1 / h1)) ** 2
    return overlap - (distance + shape * shape / (shape - overlap + (1 + EPSILON)))


def _of_one_rank(*arrays: Array) -> list[Array]:
    """Arrays with axes of size 1 in front, so that all have as many."""
    rank = max(x.ndim for x in arrays)
    return [lax.expand_dims(x, range(rank - x.ndim)) for x in arrays]


def _overlap(a: Array, b: Array) -> tuple[Array, Array]:
    """The areas of intersection and union of boxes "xyxy" that broadcast."""
    sides = jnp.minimum(a, b)[..., 2:] - jnp.maximum(a, b)[..., :2]
    shared = jnp.prod(jnp.maximum(sides, 0), -1)
    areas = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (numbers(a), numbers(b))]
    return shared, areas[0][..., 0] + areas[1][..., 0] - shared


def _only_corners(who: str, given: str, *further: str) -> None:
    if given not in ("xyxy", *further):
        known = " or ".join(map(repr, ("xyxy", *further)))
        raise NotImplementedError(
            f"{who}: `bounding_box_format`: expected {known}, got {given!r}. Convert the boxes "
            "with convert_format."
        )


def _image_size(
    who: str, bounding_box_format: str, image_shape: Sequence[int] | None
) -> tuple[Any, Any]:
    if image_shape is not None:
        return image_shape[0], image_shape[1]
    if "rel" in bounding_box_format:
        raise ValueError(
            f"{who}: expected `image_shape` (height, width, channels) for boxes "
            f"{bounding_box_format!r}, got None."
        )
    return None, None


def _delta_arguments(
    who: str,
    argument: str,
    form: str,
    variance: ArrayLike | None,
    image_shape: Sequence[int] | None,
) -> tuple[Any, tuple[Any, Any]]:
    """The variance as an array, and (height, width) of the image."""
    if form not in ("center_xywh", "center_yxhw"):
        raise ValueError(
            f"{who}: `{argument}`: expected 'center_xywh' or 'center_yxhw', got {form!r}."
        )
    numbers = jnp.ones(4) if variance is None else jnp.asarray(variance, jnp.float32)
    if numbers.shape[-1:] != (4,):
        raise ValueError(f"{who}: `variance`: expected four numbers, got {describe(variance)}.")
    size = (None, None) if image_shape is None else (image_shape[0], image_shape[1])
    return numbers, size

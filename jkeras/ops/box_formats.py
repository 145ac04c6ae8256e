"""Boxes around things in images: their formats, and what moves them.

A box is four numbers on the last axis. A format says which: corners or a corner or the middle with
sizes, columns (x, w) or rows (y, h) first, in pixels or, with "rel_", in shares of the image.
`FORMATS` is the one table; all arithmetic is done on "xyxy".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike, DTypeLike

from jkeras.core.errors import describe, nearest
from jkeras.ops import plane_maps

Array = jax.Array
Four = tuple[Array, Array, Array, Array]
Length = ArrayLike | None

_CORNERS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "xyxy": (lambda a, b, c, d: (a, b, c, d), lambda a, b, c, d: (a, b, c, d)),
    "yxyx": (lambda a, b, c, d: (b, a, d, c), lambda a, b, c, d: (b, a, d, c)),
    "xywh": (
        lambda x, y, w, h: (x, y, x + w, y + h),
        lambda a, b, c, d: (a, b, c - a, d - b),
    ),
    "center_xywh": (
        lambda x, y, w, h: (x - w / 2, y - h / 2, x + w / 2, y + h / 2),
        lambda a, b, c, d: (a + (c - a) / 2, b + (d - b) / 2, c - a, d - b),
    ),
    "center_yxhw": (
        lambda y, x, h, w: (x - w / 2, y - h / 2, x + w / 2, y + h / 2),
        lambda a, b, c, d: (b + (d - b) / 2, a + (c - a) / 2, d - b, c - a),
    ),
}
"""For each format what makes "xyxy" of its numbers, and its numbers of "xyxy"."""

FORMATS = (*_CORNERS, *(f"rel_{name}" for name in ("xyxy", "yxyx", "xywh", "center_xywh")))


def known_format(who: str, argument: str, value: str) -> str:
    """`value` in lower case, if it is one of `FORMATS`.

    Raises:
      ValueError: it is none; the message suggests the nearest.
    """
    word = value.lower() if isinstance(value, str) else value
    if word not in FORMATS:
        listed = ", ".join(map(repr, FORMATS))
        hint = nearest(word, FORMATS) if isinstance(word, str) else ""
        raise ValueError(f"{who}: `{argument}`: expected one of {listed}, got {value!r}.{hint}")
    return str(word)


def convert(
    boxes: Array, source: str, target: str, height: Length = None, width: Length = None
) -> Array:
    """Boxes in another format.

    Args:
      boxes: `[..., 4]` floating.
      source, target: of `FORMATS`.
      height, width: of the images, for "rel_" formats: numbers, or arrays that broadcast with
        `[..., 1]`.

    Example:
      >>> convert(jnp.array([10.0, 20.0, 30.0, 40.0]), "xyxy", "center_xywh").tolist()
      [20.0, 30.0, 20.0, 20.0]
    """
    if source == target:
        return boxes
    scales = source.startswith("rel_") != target.startswith("rel_")
    into, out_of = source.removeprefix("rel_"), target.removeprefix("rel_")
    if scales and source != into:
        boxes = boxes * _lengths(into, height, width, boxes)
    boxes = joined(*_CORNERS[out_of][1](*_CORNERS[into][0](*numbers(boxes))))
    return boxes / _lengths(out_of, height, width, boxes) if scales and target != out_of else boxes


def _lengths(form: str, height: Length, width: Length, boxes: Array) -> Array:
    """The length of the axis of each of a format's four numbers, on the last axis of as many axes
    as boxes have.
    """

    def length(letter: str) -> Array:
        x = jnp.asarray(width if letter in "xw" else height, boxes.dtype)
        return lax.expand_dims(x, range(boxes.ndim - x.ndim))

    return joined(*jnp.broadcast_arrays(*map(length, form[-4:])))


def numbers(boxes: Array) -> Four:
    """The four numbers of boxes, each `[..., 1]`."""
    return tuple(jnp.split(boxes, 4, axis=-1))  # type: ignore[return-value]


def joined(*four: Array) -> Array:
    """The boxes of four numbers."""
    return jnp.concatenate(four, axis=-1)


def clipped(boxes: Array, height: Length, width: Length) -> Array:
    """Boxes "xyxy" without what lies outside of the image."""
    lengths = _lengths("xyxy", height, width, boxes)
    return jnp.clip(boxes, jnp.zeros_like(lengths), lengths)


def shifted(boxes: Array, x: Length, y: Length) -> Array:
    """Boxes "xyxy" moved to the right and down."""
    return boxes + _lengths("xyxy", y, x, boxes)


def visible_labels(boxes: Array, labels: Array) -> Array:
    """The labels, -1 for boxes "xyxy" without an area."""
    x1, y1, x2, y2 = numbers(boxes)
    areas = ((x2 - x1) * (y2 - y1))[..., 0]
    if labels.ndim > areas.ndim and labels.shape[: areas.ndim] == areas.shape:  # one-hot
        areas = areas.reshape(*areas.shape, *(1,) * (labels.ndim - areas.ndim))
    return jnp.where(areas > 0, labels, jnp.asarray(-1, labels.dtype))


def mapped(boxes: Array, maps: Array) -> Array:
    """The smallest boxes around the corners of boxes that maps of the plane move.

    Args:
      boxes: `[batch, n, 4]` as "xyxy".
      maps: `[batch, 8]`, of `plane_maps`: where a corner goes.
    """
    x1, y1, x2, y2 = numbers(boxes)
    x, y = joined(x1, x2, x2, x1), joined(y1, y1, y2, y2)
    x, y = plane_maps.moved(maps, x, y)
    ends = x.min(-1), y.min(-1), x.max(-1), y.max(-1)
    return jnp.stack(ends, axis=-1)


def checked(who: str, boxes: ArrayLike, dtype: DTypeLike = jnp.float32) -> Array:
    """`boxes` as a floating array `[..., 4]`.

    Raises:
      ValueError: another shape.
    """
    array = jnp.asarray(boxes)
    if not array.ndim or array.shape[-1] != 4:
        raise ValueError(
            f"{who}: expected `boxes` [..., 4], four numbers for each, got {describe(array)}."
        )
    return array.astype(dtype)

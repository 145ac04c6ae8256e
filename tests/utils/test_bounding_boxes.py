"""Boxes: formats lead back, overlaps and deltas are what they are defined as, Keras's numbers."""

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.ops.box_formats import FORMATS
from jkeras.utils import bounding_boxes as boxes_of

BOXES = np.array([[[10.0, 20, 30, 60], [0, 5, 40, 50]], [[1, 2, 3, 4], [8, 8, 20, 30]]], "float32")
SIZE = {"height": 80, "width": 50}


@contextlib.contextmanager
def leniently() -> Iterator[None]:
    """Where Keras computes, whose arithmetic is not strict."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def test_every_format_leads_to_every_other_and_back() -> None:
    for source, target in itertools.product(FORMATS[::2], FORMATS):
        first = boxes_of.convert_format(BOXES, "xyxy", source, **SIZE)
        there = boxes_of.convert_format(first, source, target, **SIZE)
        back = boxes_of.convert_format({"boxes": there, "labels": 0}, target, "xyxy", **SIZE)
        np.testing.assert_allclose(back["boxes"], BOXES, rtol=1e-5, atol=1e-5)


def test_formats_are_those_of_keras() -> None:
    keras = pytest.importorskip("keras", reason="its numbers are compared: not installed")
    for source, target in zip(FORMATS, (*FORMATS[3:], *FORMATS[:3]), strict=True):
        mine = boxes_of.convert_format(BOXES, source, target, **SIZE)
        with leniently():
            theirs = keras.utils.bounding_boxes.convert_format(BOXES, source, target, **SIZE)
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5)


CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("clip_to_image_size", ({"boxes": BOXES, "labels": np.array([[1, 2], [3, 4]])}, 8, 25), {}),
    ("clip_to_image_size", ({"boxes": BOXES / 30},), {"bounding_box_format": "rel_xyxy"}),
    (
        "affine_transform",
        (
            BOXES,
            *np.float32([[30, -10], [0.1, 0.2], [0, -0.1], [1.2, 0.7], [5, 0], [0, 8]]),
            80,
            50,
        ),
        {"center_x": 0.3},
    ),
    ("crop", (BOXES, 5, 8, 40, 25), {}),
    ("pad", (BOXES, 5, 8), {}),
    ("encode_box_to_deltas", (BOXES[0], BOXES, "xyxy", "xyxy"), {"variance": [0.1, 0.1, 0.2, 0.2]}),
    (
        "encode_box_to_deltas",
        (BOXES[0], BOXES / 100, "xywh", "rel_xyxy", "center_xywh"),
        {"image_shape": (80, 50, 3)},
    ),
    ("decode_deltas_to_boxes", (BOXES[0], BOXES / 50, "xyxy", "xywh"), {}),
    ("compute_iou", (BOXES, BOXES[0], "xyxy"), {}),
    ("compute_iou", (BOXES[0], BOXES[1] - 10, "xyxy"), {"use_masking": True}),
    ("compute_iou", (BOXES / 50, BOXES / 40, "rel_xyxy"), {"image_shape": (80, 50, 3)}),
    ("compute_ciou", (BOXES, BOXES + 4, "xyxy"), {}),
]


@pytest.mark.parametrize(
    ("name", "arguments", "options"), CALLS, ids=lambda x: x if isinstance(x, str) else ""
)
def test_numbers_are_those_of_keras(name: str, arguments: Any, options: Any) -> None:
    keras = pytest.importorskip("keras", reason="its numbers are compared: not installed")

    def copied(value: Any) -> Any:
        return dict(value) if isinstance(value, dict) else value

    arguments = [copied(value) for value in arguments]
    mine = getattr(boxes_of, name)(*map(copied, arguments), **options)
    with leniently():
        theirs = getattr(keras.utils.bounding_boxes, name)(*map(copied, arguments), **options)
    for part in mine if isinstance(mine, dict) else [None]:
        got, expected = (mine, theirs) if part is None else (mine[part], theirs[part])
        assert got.shape == expected.shape
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


def test_deltas_lead_back_level_by_level() -> None:
    formats = {"anchor_format": "xyxy", "box_format": "xyxy"}
    deltas = boxes_of.encode_box_to_deltas(BOXES[0], BOXES, **formats)
    found = boxes_of.decode_deltas_to_boxes({"p3": BOXES[0]}, {"p3": deltas}, **formats)
    np.testing.assert_allclose(found["p3"], BOXES, rtol=1e-4, atol=1e-4)


WRONG: list[tuple[Any, str]] = [
    (
        lambda: boxes_of.convert_format(BOXES, "xyxy", "xywhh"),
        "convert_format: `target`: expected one of 'xyxy', 'yxyx', 'xywh', 'center_xywh', "
        "'center_yxhw', 'rel_xyxy', 'rel_yxyx', 'rel_xywh', 'rel_center_xywh', got 'xywhh'. Did "
        "you mean 'xywh'?",
    ),
    (
        lambda: boxes_of.convert_format(BOXES, "xyxy", "rel_xyxy", height=3),
        "convert_format: expected `height` and `width` of the image for 'xyxy' to 'rel_xyxy', got "
        "height=3 and width=None.",
    ),
    (
        lambda: boxes_of.convert_format(jnp.zeros((2, 3)), "xyxy", "xywh"),
        "convert_format: expected `boxes` [..., 4], four numbers for each, got an array of "
        "shape (2, 3) and dtype float32.",
    ),
    (
        lambda: boxes_of.compute_iou(BOXES, BOXES, "rel_xyxy"),
        "compute_iou: expected `image_shape` (height, width, channels) for boxes 'rel_xyxy', got "
        "None.",
    ),
]


@pytest.mark.parametrize(("call", "message"), WRONG)
def test_wrong_arguments_are_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == message

"""Resizing, CenterCrop: laws and errors; the numbers are Keras's (`test_golden_preprocessing`)."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.layers import CenterCrop, Resizing

IMAGES = jnp.arange(2 * 4 * 6.0).reshape(2, 4, 6, 1)


def test_the_same_size_is_the_identity() -> None:
    for layer in (Resizing(4, 6), Resizing(4, 6, pad_to_aspect_ratio=True), CenterCrop(4, 6)):
        np.testing.assert_allclose(layer.apply({}, {}, IMAGES)[0], IMAGES, rtol=1e-6)


def test_integers_stay_in_their_range() -> None:
    edge = jnp.array([0, 0, 255, 255], jnp.uint8).reshape(1, 1, 4, 1)
    outputs = Resizing(1, 9, interpolation="bicubic").apply({}, {}, edge)[0]
    assert outputs.dtype == jnp.uint8
    assert outputs.ravel().tolist()[:2] == [0, 0] and outputs.ravel().tolist()[-2:] == [255, 255]


WRONG: list[tuple[Any, type[Exception], str]] = [
    (
        lambda: Resizing(0, 4),
        ValueError,
        "Resizing: `height`: expected a positive integer, got 0.",
    ),
    (
        lambda: Resizing(4, 4, interpolation="area"),
        ValueError,
        "Resizing: `interpolation`: expected one of 'bicubic', 'bilinear', 'lanczos3', 'lanczos5', "
        "'nearest', got 'area'.",
    ),
    (
        lambda: Resizing(4, 4, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True),
        ValueError,
        "Resizing: expected at most one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio`, got "
        "both.",
    ),
    (
        lambda: Resizing(4, 4, crop_to_aspect_ratio="yes"),
        TypeError,
        "Resizing: `crop_to_aspect_ratio`: expected True or False, got 'yes' (str).",
    ),
    (
        lambda: Resizing(4, 4, fill_mode="reflect"),
        ValueError,
        "Resizing: `fill_mode`: expected 'constant', the only one there is, got 'reflect'.",
    ),
    (
        lambda: Resizing(2, 2).apply({}, {}, IMAGES[0, ..., 0]),
        ValueError,
        "Resizing: expected `inputs` [batch, height, width, channels], or one image without the "
        "batch axis, got shape (4, 6). To an image without channels add the axis: x[..., None].",
    ),
    (
        lambda: CenterCrop(2, 2, "channels_first").apply({}, {}, IMAGES[None]),
        ValueError,
        "CenterCrop: expected `inputs` [batch, channels, height, width], or one image without the "
        "batch axis, got shape (1, 2, 4, 6, 1). To an image without channels add the axis: "
        "x[None].",
    ),
]


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
@pytest.mark.parametrize(
    "layer",
    [
        Resizing(2, 3),
        Resizing(2, 3, pad_to_aspect_ratio=True),
        Resizing(2, 3, crop_to_aspect_ratio=True),
        CenterCrop(2, 3),
        CenterCrop(6, 3),
    ],
)
def test_one_image_is_a_batch_of_one(layer: Any, layout: str) -> None:
    image = IMAGES[0] if layout == "channels_last" else IMAGES[0].transpose(2, 0, 1)
    layer = layer.replace(data_format=layout)
    one, many = layer(image), layer(image[None])
    np.testing.assert_array_equal(one, many[0])
    assert layer.compute_output_shape(image.shape) == one.shape


@pytest.mark.parametrize(("use", "kind", "message"), WRONG)
def test_wrong_uses(use: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        use()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("layer", "box"),
    [
        (Resizing(20, 60, bounding_box_format="xyxy"), [12, 4, 36, 8]),
        (Resizing(20, 20, crop_to_aspect_ratio=True, bounding_box_format="xyxy"), [0, 4, 14, 8]),
        (
            Resizing(30, 30, pad_to_aspect_ratio=True, bounding_box_format="xyxy"),
            [6, 10.5, 18, 13.5],
        ),
        (CenterCrop(20, 40, bounding_box_format="xyxy"), [7, 3, 31, 9]),
        (CenterCrop(60, 60, bounding_box_format="xyxy"), [0, 12, 42, 24]),
    ],
)
def test_boxes_and_masks_follow_the_images(layer: Any, box: list[float]) -> None:
    image = np.zeros((30, 60, 1), "float32")
    image[6:12, 12:36] = 1
    if isinstance(layer, CenterCrop) and layer.height == 20:
        image, given = np.roll(image, (2, 5), (0, 1)), [17, 8, 41, 14]
    else:
        given = [12, 6, 36, 12]
    boxes = {"boxes": np.array([[given]], "float32"), "labels": np.array([[4]])}
    data = {"images": image[None], "segmentation_masks": image[None], "bounding_boxes": boxes}
    outputs = layer(data)
    found = np.asarray(outputs["bounding_boxes"]["boxes"])[0, 0]
    np.testing.assert_allclose(found, box, atol=0.6)
    for name in ("images", "segmentation_masks"):
        rows, columns = np.nonzero(np.asarray(outputs[name])[0, ..., 0] > 0.5)
        seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(found, seen, atol=1.1)
    assert outputs["bounding_boxes"]["labels"].tolist() == [[4]]

"""Pictures of images with boxes, masks and labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from jkeras import visualization

IMAGES = np.zeros((2, 32, 40, 3), "uint8")
BOXES = {
    "boxes": np.array([[[0.25, 0.25, 0.75, 0.75]], [[0, 0, 1, 1]]], "float32"),
    "labels": np.array([[1], [-1]]),
}
MASKS = np.zeros((2, 32, 40), "int32")
MASKS[:, 4:8, 4:8] = 1


def test_boxes_are_outlines_in_their_color() -> None:
    drawn = visualization.draw_bounding_boxes(IMAGES, BOXES, "rel_xyxy", color=(255, 0, 9))
    assert drawn.dtype == np.uint8 and drawn.shape == IMAGES.shape
    assert drawn[0, 8, 10].tolist() == drawn[0, 23, 29].tolist() == [255, 0, 9]
    assert drawn[0, 16, 20].tolist() == [0, 0, 0] and not drawn[1].any()
    assert np.count_nonzero(drawn[0, ..., 0]) == 16 * 20 - 12 * 16
    by_label = visualization.draw_bounding_boxes(
        np.moveaxis(IMAGES, -1, 1), BOXES, "rel_xyxy", color={1: (1, 2, 3)},
        data_format="channels_first",
    )  # fmt: skip
    assert by_label[0, :, 8, 10].tolist() == [1, 2, 3]


def test_floats_up_to_one_are_shares_of_255() -> None:
    halves = np.full(IMAGES.shape, 0.5, "float32")
    assert (
        visualization.draw_bounding_boxes(halves, BOXES, "rel_xyxy")[1, 0, 0].tolist() == [127] * 3
    )
    halves[0, 0, 0] = 200.0
    drawn = visualization.draw_bounding_boxes(halves, BOXES, "rel_xyxy")
    assert drawn[0, 0, 0, 0] == 200 and drawn[1, 0, 0, 0] == 0


def test_masks_are_blended() -> None:
    drawn = visualization.draw_segmentation_masks(
        IMAGES + 100, MASKS, color_mapping={1: (200, 0, 0)}, alpha=0.5
    )
    assert drawn[0, 5, 5].tolist() == [150, 50, 50] and drawn[0, 0, 0].tolist() == [100] * 3
    solid = visualization.draw_segmentation_masks(IMAGES, MASKS, blend=False, ignore_index=0)
    assert len({tuple(pixel) for pixel in solid[0].reshape(-1, 3)}) == 2


def test_galleries_are_figures(tmp_path: Any) -> None:
    pytest.importorskip("matplotlib", reason="galleries are drawn by matplotlib")
    figure = visualization.plot_image_gallery(
        IMAGES, y_true=[0, 1], y_pred=[0, 0], label_map={0: "cat", 1: "dog"}, cols=2,
        path=tmp_path / "g.png",
    )  # fmt: skip
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["true: cat\npred: cat", "true: dog\npred: cat"]
    assert (tmp_path / "g.png").stat().st_size > 0
    boxed = visualization.plot_bounding_box_gallery(
        IMAGES, "rel_xyxy", y_true=BOXES, y_pred=BOXES, legend=True
    )
    assert [text.get_text() for text in boxed.legends[0].get_texts()] == [
        "Ground truth",
        "Prediction",
    ]
    masked = visualization.plot_segmentation_mask_gallery(IMAGES, 2, y_true=MASKS, y_pred=MASKS)
    assert len(masked.axes) == 6


def test_wrong_use_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`images`: expected \[batch, height, width, channels\]"):
        visualization.draw_bounding_boxes(IMAGES[0], BOXES, "xyxy")
    with pytest.raises(ValueError, match="expected a dict with `boxes` and `labels`"):
        visualization.draw_bounding_boxes(IMAGES, {"boxes": BOXES["boxes"]}, "xyxy")
    with pytest.raises(ValueError, match=r"with 3 channels \(channels_last\), got 2 with 1"):
        visualization.draw_bounding_boxes(IMAGES[..., :1], BOXES, "xyxy")
    with pytest.raises(ValueError, match="expected at least one, with 1 or 3 or 4 channels"):
        visualization.plot_image_gallery(IMAGES[:0])
    one = {"boxes": BOXES["boxes"][:1], "labels": BOXES["labels"]}
    with pytest.raises(ValueError, match=r"got boxes for \(1, 1\), labels for \(2, 1\)"):
        visualization.draw_bounding_boxes(IMAGES, one, "xyxy")
    with pytest.raises(
        ValueError, match=r"`color`: expected one for each label, got none for \[1\]"
    ):
        visualization.draw_bounding_boxes(IMAGES, BOXES, "xyxy", color={0: (1, 2, 3)})
    with pytest.raises(ValueError, match=r"`y_true`: expected a label for each of 2 images, got"):
        visualization.plot_image_gallery(IMAGES, [[0, 1], [1, 0]], label_map={0: "a"})
    with pytest.raises(ValueError, match="`segmentation_masks`: expected integers"):
        visualization.draw_segmentation_masks(IMAGES, MASKS.astype("float32"))
    with pytest.raises(ValueError, match="expected either `path` or `show=True`"):
        visualization.plot_image_gallery(IMAGES, path="x.png", show=True)

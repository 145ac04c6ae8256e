"""Pictures of images with boxes, masks and labels: two functions that draw, three that plot.

    images = draw_bounding_boxes(images, {"boxes": boxes, "labels": labels}, "xyxy")
    plot_image_gallery(images, y_true=y, label_map={0: "cat", 1: "dog"}, path="gallery.png")

Drawing needs NumPy alone (labels of boxes need Pillow); the galleries need matplotlib, which is
imported when they are called.

Source: `keras.visualization`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from jkeras.core.data_format import image_data_format
from jkeras.core.errors import describe, value_error
from jkeras.display.figures import new_figure
from jkeras.ops.box_formats import convert, known_format

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Color = Sequence[int]


def _images(
    who: str, images: ArrayLike, data_format: str | None, *, channels: Sequence[int] = (3,)
) -> tuple[np.ndarray, str]:
    """The images, channels last, and the layout that they came in.

    Raises:
      ValueError: no batch of images, or another number of channels than these.
    """
    array = np.asarray(images)
    layout = image_data_format() if data_format is None else data_format
    if array.ndim != 4:
        raise value_error(
            f"`images`: expected [batch, height, width, channels], got shape {array.shape}. Give "
            "one image a batch: image[None].",
            who=who,
        )
    array = array if layout == "channels_last" else np.moveaxis(array, 1, -1)
    if not len(array) or array.shape[-1] not in channels:
        raise value_error(
            f"`images`: expected at least one, with {' or '.join(map(str, channels))} channels "
            f"({layout}), got {len(array)} with {array.shape[-1]}. Gray ones become colored by "
            "np.repeat(images, 3, axis=-1).",
            who=who,
        )
    return array, layout


def _as_bytes(array: np.ndarray) -> np.ndarray:
    """Images as bytes: integers and floats from 0 to 255, or floats that are at most 1."""
    is_unit = array.dtype.kind == "f" and array.size > 0 and array.max() <= 1
    return np.clip(array * 255.0 if is_unit else array, 0, 255).astype(np.uint8)


def _back(array: np.ndarray, layout: str) -> np.ndarray:
    return array if layout == "channels_last" else np.moveaxis(array, -1, 1)


def draw_bounding_boxes(
    images: ArrayLike,
    bounding_boxes: Mapping[str, Any],
    bounding_box_format: str,
    class_mapping: Mapping[int, str] | None = None,
    color: Color | Mapping[int, Color] = (128, 128, 128),
    line_thickness: int = 2,
    text_thickness: int = 1,
    font_scale: float = 1.0,
    data_format: str | None = None,
) -> np.ndarray:
    """The images with the outlines of boxes, and their labels above them.

    Args:
      images: `[batch, height, width, 3]`, from 0 to 255; floats that are all at most 1 count as
        from 0 to 1.
      bounding_boxes: `boxes` [batch, boxes, 4], `labels` [batch, boxes], and perhaps `confidences`
        [batch, boxes]; boxes with a label of -1 are left out.
      bounding_box_format: "xyxy", "rel_xyxy", "xywh", …
      class_mapping: the name of each label.
      color: red, green and blue, from 0 to 255; or one for each label.
      line_thickness: of outlines, in pixels.
      text_thickness: of letters, in pixels.
      font_scale: 1 for letters 12 pixels high.
      data_format: the layout; the one that is set when left out.

    Returns:
      uint8, in the layout of the images.

    Raises:
      TypeError, ValueError: other shapes, or no boxes.

    Source: `keras.visualization.draw_bounding_boxes`.
    """
    who = "draw_bounding_boxes"
    array, layout = _images(who, images, data_format)
    if not isinstance(bounding_boxes, Mapping) or not {"boxes", "labels"} <= set(bounding_boxes):
        raise value_error(
            f"`bounding_boxes`: expected a dict with `boxes` and `labels`, got "
            f"{describe(bounding_boxes)}.", who=who,
        )  # fmt: skip
    height, width = array.shape[1:3]
    source = known_format(who, "bounding_box_format", bounding_box_format)
    given = jnp.asarray(bounding_boxes["boxes"], jnp.float32)
    boxes = np.asarray(convert(given, source, "xyxy", float(height), float(width)))
    labels = np.asarray(bounding_boxes["labels"]).astype(int)
    sure = bounding_boxes.get("confidences")
    _check_boxes(who, len(array), boxes, labels, sure)
    colors = color if isinstance(color, Mapping) else dict.fromkeys(labels.ravel().tolist(), color)
    missing = sorted(set(labels.ravel().tolist()) - {-1, *colors})
    if missing:
        raise value_error(f"`color`: expected one for each label, got none for {missing}.", who=who)
    drawn = _as_bytes(array).copy()
    for i, j in np.ndindex(labels.shape):
        label = int(labels[i, j])
        if label == -1:
            continue
        ink = colors[label]
        corners = np.clip(np.round(boxes[i, j]), 0, [width, height] * 2).astype(int)
        _outline(drawn[i], corners, ink, line_thickness)
        if class_mapping is not None:
            text = str(class_mapping.get(label, label))
            text += "" if sure is None else f" {float(np.asarray(sure)[i, j]):.2f}"
            drawn[i] = _with_text(drawn[i], text, corners, ink, font_scale, text_thickness)
    return _back(drawn, layout)


def _check_boxes(who: str, count: int, boxes: np.ndarray, labels: np.ndarray, sure: Any) -> None:
    """Raises a ValueError unless all boxes of `count` images have labels and confidences."""
    given = {"boxes": boxes[..., 0], "labels": labels}
    given |= {} if sure is None else {"confidences": np.asarray(sure)}
    shapes = {name: array.shape for name, array in given.items()}
    if labels.ndim != 2 or len(labels) != count or len(set(shapes.values())) > 1:
        found = ", ".join(f"{name} for {shape}" for name, shape in shapes.items())
        raise value_error(
            f"`bounding_boxes`: expected as many boxes [batch, n, 4] as labels [batch, n] for "
            f"{count} images, got {found}.",
            who=who,
        )


def _outline(image: np.ndarray, corners: np.ndarray, ink: Color, thickness: int) -> None:
    left, top, right, bottom = (int(x) for x in corners)
    shape = image[..., 0].shape
    for near, far in ((top, top + thickness), (bottom - thickness, bottom)):
        image[max(near, 0) : min(far, shape[0]), left:right] = ink
    for near, far in ((left, left + thickness), (right - thickness, right)):
        image[top:bottom, max(near, 0) : min(far, shape[1])] = ink


def _with_text(
    image: np.ndarray, text: str, corners: np.ndarray, ink: Color, scale: float, thickness: int
) -> np.ndarray:
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError:
        raise ImportError(
            "draw_bounding_boxes: `class_mapping` needs Pillow: pip install pillow"
        ) from None
    picture = Image.fromarray(image)
    font = ImageFont.load_default(12 * scale)
    drawing = ImageDraw.Draw(picture)
    left, top = int(corners[0]), int(corners[1])
    high = int(14 * scale)
    place = (left + 2, top - high if top >= high else top + 2)
    drawing.text(place, text, fill=tuple(ink), font=font, stroke_width=max(thickness - 1, 0))
    return np.asarray(picture)


def draw_segmentation_masks(
    images: ArrayLike,
    segmentation_masks: ArrayLike,
    num_classes: int | None = None,
    color_mapping: Mapping[int, Color] | None = None,
    alpha: float = 0.8,
    blend: bool = True,
    ignore_index: int = -1,
    data_format: str | None = None,
) -> np.ndarray:
    """The images with the pixels of each class in its color.

    Args:
      images: `[batch, height, width, 3]`, from 0 to 255.
      segmentation_masks: the class of each pixel, `[batch, height, width]` or with an axis of 1.
      num_classes: the number of classes, counted from 1; 0 is the background. The largest class
        when left out.
      color_mapping: red, green and blue of each class; others have no color.
      alpha: the share of the color where it covers a pixel.
      blend: whether pixels keep a share of the image.
      ignore_index: a class without a color.
      data_format: the layout; the one that is set when left out.

    Returns:
      uint8, in the layout of the images.

    Raises:
      TypeError, ValueError: other shapes or dtypes.

    Source: `keras.visualization.draw_segmentation_masks`.
    """
    who = "draw_segmentation_masks"
    array, layout = _images(who, images, data_format)
    masks = np.asarray(segmentation_masks)
    masks = masks if layout == "channels_last" or masks.ndim != 4 else np.moveaxis(masks, 1, -1)
    masks = masks[..., 0] if masks.ndim == 4 else masks
    if not np.issubdtype(masks.dtype, np.integer) or masks.shape != array.shape[:3]:
        raise value_error(
            f"`segmentation_masks`: expected integers {array.shape[:3]}, got {masks.dtype} "
            f"{masks.shape}.", who=who,
        )  # fmt: skip
    if num_classes is None:
        num_classes = int(masks.max())
    colors = _palette(num_classes) if color_mapping is None else color_mapping
    drawn = np.clip(array, 0, 255).astype(np.float32)
    for label, ink in colors.items():
        if label == ignore_index:
            continue
        where = masks == label
        paint = np.asarray(ink, np.float32)
        drawn[where] = alpha * paint + (1 - alpha) * drawn[where] if blend else paint
    return _back(drawn.astype(np.uint8), layout)


def _palette(count: int) -> dict[int, Color]:
    """Colors that are far from one another: steps of the golden ratio around the circle of hues."""
    import colorsys

    hues = [colorsys.hsv_to_rgb(i * 0.618034 % 1, 0.75, 1.0) for i in range(1, count + 1)]
    return {i: tuple(int(255 * x) for x in hue) for i, hue in enumerate(hues, 1)}


def plot_image_gallery(
    images: ArrayLike,
    y_true: ArrayLike | None = None,
    y_pred: ArrayLike | None = None,
    label_map: Mapping[int, str] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    value_range: tuple[float, float] = (0, 255),
    scale: float = 2,
    path: str | Path | None = None,
    show: bool | None = None,
    transparent: bool = True,
    dpi: int = 60,
    legend_handles: Sequence[Any] | None = None,
    data_format: str | None = None,
) -> Any:
    """A grid of images, with their labels below them.

    Args:
      images: `[batch, height, width, channels]`.
      y_true, y_pred: the labels, and the predicted ones.
      label_map: the name of each label; needed with labels.
      rows, cols: of the grid; as square as can be when left out.
      value_range: of the images.
      scale: inches of an image.
      path: a file to write.
      show: as Keras has it; a notebook shows the figure where it is the value of a cell.
      transparent: whether the file has no background.
      dpi: dots in an inch of the file.
      legend_handles: of matplotlib, for a legend.
      data_format: the layout; the one that is set when left out.

    Returns:
      The figure, made without pyplot, so that there is nothing to close.

    Raises:
      ValueError: a `path` together with `show=True`, or labels without names.

    Source: `keras.visualization.plot_image_gallery`.
    """
    who = "plot_image_gallery"
    if path is not None and show:
        raise value_error("expected either `path` or `show=True`, got both.", who=who)
    if label_map is None and (y_true is not None or y_pred is not None):
        raise value_error("expected `label_map`, the name of each label, got None.", who=who)
    array, _ = _images(who, images, data_format, channels=(1, 3, 4))
    for name, labels in (("y_true", y_true), ("y_pred", y_pred)):
        if labels is not None and np.shape(labels) != (len(array),):
            raise value_error(
                f"`{name}`: expected a label for each of {len(array)} images, got shape "
                f"{np.shape(labels)}.",
                who=who,
            )
    low, high = value_range
    scaled = np.clip((array.astype(np.float32) - low) / (high - low), 0, 1)
    count = len(scaled)
    if cols is None:
        cols = math.ceil(math.sqrt(count)) if rows is None else math.ceil(count / rows)
    rows = math.ceil(count / cols) if rows is None else rows
    figure = new_figure(cols * scale, rows * scale)
    axes = figure.subplots(rows, cols, squeeze=False)
    for i, ax in enumerate(axes.flat):
        ax.axis("off")
        if i >= count:
            continue
        ax.imshow(scaled[i].squeeze(), cmap="gray" if scaled.shape[-1] == 1 else None)
        names = [
            f"{word}: {(label_map or {}).get(int(np.asarray(y)[i]), int(np.asarray(y)[i]))}"
            for word, y in (("true", y_true), ("pred", y_pred))
            if y is not None
        ]
        if names:
            ax.set_title("\n".join(names), fontsize=8)
    if legend_handles is not None:
        figure.legend(handles=legend_handles, loc="outside lower center", ncols=len(legend_handles))
    if path is not None:
        figure.savefig(path, transparent=transparent, dpi=dpi, bbox_inches="tight")
    return figure


def plot_bounding_box_gallery(
    images: ArrayLike,
    bounding_box_format: str,
    y_true: Mapping[str, Any] | None = None,
    y_pred: Mapping[str, Any] | None = None,
    value_range: tuple[float, float] = (0, 255),
    true_color: Color = (0, 188, 212),
    pred_color: Color = (255, 235, 59),
    line_thickness: int = 2,
    font_scale: float = 1.0,
    text_thickness: int | None = None,
    class_mapping: Mapping[int, str] | None = None,
    ground_truth_mapping: Mapping[int, str] | None = None,
    prediction_mapping: Mapping[int, str] | None = None,
    legend: bool = False,
    legend_handles: Sequence[Any] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    data_format: str | None = None,
    **kwargs: Any,
) -> Any:
    """A grid of images with true and predicted boxes.

    Args:
      images, bounding_box_format, line_thickness, font_scale, text_thickness, class_mapping: as for
        `draw_bounding_boxes`.
      y_true, y_pred: the boxes, as `bounding_boxes` there.
      value_range, rows, cols, legend_handles, data_format: as for `plot_image_gallery`.
      true_color, pred_color: red, green and blue.
      ground_truth_mapping, prediction_mapping: names of labels in place of `class_mapping`.
      legend: whether a legend says which color is which.
      **kwargs: further arguments of `plot_image_gallery`.

    Raises:
      ValueError: `legend` together with `legend_handles`.

    Source: `keras.visualization.plot_bounding_box_gallery`.
    """
    who = "plot_bounding_box_gallery"
    if legend and legend_handles:
        raise value_error("expected either `legend` or `legend_handles`, got both.", who=who)
    drawn = _to_bytes(images, value_range)
    shared: dict[str, Any] = {
        "line_thickness": line_thickness,
        "text_thickness": text_thickness or 1,
        "font_scale": font_scale,
        "data_format": data_format,
    }
    sides = (
        (y_true, ground_truth_mapping or class_mapping, true_color),
        (y_pred, prediction_mapping or class_mapping, pred_color),
    )
    for boxes, names, color in sides:
        if boxes is not None:
            drawn = draw_bounding_boxes(drawn, boxes, bounding_box_format, names, color, **shared)
    if legend:
        legend_handles = _handles({"Ground truth": true_color, "Prediction": pred_color})
    return plot_image_gallery(
        drawn,
        rows=rows,
        cols=cols,
        legend_handles=legend_handles,
        data_format=data_format,
        **kwargs,
    )


def _handles(colors: Mapping[str, Color]) -> list[Any]:
    from matplotlib import patches

    paints: dict[str, Any] = {name: tuple(x / 255 for x in rgb) for name, rgb in colors.items()}
    return [patches.Patch(color=paint, label=name) for name, paint in paints.items()]


def _to_bytes(images: ArrayLike, value_range: tuple[float, float]) -> np.ndarray:
    low, high = value_range
    array = np.asarray(images).astype(np.float32)
    return np.asarray(np.clip((array - low) / (high - low) * 255, 0, 255).astype(np.uint8))


def plot_segmentation_mask_gallery(
    images: ArrayLike,
    num_classes: int,
    value_range: tuple[float, float] = (0, 255),
    y_true: ArrayLike | None = None,
    y_pred: ArrayLike | None = None,
    color_mapping: Mapping[int, Color] | None = None,
    blend: bool = True,
    alpha: float = 0.8,
    ignore_index: int = -1,
    data_format: str | None = None,
    **kwargs: Any,
) -> Any:
    """A grid of images, each beside its true and predicted masks.

    Args:
      images, num_classes, color_mapping, blend, alpha, ignore_index, data_format: as for
        `draw_segmentation_masks`.
      value_range: of the images.
      y_true, y_pred: the masks.
      **kwargs: further arguments of `plot_image_gallery`.

    Source: `keras.visualization.plot_segmentation_mask_gallery`.
    """
    plain = _to_bytes(images, value_range)
    columns = [plain] + [
        draw_segmentation_masks(
            plain, masks, num_classes, color_mapping, alpha, blend, ignore_index, data_format
        )
        for masks in (y_true, y_pred)
        if masks is not None
    ]
    side_by_side = np.stack(columns, 1).reshape((-1, *plain.shape[1:]))
    options: dict[str, Any] = {"cols": len(columns), "data_format": data_format, **kwargs}
    return plot_image_gallery(side_by_side, **options)


__all__ = [
    "draw_bounding_boxes",
    "draw_segmentation_masks",
    "plot_bounding_box_gallery",
    "plot_image_gallery",
    "plot_segmentation_mask_gallery",
]

"""Resizing and CenterCrop: images in a fixed height and width.

Resizing keeps integer dtypes, by rounding, so raw images may be resized before they are scaled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.arrays import as_jax
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.keys import Key
from jkeras.core.layer import Array, InSlices, Params, State, option
from jkeras.core.serialization import if_set
from jkeras.layers.deterministic import cast_floating
from jkeras.layers.options import data_format, number, one_of, positive_int
from jkeras.layers.preprocessing import PreprocessingLayer
from jkeras.layers.spatial import image_axes
from jkeras.ops.convolution import spatial_axes
from jkeras.ops.resizing import METHODS, Size, crop_box, margins

if TYPE_CHECKING:
    from jax.typing import ArrayLike

    from jkeras.core.typing import ArraySpec


def _flag(value: object) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise WrongTypeError(f"expected True or False, got {describe(value)}.")
    return bool(value)


def _constant(value: object) -> str:
    if value != "constant":
        raise ValueError(f"expected 'constant', the only one there is, got {value!r}.")
    return "constant"


def _box_format(value: object) -> str | None:
    if value is None:
        return None
    from jkeras.ops.box_formats import FORMATS

    return str(one_of(*FORMATS)(value))


class _ImageLayer(PreprocessingLayer):
    """Base of Resizing and CenterCrop: `height`, `width`, `data_format`.

    An input is images, or a dict with "images" and any of "bounding_boxes" (a dict of "boxes" and
    "labels") and "segmentation_masks", which follow the images; other entries stay.
    """

    in_slices: ClassVar[InSlices] = "same"
    takes_structures: ClassVar[bool] = True

    bounding_box_format: str | None = option(
        default=None, convert=_box_format, to_config=if_set, kw_only=True
    )

    def apply(
        self,
        params: Params,
        state: State,
        inputs: ArrayLike | Mapping[str, Any],
        *,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Any, State]:
        if not isinstance(inputs, Mapping):
            return self.compute_outputs(params, inputs), state
        images = as_jax(inputs["images"])
        changed = {**inputs, "images": self.compute_outputs(params, images)}
        if "segmentation_masks" in inputs:
            masks = as_jax(inputs["segmentation_masks"])
            changed["segmentation_masks"] = self.masks_of(params, masks).astype(masks.dtype)
        if "bounding_boxes" in inputs:
            size = self._size(images)
            changed["bounding_boxes"] = self._moved_boxes(inputs["bounding_boxes"], size)
        return changed, state

    def masks_of(self, params: Params, masks: Array) -> Array:
        """Masks, changed as the images, without values between theirs."""
        raise NotImplementedError(f"{self.who}: expected the class to define `masks_of`.")

    def placement(self, size: Size) -> tuple[Size, Size]:
        """What is added to places (vertical, horizontal) in an image of this size before they are
        stretched, and the size that is stretched to the outputs'.
        """
        raise NotImplementedError(f"{self.who}: expected the class to define `placement`.")

    def _moved_boxes(self, bounding_boxes: Mapping[str, Any], size: Size) -> dict[str, Any]:
        from jkeras.ops import box_formats

        if self.bounding_box_format is None:
            fix = f"Say it: {type(self).__name__}(..., bounding_box_format='xyxy')."
            raise self.value_error("`bounding_box_format` for 'bounding_boxes'", "None", fix)
        form = self.bounding_box_format
        (top, left), length = self.placement(size)
        boxes = box_formats.checked(self.who, bounding_boxes["boxes"])
        corners = box_formats.convert(boxes, form, "xyxy", *size)
        shares = box_formats.convert(
            box_formats.shifted(corners, left, top), "xyxy", "rel_xyxy", *length
        )
        moved = box_formats.convert(shares, "rel_xyxy", "xyxy", *self.target)
        moved = box_formats.clipped(moved, *self.target)
        labels = box_formats.visible_labels(moved, as_jax(bounding_boxes["labels"]))
        back = box_formats.convert(moved, "xyxy", form, *self.target)
        return {**bounding_boxes, "boxes": back, "labels": labels}

    def _cropped_placement(self, size: Size) -> tuple[Size, Size]:
        rows, columns = crop_box(size, self.target)
        return (-rows.start, -columns.start), (rows.stop - rows.start, columns.stop - columns.start)

    @property
    def target(self) -> Size:
        """Height and width of the outputs."""
        return getattr(self, "height"), getattr(self, "width")  # noqa: B009  # mypy: of subclasses

    def _axes(self, inputs: ArraySpec) -> tuple[int, int]:
        """The axes of height and width, of a batch of images or of one image."""
        layout = str(getattr(self, "data_format"))  # noqa: B009
        shape = tuple(inputs.shape)
        if len(shape) not in (3, 4):
            grey = "x[..., None]" if layout == "channels_last" else "x[None]"
            raise self.value_error(
                f"`inputs` {image_axes(2, layout)}, or one image without the batch axis",
                f"shape {shape}",
                fix=f"To an image without channels add the axis: {grey}.",
            )
        first, second = spatial_axes(4, layout)
        missing = 4 - len(shape)
        return first - missing, second - missing

    def _stretched(self, x: Array, method: str, antialias: bool = False) -> Array:
        """`x` with the height and width of the outputs."""
        shape = list(x.shape)
        for axis, size in zip(self._axes(x), self.target, strict=True):
            shape[axis] = size
        return jax.image.resize(x, shape, METHODS[method], antialias=antialias)

    def _part(self, x: Array, rows: slice, columns: slice) -> Array:
        part = [slice(None)] * x.ndim
        for axis, chosen in zip(self._axes(x), (rows, columns), strict=True):
            part[axis] = chosen
        return x[tuple(part)]

    def _cropped(self, x: Array) -> Array:
        """The middle of `x` with the outputs' aspect ratio."""
        return self._part(x, *crop_box(self._size(x), self.target))

    def _size(self, x: Array) -> Size:
        first, second = self._axes(x)
        return x.shape[first], x.shape[second]


class Resizing(_ImageLayer):
    """Images stretched to `height` and `width`: `[batch, height, width, channels]`, or one image.

    Floats keep their dtype; integers keep theirs too, rounded and held in its range.

    Args:
      height, width: the size of the outputs.
      interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
      crop_to_aspect_ratio: whether to crop to the aspect ratio first, evenly on both sides.
      pad_to_aspect_ratio: whether to pad to the aspect ratio first, evenly on both sides.
      fill_mode: "constant".
      fill_value: the value of the padding.
      antialias: whether to smooth images that become smaller.
      data_format: "channels_last" (the default) or "channels_first".
      bounding_box_format: the format of boxes in a dict, such as "xyxy".

    Raises:
      ValueError: both `crop_to_aspect_ratio` and `pad_to_aspect_ratio`, or another rank.

    Example:
      >>> x = jnp.array([0.0, 4.0]).reshape(1, 1, 2, 1)
      >>> Resizing(1, 4).apply({}, {}, x)[0].ravel().tolist()
      [0.0, 1.0, 3.0, 4.0]

    Source: `keras.layers.Resizing`.
    """

    height: int = option(convert=positive_int)
    width: int = option(convert=positive_int)
    interpolation: str = option(default="bilinear", convert=one_of(*METHODS))
    crop_to_aspect_ratio: bool = option(default=False, convert=_flag)
    pad_to_aspect_ratio: bool = option(default=False, convert=_flag)
    fill_mode: str = option(default="constant", convert=_constant)
    fill_value: float = option(default=0.0, convert=number)
    antialias: bool = option(default=False, convert=_flag)
    data_format: str | None = data_format()

    def check(self) -> None:
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise self.value_error(
                "at most one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio`", "both"
            )

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        x = cast_floating(self, inputs)
        self._axes(x)
        if self.crop_to_aspect_ratio:
            x = self._cropped(x)
        floats = self._padded(x) if self.pad_to_aspect_ratio else x
        outputs = self._stretched(floats, self.interpolation, self.antialias)
        return _rounded(outputs, x.dtype)

    def masks_of(self, params: Params, masks: Array) -> Array:
        return self.replace(interpolation="nearest").compute_outputs(params, masks)

    def placement(self, size: Size) -> tuple[Size, Size]:
        if self.crop_to_aspect_ratio:
            return self._cropped_placement(size)
        vertical, horizontal = margins(size, self.target) if self.pad_to_aspect_ratio else (0, 0)
        return (vertical, horizontal), (size[0] + 2 * vertical, size[1] + 2 * horizontal)

    def _padded(self, x: Array) -> Array:
        """`x` between margins, in a floating dtype."""
        if not jnp.issubdtype(x.dtype, jnp.inexact):
            x = x.astype(jnp.float32)
        widths = [(0, 0)] * x.ndim
        for axis, width in zip(self._axes(x), margins(self._size(x), self.target), strict=True):
            widths[axis] = (width, width)
        return jnp.pad(x, widths, constant_values=self.fill_value)


class CenterCrop(_ImageLayer):
    """The middle of images, `height` by `width`: `[batch, height, width, channels]`, or one image.

    A smaller image is stretched: the largest middle part of the right aspect ratio, bilinearly.
    Integers become float32.

    Args:
      height, width: of the outputs.
      data_format: "channels_last" (the default) or "channels_first".
      bounding_box_format: the format of boxes in a dict, such as "xyxy".

    Raises:
      ValueError: another rank.

    Example:
      >>> x = jnp.arange(12.0).reshape(1, 3, 4, 1)
      >>> CenterCrop(1, 2).apply({}, {}, x)[0].ravel().tolist()
      [5.0, 6.0]

    Source: `keras.layers.CenterCrop`.
    """

    height: int = option(convert=positive_int)
    width: int = option(convert=positive_int)
    data_format: str | None = data_format()

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        self._axes(as_jax(inputs))
        return self._middle(self.cast(inputs), "bilinear")

    def masks_of(self, params: Params, masks: Array) -> Array:
        return self._middle(masks.astype(jnp.float32), "nearest")

    def placement(self, size: Size) -> tuple[Size, Size]:
        top, left = self._margins(size)
        if min(top, left) < 0:
            return self._cropped_placement(size)
        return (-top, -left), self.target

    def _middle(self, x: Array, method: str) -> Array:
        start = self._margins(self._size(x))
        if min(start) < 0:
            return self._stretched(self._cropped(x), method)
        return self._part(x, *_window(start, self.target))

    def _margins(self, size: Size) -> Size:
        """The rows and columns in front of the middle; negative where an image is too small."""
        return (size[0] - self.target[0]) // 2, (size[1] - self.target[1]) // 2


def _window(start: Size, size: Size) -> tuple[slice, slice]:
    first, second = (slice(a, a + n) for a, n in zip(start, size, strict=True))
    return first, second


def _rounded(x: Array, dtype: np.dtype) -> Array:
    """`x` in `dtype`: for an integer one, rounded and held in its range."""
    if x.dtype == dtype:
        return x
    if not jnp.issubdtype(dtype, jnp.integer):
        return x.astype(dtype)
    limits = jnp.iinfo(dtype)
    return jnp.clip(jnp.round(x), limits.min, limits.max).astype(dtype)

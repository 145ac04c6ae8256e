"""Pixels as the published networks were trained on them, and the names of ImageNet's classes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jkeras import ops
from jkeras.applications.weight_files import WeightFile
from jkeras.core.data_format import LAYOUTS, image_data_format
from jkeras.core.errors import describe, type_error, value_error

__all__ = ["decode_predictions", "preprocess_input"]

CLASS_INDEX = WeightFile(
    "download.tensorflow.org/data/imagenet_class_index.json", "c2c37ea517e94d9795004a39431a14cb"
)
"""The file with the number, identifier and name of each class."""

_STATISTICS = {
    "torch": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "caffe": ((103.939, 116.779, 123.68), (1.0, 1.0, 1.0)),
}
"""Mean and deviation of the channels, in the order that the mode gives them."""


def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Any:
    """Pixels from 0 to 255 as a published network expects them; `x` itself stays as it is.

    Args:
      x: `[height, width, 3]` or `[batch, height, width, 3]`: an array, or a symbol. Integers become
        floating.
      data_format: "channels_last" or "channels_first"; None for the one that is set.
      mode: "tf" for -1 to 1; "torch" for 0 to 1, then the mean and deviation of ImageNet;
        "caffe" for blue, green, red, less the mean of ImageNet.

    Raises:
      TypeError: `x` is no array of numbers, such as the path of a file.
      ValueError: another mode or layout, or, but with "tf", images without three channels.

    Example:
      >>> preprocess_input(np.array([[[0, 127.5, 255]]]), mode="tf").tolist()
      [[[-1.0, 0.0, 1.0]]]

    Source: `keras.applications.imagenet_utils.preprocess_input`.
    """
    if mode not in ("tf", *_STATISTICS):
        raise _error("mode", "'caffe', 'tf' or 'torch'", mode)
    data_format = image_data_format() if data_format is None else data_format
    if data_format not in LAYOUTS:
        raise _error("data_format", "'channels_last' or 'channels_first'", data_format)
    x = _floating(x)
    if mode == "tf":
        return x / 127.5 - 1.0
    axis = len(x.shape) - (1 if data_format == "channels_last" else 3)
    if axis < 0 or x.shape[axis] not in (3, None):
        layout = "height, width, 3" if data_format == "channels_last" else "3, height, width"
        raise value_error(
            who="preprocess_input",
            argument="x",
            expected=f"images [..., {layout}]",
            got=f"shape {tuple(x.shape)}",
            fix="Grey images become such by np.repeat along the axis of channels.",
        )
    if mode == "caffe":
        x = np.flip(x, axis) if isinstance(x, np.ndarray) else ops.flip(x, axis)
    else:
        x = x / 255.0
    shape = [1] * len(x.shape)
    shape[axis] = 3
    mean, deviation = (np.reshape(np.asarray(n, x.dtype), shape) for n in _STATISTICS[mode])
    return x - mean if mode == "caffe" else (x - mean) / deviation


def _floating(x: Any) -> Any:
    """`x` in a floating dtype: its own, or that of `config.floatx`."""
    x = np.asarray(x) if isinstance(x, list | tuple | float | int) else x
    dtype = getattr(x, "dtype", None)
    if dtype is None or np.dtype(dtype).kind in "OSUT":
        raise type_error(
            who="preprocess_input",
            argument="x",
            expected="an array of pixels",
            got=describe(x),
            fix="Read files first: jkeras.utils.img_to_array(jkeras.utils.load_img(path)).",
        )
    if np.issubdtype(np.dtype(dtype), np.integer) or np.dtype(dtype) == bool:
        return x.astype("float32") if isinstance(x, np.ndarray) else ops.cast(x, "float32")
    return x


def _error(argument: str, expected: str, got: object) -> ValueError:
    return value_error(who="preprocess_input", argument=argument, expected=expected, got=repr(got))


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, Any]]]:
    """The classes with the largest predictions, by name, for each image.

    Args:
      preds: `[batch, 1000]`.
      top: how many classes, at least 1.

    Returns:
      For each image a list of (identifier, name, prediction), the largest first.

    Raises:
      ConnectionError: the names are not here, and there is no network to fetch them.
      ValueError: another shape, or no such number of classes.

    Source: `keras.applications.imagenet_utils.decode_predictions`.
    """
    shape = tuple(np.shape(preds))
    if len(shape) != 2 or shape[1] != 1000:
        raise value_error(
            who="decode_predictions",
            argument="preds",
            expected="predictions [batch, 1000] of the classes of ImageNet",
            got=f"shape {shape}",
        )
    if not isinstance(top, int | np.integer) or isinstance(top, bool) or top < 1:
        raise value_error(
            who="decode_predictions",
            argument="top",
            expected="an integer of at least 1",
            got=describe(top),
        )
    names = json.loads(Path(CLASS_INDEX.fetch()).read_text())
    return [
        [(*names[str(i)], row[i]) for i in row.argsort(kind="stable")[::-1][:top]]
        for row in np.asarray(preds)
    ]


def preprocessing(mode: str | None) -> Callable[..., Any]:
    """The `preprocess_input` of a family.

    Args:
      mode: as for `preprocess_input`; None for a family whose networks scale pixels themselves.
    """
    what = (
        f"Pixels as this family expects them: mode {mode!r}."
        if mode
        else ("The pixels as they are: the networks of this family scale them.")
    )

    def family_input(x: Any, data_format: str | None = None) -> Any:
        return x if mode is None else preprocess_input(x, data_format, mode)

    family_input.__name__ = family_input.__qualname__ = "preprocess_input"
    family_input.__doc__ = f"{what}\n\nArgs, errors: `imagenet_utils.preprocess_input`.\n"
    return family_input

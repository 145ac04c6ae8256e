"""Images as files, as Pillow's objects, and as arrays. Pillow is imported when it is needed."""

from __future__ import annotations

import importlib
import io
import os
import pathlib
import warnings
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from jax.typing import DTypeLike

from jkeras.core.data_format import LAYOUTS, image_data_format
from jkeras.core.dtype_policy import floatx
from jkeras.core.errors import WrongTypeError, describe, nearest

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
"""Pillow's mode for each `color_mode` of Keras."""

_GREY = ("L", "I;16", "I")
"""Modes of Pillow with one channel, which "grayscale" leaves as they are."""

_RESAMPLING = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def pillow(who: str) -> Any:
    """The module `PIL.Image`.

    Raises:
      ImportError: Pillow is not installed.
    """
    try:
        return importlib.import_module("PIL.Image")
    except ImportError:
        raise ImportError(
            f"{who}: expected Pillow, which reads and writes images, and it is not installed: "
            "pip install pillow"
        ) from None


def load_img(
    path: str | bytes | os.PathLike[str] | io.BytesIO,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """An image file as an image of Pillow.

    Args:
      path: a path, or an open `io.BytesIO`.
      color_mode: "grayscale", "rgb" or "rgba".
      target_size: height and width; those of the file when left out.
      interpolation: "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos".
      keep_aspect_ratio: whether to crop both sides to the target's aspect ratio first.

    Raises:
      TypeError: `path` is neither a path nor an open file.
      ValueError: an unknown word.

    Source: `keras.utils.load_img`.
    """
    check_word("load_img", "color_mode", color_mode, tuple(MODES))
    check_word("load_img", "interpolation", interpolation, _RESAMPLING)
    image = in_colors(opened("load_img", path), color_mode)
    if target_size is None:
        return image
    pair = isinstance(target_size, tuple | list) and len(target_size) == 2
    if not pair or not all(isinstance(n, int | np.integer) and n > 0 for n in target_size):
        raise ValueError(f"load_img: `target_size`: expected (height, width), got {target_size!r}.")
    height, width = map(int, target_size)
    if image.size == (width, height):
        return image
    resample = getattr(pillow("load_img").Resampling, interpolation.upper())
    box = None
    if keep_aspect_ratio:  # the largest middle part with the target's aspect ratio
        inner = (
            min(image.width, image.height * width // height),
            min(image.height, image.width * height // width),
        )
        left, top = (image.width - inner[0]) // 2, (image.height - inner[1]) // 2
        box = (left, top, left + inner[0], top + inner[1])
    return image.resize((width, height), resample, box=box)


def img_to_array(
    img: Any, data_format: str | None = None, dtype: DTypeLike | None = None
) -> np.ndarray:
    """An image of Pillow as an array `[height, width, channels]`.

    Args:
      img: the image, or an array of rank 2 or 3.
      data_format: "channels_last" (the default), or "channels_first": `[channels, height, width]`.
      dtype: the dtype of the array; float32 when left out.

    Raises:
      ValueError: another rank, or an unknown word.

    Source: `keras.utils.img_to_array`.
    """
    first = channels_first("img_to_array", data_format)
    array = np.asarray(img, dtype or floatx())
    if array.ndim not in (2, 3):
        raise ValueError(
            "img_to_array: `img`: expected an image, or an array [height, width, channels], got "
            f"{describe(img)}."
        )
    array = array[..., None] if array.ndim == 2 else array
    return array.transpose(2, 0, 1) if first else array


def array_to_img(
    x: ArrayLike, data_format: str | None = None, scale: bool = True, dtype: DTypeLike | None = None
) -> Any:
    """An array `[height, width, channels]` as an image of Pillow.

    Args:
      x: numbers, with 1, 3 or 4 channels.
      data_format: "channels_last" (the default), or "channels_first": `[channels, height, width]`.
      scale: whether to scale the smallest number to 0 and the largest to 255; else numbers are
        cast to bytes.
      dtype: the dtype of the arithmetic; float32 when left out.

    Raises:
      ValueError: another rank or number of channels, or an unknown word.

    Source: `keras.utils.array_to_img`.
    """
    first = channels_first("array_to_img", data_format)
    array = np.asarray(x, dtype or floatx())
    array = array.transpose(1, 2, 0) if first and array.ndim == 3 else array
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4):
        raise ValueError(
            "array_to_img: `x`: expected one image with 1, 3 or 4 channels, got "
            f"{describe(np.asarray(x))}. For a grey image add the channel: x[..., None]."
        )
    if scale:
        array = array - array.min()
        largest = array.max()
        array = array / largest * 255 if largest else array
    image = pillow("array_to_img")
    if array.shape[2] > 1:
        return image.fromarray(array.astype("uint8"))
    wide = array.max(initial=0) > 255
    return image.fromarray(array[..., 0].astype("int32" if wide else "uint8"))


def save_img(
    path: str | os.PathLike[str] | IO[bytes],
    x: ArrayLike,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Writes an array as an image file.

    Args:
      path: a path, or an open file.
      x, data_format, scale: as for `array_to_img`.
      file_format: the format, if the path has no suffix of a format.
      **kwargs: arguments of Pillow's `save`.

    Source: `keras.utils.save_img`.
    """
    if file_format is None and isinstance(path, str | os.PathLike):
        file_format = pathlib.Path(path).suffix.removeprefix(".").lower() or None
    if file_format and file_format.lower() == "jpg":
        file_format = "jpeg"
    image = array_to_img(x, data_format=data_format, scale=scale)
    if image.mode == "RGBA" and file_format == "jpeg":
        warnings.warn(
            "save_img: JPEG has no transparency, so the fourth channel is left out. Write a PNG "
            "to keep it.",
            stacklevel=2,
        )
        image = image.convert("RGB")
    image.save(path, format=file_format, **kwargs)


def opened(who: str, path: object) -> Any:
    """The image in a file, in the file's color mode.

    Raises:
      TypeError: `path` is not a path.
    """
    image = pillow(who)
    if isinstance(path, io.BytesIO):
        return image.open(path)
    if not isinstance(path, str | bytes | os.PathLike):
        raise WrongTypeError(f"{who}: `path`: expected a path or io.BytesIO, got {describe(path)}.")
    with open(path, "rb") as file:  # read at once, so that no file stays open
        return image.open(io.BytesIO(file.read()))


def in_colors(image: Any, color_mode: str) -> Any:
    """An image of Pillow with the channels of `color_mode`."""
    mode = MODES[color_mode]
    fits = image.mode in _GREY if color_mode == "grayscale" else image.mode == mode
    return image if fits else image.convert(mode)


def check_word(who: str, name: str, value: object, words: tuple[str, ...]) -> None:
    """Raises unless `value` is one of `words`."""
    if value not in words:
        listed = ", ".join(repr(word) for word in words)
        hint = nearest(value, words) if isinstance(value, str) else ""
        raise ValueError(f"{who}: `{name}`: expected one of {listed}, got {value!r}.{hint}")


def channels_first(who: str, data_format: str | None) -> bool:
    """Whether `data_format` is "channels_first"; None is `image_data_format()`.

    Raises:
      ValueError: `data_format` is another word.
    """
    layout = data_format or image_data_format()
    check_word(who, "data_format", layout, LAYOUTS)
    return layout == "channels_first"

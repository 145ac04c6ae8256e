"""`image_dataset_from_directory`: a lazy data set of images, with a subfolder for each class."""

from __future__ import annotations

import concurrent.futures
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jkeras.ops.resizing import METHODS, Size, crop_box, margins, resized
from jkeras.utils.datasets import checked_count
from jkeras.utils.images import MODES, channels_first, check_word, in_colors, opened
from jkeras.utils.labelled_files import Kind
from jkeras.utils.labelled_folders import Options, datasets_in
from jkeras.utils.timeseries import check_format

WHO = "image_dataset_from_directory"
KIND = Kind(WHO, "image", (".bmp", ".gif", ".jpeg", ".jpg", ".png"))

_READERS = 8
"""How many files of a batch are read at a time."""


def image_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: str | Sequence[int] | np.ndarray | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: int | Sequence[int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """The images in a folder, resized to one size, with subfolders as classes.

    Args:
      directory: the folder. BMP, GIF (the first picture), JPEG and PNG files count, at any depth.
      labels: "inferred" from the subfolders; a list of integers, one for each file in the order of
        their paths; or None for images alone.
      label_mode: "int", int32 `[batch]`; "categorical", one-hot `[batch, classes]`; "binary",
        float32 `[batch, 1]` of two classes; or None for images alone.
      class_names: the subfolders that count, in the order of their numbers; all, sorted, when left
        out.
      color_mode: "grayscale", "rgb" or "rgba": 1, 3 or 4 channels.
      batch_size: images in a batch; None for single ones.
      image_size: height and width, or one integer for both.
      shuffle: whether every epoch has a new random order.
      seed: the seed of the orders; a number from NumPy's generator when left out.
      validation_split: the fraction that is kept for validation, from the end.
      subset: with `validation_split` "training", "validation", or "both" for a list of the two.
      interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
      follow_links: whether to follow links to folders.
      crop_to_aspect_ratio: first cut off what has another aspect ratio, evenly on both sides.
      pad_to_aspect_ratio: first add black margins until the aspect ratio fits.
      data_format: "channels_last" (the default), or "channels_first".
      format: "tf" or "grain"; the data set is this library's in both cases.
      verbose: whether to print the number of files.

    Returns:
      A `Dataset` of images `[batch, height, width, channels]`, float32 from 0 to 255, or of pairs
      (images, labels), with `class_names` and `file_paths`. With subset="both" a list of two, of
      which the second keeps its order.

    Raises:
      FileNotFoundError: the folder does not exist.
      ValueError: arguments that exclude each other, an unknown word, or no files.

    Source: `keras.utils.image_dataset_from_directory`.
    """
    check_format(WHO, format)
    check_word(WHO, "color_mode", color_mode, tuple(MODES))
    method = interpolation.lower() if isinstance(interpolation, str) else interpolation
    check_word(WHO, "interpolation", method, tuple(METHODS))
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(
            f"{WHO}: expected at most one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio`, got "
            "both."
        )
    reader = Reader(
        _size(image_size),
        color_mode,
        method,
        bool(crop_to_aspect_ratio),
        bool(pad_to_aspect_ratio),
        channels_first(WHO, data_format),
    )
    options = Options(
        labels,
        label_mode,
        class_names,
        batch_size,
        shuffle,
        seed,
        validation_split,
        subset,
        follow_links,
        verbose,
    )
    return datasets_in(KIND, directory, options, reader.batch)


class Reader(NamedTuple):
    """Reads image files as arrays.

    Attributes:
      size: height and width.
      color_mode: a name in `MODES`.
      method: a name in `METHODS`.
      crops, pads: whether images are cropped or padded to keep the aspect ratio.
      first: whether channels come first.
    """

    size: Size
    color_mode: str
    method: str
    crops: bool
    pads: bool
    first: bool

    def read(self, path: str) -> np.ndarray:
        """The image in a file, float32."""
        image = np.asarray(in_colors(opened(WHO, path), self.color_mode), np.float32)
        image = image[..., None] if image.ndim == 2 else image
        size = (image.shape[0], image.shape[1])
        if self.crops:
            image = image[crop_box(size, self.size)]
        if self.pads:
            above, beside = margins(size, self.size)
            image = np.pad(image, ((above, above), (beside, beside), (0, 0)))
        image = resized(image, self.size, self.method)
        return image.transpose(2, 0, 1) if self.first else image

    def batch(self, paths: list[str]) -> np.ndarray:
        """The images in several files, read in parallel."""
        with concurrent.futures.ThreadPoolExecutor(_READERS) as pool:
            return np.stack(list(pool.map(self.read, paths)))


def _size(value: object) -> Size:
    pair = (value, value) if isinstance(value, int | np.integer) else value
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise ValueError(f"{WHO}: `image_size`: expected (height, width), got {value!r}.")
    height, width = (checked_count(WHO, "image_size", size, least=1) for size in pair)
    return height, width

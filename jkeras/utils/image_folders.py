"""`image_dataset_from_directory`: a lazy data set of images, with a subfolder for each class."""

from __future__ import annotations

import concurrent.futures
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jkeras.core.errors import describe
from jkeras.ops.resizing import METHODS, Size, crop_box, margins, resized
from jkeras.utils.datasets import Dataset, checked_count, seed_or_random
from jkeras.utils.image_files import WHO, Files, list_images, subsets
from jkeras.utils.images import MODES, channels_first, check_word, in_colors, opened
from jkeras.utils.timeseries import check_format

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
    _check_labels(labels, label_mode, class_names)
    _check_split(validation_split, subset, shuffle, seed)
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
    if batch_size is not None:
        checked_count(WHO, "batch_size", batch_size, least=1)
    if labels is None or label_mode is None:
        labels = label_mode = None
    seed = seed_or_random(WHO, seed)
    files = list_images(directory, labels, class_names, follow_links, seed if shuffle else None)
    _check_classes(files, label_mode)
    if verbose:
        names = files.class_names
        classes = "" if names is None else f" belonging to {len(names)} classes"
        print(f"Found {len(files.paths)} files{classes}.")
    datasets = []
    for name, part in subsets(files, validation_split, subset).items():
        if verbose and subset is not None:
            print(f"Using {len(part.paths)} files for {name}.")
        shuffled = shuffle and not (subset == "both" and name == "validation")
        datasets.append(_dataset(part, label_mode, reader, batch_size, seed if shuffled else None))
    return datasets if subset == "both" else datasets[0]


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


def _dataset(
    files: Files, label_mode: str | None, reader: Reader, batch_size: int | None, seed: int | None
) -> Dataset:
    targets = _targets(files, label_mode)

    def gather(indices: np.ndarray) -> Any:
        images = reader.batch([files.paths[i] for i in indices])
        return images if targets is None else (images, targets[indices])

    dataset = Dataset(gather, len(files.paths))
    dataset.class_names, dataset.file_paths = files.class_names, files.paths
    if seed is not None:
        dataset = dataset.shuffle(seed=seed)
    return dataset if batch_size is None else dataset.batch(batch_size)


def _targets(files: Files, label_mode: str | None) -> np.ndarray | None:
    """The labels of all files in the form of `label_mode`."""
    if files.labels is None:
        return None
    if label_mode == "binary":
        return files.labels.astype(np.float32)[:, None]
    if label_mode == "categorical":
        return np.eye(len(files.class_names or ()), dtype=np.float32)[files.labels]
    return files.labels


def _size(value: object) -> Size:
    pair = (value, value) if isinstance(value, int | np.integer) else value
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise ValueError(f"{WHO}: `image_size`: expected (height, width), got {value!r}.")
    height, width = (checked_count(WHO, "image_size", size, least=1) for size in pair)
    return height, width


def _check_labels(labels: object, label_mode: object, class_names: object) -> None:
    if not (labels is None or isinstance(labels, list | tuple | np.ndarray)):
        if not (isinstance(labels, str) and labels == "inferred"):
            raise ValueError(
                f"{WHO}: `labels`: expected 'inferred', a list of integers, or None, got "
                f"{describe(labels)}."
            )
    if class_names is not None and not isinstance(labels, str):
        raise ValueError(
            f"{WHO}: `class_names`: expected None unless labels='inferred', got {class_names!r}."
        )
    if label_mode is not None:
        check_word(WHO, "label_mode", label_mode, ("int", "categorical", "binary"))


def _check_classes(files: Files, label_mode: str | None) -> None:
    names, numbers = files.class_names or [], files.labels
    if label_mode == "binary" and len(names) != 2:
        raise ValueError(
            f"{WHO}: label_mode='binary': expected two classes, got {len(names)}: "
            f"{', '.join(names)}. For more write label_mode='int'."
        )
    if numbers is None or label_mode not in ("binary", "categorical"):
        return
    if numbers.min() < 0 or numbers.max() >= len(names):
        raise ValueError(
            f"{WHO}: `labels`: expected numbers from 0 to {len(names) - 1} for label_mode="
            f"{label_mode!r}, got {numbers.min()} to {numbers.max()}."
        )


def _check_split(
    fraction: float | None, subset: str | None, shuffle: bool, seed: int | None
) -> None:
    if fraction and not 0 < fraction < 1:
        raise ValueError(
            f"{WHO}: `validation_split`: expected a fraction between 0 and 1, got {fraction}."
        )
    if subset is not None:
        check_word(WHO, "subset", subset, ("training", "validation", "both"))
    if bool(fraction) != bool(subset):
        raise ValueError(
            f"{WHO}: expected both `validation_split` and `subset`, or none of them, got "
            f"validation_split={fraction} and subset={subset!r}."
        )
    if fraction and shuffle and seed is None:
        raise ValueError(
            f"{WHO}: expected a `seed` with `validation_split` and `shuffle`, got none: without it "
            "the two parts would overlap. Pass seed=0."
        )

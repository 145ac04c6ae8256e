"""`text_dataset_from_directory`: a lazy data set of texts, with a subfolder for each class."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jkeras.utils.datasets import checked_count
from jkeras.utils.labelled_files import Kind
from jkeras.utils.labelled_folders import Options, datasets_in
from jkeras.utils.timeseries import check_format

KIND = Kind("text_dataset_from_directory", "text", (".txt",))


def text_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: str | Sequence[int] | np.ndarray | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """The texts in a folder, with subfolders as classes; they are read while training.

    Args:
      directory: the folder. `.txt` files in UTF-8 count, at any depth.
      labels: "inferred" from the subfolders; a list of integers, one for each file in the order of
        their paths; or None for texts alone.
      label_mode: "int", int32 `[batch]`; "categorical", one-hot `[batch, classes]`; "binary",
        float32 `[batch, 1]` of two classes; or None for texts alone.
      class_names: the subfolders that count, in the order of their numbers; all, sorted, when left
        out.
      batch_size: texts in a batch; None for single ones.
      max_length: bytes after which texts are cut off.
      shuffle: whether every epoch has a new random order.
      seed: the seed of the orders; a number from NumPy's generator when left out.
      validation_split: the fraction that is kept for validation, from the end.
      subset: with `validation_split` "training", "validation", or "both" for a list of the two.
      follow_links: whether to follow links to folders.
      format: "tf" or "grain"; the data set is this library's in both cases.
      verbose: whether to print the number of files.

    Returns:
      A `Dataset` of texts `[batch]`, an array of strings, or of pairs (texts, labels), with
      `class_names` and `file_paths`: for `adapt`, and for a model that takes strings. With
      subset="both" a list of two, of which the second keeps its order.

    Raises:
      FileNotFoundError: the folder does not exist.
      ValueError: arguments that exclude each other, an unknown word, or no files.

    Source: `keras.utils.text_dataset_from_directory`.
    """
    check_format(KIND.who, format)
    if max_length is not None:
        checked_count(KIND.who, "max_length", max_length, least=1)

    def read(paths: list[str]) -> np.ndarray:
        texts = np.empty(len(paths), object)
        texts[:] = [_text(path, max_length) for path in paths]
        return texts

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
    return datasets_in(KIND, directory, options, read)


def _text(path: str, max_length: int | None) -> str:
    """The text in a file; bytes that are no UTF-8 become marks."""
    return Path(path).read_bytes()[:max_length].decode("utf-8", "replace")

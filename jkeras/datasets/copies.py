"""Decoded copies of data sets in the cache folder, and what tensorflow-datasets has prepared.

Law: a copy that is damaged counts as missing, and a copy that cannot be written is only a warning.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from jkeras.core.folders import atomic_write, cache_folder
from jkeras.data.archives import DamagedArchive, DatasetError, read_npz

Arrays = dict[str, np.ndarray]
Pairs = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
Shapes = Mapping[str, tuple[int, ...]]


def copied(name: str, shapes: Shapes) -> Arrays | None:
    """The decoded copy of a data set; None if there is no whole one.

    Args:
      name: of the data set.
      shapes: the shape of each array, all of unsigned bytes.
    """
    try:
        return read_npz(cache_folder("datasets") / f"{name}.npz", shapes)
    except (FileNotFoundError, NotADirectoryError, DamagedArchive):
        return None


def write_copy(name: str, file: Path, arrays: Arrays, *, stacklevel: int) -> None:
    """Writes a decoded copy; a failure is only a warning, because the data are valid.

    Args:
      name: of the data set, for the warning.
      file: where the copy shall be.
      arrays: the data set.
      stacklevel: of the warning.
    """
    try:
        atomic_write(file, lambda handle: np.savez(handle, **arrays))  # type: ignore[arg-type]
    except OSError as error:
        megabytes = max(1, round(sum(array.nbytes for array in arrays.values()) / 1e6))
        warnings.warn(
            f"{name}: expected to keep a decoded copy ({megabytes} MB) at {file}, got "
            f"{error.strerror or error}. It is decoded again next time; set JKERAS_HOME to a "
            "folder with room.",
            stacklevel=stacklevel,
        )


def prepared(name: str, features: Mapping[str, str], shapes: Shapes) -> Arrays | None:
    """The arrays of a data set that tensorflow-datasets has prepared, in the original order.

    Args:
      name: as in its catalogue.
      features: the feature that holds each kind of array, such as `{"x": "image"}`.
      shapes: the shapes that the arrays `x_train`, `x_test`, … must have.

    Returns:
      The arrays; None where the data folder holds no whole copy in a form that can be read.
    """
    from jkeras.data import tfds

    if not (tfds.data_folder() / name).is_dir():
        return None
    arrays: Arrays = {}
    try:
        builder = tfds.prepared(name)
        for split in ("train", "test"):
            records = tfds.read_arrays(builder, split)
            for kind, feature in features.items():
                order = tfds.original_order(split, len(records[feature]))
                shape = shapes[f"{kind}_{split}"]
                array = records[feature][order].astype(np.uint8)
                arrays[f"{kind}_{split}"] = array.reshape(shape)
    except (DatasetError, KeyError, ValueError):  # another version, or a damaged one
        return None
    return arrays

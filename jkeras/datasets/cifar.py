"""What CIFAR-10 and CIFAR-100 have in common: batches of 32 x 32 colour images in an archive."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jkeras.core.data_format import image_data_format
from jkeras.core.folders import cache_folder
from jkeras.data.archives import damaged
from jkeras.data.keras_files import keras_file
from jkeras.data.pickles import unpickled
from jkeras.datasets.copies import Arrays, Shapes, copied, prepared, write_copy
from jkeras.datasets.sources import SOURCES

Batches = Mapping[str, list[str]]
"""The files with batches of each split."""

SIDE = 32
UNREADABLE = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError)


def load_arrays(
    name: str,
    folder: str,
    batches: Batches,
    labels: Mapping[str, tuple[str, str, int]],
    shapes: Shapes,
    *,
    stacklevel: int,
) -> Arrays:
    """The arrays of one of the two: `x_train`, `x_test` and labels of every kind.

    Args:
      name: of the data set.
      folder: in the archive.
      batches: the files in it.
      labels: for each kind of label its name in the batches, the feature of tensorflow-datasets
        that holds it, and the number of classes.
      shapes: the shape of every array.
      stacklevel: of the warning that a copy could not be written.
    """
    arrays = copied(name, shapes)
    if arrays is None:
        features = {"x": "image"} | {kind: feature for kind, (_, feature, _) in labels.items()}
        arrays = prepared(name, features, shapes)
        arrays = arrays or _decoded(keras_file(SOURCES[name]), folder, batches, labels, shapes)
        file = cache_folder("datasets", f"{name}.npz")
        write_copy(name, file, arrays, stacklevel=stacklevel)
    return arrays


def _decoded(
    path: Path,
    folder: str,
    batches: Batches,
    labels: Mapping[str, tuple[str, str, int]],
    shapes: Shapes,
) -> Arrays:
    """The arrays from the archive."""
    files = [file for split in batches.values() for file in split]
    read = read_batches(path, folder, files, labels)
    arrays: Arrays = {}
    for key, shape in shapes.items():
        kind, _, split = key.partition("_")
        parts = [read[file][kind] for file in batches[split]]
        arrays[key] = np.ascontiguousarray(np.concatenate(parts))
        if arrays[key].shape != shape:
            raise damaged(path, f"{key} of shape {shape}", f"{arrays[key].shape}")
    return arrays


def in_layout(images: np.ndarray) -> np.ndarray:
    """Images with their channels where `keras.config.image_data_format` has them."""
    return images.transpose(0, 3, 1, 2) if image_data_format() == "channels_first" else images


def read_batches(
    path: Path, folder: str, files: Sequence[str], labels: Mapping[str, tuple[str, str, int]]
) -> dict[str, Arrays]:
    """The arrays of each batch in an archive, read in one pass and unpacked nowhere.

    Raises:
      DamagedArchive: it is no such archive, or a batch is missing or of another form.
    """
    wanted = {f"{folder}/{file}": file for file in files}
    found: dict[str, Arrays] = {}
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.name in wanted else None
                if content is not None:
                    batch = unpickled(path, io.BytesIO(content.read()), encoding="bytes")
                    found[wanted[member.name]] = _arrays(path, member.name, batch, labels)
    except UNREADABLE as error:
        raise damaged(path, "a whole tar archive", f"{error}") from error
    for name, file in wanted.items():
        if file not in found:
            raise damaged(path, name, "an archive without it")
    return found


def _arrays(
    path: Path, name: str, batch: object, labels: Mapping[str, tuple[str, str, int]]
) -> Arrays:
    """Images `[examples, 32, 32, 3]` and labels `[examples]` of a batch."""
    given: dict[bytes, Any] = batch if isinstance(batch, dict) else {}
    pixels = given.get(b"data")
    form = f"{name} with pixels [examples, {3 * SIDE * SIDE}] of uint8"
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
        raise damaged(path, form, type(pixels).__name__)
    if pixels.ndim != 2 or pixels.shape[1] != 3 * SIDE * SIDE:
        raise damaged(path, form, f"shape {pixels.shape}")
    arrays = {"x": pixels.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)}
    for kind, (key, _, classes) in labels.items():
        try:
            ids = np.asarray(given[key.encode()], np.int64)
            good = ids.shape == (len(pixels),) and 0 <= ids.min() and ids.max() < classes
        except (KeyError, TypeError, ValueError):
            good = False
        if not good:
            expected = f"{name} with {len(pixels)} {key} from 0 to {classes - 1}"
            raise damaged(path, expected, "others")
        arrays[kind] = ids.astype(np.uint8)
    return arrays

"""MNIST: 70,000 handwritten digits, and a sample of 10,000 that ships with the package.

Law: `load_data` returns MNIST bit for bit, in its original order, or raises: the checksum of every
array is compared each time. A damaged decoded copy in the cache is replaced.
"""

from __future__ import annotations

import os
import zlib
from importlib.resources import files
from pathlib import Path

import numpy as np

from jkeras.core.folders import cache_folder, keras_folder
from jkeras.data.archives import DamagedArchive, damaged, read_npz
from jkeras.datasets.copies import Arrays, Pairs, write_copy

# Shape and CRC-32 of each array, as decoded from the archives of 1998.
ARRAYS: dict[str, tuple[tuple[int, ...], int]] = {
    "x_train": ((60000, 28, 28), 0xF3639B56),
    "y_train": ((60000,), 0xBA07E8EF),
    "x_test": ((10000, 28, 28), 0xE4CA5F57),
    "y_test": ((10000,), 0xEE8604D9),
}


def load_data(path: str = "mnist.npz", *, data_dir: str | os.PathLike[str] | None = None) -> Pairs:
    """The whole of MNIST, as `keras.datasets.mnist.load_data` gives it.

    The sources, in this order: the decoded copy at `path`; Keras's own file; the prepared dataset
    in the data folder; a download (11 MB) and its preparation, in about 20 s. A decoded copy
    (55 MB) is then written, so that the next call takes less than a tenth of a second.

    Args:
      path: the file of the decoded copy, relative to jkeras's cache folder, or an absolute path. An
        existing file at an absolute path must be MNIST, such as Keras's own `mnist.npz`.
      data_dir: the folder of prepared datasets; None means `$JKERAS_DATA_DIR`, else
        `$TFDS_DATA_DIR`, else `~/tensorflow_datasets`.

    Returns:
      `(x_train, y_train), (x_test, y_test)`, all uint8: images `[60000, 28, 28]` and
      `[10000, 28, 28]` from 0 (paper) to 255 (ink), labels `[60000]` and `[10000]` from 0 to 9.

    Raises:
      NoNetwork: a download is necessary, and the host cannot be reached. `load_sample` needs no
        network.
      DamagedArchive: a file of the dataset is damaged.
      DiskFull: the disk is too full for the preparation.

    Source: LeCun, Cortes and Burges, yann.lecun.com/exdb/mnist; `keras.datasets.mnist.load_data`.
    """
    file = cache_folder("datasets") / path
    arrays = _cached(file, in_cache=not Path(path).is_absolute())
    if arrays is None:
        arrays = _cached(keras_folder("datasets", "mnist.npz"), in_cache=True) or _decoded(data_dir)
        write_copy("mnist", file, arrays, stacklevel=3)
    return _pairs(arrays)


def load_sample() -> Pairs:
    """10,000 real digits that ship with the package: no download, no preparation.

    They are from MNIST's training set, every class with the same share in both parts, in a fixed
    shuffled order. `files/README.md` says where they come from.

    Returns:
      `(x_train, y_train), (x_test, y_test)` as `load_data`, with 8,000 and 2,000 examples.

    Example:
      >>> (x_train, y_train), (x_test, y_test) = load_sample()
      >>> x_train.shape, y_test.shape, x_train.dtype
      ((8000, 28, 28), (2000,), dtype('uint8'))
    """
    with (files("jkeras.datasets") / "files" / "mnist_sample.npz").open("rb") as file:
        with np.load(file, allow_pickle=False) as arrays:
            return _pairs({name: arrays[name] for name in ARRAYS})


def _pairs(arrays: Arrays) -> Pairs:
    return (
        (arrays["x_train"], arrays["y_train"]),
        (arrays["x_test"], arrays["y_test"]),
    )


def _cached(file: Path, *, in_cache: bool) -> Arrays | None:
    """The decoded copy; None if the file is missing.

    A damaged file counts as missing in jkeras's cache (`in_cache`), and raises elsewhere.
    """
    try:
        arrays = read_npz(file, {name: shape for name, (shape, _) in ARRAYS.items()})
        _check(file, arrays)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except DamagedArchive:
        if not in_cache:
            raise
        return None
    return arrays


def _check(source: Path, arrays: Arrays) -> None:
    """Compares shape, dtype and checksum of every array with MNIST's."""
    for name, (shape, checksum) in ARRAYS.items():
        array = arrays[name]
        if array.shape != shape or array.dtype != np.uint8:
            got = f"{array.dtype} {array.shape}"
            raise damaged(source, f"{name} uint8 {shape}", got)
        crc = zlib.crc32(np.ascontiguousarray(array).data)
        if crc != checksum:
            raise damaged(source, f"{name} with CRC-32 {checksum:08x}", f"{crc:08x}")


def _decoded(data_dir: str | os.PathLike[str] | None) -> Arrays:
    """The arrays from the prepared dataset, in the order of the archives."""
    from jkeras.data import tfds

    builder = tfds.prepared("mnist", data_dir)
    arrays = {}
    for split in ("train", "test"):
        records = tfds.read_arrays(builder, split)
        order = tfds.original_order(split, len(records["label"]))
        arrays[f"x_{split}"] = records["image"][order].squeeze(-1)
        arrays[f"y_{split}"] = records["label"][order].astype(np.uint8)
    _check(Path(builder.data_dir), arrays)
    return arrays

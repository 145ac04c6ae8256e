"""Prepared datasets of tensorflow-datasets as arrays; the one module that imports the library.

Without TensorFlow, tensorflow-datasets reads prepared datasets whose files are in its array_record
format, but prepares none. MNIST is the exception: `tfds_mnist` prepares it.

Law: a prepared dataset is read without a network, from a folder that may be read-only.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jkeras.core.errors import nearest
from jkeras.data.archives import DatasetError, NotPrepared, UnknownDataset, damaged
from jkeras.data.tfds_mnist import prepare_mnist

NOISE = ("OpenCV is not installed", "Variant folder")  # the beginnings of needless log records
BLOCK = 1000  # records read at once: 82 µs a record, against 250 µs one by one


def data_folder() -> Path:
    """The folder of prepared datasets.

    `$JKERAS_DATA_DIR` if it is set, else `$TFDS_DATA_DIR`, else `~/tensorflow_datasets`, which is
    tensorflow-datasets' own.
    """
    named = os.environ.get("JKERAS_DATA_DIR") or os.environ.get("TFDS_DATA_DIR")
    return Path(named or "~/tensorflow_datasets").expanduser()


def prepared(name: str, data_dir: str | os.PathLike[str] | None = None) -> Any:
    """The builder of a prepared dataset; MNIST is prepared if it is not.

    Args:
      name: the name in tensorflow-datasets: `"mnist"`, `"mnist:3.0.1"`, `"glue/cola"`.
      data_dir: the folder of prepared datasets; None means `data_folder()`.

    Returns:
      a `tfds.core.DatasetBuilder`.

    Raises:
      UnknownDataset: an unknown name; the message suggests the nearest.
      NotPrepared: the dataset is known, but not in the folder.
      NoNetwork, DamagedArchive, DiskFull: MNIST could not be downloaded or prepared.
    """
    folder = Path(data_dir).expanduser() if data_dir is not None else data_folder()
    builder = _builder(name, folder)
    with _quiet():
        if builder.is_prepared():
            return builder
    if builder.name != "mnist":
        raise NotPrepared(
            f"dataset {name!r}: expected it prepared in {folder}, got no such folder. Prepare "
            f"it where TensorFlow is installed, with tfds.load({name!r}, "
            "builder_kwargs=dict(file_format='array_record')), and set JKERAS_DATA_DIR to it."
        )
    with _quiet():
        prepare_mnist(folder)
    builder = _builder(name, folder)
    with _quiet():
        if builder.is_prepared():
            return builder
    # A folder with this name was there already.
    raise damaged(Path(builder.data_dir), "a prepared dataset", "some of its files only")


def _builder(name: str, folder: Path) -> Any:
    """tensorflow-datasets' builder for `name`, with its errors in plain words."""
    import tensorflow_datasets as tfds

    try:
        return tfds.builder(name, data_dir=folder)
    except tfds.core.DatasetNotFoundError:
        known = set(tfds.list_builders(with_community_datasets=False))
        if folder.is_dir():
            known |= {path.name for path in folder.iterdir() if path.is_dir()}
        raise UnknownDataset(
            f"unknown dataset {name!r}.{nearest(name, known)} "
            f"Looked among the {len(known)} names of tensorflow-datasets and in {folder}."
        ) from None
    except (AssertionError, ValueError) as error:  # no such version or configuration
        raise _unknown_variant(name, error) from error
    except Exception as error:  # protobuf and JSON each have their own for a damaged description
        raise damaged(folder / name.split(":")[0], "a description", _reason(error)) from error


def _unknown_variant(name: str, error: BaseException) -> UnknownDataset:
    """The error for a known dataset with an unknown configuration (`glue/...`) or version."""
    import tensorflow_datasets as tfds

    base, _, variant = name.partition(":")[0].partition("/")
    configs = tfds.builder_cls(base).builder_configs
    if not variant or variant in configs:
        return UnknownDataset(f"unknown dataset {name!r}: {_reason(error)}")
    listed = ", ".join(sorted(configs)) or "none"
    suggestion = nearest(variant, configs)
    return UnknownDataset(f"unknown dataset {name!r}.{suggestion} Configurations: {listed}.")


def _reason(error: BaseException) -> str:
    """The message of tensorflow-datasets in one line, without "Failed to construct"."""
    return " ".join(str(error).rpartition('}": ')[2].split())


def read_arrays(builder: Any, split: str) -> dict[str, np.ndarray]:
    """One split of a prepared dataset, decoded, in the order in which it is stored.

    Args:
      builder: from `prepared`.
      split: a split's name or a slice in tensorflow-datasets' notation: `"train[:80%]"`.

    Returns:
      for each feature an array with the examples along axis 0.

    Raises:
      ValueError: an unknown or empty split, or a feature whose examples differ in shape.
      DamagedArchive: a prepared file is damaged or missing.
      DatasetError: the dataset is not stored as array_record.
    """
    source = _source(builder, split)
    records: list[dict[str, Any]] = []
    try:
        with _quiet():
            for start in range(0, len(source), BLOCK):
                records += source.__getitems__(range(start, min(start + BLOCK, len(source))))
    except RuntimeError as error:  # a checksum in the files differs
        raise damaged(Path(builder.data_dir), "whole record files", _reason(error)) from error
    return _columns(builder, records)


def _source(builder: Any, split: str) -> Any:
    """The random-access source of a split."""
    try:
        return builder.as_data_source(split=split)
    except NotImplementedError as error:
        raise DatasetError(
            f"dataset {builder.name!r}: expected files in array_record format, got "
            f"{builder.info.file_format.value}. Prepare it again with "
            "builder_kwargs=dict(file_format='array_record')."
        ) from error
    except (ValueError, KeyError) as error:
        splits = sorted(builder.info.splits)
        base = re.split("[^a-zA-Z_]", split)[0]
        fix = "" if base in splits else nearest(base, splits)
        raise ValueError(
            f"dataset {builder.name!r}: expected `split` one of {', '.join(splits)}, or a slice "
            f"with examples in it such as 'train[:80%]', got {split!r}.{fix}"
        ) from error


def _columns(builder: Any, records: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Records as one array for each feature; empties `records`, so that memory is used once."""
    columns = {}
    for feature in list(records[0]):
        values = [np.asarray(record.pop(feature)) for record in records]
        shapes = {value.shape for value in values}
        if len(shapes) > 1:
            raise ValueError(
                f"dataset {builder.name!r}: expected {feature!r} to have one shape, got "
                f"{' and '.join(map(str, sorted(shapes)[:2]))}. Read it with "
                "tensorflow_datasets.data_source, and pad or resize it."
            )
        columns[feature] = np.stack(values)
    return columns


def original_order(split: str, count: int) -> np.ndarray:
    """The indices that restore the original order: `array[original_order(...)]`.

    tensorflow-datasets stores examples sorted by the MD5 of the split's name followed by the
    example's key; MNIST's keys are the positions 0, 1, 2, … in its archive.

    Args:
      split: the split's name, without a slice.
      count: how many examples the split has.

    Returns:
      `[count]` integers: entry i is the record that holds example i.

    Example:
      >>> original_order("test", 5).tolist()
      [4, 0, 3, 2, 1]
    """
    digests = [hashlib.md5(f"{split}{key}".encode()).digest() for key in range(count)]
    return np.argsort(sorted(range(count), key=digests.__getitem__))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences tensorflow-datasets: progress bars, announcements, the warnings in `NOISE`."""

    def keep(record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith(NOISE)

    logger = logging.getLogger("absl")
    logger.addFilter(keep)
    sink = io.StringIO()
    try:
        with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
            yield
    finally:
        logger.removeFilter(keep)

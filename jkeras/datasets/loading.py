"""Any prepared dataset by its name, as arrays.

Law: what `load` returns has the structure of its `split` argument: a string gives one split, a list
a list, and None a dict with every split.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from jkeras.core.errors import WrongTypeError

Arrays = dict[str, np.ndarray] | tuple[np.ndarray, ...]


def load(
    name: str,
    split: str | list[str] | tuple[str, ...] | None = None,
    *,
    data_dir: str | os.PathLike[str] | None = None,
) -> Any:
    """Reads a dataset that tensorflow-datasets has prepared, without TensorFlow.

    The examples come in the order in which they are stored. MNIST is downloaded and prepared if it
    is missing; anything else must have been prepared, as array_record, in the data folder.

    Args:
      name: as in tensorflow-datasets: `"mnist"`, `"mnist:3.0.1"`, `"glue/cola"`.
      split: `"train"`, `"test"`, a slice such as `"train[:80%]"`, a list of these, or None for all.
      data_dir: the folder of prepared datasets; None means `$JKERAS_DATA_DIR`, else
        `$TFDS_DATA_DIR`, else `~/tensorflow_datasets`.

    Returns:
      For a string `(x, y)` where the dataset names an input and a target, else a dict with one
      array for each feature, examples along axis 0. For a list, a list of these; for None, a dict
      of these, by split.

    Raises:
      TypeError: `name` or `split` is not a string where one is expected.
      ValueError: an unknown split; `UnknownDataset` for an unknown name, with the nearest one.
      DatasetError: the dataset is not prepared, damaged, or cannot be downloaded.
    """
    from jkeras.data import tfds

    if not isinstance(name, str):
        raise WrongTypeError(
            f"load: expected `name` to be a string such as 'mnist', got {name!r} "
            f"({type(name).__name__})."
        )
    parts = split if isinstance(split, (list, tuple)) else [split]
    if split is not None and not all(isinstance(part, str) for part in parts):
        raise WrongTypeError(
            "load: expected `split` to be a string such as 'train[:80%]', a list of strings or "
            f"None, got {split!r} ({type(split).__name__})."
        )
    builder = tfds.prepared(name, data_dir)
    if split is None:
        return {part: _read(builder, part) for part in sorted(builder.info.splits)}
    if isinstance(split, str):
        return _read(builder, split)
    return [_read(builder, part) for part in split]


def _read(builder: Any, split: str) -> Arrays:
    """One split: `(x, y)` if the dataset defines an input and a target, else a dict of features."""
    from jkeras.data.tfds import read_arrays

    arrays = read_arrays(builder, split)
    keys = builder.info.supervised_keys
    if keys and all(isinstance(key, str) for key in keys):
        return tuple(arrays[key] for key in keys)
    return arrays

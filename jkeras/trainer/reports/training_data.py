"""What `fit` was given, in numbers and names: the record that a model card and a report read.

Law: a record holds no array, and nothing that was not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import trees
from jkeras.core.batch import Batch
from jkeras.core.trees import Tree
from jkeras.data.arrays import Arrays
from jkeras.data.streams import Stream

MOST_CLASSES = 1000
"""Whole numbers beyond this are counted as no classes."""


def training_record(
    data: Arrays | Stream, held_out: Arrays | Stream | None, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """The record of the data of a run.

    Args:
      data: what is trained on.
      held_out: what is validated on; None for nothing.
      facts: batch size, steps and shuffling, as a run has them.

    Returns:
      `examples` (None for an iterable of batches), `batch_size`, `steps_per_epoch`, `shuffle`;
      `arrays`: from the name of each array to its dtype and the shape of one example; `classes`:
      from class id to number of examples, for one output with whole numbers or one-hot rows, else
      None; `validation_examples`: None where it is unknown, 0 without validation.
    """
    batch = data.batch if isinstance(data, Arrays) else data.specs
    arrays = {} if batch is None else _arrays(batch)
    held = getattr(held_out, "length", None) if held_out is not None else 0
    return {
        "examples": None,
        "batch_size": None,
        **facts,
        "arrays": arrays,
        "classes": _classes(data.batch.y, data.length) if isinstance(data, Arrays) else None,
        "validation_examples": held,
    }


def _arrays(batch: Batch) -> dict[str, str]:
    """Name -> "float32[28, 28]" of one example."""
    parts = {"x": batch.x, "y": batch.y, "sample_weight": batch.weight}
    return {
        name: f"{trees.dtype_name(trees.dtype_of(leaf.dtype))}{list(leaf.shape[1:])}"
        for name, leaf in trees.named_leaves(parts).items()
    }


def _classes(y: Tree, length: int) -> dict[int, int] | None:
    """How often each class is there."""
    if not isinstance(y, np.ndarray | jax.Array) or not length:
        return None
    if not getattr(y, "is_fully_addressable", True):  # parts of it lie on other machines
        return None
    wide = y.ndim == 2 and y.shape[1] > 1
    if y.ndim > 2 or (wide and y.shape[1] > MOST_CLASSES):
        return None
    values = np.asarray(y)[:length]  # on the host: JAX compiles a slice for each length
    if wide:
        rows = values.sum(axis=1)
        if not (np.all((values == 0) | (values == 1)) and np.all(rows == 1)):
            return None
        return _counted(np.asarray(values, np.int64).sum(axis=0))
    is_float = jnp.issubdtype(values.dtype, jnp.floating)
    if values.dtype.kind not in "biu" and not is_float:
        return None
    values = values.reshape(-1)
    if is_float and not np.all((values == 0) | (values == 1)):  # flags alone are written as floats
        return None
    if values.min() < 0 or values.max() >= MOST_CLASSES:
        return None
    return _counted(np.bincount(values.astype(np.int64)))


def _counted(counts: np.ndarray) -> dict[int, int]:
    return {index: int(count) for index, count in enumerate(counts.tolist()) if count}

"""Small helpers in Keras's spelling."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from jkeras.core.errors import describe
from jkeras.core.keys import checked_seed, set_default_seed
from jkeras.display import Progbar

__all__ = ["Progbar", "set_random_seed", "to_categorical"]


def set_random_seed(seed: int) -> None:
    """Seeds Python, NumPy, and every model that is made afterwards without a `seed` of its own.

    Args:
      seed: an integer in [0, 2**32).

    Raises:
      TypeError: it is not an integer.
      ValueError: it is out of range.

    Source: `keras.utils.set_random_seed`.
    """
    seed = checked_seed("set_random_seed", seed)
    random.seed(seed)
    np.random.seed(seed)
    set_default_seed(seed)


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray[Any, Any]:
    """Class ids as one-hot rows.

    Args:
      x: integers in [0, num_classes), any shape; a last axis of size one is dropped.
      num_classes: the number of classes; the largest id plus one when left out.

    Returns:
      float32 of shape `[..., num_classes]`.

    Raises:
      TypeError: `x` holds no numbers.
      ValueError: ids that are negative, not whole, or too large.

    Example:
      >>> to_categorical([0, 2], 3).tolist()
      [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]

    Source: `keras.utils.to_categorical`.
    """
    given = np.asarray(x)
    if given.dtype.kind not in "buif":
        raise TypeError(f"to_categorical: `x`: expected class ids, got {describe(given)}.")
    with np.errstate(invalid="ignore"):  # NaN and infinity are no whole numbers, and raise below
        ids = given.astype(np.int64)
    whole = bool((given == ids).all())
    if ids.ndim > 1 and ids.shape[-1] == 1:
        ids = ids[..., 0]
    largest = int(ids.max(initial=-1))
    classes = largest + 1 if num_classes is None else num_classes
    if not whole or ids.min(initial=0) < 0 or largest >= classes:
        raise ValueError(
            f"to_categorical: `x`: expected whole numbers from 0 to {classes - 1}, got values from "
            f"{given.min()} to {given.max()}. Set `num_classes` above the largest id."
        )
    return np.eye(classes, dtype=np.float32)[ids]

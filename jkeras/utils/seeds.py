"""`set_random_seed`: one seed for Python, NumPy and jkeras."""

from __future__ import annotations

import random

import numpy as np

from jkeras.core.keys import checked_seed, set_default_seed


def set_random_seed(seed: int) -> None:
    """Seeds Python, NumPy, and every model that is created afterwards without a `seed`.

    Args:
      seed: an integer in [0, 2**32).

    Raises:
      TypeError: `seed` is not an integer.
      ValueError: `seed` is out of range.

    Source: `keras.utils.set_random_seed`.
    """
    seed = checked_seed("set_random_seed", seed)
    random.seed(seed)
    np.random.seed(seed)
    set_default_seed(seed)

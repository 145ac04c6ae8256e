"""Examples in a shuffled order, split into those of training and of test."""

from __future__ import annotations

import numpy as np

from jkeras.core.errors import value_error
from jkeras.datasets.copies import Pairs


def shuffled(x: np.ndarray, y: np.ndarray, seed: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Examples in the order that Keras's data sets have for a seed."""
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    return x[order], y[order]


def divided(x: np.ndarray, y: np.ndarray, test_split: float) -> Pairs:
    """Copies of the first part for training and of the last `test_split` for test."""
    cut = int(len(x) * (1 - test_split))
    return (x[:cut].copy(), y[:cut].copy()), (x[cut:].copy(), y[cut:].copy())


def check_test_split(who: str, test_split: float) -> None:
    """Raises unless `test_split` is a fraction that leaves something for training.

    Raises:
      ValueError: as described.
    """
    is_number = isinstance(test_split, int | float | np.number)
    if not is_number or not 0 <= test_split < 1:
        raise value_error(
            who=who,
            argument="test_split",
            expected="a fraction from 0 to below 1",
            got=repr(test_split),
        )

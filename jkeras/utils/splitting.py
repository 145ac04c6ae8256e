"""`split_dataset`: a data set split into two."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np

from jkeras.core.errors import WrongTypeError, describe
from jkeras.utils.datasets import Dataset, from_arrays, seed_or_random

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Size = int | float | None


def split_dataset(
    dataset: Dataset | ArrayLike,
    left_size: Size = None,
    right_size: Size = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: None = None,
) -> tuple[Dataset, Dataset]:
    """Splits a data set into a left and a right part.

    Arrays give data sets of single examples, to be put in batches: `left.batch(32)`. A data set in
    batches gives two in batches of its size.

    Args:
      dataset: an array, a tuple or list of arrays of one length, or a data set of this library.
      left_size, right_size: a number of examples, or a fraction of them between 0 and 1. A size
        that is left out is the number of remaining examples.
      shuffle: whether the examples are shuffled first.
      seed: the seed of that order; a number from NumPy's generator when left out.
      preferred_backend: must be None.

    Raises:
      TypeError: `dataset` is none of these, or a size is not a number.
      ValueError: both sizes are missing, leave a part empty, or together exceed the data.

    Example:
      >>> left, right = split_dataset(np.arange(10), left_size=0.8)
      >>> [int(x) for x in right], len(left)
      ([8, 9], 8)

    Source: `keras.utils.split_dataset`.
    """
    if preferred_backend is not None:
        raise ValueError(
            f"split_dataset: `preferred_backend`: expected None, got {preferred_backend!r}: data "
            "sets here belong to no other library."
        )
    source = _as_dataset(dataset)
    batch_size = source.batch_size
    single = source if batch_size is None else source.unbatched()
    left, right = _sizes(left_size, right_size, len(single))
    order = list(range(len(single)))
    if shuffle:
        random.Random(seed_or_random("split_dataset", seed)).shuffle(order)
    parts = [single.arrange(np.asarray(part)) for part in (order[:left], order[-right:])]
    if batch_size is not None:
        parts = [part.batch(batch_size) for part in parts]
    return parts[0], parts[1]


def _as_dataset(dataset: Any) -> Dataset:
    if isinstance(dataset, Dataset):
        return dataset
    several = isinstance(dataset, tuple | list)
    arrays = tuple(dataset) if several else (dataset,)
    if not arrays or not all(hasattr(array, "shape") and array.shape for array in arrays):
        raise WrongTypeError(
            "split_dataset: `dataset`: expected an array, a list of arrays, or a data set, got "
            f"{describe(dataset)}. Make arrays: np.asarray(x)."
        )
    lengths = [len(array) for array in arrays]
    if len(set(lengths)) > 1 or not lengths[0]:
        raise ValueError(
            "split_dataset: `dataset`: expected arrays of one length, at least 1, got lengths "
            f"{lengths}."
        )
    converted = tuple(map(np.asarray, arrays))
    return from_arrays(converted if several else converted[0])


def _sizes(left: Size, right: Size, total: int) -> tuple[int, int]:
    """Both sizes as numbers of examples."""
    if left is None and right is None:
        raise ValueError(
            "split_dataset: expected `left_size` or `right_size`, got none. For four fifths on the "
            "left write left_size=0.8."
        )
    first = None if left is None else _count("left_size", left, total)
    second = None if right is None else _count("right_size", right, total)
    first = total - (second or 0) if first is None else first
    second = total - first if second is None else second
    if first + second > total or min(first, second) < 1:
        raise ValueError(
            f"split_dataset: expected two parts with at least one of the {total} examples each, "
            f"got left_size={left} and right_size={right}, which is {first} and {second}."
        )
    return first, second


def _count(name: str, size: object, total: int) -> int:
    if isinstance(size, bool) or not isinstance(size, int | float | np.integer | np.floating):
        raise WrongTypeError(
            f"split_dataset: `{name}`: expected a number of examples or a fraction, got "
            f"{describe(size)}."
        )
    whole = isinstance(size, int | np.integer)
    if not 0 < size < (total if whole else 1):
        limit = f"1 to {total - 1}" if whole else "a fraction between 0 and 1"
        raise ValueError(f"split_dataset: `{name}`: expected {limit}, got {size}.")
    return int(size) if whole else round(float(size) * total)

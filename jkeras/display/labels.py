"""Data of the plots as arrays: classes, class names, brightness between 0 and 1.

Law: a value that already has the required form is returned unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from jkeras.core.errors import WrongTypeError, describe

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
_FORMS = "Pass classes [n], probabilities [n, classes] or one-hot targets [n, classes]."


def classes_of(values: ArrayLike, name: str) -> np.ndarray:
    """Class indices from any of the forms in which targets and predictions come.

    Args:
      values: `[n]` integers or whole numbers: classes; `[n]` or `[n, 1]` other numbers from 0 to 1:
        probabilities of class 1; `[n, classes]`: one-hot targets, probabilities or logits.
      name: the argument's name, for the error.

    Returns:
      `[n]` int64.

    Raises:
      TypeError: the values are not numbers.
      ValueError: another rank, no class to choose from, negative or fractional classes.

    Example:
      >>> classes_of([[0.1, 0.9], [0.8, 0.2]], "y_pred").tolist()
      [1, 0]
      >>> classes_of([0.7, 0.2], "y_pred").tolist()
      [1, 0]
    """
    array = np.asarray(values)
    if not (np.issubdtype(array.dtype, np.number) or array.dtype == bool):
        raise WrongTypeError(f"`{name}`: expected numbers, got {describe(array)}. {_FORMS}")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2 and array.shape[1] > 1:
        return array.argmax(axis=1).astype(np.int64)
    if array.ndim != 1:
        raise ValueError(f"`{name}`: expected [n] or [n, classes], got {describe(array)}. {_FORMS}")
    if np.all(array == np.floor(array)):
        if array.size and array.min() < 0:
            raise ValueError(f"`{name}`: expected classes from 0, got {array.min()}.")
        return array.astype(np.int64)
    if array.min() >= 0 and array.max() <= 1:
        return (array > 0.5).astype(np.int64)
    raise ValueError(
        f"`{name}`: expected whole numbers (classes) or probabilities between 0 and 1, "
        f"got numbers from {array.min():g} to {array.max():g}. {_FORMS}"
    )


def ids_of_words(
    y_true: ArrayLike, y_pred: ArrayLike, labels: Any = None
) -> tuple[ArrayLike, ArrayLike, Any]:
    """Targets and predictions that are words, as the estimators give them, as ids of their classes.

    Args:
      y_true: `[n]` words or numbers.
      y_pred: `[n]` words, or numbers such as `[n, classes]` probabilities.
      labels: the names of the classes in the order of their ids, or a dict from id to name; the
        words that are there, sorted, when left out.

    Returns:
      Both with ids for words, and the names; all as they were where there are no words.

    Raises:
      ValueError: a word is none of the names, or words stand beside numbers and no names are given.

    Example:
      >>> true, predicted, names = ids_of_words(["no", "yes"], ["yes", "yes"])
      >>> true.tolist(), predicted.tolist(), names
      ([0, 1], [1, 1], ['no', 'yes'])
    """
    given = {"y_true": np.asarray(y_true), "y_pred": np.asarray(y_pred)}
    words = {name: array for name, array in given.items() if _are_words(array)}
    if not words:
        return y_true, y_pred, labels
    names = labels
    if labels is None and len(words) == 1:
        (other,) = given.keys() - words
        raise ValueError(
            f"expected words in `{other}`, as in `{next(iter(words))}`, got "
            f"{describe(given[other])}. Name the classes in the order of their numbers, such as "
            "those of an estimator: estimator.classes_."
        )
    if labels is None:
        names = sorted({str(word) for array in words.values() for word in array})
    pairs = names.items() if isinstance(names, Mapping) else enumerate(names)
    ids = {str(label): index for index, label in pairs}
    for name, array in words.items():
        unknown = sorted({str(word) for word in array} - ids.keys())
        if unknown:
            raise ValueError(
                f"`{name}`: expected names of the classes ({', '.join(map(repr, ids))}), got "
                f"{unknown[0]!r}."
            )
        given[name] = np.array([ids[str(word)] for word in array], np.int64)
    return given["y_true"], given["y_pred"], names


def _are_words(array: np.ndarray) -> bool:
    if array.ndim != 1 or not array.size:
        return False
    return array.dtype.kind in "UST" or (
        array.dtype == object and all(isinstance(value, str) for value in array)
    )


def class_labels(
    names: Sequence[str] | None, count: int, *, longest: int, exact: bool = False
) -> list[str]:
    """The label of each class, cut to a length that fits the plot.

    Args:
      names: names of classes 0, 1, ..., or None for numbers.
      count: number of classes.
      longest: the largest number of characters in a label.
      exact: whether more names than classes are an error too.

    Example:
      >>> class_labels(["cat", "hippopotamus"], 2, longest=8)
      ['cat', 'hippopo…']
    """
    if names is None:
        return [str(index) for index in range(count)]
    if len(names) < count or (exact and len(names) != count):
        raise ValueError(f"expected `class_names` for {count} classes, got {len(names)} names.")
    texts = [str(name) for name in names]
    return [text if len(text) <= longest else text[: longest - 1] + "…" for text in texts]


def unit_brightness(images: ArrayLike) -> np.ndarray:
    """Pixel values as float32 between 0 and 1.

    Integers are divided by 255, numbers already between 0 and 1 stay; any others (such as
    standardized images) are stretched so that the least becomes 0 and the greatest 1, over all
    images together.

    Example:
      >>> unit_brightness(np.array([0, 51, 255], np.uint8)).tolist()
      [0.0, 0.20000000298023224, 1.0]
      >>> unit_brightness([-1.0, 0.0, 1.0]).tolist()
      [0.0, 0.5, 1.0]
    """
    array = np.asarray(images)
    is_integer = np.issubdtype(array.dtype, np.integer)
    pixels = array.astype(np.float32) / np.float32(255 if is_integer else 1)
    finite = pixels[np.isfinite(pixels)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    if low >= 0 and high <= 1:
        return pixels
    return (pixels - low) / max(high - low, np.finfo(np.float32).tiny)


def check_same_length(**arrays: np.ndarray | None) -> None:
    """Raises ValueError unless all arrays, apart from None, have as many examples as the first.

    Example:
      >>> check_same_length(y_true=np.zeros(3), y_pred=np.zeros(2))
      Traceback (most recent call last):
      ...
      ValueError: expected one value of `y_pred` for each of `y_true` (3), got 2.
    """
    lengths = {name: len(array) for name, array in arrays.items() if array is not None}
    first = next(iter(lengths))
    for name, length in lengths.items():
        if length != lengths[first]:
            raise ValueError(
                f"expected one value of `{name}` for each of `{first}` ({lengths[first]}), "
                f"got {length}."
            )

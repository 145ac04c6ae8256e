"""Resident data: arrays that fit beside the model, with the splits and weights that `fit` takes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, SupportsFloat

import jax
import numpy as np

from jkeras.core.batch import Batch
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.trees import Tree, widest_float
from jkeras.data.checks import as_arrays, as_targets, as_weights, common_length

ClassWeight = Mapping[Any, float] | str
"""The weight of each class by its label, or "balanced"."""


@dataclasses.dataclass(frozen=True)
class Arrays:
    """A data set in memory: a `Batch` that holds every example.

    Attributes:
      batch: all examples, and behind them perhaps filler rows; `rows` is None.
      length: the number of examples.
      travels: whether each dispatch takes the host's arrays along, whole: small ones.
    """

    batch: Batch
    length: int
    travels: bool = False

    @property
    def on_device(self) -> bool:
        """Whether programs take the arrays as they are: JAX arrays, or small ones."""
        arrays = jax.tree.leaves(self.batch)
        return self.travels or all(isinstance(leaf, jax.Array) for leaf in arrays)

    def steps(self, batch_size: int) -> int:
        """The number of batches in one pass, the last partial one included."""
        return math.ceil(self.length / batch_size)

    def part(self, start: int, stop: int) -> Arrays:
        """Examples `start` up to `stop`, without copying."""
        return Arrays(jax.tree.map(lambda a: a[start:stop], self.batch), stop - start)


def bucket(rows: int) -> int:
    """The rows that arrays get which have `rows` real ones: few numbers, so that data of many
    lengths share programs. Powers of two up to 256, then four steps in each octave.

    Example:
      >>> [bucket(rows) for rows in (1, 5, 100, 257, 330, 60_000)]
      [1, 8, 128, 320, 384, 65536]
    """
    octave: int = 1 << (rows - 1).bit_length()
    step = octave if rows <= 256 else octave // 8
    return -(-rows // step) * step


def load(
    x: Tree,
    y: Tree = None,
    sample_weight: Tree = None,
    *,
    class_weight: ClassWeight | None = None,
    finite: bool = True,
) -> Arrays:
    """Checks the arguments of `fit` and `evaluate` and puts them into one data set.

    Args:
      x: array, or tuple, list or dict of arrays, each `[examples, ...]`.
      y: the targets, in the same form as `x`, or None.
      sample_weight: `[examples]` or `[examples, ...]`, or None; for several outputs also a tuple,
        list or dict of these.
      class_weight: as for `class_weights`.
      finite: whether NaN and infinity raise an error.

    Raises:
      TypeError, ValueError: see `checks.as_arrays` and `checks.common_length`.
    """
    x = as_arrays("x", x, finite=finite, are_inputs=True)
    y = as_targets(y, finite=finite)
    sample_weight = as_weights(sample_weight, finite=finite)
    if class_weight is not None:
        sample_weight = class_weights(y, class_weight, sample_weight)
    length = common_length({"x": x, "y": y, "sample_weight": sample_weight})
    return Arrays(Batch(x, y, sample_weight), length)


def class_weights(y: Tree, class_weight: ClassWeight, sample_weight: Tree = None) -> np.ndarray:
    """The weight of each example's class, `[examples]` floats.

    Args:
      y: class ids `[examples]` or `[examples, 1]`, of which the nearest whole number counts, or
        one-hot `[examples, classes]`.
      class_weight: weight of each class by its label; 1 for a class that is missing. "balanced":
        examples / (classes * examples of the class), as in scikit-learn. With keys between whole
        numbers labels count as they are, not the nearest whole numbers.
      sample_weight: must be None: as in Keras, only one of the two kinds of weight is allowed.

    Raises:
      TypeError: `class_weight` is not a dict from numbers to numbers, or has fractions as keys
        where labels are whole.
      ValueError: both kinds of weight are given, or `y` has no classes.

    Example:
      >>> class_weights(np.array([-1, 1, 1]), {-1: 2.0}).tolist()
      [2.0, 1.0, 1.0]
    """
    if sample_weight is not None:
        raise ValueError(
            "`class_weight` and `sample_weight` exclude each other, got both. "
            "Multiply them into one: sample_weight * [class_weight.get(c, 1.0) for c in y]."
        )
    table = class_table(class_weight)
    if isinstance(y, dict | tuple):
        raise ValueError(
            f"`class_weight`: expected a model with one output, got targets for {len(y)}. "
            "Use `sample_weight` with an array for each output instead."
        )
    if not hasattr(y, "ndim") or y.ndim > 2:
        raise ValueError(
            "`class_weight`: expected `y` with one class per example, [examples] or one-hot "
            f"[examples, classes], got {describe(y)}. Use `sample_weight` instead."
        )
    y = np.asarray(y)
    if isinstance(class_weight, str) and y.ndim == 2 and y.shape[1] > 1:
        several = np.sum(y == y.max(axis=-1, keepdims=True), axis=-1) > 1
        if several.any():
            raise ValueError(
                '`class_weight`: expected one class per example to be "balanced", got several '
                f"labels, or none, in {several.sum()} of {len(y)} rows of `y`, the first at index "
                f"{int(several.argmax())}. Use `sample_weight` instead."
            )
    labels = _labels(y, table, class_weight)
    classes, places, counts = np.unique(labels, return_inverse=True, return_counts=True)
    weights = np.array([table.get(label, 1.0) for label in classes.tolist()])
    if isinstance(class_weight, str):
        weights = len(labels) / (len(classes) * counts)
    return np.asarray(weights, widest_float())[places]


def _labels(y: np.ndarray, table: Mapping[float, float], class_weight: ClassWeight) -> np.ndarray:
    """The label of each example, of which keys of `table` may be: `[examples]` floats."""
    is_one_hot = y.ndim == 2 and y.shape[1] > 1
    labels = (y.argmax(-1) if is_one_hot else y.reshape(len(y))).astype(np.float64)
    if all(key.is_integer() for key in table):
        return np.rint(labels)
    if is_one_hot or y.dtype.kind in "biu":
        raise _wrong_form(class_weight)
    return labels.astype(np.float32)  # as the keys are


def check_class_keys(class_weight: ClassWeight, y: np.ndarray, outputs: int | None) -> None:
    """Raises for a key that is no label, beside a label without a weight: it may be mistyped.

    Args:
      class_weight: as for `class_weights`.
      y: the targets of all examples.
      outputs: the number of classes that the model tells apart, which need not all occur; None if
        it is not known.

    Raises:
      ValueError: as described; names the nearest label.
    """
    table = class_table(class_weight)
    y = np.asarray(y)
    found = np.unique(_labels(y, table, class_weight)).tolist()
    width = y.shape[1] if y.ndim == 2 and y.shape[1] > 1 else outputs
    for key in table:
        is_possible = key.is_integer() and key >= 0 and (width is None or key < max(width, 2))
        is_possible = key in (-1, 1) if found and found[0] < 0 else is_possible
        if key in found or is_possible or not found or set(found) <= set(table):
            continue
        listed = ", ".join(f"{label:g}" for label in found[:8]) + ", …" * (len(found) > 8)
        closest = found[int(np.abs(np.subtract(found, key)).argmin())]
        raise ValueError(
            f"`class_weight`: expected labels of `y` ({listed}) as keys, got {key:g}. "
            f"Did you mean {closest:g}?"
        )


def class_table(class_weight: ClassWeight) -> dict[float, float]:
    """The weights by label; none for "balanced".

    Keys may be floats, as labels are, or words, as they come from a JSON file.

    Raises:
      TypeError: `class_weight` is neither "balanced" nor a dict from numbers to numbers.

    Example:
      >>> class_table({0.0: 1, "1": np.float32(3)})
      {0.0: 1.0, 1.0: 3.0}
    """
    if isinstance(class_weight, str) and class_weight == "balanced":
        return {}
    try:
        pairs = {
            _as_label(key): float(weight)
            for key, weight in class_weight.items()  # type: ignore[union-attr]
        }
        if all(math.isfinite(key) and math.isfinite(pairs[key]) for key in pairs):
            return pairs
    except (AttributeError, TypeError, ValueError):
        pass
    raise _wrong_form(class_weight)


def _as_label(key: SupportsFloat | str) -> float:
    """A key as labels are: fractions have float32's digits."""
    number = float(key)
    return number if number.is_integer() else float(np.float32(number))


def _wrong_form(class_weight: object) -> WrongTypeError:
    """The error for what is no dict from labels to weights."""
    fix = ""
    if isinstance(class_weight, list | tuple) or hasattr(class_weight, "__array__"):
        fix = " Number the weights: dict(enumerate(class_weight))."
    elif isinstance(class_weight, dict):
        fix = " Its keys are the ids that stand in `y`, its values finite numbers."
    return WrongTypeError(
        '`class_weight`: expected "balanced", or a dict from class id to weight, such as '
        f"{{0: 1.0, 1: 5.0}}, got {describe(class_weight)}.{fix}"
    )


def split(data: Arrays, fraction: float) -> tuple[Arrays, Arrays]:
    """The first part for training and the last `fraction` for validation, cut at floor(n·(1 -
    fraction)).

    Raises:
      ValueError: the fraction lies outside (0, 1), or leaves a part empty.
    """
    if not 0 < fraction < 1:
        raise ValueError(
            f"`validation_split`: expected a fraction between 0 and 1, got {fraction!r}."
        )
    cut = math.floor(data.length * (1.0 - fraction))
    if cut == 0 or cut == data.length:
        raise ValueError(
            f"`validation_split`: expected both parts to hold examples, got {cut} for training and "
            f"{data.length - cut} for validation out of {data.length} with {fraction!r}."
        )
    return data.part(0, cut), data.part(cut, data.length)

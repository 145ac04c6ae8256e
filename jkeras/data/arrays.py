"""Resident data: arrays that fit beside the model, with the splits and weights that `fit` takes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jkeras.core.batch import Batch
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.trees import Tree, widest_float
from jkeras.data.checks import as_arrays, as_targets, as_weights, common_length

ClassWeight = Mapping[Any, float] | str
"""The weight of each class by its id, or "balanced"."""


@dataclasses.dataclass(frozen=True)
class Arrays:
    """A data set in memory: a `Batch` that holds every example.

    Attributes:
      batch: all examples, and behind them perhaps filler rows; `rows` is None.
      length: the number of examples.
    """

    batch: Batch
    length: int

    @property
    def on_device(self) -> bool:
        """Whether every array is a JAX array."""
        return all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(self.batch))

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
      class_weight: weight of each class id; 1 for a class that is missing. "balanced": examples /
        (classes * examples of the class), as in scikit-learn.
      sample_weight: must be None: as in Keras, only one of the two kinds of weight is allowed.

    Raises:
      TypeError: `class_weight` is not a dict from whole numbers to numbers.
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
    ids = y.argmax(-1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(len(y))
    ids = np.rint(ids.astype(np.float64)).astype(np.int64)
    classes, places, counts = np.unique(ids, return_inverse=True, return_counts=True)
    weights = np.array([table.get(int(c), 1.0) for c in classes])
    if isinstance(class_weight, str):
        weights = len(ids) / (len(classes) * counts)
    return np.asarray(weights, widest_float())[places]


def class_table(class_weight: ClassWeight) -> dict[int, float]:
    """The weights by class id; none for "balanced".

    Keys may be floats, as labels are, or words, as they come from a JSON file.

    Raises:
      TypeError: `class_weight` is neither "balanced" nor a dict from whole numbers to numbers.

    Example:
      >>> class_table({0.0: 1, "1": np.float32(3)})
      {0: 1.0, 1: 3.0}
    """
    if isinstance(class_weight, str) and class_weight == "balanced":
        return {}
    try:
        pairs = {float(key): float(weight) for key, weight in class_weight.items()}  # type: ignore[union-attr]
        if all(key.is_integer() and math.isfinite(pairs[key]) for key in pairs):
            return {int(key): weight for key, weight in pairs.items()}
    except (AttributeError, TypeError, ValueError):
        pass
    fix = ""
    if isinstance(class_weight, list | tuple) or hasattr(class_weight, "__array__"):
        fix = " Number the weights: dict(enumerate(class_weight))."
    elif isinstance(class_weight, dict):
        fix = " Its keys are the ids that stand in `y`, its values finite numbers."
    raise WrongTypeError(
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

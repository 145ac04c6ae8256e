"""Checks of the values of targets, on the host before training starts.

Shapes are checked while tracing; values cannot be. Each function here checks a whole NumPy array
and raises with the first invalid row in the message.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from jkeras.core.errors import WrongTypeError

Targets = np.ndarray[Any, Any]


def check_kind(who: str, y_true: Targets) -> None:
    """Raises unless the array holds real numbers or booleans.

    Raises:
      TypeError: the array holds objects, text or values of another kind.
    """
    if y_true.dtype.kind in "biu" or jnp.issubdtype(y_true.dtype, jnp.floating):
        return
    raise WrongTypeError(
        f"{who}: expected numbers in `y_true`, got dtype {y_true.dtype}. "
        "For names of classes pass their indices, np.unique(y, return_inverse=True)[1]; "
        'for objects np.asarray(y, "float32").'
    )


def check_finite(who: str, y_true: Targets) -> None:
    """Raises on NaN and infinities.

    Raises:
      ValueError: a value is not finite.
    """
    if y_true.dtype.kind in "biu":
        return
    bad = ~np.isfinite(y_true)
    if bad.any():
        raise ValueError(
            f"{who}: expected finite numbers in `y_true`, got {_first(bad, y_true)}. "
            "Drop or fill missing values first."
        )


def check_between(who: str, y_true: Targets, low: float, high: float, fix: str) -> None:
    """Raises unless low ≤ values ≤ high.

    Raises:
      ValueError: a value is outside.
    """
    bad = (y_true < low) | (y_true > high)
    if bad.any():
        raise ValueError(
            f"{who}: expected `y_true` between {low:g} and {high:g}, got {_spread(y_true)}, "
            f"first {_first(bad, y_true)}. {fix}"
        )


def check_classes(who: str, y_true: Targets, classes: int, ignore: int | None = None) -> None:
    """Raises unless the values are class indices: whole, from 0 to `classes` - 1, or `ignore`.

    Raises:
      ValueError: a value is not a class index.
    """
    is_whole = y_true.dtype.kind in "iub"
    broken = np.zeros((), bool) if is_whole else y_true != np.floor(y_true)
    if broken.any():
        raise ValueError(
            f"{who}: expected whole numbers as class indices in `y_true`, got "
            f"{_first(broken, y_true)}. For probabilities of classes use "
            'loss="categorical_crossentropy", for measurements loss="mse".'
        )
    kept = y_true if ignore is None else y_true[y_true != ignore]
    if kept.size and (kept.min() < 0 or kept.max() >= classes):
        bad = ((y_true < 0) | (y_true >= classes)) & (True if ignore is None else y_true != ignore)
        raise ValueError(
            f"{who}: expected class indices from 0 to {classes - 1} in `y_true` (the outputs have "
            f"{classes} classes), got {_spread(kept)}, first {_first(bad, y_true)}. "
            f"{_range_fix(kept, classes)}"
        )


def _range_fix(labels: Targets, classes: int) -> str:
    if labels.min() == 1 and labels.max() == classes:
        return "These labels start at 1: pass y - 1."
    if labels.min() >= 0:
        return f"Give the last layer {int(labels.max()) + 1} units."
    return (
        "Number the classes from 0, or leave one label out: "
        "SparseCategoricalCrossentropy(ignore_class=…)."
    )


def _first(bad: np.ndarray[Any, np.dtype[np.bool_]], y_true: Targets) -> str:
    """The first invalid value and its row: `10 at row 3`."""
    index = np.unravel_index(int(np.argmax(bad)), bad.shape)
    return f"{_number(y_true[index])} at row {int(index[0])}"


def _spread(y_true: Targets) -> str:
    return f"values from {_number(y_true.min())} to {_number(y_true.max())}"


def _number(value: float | np.number) -> str:
    return f"{float(value):.7g}"

"""Checks of the arguments that no layer and no `fit` looks at under their names.

Law: as scikit-learn asks for, an argument is checked in `fit`, not where it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jkeras.core.errors import describe, value_error


def check_arguments(estimator: Any) -> None:
    """Raises ValueError for an argument of a premade estimator that has another form than told.

    Args:
      estimator: one before `fit`.
    """
    for name, (is_right, expected) in _RULES.items():
        value = getattr(estimator, name, None)
        if hasattr(estimator, name) and not is_right(value):
            who, fix = type(estimator).__name__, ""
            if name == "hidden_units":
                fix = f"Write hidden_units={(value,) if _is_integer(value) else (64, 32)}."
            raise value_error(
                who=who, argument=name, expected=expected, got=describe(value), fix=fix
            )


def _is_integer(value: object) -> bool:
    return hasattr(value, "__index__") and not isinstance(value, bool)


def _is_sizes(value: Any) -> bool:
    is_list = hasattr(value, "__len__") and not isinstance(value, str | bytes | Mapping)
    return is_list and all(_is_integer(size) and size > 0 for size in value)


def _is_fraction(value: object) -> bool:
    return hasattr(value, "__float__") and not isinstance(value, bool) and 0 <= float(value) < 1


_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "columns": (
        lambda value: value is None or isinstance(value, Mapping),
        "a dict from column to kind, such as {'zip': 'category'}, or None",
    ),
    "unknown": (lambda value: value in ("error", "missing"), "'error' or 'missing'"),
    "hidden_units": (_is_sizes, "the size of each hidden layer"),
    "validation_fraction": (_is_fraction, "a fraction of at least 0 and below 1"),
    "patience": (
        lambda value: _is_integer(value) and value >= 0,
        "a number of epochs, an integer of at least 0",
    ),
}

"""Tables, columns and rows of other libraries, and plain lists of numbers, as NumPy arrays.

A table (pandas, polars, Arrow) has columns, each with a dtype of its own; a column (their series,
one of a Hugging Face data set) has one value or one list for each example. They are known by their
methods, so none of these libraries is imported. Laws: values stay; the dtype is the one that holds
all columns, so flags beside measurements are 0 and 1; a gap or a column without numbers is an error
that names the column.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.encodings import encoding_of, is_decimal, without_gaps
from jkeras.core.errors import WrongTypeError, describe, nearest


def is_table(value: object) -> bool:
    """Whether a value has named columns."""
    return hasattr(value, "__array__") and hasattr(value, "columns")


def is_lazy(value: object) -> bool:
    """Whether a value is the plan of a table, as a LazyFrame of polars is."""
    return callable(getattr(type(value), "collect", None)) and not hasattr(value, "__array__")


def is_column(value: object) -> bool:
    """Whether a value holds one entry for each example, as a series and a sequence of numbers or
    arrays do; a list of arrays is several inputs, and no column.

    Example:
      >>> is_column([[1, 2], [3, 4]]), is_column([np.ones(2), np.ones(2)]), is_column([])
      (True, False, False)
    """
    if hasattr(value, "to_numpy") or hasattr(value, "to_pylist"):
        return True
    if isinstance(value, np.ndarray | jax.Array | str | bytes) or not isinstance(value, Sequence):
        return False
    return is_example(value, plain=isinstance(value, list | tuple))


def is_example(value: object, *, plain: bool = True) -> bool:
    """Whether a value is a number or a word, or a list of lists of them; unless `plain`, arrays are
    numbers too.
    """
    while isinstance(value, Sequence) and not isinstance(value, str | bytes):
        if not len(value):
            return False
        value = next((item for item in value if item is not None), 0.0)
    is_array = hasattr(value, "__array__") and not isinstance(value, np.generic)
    scalar = isinstance(value, int | float | complex | str | bytes | np.generic)
    return scalar or (is_array and not plain)


def columns_of(table: Any) -> list[tuple[Any, Any]]:
    """The names and the columns of a table."""
    if hasattr(table, "column_names"):  # Arrow
        return list(zip(table.column_names, table.columns, strict=True))
    if hasattr(table, "items"):  # pandas
        return list(table.items())
    return [(name, table[name]) for name in table.columns]


def by_names(x: object, names: Sequence[str]) -> Any:
    """A table as its columns by name, for a model with several inputs or outputs of these names;
    anything else unchanged.

    Raises:
      ValueError: a column is missing.
    """
    if len(names) < 2 or not is_table(x):
        return x
    found = dict(columns_of(x))
    for name in names:
        if name not in found:
            listed = ", ".join(map(str, found))
            raise ValueError(
                f"`x`: expected a table with the columns {', '.join(names)}, which the inputs have "
                f"as names, got {listed}: {name!r} is missing.{nearest(name, map(str, found))}"
            )
    return {name: found[name] for name in names}


def as_numpy(name: str, value: object) -> np.ndarray:
    """A table, a column or a list of numbers as an array of numbers.

    Args:
      name: the argument's name, for messages.
      value: what `is_table` or `is_column` knows, or anything that NumPy turns into an array.

    Raises:
      TypeError: there are words, dates or other objects instead of numbers.
      ValueError: there are gaps, or lists of several lengths.
    """
    if not is_table(value):
        return _column(name, value)
    dtypes = getattr(value, "dtypes", [None])
    first = next(iter(dtypes), None)
    if isinstance(first, np.dtype) and first.kind in "biuf" and all(first == d for d in dtypes):
        return np.asarray(value)
    columns = [_column(f"{name}[{key!r}]", column, name) for key, column in columns_of(value)]
    if not columns:
        raise ValueError(f"`{name}`: expected a table with columns, got one without any.")
    return np.column_stack(columns)


def check_numbers(
    name: str, array: np.ndarray | jax.Array, table: str = "", column: object = None
) -> None:
    """Raises for an array of anything but numbers; the message says how to encode what it holds.

    Args:
      name: the argument's name.
      array: any array.
      table: the name of the table, where `name` is a column of it.
      column: what the array was made of.

    Raises:
      TypeError: as described.
    """
    is_number = array.dtype == bool or jnp.issubdtype(array.dtype, jnp.number)
    if is_number and array.dtype.kind != "m":  # to NumPy spans of time are integers
        return
    first: Any = next((item for item in np.asarray(array).flat if item is not None), None)
    got = describe(array)
    if isinstance(first, str | bytes) and not is_decimal(first):
        got = f"{got}, with {str(first)!r}"
    fix = encoding_of(name, first, table=table, column=column)
    raise WrongTypeError(f"`{name}`: expected numbers, got {got}. {fix}")


def _column(name: str, given: Any, table: str = "") -> np.ndarray:
    """A column, or anything else that NumPy turns into an array, as numbers without gaps."""
    column = given
    if isinstance(column, list | tuple) or not hasattr(column, "__array__"):
        column = column.to_numpy() if hasattr(column, "to_numpy") else list(column)
    try:
        array = np.asarray(column)
    except ValueError:  # lists of several lengths
        array = np.empty(len(column), object)
        array[:] = column
    dtype = getattr(column, "dtype", None)
    if array.dtype == object or not isinstance(dtype, np.dtype):
        _check_gaps(name, given, array, table)
        array = _unboxed(array) if array.dtype == object else array
    check_numbers(name, array, table, given)
    return array


def _unboxed(array: np.ndarray) -> np.ndarray:
    """An array of Python's numbers, or of lists of them, with the dtype that holds them all; any
    other array unchanged.
    """
    try:
        found = np.array(array.tolist())
    except ValueError:  # lists of several lengths
        return array
    return array if found.dtype.kind in "US" else found


def _check_gaps(name: str, column: Any, array: np.ndarray, table: str) -> None:
    """Raises where a column of numbers that may have gaps has some."""
    if hasattr(column, "isna"):
        gaps, fill = np.asarray(column.isna()), "fillna"
    elif hasattr(column, "is_null"):
        gaps, fill = np.asarray(column.is_null()), "fill_null"
    elif array.dtype == object and array.ndim == 1:
        gaps, fill = np.array([item is None for item in array]), ""
    else:
        return
    if not gaps.any():
        return
    present = _unboxed(array[~gaps])
    check_numbers(name, present, table, column)
    zero = False if present.dtype == bool else 0
    fix = (
        f"Fill them: {name}.{fill}({zero})." if fill else "Fill them, or leave these examples out."
    )
    if name == "y" and fill:
        fix = without_gaps(column)
    raise ValueError(
        f"`{name}`: expected numbers without gaps, got {int(gaps.sum())} missing of {len(gaps)}, "
        f"the first at index {int(gaps.argmax())}. {fix}"
    )

"""Conversion of training data to arrays, and the errors for invalid data.

Laws: float64 becomes float32 (as in Keras), but stays in JAX's x64 mode, where the model decides;
every other dtype stays; a valid array has a batch
axis, holds numbers only and, with `finite`, no NaN and no infinity. All checks of arrays in memory
run before training starts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import columns
from jkeras.core.arrays import native
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.trees import Tree, widest_float
from jkeras.data.mapped_files import check_files


def as_arrays(name: str, tree: Tree, *, finite: bool = True, are_inputs: bool = False) -> Any:
    """`tree` with every leaf a NumPy or JAX array that has a batch axis; lists of arrays become
    tuples.

    Args:
      name: the argument's name, for messages.
      tree: an array, or a tuple, list or dict of them, which may be nested; lists of numbers,
        tables and columns (see `core.columns`), torch and TensorFlow tensors too.
      finite: whether NaN and infinity raise an error.
      are_inputs: whether a series gets an axis of one feature, as in Keras, and None in a list or
        dict stays, for an optional input.

    Raises:
      TypeError: objects or strings instead of arrays.
      ValueError: an array without a batch axis, or with NaN or infinity.
    """

    def converted(place: object, leaf: Tree) -> Any:
        if leaf is None and are_inputs:
            return None
        return as_arrays(f"{name}[{place!r}]", leaf, finite=finite, are_inputs=are_inputs)

    if isinstance(tree, dict):
        return {key: converted(key, leaf) for key, leaf in tree.items()}
    if isinstance(tree, tuple | list) and not columns.is_column(tree):
        given = [leaf for leaf in tree if leaf is not None] if are_inputs else tree
        if _holds_arrays(given):
            return tuple(converted(i, leaf) for i, leaf in enumerate(tree))
        pairs = bool(tree) and all(isinstance(item, tuple) for item in tree)
        fix = f"Give batches as an iterator: iter({name})" if pairs else ""
        fix = fix or f"Make it an array: np.asarray({name})"
        raise WrongTypeError(
            f"`{name}`: expected an array, or a list of arrays for several inputs, got "
            f"{describe(tree)}. {fix}."
        )
    array = as_array(name, tree, finite=finite)
    is_series = are_inputs and hasattr(tree, "to_numpy") and array.ndim == 1
    return array[:, None] if is_series else array


def as_array(name: str, leaf: object, *, finite: bool = True) -> Any:
    """One leaf of `as_arrays`."""
    if hasattr(leaf, "toarray"):
        kind = type(leaf).__name__
        raise WrongTypeError(
            f"`{name}`: expected a dense array, got a sparse one, {kind}. Write {name}.toarray()."
        )
    if isinstance(leaf, np.ndarray | jax.Array):
        array = leaf
    elif columns.is_table(leaf) or columns.is_column(leaf):
        array = columns.as_numpy(name, leaf)
    elif _is_array(leaf):
        array = _converted(leaf)
    else:
        names = list(getattr(leaf, "column_names", ()))[:1]
        fix = f" Give its columns, such as {name}[{names[0]!r}]." if names else ""
        got = describe(leaf)
        if isinstance(leaf, int | float) and name.partition("[")[0] in ("x", "y"):
            fix = " Single examples go in batches: arrays with a first axis of examples."
        if columns.is_lazy(leaf):
            got, fix = f"a {type(leaf).__name__}", f" Write {name}.collect()."
        raise WrongTypeError(f"`{name}`: expected an array, got {got}.{fix}")
    check_files({name: array})
    try:
        array = native(array)
    except TypeError as error:
        raise WrongTypeError(f"`{name}`: {error}") from None
    columns.check_numbers(name, array)
    if jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise WrongTypeError(
            f"`{name}`: expected real numbers, got {describe(array)}. Give the parts as features: "
            f"np.stack([{name}.real, {name}.imag], -1)."
        )
    if array.ndim == 0:
        raise ValueError(
            f"`{name}`: expected an array with a batch axis, got {describe(array)}. "
            f"For a single example add the axis: {name}[None]."
        )
    if finite:
        try:
            check_finite(name, array)
        except ValueError:
            for key, column in columns.columns_of(leaf) if columns.is_table(leaf) else ():
                check_finite(f"{name}[{key!r}]", columns.as_numpy(name, column))
            raise
    _check_integers(name, array)
    return array.astype(widest_float()) if array.dtype == np.float64 else array


def as_targets(y: Tree, *, finite: bool = True) -> Any:
    """`as_arrays` for targets, which may be plain lists of numbers or, for an output without a
    loss, None.
    """
    return _each_output("y", y, lambda name, leaf: as_arrays(name, leaf, finite=finite))


def as_weights(weight: Tree, *, finite: bool = True) -> Any:
    """Sample weights as floats, from arrays or plain lists of numbers, in a list or dict of them
    for several outputs.
    """
    return _each_output(
        "sample_weight",
        weight,
        lambda name, leaf: as_array(name, leaf, finite=finite).astype(widest_float(), copy=False),
    )


def _each_output(name: str, tree: Tree, convert: Callable[[str, Any], Any]) -> Any:
    """`convert(name, leaf)` for each output; lists become tuples, None stays None."""
    if isinstance(tree, dict):
        return {key: _each_output(f"{name}[{key!r}]", x, convert) for key, x in tree.items()}
    is_list = isinstance(tree, list | tuple) and not columns.is_column(tree)
    if is_list and any(_is_of_one_output(item) for item in tree):
        return tuple(_each_output(f"{name}[{i}]", x, convert) for i, x in enumerate(tree))
    return None if tree is None else convert(name, tree)


def _is_of_one_output(item: object) -> bool:
    """Whether a list with this member has one entry for each output, not rows or batches."""
    inner = isinstance(item, list) and _holds_arrays(item)
    return _is_array(item) or isinstance(item, dict) or inner


def _holds_arrays(items: list[Any] | tuple[Any, ...]) -> bool:
    """Whether a list or tuple holds arrays and, unless all are tuples, structures of them."""
    if not items or all(isinstance(item, tuple) for item in items):
        return False
    return all(
        _is_array(x)
        or (isinstance(x, dict) and bool(x))
        or (isinstance(x, list | tuple) and _holds_arrays(x))
        for x in items
    )


def check_finite(name: str, array: np.ndarray | jax.Array) -> None:
    """Raises when a floating array holds NaN or infinity; the message names the first such row.
    A number outside the range of float32, where that is the widest float, counts as infinity, which
    it becomes in training.

    One sum over the array decides in the usual case: it is finite only if every element is.
    """
    if not jnp.issubdtype(array.dtype, jnp.floating) or array.size == 0:
        return
    dtype = widest_float()
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(float(array.sum(dtype=dtype))):
            return
        values = np.asarray(array, dtype).reshape(len(array), -1)
    bad = ~np.isfinite(values).all(axis=1)
    if bad.any():
        row = int(bad.argmax())
        kind, fix = "infinity", f"clip them: np.clip({name}, -1e6, 1e6)"
        if np.isnan(values[row]).any():
            kind, fix = "NaN", f"fill them: np.nan_to_num({name})"
        raise ValueError(
            f"`{name}`: expected finite numbers, got {kind} in {int(bad.sum())} of {len(array)} "
            f"examples, the first at index {row}. Drop or {fix}."
        )


def _check_integers(name: str, array: np.ndarray | jax.Array) -> None:
    """Raises for integers that the device, with 32 bits, would change without a warning."""
    if array.dtype not in (np.int64, np.uint64, np.uint32) or getattr(
        jax.config, "jax_enable_x64", False
    ):
        return
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    least, most = (0, 2**32 - 1) if array.dtype.kind == "u" else (-(2**31), 2**31 - 1)
    if low < least or high > most:
        raise ValueError(
            f"`{name}`: expected integers that fit in 32 bits, got values from {low} to {high}. "
            f"Renumber them: np.unique({name}, return_inverse=True)[1]."
        )


def check_values(name: str, array: np.ndarray, *, finite: bool) -> None:
    """What `as_array` checks in an array of a shape and dtype that it has passed before.

    Raises:
      ValueError: it holds NaN or infinity, or integers that do not fit in 32 bits.
    """
    if finite:
        check_finite(name, array)
    _check_integers(name, array)


def common_length(parts: dict[str, Any]) -> int:
    """The number of examples that all arrays of all parts share.

    Raises:
      ValueError: lengths differ, or there are no examples.
    """
    lengths = {
        name: sorted({leaf.shape[0] for leaf in jax.tree.leaves(tree)})
        for name, tree in parts.items()
        if tree is not None
    }
    found = {n for sizes in lengths.values() for n in sizes}
    if len(found) > 1:
        listed = ", ".join(
            f"`{name}` has {' and '.join(map(str, sizes))}" for name, sizes in lengths.items()
        )
        raise ValueError(f"expected the same number of examples everywhere, got: {listed}.")
    if not found or found == {0}:
        raise ValueError(f"expected at least one example, got none in {', '.join(lengths)}.")
    return found.pop()


def _is_array(value: object) -> bool:
    return (hasattr(value, "shape") and hasattr(value, "dtype")) or hasattr(value, "to_numpy")


def _converted(leaf: Any) -> np.ndarray:
    for method in ("to_numpy", "numpy"):
        if hasattr(leaf, method):
            leaf = leaf.detach().cpu() if hasattr(leaf, "detach") else leaf
            return np.asarray(getattr(leaf, method)())
    return np.asarray(leaf)

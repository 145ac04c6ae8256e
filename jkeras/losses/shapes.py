"""Targets and predictions with equal ranks and dtypes, and the errors for shapes that do not match.

Every check reads shapes only, so it raises while tracing, before any arithmetic. Two laws hold for
the returned arrays: both have the same rank, and targets have the dtype of the predictions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from jkeras.core.arrays import as_jax
from jkeras.core.errors import WrongTypeError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Array = jax.Array
Shape = tuple[int, ...]

EPSILON = 1e-7
"""Keras's `backend.epsilon()`, which keeps divisors and arguments of logarithms above 0."""


def floats(x: ArrayLike) -> Array:
    """`x` as an array of floats: integers and booleans become float32, floats keep their dtype."""
    x = as_jax(x)
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.float32)


def at_least_float32(x: Array) -> Array:
    """`x` in a dtype with at least float32's precision, in which 1 - 1e-7 is not 1."""
    return x.astype(jnp.float32) if jnp.finfo(x.dtype).bits < 32 else x


def same_rank(y_true: Array, y_pred: Array) -> tuple[Array, Array]:
    """The arrays with a last axis of size one added or dropped if that makes their ranks equal.

    An array of rank one gains an axis, a higher rank loses one: [n] and [n, 1] become [n, 1], and
    [n, t] and [n, t, 1] become [n, t]. Other arrays are returned unchanged.

    Example:
      >>> [x.shape for x in same_rank(jnp.zeros(3), jnp.zeros((3, 1)))]
      [(3, 1), (3, 1)]
    """
    if y_true.ndim + 1 == y_pred.ndim and y_pred.shape[-1] == 1:
        return (y_true[:, None], y_pred) if y_true.ndim == 1 else (y_true, y_pred[..., 0])
    if y_pred.ndim + 1 == y_true.ndim and y_true.shape[-1] == 1:
        return (y_true, y_pred[:, None]) if y_pred.ndim == 1 else (y_true[..., 0], y_pred)
    return y_true, y_pred


def same_rank_shapes(y_true: Shape, y_pred: Shape) -> tuple[Shape, Shape]:
    """The shapes of two arrays after `same_rank`."""
    specs = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in (y_true, y_pred)]
    first, second = jax.eval_shape(same_rank, *specs)
    return first.shape, second.shape


def broadcastable(who: str, y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Array, Array]:
    """Both arrays in the predictions' floating dtype and of one rank, with shapes that broadcast.

    Args:
      who: the function's name, for the message.
      y_true: `[..., d]`, any dtype.
      y_pred: `[..., d]`, any dtype.

    Raises:
      ValueError: the shapes do not match.
    """
    y_pred = floats(y_pred)
    y_true, y_pred = same_rank(as_jax(y_true), y_pred)
    if y_true.ndim != y_pred.ndim or not all(
        m == n or 1 in (m, n) for m, n in zip(y_true.shape, y_pred.shape, strict=True)
    ):
        raise ValueError(_mismatch(who, y_true.shape, y_pred.shape))
    return y_true.astype(y_pred.dtype), y_pred


def equal_shapes(who: str, y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Array, Array]:
    """Like `broadcastable`, but one column of targets does not broadcast over outputs.

    Example:
      >>> [y.shape for y in equal_shapes("f", jnp.zeros(3), jnp.zeros((3, 1)))]
      [(3, 1), (3, 1)]
    """
    y_true, y_pred = broadcastable(who, y_true, y_pred)
    if y_true.shape != y_pred.shape:
        raise ValueError(_mismatch(who, y_true.shape, y_pred.shape))
    return y_true, y_pred


def _mismatch(who: str, got: Shape, outputs: Shape) -> str:
    text = f"{who}: expected `y_true` of shape {outputs} like the outputs, got shape {got}."
    if got == outputs[:-1]:
        return (
            f"{text} For one number an example, give the last layer 1 unit; for class indices use "
            'loss="sparse_categorical_crossentropy".'
        )
    if got[:1] == outputs[:1] and len(got) == len(outputs):
        units = "1 unit" if got[-1] == 1 else f"{got[-1]} units"
        return f"{text} Give the last layer {units}, or pass targets with {outputs[-1]} columns."
    return f"{text} Targets and outputs need the same axes."


def one_hot_pair(who: str, y_true: ArrayLike, y_pred: ArrayLike, axis: int) -> tuple[Array, Array]:
    """Targets with one number for each class, and predictions, in the predictions' dtype.

    Args:
      who: the function's name, for the message.
      y_true: `[..., classes]`, one-hot or probabilities, any dtype.
      y_pred: `[..., classes]`.
      axis: the axis of the classes.

    Raises:
      ValueError: the shapes differ, or there is one class only.
    """
    y_true, y_pred = as_jax(y_true), floats(y_pred)
    check_axis(who, axis, y_pred)
    if y_pred.shape[axis] == 1:
        raise ValueError(
            f"{who}: expected `y_pred` with 2 classes or more, got shape {y_pred.shape}. "
            'For one output and targets of 0 and 1 use loss="binary_crossentropy" with a sigmoid.'
        )
    if y_true.shape != y_pred.shape:
        raise ValueError(_not_one_hot(who, y_true.shape, y_pred.shape, axis))
    return y_true.astype(y_pred.dtype), y_pred


def _not_one_hot(who: str, got: Shape, outputs: Shape, axis: int) -> str:
    text = f"{who}: expected one-hot `y_true` of shape {outputs}, got shape {got}."
    classes = outputs[axis]
    if got in (outputs[:-1], (*outputs[:-1], 1)):
        return (
            f'{text} For class indices use "sparse_{who}", or pass '
            f"jkeras.utils.to_categorical(y, {classes})."
        )
    if len(got) == len(outputs) and got[:-1] == outputs[:-1]:
        return f"{text} Give the last layer {got[-1]} units, one for each class of the targets."
    return f"{text} Targets and outputs need the same axes."


def index_pair(
    who: str, y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1
) -> tuple[Array, Array]:
    """Class indices as int32, and predictions with the classes moved to the last axis.

    Args:
      who: the function's name, for the message.
      y_true: `[...]`, or with an axis of size one in the place of the classes; any dtype.
      y_pred: `[..., classes]`, the classes on `axis`.
      axis: the axis of the classes.

    Returns:
      `[...]` int32 and `[..., classes]`.

    Raises:
      ValueError: the shapes do not match.
    """
    y_true, y_pred = as_jax(y_true), floats(y_pred)
    check_axis(who, axis, y_pred)
    expected = _without(y_pred.shape, axis)
    if y_true.ndim == y_pred.ndim and y_true.shape[axis] == 1:
        y_true = jnp.squeeze(y_true, axis)
    if y_true.shape != expected:
        raise ValueError(_not_indices(who, y_true.shape, y_pred.shape, axis))
    return y_true.astype(jnp.int32), jnp.moveaxis(y_pred, axis, -1)


def _without(shape: Shape, axis: int) -> Shape:
    axis %= len(shape)
    return shape[:axis] + shape[axis + 1 :]


def _not_indices(who: str, got: Shape, outputs: Shape, axis: int) -> str:
    plain = _without(outputs, axis)
    spread = list(outputs)
    spread[axis] = 1
    shapes = f"{plain} or {tuple(spread)}"
    text = f"{who}: expected `y_true` class indices of shape {shapes}, got shape {got}."
    if got == outputs:
        dense = f'"{who.removeprefix("sparse_")}"'
        use = dense if who.endswith("accuracy") else f"loss={dense}"
        return f"{text} For one-hot targets use {use}, or pass y.argmax({axis})."
    if got == outputs[:1]:
        return (
            f"{text} The outputs have shape {outputs}: for one label an example, put Flatten or "
            "GlobalAveragePooling2D before the last layer."
        )
    return f"{text} The outputs have shape {outputs}."


def check_axis(who: str, axis: int, y_pred: Array) -> None:
    """Raises unless `axis` is an axis of `y_pred`.

    Raises:
      TypeError: `axis` is not an integer.
      ValueError: `y_pred` has no such axis.
    """
    if isinstance(axis, bool) or not isinstance(axis, int):
        raise WrongTypeError(
            f"{who}: expected `axis` to be an integer, got {axis!r} ({type(axis).__name__}). "
            "Use axis=-1."
        )
    if not -y_pred.ndim <= axis < y_pred.ndim:
        raise ValueError(
            f"{who}: expected `axis` to be an axis of `y_pred`, got axis={axis} for shape "
            f"{y_pred.shape}. Use axis=-1 for classes on the last axis."
        )

"""What a layer expects of an input: rank, shape, dtype. Checked while tracing, before it runs."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax

from jkeras.core.description import Description, option
from jkeras.core.errors import WrongTypeError, describe, value_error
from jkeras.core.fixed_values import FixedDict
from jkeras.core.trees import dtype_of

if TYPE_CHECKING:
    from typing import SupportsIndex

Shape = tuple[int | None, ...]


def _dtype(value: object) -> str | None:
    return None if value is None else str(dtype_of(value))


def shape_or_none(value: object) -> Shape | None:
    """A tuple of sizes, or None: the converter of a field."""
    if value is not None and not isinstance(value, list | tuple):
        fix = f" Write ({value},)." if isinstance(value, int) else ""
        raise WrongTypeError(f"expected a tuple of sizes, got {describe(value)}.{fix}")
    return None if value is None else tuple(value)


def _rank(value: SupportsIndex | None) -> int | None:
    return None if value is None else operator.index(value)


def _axes(value: object) -> FixedDict:
    if value is not None and not isinstance(value, Mapping):
        raise WrongTypeError(f"expected a dict from axis to size, got {describe(value)}.")
    try:
        return FixedDict({int(axis): size for axis, size in (value or {}).items()})
    except (TypeError, ValueError):
        raise WrongTypeError(
            f"expected a dict with integers as keys, got {describe(value)}."
        ) from None


class InputSpec(Description):
    """Rank, shape and dtype of an input; None stands for any.

    A layer says it as its class attribute `input_spec`: one, or a list of one for each input.

    Args:
      dtype: the dtype.
      shape: the sizes, batch axis included; None for an axis of any size. It decides `ndim`.
      ndim, max_ndim, min_ndim: the number of axes, or its bounds.
      axes: a dict from axis to size.
      allow_last_axis_squeeze: a last axis of size 1, of the input or of `shape`, may be missing on
        the other side.
      name: the key of this input, where a layer takes a dict.
      optional: whether the input may be None.

    Raises:
      TypeError: an argument of another kind.
      ValueError: `axes` names an axis beyond `ndim` or `max_ndim`.

    Example:
      >>> import jax.numpy as jnp
      >>> InputSpec(ndim=2, axes={-1: 3}).check_input("Mine", jnp.zeros((8, 4)))
      Traceback (most recent call last):
      ValueError: Mine: expected an input with size 3 on axis -1, got shape (8, 4).

    Source: `keras.layers.InputSpec`.
    """

    dtype: str | None = option(default=None, convert=_dtype)
    shape: Shape | None = option(default=None, convert=shape_or_none)
    ndim: int | None = option(default=None, convert=_rank)
    max_ndim: int | None = option(default=None, convert=_rank)
    min_ndim: int | None = option(default=None, convert=_rank)
    axes: FixedDict = option(default=None, convert=_axes)
    allow_last_axis_squeeze: bool = False
    name: str | None = None
    optional: bool = False

    def check(self) -> None:
        if self.shape is not None:
            object.__setattr__(self, "ndim", len(self.shape))
        bound = self.ndim if self.ndim is not None else self.max_ndim
        if self.axes and bound is not None and max(self.axes) >= bound:
            raise value_error(
                who="InputSpec",
                expected=f"`axes` from 0 to {bound - 1}, the axes of an input with {bound} of them",
                got=self.axes,
            )

    def check_input(self, who: str, x: Any) -> None:
        """Raises unless the input is as described.

        Args:
          who: names the layer in messages.
          x: an array, a `jax.ShapeDtypeStruct` or None.

        Raises:
          ValueError: it is not.
        """
        if x is None and self.optional:
            return
        if not hasattr(x, "shape"):
            raise value_error(who=who, expected="an array as input", got=describe(x))
        expected = self._mismatch(tuple(x.shape), str(x.dtype))
        if expected is not None:
            got = f"dtype {x.dtype}" if expected.startswith("of dtype") else f"shape {x.shape}"
            raise value_error(who=who, expected=f"an input {expected}", got=got)

    def _mismatch(self, shape: Shape, dtype: str) -> str | None:
        """The first expectation that the input does not fulfil, in words, or None."""
        rank = len(shape)
        if self.ndim is not None and not self.allow_last_axis_squeeze and rank != self.ndim:
            return f"of {_counted(self.ndim)}"
        if self.max_ndim is not None and rank > self.max_ndim:
            return f"of at most {_counted(self.max_ndim)}"
        if self.min_ndim is not None and rank < self.min_ndim:
            return f"of at least {_counted(self.min_ndim)}"
        if self.dtype is not None and dtype != self.dtype:
            return f"of dtype {self.dtype}"
        for axis, size in self.axes.items():
            if size is not None and (not -rank <= axis < rank or shape[axis] not in (size, None)):
                return f"with size {size} on axis {axis}"
        return None if self._shape_fits(shape) else f"of shape {self.shape} (None: any size)"

    def _shape_fits(self, shape: Shape) -> bool:
        expected = self.shape
        if expected is None:
            return True
        if self.allow_last_axis_squeeze:
            expected, shape = _squeezed(expected), _squeezed(shape)
        pairs = zip(expected, shape, strict=False)
        return len(expected) == len(shape) and all(
            size in (None, actual) or actual is None for size, actual in pairs
        )


def check_inputs(specs: object, who: str, inputs: tuple[Any, ...]) -> None:
    """Raises unless the inputs are as a layer's `input_spec` says.

    Args:
      specs: an InputSpec, or a tuple, list or dict of them, with None for anything; None for no
        expectations at all.
      who: names the layer in messages.
      inputs: arrays or structures of them.

    Raises:
      ValueError: another number of inputs, or one that is not as described.
    """
    if specs is None:
        return
    listed = jax.tree.leaves(specs, is_leaf=lambda spec: spec is None)
    arrays = _by_name(listed, who, inputs)
    if len(arrays) != len(listed):
        raise value_error(who=who, expected=f"{len(listed)} inputs", got=len(arrays))
    for spec, x in zip(listed, arrays, strict=True):
        if spec is not None:
            spec.check_input(who, x)


def _by_name(specs: list[Any], who: str, inputs: tuple[Any, ...]) -> list[Any]:
    """The inputs side by side: those of one dict in the order in which the specs name them."""
    names = [spec.name for spec in specs if spec is not None]
    if len(inputs) == 1 and isinstance(inputs[0], dict) and len(names) == len(specs) and all(names):
        missing = [name for name in names if name not in inputs[0]]
        if missing:
            raise value_error(
                who=who,
                expected=f"inputs {names}",
                got=f"a dict without {missing[0]!r}: {list(inputs[0])}",
            )
        return [inputs[0][name] for name in names]
    return jax.tree.leaves(inputs, is_leaf=lambda x: x is None)


def _squeezed(shape: Shape) -> Shape:
    return shape[:-1] if shape and shape[-1] == 1 else shape


def _counted(axes: int) -> str:
    return f"{axes} axis" if axes == 1 else f"{axes} axes"

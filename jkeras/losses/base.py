"""The base of losses: a subclass has the formula, `call`; weights, masks and reduction are here.

    loss.values(y_true, y_pred)                                   one value an example, [batch, ...]
    loss(y_true, y_pred, sample_weight=None, *, valid=None)       one number

Laws: `loss(...)` is `reduce_weighted(loss.values(...))`; rows with `valid` False change neither the
number nor a gradient, whatever their values; both are pure, and the same under jit, grad, vmap and
scan.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras.core.arrays import as_jax
from jkeras.core.description import Description, fields, make_mutable, option
from jkeras.core.errors import WrongTypeError
from jkeras.core.logits import with_gradient_of
from jkeras.core.naming import snake_case
from jkeras.core.tracing import shapes_only
from jkeras.core.trees import dtype_of
from jkeras.core.value_reads import naming_user_code, on_values
from jkeras.core.variables import lenient
from jkeras.losses.own_reduction import complete_own_call
from jkeras.losses.reduction import (
    aligned,
    divide_or_zero,
    reduce_weighted,
    reduction_name,
    weighted_parts,
)
from jkeras.losses.shapes import Array, floats, same_rank
from jkeras.losses.targets import Targets, check_finite, check_kind

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from jkeras.core.typing import ArraySpec


def floating_dtype(value: DTypeLike | None) -> Any:
    """The NumPy dtype of a floating dtype's name, or None for None.

    Raises:
      TypeError: unknown, or not floating.
    """
    if value is None:
        return None
    dtype = dtype_of(value)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise WrongTypeError(f'expected a floating dtype such as "float32", got {dtype.name!r}.')
    return dtype


class Loss(Description):
    """Base of losses. Subclass it, annotate the arguments, write `call`.

    Declare `reduction`, `name` or `dtype` in the subclass to have them as arguments. A user's class
    without annotations has these three, as in Keras.

    Example:
      >>> class Pinball(Loss):
      ...     quantile: float = 0.5
      ...     def call(self, y_true, y_pred):
      ...         error = y_true - y_pred
      ...         low, high = self.quantile * error, (self.quantile - 1) * error
      ...         return jnp.mean(jnp.maximum(low, high), axis=-1)
      >>> float(Pinball(0.75)(jnp.array([[2.0]]), jnp.array([[0.0]])))
      1.5
    """

    # Without annotations these are no fields: each subclass puts its arguments in Keras's order.
    reduction = cast("str | None", "sum_over_batch_size")
    name = cast("str | None", None)
    dtype = cast(Any, None)

    independent: ClassVar[bool] = False
    """Whether an example's value depends on that example alone, so that a batch may be taken in
    slices. The function itself does not show it, so each class declares it."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__mro__[1] is Loss and not cls.__module__.startswith("jkeras."):
            make_mutable(cls)
        if "__call__" in vars(cls):
            complete_own_call(cls)

    def get_config(self) -> dict[str, Any]:
        """The arguments by name; `dtype` only if it is set, as in Keras."""
        config = super().get_config()
        if self.is_mutable:
            config = {"name": self.name, "reduction": self.reduction, **config}
        return config if config.get("dtype") else {k: v for k, v in config.items() if k != "dtype"}

    def call(self, y_true: Array, y_pred: Array) -> Array:
        """One value an example. Every loss defines it.

        Args:
          y_true: targets, of the rank of `y_pred` if they differed only by a last axis of size one.
          y_pred: floating, `[batch, ...]`, rank 2 or more.
        """
        raise NotImplementedError(
            f"{type(self).__name__}: expected a method `call(self, y_true, y_pred)` that returns "
            "one value an example, [batch, ...], and the class defines none."
        )

    def mask(self, y_true: Array, values: Array) -> Array | None:
        """Which values count, bool in the shape of `values`; None for all of them."""
        del y_true, values
        return None

    def values(self, y_true: ArrayLike, y_pred: ArrayLike, *, valid: Array | None = None) -> Array:
        """The losses of the examples, neither weighted nor reduced.

        Args:
          y_true: targets, `[batch, ...]`.
          y_pred: predictions, `[batch, ...]`; `[batch]` counts as `[batch, 1]`.
          valid: bool `[batch]`, False for filler rows, for losses that compare examples.

        Returns:
          `[batch, ...]`, in `self.dtype`, or in the dtype of `y_pred` if it is None.

        Raises:
          ValueError: the shapes do not match.
        """
        return self._values_of(*self.arrays(y_true, y_pred), valid)

    def arrays(self, y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Array, Array]:
        """Targets and predictions as the formula takes them: of one rank, the latter floating."""
        y_true, y_pred = as_jax(y_true), floats(y_pred)
        if self.dtype is not None:
            y_pred = y_pred.astype(self.dtype)
        if y_pred.ndim == 1:
            y_pred = y_pred[:, None]
        return same_rank(y_true, y_pred)

    def __call__(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        valid: ArrayLike | None = None,
        mask: ArrayLike | None = None,
    ) -> Array:
        """The loss of a batch.

        Args:
          y_true: targets, `[batch, ...]`.
          y_pred: predictions, `[batch, ...]`.
          sample_weight: `[batch]`, or one weight for each value; see `reduce_weighted`.
          valid: bool `[batch]`, False for filler rows, at least one True.
          mask: bool, `[batch]`, `[batch, time]` …, the mask of the predictions: masked values count
            neither in the sum nor in the number of values.

        Returns:
          A scalar; `[batch, ...]` where `reduction` is None.
        """
        values, counted = self.counted_values(y_true, y_pred, valid)
        if mask is not None:
            mask = aligned("mask", jnp.asarray(mask).astype(bool), values)
            counted = mask if counted is None else mask & aligned("valid", counted, values)
        return reduce_weighted(values, sample_weight, self.reduction, counted)

    def parts(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        valid: ArrayLike | None = None,
    ) -> tuple[Array, Array | None]:
        """The numerator and the denominator of the loss of a batch; None for no denominator.

        For a loss that is `independent`, the parts of slices of a batch add up to those of the
        batch. Arguments as for a call.
        """
        values, counted = self.counted_values(y_true, y_pred, valid)
        return weighted_parts(values, sample_weight, self.reduction, counted)

    def counted_values(
        self, y_true: ArrayLike, y_pred: ArrayLike, valid: ArrayLike | None
    ) -> tuple[Array, Array | None]:
        """The values, and the mask of the values that count."""
        logits, of_logits = self.of_logits(y_pred)
        if of_logits is not None:
            better, _ = of_logits.counted_values(y_true, logits, valid)
        y_true, y_pred = self.arrays(y_true, y_pred)
        if valid is not None:
            valid = jnp.asarray(valid)
            y_true, y_pred = fill_rows(y_true, valid), fill_rows(y_pred, valid)
        values = self._values_of(y_true, y_pred, valid)
        if of_logits is not None:
            values = with_gradient_of(values, better.astype(values.dtype))
        mask = self.mask(y_true, values)
        if valid is None or mask is None:
            return values, mask if valid is None else valid
        return values, aligned("valid", valid, values) & mask

    def of_logits(self, y_pred: ArrayLike) -> tuple[Any, Loss | None]:
        """The logits of predictions, and the loss of logits with the values of this one; None for
        both where they are not known.
        """
        del y_pred
        return None, None

    def _values_of(self, y_true: Array, y_pred: Array, valid: Array | None) -> Array:
        if self.is_mutable:
            with lenient():
                y_true = y_true.astype(y_pred.dtype)  # as in Keras
                return batch_values(self.call, y_true, y_pred, valid, self.log_name)
        with naming_user_code(self.log_name):
            return self.call(y_true, y_pred).astype(y_pred.dtype)

    def looks_across(self, y_true: ArraySpec, y_pred: ArraySpec) -> bool:
        """Whether a user's function returns one number for a batch (arrays or specs), which may
        then not contain filler rows.
        """
        if not self.is_mutable:
            return False
        with lenient():
            return gives_one_number(self.call, *self._specs(y_true, y_pred), self.log_name)

    def _specs(self, y_true: ArraySpec, y_pred: ArraySpec) -> tuple[Any, Any]:
        """The specs of the arguments of `call`: targets in the predictions' dtype, as in Keras."""
        targets, outputs = jax.eval_shape(self.arrays, y_true, y_pred)
        return jax.ShapeDtypeStruct(targets.shape, outputs.dtype), outputs

    def check_data(self, y_true: ArrayLike, outputs: jax.ShapeDtypeStruct) -> None:
        """Raises, before training, if the targets are invalid for this loss.

        Args:
          y_true: all targets, on the host, `[examples, ...]`.
          outputs: shape and dtype of the predictions; the size of the batch is ignored.

        Raises:
          TypeError: the targets are not numbers.
          ValueError: the shape or the values of the targets do not fit this loss.
        """
        y_true = np.asarray(y_true)
        check_kind(self.log_name, y_true)
        rows = jax.ShapeDtypeStruct((len(y_true), *outputs.shape[1:]), outputs.dtype)
        with shapes_only():
            jax.eval_shape(
                self.values, jax.ShapeDtypeStruct(y_true.shape, dtype_of(y_true.dtype)), rows
            )
        self.check_values(y_true, outputs)

    def check_values(self, y_true: Targets, outputs: jax.ShapeDtypeStruct) -> None:
        """The part of `check_data` that reads values; by default they must be finite."""
        del outputs
        check_finite(self.log_name, y_true)

    @property
    def log_name(self) -> str:
        """The name of this loss in logs and messages."""
        return self.name or snake_case(type(self).__name__)


fields(Loss)  # completes the class; then its `__init__` is that of mutable classes


def _init_mutable(
    self: Loss,
    name: str | None = None,
    reduction: str | None = "sum_over_batch_size",
    dtype: DTypeLike | None = None,
) -> None:
    """The `__init__` that a subclass calls by `super().__init__(...)`."""
    attributes = vars(self)
    attributes["name"] = name or snake_case(type(self).__name__)
    attributes["reduction"] = reduction_name(reduction)
    attributes["dtype"] = floating_dtype(dtype)


setattr(Loss, "__init__", _init_mutable)  # noqa: B010  # mypy: a method


def fill_rows(x: Array, valid: Array) -> Array:
    """`x` with its filler rows replaced by a copy of the first real one.

    A real row is valid in any formula, while a constant could be the zero of a logarithm; no
    gradient flows through the copies.

    Args:
      x: `[batch, ...]`.
      valid: bool `[batch]`.

    Example:
      >>> fill_rows(jnp.array([1.0, 2.0, jnp.nan]), jnp.array([True, True, False])).tolist()
      [1.0, 2.0, 1.0]
    """
    real = jax.lax.stop_gradient(x[jnp.argmax(valid)])
    return jnp.where(valid.reshape(valid.shape + (1,) * (x.ndim - 1)), x, real[None])


def function_name(fn: Callable[..., Any]) -> str:
    """The name in the logs of a function: its own in snake case, or that of its class."""
    return snake_case(getattr(fn, "__name__", type(fn).__name__))


def check_field(description: Description, name: str, holds: bool, expected: str) -> None:
    """Raises unless a condition on a field holds.

    Args:
      description: a loss or a metric.
      name: the name of the field, whose default is Keras's.
      holds: the condition.
      expected: the condition in words: "> 0".

    Raises:
      ValueError: the condition does not hold.
    """
    if not holds:
        raise ValueError(
            f"{type(description).__name__}: expected `{name}` {expected}, got "
            f"{getattr(description, name)!r}. Keras uses "
            f"{name}={getattr(type(description), name)!r}."
        )


def options_of(description: Description, fn: Callable[..., Any]) -> dict[str, Any]:
    """The options of a function `(y_true, y_pred, **options)` that a description has as fields."""
    return {name: getattr(description, name) for name in _options(fn) if hasattr(description, name)}


@cache
def _options(fn: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(fn).parameters)[2:]


def batch_values(
    fn: Callable[[Any, Any], Any], y_true: Array, y_pred: Array, weight: ArrayLike | None, who: str
) -> Array:
    """The values `fn` gives, with a row for every example.

    A function may return one number for a whole batch, which is then repeated in every row. If the
    weights are not all one (in a padded last batch some are zero), the weighted mean of the numbers
    of the single rows is used instead: equal for a mean over examples, and an approximation for any
    other function. A trainer checks `gives_one_number` first, and never pads such a batch.

    Args:
      fn: a function of `(y_true, y_pred)` that returns `[batch, ...]` or a scalar.
      y_true: `[batch, ...]`.
      y_pred: `[batch, ...]`.
      weight: `[batch]`, bool or a number each; None for ones.
      who: the name in the message.

    Raises:
      ValueError: the values have no row for every example.
    """
    with naming_user_code(who):
        values, rows = floats(on_values(fn, y_true, y_pred)), y_pred.shape[:1]
    if values.ndim and values.shape[:1] == rows:
        return values
    if values.ndim:
        raise ValueError(
            f"{who}: expected the function to return one value an example, shape {rows}, or one "
            f"number, got shape {values.shape}. Take the mean over every axis but the first."
        )
    if weight is not None:
        weight = aligned("weight", floats(weight), y_pred.reshape(*rows, -1)[:, 0])
        weight = jnp.broadcast_to(weight, rows).astype(values.dtype)

        def mean_of_rows() -> Array:
            each = jax.vmap(lambda *row: floats(fn(*(part[None] for part in row))))(y_true, y_pred)
            # Rows of weight zero may give NaN.
            return divide_or_zero(jnp.sum(jnp.where(weight == 0, 0, weight * each)), weight.sum())

        values = jax.lax.cond(jnp.all(weight == 1), lambda: values, mean_of_rows)
    return jnp.broadcast_to(values, rows)


def gives_one_number(
    fn: Callable[[Any, Any], Any], y_true: ArraySpec, y_pred: ArraySpec, who: str = ""
) -> bool:
    """Whether `fn` returns one number for a batch of these specs, instead of one for each row.

    Example:
      >>> y = jax.ShapeDtypeStruct((4, 2), jnp.float32)
      >>> gives_one_number(lambda t, p: jnp.max(p - t), y, y)
      True
    """
    with naming_user_code(who), shapes_only():
        found = jax.eval_shape(lambda *batch: floats(on_values(fn, *batch)), y_true, y_pred)
    return found.ndim == 0


class LossFunction(Loss):
    """A function `(y_true, y_pred)` as a loss; `y_true` is cast to the dtype of `y_pred`.

    The function returns one value for each example, or one number for the batch; see `batch_values`
    for one number in a padded batch.

    Args:
      fn: the function.
      reduction: how values become a number; see `jkeras.losses.reduce_weighted`.
      name: how logs call it; the function's name when left out.
      dtype: the dtype to compute in; the predictions' when left out.

    Example:
      >>> loss = LossFunction(lambda y_true, y_pred: jnp.abs(y_true - y_pred)[:, 0])
      >>> loss.log_name, float(loss(jnp.array([1, 2]), jnp.array([[1.0], [4.0]])))
      ('lambda', 1.0)
    """

    fn: Callable[[Any, Any], Any]
    reduction: str | None = option(default="sum_over_batch_size", convert=reduction_name)
    name: str | None = None
    dtype: Any = option(default=None, convert=floating_dtype)

    def call(self, y_true: Array, y_pred: Array) -> Array:
        """`[batch, ...]`: the return value of the function; one number is repeated in every row."""
        return self._values_of(y_true, y_pred, None)

    def _values_of(self, y_true: Array, y_pred: Array, valid: Array | None) -> Array:
        return batch_values(self.fn, y_true.astype(y_pred.dtype), y_pred, valid, self.log_name)

    def looks_across(self, y_true: ArraySpec, y_pred: ArraySpec) -> bool:
        """Whether the function returns one number for a batch."""
        return gives_one_number(self.fn, *self._specs(y_true, y_pred), self.log_name)

    def check_values(self, y_true: Targets, outputs: jax.ShapeDtypeStruct) -> None:
        """No check: a user's function may accept any values."""

    @property
    def log_name(self) -> str:
        """The field `name`, else the function's in snake case."""
        return self.name or function_name(self.fn)

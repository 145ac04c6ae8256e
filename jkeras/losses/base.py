"""What a loss is: a description with one formula, `call`, and everything around it done once, here.

    loss.values(y_true, y_pred)                                   one value an example, [batch, ...]
    loss(y_true, y_pred, sample_weight=None, *, valid=None)       one number

Laws: `loss(...)` is `reduce_weighted(loss.values(...))`; rows with `valid` False change neither the
number nor a gradient, whatever they hold; both are pure, and the same under jit, grad, vmap and
scan.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras.core.description import Description, fields, make_mutable, option
from jkeras.core.naming import snake_case
from jkeras.core.trees import dtype_of
from jkeras.core.variables import lenient
from jkeras.losses.reduction import (
    divide_or_zero,
    lined_up,
    reduce_weighted,
    reduction_name,
    weighted_parts,
)
from jkeras.losses.shapes import floats, same_rank
from jkeras.losses.targets import Targets, check_finite, check_kind

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from jkeras.core.typing import ArraySpec

Array = jax.Array


def floating_dtype(value: DTypeLike | None) -> Any:
    """The NumPy dtype of a floating dtype's name, or None for None.

    Raises:
      TypeError: unknown, or not floating.
    """
    if value is None:
        return None
    dtype = dtype_of(value)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(f'expected a floating dtype such as "float32", got {dtype.name!r}.')
    return dtype


class Loss(Description):
    """Base of losses. Subclass it, annotate the arguments, write `call`.

    Declare `reduction`, `name` or `dtype` in the subclass to have them as arguments. A class of
    yours without annotations has these three, as in Keras.

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
    slices. A subclass says so; nobody can see it from outside."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__mro__[1] is Loss and not cls.__module__.startswith("jkeras."):
            make_mutable(cls)

    def get_config(self) -> dict[str, Any]:
        """The arguments by name, `dtype` only where it is set, as Keras has none there."""
        config = super().get_config()
        if self.is_mutable:
            config = {"name": self.name, "reduction": self.reduction, **config}
        return config if config.get("dtype") else {k: v for k, v in config.items() if k != "dtype"}

    def call(self, y_true: Array, y_pred: Array) -> Array:
        """One value an example. Every loss defines it.

        Args:
          y_true: targets, of the rank of `y_pred` where a last axis of size one was all that
            differed.
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
          valid: bool `[batch]`, False for filler rows: for losses that look across the batch.

        Returns:
          `[batch, ...]`, in `self.dtype`, or the dtype of `y_pred` without one.

        Raises:
          ValueError: the shapes do not match.
        """
        return self._values_of(*self._arrays(y_true, y_pred), valid)

    def _arrays(self, y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Array, Array]:
        y_true, y_pred = jnp.asarray(y_true), floats(y_pred)
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
          mask: bool, `[batch]`, `[batch, time]` …, the mask of the predictions: what it leaves out
            counts neither in the sum nor in the number of values.

        Returns:
          A scalar; `[batch, ...]` where `reduction` is None.
        """
        values, counted = self._counted(y_true, y_pred, valid)
        if mask is not None:
            mask = lined_up("mask", jnp.asarray(mask).astype(bool), values)
            counted = mask if counted is None else mask & lined_up("valid", counted, values)
        return reduce_weighted(values, sample_weight, self.reduction, counted)

    def parts(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        valid: ArrayLike | None = None,
    ) -> tuple[Array, Array | None]:
        """The loss of a batch before the division: what is divided, and by what; None for nothing.

        For a loss that is `independent`, those of a batch's slices add up to those of the batch.
        Arguments as for a call.
        """
        values, counted = self._counted(y_true, y_pred, valid)
        return weighted_parts(values, sample_weight, self.reduction, counted)

    def _counted(
        self, y_true: ArrayLike, y_pred: ArrayLike, valid: ArrayLike | None
    ) -> tuple[Array, Array | None]:
        """The values, and which of them count."""
        y_true, y_pred = self._arrays(y_true, y_pred)
        if valid is not None:
            valid = jnp.asarray(valid)
            y_true, y_pred = fill_rows(y_true, valid), fill_rows(y_pred, valid)
        values = self._values_of(y_true, y_pred, valid)
        return values, _both(valid, self.mask(y_true, values), values)

    def _values_of(self, y_true: Array, y_pred: Array, valid: Array | None) -> Array:
        if self.is_mutable:
            with lenient():
                y_true = y_true.astype(y_pred.dtype)  # as in Keras
                return batch_values(self.call, y_true, y_pred, valid, self.who)
        return self.call(y_true, y_pred).astype(y_pred.dtype)

    def looks_across(self, y_true: ArraySpec, y_pred: ArraySpec) -> bool:
        """Whether the user's own function gives one number for such a batch, arrays or specs: no
        filler rows may be among them then.
        """
        if not self.is_mutable:
            return False
        with lenient():
            return gives_one_number(self.call, *self._specs(y_true, y_pred))

    def _specs(self, y_true: ArraySpec, y_pred: ArraySpec) -> tuple[Any, Any]:
        """What `call` gets of such a batch: targets in the predictions' dtype, as in Keras."""
        targets, outputs = jax.eval_shape(self._arrays, y_true, y_pred)
        return jax.ShapeDtypeStruct(targets.shape, outputs.dtype), outputs

    def check_data(self, y_true: ArrayLike, outputs: jax.ShapeDtypeStruct) -> None:
        """Raises before training what training would turn into NaN or nonsense.

        Args:
          y_true: all targets, on the host, `[examples, ...]`.
          outputs: shape and dtype of the predictions; the size of the batch is ignored.

        Raises:
          TypeError: the targets are no numbers.
          ValueError: their shape or values do not go with this loss.
        """
        y_true = np.asarray(y_true)
        check_kind(self.log_name, y_true)
        rows = jax.ShapeDtypeStruct((len(y_true), *outputs.shape[1:]), outputs.dtype)
        jax.eval_shape(
            self.values, jax.ShapeDtypeStruct(y_true.shape, dtype_of(y_true.dtype)), rows
        )
        self.check_values(y_true, outputs)

    def check_values(self, y_true: Targets, outputs: jax.ShapeDtypeStruct) -> None:
        """The part of `check_data` that reads values: finite numbers, unless a subclass says
        more.
        """
        del outputs
        check_finite(self.log_name, y_true)

    @property
    def log_name(self) -> str:
        """How logs and messages call this loss."""
        return self.name or snake_case(type(self).__name__)


fields(Loss)  # completes the class; then its `__init__` is that of mutable classes


def _begin(
    self: Loss,
    name: str | None = None,
    reduction: str | None = "sum_over_batch_size",
    dtype: DTypeLike | None = None,
) -> None:
    """What `super().__init__(...)` does in a class with an `__init__` of its own."""
    own = vars(self)
    own["name"] = name or snake_case(type(self).__name__)
    own["reduction"] = reduction_name(reduction)
    own["dtype"] = floating_dtype(dtype)


setattr(Loss, "__init__", _begin)  # noqa: B010  # mypy: a method


def fill_rows(x: Array, valid: Array) -> Array:
    """`x` with its filler rows replaced by a copy of the first real one.

    A real row is safe in any formula, where a constant could be a logarithm's zero; gradients stop
    there.

    Args:
      x: `[batch, ...]`.
      valid: bool `[batch]`.

    Example:
      >>> fill_rows(jnp.array([1.0, 2.0, jnp.nan]), jnp.array([True, True, False])).tolist()
      [1.0, 2.0, 1.0]
    """
    real = jax.lax.stop_gradient(x[jnp.argmax(valid)])
    return jnp.where(valid.reshape(valid.shape + (1,) * (x.ndim - 1)), x, real[None])


def _both(valid: Array | None, mask: Array | None, values: Array) -> Array | None:
    if valid is None or mask is None:
        return mask if valid is None else valid
    return lined_up("valid", valid, values) & mask


def batch_values(
    fn: Callable[[Any, Any], Any], y_true: Array, y_pred: Array, weight: ArrayLike | None, who: str
) -> Array:
    """The values `fn` gives, with a row for every example.

    A function may return one number for a whole batch; it then stands in every row. In a batch
    whose weights are not all one (the last, padded one has zeros) the weighted mean of the numbers
    of the single rows takes its place: the same for a mean over examples, and for anything else the
    nearest there is. A trainer asks `gives_one_number` first, and pads no such batch.

    Args:
      fn: `(y_true, y_pred)` to `[batch, ...]` or a scalar.
      y_true: `[batch, ...]`.
      y_pred: `[batch, ...]`.
      weight: `[batch]`, bool or a number each; None for ones.
      who: named in the message.

    Raises:
      ValueError: the values have no row for every example.
    """
    values, rows = floats(fn(y_true, y_pred)), y_pred.shape[:1]
    if values.ndim and values.shape[:1] == rows:
        return values
    if values.ndim:
        raise ValueError(
            f"{who}: expected the function to return one value an example, shape {rows}, or one "
            f"number, got shape {values.shape}. Take the mean over every axis but the first."
        )
    if weight is not None:
        weight = lined_up("weight", floats(weight), y_pred.reshape(*rows, -1)[:, 0])
        weight = jnp.broadcast_to(weight, rows).astype(values.dtype)
        row_mean = partial(_mean_of_rows, fn, y_true, y_pred, weight)
        values = jax.lax.cond(jnp.all(weight == 1), lambda: values, row_mean)
    return jnp.broadcast_to(values, rows)


def gives_one_number(fn: Callable[[Any, Any], Any], y_true: ArraySpec, y_pred: ArraySpec) -> bool:
    """Whether `fn` gives one number for a batch of these specs, instead of one a row.

    Example:
      >>> y = jax.ShapeDtypeStruct((4, 2), jnp.float32)
      >>> gives_one_number(lambda t, p: jnp.max(p - t), y, y)
      True
    """
    return jax.eval_shape(lambda *batch: floats(fn(*batch)), y_true, y_pred).ndim == 0


def _mean_of_rows(
    fn: Callable[[Any, Any], Any], y_true: Array, y_pred: Array, weight: Array
) -> Array:
    """The weighted mean of `fn` of each row by itself; rows of weight zero may give NaN."""
    values = jax.vmap(lambda target, output: floats(fn(target[None], output[None])))(y_true, y_pred)
    total = jnp.sum(jnp.where(weight == 0, 0, weight * values))
    return divide_or_zero(total, jnp.sum(weight))


class LossFunction(Loss):
    """A plain function `(y_true, y_pred)` as a loss; `y_true` arrives in the dtype of `y_pred`.

    The function returns one value an example, or one number for the batch; see `batch_values` for
    what the last, padded batch makes of a number.

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
        """`[batch, ...]`: what the function returns, with a number spread over the rows."""
        return self._values_of(y_true, y_pred, None)

    def _values_of(self, y_true: Array, y_pred: Array, valid: Array | None) -> Array:
        return batch_values(self.fn, y_true.astype(y_pred.dtype), y_pred, valid, self.who)

    def looks_across(self, y_true: ArraySpec, y_pred: ArraySpec) -> bool:
        """Whether the function gives one number for such a batch."""
        return gives_one_number(self.fn, *self._specs(y_true, y_pred))

    def check_values(self, y_true: Targets, outputs: jax.ShapeDtypeStruct) -> None:
        """Nothing: what a user's function takes is the user's to say."""

    @property
    def log_name(self) -> str:
        """The given name, else the function's in snake case."""
        return self.name or snake_case(getattr(self.fn, "__name__", type(self.fn).__name__))

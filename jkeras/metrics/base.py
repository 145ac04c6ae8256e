"""The base of metrics: sums that start at zero, grow with every batch, and end as a number.

    sums = metric.init()
    sums = metric.update(sums, y_true, y_pred, weight=None)
    result = metric.compute(sums)

Laws: `merge(a, b)` is what one update after the other gives, so it is associative and works across
devices; rows of weight zero change nothing, whatever they hold; all four are pure, and the same
under jit, vmap and scan. Sums are float32 for every dtype of the predictions.

Some sums have one entry for each class. `init` does not know the number of classes, and returns
arrays of size one, which broadcast. The carry of a loop starts with `init_for(y_true, y_pred)`.

Keras's stateful methods (`update_state`, `result`, `reset_state`) work on sums that the object
holds; `stateful_metric.py` has the functions behind them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras.core.description import Description, fields, make_mutable, option
from jkeras.core.naming import snake_case
from jkeras.core.variables import Variable
from jkeras.losses.base import (
    Loss,
    batch_values,
    fill_rows,
    floating_dtype,
    gives_one_number,
)
from jkeras.losses.reduction import divide_or_zero, lined_up
from jkeras.losses.shapes import floats, same_rank
from jkeras.metrics.stateful_metric import (
    object_sums,
    object_variables,
    reset_object_sums,
    set_object_sums,
    without_object_sums,
)
from jkeras.metrics.subclassed_metric import add_variable, define_pure_methods

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from jkeras.core.typing import ArraySpec, Identifier

Array = jax.Array
Sums = dict[str, Array]


class Metric(Description):
    """Base of metrics. Subclass it, annotate the arguments, write `init`, `update` and `compute`.

    Declare `name` or `dtype` in the subclass to have them as arguments.

    Example:
      >>> class Largest(Metric):
      ...     def init(self):
      ...         return {"largest": jnp.array(-jnp.inf)}
      ...     def update(self, sums, y_true, y_pred, weight=None):
      ...         return self.merge(sums, {"largest": jnp.max(y_pred)})
      ...     def merge(self, a, b):
      ...         return jax.tree.map(jnp.maximum, a, b)
      ...     def compute(self, sums):
      ...         return sums["largest"]
      >>> metric = Largest()
      >>> float(metric.compute(metric.update(metric.init(), None, jnp.array([1.0, 3.0]))))
      3.0
    """

    # Without annotations these are no fields: each subclass puts its arguments in Keras's order.
    name = cast("str | None", None)
    dtype = cast(Any, None)

    in_order: ClassVar[bool] = False
    """Whether batches have to be looked at one after the other: for classes in Keras's way."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = vars(cls)
        if ("update_state" in own or "result" in own) and "update" not in own:
            if cls.__module__ not in _OURS:
                define_pure_methods(cls, Metric)
                if cls.__mro__[1] is Metric:
                    make_mutable(cls)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The metric with these arguments, written by `get_config` here or in Keras."""
        if isinstance(config, Mapping) and config.get("dtype") == "int32":
            # How Keras keeps the counts of its IoU metrics; sums are float32 here.
            config = {**config, "dtype": None}
        return super().from_config(config)

    def init(self) -> Sums:
        """The sums of no example: float32 arrays."""
        raise NotImplementedError(_missing(self, "init(self)", "the sums of no example"))

    def init_for(self, *batch: Any) -> Sums:
        """The sums of no example in the shapes that `update` keeps for such batches.

        Args:
          *batch: what `update` takes after the sums, as arrays or `jax.ShapeDtypeStruct`s.

        Example:
          >>> import jkeras
          >>> score = jkeras.metrics.F1Score()
          >>> y = jax.ShapeDtypeStruct((32, 10), jnp.float32)
          >>> score.init()["true_positives"].shape, score.init_for(y, y)["true_positives"].shape
          ((1,), (10,))
        """
        sums = self.init()
        return jax.tree.map(_spread, sums, jax.eval_shape(self.update, sums, *batch))

    def update(
        self, sums: Sums, y_true: ArrayLike, y_pred: ArrayLike, weight: ArrayLike | None = None
    ) -> Sums:
        """The sums with one more batch in them.

        Args:
          sums: what `init` or an earlier `update` gave.
          y_true: targets, `[batch, ...]`.
          y_pred: predictions, `[batch, ...]`.
          weight: `[batch]`, or one for each value; zero for filler rows. Ones when left out.
        """
        raise NotImplementedError(
            _missing(self, "update(self, sums, y_true, y_pred, weight=None)", "the new sums")
        )

    def looks_across(self, y_true: ArraySpec, y_pred: ArraySpec) -> bool:
        """Whether a user's function returns one number for a batch (arrays or specs) instead of one
        number a row; such a batch may not contain filler rows.
        """
        del y_true, y_pred
        return False

    def merge(self, a: Sums, b: Sums) -> Sums:
        """The sums of two disjoint sets of examples together: a + b, unless overridden."""
        return jax.tree.map(jnp.add, a, b)

    def compute(self, sums: Sums) -> Array:
        """The metric's value for these sums: a scalar."""
        raise NotImplementedError(_missing(self, "compute(self, sums)", "the value"))

    @property
    def log_name(self) -> str:
        """How logs call this metric, before names that occur twice get a number."""
        return self.name or snake_case(type(self).__name__)

    def update_state(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        """Adds a batch to the sums this object keeps; arguments as for `update`.

        Raises:
          TypeError: called while tracing.
        """
        set_object_sums(self, self.update(object_sums(self), y_true, y_pred, sample_weight))

    def result(self) -> Array:
        """The metric's value over the batches of `update_state` since the last `reset_state`."""
        return self.compute(object_sums(self))

    def reset_state(self) -> None:
        """Removes the sums of `update_state`."""
        reset_object_sums(self)

    @property
    def variables(self) -> list[Any]:
        """The sums of this object, as variables that can be assigned: `variables[0].assign(0)`."""
        return object_variables(self)

    def add_variable(
        self,
        shape: int | Sequence[int] = (),
        initializer: Identifier = None,
        dtype: DTypeLike | None = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """A variable for a subclassed metric; see `jkeras.metrics.subclassed_metric`.

        Args:
          shape: the sizes of the axes of the variable.
          initializer: zeros when left out.
          dtype: float32 when left out.
          aggregation: part of the signature of Keras; it changes nothing.
          name: the key of the variable in the sums.
        """
        del aggregation
        return add_variable(self, shape, initializer, dtype, name)

    def add_weight(
        self,
        shape: int | Sequence[int] = (),
        initializer: Identifier = None,
        dtype: DTypeLike | None = None,
        name: str | None = None,
    ) -> Variable:
        """Another name of `add_variable`, as in Keras."""
        return add_variable(self, shape, initializer, dtype, name)

    # -- the same as pure functions of flat lists, in Keras's words

    def stateless_update_state(
        self, metric_variables: Sequence[ArrayLike], *batch: Any, **named: Any
    ) -> list[Any]:
        """The new variables after a batch.

        Args:
          metric_variables: arrays, as many as `variables`.
          *batch: what `update_state` takes.
          **named: arguments of `update_state` by name.
        """
        sums = self.sums_of_variables(metric_variables)
        weight = named.pop("sample_weight", None)
        batch = batch if weight is None else (*batch, weight)
        return jax.tree.leaves(self.update(sums, *batch, **named))

    def stateless_result(self, metric_variables: Sequence[ArrayLike]) -> Any:
        """The value for these variables."""
        return self.compute(self.sums_of_variables(metric_variables))

    def stateless_reset_state(self) -> list[Any]:
        """The variables of no example."""
        return jax.tree.leaves(self.init())

    def sums_of_variables(self, variables: Sequence[ArrayLike]) -> Sums:
        """The sums whose leaves are these arrays, in the order of `variables`."""
        tree: Any = jax.tree.structure(self.init())
        if len(variables) != tree.num_leaves:
            raise ValueError(
                f"{self.who}: `metric_variables`: expected {tree.num_leaves} arrays, as "
                f"`variables` lists, got {len(variables)}."
            )
        return tree.unflatten(map(jnp.asarray, variables))

    def __call__(self, *batch: Any, **named: Any) -> Array:
        """`update_state`, then `result`."""
        self.update_state(*batch, **named)
        return self.result()

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone: copies and pickles of a metric start without sums."""
        return without_object_sums(vars(self))

    def _in_dtype(self, value: Array) -> Array:
        return value if self.dtype is None else value.astype(self.dtype)


_OURS = ("jkeras.metrics.reduction", "jkeras.metrics.base")
"""Where `update_state` is ours, with other names for its arguments."""

fields(Metric)  # completes the class; then its `__init__` is that of mutable classes


def _begin(self: Metric, dtype: DTypeLike | None = None, name: str | None = None) -> None:
    """The `__init__` that a subclass calls by `super().__init__(...)`."""
    own = vars(self)
    own["name"] = name or snake_case(type(self).__name__)
    own["dtype"] = floating_dtype(dtype)


setattr(Metric, "__init__", _begin)  # noqa: B010  # mypy: a method


def _spread(zero: Array, kept: jax.ShapeDtypeStruct) -> Array:
    return jnp.broadcast_to(zero, kept.shape)


def _missing(metric: Metric, method: str, gives: str) -> str:
    return (
        f"{type(metric).__name__}: expected a method `{method}` that returns {gives}, and the "
        "class "
        "defines none."
    )


class MeanMetric(Metric):
    """Base of metrics that are a weighted mean of `values`: Σ w·v over Σ w.

    Example:
      >>> class Bias(MeanMetric):
      ...     def values(self, y_true, y_pred):
      ...         return y_pred - y_true
      >>> bias = Bias()
      >>> sums = bias.update(bias.init(), jnp.zeros((2, 1)), jnp.array([[1.0], [3.0]]))
      >>> float(bias.compute(sums))
      2.0
    """

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """One value an example, or more: `[batch, ...]`. Every mean defines it."""
        raise NotImplementedError(
            _missing(self, "values(self, y_true, y_pred)", "one value an example")
        )

    def counted(self, y_true: Array, values: Array) -> Array | None:
        """Which values count, bool in the shape of `values`; None for all of them."""
        del y_true, values
        return None

    def init(self) -> Sums:
        """Zero weighted values, zero weights."""
        return {"total": jnp.zeros((), jnp.float32), "count": jnp.zeros((), jnp.float32)}

    def update(
        self, sums: Sums, y_true: ArrayLike, y_pred: ArrayLike, weight: ArrayLike | None = None
    ) -> Sums:
        """Adds a batch; arguments as for `Metric.update`."""
        y_true, y_pred = arrays(y_true, y_pred)
        values = self._values_of(y_true, y_pred, weight)
        return self.merge(sums, weighted_sums(values, weight, self.counted(y_true, values)))

    def _values_of(self, y_true: Array, y_pred: Array, weight: ArrayLike | None) -> Array:
        del weight
        return self.values(y_true, y_pred)

    def compute(self, sums: Sums) -> Array:
        """The weighted mean; 0 before the first example."""
        return self._in_dtype(divide_or_zero(sums["total"], sums["count"]))


def arrays(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Array, Array]:
    """Targets and predictions as arrays of one rank, if a last axis of size one is the difference.

    Predictions become floats, and `[batch]` becomes `[batch, 1]`.
    """
    y_pred = floats(y_pred)
    return same_rank(jnp.asarray(y_true), y_pred[:, None] if y_pred.ndim == 1 else y_pred)


def weighted_sums(
    values: Array, weight: ArrayLike | None = None, counted: Array | None = None
) -> Sums:
    """Σ w·v and Σ w over examples, each the mean over the example's own axes.

    Args:
      values: `[batch, ...]`.
      weight: `[batch]`, `[batch, time]` …, or a number; ones when left out.
      counted: bool in the shape of `values`; False is weight zero.

    Returns:
      `total` and `count`, float32 scalars. A value of weight zero may be NaN.

    Example:
      >>> sums = weighted_sums(jnp.array([1.0, jnp.nan]), jnp.array([2.0, 0.0]))
      >>> float(sums["total"]), float(sums["count"])
      (2.0, 2.0)
    """
    values = values.astype(jnp.float32)
    weight = jnp.ones((), jnp.float32) if weight is None else floats(weight).astype(jnp.float32)
    weight = jnp.broadcast_to(lined_up("weight", weight, values), values.shape)
    if counted is not None:
        weight = jnp.where(counted, weight, 0)
    size = values.size // max(values.shape[0], 1)
    total = jnp.sum(jnp.where(weight == 0, 0, weight * values)) / size
    return {"total": total, "count": jnp.sum(weight) / size}


class FunctionMetric(MeanMetric):
    """The mean of what a plain function `(y_true, y_pred)` returns, as a metric.

    The function returns one value an example, or one number for the batch, which counts once for
    each example; `jkeras.losses.base.batch_values` says what becomes of it in a padded batch.
    Targets that are floating arrive in the dtype of the predictions, others as they are.

    Args:
      fn: the function.
      name: how logs call it; the function's name when left out.
      dtype: the dtype of the result; float32 when left out.

    Example:
      >>> def bias(y_true, y_pred):
      ...     return jnp.mean(y_pred - y_true, axis=-1)
      >>> FunctionMetric(bias).log_name
      'bias'
    """

    fn: Callable[[Any, Any], Any]
    name: str | None = None
    dtype: Any = option(default=None, convert=floating_dtype)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """`[batch, ...]`: what the function returns, with a number spread over the rows."""
        return self._values_of(y_true, y_pred, None)

    def looks_across(self, y_true: ArraySpec, y_pred: ArraySpec) -> bool:
        """Whether the function returns one number for a batch (arrays or specs)."""
        return gives_one_number(self._returned, *jax.eval_shape(arrays, y_true, y_pred))

    def _returned(self, y_true: Array, y_pred: Array) -> Any:
        """What the function returns for these targets in the dtype that they arrive in."""
        floating = jnp.issubdtype(y_true.dtype, jnp.floating)
        return self.fn(y_true.astype(y_pred.dtype) if floating else y_true, y_pred)

    def _values_of(self, y_true: Array, y_pred: Array, weight: ArrayLike | None) -> Array:
        return batch_values(self._returned, y_true, y_pred, weight, self.who)

    @property
    def log_name(self) -> str:
        """The given name, else the function's in snake case."""
        return self.name or snake_case(getattr(self.fn, "__name__", type(self.fn).__name__))


class LossMetric(MeanMetric):
    """The mean of a loss's values as a metric; its reduction plays no part.

    Args:
      loss: a `jkeras.losses.Loss`.
      name: how logs call it; the loss's name when left out.
      dtype: the dtype of the result; float32 when left out.
    """

    loss: Loss
    name: str | None = None
    dtype: Any = option(default=None, convert=floating_dtype)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """The loss's values, `[batch, ...]`."""
        return self.loss.values(y_true, y_pred)

    def _values_of(self, y_true: Array, y_pred: Array, weight: ArrayLike | None) -> Array:
        """The values of the loss; rows of weight zero are left out of comparisons of examples."""
        if weight is None or np.ndim(weight) == 0:
            return self.values(y_true, y_pred)
        rows = floats(weight).reshape(len(y_pred), -1)
        valid = jnp.any(rows != 0, axis=1)
        y_true, y_pred = fill_rows(y_true, valid), fill_rows(y_pred, valid)
        return self.loss.values(y_true, y_pred, valid=valid)

    def looks_across(self, y_true: ArraySpec, y_pred: ArraySpec) -> bool:
        """`looks_across` of the loss."""
        return self.loss.looks_across(y_true, y_pred)

    def counted(self, y_true: Array, values: Array) -> Array | None:
        """The mask of the loss: which values count."""
        return self.loss.mask(y_true, values)

    @property
    def log_name(self) -> str:
        """The given name, else the name of the loss."""
        return self.name or self.loss.log_name

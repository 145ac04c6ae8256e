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

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jkeras.core.description import Description, fields, make_mutable
from jkeras.core.naming import snake_case
from jkeras.core.pickling import packed
from jkeras.core.tracing import shapes_only
from jkeras.core.variables import Variable, name_first
from jkeras.losses.base import (
    floating_dtype,
)
from jkeras.losses.shapes import Array
from jkeras.metrics.stateful_metric import (
    object_sums,
    object_variables,
    reset_object_sums,
    set_object_sums,
    without_object_sums,
)
from jkeras.metrics.subclassed_metric import add_variable, added_variables, define_pure_methods

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from jkeras.core.typing import ArraySpec, Identifier

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
    """Whether batches must be processed one after the other: True for subclassed metrics."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        methods = vars(cls)
        if ("update_state" in methods or "result" in methods) and "update" not in methods:
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
        raise missing_method(self, "init(self)", "the sums of no example")

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
        with shapes_only():
            return jax.tree.map(_spread, sums, jax.eval_shape(self.update, sums, *batch))

    def update(
        self, sums: Sums, y_true: ArrayLike, y_pred: ArrayLike, weight: ArrayLike | None = None
    ) -> Sums:
        """The sums with one more batch in them.

        Args:
          sums: the result of `init` or of an earlier `update`.
          y_true: targets, `[batch, ...]`.
          y_pred: predictions, `[batch, ...]`.
          weight: `[batch]`, or one for each value; zero for filler rows. Ones when left out.
        """
        raise missing_method(
            self, "update(self, sums, y_true, y_pred, weight=None)", "the new sums"
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
        raise missing_method(self, "compute(self, sums)", "the value")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.name is None:
            object.__setattr__(self, "name", self.default_name)

    def default_of(self, field: dataclasses.Field[Any]) -> Any:
        """The value of a field that was left out; of `name`, `default_name`."""
        is_unnamed = field.name == "name" and field.default is None
        return self.default_name if is_unnamed else super().default_of(field)

    @property
    def who(self) -> str:
        """How messages name this metric: with its name if the user chose one."""
        is_field = type(self).name is None and not self.is_mutable
        is_unnamed = is_field and self.name == self.default_name
        return type(self).__name__ if is_unnamed else super().who

    @property
    def default_name(self) -> str:
        """The name of a metric without `name`: that of the class in snake case."""
        return snake_case(type(self).__name__)

    @property
    def log_name(self) -> str:
        """How logs call this metric, before names that occur twice get a number."""
        return self.name or self.default_name

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

    @name_first
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

    @name_first
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
        return packed(without_object_sums(vars(self)))

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for variable in added_variables(self):
            variable.restart()

    def __copy__(self) -> Self:
        if added_variables(self):  # which are the copy's own
            return copy.deepcopy(self)
        new = type(self).__new__(type(self))
        new.__setstate__(self.__getstate__())
        return new

    def _in_dtype(self, value: Array) -> Array:
        return value if self.dtype is None else value.astype(self.dtype)


fields(Metric)  # completes the class; then its `__init__` is that of mutable classes


def _init_mutable(self: Metric, dtype: DTypeLike | None = None, name: str | None = None) -> None:
    """The `__init__` that a subclass calls by `super().__init__(...)`."""
    attributes = vars(self)
    attributes["name"] = name or snake_case(type(self).__name__)
    attributes["dtype"] = floating_dtype(dtype)


setattr(Metric, "__init__", _init_mutable)  # noqa: B010  # mypy: a method


def _spread(zero: Array, kept: jax.ShapeDtypeStruct) -> Array:
    return jnp.broadcast_to(zero, kept.shape)


def missing_method(metric: Metric, method: str, gives: str) -> NotImplementedError:
    """The error for a method that a subclass has to define; `gives` is what the method returns."""
    return NotImplementedError(
        f"{type(metric).__name__}: expected a method `{method}` that returns {gives}, and the "
        "class defines none."
    )

"""`Mean` and `Sum`: metrics that reduce plain values.

`Mean` and `Sum` take values where other metrics take targets and predictions, so they are for use
the stateful methods and custom training loops, not for `compile`. Laws: as in
`jkeras.metrics.base`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras.core.description import Description, option
from jkeras.core.errors import WrongTypeError
from jkeras.core.serialization import serialize_keras_object
from jkeras.core.trees import widest_float
from jkeras.losses.base import floating_dtype
from jkeras.losses.reduction import divide_or_zero
from jkeras.losses.shapes import Array, floats
from jkeras.metrics.base import Metric, Sums
from jkeras.metrics.counts import weights_of
from jkeras.metrics.means import FunctionMetric, weighted_sums
from jkeras.metrics.stateful_metric import object_sums, set_object_sums

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class _OfValues(Metric):
    """A metric that is updated with values instead of targets and predictions."""

    # Fewer arguments than a metric of pairs has: the law that a subclass takes what its base takes
    # is broken on purpose, and `update` says so to whoever passes a pair.
    def update(  # type: ignore[override]
        self, sums: Sums, values: ArrayLike, weight: ArrayLike | None = None, *more: Any
    ) -> Sums:
        """The sums with more values in them.

        Args:
          sums: the result of `init` or of an earlier `update`.
          values: a number, or `[batch, ...]`.
          weight: a number, `[batch]`, or one for each value; ones when left out.
          *more: must be empty.

        Raises:
          TypeError: called with targets and predictions.
        """
        if more:
            raise WrongTypeError(
                f"{self.who}: expected values and their weights, got targets and predictions. "
                "In compile(metrics=[...]) use a function (y_true, y_pred) instead."
            )
        return self.merge(sums, self._sums_of(floats(values).astype(widest_float()), weight))

    def update_state(self, values: ArrayLike, sample_weight: ArrayLike | None = None) -> None:  # type: ignore[override]
        """Adds values to the sums this object keeps; arguments as for `update`."""
        set_object_sums(self, self.update(object_sums(self), values, sample_weight))

    def _sums_of(self, values: Array, weight: ArrayLike | None) -> Sums:
        raise NotImplementedError(f"{type(self).__name__}: expected a method `_sums_of`.")


class Sum(_OfValues):
    """Σ w·v over all values.

    Args:
      name: how logs call it.
      dtype: the dtype of the result; float32 when left out.

    Example:
      >>> total = Sum()
      >>> total.update_state([1.0, 3.0, 5.0, 7.0], sample_weight=[1, 1, 0, 0])
      >>> float(total.result())
      4.0

    Source: `keras.metrics.Sum`.
    """

    name: str | None = "sum"
    dtype: Any = option(default=None, convert=floating_dtype)

    def init(self) -> Sums:
        """Zero."""
        return {"total": jnp.zeros((), widest_float())}

    def compute(self, sums: Sums) -> Array:
        """The sum."""
        return self._in_dtype(sums["total"])

    def _sums_of(self, values: Array, weight: ArrayLike | None) -> Sums:
        weight = weights_of(weight, values)
        return {"total": jnp.sum(jnp.where(weight == 0, 0, weight * values))}


class Mean(_OfValues):
    """Σ w·v over Σ w, where a value is the mean over an example's own axes.

    One weight for several examples counts once, for their mean, as in Keras. Arguments: as `Sum`.

    Example:
      >>> mean = Mean()
      >>> float(mean([1.0, 3.0, 5.0])), float(mean(9.0))
      (3.0, 4.5)

    Source: `keras.metrics.Mean`.
    """

    name: str | None = "mean"
    dtype: Any = option(default=None, convert=floating_dtype)

    def init(self) -> Sums:
        """Zero weighted values, zero weights."""
        return {"total": jnp.zeros((), widest_float()), "count": jnp.zeros((), widest_float())}

    def compute(self, sums: Sums) -> Array:
        """The weighted mean; 0 before the first value."""
        return self._in_dtype(divide_or_zero(sums["total"], sums["count"]))

    def _sums_of(self, values: Array, weight: ArrayLike | None) -> Sums:
        if weight is not None and np.ndim(weight) == 0:
            values = jnp.mean(values)
        return weighted_sums(values[None] if values.ndim == 0 else values, weight)


class WithArguments(Description):
    """A function with bound keyword arguments; unlike a `partial` it compares and hashes."""

    fn: Callable[..., Any]
    arguments: tuple[tuple[str, Any], ...]

    def __call__(self, *args: Any) -> Any:
        return self.fn(*args, **dict(self.arguments))


class MeanMetricWrapper(FunctionMetric):
    """The mean of what a function `(y_true, y_pred)` returns, under Keras's name for it.

    Args:
      fn: the function; see `FunctionMetric`.
      name: how logs call it.
      dtype: the dtype of the result; float32 when left out.
      **kwargs: further arguments for `fn`.

    Example:
      >>> from jkeras.losses import huber
      >>> metric = MeanMetricWrapper(huber, name="huber", delta=0.5)
      >>> float(metric(jnp.zeros((1, 1)), jnp.ones((1, 1))))
      0.375

    Source: `keras.metrics.MeanMetricWrapper`.
    """

    is_mutable: ClassVar[bool] = False  # its `__init__` sets fields only

    def __init__(
        self,
        fn: Callable[..., Any],
        name: str | None = None,
        dtype: DTypeLike | None = None,
        **kwargs: Any,
    ) -> None:
        function = WithArguments(fn, tuple(sorted(kwargs.items()))) if kwargs else fn
        super().__init__(function, name, dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments by name, those for `fn` among them, as Keras writes them."""
        config = super().get_config()
        if isinstance(self.fn, WithArguments):
            config["fn"] = serialize_keras_object(self.fn.fn)
            config |= {name: serialize_keras_object(value) for name, value in self.fn.arguments}
        return config

    @property
    def default_name(self) -> str:
        """The name of the class in snake case, of subclasses, too."""
        return "mean_metric_wrapper"

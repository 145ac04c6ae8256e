"""Subclassed metrics: a user's `update_state` and `result` as pure functions.

    class Positives(Metric):
        def __init__(self, name="positives", **kwargs):
            super().__init__(name=name, **kwargs)
            self.count = self.add_variable(shape=(), initializer="zeros", name="count")
        def update_state(self, y_true, y_pred, sample_weight=None):
            self.count.assign_add(jkeras.ops.sum(y_true))
        def result(self):
            return self.count

Outside of compiled programs the object works as in Keras: its variables hold arrays. In a compiled
program the sums are these arrays, passed in and returned: `update` runs `update_state`, `compute`
runs `result`, and `init` returns the arrays that `reset_state` leaves. Laws:

  - `update_state` is an arbitrary function, so the sums of two batches cannot be merged. The batch
    itself takes the place of its sums (`PendingBatch`), and to merge it is to run `update_state` on
    it, one batch after the other.
  - `update_state` never sees filler rows: the last, smaller batch has a compiled program of its
    own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jkeras.core.arrays import as_jax
from jkeras.core.errors import WrongTypeError
from jkeras.core.host_random import key_of_seed
from jkeras.core.naming import unique
from jkeras.core.trees import Tree, widest_float
from jkeras.core.value_reads import UNKNOWN_VALUES, guesses, naming_user_code, ones_of
from jkeras.core.variables import Frame, Variable, innermost, lenient, weight_shape, within
from jkeras.ops import initializers

if TYPE_CHECKING:
    from jkeras.core.typing import Identifier

VARIABLES = "_variables"
_BASE = "sums_of_the_base"


class PendingBatch(NamedTuple):
    """A batch on which `update_state` has still to run, in the place of its sums."""

    batch: tuple[Any, ...]


class MetricWithSums(Protocol):
    """The interface of a metric that the functions of this module need."""

    @property
    def who(self) -> str: ...

    @property
    def log_name(self) -> str: ...

    @property
    def update(self) -> Callable[..., Any]: ...

    def init(self) -> Any: ...

    def sums_of_variables(self, variables: Sequence[Any]) -> Any: ...

    def stateless_reset_state(self) -> list[Any]: ...


class MetricFrame(Frame):
    """The values of a metric's variables, and the sums of its base class, while a method runs.

    Args:
      metric: the metric.
      sums: the sums of the metric.
    """

    def __init__(self, metric: MetricWithSums, sums: dict[str, Any]) -> None:
        super().__init__(metric)
        self.base = sums.get(_BASE)
        self.values = {variable: sums[variable.name] for variable in added_variables(metric)}

    def sums(self) -> dict[str, Any]:
        """The current sums."""
        now = {variable.name: value for variable, value in self.values.items()}
        return now if self.base is None else {**now, _BASE: self.base}


def active_frame(metric: MetricWithSums) -> MetricFrame | None:
    """The frame in which a method of the metric runs, or None outside of one."""
    frame = innermost(MetricFrame)
    return frame if frame is not None and frame.owner is metric else None


def base_sums(sums: Tree) -> Any:
    """The sums of the base class, without the variables that a subclass added."""
    return sums.get(_BASE, sums) if isinstance(sums, dict) else sums


def added_variables(metric: MetricWithSums) -> list[Variable]:
    """The variables of `add_variable`, in the order of the calls."""
    return vars(metric).get(VARIABLES, [])


def add_variable(
    metric: MetricWithSums,
    shape: int | Sequence[int],
    initializer: Identifier,
    dtype: DTypeLike | None,
    name: str | None,
) -> Variable:
    """A new variable of a metric; arguments as for `Metric.add_variable`."""
    variables: list[Variable] = vars(metric).setdefault(VARIABLES, [])
    unique_name = unique(name or "variable", [other.name for other in variables])
    start = initializers.get("zeros" if initializer is None else initializer)
    shape = weight_shape(metric.who, shape)
    variable = Variable(start, shape, dtype or widest_float(), trainable=False, name=unique_name)
    variables.append(variable)
    return variable


def define_pure_methods(cls: type, root: type) -> None:
    """Sets `init`, `update`, `merge` and `compute` of a class with `update_state` or `result`.

    Args:
      cls: the class.
      root: the base class of all metrics.
    """
    above = cls.__mro__[1:]
    base = next((b for b in above if b is not root and "update" in vars(b)), None)
    base_has_sums = base is not None and not vars(base).get("in_order", False)
    for name, function in _pure_methods(cls, base_has_sums).items():
        setattr(cls, name, function)


def _pure_methods(cls: Any, base_has_sums: bool) -> dict[str, Any]:
    """The pure methods of a class; `base_has_sums`: whether its base class has sums of its own."""

    def base_handles(self: Any, sums: Tree) -> bool:
        inside = active_frame(self) is not None
        return inside or (
            base_has_sums and not isinstance(sums, PendingBatch) and _BASE not in sums
        )

    def initial_sums(self: Any) -> dict[str, Any]:
        key = key_of_seed(0)
        sums = {variable.name: variable.initial(key) for variable in added_variables(self)}
        if base_has_sums:
            sums[_BASE] = super(cls, self).init()
        return sums

    def init(self: Any) -> Any:
        frame = active_frame(self)
        if frame is not None:
            return super(cls, self).init()
        return _run_method(self, initial_sums(self), self.reset_state)[1]

    def update(self: Any, sums: Tree, *batch: Any, **kwargs: Any) -> Any:
        if base_handles(self, sums):
            return super(cls, self).update(sums, *batch, **kwargs)
        *arrays, weight = (*batch, None) if len(batch) < 3 else batch
        weights = {} if weight is None else {"sample_weight": weight}
        arrays = [as_jax(value) for value in arrays]
        return _run_method(
            self, _with_pending_batch(self, sums), self.update_state, *arrays, **weights, **kwargs
        )[1]

    def merge(self: Any, a: Tree, b: Tree) -> Any:
        if base_handles(self, a):
            return super(cls, self).merge(a, b)
        if isinstance(b, PendingBatch):
            return self.update(_with_pending_batch(self, a), *b.batch)
        raise WrongTypeError(
            f"{self.who}: two sums of a metric with its own `update_state` cannot be merged, "
            "because nobody knows how. Update one after the other, or write `init`, `update`, "
            "`merge` and `compute`."
        )

    def compute(self: Any, sums: Tree) -> Any:
        if base_handles(self, sums):
            return super(cls, self).compute(sums)
        result = _run_method(self, _with_pending_batch(self, sums), self.result)[0]
        return jax.tree.map(jnp.asarray, result)

    return {"init": init, "update": update, "merge": merge, "compute": compute, "in_order": True}


def _with_pending_batch(metric: MetricWithSums, sums: Tree) -> Any:
    """The sums, after the update with a batch that is still pending."""
    return metric.update(metric.init(), *sums.batch) if isinstance(sums, PendingBatch) else sums


def _run_method(
    metric: MetricWithSums, sums: Tree, function: Callable[..., Any], *args: Any, **kwargs: Any
) -> Any:
    """The return value of a method of the metric, and the sums after the call."""
    frame = MetricFrame(metric, sums)
    with within(frame), lenient(), naming_user_code(metric.log_name):
        try:
            returned = function(*args, **kwargs)
        except UNKNOWN_VALUES as error:
            if not guesses(error):
                raise
            with jax.ensure_compile_time_eval():
                frame.values = {variable: ones_of(v) for variable, v in frame.values.items()}
                returned = function(*ones_of(args), **ones_of(kwargs))
        returned = jax.tree.map(_as_value, returned)
    return returned, frame.sums()


def _as_value(value: object) -> Any:
    """The current value of a variable: outside of the frame it would be the initial one."""
    return value.value if isinstance(value, Variable) else value


__all__ = [
    "MetricFrame",
    "PendingBatch",
    "active_frame",
    "add_variable",
    "added_variables",
    "base_sums",
    "define_pure_methods",
]

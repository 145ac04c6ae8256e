"""Metrics written in Keras's way, as pure functions.

    class Positives(Metric):
        def __init__(self, name="positives", **kwargs):
            super().__init__(name=name, **kwargs)
            self.count = self.add_variable(shape=(), initializer="zeros", name="count")
        def update_state(self, y_true, y_pred, sample_weight=None):
            self.count.assign_add(jkeras.ops.sum(y_true))
        def result(self):
            return self.count

By hand such an object is used as in Keras; its variables keep their arrays. In a program the sums
are those arrays, passed in and returned: `update` runs `update_state`, `compute` runs `result`, and
`init` is what `reset_state` leaves. Laws:

  - Nobody knows what `update_state` does, so two sums cannot be merged. What stands for a batch is
    the batch itself (`Waiting`), and merging it is updating with it, one batch after the other.
  - Nor does anybody know what it makes of filler rows, so it never sees any: the last, smaller
    batch has a program of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jkeras.core.naming import unique
from jkeras.core.trees import Tree
from jkeras.core.variables import Frame, Variable, innermost, lenient, weight_shape, within
from jkeras.ops import initializers

if TYPE_CHECKING:
    from jkeras.core.typing import Identifier

VARIABLES = "_variables"
_BASE = "sums_of_the_base"


class Waiting(NamedTuple):
    """A batch that a metric was not updated with yet, in the place of its sums."""

    batch: tuple[Any, ...]


class MetricWithSums(Protocol):
    """What the functions that keep a metric's sums ask of the metric."""

    @property
    def who(self) -> str: ...

    @property
    def update(self) -> Callable[..., Any]: ...

    def init(self) -> Any: ...

    def sums_of_variables(self, variables: Sequence[Any]) -> Any: ...

    def stateless_reset_state(self) -> list[Any]: ...


class MetricFrame(Frame):
    """What the variables of a metric stand for, and the sums that the class it is made from keeps.

    Args:
      metric: the metric.
      sums: its sums.
    """

    def __init__(self, metric: MetricWithSums, sums: dict[str, Any]) -> None:
        super().__init__(metric)
        self.base = sums.get(_BASE)
        self.values = {variable: sums[variable.name] for variable in own_variables(metric)}

    def sums(self) -> dict[str, Any]:
        """The sums as they are now."""
        now = {variable.name: value for variable, value in self.values.items()}
        return now if self.base is None else {**now, _BASE: self.base}


def frame_of(metric: MetricWithSums) -> MetricFrame | None:
    """The frame in which a metric's own functions run, or None."""
    frame = innermost(MetricFrame)
    return frame if frame is not None and frame.owner is metric else None


def sums_of_base(sums: Tree) -> Any:
    """Of the sums of a class written in Keras's way those that the class it is made from keeps."""
    return sums.get(_BASE, sums) if isinstance(sums, dict) else sums


def own_variables(metric: MetricWithSums) -> list[Variable]:
    """The variables that a metric made."""
    return vars(metric).get(VARIABLES, [])


def add_variable(
    metric: MetricWithSums,
    shape: int | Sequence[int],
    initializer: Identifier,
    dtype: DTypeLike | None,
    name: str | None,
) -> Variable:
    """A new variable of a metric."""
    listed: list[Variable] = vars(metric).setdefault(VARIABLES, [])
    wanted = unique(name or "variable", [variable.name for variable in listed])
    start = initializers.get("zeros" if initializer is None else initializer)
    shape = weight_shape(metric.who, shape)
    made = Variable(start, shape, dtype or "float32", trainable=False, name=wanted)
    listed.append(made)
    return made


def give_methods(cls: type, root: type) -> None:
    """Puts the pure functions into a class that defines `update_state` or `result`.

    Args:
      cls: the class.
      root: the base class of all metrics.
    """
    above = cls.__mro__[1:]
    base = next((b for b in above if b is not root and "update" in vars(b)), None)
    has_sums = base is not None and not vars(base).get("in_order", False)
    for name, function in _functions(cls, has_sums).items():
        setattr(cls, name, function)


def _functions(cls: Any, has_sums: bool) -> dict[str, Any]:
    """The functions of a class; `has_sums` says whether the class it is made from keeps sums."""

    def is_of_base(self: Any, sums: Tree) -> bool:
        inside = frame_of(self) is not None
        return inside or (has_sums and not isinstance(sums, Waiting) and _BASE not in sums)

    def first(self: Any) -> dict[str, Any]:
        key = jax.random.key(0)
        sums = {variable.name: variable.initial(key) for variable in own_variables(self)}
        if has_sums:
            sums[_BASE] = super(cls, self).init()
        return sums

    def init(self: Any) -> Any:
        frame = frame_of(self)
        if frame is not None:
            return super(cls, self).init()
        return _run(self, first(self), self.reset_state)[1]

    def update(self: Any, sums: Tree, *batch: Any, **told: Any) -> Any:
        if is_of_base(self, sums):
            return super(cls, self).update(sums, *batch, **told)
        *arrays, weight = (*batch, None) if len(batch) < 3 else batch
        given = {} if weight is None else {"sample_weight": weight}
        arrays = [jnp.asarray(value) for value in arrays]
        return _run(self, _settled(self, sums), self.update_state, *arrays, **given, **told)[1]

    def merge(self: Any, a: Tree, b: Tree) -> Any:
        if is_of_base(self, a):
            return super(cls, self).merge(a, b)
        if isinstance(b, Waiting):
            return self.update(_settled(self, a), *b.batch)
        raise TypeError(
            f"{self.who}: two sums of a metric with its own `update_state` cannot be merged, "
            "because nobody knows how. Update one after the other, or write `init`, `update`, "
            "`merge` and `compute`."
        )

    def compute(self: Any, sums: Tree) -> Any:
        if is_of_base(self, sums):
            return super(cls, self).compute(sums)
        found = _run(self, _settled(self, sums), self.result)[0]
        return jax.tree.map(jnp.asarray, found)

    return {"init": init, "update": update, "merge": merge, "compute": compute, "in_order": True}


def _settled(metric: MetricWithSums, sums: Tree) -> Any:
    """Sums, where a batch may stand for them."""
    return metric.update(metric.init(), *sums.batch) if isinstance(sums, Waiting) else sums


def _run(
    metric: MetricWithSums, sums: Tree, function: Callable[..., Any], *args: Any, **kwargs: Any
) -> Any:
    """What a function of the metric returns, and the sums after it."""
    frame = MetricFrame(metric, sums)
    with within(frame), lenient():
        found = jax.tree.map(_as_value, function(*args, **kwargs))
    return found, frame.sums()


def _as_value(value: Any) -> Any:
    """What a variable stands for now; outside of the frame it would be its first value."""
    return value.value if isinstance(value, Variable) else value


__all__ = [
    "VARIABLES",
    "MetricFrame",
    "Waiting",
    "add_variable",
    "frame_of",
    "give_methods",
    "own_variables",
    "sums_of_base",
]

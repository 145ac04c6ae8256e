"""Keras's stateful methods of a metric: `update_state`, `result` and `reset_state` on an object.

A metric is a frozen description, and the pure functions take its sums as an argument. For the
stateful methods a metric object holds sums of its own: they lie in the object's `__dict__` beside
the fields, from the first update on. Laws:

- the object's sums are no field: equality, hash, repr, copies, pickles and `replace` ignore them;
- `init`, `update`, `merge` and `compute` never read them, and neither does a trainer, so `fit`
  changes none of them;
- the object's sums are arrays, never tracers: under `jit`, `vmap` or `scan` use the pure functions.

Two designs were rejected: a second family of mutable classes (every name twice), and a wrapper
around a metric (not Keras's words).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jkeras.core.errors import WrongTypeError
from jkeras.core.trees import Tree, is_traced
from jkeras.core.variables import Variable
from jkeras.metrics.carried import carrying
from jkeras.metrics.subclassed_metric import (
    MetricWithSums,
    active_frame,
    added_variables,
    base_sums,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from jkeras.core.typing import HoldsArray

NAME = "_object_sums"


def object_sums(metric: MetricWithSums) -> Any:
    """The sums that the metric object holds; those of `init` before the first update."""
    frame = active_frame(metric)
    if frame is not None:
        return frame.base
    outer = carrying(metric)
    if outer is not None:
        return outer.sums[id(metric)]
    return vars(metric)[NAME] if NAME in vars(metric) else base_sums(metric.init())


def set_object_sums(metric: MetricWithSums, sums: Tree) -> None:
    """Stores sums in the metric object.

    Raises:
      TypeError: the sums are tracers, which would outlive the trace.
    """
    frame = active_frame(metric)
    if frame is not None:
        frame.base = sums
        return
    outer = carrying(metric)
    if outer is not None:
        outer.sums[id(metric)] = sums
        return
    if is_traced(sums):
        raise WrongTypeError(
            f"{metric.who}: `update_state` keeps its sums between calls and cannot run under jit, "
            "vmap or scan. Carry them: sums = metric.update(sums, y_true, y_pred, weight)."
        )
    vars(metric)[NAME] = sums


def reset_object_sums(metric: MetricWithSums) -> None:
    """Removes the sums of the metric object and sets its variables to zero, as in Keras."""
    frame = active_frame(metric)
    if frame is not None and frame.base is not None:
        frame.base = metric.init()
    for variable in added_variables(metric):
        variable.assign(jnp.zeros(variable.shape, variable.dtype))
    outer = carrying(metric)
    if outer is not None:
        outer.sums[id(metric)] = base_sums(metric.init())
        return
    vars(metric).pop(NAME, None)


class SumVariable(Variable):
    """One of the sums in a metric object as a variable, which reads and assigns that sum.

    Args:
      metric: the metric.
      index: the position among the leaves of the metric's sums.
      name: the name of the variable.
    """

    def __init__(self, metric: MetricWithSums, index: int, name: str) -> None:
        self._metric, self._index = metric, index
        super().__init__(self.value, trainable=False, name=name)

    @property
    def value(self) -> Any:
        """The current array."""
        return jax.tree.leaves(object_sums(self._metric))[self._index]

    def assign(self, value: ArrayLike | HoldsArray) -> Any:
        """Replaces the array by `value`, cast to the dtype of the array; returns the new array."""
        leaves, tree = jax.tree.flatten(object_sums(self._metric))
        value = jnp.asarray(getattr(value, "value", value), self.dtype)
        leaves[self._index] = value
        set_object_sums(self._metric, jax.tree.unflatten(tree, leaves))
        return value

    def _plain(self) -> Any:
        return self.value


def object_variables(metric: MetricWithSums) -> list[Variable]:
    """The variables of a metric object, and the sums of its base class as variables.

    The order is that of the leaves of `init`.
    """
    base = _names(object_sums(metric))
    views = [SumVariable(metric, i, name) for i, name in enumerate(base)]
    added = {variable.name: variable for variable in added_variables(metric)}
    if not added:
        return list(views)
    variables: list[Variable] = []
    for name in sorted(metric.init()):
        variables += [added[name]] if name in added else views
    return variables


def _names(sums: Tree) -> list[str]:
    paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(sums)]
    return [jax.tree_util.keystr(path, simple=True, separator="/") for path in paths]


def without_object_sums(values: dict[str, Any]) -> dict[str, Any]:
    """The `__dict__` of a metric for a copy or a pickle: without sums."""
    return {name: value for name, value in values.items() if name != NAME}

"""A metric by hand, in Keras's way: update, look, begin again.

A metric is a frozen description, and its sums are values that somebody carries. For use by hand
nobody wants to carry them, so one metric object may keep its own: they lie in the object's
`__dict__` beside the fields, and are made at the first update. Laws:

- they are no field: equality, hash, repr, copies, pickles and `replace` know nothing of them;
- `init`, `update`, `merge` and `compute` never look at them, and neither does a trainer, so a
  metric that was compiled has seen nothing by hand;
- what is kept are arrays, never tracers: inside `jit` and its like the four functions are the way.

The other designs that were weighed: a second family of mutable classes (every name twice), and a
wrapper that users make by hand (not the words they know).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jkeras.core.trees import Tree
from jkeras.core.variables import Variable
from jkeras.metrics.carried import carrying
from jkeras.metrics.subclassed_metric import (
    VARIABLES,
    MetricWithSums,
    active_frame,
    added_variables,
    base_sums,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

NAME = "_sums_by_hand"


def kept_sums(metric: MetricWithSums) -> Any:
    """The sums this metric object keeps, those of no example before its first update."""
    frame = active_frame(metric)
    if frame is not None:
        return frame.base
    outer = carrying(metric)
    if outer is not None:
        return outer.sums[id(metric)]
    return vars(metric)[NAME] if NAME in vars(metric) else base_sums(metric.init())


def keep_sums(metric: MetricWithSums, sums: Tree) -> None:
    """Makes the metric object keep these sums.

    Raises:
      TypeError: they are being traced, and would outlive the trace.
    """
    frame = active_frame(metric)
    if frame is not None:
        frame.base = sums
        return
    outer = carrying(metric)
    if outer is not None:
        outer.sums[id(metric)] = sums
        return
    if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(sums)):
        raise TypeError(
            f"{metric.who}: `update_state` keeps its sums between calls and cannot run under jit, "
            "vmap or scan. Carry them: sums = metric.update(sums, y_true, y_pred, weight)."
        )
    vars(metric)[NAME] = sums


def forget_sums(metric: MetricWithSums) -> None:
    """Makes the metric object begin again, with its variables at zero, as in Keras."""
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


class KeptSum(Variable):
    """One of the sums that a metric object keeps, as a variable: looked up, and assigned there.

    Args:
      metric: the metric.
      index: which of the leaves of its sums.
      name: how it is called.
    """

    def __init__(self, metric: MetricWithSums, index: int, name: str) -> None:
        self._metric, self._index = metric, index
        super().__init__(self.value, trainable=False, name=name)

    @property
    def value(self) -> Any:
        """The array now."""
        return jax.tree.leaves(kept_sums(self._metric))[self._index]

    def assign(self, value: ArrayLike) -> Any:
        """Makes `value` the array, cast to its dtype; returns the array."""
        leaves, tree = jax.tree.flatten(kept_sums(self._metric))
        value = jnp.asarray(getattr(value, "value", value), self.dtype)
        leaves[self._index] = value
        keep_sums(self._metric, jax.tree.unflatten(tree, leaves))
        return value

    def _plain(self) -> Any:
        return self.value


def variables_of(metric: MetricWithSums) -> list[Variable]:
    """What a metric keeps, in the order of the leaves of `init`: its variables, its base's sums."""
    base = _names(kept_sums(metric))
    views = [KeptSum(metric, i, name) for i, name in enumerate(base)]
    own = {variable.name: variable for variable in added_variables(metric)}
    if not own:
        return list(views)
    found: list[Variable] = []
    for name in sorted(metric.init()):
        found += [own[name]] if name in own else views
    return found


def _names(sums: Tree) -> list[str]:
    paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(sums)]
    return [jax.tree_util.keystr(path, simple=True, separator="/") for path in paths]


def without_sums(values: dict[str, Any]) -> dict[str, Any]:
    """An object's `__dict__` as a copy or a pickle has it."""
    return {name: value for name, value in values.items() if name not in (NAME, VARIABLES)}

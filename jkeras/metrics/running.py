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

from typing import Any, Protocol

import jax
import jax.numpy as jnp

from jkeras.metrics.carried import carrying
from jkeras.metrics.written import VARIABLES, frame_of, own_variables, sums_of_base

NAME = "_sums_by_hand"


class _Metric(Protocol):
    @property
    def who(self) -> str: ...

    def init(self) -> Any: ...


def kept_sums(metric: _Metric) -> Any:
    """The sums this metric object keeps, those of no example before its first update."""
    frame = frame_of(metric)
    if frame is not None:
        return frame.base
    outer = carrying(metric)
    if outer is not None:
        return outer.sums[id(metric)]
    return vars(metric)[NAME] if NAME in vars(metric) else sums_of_base(metric.init())


def keep_sums(metric: _Metric, sums: Any) -> None:
    """Makes the metric object keep these sums.

    Raises:
      TypeError: they are being traced, and would outlive the trace.
    """
    frame = frame_of(metric)
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


def forget_sums(metric: _Metric) -> None:
    """Makes the metric object begin again, with its variables at zero, as in Keras."""
    frame = frame_of(metric)
    if frame is not None and frame.base is not None:
        frame.base = metric.init()
    for variable in own_variables(metric):
        variable.assign(jnp.zeros(variable.shape, variable.dtype))
    outer = carrying(metric)
    if outer is not None:
        outer.sums[id(metric)] = sums_of_base(metric.init())
        return
    vars(metric).pop(NAME, None)


def without_sums(values: dict[str, Any]) -> dict[str, Any]:
    """An object's `__dict__` as a copy or a pickle has it."""
    return {name: value for name, value in values.items() if name not in (NAME, VARIABLES)}

"""Metrics whose `update_state` a compiled step calls, in a model's own `compute_loss` and the like.

    with carried(metrics, variables) as frame:      # lists of arrays, as `stateless_reset_state`
        metrics[0].update_state(loss)
        value = metrics[0].result()
    variables = frame.variables()

Outside of this context a metric object holds its sums. Inside, the sums are arrays that the step
takes and returns, so that a step which updates metrics is a pure function.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import jax

from jkeras.core.variables import Frame, frames_of, within
from jkeras.metrics.subclassed_metric import MetricWithSums, added_variables, base_sums


class Carried(Frame):
    """The sums and the variables of several metrics, as arrays of a compiled step.

    Args:
      metrics: the metrics.
      variables: the arrays of all metrics, one after the other.
      owner: the model that the metrics belong to, or None.
    """

    def __init__(
        self, metrics: Sequence[MetricWithSums], variables: Sequence[Any], owner: object = None
    ) -> None:
        super().__init__(owner)
        self.metrics, rest = list(metrics), list(variables)
        self.sums: dict[int, Any] = {}
        for metric in self.metrics:
            count = len(metric.stateless_reset_state())
            sums, rest = metric.sums_of_variables(rest[:count]), rest[count:]
            self.sums[id(metric)] = base_sums(sums)
            for variable in added_variables(metric):
                self.values[variable] = sums[variable.name]

    def variables(self) -> list[Any]:
        """The current arrays, in the order of the argument `variables`."""
        return [leaf for metric in self.metrics for leaf in jax.tree.leaves(self._now(metric))]

    def _now(self, metric: MetricWithSums) -> Any:
        named = {variable.name: self.values[variable] for variable in added_variables(metric)}
        base = self.sums[id(metric)]
        first = metric.init()
        if not named:
            return base
        return {name: named.get(name, base) for name in first}


@contextlib.contextmanager
def carried(
    metrics: Sequence[MetricWithSums], variables: Sequence[Any], owner: object = None
) -> Iterator[Carried]:
    """A context in which the metrics read and update these arrays instead of their own.

    Arguments: as for `Carried`.

    Example:
      >>> from jkeras.metrics import Mean
      >>> mean = Mean()
      >>> with carried([mean], mean.stateless_reset_state()) as frame:
      ...     mean.update_state(jax.numpy.ones(2) * 3)
      >>> float(mean.result()), float(mean.stateless_result(frame.variables()))
      (0.0, 3.0)
    """
    frame = Carried(metrics, variables, owner)
    with within(frame):
        yield frame


def carrying(metric: MetricWithSums) -> Carried | None:
    """The innermost frame with the sums of the metric, or None."""
    return next((frame for frame in frames_of(Carried) if id(metric) in frame.sums), None)


__all__ = ["Carried", "carried", "carrying"]

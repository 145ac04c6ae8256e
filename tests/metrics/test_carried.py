"""Metrics that a compiled step updates with `update_state`: their sums come in and go out."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jkeras import ops
from jkeras.metrics import Mean, MeanSquaredError, Metric
from jkeras.metrics.carried import carried


class Largest(Metric):
    def __init__(self, name: str = "largest") -> None:
        super().__init__(name=name)
        self.seen = self.add_variable(shape=(), initializer="zeros", name="seen")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.seen.assign(ops.maximum(self.seen, ops.max(y_pred)))

    def result(self) -> Any:
        return self.seen


class Doubled(Mean):
    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        super().update_state(2 * values, sample_weight)


def test_updates_inside_a_compiled_function_come_out_of_it() -> None:
    metrics: list[Any] = [Mean(), MeanSquaredError(), Largest(), Doubled()]

    @jax.jit
    def step(variables: Any, x: Any) -> Any:
        with carried(metrics, variables) as frame:
            metrics[0].update_state(x)
            metrics[1].update_state(x * 0, x)
            metrics[2].update_state(x, x)
            metrics[3].update_state(x)
            now = [metric.result() + 0 for metric in metrics]
        return frame.variables(), now

    first = [leaf for metric in metrics for leaf in metric.stateless_reset_state()]
    variables, _ = step(first, jnp.array([1.0, 3.0]))
    variables, now = step(variables, jnp.array([5.0, 3.0]))
    assert [float(value) for value in now] == [3.0, 11.0, 5.0, 6.0]
    assert [float(metric.result()) for metric in metrics] == [0.0] * 4, "by hand they saw nothing"


def test_a_reset_inside_stays_inside() -> None:
    metric = Mean()
    metric.update_state(jnp.ones(2))
    with carried([metric], [jnp.float32(2), jnp.float32(8)]) as frame:
        assert float(metric.result()) == 4
        metric.reset_state()
    assert [float(value) for value in frame.variables()] == [0, 0] and float(metric.result()) == 1

"""Subclassed metrics: `update_state` on an object, and as pure functions."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import ops
from jkeras.metrics.subclassed_metric import PendingBatch

Y, P = jnp.array([[0.0], [1.0]]), jnp.array([[0.5], [0.25]])


class Last(jkeras.metrics.Metric):
    """The sum of all predictions, and ten times the last batch's largest: no sum of batches."""

    def __init__(self, name: str = "last", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.total = self.add_variable(shape=(), initializer="zeros", name="total")
        self.last = self.add_weight(shape=(), initializer="ones")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.total.assign_add(ops.sum(y_pred))
        self.last.assign(ops.max(y_pred))

    def result(self) -> Any:
        return self.total + 10 * self.last


class Doubled(jkeras.metrics.Mean):
    """The mean of twice the predictions, by the update of its base."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return super().update_state(2 * y_pred, sample_weight)


def test_by_hand_it_keeps_its_variables() -> None:
    metric = Last()
    metric.update_state(Y, P)
    metric.update_state(Y, P / 2)
    assert (float(metric.result()), len(metric.variables)) == (0.75 + 0.375 + 2.5, 2)
    metric.reset_state()
    assert float(metric.result()) == 0.0
    mean = Doubled()
    mean.update_state(Y, P)
    assert (float(mean.result()), len(mean.variables)) == (0.75, 2)


def test_the_functions_are_pure_and_see_batches_in_order() -> None:
    metric = Last()
    sums = metric.init()
    assert jax.tree.map(float, sums) == {"total": 0.0, "variable": 0.0}  # as reset, like Keras
    run = jax.jit(lambda sums, p: metric.merge(sums, PendingBatch((Y, p))))
    sums = run(run(sums, P), P / 2)
    assert float(metric.compute(sums)) == 0.75 + 0.375 + 2.5
    assert float(metric.result()) == 10.0  # by hand it has seen nothing
    mean = Doubled()
    assert float(mean.compute(mean.update(mean.init(), Y, P))) == 0.75


def test_lists_of_variables_do_the_same() -> None:
    for metric, expected in ((Last(), 0.75 + 5), (jkeras.metrics.MeanSquaredError(), 0.40625)):
        first = metric.stateless_reset_state()
        assert len(first) == len(metric.variables)
        new = metric.stateless_update_state(first, Y, P)
        assert float(metric.stateless_result(new)) == expected
    with pytest.raises(ValueError) as caught:
        Last().stateless_result([jnp.ones(())])
    assert str(caught.value) == (
        "Last 'last': `metric_variables`: expected 2 arrays, as `variables` lists, got 1."
    )


def test_two_sums_cannot_be_merged() -> None:
    metric = Last()
    with pytest.raises(TypeError) as caught:
        metric.merge(metric.init(), metric.init())
    assert str(caught.value) == (
        "Last 'last': two sums of a metric with its own `update_state` cannot be merged, because "
        "nobody knows how. Update one after the other, or write `init`, `update`, `merge` and "
        "`compute`."
    )


def test_a_short_last_batch_is_seen_as_it_is() -> None:
    model = jkeras.Sequential([jkeras.Input((1,)), jkeras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[Last()])
    x = np.arange(5, dtype="float32")[:, None]
    found = model.evaluate(x, x, batch_size=2, verbose=0)[1]
    outputs = model.predict(x, verbose=0)
    assert found == pytest.approx(outputs.sum() + 10 * outputs[4, 0], rel=1e-5)


class Seen(jkeras.metrics.Metric):
    """How many predictions there were: `result` gives the variable itself."""

    def __init__(self) -> None:
        super().__init__(name="seen")
        self.count = self.add_weight(shape=(), initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.count.assign_add(ops.cast(ops.size(y_pred), "float32"))

    def result(self) -> Any:
        return self.count


def test_a_result_may_be_a_variable() -> None:
    metric = Seen()
    assert float(metric.compute(metric.update(metric.init(), Y, P))) == P.size
    new = metric.stateless_update_state(metric.stateless_reset_state(), Y, P)
    assert float(metric.stateless_result(new)) == P.size
    metric.update_state(Y, P)
    assert float(metric.result()) == P.size

"""Sums and means of plain values, with their laws, and functions under Keras's name."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import losses, metrics

VALUES = jnp.arange(12.0).reshape(3, 2, 2)
WEIGHT = jnp.array([[1.0, 2.0], [0.0, 1.0], [3.0, 1.0]])


@pytest.mark.parametrize("metric", [metrics.Mean(), metrics.Sum()])
def test_the_laws_of_metrics_hold(metric):
    updated = [metric.update(metric.init(), v, w) for v, w in zip(VALUES, WEIGHT, strict=True)]
    a, b, c = updated
    left, right = metric.merge(metric.merge(a, b), c), metric.merge(a, metric.merge(b, c))
    assert float(metric.compute(left)) == float(metric.compute(right))
    batched = jax.vmap(lambda v, w: metric.update(metric.init(), v, w))(VALUES, WEIGHT)
    jax.tree.map(
        np.testing.assert_allclose, batched, jax.tree.map(lambda *x: jnp.stack(x), *updated)
    )
    scanned, _ = jax.lax.scan(
        lambda sums, batch: (metric.update(sums, *batch), None), metric.init(), (VALUES, WEIGHT)
    )
    jax.tree.map(np.testing.assert_allclose, scanned, left)
    narrow = metric.replace(dtype="bfloat16")
    assert narrow.compute(a).dtype == jnp.bfloat16


def test_weight_zero_hides_anything():
    values = jnp.array([1.0, jnp.nan, 3.0])
    assert float(metrics.Mean()(values, jnp.array([1.0, 0.0, 1.0]))) == 2.0
    assert float(metrics.Sum()(values, sample_weight=[1, 0, 2])) == 7.0


def test_one_weight_for_several_values_counts_once_in_a_mean():
    mean = metrics.Mean()
    mean.update_state([1.0, 3.0], sample_weight=3.0)
    mean.update_state(6.0)
    assert float(mean.result()) == (3 * 2.0 + 6.0) / 4
    assert float(metrics.Sum()([1.0, 3.0], 3.0)) == 12.0


def test_targets_and_predictions_are_no_values():
    mean = metrics.Mean()
    with pytest.raises(TypeError) as raised:
        mean.update(mean.init(), jnp.zeros(3), jnp.zeros(3), jnp.ones(3))
    assert str(raised.value) == (
        "Mean 'mean': expected values and their weights, got targets and predictions. In "
        "compile(metrics=[...]) use a function (y_true, y_pred) instead."
    )


def test_a_wrapped_function_gets_its_arguments():
    metric = metrics.MeanMetricWrapper(losses.huber, delta=0.5)
    y_true, y_pred = jnp.zeros((2, 1)), jnp.array([[1.0], [3.0]])
    found = float(metric(y_true, y_pred))
    assert found == float(jnp.mean(losses.huber(y_true, y_pred, 0.5)))
    assert metric.log_name == "mean_metric_wrapper"
    assert metrics.MeanMetricWrapper(losses.huber, "h").log_name == "h"


def test_a_wrapper_may_be_subclassed_as_in_keras():
    class Distance(metrics.MeanMetricWrapper):
        def __init__(self, name="distance"):
            super().__init__(losses.mae, name=name)

    metric = Distance()
    assert float(metric([[1.0]], [[3.0]])) == 2.0 and metric.log_name == "distance"
    assert metric == metric and metric != Distance()  # with its own `__init__`: by identity

"""Weighted sums, functions and losses as metrics, and metrics a user writes."""

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import losses, metrics
from jkeras.metrics.means import weighted_sums

VALUES = jnp.arange(12.0).reshape(3, 4)


def test_a_weight_an_example_counts_once_and_weights_of_elements_count_as_their_mean():
    sums = weighted_sums(VALUES, jnp.array([1.0, 2.0, 3.0]))
    assert (float(sums["total"]), float(sums["count"])) == (1.5 + 2 * 5.5 + 3 * 9.5, 6.0)
    sums = weighted_sums(VALUES, jnp.tile(jnp.array([[1.0, 0.0, 0.0, 1.0]]), (3, 1)))
    assert (float(sums["total"]), float(sums["count"])) == ((3 + 11 + 19) / 4, 1.5)


def test_weights_of_another_shape_say_what_fits():
    with pytest.raises(ValueError) as raised:
        weighted_sums(VALUES, jnp.ones(4))
    assert str(raised.value) == (
        "expected `weight` with one number an example, shape (3,), or one for each of the values, "
        "shape (3, 4), got shape (4,)."
    )


def test_targets_and_predictions_of_a_function_have_one_rank():
    # Keras hands (3,) and (3, 1) to the function, where they broadcast to nine differences.
    metric = metrics.FunctionMetric(lambda t, p: jnp.mean(jnp.abs(t - p)))
    sums = metric.update(metric.init(), jnp.array([1.0, 2.0, 3.0]), jnp.ones((3, 1)))
    assert float(metric.compute(sums)) == 1.0


def test_a_function_that_no_mean_can_replace_sees_whole_batches():
    def largest(y_true, y_pred):
        return jnp.max(jnp.abs(y_true - y_pred))

    metric, ones = metrics.get(largest), jnp.ones(3)
    sums = metric.update(metric.init(), jnp.zeros((3, 1)), jnp.array([[1.0], [5.0], [0.0]]), ones)
    assert metric.log_name == "largest" and float(metric.compute(sums)) == 5.0


def test_a_loss_as_a_metric_counts_every_example_alike():
    metric = metrics.get(losses.MeanSquaredError(reduction="sum"))
    sums = metric.update(metric.init(), jnp.zeros((3, 1)), jnp.ones((3, 1)))
    sums = metric.update(sums, jnp.zeros((1, 1)), jnp.full((1, 1), 3.0))
    assert metric.log_name == "mean_squared_error" and float(metric.compute(sums)) == 3.0


def test_a_missing_method_says_what_to_write():
    class Empty(metrics.MeanMetric):
        pass

    with pytest.raises(NotImplementedError) as raised:
        Empty().update(Empty().init(), jnp.zeros(2), jnp.zeros(2))
    assert str(raised.value) == (
        "Empty: expected a method `values(self, y_true, y_pred)` that returns one value an "
        "example, "
        "and the class defines none."
    )


def test_ten_lines_make_a_metric():
    class Within(metrics.MeanMetric):
        distance: float
        name: str | None = "within"

        def values(self, y_true, y_pred):
            return (jnp.abs(y_true - y_pred) <= self.distance).astype(jnp.float32)

    metric = Within(0.5)
    sums = metric.update(metric.init(), np.array([0.0, 1.0, 2.0]), np.array([0.4, 2.0, 2.0]))
    np.testing.assert_allclose(metric.compute(sums), 2 / 3, rtol=1e-6)
    assert repr(metric) == "Within(distance=0.5)" and metric == Within(0.5)

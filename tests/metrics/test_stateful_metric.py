"""The stateful methods of a metric: an object's sums change neither its fields nor its hash."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import metrics

TRUE, PRED = jnp.array([0, 1, 1, 0]), jnp.array([0.2, 0.7, 0.4, 0.1])


def test_updates_add_up_until_the_metric_begins_again():
    metric = metrics.BinaryAccuracy()
    assert metric.update_state(TRUE, PRED) is None
    assert float(metric.result()) == 0.75
    metric.update_state([1], [0.3], sample_weight=[4.0])
    assert float(metric.result()) == 3 / 8
    assert sorted(float(value) for value in metric.variables) == [3.0, 8.0]
    metric.reset_state()
    assert float(metric.result()) == 0.0
    assert float(metric(TRUE, PRED, sample_weight=jnp.array([1.0, 1.0, 0.0, 1.0]))) == 1.0


def test_variables_are_looked_up_and_assigned():
    metric = metrics.Mean()
    values = metric.stateless_update_state([v.value for v in metric.variables], 5.0)
    for variable, value in zip(metric.variables, values, strict=True):
        variable.assign(value)
    assert float(metric.result()) == 5.0
    variables = metric.variables
    metric.reset_state()
    assert [float(variable) for variable in variables] == [0.0, 0.0]


def test_by_hand_is_what_the_pure_functions_give():
    metric = metrics.AUC(num_thresholds=20)
    sums = metric.init()
    for batch in ((TRUE, PRED), (1 - TRUE, PRED)):
        metric.update_state(*batch)
        sums = metric.update(sums, *batch)
    assert float(metric.result()) == float(metric.compute(sums))


def test_an_object_that_has_seen_data_is_the_same_description():
    used, fresh = metrics.Recall(0.3), metrics.Recall(0.3)
    used.update_state(TRUE, PRED)
    assert used == fresh and hash(used) == hash(fresh) and repr(used) == "Recall(thresholds=0.3)"
    assert float(fresh.result()) == 0 and float(used.result()) == 1
    np.testing.assert_array_equal(used.init()["true_positives"], [0.0])


@pytest.mark.parametrize(
    "copied",
    [
        copy.copy,
        copy.deepcopy,
        lambda metric: pickle.loads(pickle.dumps(metric)),
        lambda metric: metric.replace(),
    ],
    ids=["copy", "deepcopy", "pickle", "replace"],
)
def test_a_copy_has_seen_nothing(copied):
    metric = metrics.Recall(0.3)
    metric.update_state(TRUE, PRED)
    other = copied(metric)
    assert other == metric and float(other.result()) == 0
    other.update_state(TRUE, jnp.zeros(4))
    assert float(metric.result()) == 1


class Largest(metrics.Metric):
    def __init__(self, name="largest"):
        super().__init__(name=name)
        self.seen = self.add_variable((), "zeros", name="seen")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.seen.assign(jnp.maximum(self.seen.value, y_pred.max()))

    def result(self):
        return self.seen * 1.0


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda metric: pickle.loads(pickle.dumps(metric))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_a_copy_of_an_own_class_has_variables_of_its_own(copied):
    metric = Largest()
    metric.update_state(TRUE, jnp.full(4, 3.0))
    other = copied(metric)
    assert float(other.result()) == 0 and other.seen is not metric.seen
    other.update_state(TRUE, jnp.full(4, 2.0))
    assert (float(metric.result()), float(other.result())) == (3.0, 2.0)
    assert [variable.name for variable in other.variables] == ["seen"]
    assert float(other.compute(other.update(other.init(), TRUE, jnp.full(4, 5.0)))) == 5.0


def test_sums_of_classes_grow_by_hand_too():
    metric, y = metrics.F1Score(), jnp.eye(3)
    assert metric(y, y).shape == (3,)
    assert metric(y, y[::-1]).shape == (3,)


def test_inside_a_trace_the_message_shows_the_pure_way():
    metric = metrics.BinaryAccuracy()
    with pytest.raises(TypeError) as raised:
        jax.jit(lambda t, p: metric(t, p))(TRUE, PRED)
    assert str(raised.value) == (
        "BinaryAccuracy 'binary_accuracy': `update_state` keeps its sums between calls and cannot "
        "run under jit, vmap or scan. Carry them: sums = metric.update(sums, y_true, y_pred, "
        "weight)."
    )
    assert float(metric.result()) == 0


def test_a_metric_stays_frozen():
    metric = metrics.BinaryAccuracy()
    metric.update_state(TRUE, PRED)
    with pytest.raises(AttributeError, match=r"^BinaryAccuracy 'binary_accuracy' is a frozen"):
        metric.threshold = 0.1

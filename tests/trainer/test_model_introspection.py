"""Keras's attributes of a model, and nested models that stay models."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras import Function, layers

X = np.ones((2, 3), "float32")


def made() -> Any:
    x = jkeras.Input((3,))
    first = layers.Dense(2, kernel_initializer="ones", kernel_regularizer="l2", name="a")
    model = jkeras.Model(x, layers.Dense(1, kernel_initializer="ones", name="b")(first(x)))
    model.compile("sgd", "mse", metrics=["mae"])
    return model


def test_losses_are_part_of_compute_loss() -> None:
    model = made()
    assert [round(float(loss), 4) for loss in model.losses] == [0.06]
    found = model.compute_loss(X, np.zeros((2, 1), "float32"), model(X))
    assert float(found) == pytest.approx(36.06)
    found = model.compute_metrics(X, np.zeros((2, 1), "float32"), model(X))
    assert {name: float(value) for name, value in found.items()} == {"loss": 0.0, "mae": 6.0}


def test_weights_are_views_with_names() -> None:
    model = made()
    assert [w.path for w in model.weights] == ["a/kernel", "a/bias", "b/kernel", "b/bias"]
    model.weights[3].assign(np.full(1, 7.0))
    assert model.weights[3].name == "bias" and model.weights[3].numpy().tolist() == [7.0]
    assert np.asarray(model(X)).tolist() == [[13.0], [13.0]]


def test_values_by_name_come_and_go() -> None:
    model, other = made(), made()
    model.set_weights([2 * weight for weight in model.get_weights()])
    tree = model.get_state_tree("numpy_array")
    assert sorted(tree["trainable_variables"]) == ["a", "b"]
    other.set_state_tree(tree)
    assert all(
        (a == b).all() for a, b in zip(model.get_weights(), other.get_weights(), strict=True)
    )
    with pytest.raises(ValueError) as told:
        other.set_state_tree({"trainable_variables": {"a": {"kernle": X}}})
    assert "no weight 'a/kernle'. Did you mean 'a/kernel'?" in str(told.value)
    with pytest.raises(ValueError) as told:
        model.get_state_tree("numpy")
    assert "expected one of ['backend_tensor', 'numpy_array'], got 'numpy'" in str(told.value)


def test_small_questions() -> None:
    model = made()
    assert (model.compiled, model.dtype, model.steps_per_execution) == (True, "float32", 1)
    assert model.compute_output_shape((None, 3)) == (None, 1)
    assert not jkeras.Sequential([layers.Dense(1)]).compiled


@pytest.mark.parametrize("keep", [True, False])
def test_a_nested_model_is_asked_as_a_model(keep: bool) -> None:
    inner = jkeras.Sequential([jkeras.Input((3,)), layers.Dense(2, name="deep")], name="nested")
    x = jkeras.Input((3,))
    outer = jkeras.Model(x, layers.Dense(1)(inner(x)))
    wanted = inner.predict(X, verbose=0) if keep else None
    if not keep:
        del inner
    nested = outer.get_layer("nested")
    assert nested.get_layer("deep").name == "deep" and nested.output_shape == (None, 2)
    found = nested.predict(X, verbose=0)
    kernel, bias = nested.get_weights()
    np.testing.assert_allclose(found, X @ kernel + bias, rtol=1e-5)
    assert wanted is None or (wanted == found).all()
    with pytest.raises(AttributeError):
        _ = nested.no_such_word


def test_a_function_computes_symbols_from_symbols() -> None:
    model = made()
    hidden = Function(model.inputs, [model.get_layer("a").output], name="hidden")
    (found,) = hidden([X])
    assert np.asarray(found).tolist() == [[3.0, 3.0]] * 2
    assert repr(hidden) == "<Function 'hidden': outputs of shape (None, 2)>"
    assert hidden.compute_output_spec(jkeras.KerasTensor((None, 3))).shape == (None, 2)


def test_a_model_trained_by_its_own_loss_updates_its_trackers() -> None:
    class Tracks(jkeras.Model):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.dense = layers.Dense(1, kernel_initializer="ones")
            self.tracker = jkeras.metrics.Mean(name="tracked")

        @property
        def metrics(self) -> list[Any]:
            return [self.tracker]

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

        def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, **_: Any) -> Any:
            loss = jkeras.ops.mean(jkeras.ops.square(y_pred - y))
            self.tracker.update_state(loss)
            return loss

        def compute_metrics(self, *batch: Any, **named: Any) -> dict[str, Any]:
            return {**super().compute_metrics(*batch, **named), "constant": jax.numpy.ones(())}

    model = Tracks()
    model.compile(jkeras.optimizers.SGD(0.0))
    history = model.fit(X, np.zeros((2, 1), "float32"), verbose=0).history
    assert history == {"constant": [1.0], "tracked": [9.0]}


def test_a_layer_that_is_never_called_may_have_weights() -> None:
    class Watched(jkeras.Model):
        def __init__(self, teacher: Any, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.teacher, self.student = teacher, layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            return self.student(inputs)

    teacher = made()
    model = Watched(teacher)
    assert model(X).shape == (2, 1) and teacher.count_params() == 11


def test_a_tree_with_an_unknown_name_assigns_nothing() -> None:
    model = made()
    before = model.get_weights()
    tree = {"a": {"kernel": 5 * before[0], "kernle": before[0]}}
    with pytest.raises(ValueError, match="no weight 'a/kernle'"):
        model.set_state_tree({"trainable_variables": tree})
    np.testing.assert_array_equal(model.get_weights()[0], before[0])

"""Keras's questions to a layer: shapes without weights, losses, a pure call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.core.identity import identity_of

SHAPES: list[tuple[Any, Any, Any]] = [
    (layers.Dense(3), (None, 4), (None, 3)),
    (layers.Flatten(), (None, 2, 3), (None, 6)),
    (layers.LSTM(3, return_sequences=True), (None, None, 2), (None, None, 3)),
    (layers.Embedding(9, 4), (None, 5), (None, 5, 4)),
    (layers.Concatenate(), [(None, 2), (None, 3)], (None, 5)),
    (layers.Conv2D(8, 3, strides=2), (1, 9, 9, 1), (1, 4, 4, 8)),
]


@pytest.mark.parametrize(("layer", "given", "wanted"), SHAPES, ids=lambda v: type(v).__name__)
def test_shapes_of_outputs_follow_without_a_call(layer: Any, given: Any, wanted: Any) -> None:
    assert layer.compute_output_shape(given) == wanted
    assert not layer.weights and not identity_of(layer).nodes


def test_an_input_that_is_left_out_has_no_shape() -> None:
    layer = layers.MultiHeadAttention(2, 3)
    assert layer.compute_output_shape((7, 4, 8), (7, 5, 6), None) == (7, 4, 8)


def test_what_is_no_shape_is_told() -> None:
    with pytest.raises(TypeError) as told:
        layers.Dense(3).compute_output_shape(4)
    assert str(told.value) == (
        "Dense: compute_output_shape: expected a shape such as (None, 4), got 4 (int)."
    )
    with pytest.raises(TypeError) as told:
        layers.Dense(3).add_loss(1.0)
    assert str(told.value) == (
        "Dense: add_loss: expected a class with a `call` of its own, where it is called. What "
        "depends on weights is a regularizer, what depends on outputs an ActivityRegularization "
        "layer."
    )


def test_a_layer_by_itself_has_losses_and_a_pure_call() -> None:
    layer = layers.Dense(2, kernel_initializer="ones", kernel_regularizer="l2")
    assert layer.losses == []
    with pytest.raises(ValueError) as told:
        layer.stateless_call([], [], np.ones((1, 3), "float32"))
    assert "expected 0 trainable and 0 other variables, got 0 and 0" in str(told.value)
    layer.build((None, 3))
    assert [round(float(loss), 4) for loss in layer.losses] == [0.06]
    values = [np.full((3, 2), 2.0, "float32"), np.ones(2, "float32")]
    told_all = layer.stateless_call(values, [], np.ones((1, 3), "float32"), return_losses=True)
    assert told_all[0].tolist() == [[7.0, 7.0]] and told_all[1] == []
    assert [round(float(loss), 4) for loss in told_all[2]] == [0.24]
    assert layer.get_weights()[0].tolist() == [[1.0, 1.0]] * 3, "the layer's own stay"


def test_normalization_by_itself_moves_its_statistics() -> None:
    layer = layers.BatchNormalization(momentum=0.5)
    x = np.array([[0.0], [2.0]], "float32")
    layer(x, training=True)
    layer(x, training=True)
    assert layer.get_weights()[2].tolist() == [0.75]
    _, moved = layer.stateless_call(
        [w.value for w in layer.trainable_variables],
        [w.value for w in layer.non_trainable_variables],
        x,
        training=True,
    )
    assert moved[0].tolist() == [0.875] and layer.get_weights()[2].tolist() == [0.75]


def test_added_losses_are_those_of_the_last_call() -> None:
    class Adds(layers.Layer):
        def call(self, inputs: Any) -> Any:
            self.add_loss(jkeras.ops.sum(inputs))
            return inputs

    layer = Adds()
    layer(np.ones((2, 2), "float32"))
    layer(np.ones((2, 3), "float32"))
    assert [float(loss) for loss in layer.losses] == [6.0]
    model = jkeras.Sequential([jkeras.Input((2,)), Adds()])
    model(np.ones((2, 2), "float32"))
    assert [float(loss) for loss in model.losses] == [4.0]

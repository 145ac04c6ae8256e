"""Properties without a value yet: Python's questions (`hasattr`, `getmembers`) get an answer."""

import inspect

import numpy as np
import pytest

import jkeras as K
from jkeras import layers as L


class Subclassed(K.Model):
    def __init__(self):
        super().__init__()
        self.dense = L.Dense(1)

    def call(self, x):
        return self.dense(x)


class Scale(L.Layer):
    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],))

    def call(self, x):
        return x * self.scale


def functional():
    inputs = K.Input((4,))
    return K.Model(inputs, L.Dense(1)(inputs))


def built():
    return K.Sequential([K.Input((4,)), L.Dense(1)])


OBJECTS = {
    "an unbuilt chain": lambda: K.Sequential([L.Dense(1)]),
    "an empty chain": lambda: K.Sequential([]),
    "a built chain": built,
    "a functional model": functional,
    "a subclassed model": Subclassed,
    "a trainer": lambda: K.Trainer(L.Dense(1)),
    "a subclassed layer": Scale,
    "a layer": lambda: L.Dense(1),
    "a wrapper": lambda: L.Bidirectional(L.LSTM(3)),
    "an adaptable layer": L.Normalization,
    "a history": K.callbacks.History,
    "a callback": lambda: K.callbacks.ModelCheckpoint("x.keras"),
    "a metric": K.metrics.AUC,
    "a loss": K.losses.MeanSquaredError,
    "an optimizer": K.optimizers.Adam,
}


@pytest.mark.parametrize("make", OBJECTS.values(), ids=OBJECTS.keys())
def test_every_attribute_has_a_value_or_is_absent(make):
    members = dict(inspect.getmembers(make()))
    assert "__init__" in members


@pytest.mark.parametrize("make", [built, functional, Subclassed, lambda: K.Trainer(L.Dense(1))])
def test_an_uncompiled_model_answers_as_in_keras(make):
    model = make()
    assert not hasattr(model, "optimizer")
    assert getattr(model, "learning_rate", 7) == 7
    assert model.loss is None
    assert (model.metrics, model.metrics_names) == ([], [])
    assert (model.run_eagerly, model.jit_compile, model.steps_per_execution) == (False, True, 1)


@pytest.mark.parametrize("name", ["inputs", "outputs", "input", "output", "input_shape"])
def test_an_unbuilt_model_has_no_inputs_and_no_outputs(name):
    model = K.Sequential([L.Dense(1)])
    assert not hasattr(model, name)
    with pytest.raises(AttributeError, match="the shape of its inputs is not known"):
        getattr(model, name)
    model.build((None, 4))
    assert hasattr(model, name)


def test_an_unbuilt_model_has_no_weights():
    model = K.Sequential([L.Dense(1)])
    assert model.weights == model.variables == model.get_weights() == []
    with pytest.raises(ValueError, match="has no weights yet"):
        model.count_params()


@pytest.mark.parametrize("make", [built, functional])
def test_one_input_is_one_symbol(make):
    model = make()
    assert model.input.shape == model.inputs[0].shape == (None, 4)
    assert model.output.shape == (None, 1)
    above = K.Model(model.input, L.Dense(2)(model.output))
    assert above.predict(np.zeros((3, 4), "float32"), verbose=0).shape == (3, 2)

"""What an object holds in its attributes: its own layers and variables, nothing of a trainer's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.keras_classes import tracking

X = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)
Y = X[:, :2]


class Body(jkeras.Model):
    """One layer."""

    def __init__(self) -> None:
        super().__init__(seed=0)
        self.dense = layers.Dense(2)

    def call(self, x: Any) -> Any:
        return self.dense(x)


def test_a_policy_of_float32_changes_nothing() -> None:
    model, plain = Body(), Body()
    for one in (model, plain):
        one.compile("sgd", "mse")
        one.fit(X, Y, verbose=0)
    model.dtype_policy = "float32"
    assert model.dtype_policy.name == "float32"
    assert [layer.name for layer in model.layers] == ["dense"]
    for one in (model, plain):
        one.fit(X, Y, verbose=0)
    for found, wanted in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_what_a_trainer_keeps_for_itself_is_no_part_of_the_model() -> None:
    model = Body()
    vars(model)[tracking.MODEL_PRIVATE] = {"net": layers.Dense(1, name="hidden")}
    model.head = layers.Dense(3)
    assert [layer.name for layer in tracking.layers_of(model)] == ["dense", "dense_1"]
    assert tracking.MODEL_PRIVATE not in dict(tracking.attributes(model))


class Named(layers.Layer):
    """Layers under names that a trainer uses for itself."""

    def __init__(self) -> None:
        super().__init__()
        self._net = layers.Dense(1)
        self._parts = [layers.Dense(2)]

    def call(self, x: Any) -> Any:
        return self._parts[0](self._net(x))


def test_a_layer_may_use_the_names_of_a_trainer() -> None:
    layer = Named()
    assert [part.units for part in layer.layers] == [1, 2]
    assert layer(X).shape == (4, 2)
    assert len(layer.weights) == 4


class NamedModel(jkeras.Model):
    """A model with layers under names that say what a trainer holds."""

    def __init__(self) -> None:
        super().__init__(seed=0)
        self._parts = [layers.Dense(2)]
        self._state, self._steps, self._plans, self._run = layers.Dense(1), 1, {}, None

    def call(self, x: Any) -> Any:
        return self._state(self._parts[0](x))


def test_a_model_may_use_the_names_of_what_a_trainer_holds() -> None:
    model = NamedModel()
    model.compile("sgd", "mse")
    model.fit(X, X[:, :1], verbose=0)
    assert model(X).shape == (4, 1)
    assert len(model.weights) == 4


class WithoutBase(jkeras.Model):
    """A model whose constructor does not call that of its base, and makes no layer."""

    def __init__(self) -> None:
        self.width = 3


@pytest.mark.parametrize("name", ["weights", "name", "compile", "stop_training", "layers"])
def test_a_model_made_without_its_base_says_so(name: str) -> None:
    with pytest.raises(AttributeError, match=r"WithoutBase: expected `super\(\).__init__\(\)`"):
        made = getattr(WithoutBase(), name)
        made("sgd", "mse")

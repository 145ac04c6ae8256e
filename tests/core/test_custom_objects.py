"""The user's own classes and functions in configurations."""

from typing import Any

import jax.numpy as jnp
import pytest

import jkeras
from jkeras import layers, saving
from jkeras.saving import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)


class Scale(layers.Layer):
    factor: float = 2.0

    def apply(self, params, state, inputs, *, key=None, training=False):
        return inputs * self.factor, state


@register_keras_serializable("mine", "Twice")
class Double(layers.Layer):
    def apply(self, params, state, inputs, *, key=None, training=False):
        return inputs * 2, state


@register_keras_serializable()
def halve(x):
    return x / 2


def third(x):
    return x / 3


class Pinball(jkeras.losses.Loss):
    quantile: float = 0.5

    def call(self, y_true, y_pred):
        return jnp.mean(self.quantile * (y_true - y_pred), axis=-1)


class Halving(jkeras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, first):
        self.first = first

    def __call__(self, step):
        return self.first * 0.5**step

    def get_config(self):
        return {"first": self.first}


def test_registered_names_are_written_and_found() -> None:
    written = serialize_keras_object(Double())
    assert written["registered_name"] == "mine>Twice" == get_registered_name(Double)
    assert written["class_name"] == "Double"
    assert deserialize_keras_object({**written, "module": "elsewhere"}) == Double()
    dense = layers.Dense(2, activation=halve)
    assert dense.get_config()["activation"] == {  # what Keras 3.15 writes, and alone reads
        "module": "builtins",
        "class_name": "function",
        "config": "Custom>halve",
        "registered_name": "function",
    }
    assert layers.deserialize(layers.serialize(dense)) == dense
    assert get_registered_object("Custom>halve") is halve
    assert get_registered_object("nothing") is None
    assert get_registered_object("nothing", {"nothing": 1}, {"nothing": 2}) == 1
    assert get_registered_name(third) == "third"


@pytest.mark.parametrize(
    ("module", "name", "registered"),
    [("builtins", "halve", "function"), ("elsewhere", "halve", "Custom>halve")],
)
def test_registered_functions_in_older_files_are_found(
    module: str, name: str, registered: str
) -> None:
    written = {"module": module, "config": name, "registered_name": registered}
    assert deserialize_keras_object({"class_name": "function", **written}) is halve


@pytest.mark.parametrize(
    "written",
    [
        {"module": "keras.layers", "class_name": "Dense", "config": {"units": 1}},
        {"module": "builtins", "class_name": "function", "config": "relu"},
    ],
)
def test_a_name_that_is_not_registered_is_no_class_of_ours(written: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"got 'my>Own' .str., which is not registered"):
        deserialize_keras_object({**written, "registered_name": "my>Own"})
    assert deserialize_keras_object({**written, "registered_name": written["class_name"]})


def test_custom_objects_are_passed_put_in_scope_or_kept() -> None:
    written = serialize_keras_object(layers.Dense(2, activation=third))
    assert written["config"]["activation"]["registered_name"] == "function"
    expected = layers.Dense(2, activation=third)
    assert deserialize_keras_object(written, {"third": third}) == expected
    with custom_object_scope({"third": third}):
        assert layers.deserialize(written) == expected
        assert layers.Dense(2, activation="third") == expected
    get_custom_objects()["third"] = third
    try:
        assert layers.Dense(2, activation="third") == expected
    finally:
        del get_custom_objects()["third"]
    with pytest.raises(ValueError) as caught:
        layers.Dense(2, activation="third")
    assert str(caught.value).startswith("Dense: `activation`: unknown activation 'third'. ")


def test_words_of_ones_own_work_in_every_room() -> None:
    with CustomObjectScope({"Pinball": Pinball, "Halving": Halving}):
        assert jkeras.losses.get("Pinball") == Pinball()
        sgd = jkeras.optimizers.SGD(Halving(0.5))
        read = jkeras.optimizers.deserialize(jkeras.optimizers.serialize(sgd))
        assert read.learning_rate.first == 0.5


def test_an_inner_scope_comes_first_and_ends() -> None:
    with custom_object_scope({"f": halve}), custom_object_scope({"f": third}):
        assert get_registered_object("f") is third
    with custom_object_scope({"f": halve}):
        with custom_object_scope({"f": third}):
            pass
        assert get_registered_object("f") is halve
    assert get_registered_object("f") is None


def test_a_loaded_class_made_from_ours_is_found_by_its_module() -> None:
    loaded: Any = serialize_keras_object(Pinball(0.25))
    assert loaded["module"] == Pinball.__module__ and loaded["registered_name"] == "Pinball"
    with custom_object_scope({"Pinball": Pinball}):
        assert deserialize_keras_object(loaded) == Pinball(0.25)
    mean = {"module": "jkeras.metrics.base", "class_name": "MeanMetric", "config": {}}
    assert deserialize_keras_object(mean) == jkeras.metrics.MeanMetric()


def test_keras_style_get_config_of_a_subclass() -> None:
    class Shift(Scale):
        def get_config(self):
            return {**super().get_config(), "factor": 3.0}

    written = serialize_keras_object(Shift())
    assert deserialize_keras_object(written, {"Shift": Shift}) == Shift(3.0)


def test_wrong_use_is_answered() -> None:
    with pytest.raises(TypeError) as caught:
        CustomObjectScope([third])  # type: ignore[arg-type]
    assert str(caught.value).startswith(
        "`custom_objects`: expected a dict from names to classes or functions, got [<function "
    )
    with pytest.raises(TypeError) as caught:
        register_keras_serializable()(int)
    assert str(caught.value) == (
        "register_keras_serializable: expected a function, or a class with a method `get_config`, "
        "got <class 'int'> (type)."
    )
    with pytest.raises(NotImplementedError) as unwritten:
        jkeras.optimizers.schedules.LearningRateSchedule().get_config()
    assert str(unwritten.value) == (
        "LearningRateSchedule: expected a method `get_config(self)` that returns the arguments of "
        "`__init__` in a dict, and the class defines none."
    )


def test_the_names_are_under_utils_too() -> None:
    names = set(saving.__all__) - {"load", "save"}
    shared = {name for name in names if hasattr(jkeras.utils, name)}
    assert {getattr(jkeras.utils, name) is getattr(saving, name) for name in shared} == {True}
    assert "register_keras_serializable" in shared and "custom_object_scope" in shared

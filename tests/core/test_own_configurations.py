"""Configurations of users' classes that hold objects: they are written as Keras writes them."""

import json
from typing import Any

import numpy as np

import jkeras
from jkeras import layers


@jkeras.saving.register_keras_serializable("own_configurations")
class Around(layers.Layer):
    """A layer that scales another, whose configuration has the layer itself."""

    def __init__(self, layer: Any, scale: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.layer, self.scale = layer, scale

    def call(self, x: Any) -> Any:
        return self.layer(x) * self.scale

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "layer": self.layer, "scale": self.scale}


def test_objects_in_a_configuration_are_written_and_read() -> None:
    made = jkeras.Sequential([jkeras.Input((3,)), Around(layers.Dense(2), np.float32(2.0))])
    written = json.loads(made.to_json())["config"]["layers"][1]["config"]
    assert (written["layer"]["class_name"], written["scale"]) == ("Dense", 2.0)
    read = jkeras.models.model_from_json(made.to_json())
    read.set_weights(made.get_weights())
    x = np.ones((1, 3), "float32")
    np.testing.assert_array_equal(read(x), made(x))


def test_what_nothing_stands_for_is_left_as_it_is() -> None:
    around = Around(layers.Dense(2), {1, 2})
    written = jkeras.saving.serialize_keras_object(around)["config"]
    assert written["scale"] == {1, 2}

"""Objects at several places of a configuration are one object when it is read."""

import io
import json
from typing import Any

import numpy as np

import jkeras
from jkeras import layers
from jkeras.core.shared_objects import sharing


class Square:
    """An object of a user's class."""

    def __call__(self, x: Any) -> Any:
        return x**2

    def get_config(self) -> dict[str, Any]:
        return {}


class Held(layers.Layer):
    """A layer with an object."""

    def __init__(self, part: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        given = {"Square": Square}
        self.part = (
            jkeras.saving.deserialize_keras_object(part, given) if isinstance(part, dict) else part
        )

    def call(self, x: Any) -> Any:
        return self.part(x)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "part": self.part}


def test_objects_have_one_id_and_are_one_again() -> None:
    part = Square()
    listed = [Held(part), Held(part), Held(Square())]
    with sharing():
        config = json.loads(json.dumps(jkeras.saving.serialize_keras_object(listed)))
        read = jkeras.saving.deserialize_keras_object(config, {"Held": Held, "Square": Square})
    ids = [layer["config"]["part"].get("shared_object_id") for layer in config]
    assert ids[0] == ids[1] is not None and ids[2] is None
    assert read[0].part is read[1].part and read[2].part is not read[0].part
    plain = jkeras.saving.serialize_keras_object(listed)
    assert "shared_object_id" not in plain[0]["config"]["part"]


def test_a_layer_in_two_wrappers_is_one_layer_in_a_file() -> None:
    shared, x = layers.Dense(2, name="shared"), layers.Input((3, 2))
    model = jkeras.Model(
        x, [layers.TimeDistributed(shared)(x), layers.TimeDistributed(shared)(2 * x)]
    )
    file = io.BytesIO()
    model.save(file)
    file.seek(0)
    read = jkeras.models.load_model(file)
    assert len(read.weights) == len(model.weights) == 2
    for expected, got in zip(model(np.ones((1, 3, 2))), read(np.ones((1, 3, 2))), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-6)
    read.compile("sgd", "mse")
    read.fit(np.ones((1, 3, 2)), [np.ones((1, 3, 2))] * 2, verbose=0)
    first, second = map(np.asarray, read(np.ones((1, 3, 2))))
    np.testing.assert_allclose(second - first, first - np.asarray(read.weights[1]), rtol=1e-4)

"""The seam to layers as objects: whoever is registered is asked, and nobody else."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import pytest

from jkeras.core import object_api
from jkeras.layers import Dense, Layer


class Weights:
    """Those of a layer with one weight."""

    location = "here"

    def views(self, trained: bool | None = None, *, kept: bool = False) -> list[Any]:
        del kept
        return [jnp.ones(3)] if trained is not False else []

    def get(self) -> list[Any]:
        return ["copy"]

    def losses(self) -> list[Any]:
        return ["loss"]


class Fake:
    """Notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def complete_class(self, cls: type) -> None:
        self.asked.append(("complete_class", cls.__name__))

    def call(self, layer: Any, args: Any, kwargs: Any) -> Any:
        self.asked.append(("call", layer, args, kwargs))
        return "outputs"

    def build(self, layer: Any, shapes: Any, by_name: Any) -> None:
        self.asked.append(("build", layer, shapes, by_name))

    def is_built(self, layer: Any) -> bool:
        return bool(self.asked)

    def weights(self, layer: Any) -> Weights:
        return Weights()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    made = Fake()
    monkeypatch.setattr(object_api, "_registered", made)
    return made


def test_a_layer_asks_the_one_that_is_registered(fake: Fake) -> None:
    layer = Dense(2)
    assert layer(1.0, training=True) == "outputs"
    layer.build((None, 3))
    assert fake.asked == [
        ("call", layer, (1.0,), {"training": True}),
        ("build", layer, ((None, 3),), {}),
    ]
    assert layer.built and layer.count_params() == 3
    assert len(layer.weights) == len(layer.trainable_weights) == 1
    assert layer.non_trainable_weights == []
    assert (layer.get_weights(), layer.losses) == (["copy"], ["loss"])


def test_classes_with_a_call_of_their_own_are_completed_and_others_are_not(fake: Fake) -> None:
    type("Called", (Layer,), {"call": lambda self, x: x})
    type("Built", (Dense,), {"build": lambda self, shape: None})
    type("Applied", (Layer,), {"apply": lambda self, *given: given, "call": lambda self, x: x})
    type("Named", (Dense,), {"title": "none of both"})
    assert fake.asked == [("complete_class", "Called"), ("complete_class", "Built")]


def test_without_one_it_says_what_to_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_api, "_registered", None)
    with pytest.raises(RuntimeError) as caught:
        Dense(2).get_weights()
    assert str(caught.value) == (
        "Layer: expected jkeras.keras_classes to be imported. Write import jkeras."
    )

"""Layers with a `call` of their own, met by several threads before they are built."""

from __future__ import annotations

import copy
import threading
import time
from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.keras_classes import tracking
from tests.threads import at_once

THREADS = 4
X = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)


class Slow(layers.Layer):
    """A layer whose `build` takes so long that every thread comes to it meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.builds = 0

    def build(self, input_shape: Any) -> None:
        time.sleep(0.1)
        self.builds += 1
        self.kernel = self.add_weight(shape=(input_shape[-1], 2), name="kernel")
        time.sleep(0.1)

    def call(self, x: Any) -> Any:
        return x @ self.kernel


def test_a_copy_is_built_by_one_of_the_threads_that_run_it() -> None:
    params, state = Slow().init(jax.random.key(0), X)
    layer = copy.deepcopy(Slow())
    found = at_once(*[lambda: layer.apply(params, state, X)[0]] * THREADS)
    assert layer.builds == 1
    assert list(tracking.own_variables(layer).values()) == ["kernel"]
    for outputs in found:
        np.testing.assert_allclose(outputs, X @ params["kernel"], rtol=1e-5)


def test_two_models_build_the_layer_that_both_have_one_after_the_other() -> None:
    layer = Slow()
    models = [jkeras.Sequential([layer], seed=seed) for seed in range(THREADS)]
    at_once(*[lambda model=model: model.build((None, 3)) for model in models])
    for model in models:
        assert [weight.name for weight in model.weights] == ["kernel"]
        np.testing.assert_array_equal(model.get_weights()[0], models[0].get_weights()[0])


@pytest.mark.usefixtures("frequent_switches")
def test_attributes_are_read_while_another_thread_sets_some() -> None:
    layer, count = Slow(), 3000
    layer.head = layers.Dense(2)
    vars(layer).update({f"more{i}": i for i in range(count)})
    done = threading.Event()

    def sets() -> None:
        try:
            for i in range(30 * count):
                vars(layer).pop(f"more{i % count}")
                vars(layer)[f"more{i % count}"] = i
        finally:
            done.set()

    def reads() -> set[str]:
        found: set[str] = set()
        while not done.is_set():
            found.update(part.name for part in tracking.layers_of(layer))
        return found

    assert at_once(sets, reads, reads)[1:] == [{"dense"}] * 2


@pytest.mark.usefixtures("frequent_switches")
def test_models_of_one_layer_are_made_while_it_is_asked() -> None:
    layer, done = layers.Dense(2), threading.Event()
    first = jkeras.Sequential([jkeras.Input((3,)), layer], seed=0)
    expected = first.get_weights()[0]

    def makes() -> list[Any]:
        try:
            return [jkeras.Sequential([jkeras.Input((3,)), layer]) for _ in range(300)]
        finally:
            done.set()

    def asks() -> None:
        while not done.is_set():
            assert layer.built and layer.weights[0].shape == (3, 2)

    models, *_ = at_once(makes, asks, asks)
    for model in models[::50]:
        np.testing.assert_array_equal(model.get_weights()[0], expected)

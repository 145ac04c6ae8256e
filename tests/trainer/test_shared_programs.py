"""Equal models share their programs, and nothing else."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.trainer.compiling import shared_programs
from jkeras.trainer.loop.parts import parts_of

X = np.random.default_rng(0).standard_normal((40, 6)).astype("float32")
Y = np.arange(40) % 3
COMPILED = "/jax/core/compile/backend_compile_duration"


@pytest.fixture(autouse=True)
def compilations() -> Iterator[list[str]]:
    """Nothing is shared yet; grows by one name with every program that XLA compiles."""
    names: list[str] = []

    def listen(event: str, seconds: float, **kwargs: Any) -> None:
        del seconds, kwargs
        if event == COMPILED:
            names.append(event)

    jkeras.backend.clear_session()
    jax.monitoring.register_event_duration_secs_listener(listen)
    yield names
    jax.monitoring.unregister_event_duration_listener(listen)


def chain(rate: float = 0.5, activation: Any = "tanh") -> Any:
    """A Sequential."""
    parts = [layers.Dense(5, activation=activation), layers.Dropout(rate), layers.Dense(3)]
    return jkeras.Sequential([jkeras.Input((6,)), *parts])


def graph(rate: float = 0.5, activation: Any = "tanh") -> Any:
    """A functional model with a join and batch normalization."""
    inputs = jkeras.Input((6,))
    x = layers.BatchNormalization()(layers.Dense(6, activation=activation)(inputs))
    x = layers.Dropout(rate)(layers.Add()([x, inputs]))
    return jkeras.Model(inputs, layers.Dense(3)(x))


def compiled(model: Any, optimizer: Any = None, **options: Any) -> Any:
    """The model, compiled for class ids."""
    loss = jkeras.losses.SparseCategoricalCrossentropy(from_logits=True)
    options = {"metrics": ["accuracy"], **options}
    model.compile(optimizer or jkeras.optimizers.Adam(0.1), loss, **options)
    return model


def worked(model: Any) -> dict[str, Any]:
    """Everything a model gives: a fit, an evaluation, a prediction, its weights."""
    history = model.fit(X, Y, epochs=2, batch_size=8, validation_split=0.2, verbose=0).history
    return {
        **history,
        "evaluate": model.evaluate(X, Y, verbose=0),
        "predict": model.predict(X, verbose=0),
        **{f"weight {i}": w for i, w in enumerate(model.get_weights())},
    }


def alone(make: Any) -> dict[str, Any]:
    """What a model gives that shares nothing with those before."""
    jkeras.backend.clear_session()
    return worked(make())


def same_bits(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Equal to the last bit."""
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(np.asarray(value), np.asarray(other[name]), name)


@pytest.mark.parametrize("make", [chain, graph])
def test_an_equal_model_compiles_nothing(make: Any, compilations: list[str]) -> None:
    worked(compiled(make()))
    compilations.clear()
    for rate in (0.1, 0.02):
        worked(compiled(make(), jkeras.optimizers.Adam(rate)))
    assert compilations == []


@pytest.mark.parametrize("make", [chain, graph])
def test_results_are_those_of_a_model_alone(make: Any) -> None:
    seeds = iter([3, 3, 4, 4])

    def model(rate: float) -> Any:
        jkeras.utils.set_random_seed(next(seeds))
        return compiled(make(), jkeras.optimizers.Adam(rate))

    one, other = alone(lambda: model(0.1)), worked(model(0.1))
    same_bits(one, other)
    one, other = alone(lambda: model(0.01)), worked(model(0.01))
    same_bits(one, other)


def test_the_learning_rate_is_the_model_s_own() -> None:
    models = [compiled(chain(), jkeras.optimizers.SGD(rate)) for rate in (0.5, 0.25)]
    for model, rate in zip(models, (0.5, 0.25), strict=True):
        model.fit(X, Y, verbose=0)
        assert float(model.optimizer.learning_rate) == rate


@pytest.mark.parametrize(
    "other",
    [
        lambda: compiled(chain(0.25)),
        lambda: compiled(chain(activation="relu")),
        lambda: compiled(chain(), "sgd"),
        lambda: compiled(chain(), jkeras.optimizers.Adam(0.1, clipnorm=1e-3)),
        lambda: compiled(chain(), metrics=["sparse_top_k_categorical_accuracy"]),
        lambda: compiled(chain(), check_nans="skip"),
    ],
    ids=["dropout", "activation", "optimizer", "clipping", "metrics", "nans"],
)
def test_what_differs_is_not_shared(other: Any) -> None:
    jkeras.utils.set_random_seed(1)
    expected = alone(other)
    jkeras.utils.set_random_seed(1)
    worked(compiled(chain()))
    jkeras.utils.set_random_seed(1)
    same_bits(worked(other()), expected)


def test_a_frozen_layer_of_one_model_trains_in_the_other() -> None:
    first, second = compiled(graph()), compiled(graph())
    worked(first)
    first.layers[1].trainable = False
    before = first.get_weights()[0]
    first.fit(X[:24], Y[:24], batch_size=12, verbose=0)
    np.testing.assert_array_equal(first.get_weights()[0], before)
    second.build((None, 6))
    before = second.get_weights()[0]
    second.fit(X[:24], Y[:24], batch_size=12, verbose=0)
    assert np.abs(second.get_weights()[0] - before).max() > 1e-3
    third = graph()
    third.layers[1].trainable = False
    before = compiled(third).get_weights()[0]
    third.fit(X[:24], Y[:24], batch_size=12, verbose=0)
    np.testing.assert_array_equal(third.get_weights()[0], before)


SCALE = {"value": 1.0}


def scaled(x: Any) -> Any:
    """An activation that reads a global."""
    return SCALE["value"] * x


class Scaled(layers.Layer):
    """A layer that reads a global."""

    def call(self, inputs: Any) -> Any:
        """The scaled inputs."""
        return SCALE["value"] * inputs


@pytest.mark.parametrize(
    "part", [lambda: layers.Activation(scaled), lambda: layers.Lambda(scaled), Scaled]
)
def test_what_is_the_user_s_own_is_never_shared(part: Any) -> None:
    def output(value: float) -> Any:
        SCALE["value"] = value
        return jkeras.Sequential([jkeras.Input((6,)), part()]).predict(X, verbose=0)

    np.testing.assert_allclose(output(1.0), X, rtol=1e-6)
    np.testing.assert_allclose(output(3.0), 3 * X, rtol=1e-6)


def test_a_loss_of_the_user_s_own_is_never_shared() -> None:
    def loss(y_true: Any, y_pred: Any) -> Any:
        del y_true
        return SCALE["value"] * jax.numpy.mean(y_pred**2, axis=-1)

    values = []
    for value in (1.0, 2.0):
        SCALE["value"] = value
        model = jkeras.Sequential([jkeras.Input((6,)), layers.Dense(1, kernel_initializer="ones")])
        model.compile("sgd", loss)
        values.append(model.evaluate(X, Y, verbose=0))
    assert values[1] == pytest.approx(2 * values[0], rel=1e-5)


def test_adapted_layers_keep_their_own_statistics() -> None:
    for scale in (1.0, 5.0):
        normalize = layers.Normalization()
        normalize.adapt(scale * X)
        model = jkeras.Sequential([jkeras.Input((6,)), normalize])
        expected = (X / scale - X.mean(0)) / X.std(0)
        np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-4, atol=1e-5)


def test_no_weights_are_kept_alive() -> None:
    model = compiled(graph())
    worked(model)
    weights = weakref.ref(jax.tree.leaves(parts_of(model).state.need_values().params)[0])
    layer = weakref.ref(model.layers[1])
    del model
    gc.collect()
    assert weights() is None and layer() is None
    assert shared_programs._kept


def test_what_was_used_last_is_kept() -> None:
    for units in range(1, shared_programs.MOST + 3):
        model = jkeras.Sequential([jkeras.Input((2,)), layers.Dense(units, use_bias=False)])
        model.build()
    assert len(shared_programs._kept) == shared_programs.MOST
    jkeras.backend.clear_session()
    assert not shared_programs._kept


def test_one_layer_in_two_places_is_not_two_layers() -> None:
    def model(first: Any, second: Any) -> Any:
        inputs = jkeras.Input((6,))
        towers = [
            jkeras.Sequential([jkeras.Input((6,)), layer], name=name)
            for name, layer in (("left", first), ("right", second))
        ]
        joined = layers.Concatenate()([tower(inputs) for tower in towers])
        return compiled(jkeras.Model(inputs, layers.Dense(3)(joined)))

    def made() -> Any:
        return layers.Dense(2, kernel_initializer="ones", name="dense")

    one = made()
    tied, apart = model(one, one), model(made(), made())
    for net in (tied, apart):
        net.fit(X, Y, verbose=0)
    left, right = (tower.get_weights()[0] for tower in tied.layers[1:3])
    np.testing.assert_array_equal(left, right)
    left, right = (tower.get_weights()[0] for tower in apart.layers[1:3])
    assert np.abs(left - right).max() > 1e-4


def test_a_deep_graph_is_shared(compilations: list[str]) -> None:
    def deep() -> Any:
        inputs = x = jkeras.Input((6,))
        for _ in range(150):
            x = layers.Add()([x, layers.Dense(6)(x)])
        return compiled(jkeras.Model(inputs, layers.Dense(3)(x)))

    first = deep().predict(X, verbose=0)
    compilations.clear()
    assert deep().predict(X, verbose=0).shape == first.shape
    assert compilations == []

"""Layers with `adapt` in a model: before and after it is built, again, loaded, nested."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras import layers

X = np.array([[1.0, 10.0], [3.0, 20.0], [8.0, 60.0], [0.0, 2.0]], np.float32)
Y = np.zeros((4, 1), np.float32)
NORMAL = (X - X.mean(0)) / X.std(0)


def model(*parts: Any) -> jkeras.Sequential:
    """A model that ends with one unit."""
    made = jkeras.Sequential([*parts, layers.Dense(1, use_bias=False)], seed=0, name="net")
    made.compile("sgd", "mse")
    return made


def expected(net: jkeras.Sequential, normal: np.ndarray = NORMAL) -> np.ndarray:
    """What the last layer makes of normalized inputs."""
    return normal @ net.get_weights()[-1]


@pytest.mark.parametrize("when", ["before", "in", "built", "used"])
def test_it_may_be_adapted_at_any_time(when: str) -> None:
    layer = layers.Normalization()
    if when == "before":
        layer.adapt(X)
    net = model(layers.Input((2,)), layer)
    if when == "built":
        net.build()
    if when == "used":
        layer.adapt(X + 100)
        net.predict(X, verbose=0)
    layer.adapt(X)
    np.testing.assert_allclose(net.predict(X, verbose=0), expected(net), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(net.get_weights()[0], X.mean(0), rtol=1e-6)


def test_under_the_name_that_the_model_gave_it() -> None:
    net = model(layers.Normalization())
    net.get_layer("normalization").adapt(X)
    net.fit(X, Y, verbose=0)
    np.testing.assert_allclose(net.predict(X, verbose=0), expected(net), rtol=1e-4, atol=1e-5)
    assert [w.shape for w in net.get_weights()] == [(2,), (2,), (), (2, 1)]


def test_in_a_chain_in_a_model() -> None:
    layer = layers.Normalization()
    net = model(jkeras.models.Chain([layer]))
    net.build((None, 2))
    layer.adapt(X)
    np.testing.assert_allclose(net.predict(X, verbose=0), expected(net), rtol=1e-4, atol=1e-5)


def test_what_was_loaded_stays(tmp_path: Path) -> None:
    net = model(layers.Normalization().adapt(X))
    net.build((None, 2))
    net.save_weights(tmp_path / "w.msgpack")
    other = model(layers.Normalization())
    other.build((None, 2))
    other.load_weights(tmp_path / "w.msgpack")
    np.testing.assert_allclose(other.predict(X, verbose=0), expected(net), rtol=1e-4, atol=1e-5)


def test_bins_that_are_cut_anew_are_used() -> None:
    bins = layers.Discretization(num_bins=2, output_mode="count").adapt(X)
    net = model(layers.Input((2,)), bins)
    net.predict(X, verbose=0)
    bins.adapt(X + 1000)
    counts = np.tile([2.0, 0.0], (4, 1))
    np.testing.assert_allclose(net.predict(X, verbose=0), expected(net, counts), rtol=1e-5)


def test_a_model_that_waits_for_it_says_so() -> None:
    told = "expected statistics of the data, and it has none yet. Compute them: "
    fix = "layer.adapt(x_train); or load weights, or pass `mean` and `variance`."
    net = model(layers.Normalization())
    for who, use in (("fit", net.fit), ("evaluate", net.evaluate)):
        with pytest.raises(ValueError) as caught:
            use(X, Y, verbose=0)
        assert str(caught.value) == f"{who}: Normalization 'normalization': {told}{fix}"
    with pytest.raises(ValueError) as caught:
        net.predict(X, verbose=0)
    assert str(caught.value) == f"predict: Normalization 'normalization': {told}{fix}"


METHODS: dict[str, Any] = {
    "predict": lambda net, x: net.predict(x, verbose=0),
    "fit": lambda net, x: net.fit(x, np.zeros(2), verbose=0),
    "evaluate": lambda net, x: net.evaluate(x, np.zeros(2), verbose=0),
    "train_on_batch": lambda net, x: net.train_on_batch(x, np.zeros(2)),
    "call": lambda net, x: net(x),
    "export": lambda net, x: net.export("never.stablehlo"),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "kind", ["StringLookup", "IntegerLookup", "Normalization", "Discretization"]
)
def test_no_method_computes_before_adapt(kind: str, method: str) -> None:
    words, is_bins = kind == "StringLookup", kind == "Discretization"
    layer = getattr(layers, kind)(**{"num_bins": 2} if is_bins else {})
    x = np.array([["a"], ["b"]]) if words else np.array([[1], [2]])
    front = layers.Input((1,), dtype="string" if words else "int32")
    net = jkeras.Sequential([front, layer, layers.Rescaling(1.0), layers.Dense(1)])
    net.compile("sgd", "mse")
    told = "a model of numbers" if (words and method == "export") else "and it has none yet"
    with pytest.raises(ValueError, match=told):
        METHODS[method](net, x)


def test_a_file_from_before_adapt_still_waits_for_it(tmp_path: Path) -> None:
    front = layers.Input((1,), dtype="string")
    net = jkeras.Sequential([front, layers.StringLookup(), layers.Embedding(4, 1)])
    net.save(tmp_path / "early.keras")
    loaded = jkeras.models.load_model(tmp_path / "early.keras")
    with pytest.raises(ValueError, match="expected a vocabulary, and it has none yet"):
        loaded.predict(np.array([["a"]]), verbose=0)
    loaded.layers[0].adapt(["a", "b"])
    assert loaded.predict(np.array([["a"]]), verbose=0).shape == (1, 1, 1)
    keras_writes = layers.StringLookup()
    keras_writes.take_asset_files({"vocabulary.txt": "[UNK]"})
    with pytest.raises(ValueError, match="expected a vocabulary, and it has none yet"):
        keras_writes(["a"])


def test_data_of_another_shape_are_refused_until_it_is_adapted_again() -> None:
    layer = layers.Normalization().adapt(X)
    net = model(layer)
    net.build((None, 2))
    layer.adapt(np.ones((3, 5)))
    for _ in range(2):
        with pytest.raises(ValueError) as caught:
            net.predict(X, verbose=0)
        assert str(caught.value) == (
            "Normalization 'normalization': adapted to data of shape (5,) along its axes, in a "
            "model that was built for (2,). Adapt it to data like the model's inputs, or make a "
            "new model."
        )
    layer.adapt(X)
    np.testing.assert_allclose(net.predict(X, verbose=0), expected(net), rtol=1e-4, atol=1e-5)

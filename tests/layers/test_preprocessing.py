"""Layers that prepare data compute alone, as in Keras."""

from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.utils.datasets import from_arrays

X = np.array([[1.0, 10.0], [3.0, 20.0], [8.0, 60.0]], np.float32)
IMAGES = np.arange(2 * 4 * 4 * 1, dtype=np.uint8).reshape(2, 4, 4, 1)
CALLS: list[tuple[str, dict[str, Any], Any]] = [
    ("Rescaling", {"scale": 0.5}, X),
    ("Normalization", {"mean": [1.0, 2.0], "variance": [4.0, 4.0]}, X),
    ("Discretization", {"bin_boundaries": [2.0, 30.0]}, X),
    ("CategoryEncoding", {"num_tokens": 3}, [[0, 2], [1, 1]]),
    ("Resizing", {"height": 2, "width": 3}, IMAGES),
    ("CenterCrop", {"height": 2, "width": 2}, IMAGES),
]


@pytest.mark.parametrize(("name", "arguments", "data"), CALLS)
def test_called_on_arrays_it_gives_what_keras_gives(name: str, arguments: dict, data: Any) -> None:
    keras = pytest.importorskip("keras", reason="Keras is the oracle")
    expected = getattr(keras.layers, name)(**arguments)(np.asarray(data))
    got = getattr(layers, name)(**arguments)(data, training=True)
    assert isinstance(got, jax.Array) and got.dtype == expected.dtype
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_adapted_it_normalizes_a_data_set() -> None:
    layer = layers.Normalization().adapt(X)
    data = from_arrays((X, np.ones((3, 1), np.float32)), 2).map(lambda x, y: (layer(x), y))
    np.testing.assert_allclose(np.concatenate([x for x, _ in data]).mean(0), [0, 0], atol=1e-6)
    model = jkeras.Sequential([layers.Dense(1)], seed=0)
    model.compile("sgd", "mse")
    losses = model.fit(data, epochs=2, verbose=0).history["loss"]
    assert losses[1] < losses[0]


def test_inputs_by_name() -> None:
    weights = np.array([[0.5, 2.0]], np.float32)
    outputs = layers.CategoryEncoding(3, "count")(np.array([[2, 2]]), count_weights=weights)
    assert outputs.tolist() == [[0.0, 0.0, 2.5]]


def test_on_symbols_it_is_a_part_of_a_graph() -> None:
    symbol = layers.Rescaling(2.0)(jkeras.Input((3,)))
    assert tuple(symbol.shape) == (None, 3)


def test_before_adapt_it_says_what_is_missing() -> None:
    with pytest.raises(ValueError) as caught:
        layers.Normalization()(X)
    assert str(caught.value) == (
        "Normalization: expected statistics of the data, and it has none yet. Compute them: "
        "layer.adapt(x_train); or load weights, or pass `mean` and `variance`."
    )

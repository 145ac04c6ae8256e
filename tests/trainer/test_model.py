"""`Model` trains, evaluates and applies a graph as any trainer does."""

from __future__ import annotations

import numpy as np
import pytest

import jkeras
from jkeras import Input, Model, Sequential
from jkeras.layers import Concatenate, Dense, Dropout, TimeDistributed
from jkeras.models import Graph
from tests.golden.training_summaries import summary_text

X = np.random.RandomState(0).randn(12, 4).astype("float32")


def joined() -> Model:
    """Two inputs, one output."""
    a, b = Input((4,), name="a"), Input((2,), name="b")
    model = Model([a, b], Dense(1)(Concatenate()([a, b])), seed=0)
    model.compile("sgd", "mse")
    return model


def test_every_way_to_pass_several_inputs_trains_the_same() -> None:
    y, other = X[:, :1], X[:, :2]
    ways = [
        joined().fit([X, other], y, batch_size=5, shuffle=False, verbose=0),
        joined().fit((X, other), y, batch_size=5, shuffle=False, verbose=0),
        joined().fit({"b": other, "a": X}, y, batch_size=5, shuffle=False, verbose=0),
    ]
    assert len({way.history["loss"][0] for way in ways}) == 1


def test_a_model_is_what_keras_says_it_is() -> None:
    model = joined()
    assert isinstance(Sequential(), Model) and isinstance(model, jkeras.Trainer)
    assert model.built and model.count_params() == 7
    assert [x.name for x in model.inputs] == ["a", "b"] == model.input_names
    assert model.input_shape == [(None, 4), (None, 2)] and model.output_shape == (None, 1)
    assert model.output is model.get_layer("dense").output is model.outputs[0]
    assert model.get_layer("concatenate").input == model.input
    assert (model.name, model.output_names) == ("functional", ["dense"])


def test_outputs_come_in_the_structure_of_the_model() -> None:
    x = Input((4,))
    model = Model(x, {"sum": x + x, "pair": [x * 2.0, Dense(2)(x)]}, seed=0)
    outputs = model.predict(X, batch_size=5, verbose=0) if model.built else model(X)
    assert list(outputs) == ["pair", "sum"] and isinstance(outputs["pair"], list)
    np.testing.assert_allclose(outputs["sum"], 2 * X, rtol=1e-6)


def test_a_model_called_on_arrays_gives_its_outputs() -> None:
    model = joined()
    expected = model.predict_on_batch([X, X[:, :2]])
    for given in ([X, X[:, :2]], {"a": X, "b": X[:, :2]}):
        np.testing.assert_allclose(model(given, training=False), expected, rtol=1e-5, atol=1e-6)
    x = Input((4,))
    noisy = Model(x, Dropout(0.5)(x), seed=0)
    assert not np.array_equal(noisy(X, training=True), noisy(X))


@pytest.mark.parametrize("front", ["sequential", "model", "layer"])
def test_models_are_layers_of_a_sequential(front: str) -> None:
    x = Input((4,))
    inner = Model(x, Dense(3, name="inside")(x), name="inner", seed=1)
    first = {
        "sequential": Sequential([Input((4,)), Dense(3, name="inside")], name="inner", seed=1),
        "model": inner,
        "layer": inner.net.replace(name="inner"),
    }[front]
    model = Sequential([first, Dense(1)], seed=0)
    assert [layer.name for layer in model.layers] == ["inner", "dense"]
    assert model.output_shape == (None, 1) and model.count_params() == 19
    if front != "layer":  # the same object, so the same weights
        np.testing.assert_array_equal(first.get_weights()[0], model.get_weights()[0])


def test_a_wrapped_model_shares_its_weights() -> None:
    x, steps = Input((4,)), Input((5, 4))
    encoder = Model(x, Dense(2)(x), seed=0)
    model = Model(steps, TimeDistributed(encoder)(steps), seed=1)
    np.testing.assert_array_equal(encoder.get_weights()[0], model.get_weights()[0])


def test_a_sequential_called_on_symbols_knows_its_inputs() -> None:
    model = Sequential([Dense(2)], seed=0)
    assert model(Input((4,))).shape == (None, 2)
    assert model.count_params() == 10


def test_layers_added_later_are_in_the_graph() -> None:
    model = Sequential([Input((4,)), Dense(3)], seed=0)
    assert model.output_shape == (None, 3)
    model.add(Dense(2))
    assert model.output_shape == (None, 2) and model.layers[1].output.shape == (None, 2)


def test_the_summary_of_a_graph_in_a_row_has_three_columns() -> None:
    x = Input((4,))
    trainer = jkeras.Trainer(Graph(x, Dense(2)(x)), name="row", seed=0)
    text = summary_text(trainer)
    assert "Connected to" not in text and "input_layer (InputLayer)" in text
    assert text == summary_text(Model(x, Dense(2)(x), name="row", seed=0))
    assert "Connected to" in summary_text(joined())


def test_a_model_within_a_sequential_shows_its_layers() -> None:
    inner = Sequential([Dense(3), Dense(2)], name="inner")
    model = Sequential([Input((4,)), inner, Dense(1)], seed=0)
    rows = [line for line in summary_text(model, expand_nested=True).split("\n") if "(Den" in line]
    assert [row.split("(")[0].strip("│ ") for row in rows] == ["└ dense", "└ dense_1", "dense"]

"""`Sequential`: built late or at once, grown and shrunk with its weights, fed in every form."""

import re
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras import Sequential
from jkeras import layers as L
from jkeras.layers import (
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
)

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


def shown(model: jkeras.Sequential) -> str:
    """The text of `summary()`."""
    texts: list[str] = []
    model.summary(print_fn=texts.append)
    return texts[0]


def compiled(*layers: jkeras.Layer) -> jkeras.Sequential:
    """A model for gradient descent on the squared error."""
    model = jkeras.Sequential([*layers], seed=0)
    model.compile("sgd", "mse")
    return model


def test_a_list_and_additions_make_the_same_model() -> None:
    grown = jkeras.Sequential(seed=0)
    for layer in (Input((4,)), Dense(3), Dropout(0.5), Dense(1)):
        grown.add(layer)
    listed = jkeras.Sequential([Input((4,)), Dense(3), Dropout(0.5), Dense(1)], seed=0)
    assert grown.net == listed.net
    for mine, theirs in zip(grown.get_weights(), listed.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("way", ["input", "input_shape", "build", "fit", "batch"])
def test_every_way_to_tell_the_shape_makes_the_same_weights(way: str) -> None:
    front = [Input((4,))] if way == "input" else []
    model = compiled(*front, Dense(3, input_shape=(4,) if way == "input_shape" else None))
    if way == "build":
        model.build((None, 4))
    elif way == "fit":
        model.evaluate(X, X[:, :3], verbose=0)
    elif way == "batch":
        model(X)
    reference = jkeras.Sequential([Input((4,)), Dense(3)], seed=0).get_weights()
    assert len(model.get_weights()) == 2
    np.testing.assert_array_equal(model.get_weights()[0], reference[0])


def test_a_model_waits_for_the_shape_of_its_inputs() -> None:
    model = jkeras.Sequential([Dense(3), Dense(1)], seed=0)
    assert not model.built and model.get_weights() == []
    text = shown(model)
    assert 'Model: "sequential"' in text and "dense_1 (Dense)" in text
    assert text.count("?") >= 2 and "Total params: 0 (0.00 B)" in text
    model.build((None, 4))
    assert model.built and "(None, 3)" in shown(model) and "Total params: 19" in shown(model)


def test_build_without_arguments_needs_an_input() -> None:
    model = jkeras.Sequential([Input((4,)), Dense(3)], seed=0)
    model.build()
    assert model.built
    with pytest.raises(ValueError, match="the shape of its inputs is not known"):
        jkeras.Sequential([Dense(3)]).build()


def test_additions_keep_the_values_of_the_layers_before() -> None:
    model = compiled(Input((4,)), Dense(3), BatchNormalization())
    model.fit(X, X[:, :3], verbose=0)
    before = model.get_weights()
    model.add(Dense(1))
    after = model.get_weights()
    assert [weight.shape for weight in after[6:]] == [(3, 1), (1,)]
    for mine, theirs in zip(after, before, strict=False):
        np.testing.assert_array_equal(mine, theirs)
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    assert model.pop().name == "dense_1"
    assert len(model.get_weights()) == 6 and model.predict(X, verbose=0).shape == (8, 3)


def test_values_follow_a_layer_whose_name_is_taken_by_a_later_one() -> None:
    model = jkeras.Sequential([Input((4,)), Dense(4)], seed=0)
    model.set_weights([np.full((4, 4), 7.0), np.zeros(4)])
    model.add(Dense(4, name="dense"))
    assert [layer.name for layer in model.layers] == ["dense_1", "dense"]
    assert (model.get_weights()[0] == 7).all() and not (model.get_weights()[2] == 7).any()


def test_a_replaced_head_starts_anew_on_a_kept_body() -> None:
    model = compiled(Input((4,)), Dense(3), Dense(2))
    model.fit(X, X[:, :2], verbose=0)
    body, head = model.get_weights()[0], model.get_weights()[2]
    model.pop()
    model.add(Dense(2))
    np.testing.assert_array_equal(model.get_weights()[0], body)
    assert not np.array_equal(model.get_weights()[2], head)


def test_an_addition_that_does_not_fit_changes_nothing() -> None:
    model = jkeras.Sequential([Input((4,)), Dense(3)], seed=0)
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"Conv2D 'conv2d': expected `inputs`"):
        model.add(Conv2D(2, 3))
    assert [layer.name for layer in model.layers] == ["dense"]
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    assert model.predict(X, verbose=0).shape == (8, 3)


def test_an_emptied_model_takes_inputs_of_another_shape() -> None:
    model = jkeras.Sequential([Input((4,)), Dense(3)], seed=0)
    model.summary(print_fn=str)
    model.pop()
    model.pop()
    for layer in (Input((2,)), Dense(1)):
        model.add(layer)
    assert [weight.shape for weight in model.get_weights()] == [(2, 1), (1,)]


def test_the_same_layer_added_twice_is_one() -> None:
    shared = Dense(4)
    model = jkeras.Sequential([Input((4,)), shared, Dense(4), shared], seed=0)
    assert [layer.name for layer in model.layers] == ["dense", "dense_1", "dense"]
    assert model.count_params() == 40
    model.add(shared)
    assert model.count_params() == 40


def test_layers_are_found_by_name_and_index() -> None:
    model = jkeras.Sequential([Input((4,)), Flatten(), Dense(1, name="head")], name="net")
    assert model.get_layer("head") is model.get_layer(index=1) is model.get_layer(index=-1)
    for arguments in ({}, {"name": "head", "index": 1}):
        with pytest.raises(ValueError) as caught:
            model.get_layer(**arguments)
        assert str(caught.value) == (
            "Sequential 'net': get_layer: expected either `name` or `index`."
        )
    with pytest.raises(ValueError) as caught:
        model.get_layer(index=2)
    assert str(caught.value) == "Sequential 'net': get_layer: expected `index` below 2, got 2."


def test_numbers_get_a_feature_axis_where_the_model_wants_one() -> None:
    model = compiled(Input((1,)), Dense(1))
    flat, column = X[:, 0], X[:, :1]
    model.fit(flat, flat, verbose=0)
    np.testing.assert_array_equal(model.predict(flat, verbose=0), model.predict(column, verbose=0))
    other = compiled(Input((1,)), Dense(1))
    other.fit(column, column, verbose=0)
    np.testing.assert_allclose(other.get_weights()[0], model.get_weights()[0], rtol=1e-6)
    assert model.predict((part for part in (flat[:5], flat[5:])), verbose=0).shape == (8, 1)


def test_several_inputs_come_as_a_list_of_arrays() -> None:
    model = compiled(Concatenate(), Dense(1))
    model.fit([X, X[:, :2]], Y, batch_size=3, verbose=0)
    kernel, bias = model.get_weights()
    assert kernel.shape == (6, 1)
    expected = np.concatenate([X, X[:, :2]], axis=1) @ kernel + bias
    for inputs in ([X, X[:, :2]], (X, X[:, :2])):
        got = model.predict(inputs, verbose=0)
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    pairs = ((([X[i : i + 3], X[i : i + 3, :2]]), Y[i : i + 3]) for i in (0, 3, 6))
    assert np.isfinite(model.evaluate(pairs, verbose=0))


def test_a_model_shows_its_layers() -> None:
    model = jkeras.Sequential([Dense(3)], name="net", seed=0)
    assert repr(model) == "<Sequential 'net': [Dense(units=3, name='dense')]>"


def test_a_metric_with_several_values_is_logged_as_a_list() -> None:
    model = jkeras.Sequential([Dense(1, activation="sigmoid")], seed=0)
    precision = jkeras.metrics.Precision(thresholds=[0.3, 0.6])
    model.compile("sgd", "binary_crossentropy", metrics=[precision])
    x, y = np.ones((8, 2), np.float32), np.arange(8) % 2
    history = model.fit(x, y, epochs=2, verbose=0)
    assert [len(values) for values in history.history["precision"]] == [2, 2]
    assert len(model.evaluate(x, y, verbose=0)[1]) == 2


def test_reset_metrics_sets_the_sums_to_zero() -> None:
    model = jkeras.Sequential([Dense(1)], seed=0)
    model.compile("sgd", "mse")
    model.train_on_batch(np.ones((4, 2), np.float32), np.ones(4))
    assert float(model.train_state.sums["loss"]["count"]) == 4
    model.reset_metrics()
    assert float(model.train_state.sums["loss"]["count"]) == 0


def test_a_misspelt_monitor_is_answered_with_the_nearest() -> None:
    model = jkeras.Sequential([Dense(1)], seed=0)
    model.compile("sgd", "mse", metrics=["mae"])
    x, y = np.ones((4, 2), np.float32), np.ones(4)
    stop = jkeras.callbacks.EarlyStopping("val_lose")
    with pytest.raises(ValueError) as caught:
        model.fit(x, y, validation_data=(x, y), verbose=0, callbacks=[stop])
    assert str(caught.value) == (
        "EarlyStopping: `monitor` 'val_lose' is not among the logs: loss, mae, val_loss, val_mae. "
        "Did you mean 'val_loss'? For a `val_` value give `fit` validation data."
    )


MISFITS: dict[str, tuple[list[Any], str]] = {
    "LSTM on LSTM": ([Input((5, 3)), L.LSTM(4), L.LSTM(4)], "got shape (None, 4)"),
    "a kernel larger than the image": ([Input((4, 4, 1)), L.Conv2D(2, 5)], "a window of (5, 5)"),
    "a wrong shape": ([Input((4,)), L.Reshape((3,))], "got 4 entries each"),
    "Flatten left out": ([Input((4, 4)), L.Dense(2), L.LSTM(2), L.Conv1D(2, 2)], "(None, 2)"),
    "a shape on the first layer": (
        [L.Dense(2, input_shape=(3,)), L.Conv1D(2, 2)],
        "got shape (None, 2)",
    ),
    "a row in a row": ([Input((5, 3)), Sequential([L.LSTM(4), L.LSTM(4)])], "got shape (None, 4)"),
    "an unknown length": ([Input((None, 3)), L.LSTM(4), L.LSTM(4)], "got shape (None, 4)"),
}


@pytest.mark.parametrize("name", MISFITS)
def test_layers_that_do_not_fit_fail_at_construction(name: str) -> None:
    layers, message = MISFITS[name]
    with pytest.raises(ValueError, match=re.escape(message)):
        Sequential(layers)
    model = Sequential(layers[:-1])
    before = model.layers
    with pytest.raises(ValueError, match=re.escape(message)):
        model.add(layers[-1])
    assert model.layers == before


def test_construction_compiles_nothing_and_looks_at_each_layer_once() -> None:
    traces = []

    def counted(x: Any) -> Any:
        traces.append(x.shape)
        return x

    model = Sequential([Input((4,)), L.Lambda(counted)])
    once = len(traces)
    for _ in range(5):
        model.add(L.Dense(3))
    assert len(traces) == once
    assert model._trainer_parts.state.stored is None


def test_a_length_that_is_unknown_may_be_large() -> None:
    model = Sequential([Input((None, 3))])
    for _ in range(7):
        model.add(L.MaxPooling1D(2))
    assert model.output_shape == (None, None, 3)


def test_a_layer_that_reads_values_is_left_for_later() -> None:
    class Choice(L.Layer):
        def call(self, x: Any) -> Any:
            return x if x.sum() > 0 else -x

    assert len(Sequential([Input((4,)), Choice()]).layers) == 1

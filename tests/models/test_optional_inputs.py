"""Inputs of a graph that may be None, and inputs in another structure than the graph's."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras import layers

X = np.arange(8, dtype=np.float32).reshape(4, 2)


class Sum(layers.Layer):
    """A dense layer over one input, or over the sum of two."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dense = layers.Dense(2, kernel_initializer="ones")

    def call(self, x: Any, other: Any = None) -> Any:
        return self.dense(x if other is None else x + other)


def model() -> jkeras.Model:
    x = layers.Input((2,), name="x")
    other = layers.Input((2,), name="other", optional=True)
    made = jkeras.Model({"x": x, "other": other}, Sum()(x, other))
    made.compile(jkeras.optimizers.SGD(0.0), "mse")
    return made


@pytest.mark.parametrize("other", [None, X], ids=["none", "given"])
def test_an_optional_input_is_given_or_not(other: Any) -> None:
    made, inputs = model(), {"x": X, "other": other}
    expected = (X if other is None else 2 * X).sum(axis=1, keepdims=True).repeat(2, axis=1)

    def batches(*y: Any) -> Iterator[Any]:
        yield from [(inputs, *y)] * 2

    np.testing.assert_allclose(made(inputs), expected)
    np.testing.assert_allclose(made.predict(inputs, verbose=0), expected)
    np.testing.assert_allclose(made.predict(batches(), verbose=0), [*expected, *expected])
    loss = np.mean((expected - X) ** 2)
    assert made.evaluate(inputs, X, verbose=0) == pytest.approx(loss)
    assert made.fit(batches(X), verbose=0).history["loss"] == pytest.approx([loss])
    assert made.train_on_batch(inputs, X) == pytest.approx(loss)


def test_it_is_written_and_read() -> None:
    config = model().get_config()
    optional = [part["config"].get("optional", False) for part in config["layers"]]
    assert sorted(optional) == [False, False, True]
    read = jkeras.Model.from_config(config, custom_objects={"Sum": Sum})
    assert read({"x": X, "other": None}).shape == (4, 2)


def test_none_for_another_input_is_an_error() -> None:
    message = "`x`: expected an array, because this input is not optional, got None"
    for call in (model(), model().predict):
        with pytest.raises(ValueError, match=message):
            call({"x": None, "other": X})
    with pytest.raises(ValueError, match="expected an array"):
        jkeras.Sequential([layers.Dense(1)]).predict({"x": "a"})


def test_inputs_in_another_structure_warn() -> None:
    a, b = layers.Input((2,), name="a"), layers.Input((2,), name="b")
    made = jkeras.Model({"a": a, "b": b}, layers.Subtract()([a, b]))
    start = "The structure of `inputs` doesn't match the expected structure: "
    with pytest.warns(UserWarning, match=start + "expected a dict with a, b, got them without"):
        np.testing.assert_allclose(made.predict([2 * X, X], verbose=0), X)
    with pytest.warns(UserWarning, match=start + "expected a, b; c ignored"):
        made({"a": X, "b": X, "c": X})


def test_without_names_the_order_has_to_be_clear() -> None:
    """A dict that was made in another order than that of its names leaves two orders open."""
    b, a = layers.Input((2,), name="b"), layers.Input((2,), name="a")
    made = jkeras.Model({"b": b, "a": a}, layers.Subtract()([b, a]))
    for call in (made, made.predict):
        with pytest.raises(ValueError, match="in an order that is not clear"):
            call([X, X])
    np.testing.assert_allclose(made({"a": X, "b": 2 * X}), X)


def test_nested_dicts_of_inputs() -> None:
    a, b, c = (layers.Input((size,)) for size in (1, 2, 3))
    made = jkeras.Model({"1": a, "rest": {"2": b, "3": [c]}}, {"1": a * 2, "rest": [b, {"c": c}]})
    inputs = {"1": np.ones((2, 1)), "rest": {"2": np.ones((2, 2)), "3": [np.ones((2, 3))]}}
    for read in (made, jkeras.Model.from_config(made.get_config())):
        outputs = read(inputs)
        assert outputs["1"].shape == (2, 1) and outputs["rest"][1]["c"].shape == (2, 3)


def test_a_call_adds_or_takes_a_last_axis_of_one() -> None:
    made = jkeras.Sequential([layers.Input((3,)), layers.Dense(2)])
    assert made(np.ones((4, 3, 1))).shape == (4, 2)
    made = jkeras.Sequential([layers.Input((3, 1)), layers.Dense(2)])
    assert made(np.ones((4, 3))).shape == (4, 3, 2)


def test_tuples_of_outputs_and_frozen_models_come_back() -> None:
    x = layers.Input((2,))
    made = jkeras.Model(x, (layers.Dense(1)(x), x), trainable=False)
    read = jkeras.Model.from_config(made.get_config())
    assert isinstance(read(X), tuple) and not read.trainable
    chain = jkeras.Sequential([layers.Input((2,)), layers.Dense(1)])
    chain.trainable = False
    assert not jkeras.Sequential.from_config(chain.get_config()).trainable
    outer = jkeras.Model(x, made(x))
    inner = jkeras.Model.from_config(outer.get_config())
    assert inner.trainable_weights == []

"""Models written as classes with `__init__` and `call`, and with steps of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras import layers, ops

X, Y = np.ones((6, 3), np.float32), np.zeros((6, 2), np.float32)


class Inner(jkeras.Model):
    """A model inside."""

    def __init__(self, units: int = 2) -> None:
        super().__init__()
        self.units = units
        self.dense = layers.Dense(units)

    def call(self, x: Any, training: bool = False) -> Any:
        return self.dense(x)


class Outer(jkeras.Model):
    """A model with a weight of its own, made in `build`."""

    def __init__(self, inner: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = Inner() if inner is None else inner
        self.drop = layers.Dropout(0.5)

    def build(self, input_shape: Any) -> None:
        self.gain = self.add_weight(shape=(), initializer="ones", name="gain")
        self.built = True

    def call(self, x: Any, training: bool | None = None) -> Any:
        return self.drop(self.inner(x), training=training) * self.gain


def test_it_is_built_by_a_shape_a_call_or_data() -> None:
    for build in (
        lambda model: model.build((None, 3)),
        lambda model: model.build(input_shape=(None, 3)),
        lambda model: model(X),
        lambda model: model.fit(X, Y, verbose=0),
    ):
        model = Outer(seed=0)
        model.compile("sgd", "mse")
        assert not model.built
        build(model)
        assert [weight.path for weight in model.trainable_variables] == [
            "gain",
            "inner/dense/kernel",
            "inner/dense/bias",
        ]
        assert [layer.name for layer in model.layers] == ["inner", "dropout"]


def test_a_model_inside_shares_its_weights_and_so_does_a_graph_around() -> None:
    model = Outer(seed=0)
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    np.testing.assert_allclose(model.inner.get_weights()[0], model.get_weights()[1])
    inputs = jkeras.Input((3,))
    around = jkeras.Model(inputs, model(inputs))
    assert float(model.gain) != 1.0
    np.testing.assert_allclose(around(X), model(X), rtol=1e-6)


def test_weights_and_configurations_come_back(tmp_path: Any) -> None:
    model = Outer(name="mine")
    model.build((None, 3))
    model.save_weights(tmp_path / "w.msgpack")
    again = Outer.from_config(model.get_config())
    again.build((None, 3))
    again.load_weights(tmp_path / "w.msgpack")
    assert again.name == "mine"
    np.testing.assert_array_equal(again(X), model(X))
    assert Inner.from_config(Inner(4).get_config()).units == 4


class Stepping(Inner):
    """Returns what it is told to."""

    returned: Any = None

    def train_step(self, state: Any, data: Any) -> Any:
        return self.returned


class Listing(Inner):
    """Gives back too few variables."""

    def train_step(self, state: Any, data: Any) -> Any:
        logs, (first, *rest) = super().train_step(state, data)
        return logs, (first[:1], *rest)


class Scaled(Inner):
    """Reports the loss under another name beside the usual logs."""

    def train_step(self, state: Any, data: Any) -> Any:
        logs, state = super().train_step(state, data)
        return {**logs, "ten": {"fold": 10.0 * logs["loss"]}}, state


def test_a_step_may_call_that_of_the_base() -> None:
    models = [Scaled(), Inner()]
    logs = []
    for model in models:
        model.compile("sgd", "mse", metrics=["mae"])
        model.build((None, 3))
        model.set_weights([np.full((3, 2), 0.5), np.zeros(2)])
        logs.append(model.fit(X, Y, epochs=2, batch_size=4, shuffle=False, verbose=0).history)
    scaled, plain = logs
    assert sorted(scaled) == ["fold", "loss", "mae"]
    for name in plain:
        np.testing.assert_allclose(scaled[name], plain[name], rtol=1e-6)
    np.testing.assert_allclose(scaled["fold"], 10 * np.array(scaled["loss"]), rtol=1e-6)
    np.testing.assert_allclose(
        models[0].evaluate(X, Y, verbose=0), models[1].evaluate(X, Y, verbose=0)
    )


class Brief(Inner):
    """Reports a number alone: the loss."""

    def train_step(self, state: Any, data: Any) -> Any:
        logs, state = super().train_step(state, data)
        return logs["loss"], state

    def test_step(self, state: Any, data: Any) -> Any:
        logs, state = super().test_step(state, data)
        return logs["loss"], state


def test_a_number_as_logs_is_the_loss() -> None:
    model = Brief()
    model.compile("sgd", "mse", metrics=["mae"])
    history = model.fit(X, Y, validation_data=(X, Y), verbose=0).history
    assert sorted(history) == ["loss", "val_loss"]
    assert history["val_loss"][0] == pytest.approx(model.evaluate(X, Y, verbose=0))


def _fit(model: Any) -> Any:
    model.compile("sgd", "mse")
    return model.fit(X, Y, verbose=0)


class Before(jkeras.Model):
    """Makes a layer before its base is there."""

    def __init__(self) -> None:
        self.dense = layers.Dense(2)

    def call(self, x: Any) -> Any:
        return ops.abs(self.dense(x))


WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "a layer before super().__init__": (
        Before,
        RuntimeError,
        "Before: expected `super().__init__()` at the beginning of `__init__`, and it was not "
        "called. Write def __init__(self, ..., **kwargs): super().__init__(**kwargs).",
    ),
    "a step that returns nothing": (
        lambda: _fit(Stepping()),
        TypeError,
        "Stepping 'stepping': train_step: expected to return (logs, (trainable, non_trainable, "
        "optimizer, metrics)), got None (NoneType).",
    ),
    "a step that loses variables": (
        lambda: _fit(Listing()),
        ValueError,
        "`trainable_variables`: expected 2 arrays, got 1.",
    ),
    "symbols of a model with call": (
        lambda: Inner().inputs,
        AttributeError,
        "Inner 'inner': a model with a `call` of its own has no symbols of inputs and outputs. "
        "Call it on one: x = jkeras.Input(shape); y = model(x).",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_the_message_says_what_to_do(case: str) -> None:
    wrong, kind, message = WRONG[case]
    with pytest.raises(kind) as caught:
        wrong()
    assert str(caught.value) == message

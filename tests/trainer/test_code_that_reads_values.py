"""Losses and metrics of the user's that read values: what a compiled program does not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras import layers as L

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
Y = X[:, :1]


def numpys(y_true: Any, y_pred: Any) -> Any:
    return np.mean(np.square(np.asarray(y_true) - np.asarray(y_pred)))


def number(y_true: Any, y_pred: Any) -> Any:
    del y_true
    return float(y_pred.sum())


def choice(y_true: Any, y_pred: Any) -> Any:
    return y_pred if y_pred.sum() > 0 else y_true


class OwnLoss(jkeras.losses.Loss):
    """A loss that calls NumPy."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return np.square(np.asarray(y_true) - np.asarray(y_pred))


class OwnMean(jkeras.metrics.MeanMetric):
    """A mean of what NumPy gives."""

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return np.abs(np.asarray(y_true) - np.asarray(y_pred))


class OwnMetric(jkeras.metrics.Metric):
    """A metric that calls NumPy."""

    def __init__(self, name: str = "own") -> None:
        super().__init__(name=name)
        self.total = self.add_weight("total", shape=(), initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.total.assign(self.total + np.mean(np.asarray(y_pred)))

    def result(self) -> Any:
        return self.total


def fitted(loss: Any = "mse", metrics: Any = None) -> Any:
    model = jkeras.Sequential([L.Dense(1)], seed=0)
    model.compile("sgd", loss, metrics=metrics)
    return model.fit(X, Y, verbose=0).history


USES: dict[str, Callable[[], Any]] = {
    "numpys": lambda: fitted(numpys),
    "number": lambda: fitted(number),
    "choice": lambda: fitted(choice),
    "own_loss": lambda: fitted(OwnLoss()),
    "numpys ": lambda: fitted(metrics=[numpys]),
    "choice ": lambda: fitted(metrics=[choice]),
    "own_mean": lambda: fitted(metrics=[OwnMean()]),
    "own": lambda: fitted(metrics=[OwnMetric()]),
}


@pytest.mark.parametrize("name", USES)
def test_the_loss_or_metric_is_named_with_what_to_use(name: str) -> None:
    with pytest.raises(TypeError) as told:
        USES[name]()
    text = "it looks at values, which are not known while a program is compiled. Use jkeras.ops or "
    assert str(told.value).startswith(f"{name.strip()}: {text}jax.numpy in place of NumPy")
    assert isinstance(told.value.__cause__, jax.errors.JAXTypeError)


def test_the_advice_works() -> None:
    def called_back(y_true: Any, y_pred: Any) -> Any:
        f = lambda *arrays: np.float32(numpys(*arrays))  # noqa: E731
        return jax.pure_callback(f, jax.ShapeDtypeStruct((), "float32"), y_true, y_pred)

    def in_ops(y_true: Any, y_pred: Any) -> Any:
        return jkeras.ops.mean(jkeras.ops.square(y_true - y_pred))

    def chosen(y_true: Any, y_pred: Any) -> Any:
        return jkeras.ops.where(y_pred > 0, y_pred - y_true, y_true - y_pred)[:, 0]

    history = fitted(in_ops, metrics=[called_back, chosen])
    np.testing.assert_allclose(history["called_back"], history["loss"], rtol=1e-5)


class Named(L.Layer):
    """A layer with Keras 2's order of `add_weight`'s arguments."""

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight("kernel", shape=(input_shape[-1], 2))
        self.bias = self.add_weight("bias", (2,), initializer="zeros")

    def call(self, inputs: Any) -> Any:
        return inputs @ self.kernel + self.bias


def test_the_name_of_a_weight_may_come_first_as_in_keras_2() -> None:
    layer = Named()
    assert layer(X).shape == (8, 2)
    assert [weight.name for weight in layer.weights] == ["kernel", "bias"]
    assert [weight.shape for weight in layer.weights] == [(4, 2), (2,)]


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (
            lambda: jkeras.optimizers.Adam(lr=0.1),
            "Adam: unexpected argument `lr`. Did you mean '",
        ),
        (lambda: L.Dropout(p=0.1), "Dropout: unexpected argument `p`. Did you mean 'rate'?"),
        (lambda: L.Dense(2, init="zeros"), "`init`. Did you mean 'kernel_initializer'?"),
    ],
)
def test_names_of_earlier_versions_are_answered_with_those_of_now(use: Any, message: str) -> None:
    with pytest.raises(TypeError) as told:
        use()
    assert message in str(told.value)

"""Losses of one's own: a function, a function that makes functions, a class; metrics likewise."""

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

random = np.random.default_rng(13)
x = random.normal(size=(80, 4)).astype("float32")
y = random.normal(size=(80, 2)).astype("float32")


def log_cosh_and_a_half(y_true, y_pred):
    error = y_pred - y_true
    return ops.mean(ops.log(ops.cosh(error)) + 0.5, axis=-1)


def quantile(q):
    def pinball(y_true, y_pred):
        error = y_true - y_pred
        return ops.mean(ops.maximum(q * error, (q - 1) * error), axis=-1)

    return pinball


class Weighted(keras.losses.Loss):
    def __init__(self, factor=0.1, name="weighted", **kwargs):
        super().__init__(name=name, **kwargs)
        self.factor = factor

    def call(self, y_true, y_pred):
        near = keras.losses.mean_squared_error(y_true, y_pred)
        return near + self.factor * ops.mean(ops.square(0.5 - y_pred), axis=-1)


def worst(y_true, y_pred):
    return ops.max(ops.abs(y_true - y_pred), axis=-1)


result = {}
for name, loss in {
    "function": log_cosh_and_a_half,
    "maker": quantile(0.8),
    "class": Weighted(0.2),
}.items():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, "swish"), layers.Dense(2)])
    equal_weights(model)
    model.compile(keras.optimizers.Adam(0.01), loss=loss, metrics=[worst])
    history = model.fit(x, y, batch_size=8, epochs=5, shuffle=False, verbose=0)
    result[name] = model.predict(x, verbose=0)
    result |= {f"{name} {log}": values for log, values in history.history.items()}

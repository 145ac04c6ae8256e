"""Penalties and constraints on weights, and a penalty on outputs."""

import keras
import numpy as np
from keras import constraints, layers, ops, regularizers

from tests.scripts.start import equal_weights

random = np.random.default_rng(12)
x, y = random.normal(size=(80, 6)).astype("float32"), random.normal(size=(80, 1)).astype("float32")


def mean_square(weights):
    return 0.01 * ops.mean(ops.square(weights))


model = keras.Sequential(
    [
        keras.Input((6,)),
        layers.Dense(
            5,
            activation="relu",
            kernel_regularizer=regularizers.L1L2(1e-3, 1e-2),
            bias_regularizer="l2",
            activity_regularizer=regularizers.L2(1e-2),
        ),
        layers.Dense(4, kernel_constraint=constraints.MaxNorm(0.8), bias_constraint="non_neg"),
        layers.Dense(3, kernel_constraint=constraints.UnitNorm(axis=0)),
        layers.Dense(1, kernel_regularizer=mean_square),
    ]
)
equal_weights(model)
model.compile(keras.optimizers.SGD(0.1), "mse", metrics=["mse"])
history = model.fit(x, y, batch_size=8, epochs=5, shuffle=False, verbose=0)
kernels = [layer.get_weights()[0] for layer in model.layers]
result = {
    **history.history,
    "norms": [np.linalg.norm(kernel, axis=0).max() for kernel in kernels],
    "predictions": model.predict(x, verbose=0),
    "evaluate": model.evaluate(x, y, verbose=0),
}
